"""What `gpc look` found, as tables: how far the maps of trained networks lie on the object."""

import json
import statistics
from pathlib import Path

METHODS = {"cam": "CAM", "grad_cam": "Grad-CAM", "centre": "the picture's middle"}
HEADS = ("Model", "Map", "Seeds", "Highest point on the mask", "Overlap (IoU)")


def load(folder, names=None):
    """Every run's scores in a folder, or those of the files `names`: a tuple of dictionaries."""
    paths = sorted(Path(folder).glob("*.json"))
    return tuple(
        json.loads(path.read_text(encoding="utf-8")) for path in paths if names is None or path.name in names
    )


def table(looks):
    """One row a model and method: means over the seeds of both scores, and their spread in points."""
    rows = []
    for model in dict.fromkeys(one["model"] for one in looks):
        own = [one for one in looks if one["model"] == model]
        rows += [_row(model, method, own) for method in METHODS]
    return rows


def _row(model, method, own):
    found = {"model": model, "method": METHODS[method], "seeds": sorted(one["seed"] for one in own)}
    for score in ("pointing", "iou"):
        values = [one[method][score] for one in own]
        found[score] = statistics.fmean(values)
        found[f"{score}_spread"] = statistics.stdev(values) if len(values) > 1 else None
    return found


def cells(row):
    """A row as texts, in the order of HEADS."""
    told = [
        f"{100 * row[score]:.1f}%" + ("" if spread is None else f" ± {100 * spread:.1f}")
        for score, spread in ((one, row[f"{one}_spread"]) for one in ("pointing", "iou"))
    ]
    return (row["model"], row["method"], ", ".join(map(str, row["seeds"])), *told)


def text(rows):
    """The rows as an aligned table."""
    lines = [HEADS, *map(cells, rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join("  ".join(map(str.ljust, line, widths)).rstrip() for line in lines)
