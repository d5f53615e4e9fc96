"""Residual networks with groups or gates: ResNeXt-50 (32×4d) and SE-ResNet-50."""

from typing import NamedTuple

import keras
from keras import layers

from gpc._checks import positive
from gpc.blocks._parts import finished
from gpc.blocks.residual import NORM, bottleneck
from gpc.models.sides import at_least
from gpc.models.table import Row, one_of_variants

__all__ = ["ResNeXt50", "SEResNet50"]


class Stage(NamedTuple):
    """Blocks that share a width: the first has the stride."""

    name: str
    blocks: int
    filters: int
    inside: int
    stride: int = 1
    deviates: str = ""


_STEM = (Row("conv1", "conv", 64, 7, 2), Row("pool1", "max", kernel=3, stride=2, padding="same"))

# Xie et al., 2017, Table 1, right column.
_RESNEXT = (
    *_STEM,
    Stage("conv2", 3, 256, 128),
    Stage("conv3", 4, 512, 256, 2),
    Stage("conv4", 6, 1024, 512, 2),
    Stage("conv5", 3, 2048, 1024, 2),
)

# Hu et al., 2018, Table 1, middle column.
_SE = (
    *_STEM,
    Stage("conv2", 3, 256, 64),
    Stage("conv3", 4, 512, 128, 2),
    Stage("conv4", 6, 1024, 256, 2),
    Stage("conv5", 3, 2048, 512, 2),
)

_THIN = Row("conv1", "conv", 16, 3, deviates="16 filters of 3×3, no stride, no pooling")


def _small(first, second, third, more=""):
    """Three stages of four blocks in all, as wide inside as given."""
    return (
        _THIN,
        Stage("conv2", 1, 48, first, deviates=f"1 block to 48 channels instead of 3 to 256{more}"),
        Stage("conv3", 2, 96, second, 2, deviates="2 blocks to 96 channels instead of 4 to 512"),
        Stage("conv4", 1, 160, third, 2, deviates="1 block to 160 channels instead of 6 to 1024; no conv5"),
    )


TABLES = {
    "ResNeXt50": {"full": _RESNEXT, "small": _small(32, 64, 96, "; 8 groups instead of 32, everywhere")},
    "SEResNet50": {"full": _SE, "small": _small(12, 24, 40)},
}


def ResNeXt50(input_shape=(224, 224, 3), classes=1000, *, variant="full"):
    """ResNeXt-50 (32×4d): ResNet-50 whose 3×3 convolutions have 32 groups: (B, H, W, C) → (B, classes).

    `variant="small"` is a net of four blocks with 8 groups for images of 32×32. What differs:
    `gpc.models.deviations`.

    Raises ValueError for an unknown variant, TypeError for sizes that are no integers.
    Source: Xie et al., "Aggregated residual transformations for deep neural networks", 2017, Table 1; strides
    are on the 3×3, batch norms' constants Torch's.

    >>> ResNeXt50((32, 32, 3), 10, variant="small").count_params()
    96570
    """
    groups = 32 if variant == "full" else 8
    return _residual("ResNeXt50", input_shape, classes, variant, {"groups": groups})


def SEResNet50(input_shape=(224, 224, 3), classes=1000, *, variant="full"):
    """SE-ResNet-50: ResNet-50 with a squeeze-excite gate on each block: (B, H, W, C) → (B, classes).

    A gate squeezes to a sixteenth of its channels. `variant="small"` is a net of four blocks for images of
    32×32. What differs: `gpc.models.deviations`.

    Raises ValueError for an unknown variant, TypeError for sizes that are no integers.
    Source: Hu, Shen, Sun, "Squeeze-and-excitation networks", 2018, Table 1; strides are on the first 1×1, as
    in the authors' network for Caffe.

    >>> SEResNet50((32, 32, 3), 10, variant="small").count_params()
    77811
    """
    return _residual("SEResNet50", input_shape, classes, variant, {"squeeze": 16, "early": True})


def _residual(name, input_shape, classes, variant, block):
    """The stem, the stages of blocks with these options, the mean and a dense layer."""
    rows = one_of_variants(variant, TABLES[name])
    at_least(input_shape, 1, "the network needs")
    inputs = x = keras.Input(tuple(input_shape))
    for row in rows:
        if isinstance(row, Stage):
            for number in range(1, row.blocks + 1):
                strides = row.stride if number == 1 else 1
                options = {"inside": row.inside, "strides": strides, **block}
                x = bottleneck(x, row.filters, name=f"{row.name}_{number}", **options)
        elif row.kind == "max":
            x = layers.MaxPooling2D(row.kernel, row.stride, padding=row.padding, name=row.name)(x)
        else:
            x = _stem(x, row)
    x = layers.GlobalAveragePooling2D(name="avg_pool")(x)
    x = layers.Dense(positive("classes", classes), activation="softmax", name="predictions")(x)
    return keras.Model(inputs, x, name=name.lower() + ("" if variant == "full" else f"_{variant}"))


def _stem(x, row):
    """The first convolution with its batch norm and ReLU."""
    options = {"padding": "same", "use_bias": False, "kernel_initializer": "he_normal", "name": row.name}
    x = layers.Conv2D(row.filters, row.kernel, strides=row.stride, **options)(x)
    return finished(x, activation="relu", norm=NORM, name=row.name)
