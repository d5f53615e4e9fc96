"""What every output shares: one object with its text and its HTML, and the style sheet that comes along."""

import hashlib
import html
import re
import sys


def squeeze(source):
    """CSS or a script without the line breaks and indents it is written with."""
    return re.sub(r"\s*\n\s*", "", source)


# Each output brings its style along: in Colab every output lives in a frame of its own. Dark pages are known
# by the marks that the book's theme, Colab, JupyterLab and VS Code put on them.
_STYLE = squeeze("""
.gpc{--ink:#1b1f24;--soft:#57606a;--line:#d0d7de;--paper:#fff;--good:#05603a;--bad:#9a3412;--link:#0a5fd0;
color:var(--ink);background:var(--paper);border:1px solid var(--line);border-radius:6px;
font:1rem/1.5 system-ui,-apple-system,'Segoe UI',Roboto,sans-serif;text-align:left;overflow-wrap:anywhere;
padding:.75rem 1rem;margin:.5rem 0;max-width:48rem;box-sizing:border-box}
:is(html[data-theme=dark],html[theme=dark],body[data-jp-theme-light=false],body.vscode-dark) .gpc{
--ink:#e6edf3;--soft:#a9b3bd;--line:#3d444d;--paper:#161b22;--good:#56d394;--bad:#ffa07a;--link:#79b8ff}
.gpc p{margin:.25rem 0;color:inherit}
.gpc code{color:inherit;background:none;border:0;padding:0;font-size:.95em}
.gpc :focus-visible{outline:3px solid var(--link);outline-offset:2px}
.gpc .good{color:var(--good);font-weight:600}
.gpc .bad{color:var(--bad);font-weight:600}
.gpc .soft{color:var(--soft)}
html[data-theme] .bd-content div.cell_output .output.text_html:has(>.gpc){background:none;padding:0}
""")
_MARKUP = (
    (re.compile(r"`([^`]+)`"), r"<code>\1</code>"),
    (re.compile(r"\*\*(.+?)\*\*"), r"<strong>\1</strong>"),
    (re.compile(r"(?<![\w*])\*([^*\s](?:[^*]*[^*\s])?)\*(?![\w*])"), r"<em>\1</em>"),
)


def escape(value):
    """Text that is safe inside an element and inside a quoted attribute."""
    return html.escape(str(value), quote=True)


def inline(text):
    """A line of light Markdown (`code`, **strong**, *emphasis*) as HTML; all else is shown as it is written.

    >>> inline("`x < 1` is **not** enough")
    '<code>x &lt; 1</code> is <strong>not</strong> enough'
    """
    pieces = re.split(r"(`[^`]+`)", escape(text))
    for pattern, replacement in _MARKUP[1:]:
        pieces = [p if p.startswith("`") else pattern.sub(replacement, p) for p in pieces]
    return "".join(_MARKUP[0][0].sub(_MARKUP[0][1], p) for p in pieces)


def unmarked(text):
    """The same light Markdown as plain text for a terminal: the marks go, the words and the code stay."""
    return re.sub(r"\*\*(.+?)\*\*", r"\1", str(text))


def key(*parts):
    """Ten characters that name this content: the same in every run, different for different content."""
    return hashlib.sha256("\x1f".join(str(part) for part in parts).encode()).hexdigest()[:10]


def card(body, *, name="", style="", tag="div", attributes=""):
    """An element of class `gpc` around `body`, with the style sheet it needs."""
    classes, attributes = f"gpc gpc-{name}" if name else "gpc", f" {attributes}" if attributes else ""
    return f'<{tag} class="{classes}"{attributes}><style>{_STYLE}{style}</style>{body}</{tag}>'


class Output:
    """Something to look at: `text` for a terminal, `html` or `markdown` for a page or a cell's value."""

    def __init__(self, text, *, html=None, markdown=None, data=None, metadata=None):
        self.text, self.html, self.markdown = text, html, markdown
        self.data, self.metadata = data or {}, metadata or {}

    def __repr__(self):
        return self.text

    def _repr_mimebundle_(self, include=None, exclude=None):
        bundle = {
            "text/plain": self.text,
            "text/html": self.html,
            "text/markdown": self.markdown,
            **self.data,
        }
        return {kind: value for kind, value in bundle.items() if value is not None}, self.metadata

    def show(self):
        """Puts it on the page now, in a notebook; prints the text elsewhere."""
        if in_notebook():
            from IPython.display import display

            display(self)
        else:
            print(self.text)


def in_notebook():
    """Whether IPython runs this code, so that a page can be shown; asks without importing IPython."""
    module = sys.modules.get("IPython")
    return module is not None and module.get_ipython() is not None
