"""A network as a table of boxes, each called as often as its row says."""

from typing import Any, NamedTuple

import keras

from gpc._checks import positive
from gpc.blocks.dense import transition
from gpc.models.sides import at_least
from gpc.models.table import stacked


class Box(NamedTuple):
    """A box of `gpc.blocks`, or a layer of Keras, and what it is called with.

    It stands there `repeats` times over, the first with the stride; `deviates` says what differs.
    """

    name: str
    box: Any
    options: dict
    stride: int = 1
    repeats: int = 1
    deviates: str = ""


def boxed(rows, input_shape, classes, name):
    """The network of these rows, boxes or `Row`s: (B, H, W, C) → (B, classes).

    Raises ValueError for an image that its transitions halve away, TypeError for sizes that are no integers.

    >>> from gpc.blocks import fire
    >>> from gpc.models.table import Row
    >>> top = (Row("mean", "global"), Row("predictions", "classes", activation="softmax"))
    >>> fires = Box("fire", fire, {"squeeze": 4, "expand": 8}, repeats=2)
    >>> boxed((fires, *top), (8, 8, 3), 10, "net").count_params()
    926
    """
    halvings = sum(isinstance(row, Box) and row.box is transition for row in rows)
    at_least(input_shape, 2**halvings, f"{halvings} poolings need" if halvings else "the network needs")
    classes = positive("classes", classes)
    inputs = x = keras.Input(tuple(input_shape))
    for row in rows:
        x = _called(x, row) if isinstance(row, Box) else stacked(x, (row,), classes)
    return keras.Model(inputs, x, name=name)


def _called(x, row):
    """One row behind x."""
    if isinstance(row.box, type):
        return row.box(name=row.name, **row.options)(x)
    for number in range(1, row.repeats + 1):
        name = row.name if row.repeats == 1 else f"{row.name}_{number}"
        stride = {"strides": row.stride} if row.stride > 1 and number == 1 else {}
        x = row.box(x, name=name, **row.options, **stride)
    return x
