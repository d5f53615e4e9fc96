"""Whether what the chapters assert holds with other seeds: each is executed again with all its seeds moved.

    python tools/seeds.py                   seeds 1 and 2 of every chapter that has no valid outcome yet
    python tools/seeds.py 07 12 --moves 1 2 3 4
    python tools/seeds.py 07 --again
    python tools/seeds.py 07 --full         in the full profile, without the cells that train on a GPU

In the kernel, `keras.utils.set_random_seed(s)` seeds s + 1000 · move: other first weights, another order of
images, other dropout; the data stay as they are. Outcomes go to data/seeds.json as they come, so that a run
that is cut goes on; one is valid while the chapter's code is the same. The exit status is 1 where an assert
did not hold.
"""

import argparse
import hashlib
import json
import os
import re
import sys
from datetime import datetime, timezone
from importlib import metadata
from pathlib import Path

import nbformat

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tools import chapters, pages  # noqa: E402  (the path above makes `tools` importable from anywhere)

FILE = "data/seeds.json"
STRIDE = 1000  # further than any chapter counts its own seeds
MOVED = """\
import keras.utils as moved_seeds
moved_seeds.unmoved = getattr(moved_seeds, "unmoved", moved_seeds.set_random_seed)
moved_seeds.set_random_seed = lambda seed: moved_seeds.unmoved(seed + {by})"""


def code_of(notebook):
    """Sixteen hex digits of a chapter's code cells: what an outcome is an outcome of."""
    return hashlib.sha256("\0".join(chapters.cells_of(notebook)).encode()).hexdigest()[:16]


def moved(notebook, move):
    """The notebook with a cell behind its set-up that moves every seed."""
    cell = nbformat.v4.new_code_cell(MOVED.format(by=STRIDE * move), id="moved-seeds")
    cells = list(notebook.cells)
    first = next(place for place, one in enumerate(cells) if one.cell_type == "code")
    return nbformat.from_dict({**notebook, "cells": [*cells[: first + 1], cell, *cells[first + 1 :]]})


def without_gpu(notebook):
    """The notebook without the cells that train on a GPU; what they take is tried by `make rehearse`."""
    cells = [one for one in notebook.cells if "gpu" not in one.metadata.get("tags", ())]
    return nbformat.from_dict({**notebook, "cells": cells})


def outcome(chapter, move, revision):
    """One chapter executed with its seeds moved. → a row of the file"""
    notebook, profile = nbformat.read(chapter, as_version=4), chapters.profile()
    row = {"chapter": chapter.stem, "code": code_of(notebook), "move": move, "profile": profile}
    row |= {"held": True, "failed": None}
    tried = without_gpu(notebook) if profile == "full" else notebook
    try:
        _, seconds = chapters.execute(chapter, notebook=moved(tried, move))
        row["seconds"] = round(seconds)
    except chapters.ChapterFailed as failure:
        row |= {"held": False, "failed": told(str(failure)), "seconds": None}
    return row | {
        "commit": revision,
        "tensorflow": metadata.version("tensorflow"),
        "keras": metadata.version("keras"),
        "date": datetime.now(timezone.utc).isoformat(timespec="seconds"),
    }


def told(failure):
    """A failure in a line: the cell, and the last thing that was said."""
    cell = re.search(r"\(id ([\w-]+)", failure)
    last = [line.strip() for line in failure.splitlines() if line.strip()][-1]
    return f"{cell.group(1) if cell else 'unknown cell'}: {last}"[:300]


def read(root=ROOT):
    """The rows of the file, none where there is no file."""
    path = root / FILE
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else []


def write(rows, root=ROOT):
    """The rows in order, written whole or not at all."""
    path = root / FILE
    ordered = sorted(rows, key=lambda row: (row["chapter"], row["move"]))
    unfinished = path.with_suffix(".unfinished")
    unfinished.write_text(json.dumps(ordered, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    unfinished.replace(path)


def summary(root=ROOT):
    """{chapter: "2 of 2"}: how many moved runs held, of rows that are of the chapter's code.

    "2 of 2, full" where they, and one with the chapter's own seeds, were in the full profile.
    """
    found = {}
    for chapter in chapters.in_toc(root):
        code = code_of(nbformat.read(chapter, as_version=4))
        rows = [row for row in read(root) if (row["chapter"], row["code"]) == (chapter.stem, code)]
        others = [row["held"] for row in rows if row["move"]]
        if others:
            whole = len(others) < len(rows) and all(row["profile"] == "full" for row in rows)
            found[chapter.stem] = f"{sum(others)} of {len(others)}{', full' if whole else ''}"
    return found


def _valid(row, code):
    """Whether a row is of this code, and of this profile or the full one, which the quick one is a part of."""
    return row["code"] == code and row["profile"] in (chapters.profile(), "full")


def run(wanted, moves, *, again=False, root=ROOT):
    """The outcomes that are missing, one after the other, each kept at once. → those of this run"""
    new, revision = [], pages.commit(root, besides=[FILE]).replace("`", "")
    for chapter in chapters.in_toc(root):
        if wanted and not any(chapter.stem.startswith(one) for one in wanted):
            continue
        code = code_of(nbformat.read(chapter, as_version=4))
        for move in moves:
            same = [row for row in read(root) if (row["chapter"], row["move"]) == (chapter.stem, move)]
            if not again and any(_valid(row, code) for row in same):
                continue
            print(f"{chapter.stem}, seeds moved by {STRIDE * move} …", end=" ", flush=True)
            row = outcome(chapter, move, revision)
            print(f"held, {row['seconds']} s" if row["held"] else f"FAILED in {row['failed']}", flush=True)
            write([one for one in read(root) if one not in same] + [row], root)
            new.append(row)
    return new


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("chapters", nargs="*", help="numbers, 07 say; all without")
    parser.add_argument("--moves", nargs="+", type=int, default=[1, 2], metavar="N", help="default: 1 2")
    parser.add_argument("--again", action="store_true", help="whatever the file has")
    parser.add_argument("--full", action="store_true", help="in the full profile, but for the cells for a GPU")
    asked = parser.parse_args()
    os.environ["GPC_PROFILE"] = "full" if asked.full else "quick"
    known = [chapter.stem for chapter in chapters.in_toc()]
    unknown = [one for one in asked.chapters if not any(stem.startswith(one) for stem in known)]
    if unknown:
        raise SystemExit(f"no chapter begins with {', '.join(unknown)}; there are {', '.join(known)}")
    new = run(asked.chapters, asked.moves, again=asked.again)
    held = sum(row["held"] for row in new)
    print(f"{held} of {len(new)} held; all outcomes are in {FILE}")
    raise SystemExit(held < len(new))


if __name__ == "__main__":
    main()
