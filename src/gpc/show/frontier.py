"""All records in one figure: a data set is chosen, its models stand in two planes, the frontier is drawn."""

from statistics import fmean

from gpc.show.evidence import MEASURES, hue, label
from gpc.show.numbers import number
from gpc.show.planes import Axis, Point, plane
from gpc.show.states import explorer

FIELDS = {"parameters": "parameters", "macs": "multiply-accumulates an image"}


def frontier(rows, titles=None):
    """The rows of `gpc.train.records.table` as a figure: the test score over parameters and over MACs.

    A list chooses among experiments on data sets. Each model stands at the mean of its seeds with a line from
    the worst to the best, hollow with fewer than three; a line joins those that none beats with as little.
    titles: {(experiment, data set): words}. Returns an Output; None where there is nothing to choose: fewer
    than two experiments on data sets with test scores.
    """
    kinds = {}
    for row in rows:
        if row["tests"] and row["macs"] is not None:
            kinds.setdefault((row["experiment"], row["dataset"]), []).append(row)
    if len(kinds) < 2:
        return None
    named = {(titles or {}).get(kind, " on ".join(kind)): chosen for kind, chosen in kinds.items()}
    places = max(map(len, kinds.values()))

    def state(chosen):
        planes = [_plane(chosen, field, places) for field in FIELDS]
        told = "; ".join(_told(row, chosen) for row in chosen)
        best = ", ".join(label(row, chosen) for row in front(chosen, "parameters"))
        return planes, {"told": told, "best": best}

    return explorer(
        state,
        title="What right answers cost, in parameters and in arithmetic",
        description="Left, the models of one experiment by parameters and test score, right by "
        "multiply-accumulates an image and test score. A point is the mean over the seeds, its line goes "
        "from the worst to the best, and it is hollow with fewer than three. A thin line joins the models "
        "that none beats with as little.",
        controls={"records of": named},
        caption="{told}. Beaten by none with as few parameters: {best}.",
    )


def front(rows, field):
    """The rows that none beats with as little: in the order of the field, each with a higher score.

    >>> rows = [{"test": t, "parameters": p} for t, p in ((0.7, 10), (0.6, 20), (0.9, 30))]
    >>> [row["parameters"] for row in front(rows, "parameters")]
    [10, 30]
    """
    found = []
    for row in sorted(rows, key=lambda row: (row[field], -row["test"])):
        if not found or row["test"] > found[-1]["test"]:
            found.append(row)
    return found


def _across(field, rows):
    values = [row[field] for row in rows]
    # Names stand at the right of their points: there is room for one.
    return Axis(FIELDS[field], min(values) / 1.6, max(values) * 9, log=True, most=4)


def _up(rows):
    scores = [100 * score for row in rows for score in row["tests"]]
    room = max(0.15 * (max(scores) - min(scores)), 0.5)
    return Axis(MEASURES[rows[0]["measure"]], max(0, min(scores) - room), min(100, max(scores) + room))


def _plane(rows, field, places):
    points = [
        Point(
            row[field],
            100 * fmean(row["tests"]),
            label(row, rows),
            hue(row["model"]),
            low=100 * min(row["tests"]),
            high=100 * max(row["tests"]),
            hollow=not row["enough"],
        )
        for row in rows
    ]
    line = [(row[field], 100 * row["test"]) for row in front(rows, field)]
    title = "By parameters" if field == "parameters" else "By arithmetic"
    return plane(title, points, _across(field, rows), _up(rows), places=places, line=line)


def _told(row, rows):
    scores = [100 * score for score in row["tests"]]
    spread = f"{min(scores):.1f} to {max(scores):.1f}, {len(scores)} seeds" if len(scores) > 1 else "one seed"
    size = number(row["parameters"])
    return f"{label(row, rows)}: {100 * row['test']:.1f}% ({spread}) with {size} parameters"
