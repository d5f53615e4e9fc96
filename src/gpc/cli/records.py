"""`gpc records`: what has been trained, and what is still missing."""

import json
import sys
from pathlib import Path

from gpc._checks import hint
from gpc.cli import _common

FOLDER, CHAPTERS = "data/records", "chapters"


def add(commands):
    """Tells argparse about the command."""
    found = _common.command(
        commands,
        "records",
        run,
        short="the records of past runs, checked, as a table",
        text=(
            "Reads every record in a folder (and in the folders of runs inside it), checks it, and prints "
            "one row for each experiment, model, data set and recipe. Fewer than three seeds are marked. "
            "Exit status: 1 where there is no record of the experiment or the data asked for."
        ),
        examples=[
            "gpc records                                the course's own, in data/records",
            "gpc records --folder runs                  those of your runs",
            "gpc records --missing                      experiments of the chapters that lack seeds",
            "gpc records --experiment 17-do-they-learn --markdown",
            "gpc records --experiment 17-do-they-learn --data cifar10 --figure sizes.svg",
            "gpc records --experiment 17-do-they-learn --data cifar10 --figure times.png --against ms",
        ],
    )
    found.add_argument("--folder", default=FOLDER, metavar="DIR", help=f"default: {FOLDER}")
    found.add_argument("--experiment", metavar="NAME", help="only this one")
    found.add_argument("--missing", action="store_true", help="what the chapters ask for and is not there")
    found.add_argument(
        "--chapters", default=CHAPTERS, metavar="DIR", help=f"of --missing (default: {CHAPTERS})"
    )
    found.add_argument("--data", metavar="NAME", help="only runs on this data set")
    found.add_argument("--json", action="store_true", help="print JSON instead of a table")
    found.add_argument("--markdown", action="store_true", help="print a Markdown table for each data set")
    found.add_argument(
        "--figure", metavar="FILE", help="draw the test scores with their spread (.svg, .png, .pdf)"
    )
    found.add_argument(
        "--against",
        choices=("parameters", "macs", "ms"),
        default="parameters",
        help="what they are drawn over (default: parameters)",
    )


def run(asked):
    """Prints the table, or what is missing."""
    from gpc.train import records

    _common.writable(asked.figure)
    folder = Path(asked.folder)
    found = () if asked.missing and not folder.is_dir() else read_all(folder, asked.experiment)
    if asked.missing:
        return _missing(asked, found)
    # Other images of one name have the start of their fingerprint behind it: the name alone is all of them.
    rows = [
        row for row in records.table(found)
        if asked.data in (None, row["dataset"], row["dataset"].partition(" (")[0])
    ]  # fmt: skip
    if asked.json:
        print(json.dumps(rows, indent=1))
    elif not rows:
        print(_none(asked, read_all(folder)))
    elif asked.markdown:
        print(_markdown(rows))
    else:
        print(text(rows))
    if asked.figure:
        return _draw(rows, asked)
    return 1 if not rows and (asked.experiment or asked.data) else 0


def _none(asked, found):
    """That there is no such record, and which experiment or data set that there is was meant."""
    what = "".join(f" of {one}" for one in (asked.experiment, asked.data) if one)
    told = f"no records{what} in {asked.folder}"
    for word, known in (
        (asked.experiment, {one["experiment"] for one in found}),
        (asked.data, {one["dataset"]["name"] for one in found}),
    ):
        if word and word not in known and (near := hint(word, sorted(known))):
            return told + near
    return f"{told}; `gpc run` or `gpc train … --experiment NAME` makes some"


def _markdown(rows):
    from gpc.show.evidence import markdown

    kinds = dict.fromkeys((row["experiment"], row["dataset"]) for row in rows)
    return "\n\n".join(
        f"**{experiment}**, {dataset}\n\n"
        + markdown([row for row in rows if (row["experiment"], row["dataset"]) == (experiment, dataset)])
        for experiment, dataset in kinds
    )


def _draw(rows, asked):
    from gpc.show.evidence import evidence

    path = Path(asked.figure)
    try:
        evidence(rows, asked.against).save(path)
    except ValueError as error:
        raise ValueError(f"--figure: {error}; choose with --experiment and --data") from None
    print(f"figure in {path}", file=sys.stderr)
    return 0


def read_all(folder, experiment=None):
    """The records of a folder and of the runs' folders in it, each once, for a run keeps a copy of its
    own."""
    from gpc.train import records

    found = {json.dumps(one, sort_keys=True): one for one in records.load(folder, experiment=experiment)}
    for path in sorted(folder.glob("*/record.json")):
        one = records.read(path)
        if experiment in (None, one["experiment"]):
            found.setdefault(json.dumps(one, sort_keys=True), one)
    return tuple(found.values())


def text(rows):
    """The rows of gpc.train.records.table as an aligned table."""
    heads = (
        "experiment",
        "model",
        "data",
        "recipe",
        "seeds",
        "parameters",
        "MACs",
        "test",
        "spread",
        "s an epoch",
    )
    lines = [heads, *map(_line, rows)]
    widths = [max(len(line[place]) for line in lines) for place in range(len(heads))]
    drawn = ["  ".join(map(_cell, line, widths, range(len(line)))) for line in lines]
    few = ["", "○ fewer than three seeds"] if any(not row["enough"] for row in rows) else []
    return "\n".join(line.rstrip() for line in [drawn[0], "─" * len(drawn[0]), *drawn[1:], *few])


def _cell(cell, width, place):
    return cell.ljust(width) if place < 5 else cell.rjust(width)


def _line(row):
    seeds = ",".join(map(str, row["seeds"])) + ("" if row["enough"] else " ○")
    test = "–" if row["test"] is None else f"{100 * row['test']:.2f}%"
    test += " IoU" if row["measure"] == "iou" else ""
    spread = "–" if row["spread"] is None else f"{100 * row['spread']:.2f}"
    macs = "–" if row["macs"] is None else f"{row['macs']:,}"
    told = (row["experiment"], row["model"], row["dataset"], row["recipe"], seeds, f"{row['parameters']:,}")
    return (*told, macs, test, spread, f"{row['epoch_seconds']:.1f}")


def asked_for(chapters):
    """{experiment: chapter file} of the cells that the chapters mark as full-size runs with records."""
    folder = Path(chapters)
    if not folder.is_dir():
        raise FileNotFoundError(
            f"no folder {chapters} of chapters; run this in the course's folder, or --chapters DIR"
        )
    found = {}
    for path in sorted(folder.glob("*.ipynb")):
        for cell in _cells(path):
            gpu = cell.get("metadata", {}).get("gpu") or {}
            if gpu.get("experiment") and gpu.get("records", True):
                found[gpu["experiment"]] = path.name
    return found


def _cells(path):
    try:
        return json.loads(path.read_text(encoding="utf-8")).get("cells", [])
    except (ValueError, AttributeError) as error:
        raise ValueError(f"{path} is no notebook: {error}") from None


def _missing(asked, found):
    from gpc.train.records import SEEDS_NEEDED

    lacking = []
    for experiment, chapter in asked_for(asked.chapters).items():
        runs = {}
        for one in found:
            if one["experiment"] == experiment:
                runs.setdefault(one["model"]["name"], set()).add(one["seed"])
        if not runs:
            lacking.append(f"{experiment} ({chapter}): no record")
        lacking += [
            f"{experiment} ({chapter}): {model} has {len(seeds)} of {SEEDS_NEEDED} seeds"
            for model, seeds in sorted(runs.items())
            if len(seeds) < SEEDS_NEEDED
        ]
    print("\n".join(lacking) or "nothing: every experiment of the chapters has its records")
    return 1 if lacking else 0
