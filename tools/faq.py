"""The page of frequent questions, from book/faq.yml: each answer with links to the cells that prove it."""

import yaml

from tools import chapters


NTH = (None, "another", "a third", "one more")  # None: a chapter's first link has its title


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
    found, seen = [], []
    for chapter, cell in question["proof"]:
        seen.append(chapter)
        nth = NTH[min(seen.count(chapter), len(NTH)) - 1]
        text = nth and f"{nth} cell of {f'chapter {chapter}' if chapter else 'the quick start'}"
        found.append(chapters.link(chapter, root, cell=cell, text=text))
    return [link for link in found if link]


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
