"""Many submissions at once: `python -m grading 1_budget submissions/*.ipynb --csv points.csv`."""

import argparse
import contextlib
import csv
import glob
import os
import sys
from pathlib import Path

from grading.parts import load
from grading.process import graded


def main(arguments=None):
    """Grades each file in a process of its own and prints a line for each; a CSV file has every part."""
    parser = argparse.ArgumentParser(prog="python -m grading", description=__doc__)
    parser.add_argument("assignment", help="the assignment's folder")
    parser.add_argument("notebooks", nargs="+", help="submitted notebooks")
    parser.add_argument("--csv", help="write points and messages of each part to this file")
    given = parser.parse_args(arguments)
    if hasattr(sys.stdout, "reconfigure"):  # a file on Windows has no ž: a name must not end the grading
        sys.stdout.reconfigure(errors="replace")
    try:
        parts = load(Path(given.assignment))
    except FileNotFoundError as error:
        raise SystemExit(str(error)) from None
    with _table(given.csv) as file:
        _row(file, ["notebook", "score", *(one.name for one in parts), "messages"])
        for notebook in _meant(given.notebooks):
            results = graded(given.assignment, notebook)
            got = sum(one.got for one in results)
            lost = "; ".join(one.name for one in results if one.got < one.points)
            score = f"{got:3} / {sum(one.points for one in parts)}"
            print(f"{score}  {notebook}" + (f"  lost: {lost}" if lost else ""), flush=True)
            _row(file, [notebook, got, *(one.got for one in results), _messages(results)])


def _meant(names):
    """The files that are meant: shells on Windows hand on `*.ipynb` and `~` as they are typed."""
    found = []
    for name in names:
        there = [] if os.path.exists(name) else sorted(glob.glob(os.path.expanduser(name)))
        found += there or [name]
    return found


def _table(path):
    """The CSV file, opened before hours of grading; a context without one where none is asked for."""
    if not path:
        return contextlib.nullcontext()
    try:
        return open(path, "w", newline="", encoding="utf-8", errors="replace")
    except OSError as error:
        raise SystemExit(f"--csv {path} can't be written: {error.strerror}; is its folder there?") from None


def _row(file, row):
    """One line of the CSV file, on the disk at once: what is graded stays graded."""
    if file is not None:
        csv.writer(file).writerow(row)
        file.flush()


def _messages(results):
    return "\n".join(f"{one.name}: {one.message}" for one in results if one.message)


if __name__ == "__main__":
    main()
