"""Checks with points: marked, collected from a file, run one after the other, told as lines."""

import functools
import importlib.util
import os
import traceback
import warnings
from dataclasses import dataclass
from pathlib import Path

from grading.answers import Answers, Wrong
from grading.limits import TimeLimit, limit

PART_SECONDS = 60


@dataclass(frozen=True)
class Part:
    """A check and what it is worth."""

    name: str
    title: str
    points: int
    check: object
    seconds: float


@dataclass(frozen=True)
class Result:
    """What a part brought, and why no more."""

    name: str
    title: str
    points: int
    got: int
    message: str = ""

    def __str__(self):
        mark = "✓" if self.got == self.points else "✗"
        told = f"\n        {self.message}" if self.message else ""
        return f"{mark} {self.got}/{self.points}  {self.name}: {self.title}{told}"


def part(points, title, *, seconds=PART_SECONDS):
    """Marks a function of the `Answers` as a check that is worth so many points, all of them or none."""
    if isinstance(points, bool) or not isinstance(points, int) or points < 1:
        raise ValueError(f"points={points!r} must be a whole number from 1")

    def mark(check):
        check.part = Part(check.__name__, title, points, check, seconds)
        return check

    return mark


@functools.cache
def load(path):
    """The parts of a checks.py, in its order. Raises FileNotFoundError where there is none."""
    path = Path(path)
    path = path / "checks.py" if path.is_dir() else path
    if not path.is_file():
        raise FileNotFoundError(f"no {path}: an assignment is a folder with a checks.py")
    spec = importlib.util.spec_from_file_location(f"checks_of_{path.parent.name}", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    marked = (getattr(thing, "part", None) for thing in vars(module).values())
    return tuple(one for one in marked if isinstance(one, Part))


def grade(parts, namespace, failures=(), sources=(), *, on_result=lambda result: None):
    """Every part's result, in order. A check that is wrong itself costs its part alone."""
    results = []
    for one in parts:
        answers = Answers(namespace, failures, sources)
        message = _judged(one, answers)
        message = message and answers.also(message)
        results.append(Result(one.name, one.title, one.points, 0 if message else one.points, message))
        on_result(results[-1])
    return results


def _judged(one, answers):
    """Why a part brings no points; an empty text where it does."""
    try:
        with limit(one.seconds), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            one.check(answers)
    except (Wrong, AssertionError) as wrong:
        return str(wrong) or "not right"
    except TimeLimit:
        return f"checking it took longer than {one.seconds:g} s; is there a loop without an end?"
    except (Exception, SystemExit) as error:
        if os.environ.get("GRADING_DEBUG"):
            traceback.print_exc()
        return f"the answer can't be used: {type(error).__name__}: {error}"
    return ""


def text(results):
    """The results as lines, the score last: `score: 7 / 10`."""
    got, points = sum(one.got for one in results), sum(one.points for one in results)
    return "\n".join([*map(str, results), f"score: {got} / {points}"])
