"""MnasNet: inverted residuals whose kernels, widths and gates a search chose by a telephone's clock."""

from typing import NamedTuple

import keras
from keras import layers

from gpc._checks import positive
from gpc.blocks._parts import NORM, convolved
from gpc.blocks.inverted import inverted_residual
from gpc.models.sides import at_least
from gpc.models.table import one_of_variants

__all__ = ["MnasNetA1", "MnasNetB1"]


class Stage(NamedTuple):
    """`repeats` inverted residuals, the first with the stride; without an expansion a plain convolution."""

    name: str
    filters: int
    kernel: int = 3
    stride: int = 1
    expansion: int | None = None
    repeats: int = 1
    squeeze: float = 0.0
    deviates: str = ""


# Tan et al., 2019, Figure 7 (a), read from the input on.
_A1 = (
    Stage("stem", 32, 3, 2),
    Stage("sep", 16, 3, 1, 1),
    Stage("mb2", 24, 3, 2, 6, 2),
    Stage("mb3", 40, 5, 2, 3, 3, 0.25),
    Stage("mb4", 80, 3, 2, 6, 4),
    Stage("mb5", 112, 3, 1, 6, 2, 0.25),
    Stage("mb6", 160, 5, 2, 6, 3, 0.25),
    Stage("mb7", 320, 3, 1, 6),
    Stage("head", 1280, 1),
)

# As in the authors' code, `mnasnet_b1` of tensorflow/tpu, and torchvision's mnasnet1_0.
_B1 = (
    Stage("stem", 32, 3, 2),
    Stage("sep", 16, 3, 1, 1),
    Stage("mb2", 24, 3, 2, 3, 3),
    Stage("mb3", 40, 5, 2, 3, 3),
    Stage("mb4", 80, 5, 2, 6, 3),
    Stage("mb5", 96, 3, 1, 6, 2),
    Stage("mb6", 192, 5, 2, 6, 4),
    Stage("mb7", 320, 3, 1, 6),
    Stage("head", 1280, 1),
)

_SMALL_A1 = (
    Stage("stem", 16, deviates="no stride, half of the filters; batch norms' momentum is 0.9, not 0.99"),
    Stage("sep", 8, 3, 1, 1, deviates="half of the filters"),
    Stage("mb2", 12, 3, 2, 6, deviates="half of the filters, one block instead of two"),
    Stage("mb3", 20, 5, 2, 3, 2, 0.25, deviates="half of the filters, two blocks instead of three"),
    Stage("mb4", 32, 3, 2, 6, deviates="32 filters instead of 80, one block instead of four"),
    Stage("mb5", 40, 3, 1, 6, 1, 0.25, deviates="40 filters instead of 112, one block; no mb6 and mb7"),
    Stage("head", 160, 1, deviates="160 filters instead of 1280"),
)

_SMALL_B1 = (
    Stage("stem", 16, deviates="no stride, half of the filters; batch norms' momentum is 0.9, not 0.99"),
    Stage("sep", 8, 3, 1, 1, deviates="half of the filters"),
    Stage("mb2", 12, 3, 2, 3, 2, deviates="half of the filters, two blocks instead of three"),
    Stage("mb3", 20, 5, 2, 3, 2, deviates="half of the filters, two blocks instead of three"),
    Stage("mb4", 32, 5, 2, 6, deviates="32 filters instead of 80, one block instead of three"),
    Stage("mb5", 40, 3, 1, 6, deviates="40 filters instead of 96, one block; no mb6 and mb7"),
    Stage("head", 160, 1, deviates="160 filters instead of 1280"),
)

TABLES = {
    "MnasNetA1": {"full": _A1, "small": _SMALL_A1},
    "MnasNetB1": {"full": _B1, "small": _SMALL_B1},
}

# The paper's momentum; epsilon as in the authors' code.
_PAPERS = {"momentum": 0.99, "epsilon": 1e-3}


def MnasNetA1(input_shape=(224, 224, 3), classes=1000, *, variant="full", dropout=0.2):
    """MnasNet-A1, found in a search space with squeeze-excite: (B, H, W, C) → (B, classes).

    312 million MACs at 224×224. A gate squeezes to a quarter of its block's input. `dropout` is the rate
    before the classifier. `variant="small"` is a net of six blocks for images of 32×32; what it changes:
    `gpc.models.deviations`.

    Raises ValueError for an unknown variant, TypeError for sizes that are no integers.
    Source: Tan et al., "MnasNet: platform-aware neural architecture search for mobile", CVPR 2019, Figure 7.
    Initial values are He's normal ones.

    >>> MnasNetA1((32, 32, 3), 10, variant="small").count_params()
    48066
    """
    return _mnasnet("MnasNetA1", input_shape, classes, variant, dropout)


def MnasNetB1(input_shape=(224, 224, 3), classes=1000, *, variant="full", dropout=0.2):
    """MnasNet-B1, found without squeeze-excite in the space: (B, H, W, C) → (B, classes).

    314 million MACs at 224×224. Arguments, errors and source as of `MnasNetA1`; the layers as in
    torchvision's mnasnet1_0 (the paper has no figure of it).

    >>> MnasNetB1((32, 32, 3), 10, variant="small").count_params()
    46430
    """
    return _mnasnet("MnasNetB1", input_shape, classes, variant, dropout)


def _mnasnet(name, input_shape, classes, variant, dropout):
    rows = one_of_variants(variant, TABLES[name])
    at_least(input_shape, 1, "the network needs")
    norm = _PAPERS if variant == "full" else NORM
    inputs = x = keras.Input(tuple(input_shape))
    for row in rows:
        x = _staged(x, row, norm)
    x = layers.GlobalAveragePooling2D(name="avg_pool")(x)
    x = layers.Dropout(dropout, name="top_dropout")(x)
    x = layers.Dense(positive("classes", classes), activation="softmax", name="predictions")(x)
    return keras.Model(inputs, x, name=name.lower() + ("" if variant == "full" else f"_{variant}"))


def _staged(x, row, norm):
    """One row's layers."""
    if row.expansion is None:
        return convolved(x, row.filters, row.kernel, strides=row.stride, norm=norm, name=row.name)
    options = {"expansion": row.expansion, "kernel": row.kernel, "squeeze": row.squeeze}
    for number in range(1, row.repeats + 1):
        strides = row.stride if number == 1 else 1
        name = f"{row.name}_{number}"
        x = inverted_residual(
            x, row.filters, strides=strides, activation="relu", norm=norm, name=name, **options
        )
    return x
