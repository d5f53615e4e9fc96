"""pytest reads an assignment: `python -m pytest 1_budget` has a test for each part, and the score."""

import json
import os
from pathlib import Path

import pytest

from grading.parts import load
from grading.process import graded

NOTEBOOK = "assignment.ipynb"
_GRADED = pytest.StashKey()


def pytest_addoption(parser):
    group = parser.getgroup("grading")
    group.addoption("--submission", help=f"the notebook to grade instead of the folder's {NOTEBOOK}")
    group.addoption("--report", help="write the points of each part to this JSON file")


def pytest_configure(config):
    config.stash[_GRADED] = {}


def pytest_collect_file(file_path, parent):
    if file_path.name == "checks.py":
        return Assignment.from_parent(parent, path=file_path)
    return None


class Assignment(pytest.File):
    """A folder's checks.py; the notebook is run once, when the first part asks."""

    def collect(self):
        for one in load(self.path):
            yield Question.from_parent(self, name=one.name, part=one)

    def results(self):
        """Part name → result."""
        kept = self.config.stash[_GRADED]
        if self.path not in kept:
            given = self.config.getoption("--submission")
            # pytest may stand in another folder than the one the command was given in.
            notebook = self.config.invocation_params.dir / given if given else self.path.parent / NOTEBOOK
            kept[self.path] = {one.name: one for one in graded(self.path, notebook)}
        return kept[self.path]


class Question(pytest.Item):
    """One part."""

    def __init__(self, *, part, **kwargs):
        super().__init__(**kwargs)
        self.part = part

    def runtest(self):
        result = self.parent.results()[self.name]
        if result.got < result.points:
            raise Lost(str(result))

    def repr_failure(self, excinfo, style=None):
        return str(excinfo.value) if isinstance(excinfo.value, Lost) else super().repr_failure(excinfo, style)

    def reportinfo(self):
        return self.path, None, f"{self.name}: {self.part.title} ({self.part.points})"


class Lost(Exception):
    """A part without its points."""


def pytest_terminal_summary(terminalreporter, config):
    """The score of each assignment, and of all where there are several."""
    kept = {path.parent.name: list(results.values()) for path, results in config.stash[_GRADED].items()}
    if not kept:
        return
    scores = {name: _score(results) for name, results in kept.items()}
    if len(scores) > 1:
        for name, (got, points) in scores.items():
            terminalreporter.write_line(f"{name}: {got} / {points}")
    got, points = (sum(column) for column in zip(*scores.values(), strict=True))
    if config.getoption("--report"):
        rows = {name: [vars(one) for one in results] for name, results in kept.items()}
        report = {"score": got, "points": points, "parts": rows}
        Path(config.getoption("--report")).write_text(json.dumps(report, indent=1), encoding="utf-8")
    if os.environ.get("GITHUB_ACTIONS"):
        _tell_github(terminalreporter, got, points)
    terminalreporter.write_line(f"score: {got} / {points}")


def _score(results):
    return sum(one.got for one in results), sum(one.points for one in results)


def _tell_github(terminalreporter, got, points):
    """The two notices GitHub Classroom reads the points from; elsewhere they stand on the run's page."""
    terminalreporter.ensure_newline()
    total = json.dumps({"totalPoints": got, "maxPoints": points}, separators=(",", ":"))
    terminalreporter.write_line(f"::notice title=Autograding complete::Points {got}/{points}")
    terminalreporter.write_line(f"::notice title=Autograding report::{total}")
