"""Docstrings of `gpc` on the API page: written to be read in the source, so not written in reStructuredText.

Single backticks mean code; stars, underscores and bars are characters, never markup. Doctests stay as they are. Sections (Args, Raises) are Google's, read by napoleon's parser.
"""

import re

from sphinx.ext.napoleon import Config, GoogleDocstring


def escaped(text):
    """Characters that reStructuredText would read as markup, made plain."""
    return re.sub(r"([*_|\\])", r"\\\1", text)


def inline(line):
    """`code` to ``code``; what stands outside backticks escaped. ``code`` and roles pass unchanged."""
    parts = re.split(r"(``.+?``|`[^`]+`)", line)
    return "".join(
        part if part.startswith("``") else f"`{part}`" if part.startswith("`") and len(part) > 1 else escaped(part)
        for part in parts
    )


def process(app, what, name, obj, options, lines):
    """autodoc's hook: rewrite a docstring's lines in place, doctest and literal blocks left alone."""
    doctest, literal, out = False, None, []
    for line in lines:
        stripped, indent = line.strip(), len(line) - len(line.lstrip())
        doctest = stripped.startswith(">>>") or (doctest and bool(stripped))
        if literal is not None and stripped and indent <= literal:
            literal = None
        out.append(line if doctest or literal is not None else inline(line))
        if literal is None and not doctest and stripped.endswith("::"):
            literal = indent
    if what not in ("property", "attribute"):  # of these napoleon takes "Parameters: all of them" for a type
        out = GoogleDocstring(out, Config(napoleon_use_rtype=False), app, what, name, obj, options).lines()
    lines[:] = out


def setup(app):
    app.connect("autodoc-process-docstring", process)
    return {"version": "1", "parallel_read_safe": True}
