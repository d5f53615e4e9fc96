"""Records as the book's tables and figures: ours with their spread, what was published beside them, apart."""

import json
import math
import re
from pathlib import Path

import numpy as np

from gpc.show.numbers import number

AGAINST = {
    "parameters": ("parameters", "parameters", "x"),
    "macs": ("macs", "multiply-accumulates an image", "x"),
    "ms": ("train_ms", "training time an image (ms, validation included)", ""),
}
MEASURES = {"accuracy": "test accuracy (%)", "iou": "test IoU (%)"}
_HEADS = ("Model", "Parameters", "MACs an image", "Seeds", "Test", "± s.d. (points)", "Epochs", "s an epoch")


def evidence(rows, against="parameters"):
    """A figure of the rows of `gpc.train.records.table`: the test score over parameters, "macs" or "ms".

    One point a model, at the mean of its seeds as in the table, with a line from the worst to the best; fewer
    than three seeds are drawn hollow. Rows of one experiment, data set and measure. Returns the Drawing.
    Raises ValueError for rows of several, rows without a test score, or an unknown `against`.
    """
    from gpc.show.charts import scatter
    from gpc.show.colours import palette

    if against not in AGAINST:
        raise ValueError(f"against={against!r} is not known; choose from {', '.join(map(repr, AGAINST))}")
    field, words, log = AGAINST[against]
    rows = [row for row in rows if row["tests"] and row[field] is not None]
    kinds = sorted({(row["experiment"], row["dataset"], row["measure"]) for row in rows})
    if len(kinds) != 1:
        told = "; ".join(" ".join(one) for one in kinds) or "none with a test score"
        raise ValueError(f"one experiment on one data set is drawn at a time; these rows are of: {told}")
    colours = {label(row, rows): getattr(palette, hue(row["model"])) for row in rows}
    points = {label(row, rows): (row[field], [100 * one for one in row["tests"]]) for row in rows}
    measure = MEASURES[kinds[0][2]]
    told = {"title": conclusion(rows), "x": words, "y": measure}
    drawn = scatter(points, **told, log=log, colours=colours, size=(7.5, 4.6), middle=np.mean)
    drawn.description = f"{measure} over {words}. " + " ".join(map(_told, rows))
    return drawn


def hue(model):
    """The colour of what a model is, the same in every figure of records: originals blue, regrouped ones green,
    controls orange.

    >>> hue("MobileNet"), hue("kMobileNet-16ch"), hue("MobileNet-thin"), hue("EfficientNetB0-equal-time")
    ('blue', 'green', 'vermillion', 'vermillion')
    >>> hue("UNet-separate-16ch"), hue("UNet-separate")
    ('green', 'blue')
    """
    if re.search(r"\b(thin|equal-time)\b", model):
        return "vermillion"
    return "green" if re.match(r"k[A-Z]", model) or re.search(r"-\d+ch\b", model) else "blue"


def label(row, rows):
    """What a row is called in a figure: its model; with its recipe where one model has two."""
    twice = sum(one["model"] == row["model"] for one in rows) > 1
    return f"{row['model']} ({row['recipe']})" if twice else row["model"]


def conclusion(rows):
    """The figure's title, computed: which model is best, and which comes within a point of it with the fewest
    parameters."""
    score = {label(row, rows): row["test"] for row in rows}
    best = max(score, key=score.get)
    size = {label(row, rows): row["parameters"] for row in rows}
    near = min((name for name in score if score[best] - score[name] < 0.01), key=size.get)
    told = f"The best: {best}, {100 * score[best]:.1f}%"
    if near == best or size[near] >= size[best]:
        return told
    return f"{told}; within a point, with {size[best] / size[near]:.1f} times fewer parameters: {near}"


def _told(row):
    few = "" if row["enough"] else f" ({len(row['tests'])} of 3 seeds)"
    return f"{row['model']}: {100 * row['test']:.2f}%{few}."


def markdown(rows):
    """The rows as a Markdown table, in the order of their parameters; fewer than three seeds are marked ○."""
    ordered = sorted(rows, key=lambda row: (-row["parameters"], row["model"], row["recipe"]))
    return pipes(_HEADS, [_cells(row, rows) for row in ordered])


def _cells(row, rows):
    few = "" if row["enough"] else " ○"
    test = "–" if row["test"] is None else f"{100 * row['test']:.2f}%"
    return (
        f"{label(row, rows)}{few}",
        number(row["parameters"]),
        "–" if row["macs"] is None else number(row["macs"]),
        ", ".join(map(str, row["seeds"])),
        f"{test} IoU" if row["measure"] == "iou" else test,
        "–" if row["spread"] is None else f"{100 * row['spread']:.2f}",
        str(row["epochs"]),
        f"{row['epoch_seconds']:.1f}",
    )


def pipes(heads, lines):
    """A Markdown table of texts: the first column to the left, the others to the right."""
    escaped = [
        [str(cell).replace("|", r"\|").replace("\n", " ") for cell in line] for line in (heads, *lines)
    ]
    marks = ["---", *["---:"] * (len(heads) - 1)]
    return "\n".join("| " + " | ".join(line) + " |" for line in (escaped[0], marks, *escaped[1:]))


def published(path, dataset):
    """What papers report on a data set of ours: a list of {model, input, epochs, parameters, test_accuracy,
    source, note}, from the file `data/published.json`; empty where there is none."""
    path = Path(path)
    if not path.is_file():
        return []
    found = json.loads(path.read_text(encoding="utf-8"))["results"]
    return [one for one in found if one["dataset"] == dataset]


def published_table(found):
    """Published numbers as a Markdown table, each with its source."""
    heads = ("Published model", "Image", "Epochs", "Parameters", "Test", "Source")
    return pipes(heads, [_published(one) for one in found])


def _published(one):
    size = "–" if one["parameters"] is None else number(one["parameters"])
    note = f"; {one['note']}" if one["note"] else ""
    test = "–" if one["test_accuracy"] is None or math.isnan(one["test_accuracy"]) else one["test_accuracy"]
    test = test if test == "–" else f"{100 * test:.2f}%"
    return (one["model"], one["input"], one["epochs"], size, test, f"{one['source']}{note}")
