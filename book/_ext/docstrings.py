"""Docstrings of `gpc` on the API page: written to be read in the source, so not written in reStructuredText.

Their habits are read here: paragraphs; `Args:` with indented `name: text`; aligned `name   text`; lines that
begin with Raises, Source or Cost as paragraphs of their own; tables between bars; doctests; indented blocks
as they stand. Single backticks mean code; stars, underscores and bars are characters, never markup. A class is
signed by its `__init__`, and what Keras asks of every layer is left out.
"""

import inspect
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


def listed(lines):
    """What is indented under a head: (kind, text), an "item" each that has a name, "text" where none has.

    A line that goes on deeper, or has no name before its colon, belongs to the one before.
    """
    found, deep = [], min(map(indent, lines))
    for line in lines:
        if indent(line) > deep and found:
            found[-1] += " " + line.strip()
        else:
            found.append(line.strip())
    out = []
    for text in found:
        if NAMED.match(text) or not out:
            out.append(["item" if NAMED.match(text) else "text", text])
        else:
            out[-1][1] += " " + text
    return out


def entries(lines):
    """A block's lines as (kind, text): "text", "head" (a line that opens a list) and "item"."""
    found, under = [], []
    for line, following in zip(lines, [*lines[1:], ""], strict=True):
        stripped = line.strip()
        if indent(line) and found and found[-1][0] == "head":
            under.append(line)
            if not indent(following):
                found += listed(under)
                under = []
        elif indent(line) and found:
            found[-1][1] += " " + stripped
        elif ALIGNED.match(line):
            found.append(["item", ALIGNED.sub(r"\1: \2", line)])
        elif found and found[-1][0] == "text" and not stripped.startswith(OPENERS):
            found[-1][1] += " " + stripped
        else:
            found.append(["text", stripped])
        if found[-1][0] == "text" and stripped.endswith(":") and indent(following) > indent(line):
            found[-1][0] = "head"
    return found


def table(lines):
    """Rows between bars, the second the rule under the heads, as a list-table."""
    rows = [[cell.strip() for cell in line.strip().strip("|").split("|")] for line in lines]
    out = [".. list-table::", "   :header-rows: 1", ""]
    for row in [rows[0], *rows[2:]]:
        out += [f"   {'* -' if place == 0 else '  -'} {inline(cell)}" for place, cell in enumerate(row)]
    return out


def item(text):
    """A list's entry, its names in code."""
    named = NAMED.match(text)
    if not named:
        return f"* {inline(text)}"
    names = re.sub(r"[\w*]+", lambda word: word[0] if word[0] == "and" else f"``{word[0]}``", named[1])
    return f"* {names.rstrip(',')}: {inline(named[2])}"


def block(lines):
    """One block between blank lines, in reStructuredText."""
    if lines[0].lstrip().startswith(">>>"):
        return lines
    if all(line.lstrip().startswith("|") for line in lines):
        return table(lines)
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


def signed(app, what, name, obj, options, signature, returns):
    """autodoc's hook: Keras's layers hide their arguments behind (*args, **kwargs); functions as defaults
    are told by their names, what a class keeps for itself not at all."""
    from sphinx.util.inspect import stringify_signature

    if what == "class" and (signature or "").startswith("(*args"):
        found = next(one for one in map(init_of, obj.__mro__) if one)
        signature = stringify_signature(found)
    shown = re.sub(r"<(?:built-in )?function (\w+)[^>]*>", r"\1", signature or "")
    shown = re.sub(r", _\w+(=[^,)]*)?", "", shown).replace("<factory>", "…")
    return shown or None, returns


def init_of(cls):
    """The signature of a class's own `__init__` without self; None where it names no argument."""
    own = vars(cls).get("__init__")
    if not inspect.isfunction(own):
        return None
    found = inspect.signature(own)
    kept = [*found.parameters.values()][1:]
    named = [one for one in kept if one.kind not in (one.VAR_POSITIONAL, one.VAR_KEYWORD)]
    return found.replace(parameters=kept) if named else None


# What Keras asks of a layer, and what its own layers say of it; a named tuple's fields, which its text tells.
ASKED = {"build", "call", "compute_output_shape", "get_config"}


def skipped(app, what, name, obj, skip, options):
    """autodoc's hook: whether a member is left out."""
    home = obj.__module__ or "" if inspect.isfunction(obj) else "gpc"
    asked = name in ASKED and home.startswith("gpc.layers")
    field = (getattr(obj, "__doc__", None) or "").startswith("Alias for field number")
    return True if asked or field or not home.startswith("gpc") else None


def setup(app):
    app.connect("autodoc-process-docstring", process)
    app.connect("autodoc-process-signature", signed)
    app.connect("autodoc-skip-member", skipped)
    return {"version": "1", "parallel_read_safe": True}
