"""Docstrings of `gpc` on the API page: written to be read in the source, so not written in reStructuredText.

Their habits are read here: paragraphs; `Args:` with indented `name: text`; aligned `name   text`; lines that
begin with Raises, Source or Cost as paragraphs of their own; doctests; indented blocks as they stand. Single
backticks mean code; stars, underscores and bars are characters, never markup.
"""

import re

ALIGNED = re.compile(r"^(\w+(?:, \w+)*)(?: {2,})(\S.*)$")
NAMED = re.compile(r"^([\w*]+(?:, (?:and )?[\w*]+)*,?): +(\S.*)$")
OPENERS = ("Raises ", "Source: ", "Sources: ", "Cost: ", "Returns ", "Units: ")


def inline(text):
    """`code` to ``code``; what stands outside backticks escaped."""
    parts = re.split(r"(``.+?``|`[^`]+`)", text)
    # An escaped space shows nothing; without it code may not touch the letters around it.
    code = [rf"\ {part}\ " if part.startswith("``") else rf"\ `{part}`\ " for part in parts[1::2]]
    plain = [re.sub(r"([*_|\\])", r"\\\1", part) for part in parts[::2]]
    return "".join(a + b for a, b in zip(plain, [*code, ""], strict=True))


def indent(line):
    return len(line) - len(line.lstrip())


def entries(lines):
    """A block's lines as (kind, text): "text", "head" (a line that opens a list) and "item"."""
    found, listed = [], None  # listed: how far the items of the list being read are indented
    for line, following in zip(lines, [*lines[1:], ""], strict=True):
        stripped = line.strip()
        if (
            indent(line)
            and found
            and (found[-1][0] == "head" or (listed is not None and indent(line) <= listed))
        ):
            listed = indent(line)
            found.append(["item", stripped])
        elif indent(line) and found:
            found[-1][1] += " " + stripped
        elif ALIGNED.match(line):
            found.append(["item", ALIGNED.sub(r"\1: \2", line)])
        elif found and found[-1][0] == "text" and not stripped.startswith(OPENERS):
            found[-1][1] += " " + stripped
        else:
            found.append(["text", stripped])
        if found[-1][0] == "text" and stripped.endswith(":") and indent(following) > indent(line):
            found[-1][0], listed = "head", None
    return found


def item(text):
    """A list's entry, its name in code."""
    named = NAMED.match(text)
    return f"* ``{named[1]}``: {inline(named[2])}" if named else f"* {inline(text)}"


def block(lines):
    """One block between blank lines, in reStructuredText."""
    if lines[0].lstrip().startswith(">>>"):
        return lines
    if all(map(indent, lines)):
        return ["::", "", *lines]
    out, before = [], None
    for kind, text in entries(lines):
        if out and (kind, before) != ("item", "item"):
            out.append("")
        out.append(item(text) if kind == "item" else inline(text))
        before = kind
    return out


def rendered(lines):
    """A docstring's lines in reStructuredText."""
    out, current = [], []
    for line in [*lines, ""]:
        if line.strip():
            current.append(line)
        elif current:
            out += [*block(current), ""]
            current = []
    return out


def process(app, what, name, obj, options, lines):
    """autodoc's hook: rewrite a docstring's lines in place."""
    lines[:] = rendered(lines)


def setup(app):
    app.connect("autodoc-process-docstring", process)
    return {"version": "1", "parallel_read_safe": True}
