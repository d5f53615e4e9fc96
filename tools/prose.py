"""Where the project's prose stands, piece by piece, without the code in it: what the checks of words read."""

import ast
import json
import re
from dataclasses import dataclass
from pathlib import Path

import yaml

from tools.chapters import ROOT

PAGES = ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", "book/*.md", "data/README.md", "data/records/README.md"]
PAGES += ["assignments/README.md", "assignments/*/RUBRIC.md"]
NOTEBOOKS = ["chapters/*.ipynb", "assignments/*/assignment.ipynb", "assignments/solutions/*.ipynb"]
TABLES = ["book/*.yml"]
CODE = ["src/gpc/**/*.py", "assignments/*/checks.py"]
# In a table of the book, values under these keys are names or places, not prose.
KEYS_OF_NAMES = {"proof", "model", "cites", "needs", "options", "chapter", "year", "prefer", "instead_of"}
SENTENCE = 3  # a string in code with fewer words is a name, a key or a format

BLANKED = [
    re.compile(r"^(`{3,}|~{3,}).*?^\1\s*$", re.M | re.S),  # fenced code
    re.compile(r"<(style|script|svg).*?</\1>", re.S),
    re.compile(r"<!--.*?-->", re.S),
    re.compile(r"\{[\w:-]+\}(?=`)"),  # a role's name; what it holds is code, terms apart
    re.compile(r"(`+)(?:(?!\1).)+?\1(?!`)"),  # code in a line
    re.compile(r"\$\$.*?\$\$", re.S),
    re.compile(r"(?<![\\\w])\$(?=\S)[^$\n]*?(?<=\S)\$(?!\w)"),
    re.compile(r"\]\([^)\s]*\)"),  # where a link leads
    re.compile(r"(?:https?://|github\.com/)[^\s)>\"']+"),
    re.compile(r'(?<!\w)"[\w./:{}-]+"'),  # a value in code: a word of its own in straight quotes
    re.compile(r"(?<=\w)-th\b"),  # every s-th
    re.compile(r"</?[a-zA-Z][^<>]*>"),
    re.compile(r"^\s*>>> .*\n(?:(?!\s*\n).*\n?)*", re.M),  # a doctest with what it prints
    re.compile(r"^:{3,}.*$|^\([\w-]+\)=\s*$|^:[\w-]+:.*$", re.M),  # a directive's own lines
    re.compile(r"\{[^{}\s]*\}"),  # a placeholder of `say`
]


@dataclass(frozen=True)
class Piece:
    """A piece of prose: its file relative to the root, what of the file it is, its words without code."""

    file: str
    part: str
    text: str

    @property
    def place(self):
        return f"{self.file}, {self.part}" if self.part else self.file


def plain(text):
    """Markdown or a docstring without code, mathematics, addresses and markup; lines stay where they are."""
    for pattern in BLANKED:
        text = pattern.sub(lambda found: " ¦ " + "\n" * found.group().count("\n"), text)
    return text


def told(text):
    """A docstring without names of arguments and fields, and without blocks of code behind a double colon."""
    text = re.sub(r"::\n\n(?:[ \t]+.*\n|\n)+", ":\n", text)
    return re.sub(r"^( {4,})?\w+(?:, \w+)*(?=:(?: |$)|  +\S)", arguments, text, flags=re.M)


def arguments(found):
    """Names before a colon are arguments where they stand indented, or in a table; else a heading or a word."""
    name, indented = found.group().strip(), found.group(1)
    return found.group() if not indented and name[0].isupper() else (indented or "") + "¦"


def of_page(path):
    """A Markdown page, line by line."""
    for number, line in enumerate(plain(path.read_text(encoding="utf-8")).splitlines(), start=1):
        if line.strip(" ¦"):
            yield f"line {number}", line


def strings(source):
    """The strings of a piece of code that are sentences, f-strings' fixed parts joined. Docstrings too."""
    code = re.sub(r"^(\s*)[%!].*$", r"\1pass", source, flags=re.M)
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.JoinedStr):
            parts = [part.value if isinstance(part, ast.Constant) else "{}" for part in node.values]
            yield "".join(parts)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def of_notebook(path):
    """A notebook's Markdown, the sentences in its code, and the alternative texts of its figures."""
    for number, cell in enumerate(json.loads(path.read_text(encoding="utf-8"))["cells"], start=1):
        source, part = "".join(cell["source"]), f"cell {number} ({cell.get('id', '?')})"
        if cell["cell_type"] == "markdown":
            yield part, plain(source)
            continue
        for sentence in strings(source):
            if len(sentence.split()) >= SENTENCE:
                yield part, plain(sentence)
        alternative = cell["metadata"].get("mystnb", {}).get("image", {}).get("alt")
        if alternative:
            yield f"{part}, alt text", plain(alternative)


def leaves(value, key=""):
    """The texts of a table, each with the key it stands under."""
    if isinstance(value, dict):
        for name, inner in value.items():
            if name not in KEYS_OF_NAMES:
                yield from leaves(inner, str(name))
    elif isinstance(value, list):
        for number, inner in enumerate(value, start=1):
            yield from leaves(inner, f"{key} {number}".strip())
    elif isinstance(value, str):
        yield key, value


def of_table(path):
    for key, text in leaves(yaml.safe_load(path.read_text(encoding="utf-8"))):
        yield key, plain(text)


def of_module(path):
    """Docstrings of a module and of what it offers: names without a leading underscore."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    kinds = (ast.Module, ast.ClassDef, ast.FunctionDef)
    for node in ast.walk(tree):
        name = getattr(node, "name", "its head")
        if isinstance(node, kinds) and not name.startswith("_") and (text := ast.get_docstring(node)):
            yield name, plain(told(text))


READERS = [(PAGES, of_page), (NOTEBOOKS, of_notebook), (TABLES, of_table), (CODE, of_module)]


def files(root=ROOT):
    """Every file that holds prose, with its reader: [(path, reader)]."""
    found = [
        (path, reader)
        for patterns, reader in READERS
        for pattern in patterns
        for path in sorted(root.glob(pattern))
    ]
    return list(dict.fromkeys(found))


def pieces(path, reader, root=ROOT):
    """The pieces of one file."""
    return [Piece(path.relative_to(root).as_posix(), part, text) for part, text in reader(Path(path))]


def everything(root=ROOT):
    """All pieces of prose."""
    return [piece for path, reader in files(root) for piece in pieces(path, reader, root)]
