"""A record's fields, each with what it holds and a test of it: the one place that `records` and its README
agree with.

SCHEMA is a tuple of (field, what it holds, test); a dot goes into an object. Every field must be there, and
no other.
"""

from dataclasses import fields
from datetime import datetime

from gpc.train._recipe import MAP_SCORES, SCORES, Recipe

VERSION = 1
STATUSES = ("finished", "diverged")


def _text(value):
    return isinstance(value, str) and bool(value)


def _count(value):
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _time(value):
    return isinstance(value, (int, float)) and not isinstance(value, bool) and value >= 0


def _sum(value):
    return _text(value) and len(value) == 64 and set(value) <= set("0123456789abcdef")


def _or_null(test):
    return lambda value: value is None or test(value)


def _date(value):
    try:
        return datetime.fromisoformat(value).tzinfo is not None
    except (TypeError, ValueError):
        return False


def _recipe(value):
    try:
        return set(value) == {one.name for one in fields(Recipe)} and Recipe(**value).as_dict() == value
    except (TypeError, ValueError):
        return False


def _scores(value):
    """{"loss": number or null, "accuracy": 0…1}; of maps "dice" and "iou", too."""
    return (
        isinstance(value, dict)
        and set(value) in (set(SCORES), set(MAP_SCORES))
        and _or_null(_time)(value["loss"])
        and all(_time(one) and one <= 1 for name, one in value.items() if name != "loss")
    )


ROW = ("epoch", "learning_rate", "loss", "accuracy", "val_loss", "val_accuracy", "seconds")
MAP_ROW = (*ROW, "dice", "iou", "val_dice", "val_iou")


def _curve(value):
    return (
        isinstance(value, list)
        and bool(value)
        and all(isinstance(row, dict) and set(row) in (set(ROW), set(MAP_ROW)) for row in value)
        and [row["epoch"] for row in value] == list(range(1, len(value) + 1))
        and all(_or_null(_time)(one) for row in value for one in row.values())
    )


def _texts(value):
    return isinstance(value, dict) and all(told is None or _text(told) for told in value.values())


def _list_of(test):
    return lambda value: isinstance(value, list) and all(map(test, value))


def _object(value):
    return isinstance(value, dict)


def _truth(value):
    return isinstance(value, bool)


SCHEMA = (
    ("schema", f"{VERSION}: the version of this table", lambda value: value == VERSION),
    ("experiment", "what the run belongs to, a chapter's experiment say", _text),
    ("status", "finished | diverged", lambda value: value in STATUSES),
    ("reason", "why it diverged; empty where it finished", lambda value: isinstance(value, str)),
    ("model.name", "the model, as `gpc.models.build`, Keras or its plan calls it", _text),
    ("model.options", "the options it was built with", _object),
    ("model.parameters", "all its parameters", _count),
    ("model.trainable", "those that training changes", _count),
    ("model.macs", "multiply-accumulates for one image; null where a layer is not known", _or_null(_count)),
    ("model.signature", "SHA-256 over its configuration and shapes", _sum),
    (
        "model.initial",
        "`built after seeding`: its first weights follow from the seed | `given`: they do not",
        _text,
    ),
    ("dataset.name", "as `gpc.data.load` knows it", _text),
    ("dataset.fingerprint", "SHA-256 over every image and label of every split", _sum),
    ("dataset.seed", "what drew its splits", _count),
    ("dataset.input_shape", "[height, width, channels]", _list_of(_count)),
    ("dataset.classes", "how many", _count),
    (
        "dataset.train",
        "images trained on, after the recipe's `subset`",
        lambda value: _count(value) and value > 0,
    ),
    ("dataset.validation", "images validated on", _count),
    ("dataset.test", "images in the test split, opened or not", _count),
    ("recipe", "every field of the recipe", _recipe),
    ("seed", "of weights, order, augmentation and dropout", _count),
    ("profile", "quick | full", lambda value: value in ("quick", "full")),
    ("deterministic", "whether deterministic kernels were asked for", _truth),
    ("commit", "of this package's repository; null where unknown", _or_null(_text)),
    ("dirty", "whether files differed from that commit; null where unknown", _or_null(_truth)),
    ("versions", "of Python, Keras, its backend, NumPy, `gpc`", _texts),
    ("device.platform", "the operating system", _text),
    ("device.cpu", "the processor; null where unknown", _or_null(_text)),
    ("device.cores", "cores the run might use", _count),
    ("device.gpu", "names of the GPUs the backend saw", _list_of(_text)),
    ("device.used", "how many devices each batch was split among", lambda value: _count(value) and value > 0),
    (
        "curve",
        f"one object an epoch: {', '.join(ROW)}; of maps dice, iou, val_dice, val_iou, too; a loss that is no "
        "number is null",
        _curve,
    ),
    (
        "metrics.best_epoch",
        "whose weights the scores below are of, from 1",
        lambda value: _count(value) and value > 0,
    ),
    ("metrics.train", "{loss, accuracy} while that epoch trained; of maps dice and iou, too, here and below", _scores),
    ("metrics.val", "{loss, accuracy} on the validation split", _scores),
    ("metrics.test", "{loss, accuracy} on the test split; null where it was not opened", _or_null(_scores)),
    ("wall_seconds", "from compiling to testing, over all resumptions; what a kill lost is not in it", _time),
    ("epoch_seconds", "median epoch, validation included", _time),
    ("resumed", "how often the run was picked up again", _count),
    ("test_openings", "how often this run opened the test split: 1 for an honest number", _count),
    ("date", "when it ended, ISO 8601 with its offset", _date),
)


def at(record, field):
    """The value of a dotted field. Raises KeyError where it is missing."""
    for name in field.split("."):
        if not isinstance(record, dict):
            raise KeyError(field)
        record = record[name]
    return record


def unknown(record):
    """Fields of the record that SCHEMA does not have."""
    known = {field.split(".")[0]: set() for field, _, _ in SCHEMA}
    for field, _, _ in SCHEMA:
        first, *rest = field.split(".")
        known[first].update(rest)
    found = [name for name in record if name not in known]
    inner = [(name, part) for name in known if known[name] for part in record.get(name, {})]
    return found + [f"{name}.{part}" for name, part in inner if part not in known[name]]
