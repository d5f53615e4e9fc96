"""Interleaved group convolutions: residual networks every convolution of which is two grouped ones."""

from typing import NamedTuple

import keras
from keras import layers

from gpc._checks import positive
from gpc.blocks._parts import convolved
from gpc.blocks.interleaved import interleaved_residual
from gpc.models.sides import at_least
from gpc.models.table import Row, one_of_variants

__all__ = ["IGCNet"]


class Stage(NamedTuple):
    """`blocks` of two interleaved group convolutions of L = primary and M = filters / primary groups.

    `entry` is the M of the very first one, where it is another.
    """

    name: str
    blocks: int
    filters: int
    primary: int
    stride: int = 1
    entry: int | None = None
    deviates: str = ""


# The authors' network/resnet_igc.py with primary-partition 24, secondary-partition 2 and depth 20. Where the
# channels double, the first convolution keeps the M of the stage before.
_FULL = (
    Row("conv1", "conv", 48, 3),
    Stage("stage1", 3, 48, 24),
    Stage("stage2", 3, 96, 24, 2, entry=2),
    Stage("stage3", 3, 192, 24, 2, entry=4),
)

# Their network/resnet_igc_imgnet_d18.py with primary-partition 100.
_IMAGENET = (
    Row("conv1", "conv", 100, 7, 2, deviates="another network than CIFAR's, for images of 224×224"),
    Row("pool1", "max", kernel=3, stride=2, padding="same"),
    Stage("stage1", 2, 200, 100),
    Stage("stage2", 2, 400, 200, 2),
    Stage("stage3", 2, 800, 400, 2),
    Stage("stage4", 2, 1600, 800, 2),
)

_SMALL = (
    Row("conv1", "conv", 48, 3),
    Stage("stage1", 1, 48, 24, deviates="one block instead of three, in each stage"),
    Stage("stage2", 1, 96, 24, 2, entry=2),
    Stage("stage3", 1, 192, 24, 2, entry=4),
)

TABLES = {"IGCNet": {"full": _FULL, "imagenet": _IMAGENET, "small": _SMALL}}

# That of the authors' code.
_NORM = {"momentum": 0.9, "epsilon": 2e-5}


def IGCNet(input_shape=(32, 32, 3), classes=10, *, variant="full"):
    """A residual network of interleaved group convolutions: (B, H, W, C) → (B, classes).

    `variant="full"` is IGC-L24M2+Ident. of depth 20 for CIFAR: 24 primary groups of two channels, which
    become four and eight. "imagenet" is IGC-L100M2+Ident. of depth 18, whose groups double in number and stay
    two channels wide: 1.3 billion MACs at 224×224. "small" has one block a stage.

    Raises ValueError for an unknown variant, TypeError for sizes that are no integers.
    Source: Zhang, Qi, Xiao, Wang, "Interleaved group convolutions", ICCV 2017, and the authors' code.
    They print 8.61 million parameters for IGC-L100M2+Ident., which are the kernels, without batch norms and
    biases.

    >>> IGCNet().count_params()
    169114
    """
    rows = one_of_variants(variant, TABLES["IGCNet"])
    at_least(input_shape, 1, "the network needs")
    inputs = x = keras.Input(tuple(input_shape))
    for row in rows:
        if isinstance(row, Stage):
            x = _staged(x, row)
        elif row.kind == "max":
            x = layers.MaxPooling2D(row.kernel, row.stride, padding=row.padding, name=row.name)(x)
        else:
            x = convolved(x, row.filters, row.kernel, strides=row.stride, norm=_NORM, name=row.name)
    x = layers.GlobalAveragePooling2D(name="avg_pool")(x)
    x = layers.Dense(positive("classes", classes), activation="softmax", name="predictions")(x)
    return keras.Model(inputs, x, name="igcnet" + ("" if variant == "full" else f"_{variant}"))


def _staged(x, row):
    """A stage's blocks, the first with the stride."""
    for number in range(1, row.blocks + 1):
        first = number == 1
        x = interleaved_residual(
            x,
            row.filters,
            primary=row.primary,
            secondary=(row.entry if first else None, None),
            strides=row.stride if first else 1,
            norm=_NORM,
            name=f"{row.name}_{number}",
        )
    return x
