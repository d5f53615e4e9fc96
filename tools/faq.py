"""The page of frequent questions, from book/faq.yml: each answer with links to the cells that prove it."""

import re

import yaml

from tools import chapters


def parts(root=chapters.ROOT):
    """The parts of book/faq.yml, `proof` always a list of (chapter, cell or None)."""
    found = yaml.safe_load((root / "book" / "faq.yml").read_text(encoding="utf-8"))
    for part in found:
        for question in part["questions"]:
            proof = question["proof"]
            question["proof"] = [_place(one) for one in (proof if isinstance(proof, list) else [proof])]
    return found


def _place(proof):
    """ "2#same-measured" → (2, "same-measured"); 17 → (17, None)."""
    chapter, _, cell = str(proof).partition("#")
    return int(chapter), cell or None


def links(question, root=chapters.ROOT):
    """Links to the cells that prove an answer; those whose chapters are not in the contents are left out."""
    found = [chapters.link(chapter, root, cell=cell) for chapter, cell in question["proof"]]
    found = [link for link in found if link]
    names = [link.partition("]")[0] for link in found]
    return [
        re.sub(r"^\[.*?\]", "[another cell]", link) if names[i] in names[:i] else link
        for i, link in enumerate(found)
    ]


def page(root=chapters.ROOT):
    """The Markdown of all questions that have a proof."""
    blocks = []
    for part in parts(root):
        shown = [question for question in part["questions"] if links(question, root)]
        blocks += [f"## {part['part']}"] if shown else []
        for question in shown:
            proof = " · ".join(links(question, root))
            blocks += [f"### {question['ask']}", question["answer"], f"*Computed in:* {proof}"]
    return "\n\n".join(blocks) + "\n"
