"""A plan against its records: what is there, what is missing, how its models are built."""

import statistics
from dataclasses import dataclass
from pathlib import Path

from gpc.train import records as kept
from gpc.train.plans import Item
from gpc.train.recipes import Recipe, equal_time

STRETCHED = ("name", "epochs", "cycle", "warmup", "decay", "deviates")  # by gpc.train.equal_time
WITHIN = 0.02  # how far the parameters of a control may be from those it is to have


def built(item, input_shape, classes):
    """The item's model: built, strides left out, taken apart, thinned, grouped, Lab in front, in this order.

    Raises ValueError or TypeError naming the row and what its network or the surgery refused.
    """
    import keras

    from gpc import models, surgery

    row = item.row
    try:
        options = {"input_shape": tuple(input_shape), "classes": classes, **row.options}
        found = models.build(row.network, **options)
        if row.skip_strides:
            found = surgery.skip_strides(found, row.skip_strides)
        if row.separate:
            found = surgery.separate(found)
        if row.width is not None:
            found = surgery.thin(found, row.width, divisor=row.divisor)
        if row.regroup:
            found = surgery.regroup(found, row.regroup).model
    except (ValueError, TypeError) as error:
        raise type(error)(f"model {row.name}: {error}") from error
    if row.colours != "lab":
        return found
    from gpc.layers import RGBToLab

    inputs = keras.Input(tuple(input_shape))
    return keras.Model(inputs, found(RGBToLab(scale="unit")(inputs)), name=f"{found.name}_lab")


def timed(item, plan, found, device):
    """The item's recipe, as long as another row where `time_of` asks for it; None where that is not known.

    A row with `time_of` is trained by `gpc.train.equal_time`: s is the median of the seconds an epoch in the
    records `found` of `like` and of `time_of`, all of this plan, from the same kind of `device` and of one
    backend. Known when every seed has them, so that it is one recipe for all seeds.
    """
    row = item.row
    if row.time_of is None:
        return item.recipe
    timed_by = {
        name: [
            one
            for one in found
            if one["experiment"] == item.experiment
            and one["model"]["name"] == item.name.replace(row.name, name, 1)
            and one["dataset"]["name"] == item.data.called
            and kind(one["device"]) == device
        ]
        for name in (row.time_of, row.like)
    }
    engines = {one["versions"]["backend"] for ones in timed_by.values() for one in ones}
    if min(map(len, timed_by.values())) < len(plan.seeds) or len(engines) > 1:
        return None
    own, reference = (
        statistics.median(one["epoch_seconds"] for one in timed_by[name]) for name in (row.like, row.time_of)
    )
    return equal_time(item.recipe, seconds=own, reference=reference)


def kind(device):
    """What says that two runs' times may be compared: the GPUs by name, without any the processor.

    >>> kind({"gpu": ["NVIDIA H100"], "cpu": "Xeon", "used": 1}), kind({"gpu": [], "cpu": "Xeon"})
    ('1 × NVIDIA H100', 'Xeon')
    """
    if device["gpu"]:
        return f"{device.get('used', 1)} × {device['gpu'][0]}"
    return device["cpu"] or device.get("platform") or "unknown"


@dataclass(frozen=True)
class State:
    """Where one run of a plan stands.

    status   "there", "missing", "waits" (`time_of`: records it is timed by are missing) or "in the way" (its
             record's place holds another run's, `reason` says in what it differs)
    """

    item: Item
    path: Path
    status: str
    reason: str
    recipe: Recipe | None


def states(plan, folder, *, device=None):
    """Where every run of the plan stands, in its order: a tuple of `State`s, from the records in `folder`.

    Raises ValueError for an invalid record, naming file and field.
    """
    folder = Path(folder)
    found = kept.load(folder) if folder.is_dir() else ()
    device = kind(device_here()) if device is None and any(one.time_of for one in plan.rows) else device
    return tuple(_state(item, plan, found, folder, device) for item in plan.items())


def device_here():
    """The device of this process, as a record keeps it."""
    from gpc.train import machine

    return machine.device()


def _state(item, plan, found, folder, device):
    path = folder / item.file
    if path.exists():
        other = differs(kept.read(path), item)
        return State(item, path, "in the way" if other else "there", other, item.recipe)
    recipe = timed(item, plan, found, device)
    if recipe is None:
        reason = f"its epochs follow from records of {item.row.time_of} and {item.row.like} on this device, of one backend"
        return State(item, path, "waits", reason, None)
    return State(item, path, "missing", "", recipe)


def differs(record, item):
    """In what a record is another run's than the item's; an empty text where it is its own."""
    asked = {"recipe": item.recipe.as_dict(), "options": item.row.told(), **_data(item)}
    there = {"recipe": dict(record["recipe"]), "options": record["model"]["options"]}
    there |= {name: value for name, value in _data_of(record).items() if name in asked}
    if not there["options"]:  # of a study, whose models are functions: the name stands for what they build
        asked["options"] = {}
    if item.row.time_of is not None:
        for name in STRETCHED:
            asked["recipe"].pop(name), there["recipe"].pop(name)
    old, new = kept.flat(there), kept.flat(asked)
    return ", ".join(
        f"{name} is {old.get(name)!r} there, {new.get(name)!r} in the plan"
        for name in {**new, **old}
        if old.get(name) != new.get(name)
    )


def _data(item):
    """What a plan says of its data, by the names of `_data_of`; a set's own size and count it leaves open."""
    data, found = item.data, {"data seed": item.data.seed}
    if data.size is not None:
        found["data size"] = data.size
    if data.classes:
        found["data classes"] = len(data.classes)
    if data.count is not None and item.recipe.subset == 1:  # else the record has a part of the images
        found["data count"] = data.count
    return found


def _data_of(record):
    data = record["dataset"]
    return {
        "data seed": data["seed"],
        "data size": data["input_shape"][0],
        "data classes": data["classes"],
        "data count": sum(data[split] for split in ("train", "validation", "test")),
    }


def check_control(plan, counts):
    """Raises ValueError for a control whose parameters are not within 2% of those it is to have.

    counts: {row's name: parameters}.
    """
    for row in plan.rows:
        if row.control_of and {row.name, row.control_of} <= set(counts):
            asked, has = counts[row.control_of], counts[row.name]
            if abs(has - asked) > WITHIN * asked:
                raise ValueError(
                    f"{plan.path}: model {row.name} has {has:,} parameters, {row.control_of} {asked:,}: more "
                    f"than {WITHIN:.0%} apart; gpc.surgery.matching_width finds the width"
                )
