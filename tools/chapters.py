"""Chapters executed once, kept, and read again: by `make book`, by `make test`, by the pages made from them.

An executed chapter is valid for one fingerprint (source of the package, records, pins, profile) and one
sequence of code cells; change any of these and it is executed anew. Prose may change freely.
"""

import hashlib
import json
import os
import platform
import re
import shutil
import sys
import tempfile
import time
from datetime import datetime, timezone
from pathlib import Path

import nbformat
import yaml
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

ROOT = Path(__file__).resolve().parents[1]
TIMEOUT_S = 600
KEPT_FINGERPRINTS = 3
CELL = "cell-"  # what the mark of a code cell begins with: book/_ext/cells.py sets it


class ChapterFailed(RuntimeError):
    """A chapter did not run to its end; the message names chapter and cell and shows the error."""


def profile():
    """`quick` unless GPC_PROFILE says otherwise: the book never starts hours of training by itself."""
    return os.environ.get("GPC_PROFILE", "quick")


def environment():
    """What kernels are started with: profile, TensorFlow, a quiet log, this environment's own kernel."""
    return {
        "GPC_PROFILE": profile(),
        "KERAS_BACKEND": "tensorflow",
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "JUPYTER_PREFER_ENV_PATH": "1",
        "PYDEVD_DISABLE_FILE_VALIDATION": "1",
    }


def contents(root=ROOT):
    """The pages of the table of contents, in its order, as `_toc.yml` names them."""
    toc = yaml.safe_load((root / "_toc.yml").read_text(encoding="utf-8"))
    entries = [entry for part in toc.get("parts", []) for entry in part["chapters"]]
    return [page["file"] for entry in entries for page in (entry, *entry.get("sections", [])) if "file" in page]


def in_toc(root=ROOT):
    """The chapters of the table of contents, in its order, as paths of notebooks that exist."""
    chapters = [root / f"{name}.ipynb" for name in contents(root) if name.startswith("chapters/")]
    missing = [str(path.relative_to(root)) for path in chapters if not path.exists()]
    if missing:
        raise FileNotFoundError(f"_toc.yml lists {', '.join(missing)}, which does not exist")
    return chapters


def numbered(root=ROOT):
    """Chapters of the table of contents by number: {2: "02_one_by_one", …}."""
    return {int(path.stem[:2]): path.stem for path in in_toc(root)}


def title(name, root=ROOT):
    """The first heading of a chapter."""
    cell = json.loads((root / "chapters" / f"{name}.ipynb").read_text(encoding="utf-8"))["cells"][0]
    heading = re.search(r"^# (.+)$", "".join(cell["source"]), flags=re.MULTILINE)
    return heading.group(1).strip() if heading else "Untitled"


def link(number, root=ROOT, *, cell=None, text=None):
    """A Markdown link to a chapter, or to one of its code cells; None where the contents don't have it.

    `text` is shown instead of the number and the title; the quick start, number nought, has its title alone.
    """
    name = numbered(root).get(number)
    if name is None:
        return None
    mark = f"#{CELL}{cell}" if cell else ""
    shown = text or (f"{number}. " if number else "") + title(name, root)
    return f"[{shown}](../chapters/{name}.ipynb{mark})"


def fingerprint(root=ROOT):
    """Sixteen hex digits of all that a chapter's output depends on besides its own code."""
    digest = hashlib.sha256(f"{profile()} {sys.version_info[:2]} {platform.system()}".encode())
    parts = [
        *(root / "src").rglob("*.py"),
        *(root / "data" / "records").rglob("*.json"),
        *(root / "data").glob("published.json"),
        root / "requirements.txt",
    ]
    for path in sorted(parts):
        digest.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:16]


def store(root=ROOT):
    """The folder of executed chapters for the present fingerprint."""
    return root / "_build" / "executed" / fingerprint(root)


def cells_of(notebook):
    return [cell.source for cell in notebook.cells if cell.cell_type == "code"]


def kept(chapter, *, root=ROOT, folder=None):
    """The executed twin of a chapter, or None where it was never executed as it now stands."""
    path = (folder or store(root)) / chapter.name
    if not path.exists():
        return None
    executed = nbformat.read(path, as_version=4)
    return executed if cells_of(executed) == cells_of(nbformat.read(chapter, as_version=4)) else None


def keep(chapter, executed, *, seconds, root=ROOT, folder=None):
    """Store a chapter's outputs under its own metadata, with how long it took, when and of what commit."""
    from tools import pages  # which reads this module's names

    notebook = nbformat.read(chapter, as_version=4)
    ran = (cell for cell in executed.cells if cell.cell_type == "code")
    for count, cell in enumerate((c for c in notebook.cells if c.cell_type == "code"), start=1):
        cell.outputs, cell.execution_count = next(ran).outputs, count
    when = datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M UTC")
    notebook.metadata["gpc_run"] = {
        "seconds": round(seconds, 1),
        "profile": profile(),
        "when": when,
        "commit": pages.commit(root),
    }
    folder = folder or store(root)
    folder.mkdir(parents=True, exist_ok=True)
    unfinished = folder / f".{chapter.name}.{os.getpid()}"
    nbformat.write(notebook, unfinished)
    unfinished.replace(folder / chapter.name)
    return notebook


def describe(notebook, index):
    """`cell 7 of 31 (id fig-stacks, tagged picture)`"""
    cell = notebook.cells[index]
    tagged = ", tagged " + ", ".join(cell.metadata["tags"]) if cell.metadata.get("tags") else ""
    return f"cell {index + 1} of {len(notebook.cells)} (id {cell.get('id', '?')}{tagged})"


def plain(text):
    """Without the colours that tracebacks carry."""
    return re.sub(r"\x1b\[[0-9;]*m", "", text)


def failure(chapter, notebook, index, error, log):
    """What one needs to find the fault: chapter, cell, source, error, a dead kernel's last words."""
    where = f"chapters/{chapter.name}, {describe(notebook, index)}"
    source = "\n".join(f"    {line}" for line in notebook.cells[index].source.splitlines())
    last_words = ""
    if isinstance(error, DeadKernelError):
        log.seek(0)
        last_words = "\n\nThe kernel's last words:\n" + log.read()[-3000:]
    trace = re.sub(r"\AAn error occurred.*?\n-{18}\n.*?\n-{18}\n", "", plain(str(error)), flags=re.S).strip()
    return f"{where} failed:\n\n{source}\n\n{trace}{last_words}"


def execute(chapter, *, notebook=None, on_cell=lambda position, total: None, timeout_s=TIMEOUT_S):
    """Run a chapter in a fresh kernel, in its own folder. → (executed notebook, seconds)

    `notebook` is run in its place where one is given. Raises ChapterFailed with the chapter, the cell, its
    source and the error.
    """
    notebook = notebook or nbformat.read(chapter, as_version=4)
    total, current = len(notebook.cells), 0

    def starts(cell, cell_index):
        nonlocal current
        current = cell_index
        on_cell(cell_index + 1, total)

    client = NotebookClient(
        notebook, timeout=timeout_s, kernel_name="python3", on_cell_start=starts, record_timing=False
    )
    started = time.monotonic()
    with tempfile.TemporaryFile(
        "w+", errors="replace"
    ) as log:  # what the kernel's libraries say beside the notebook
        try:
            client.execute(cwd=str(chapter.parent), env={**os.environ, **environment()}, stderr=log)
        except (CellExecutionError, CellTimeoutError, DeadKernelError) as error:
            raise ChapterFailed(failure(chapter, notebook, current, error, log)) from None
    return notebook, time.monotonic() - started


def forget_old(root=ROOT):
    """Keep the executed chapters of the latest few fingerprints; older ones will not come back."""
    for parent in (root / "_build" / "executed", root / "_build" / ".jupyter_cache"):
        folders = sorted(parent.glob("*/"), key=lambda path: path.stat().st_mtime, reverse=True)
        for folder in folders[KEPT_FINGERPRINTS:]:
            shutil.rmtree(folder)
