"""Records: what a run leaves behind, one JSON file each, and the only place a published number may come from.

`<experiment>--<model>--<dataset>--<seed>.json`; the fields are in `gpc.train.schema.SCHEMA` and, in words, in
the README beside the records. An invalid record is never half-read: the error names the file and the field.
"""

import json
import re
import statistics
import sysconfig
from pathlib import Path

from gpc.train.recipes import Recipe
from gpc.train.schema import SCHEMA, at, unknown

SEEDS_NEEDED = 3


def file_name(experiment, model, dataset, seed):
    """The name a record's file must have.

    >>> file_name("17 do they learn", "kEfficientNetB0", "cifar10", 0)
    '17-do-they-learn--kEfficientNetB0--cifar10--0.json'
    """
    plain = (re.sub(r"[^\w.]+", "-", str(part)) for part in (experiment, model, dataset))
    parts = [re.sub(r"-{2,}", "-", part).strip("-") for part in plain]
    return "--".join([*parts, str(seed)]) + ".json"


def validate(record):
    """Returns the record. Raises ValueError naming the first field at fault and what it must hold."""
    if not isinstance(record, dict):
        raise ValueError(f"a record must be an object; this is a {type(record).__name__}")
    for field, holds, test in SCHEMA:
        try:
            value = at(record, field)
        except KeyError:
            raise ValueError(f"field {field!r} is missing; it holds {holds}") from None
        if not test(value):
            raise ValueError(f"field {field!r} is {_short(value)}; it holds {holds}")
    if extra := unknown(record):
        raise ValueError(f"field {extra[0]!r} is not known; fields are listed in gpc.train.schema.SCHEMA")
    _check_sense(record)
    return record


def _check_sense(record):
    epochs, asked, best = len(record["curve"]), record["recipe"]["epochs"], record["metrics"]["best_epoch"]
    if record["status"] == "finished" and epochs != asked:
        raise ValueError(f"field 'curve' has {epochs} epochs; the recipe of a finished run says {asked}")
    if best > epochs:
        raise ValueError(f"field 'metrics.best_epoch' is {best}; the curve has {epochs} epochs")
    row, scores = record["curve"][best - 1], Recipe(**record["recipe"]).scores
    if any(set(one) != set(scores) for one in record["metrics"].values() if isinstance(one, dict)):
        target = record["recipe"]["target"]
        raise ValueError(f"field 'metrics' must have {', '.join(scores)} for a recipe of target {target!r}")
    if any(row.get(f"val_{name}") != record["metrics"]["val"][name] for name in scores):
        raise ValueError("field 'metrics.val' is not the curve's row at 'metrics.best_epoch'")
    if bool(record["test_openings"]) < bool(record["metrics"]["test"]):
        raise ValueError("field 'test_openings' is 0; there are test scores, so it was opened")


def _short(value):
    told = json.dumps(value, default=str)
    return told if len(told) <= 60 else f"{told[:57]}..."


def read(path):
    """The valid record in this file. Raises ValueError naming file and field, FileNotFoundError where it is
    not."""
    path = Path(path)
    try:
        record = validate(json.loads(path.read_text(encoding="utf-8")))
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None
    expected = file_name(
        record["experiment"], record["model"]["name"], record["dataset"]["name"], record["seed"]
    )
    if path.name not in (expected, "record.json"):
        raise ValueError(f"{path}: its content is that of {expected}")
    return record


def home():
    """The nearest `data/records` at or above the working folder; its own where there is none."""
    here = Path.cwd()
    places = [one / "data" / "records" for one in (here, *here.parents)]
    return next((one for one in places if one.is_dir()), places[0])


def shelf():
    """Where records are read: `home()`; where there is none, the course's own as they came with the package."""
    carried = Path(sysconfig.get_path("data")) / "share" / "gpc" / "records"
    return home() if home().is_dir() or not carried.is_dir() else carried


def load(folder=None, *, experiment=None):
    """Every record in `folder` (default: `shelf()`), by file name, as a tuple; of `experiment` alone if given.

    Raises FileNotFoundError where there is no such folder, ValueError for an invalid record, naming file and
    field.
    """
    folder = shelf() if folder is None else Path(folder)
    if not folder.is_dir():
        raise FileNotFoundError(f"no folder {folder} of records; `gpc train … --records {folder}` makes one")
    found = [read(path) for path in sorted(folder.glob("*.json"))]
    return tuple(one for one in found if experiment in (None, one["experiment"]))


def table(records):
    """One row for each experiment, model, data set and recipe: a list of dicts, mean and spread over the
    seeds. Where an experiment ran on other images of the same name, they are a data set of their own, named
    with the start of their fingerprint: "digits (3f2a9c01)".

    `experiment, model, dataset, recipe, seeds, parameters, macs, test_accuracy` and `val_accuracy` (means),
    measure (what is compared: "accuracy", of maps "iou"), test (its mean), tests (of each seed), spread (its
    standard deviation over the seeds; None below two), enough (at least three seeds: drawn filled),
    epochs, epoch_seconds (median), train_ms (of one image, from the same), diverged (how many), gpu
    (whether all are from one), made_on (the machines, in words).
    """
    records, versions, groups = tuple(records), {}, {}
    for one in records:
        place = (one["experiment"], one["dataset"]["name"])
        versions.setdefault(place, set()).add(one["dataset"]["fingerprint"])
    for one in records:
        dataset = one["dataset"]["name"]
        if len(versions[one["experiment"], dataset]) > 1:
            dataset += f" ({one['dataset']['fingerprint'][:8]})"
        key = (one["experiment"], one["model"]["name"], dataset, one["recipe"]["name"])
        groups.setdefault(key, []).append(one)
    return [_row(key, found) for key, found in sorted(groups.items())]


def _row(key, found):
    found = sorted(found, key=lambda one: one["seed"])
    measure = "iou" if "iou" in found[0]["metrics"]["val"] else "accuracy"
    opened = [one["metrics"]["test"] for one in found if one["metrics"]["test"]]
    tests = [one[measure] for one in opened]
    return {
        **dict(zip(("experiment", "model", "dataset", "recipe"), key)),
        "seeds": [one["seed"] for one in found],
        "parameters": found[0]["model"]["parameters"],
        "macs": found[0]["model"]["macs"],
        "test_accuracy": statistics.fmean(one["accuracy"] for one in opened) if opened else None,
        "val_accuracy": statistics.fmean(one["metrics"]["val"]["accuracy"] for one in found),
        "measure": measure,
        "test": statistics.fmean(tests) if tests else None,
        "tests": tests,
        "spread": statistics.stdev(tests) if len(tests) > 1 else None,
        "enough": len({one["seed"] for one in found}) >= SEEDS_NEEDED,
        "epochs": found[0]["recipe"]["epochs"],
        "epoch_seconds": statistics.median(one["epoch_seconds"] for one in found),
        "train_ms": statistics.median(1000 * one["epoch_seconds"] / one["dataset"]["train"] for one in found),
        "diverged": sum(one["status"] == "diverged" for one in found),
        "gpu": all(one["device"]["gpu"] for one in found),
        "made_on": sorted({made_on(one) for one in found}),
    }


def made_on(record):
    """The machine, the versions and the commit of a record, in words."""
    device, versions = record["device"], record["versions"]
    name = ", ".join(device["gpu"]) or device["cpu"] or device["platform"]
    name += f" ({device['cores']} cores)" if not device["gpu"] else ""
    commit = f", commit {record['commit'][:10]}" if record["commit"] else ""
    software = " on ".join(versions[one] for one in ("keras", "backend") if versions.get(one))
    return f"{name} with Keras {software}{commit}"


def numbers(record):
    """The part of a record that two runs of one recipe, seed, model and data set share: no times, dates,
    machines."""
    curve = [{name: value for name, value in row.items() if name != "seconds"} for row in record["curve"]]
    same = ("status", "model", "dataset", "recipe", "seed", "metrics")
    return {name: record[name] for name in same} | {"curve": curve}


def flat(value, name=""):
    """{dotted name: value} of nested dicts.

    >>> flat({"recipe": {"epochs": 3}, "seed": 0})
    {'recipe.epochs': 3, 'seed': 0}
    """
    if not isinstance(value, dict):
        return {name: value}
    return {
        key: one
        for part, inner in value.items()
        for key, one in flat(inner, f"{name}.{part}".strip(".")).items()
    }
