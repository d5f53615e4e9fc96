"""Who cites what: the chapters' reference lists against book/references.bib, and the list by chapter."""

import json
import re

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


def page(root=chapters.ROOT):
    """Markdown: for each chapter the works that it cites, linked to the bibliography."""
    known, blocks = works(root), []
    for name, entries in references(root).items():
        cited = dict.fromkeys(key for entry in entries for key in keys(entry, known))
        if cited:
            link = chapters.link(int(name[:2]), root)
            blocks.append(f"- {link}: {'; '.join(f'{{cite:t}}`{key}`' for key in cited)}")
    return "\n".join(blocks) + "\n"
