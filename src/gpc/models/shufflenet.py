"""ShuffleNet, grouped and shuffled, and ShuffleNet V2, which splits instead of grouping."""

from typing import NamedTuple

import keras
from keras import layers

from gpc._checks import positive
from gpc.blocks._parts import convolved
from gpc.blocks.shuffle import shuffle_unit, shuffle_unit_v2
from gpc.models.sides import at_least
from gpc.models.table import Row, one_of_variants

__all__ = ["ShuffleNetV1", "ShuffleNetV2"]


class Stage(NamedTuple):
    """`units` of `multiple` times the first stage's width; the first of them has a stride of 2."""

    name: str
    units: int
    multiple: int
    deviates: str = ""


_STEM = (Row("conv1", "conv", 24, 3, 2), Row("pool1", "max", kernel=3, stride=2, padding="same"))
_STAGES = (Stage("stage2", 4, 1), Stage("stage3", 8, 2), Stage("stage4", 4, 4))
_THIN = Row("conv1", "conv", 24, 3, deviates="no stride, no pooling behind it")

# Zhang et al., 2018, Table 1.
_V1 = (*_STEM, *_STAGES)
_SMALL_V1 = (
    _THIN,
    Stage("stage2", 2, 1, deviates="2 units instead of 4, of 48 channels (64 with 4 or 8 groups)"),
    Stage("stage3", 3, 2, deviates="3 units instead of 8, twice as wide"),
    Stage("stage4", 2, 4, deviates="2 units instead of 4, twice as wide again"),
)

# Ma et al., 2018, Table 5. The last row's width is of its own.
_V2 = (*_STEM, *_STAGES, Row("conv5", "conv", None, 1))
_SMALL_V2 = (
    _THIN,
    Stage("stage2", 2, 1, deviates="2 units instead of 4, of 32 channels at width 1 instead of 116"),
    Stage("stage3", 3, 2, deviates="3 units instead of 8, twice as wide"),
    Stage("stage4", 2, 4, deviates="2 units instead of 4, twice as wide again"),
    Row("conv5", "conv", None, 1, deviates="128 filters instead of 1024"),
)

TABLES = {
    "ShuffleNetV1": {"full": _V1, "small": _SMALL_V1},
    "ShuffleNetV2": {"full": _V2, "small": _SMALL_V2},
}

# Channels of stage 2 by groups, as many as keep the cost; V2: of stage 2 and of conv5, by width.
V1_WIDTHS = {
    "full": {1: 144, 2: 200, 3: 240, 4: 272, 8: 384},
    "small": {1: 48, 2: 48, 3: 48, 4: 64, 8: 64},
}
V2_WIDTHS = {
    "full": {0.5: (48, 1024), 1.0: (116, 1024), 1.5: (176, 1024), 2.0: (244, 2048)},
    "small": {0.5: (16, 128), 1.0: (32, 128), 1.5: (48, 128), 2.0: (64, 128)},
}


def ShuffleNetV1(input_shape=(224, 224, 3), classes=1000, *, variant="full", groups=3):
    """ShuffleNet 1×: two grouped 1×1 convolutions a unit, a shuffle between: (B, H, W, C) → (B, classes).

    `groups` is one of 1, 2, 3, 4 and 8; the more, the wider, so that all cost about 140 million MACs at
    224×224. The very first 1×1 is dense: it reads 24 channels. `variant="small"` is a net of seven units for
    images of 32×32; what it changes: `gpc.models.deviations`.

    Raises ValueError for an unknown variant or other groups, TypeError for sizes that are no integers.
    Source: Zhang et al., "ShuffleNet: an extremely efficient convolutional neural network for mobile
    devices", CVPR 2018, Table 1; batch norms' constants are Torch's, initial values He's.

    >>> ShuffleNetV1((32, 32, 3), 10, variant="small", groups=3).count_params()
    22162
    """
    rows = one_of_variants(variant, TABLES["ShuffleNetV1"])
    width = _chosen("groups", groups, V1_WIDTHS[variant])

    def unit(x, row, number):
        # The first unit reads the stem's few channels: dense, as the paper has it.
        first = number == 1 and row.multiple == 1
        return shuffle_unit(
            x,
            row.multiple * width,
            groups=groups,
            strides=2 if number == 1 else 1,
            group_first=not first,
            name=f"{row.name}_{number}",
        )

    return _shufflenet("ShuffleNetV1", rows, unit, None, input_shape, classes, variant)


def ShuffleNetV2(input_shape=(224, 224, 3), classes=1000, *, variant="full", width=1.0):
    """ShuffleNet V2: units that change half of their channels, then shuffle: (B, H, W, C) → (B, classes).

    `width` is one of 0.5, 1.0, 1.5 and 2.0, the paper's sizes; 145 million MACs at 224×224 with 1.0.
    `variant="small"` is a net of seven units for images of 32×32; what it changes: `gpc.models.deviations`.

    Raises ValueError for an unknown variant or another width, TypeError for sizes that are no integers.
    Source: Ma et al., "ShuffleNet V2: practical guidelines for efficient CNN architecture design", ECCV 2018,
    Table 5; batch norms' constants are Torch's, initial values He's.

    >>> ShuffleNetV2((32, 32, 3), 10, variant="small").count_params()
    55498
    """
    rows = one_of_variants(variant, TABLES["ShuffleNetV2"])
    first, last = _chosen("width", width, V2_WIDTHS[variant])

    def unit(x, row, number):
        filters, strides = row.multiple * first, 2 if number == 1 else 1
        return shuffle_unit_v2(x, filters, strides=strides, name=f"{row.name}_{number}")

    return _shufflenet("ShuffleNetV2", rows, unit, last, input_shape, classes, variant)


def _chosen(name, value, table):
    """The table's entry. Raises ValueError for a value it lacks, naming the nearest."""
    number = value if isinstance(value, (int, float)) else 1
    if number is value and value in table:
        return table[value]
    near = min(table, key=lambda known: abs(known - number))
    raise ValueError(
        f"{name}={value!r} must be one of {', '.join(map(str, table))}; nearest that works: {near}"
    )


def _shufflenet(name, rows, unit, last, input_shape, classes, variant):
    """The rows one after the other; `unit(x, row, number)` is one of a stage's, `last` conv5's filters."""
    at_least(input_shape, 1, "the network needs")
    inputs = x = keras.Input(tuple(input_shape))
    for row in rows:
        if isinstance(row, Stage):
            for number in range(1, row.units + 1):
                x = unit(x, row, number)
        elif row.kind == "max":
            x = layers.MaxPooling2D(row.kernel, row.stride, padding=row.padding, name=row.name)(x)
        else:
            x = convolved(x, row.filters or last, row.kernel, strides=row.stride, name=row.name)
    x = layers.GlobalAveragePooling2D(name="avg_pool")(x)
    x = layers.Dense(positive("classes", classes), activation="softmax", name="predictions")(x)
    return keras.Model(inputs, x, name=name.lower() + ("" if variant == "full" else f"_{variant}"))
