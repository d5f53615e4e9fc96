"""Who cites what: the chapters' reference lists against book/references.bib, and the list by chapter."""

import json
import re
from collections import Counter

from tools import chapters

ARXIV = re.compile(r"\b\d{4}\.\d{4,5}\b")


def plain(text):
    """Words and numbers of a title, in small letters: what is the same however it is set."""
    return " ".join(re.findall(r"[a-z0-9]+", re.sub(r"[{}*]", "", text).lower().replace("×", "x")))


def works(root=chapters.ROOT):
    """{key: the marks by which a reference is known: title, arXiv's number, DOI, address}."""
    from pybtex.database import parse_file

    found = {}
    for key, entry in parse_file(str(root / "book" / "references.bib")).entries.items():
        fields = entry.fields
        arxiv = ARXIV.findall(fields.get("journal", "") + " " + fields.get("eprint", ""))
        marks = [*arxiv, fields.get("doi", ""), fields.get("url", "")]
        found[key] = (plain(fields["title"]), [mark for mark in marks if mark])
    return found


def references(root=chapters.ROOT):
    """{chapter's name: the entries of its reference list}, for the chapters of the contents."""
    found = {}
    for path in chapters.in_toc(root):
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        lists = ["".join(c["source"]) for c in cells if "references" in c["metadata"].get("tags", [])]
        found[path.stem] = re.findall(r"^[-*] (.+)$", "\n".join(lists), flags=re.MULTILINE)
    return found


def keys(reference, known):
    """The works that one entry of a reference list names."""
    text = plain(reference)
    return [
        key
        for key, (title, marks) in known.items()
        if f" {title} " in f" {text} " or any(mark in reference for mark in marks)
    ]


def cited_as(root=chapters.ROOT):
    """{key: a citation by author and year}, with the title where an author has several works of a year."""
    from pybtex.database import parse_file

    entries = parse_file(str(root / "book" / "references.bib")).entries
    marks = {
        key: (*entry.persons["author"][0].last_names, len(entry.persons["author"]) > 2, entry.fields["year"])
        for key, entry in entries.items()
    }
    several = {mark for mark, many in Counter(marks.values()).items() if many > 1}
    return {
        key: f"{{cite:t}}`{key}`" + (f", “{bare(entry.fields['title'])}”" if marks[key] in several else "")
        for key, entry in entries.items()
    }


def bare(title):
    """A title without the braces that keep its capitals."""
    return re.sub(r"[{}]", "", title)


def page(root=chapters.ROOT):
    """Markdown: for each chapter the works that it cites, linked to the bibliography."""
    known, blocks = works(root), []
    shown = cited_as(root)
    for name, entries in references(root).items():
        cited = dict.fromkeys(key for entry in entries for key in keys(entry, known))
        if cited:
            link = chapters.link(int(name[:2]), root)
            blocks.append(f"- {link}: {'; '.join(shown[key] for key in cited)}")
    return "\n".join(blocks) + "\n"
