"""Formulas as MathML, which browsers draw themselves: no script to load, the same from a file and in print.

The TeX stays beside each as its annotation. What the converter does not know is a warning, like a broken
link.
"""

import re
from html import escape

from docutils import nodes
from latex2mathml import converter, exceptions
from sphinx.util import logging
from sphinx.util.math import get_node_equation_number

NAME = "course_mathml"
REFUSALS = tuple(one for one in vars(exceptions).values() if isinstance(one, type))
log = logging.getLogger(__name__)


def mathml(tex, *, display="inline"):
    """A formula of TeX as an element `math`. ValueError where the converter refuses or leaves a command."""
    lines = rf"\begin{{aligned}}{tex}\end{{aligned}}" if r"\\" in tex and r"\begin" not in tex else tex
    try:
        drawn = converter.convert(lines, display=display)
    except REFUSALS as refusal:
        raise ValueError(f"the formula {tex!r} is not understood: {type(refusal).__name__}") from None
    unknown = re.findall(r">(\\\w+)<", drawn)
    if unknown:
        raise ValueError(f"the formula {tex!r} has commands that are not known: {', '.join(unknown)}")
    head, body = re.fullmatch(r"(<math[^>]*>)(.*)</math>", drawn, flags=re.DOTALL).groups()
    annotation = f'<annotation encoding="application/x-tex">{escape(tex, quote=False)}</annotation>'
    return f"{head}<semantics>{body}{annotation}</semantics></math>"


def told(translator, node, display):
    """The element, or the TeX as it stands, with a warning."""
    tex = node.astext().strip()
    try:
        return mathml(tex, display=display)
    except ValueError as refusal:
        log.warning("%s", refusal, location=node, type="formula")
        return translator.encode(tex)


def visit_inline(translator, node):
    formula = told(translator, node, "inline")
    start = translator.starttag(node, "span", "", CLASS="math notranslate")
    translator.body.append(f"{start}{formula}</span>")
    raise nodes.SkipNode


def visit_block(translator, node):
    translator.body.append(translator.starttag(node, "div", CLASS="math notranslate"))
    if node["number"]:
        translator.body.append(f'<span class="eqno">({get_node_equation_number(translator, node)})')
        translator.add_permalink_ref(node, "Link to this equation")
        translator.body.append("</span>")
    translator.body.append(told(translator, node, "block") + "</div>\n")
    raise nodes.SkipNode


def setup(app):
    app.add_html_math_renderer(NAME, (visit_inline, None), (visit_block, None))
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
