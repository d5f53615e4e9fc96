"""A submitted notebook: read whatever was handed in, run its code cells, say where one stopped."""

import ast
import contextlib
import io
import json
import linecache
import re
import sys
import traceback
import warnings
from dataclasses import dataclass
from pathlib import Path

from grading.limits import TimeLimit, limit

CELL_SECONDS = 300
SKIPPED = "grade"  # the tag of the cell that asks for the points: it must not ask again while it is graded
# The files of a submission's code in tracebacks: run here, in Jupyter, in Colab.
_OWN = ("<cell ", "ipykernel_", "<ipython-input-")
_KEPT_MAGICS = ("%%time", "%%timeit", "%%capture")


class Unreadable(ValueError):
    """What was handed in is no notebook; the message says what it is instead."""


@dataclass(frozen=True)
class Cell:
    """A code cell: its place among all cells, from 1, and its source as Python."""

    number: int
    source: str
    tags: tuple = ()

    @property
    def name(self):
        """`cell 5 (begins "def share(model):")`"""
        lines = [line.strip() for line in self.source.splitlines()]
        first = next((line for line in lines if line and line != "pass" and not line.startswith("#")), "")
        return f'cell {self.number} (begins "{first[:40]}")' if first else f"cell {self.number}"

    @property
    def file(self):
        """Its name in tracebacks."""
        return f"<cell {self.number}>"


@dataclass(frozen=True)
class Failure:
    """A cell that stopped, and why, in one line."""

    cell: Cell
    reason: str

    def concerns(self, name):
        """Whether the cell mentions the name, so that it may be why the name is missing."""
        return re.search(rf"\b{re.escape(name)}\b", self.cell.source) is not None

    def __str__(self):
        return f"{self.cell.name} stopped: {self.reason}"


def read(path):
    """The code cells of a notebook file. Raises Unreadable for what is none, saying what it is."""
    path = Path(path)
    try:
        if not path.is_file():
            raise Unreadable(f"there is no file {path}")
        content = path.read_text(encoding="utf-8")
        notebook = json.loads(content)
    except UnicodeDecodeError:
        raise Unreadable(f"{path.name} is no text at all; hand in the notebook (.ipynb) itself") from None
    except OSError as error:
        raise Unreadable(f"{path.name} can't be read: {error.strerror}") from None
    except RecursionError:
        raise Unreadable(f"{path.name} is nested too deeply for a notebook") from None
    except Unreadable:
        raise
    except ValueError:
        kind = "is empty" if not content.strip() else "holds plain text, not a notebook"
        raise Unreadable(f"{path.name} {kind}; in Jupyter or Colab, File → Download → .ipynb") from None
    if not isinstance(notebook, dict) or not isinstance(notebook.get("cells"), list):
        raise Unreadable(f"{path.name} has no cells; in Jupyter or Colab, File → Download → .ipynb")
    cells = [_cell(number, cell) for number, cell in enumerate(notebook["cells"], start=1)]
    found = [cell for cell in cells if cell is not None]
    if not found:
        raise Unreadable(f"{path.name} has no code cell: the answers are graded by running them")
    return found


def _cell(number, cell):
    """One cell of the file; None for what is no code, or has none."""
    if not isinstance(cell, dict) or cell.get("cell_type") != "code":
        return None
    source, metadata = cell.get("source", ""), cell.get("metadata")
    lines = source if isinstance(source, list) else [source]
    if not all(isinstance(line, str) for line in lines):
        return None
    tags = metadata.get("tags") if isinstance(metadata, dict) else None
    return Cell(number, python("".join(lines)), tuple(tags) if isinstance(tags, list) else ())


def python(source):
    """Source without the notebook's own commands, so that Python can read it; every line keeps its number."""
    first = source.lstrip().split("\n", 1)[0].split()
    if first and first[0].startswith("%%") and first[0] not in _KEPT_MAGICS:
        return "pass"
    return re.sub(r"^(\s*)(?:[%!].*|[\w.]+\?{1,2}\s*|\?{1,2}[\w.]+\s*)$", r"\1pass", source, flags=re.M)


class Sink(io.TextIOBase):
    """Takes what is printed and forgets it: a loop that prints must not fill the memory."""

    def write(self, text):
        return len(text)


def fresh():
    """The names a notebook starts with."""
    return {"__name__": "__main__", "__builtins__": __builtins__, "display": lambda *things, **how: None}


def run(cells, namespace, *, seconds=CELL_SECONDS, on_cell=lambda cell: None):
    """Run the cells one after the other, going on where one stops. → the failures

    `seconds` is each cell's time limit; what cells print is dropped.
    """
    failures, path = [], list(sys.path)
    for cell in cells:
        if SKIPPED in cell.tags:
            continue
        on_cell(cell)
        linecache.cache[cell.file] = (len(cell.source), None, cell.source.splitlines(True), cell.file)
        with contextlib.redirect_stdout(Sink()), contextlib.redirect_stderr(Sink()):
            reason = _stopped(cell, namespace, seconds)
        if reason:
            failures.append(Failure(cell, reason))
    sys.path[:] = path
    return failures


def _stopped(cell, namespace, seconds):
    """Runs one cell. → why it stopped; an empty text where it did not"""
    try:
        with limit(seconds), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            exec(compile(cell.source, cell.file, "exec", dont_inherit=True), namespace)
    except TimeLimit:
        return f"it ran longer than {seconds:g} s; is there a loop without an end?"
    except BaseException as error:  # also sys.exit() and Ctrl-C's exception, raised by a submission
        return told(error)
    return ""


def told(error):
    """An error in one line with the submission's own last line: `ValueError: …, line 3: return a / b`."""
    text = " · ".join(line.strip() for line in str(error).splitlines() if line.strip())
    name = type(error).__name__
    if isinstance(error, SyntaxError):
        line = (error.text or "").strip()
        return f"{name}: {error.msg}, line {error.lineno}" + (f": {line}" if line else "")
    head = f"{name}: {text[:300]}" if text else name
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if any(mark in frame.filename for mark in _OWN)]
    if not own:
        return head
    line = linecache.getline(own[-1].filename, own[-1].lineno).strip()
    return f"{head}, line {own[-1].lineno}: {line}"


def definition(sources, name):
    """The last class or function of this name in the sources, with every function of theirs that it mentions.

    → a list of syntax trees, empty where there is none. What Python can't read is left out.
    """
    found = {}
    for source in sources:
        with contextlib.suppress(SyntaxError):
            for node in ast.parse(python(source)).body:
                if isinstance(node, ast.ClassDef | ast.FunctionDef):
                    found[node.name] = node
    wanted, trees = [name], []
    while wanted:
        tree = found.pop(wanted.pop(), None)
        if tree is not None:
            trees.append(tree)
            wanted += [node.id for node in ast.walk(tree) if isinstance(node, ast.Name)]
    return trees
