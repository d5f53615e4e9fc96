"""Records of full runs as a table, or a plain word that there are none yet."""

from gpc.show.tables import table
from gpc.show.words import say

_COLUMNS = {
    "model": "model",
    "parameters": "parameters",
    "macs": "MACs an image",
    "seeds": "seeds",
    "test": "test accuracy",
    "spread": "± points (s.d.)",
    "epoch_seconds": "seconds an epoch",
}


def results(records, caption=None):
    """Shows the records of one experiment: a row a model, mean and spread of the test accuracy (of maps the
    IoU) over the seeds.

    Args:
        records: what `gpc.train.study` or `gpc.train.records.load` returns. Without any it says how to make
            some.
        caption: what stands above the table; by default experiment, data set and recipe.

    Where runs left the test split closed, a column has the validation accuracies. Below the table stands where they were made: device, versions, commit. Returns the table, or None.
    """
    from gpc.train.records import made_on, table as summary

    if not records:
        say(
            "No record of this experiment yet: this cell makes them on a machine with a GPU, "
            "or anywhere with `GPC_PROFILE=full`."
        )
        return None
    found = summary(records)
    rows = [_row(one) for one in found]
    maps = any("iou" in one["metrics"]["val"] for one in records)
    headings = _COLUMNS | ({"test": "test IoU"} if maps else {})
    if any(one["test"] is None for one in found):
        headings["val_accuracy"] = "validation accuracy"
        rows = [row | {"val_accuracy": f"{one['val_accuracy']:.2%}"} for row, one in zip(rows, found)]
    shown = table(rows, caption or _caption(records), headings=headings, formats={"epoch_seconds": ".1f"})
    shown.show()
    say("Made on {where}.", where="; ".join(sorted({made_on(one) for one in records})))
    return shown


def _row(one):
    seeds = str(len(one["seeds"]))
    return {
        **{name: one[name] for name in _COLUMNS},
        "seeds": seeds if one["enough"] else f"{seeds} (too few to judge)",
        "test": "–" if one["test"] is None else f"{one['test']:.2%}",
        "spread": "–" if one["spread"] is None else f"{100 * one['spread']:.2f}",
    }


def _caption(records):
    first = records[0]
    return f"{first['experiment']}: {first['dataset']['name']}, recipe {first['recipe']['name']}"
