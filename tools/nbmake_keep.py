"""A pytest plugin: what nbmake executes is kept for the book, and a failure names its cell.

Use: `pytest --nbmake -p tools.nbmake_keep chapters`.
"""

import os
import time
from pathlib import Path

from nbmake import pytest_items
from nbmake.nb_run import NotebookRun

from tools import chapters


class KeptRun(NotebookRun):
    """nbmake's run of one notebook, its outputs put where tools/book.py looks for them."""

    def execute(self):
        chapter, started = Path(self.filename), time.monotonic()
        folder = chapters.store()  # before the run: sources edited meanwhile must not get these outputs
        result = super().execute()
        if result.error is None:
            chapters.keep(chapter, result.nb, seconds=time.monotonic() - started, folder=folder)
        elif 0 <= result.error.failing_cell_index < len(result.nb.cells):
            where = f"{chapter.name}, {chapters.describe(result.nb, result.error.failing_cell_index)}"
            result.error.trace = f"{where} failed:\n{result.error.trace}"
            result.error.summary = f"{where}: {chapters.plain(result.error.summary)}"
        return result


def pytest_configure(config):
    pytest_items.NotebookRun = KeptRun
    os.environ.update(chapters.environment())
