"""AlexNet, whose convolutions were grouped because one GPU could not hold them."""

import keras
from keras import layers

from gpc.layers import GroupedConv2D, LocalResponseNormalization
from gpc.models.sides import at_least
from gpc.models.table import Row, one_of_variants, stacked

__all__ = ["AlexNet"]

_SAME = {"activation": "relu", "padding": "same"}
_POOL = {"kernel": 3, "stride": 2}

_FULL = (
    Row(
        "conv1",
        "conv",
        96,
        11,
        4,
        activation="relu",
        deviates="zeros around the image until no pixel is left out: the paper's 224×224 become 227×227, "
        "without which its 55×55 maps are 54×54; initial kernels by He's rule and no biases, everywhere, where "
        "the paper has a normal of width 0.01 and some biases of one",
    ),
    Row("norm1", "response"),
    Row("pool1", "max", **_POOL),
    Row("conv2", "grouped", 256, 5, **_SAME),
    Row("norm2", "response"),
    Row("pool2", "max", **_POOL),
    Row("conv3", "conv", 384, 3, **_SAME),
    Row("conv4", "grouped", 384, 3, **_SAME),
    Row("conv5", "grouped", 256, 3, **_SAME),
    Row("pool5", "max", **_POOL),
    Row("fc6", "dense", 4096, activation="relu"),
    Row("drop6", "dropout"),
    Row("fc7", "dense", 4096, activation="relu"),
    Row("drop7", "dropout"),
    Row("fc8", "classes", activation="softmax"),
)

_SMALL = (
    Row(
        "conv1",
        "conv",
        16,
        5,
        **_SAME,
        deviates="16 filters of 5×5 and no stride, instead of 96 of 11×11 and 4",
    ),
    Row("norm1", "response"),
    Row("pool1", "max", **_POOL, padding="same", deviates="zeros around, so that images of any size pass"),
    Row("conv2", "grouped", 32, 5, **_SAME, deviates="an eighth of the filters"),
    Row("norm2", "response"),
    Row("pool2", "max", **_POOL, padding="same", deviates="as pool1"),
    Row("conv3", "conv", 48, 3, **_SAME, deviates="as conv2"),
    Row("conv4", "grouped", 48, 3, **_SAME, deviates="as conv2"),
    Row("conv5", "grouped", 32, 3, **_SAME, deviates="as conv2"),
    Row("pool5", "max", **_POOL, padding="same", deviates="as pool1"),
    Row("fc6", "dense", 64, activation="relu", deviates="64 neurons instead of 4096"),
    Row("drop6", "dropout", deviates="drops none unless asked"),
    Row("fc7", "dense", 64, activation="relu", deviates="as fc6"),
    Row("drop7", "dropout", deviates="as drop6"),
    Row("fc8", "classes", activation="softmax"),
)

TABLES = {"AlexNet": {"full": _FULL, "small": _SMALL}}

_GPUS = 2
_SMALLEST = 64  # what leaves one pixel behind the third pooling


def AlexNet(input_shape=(224, 224, 3), classes=1000, *, variant="full", dropout=None):
    """AlexNet with the two groups of its two GPUs: (B, H, W, C) → (B, classes).

    Convolutions 2, 4 and 5 are grouped, so that each half of the maps stays on its own GPU, and only the
    third and the dense layers read both; a local response normalisation follows the first two, and poolings
    overlap. `dropout` is the rate behind both hidden dense layers, the paper's 0.5 if not given, none in
    `variant="small"`, a net of the same rows for images of 32×32. What differs: `gpc.models.deviations`.

    Raises ValueError for an unknown variant or, with "full", an image below 64×64, TypeError for sizes that
    are no integers.
    Source: Krizhevsky, Sutskever, Hinton, "ImageNet classification with deep convolutional neural networks",
    2012.

    >>> AlexNet((32, 32, 3), 10, variant="small").count_params()
    76522
    """
    rows = one_of_variants(variant, TABLES["AlexNet"])
    full = variant == "full"
    height, width, _ = at_least(input_shape, _SMALLEST if full else 1, "four strides need")
    rate = (0.5 if full else 0.0) if dropout is None else dropout
    inputs = x = keras.Input(tuple(input_shape))
    around = [-(size - rows[0].kernel) % rows[0].stride if full else 0 for size in (height, width)]
    if any(around):
        x = layers.ZeroPadding2D([(size // 2, size - size // 2) for size in around], name="field")(x)
    for row in rows:
        x = _stacked(x, row, classes, rate)
    return keras.Model(inputs, x, name="alexnet" + ("" if full else f"_{variant}"))


def _stacked(x, row, classes, dropout):
    """One row behind x."""
    if row.kind == "response":
        return LocalResponseNormalization(name=row.name)(x)
    if row.kind != "grouped":
        return stacked(x, (row,), classes, dropout=dropout)
    return GroupedConv2D(
        row.filters,
        row.kernel,
        groups=_GPUS,
        padding=row.padding,
        activation=row.activation,
        kernel_initializer="he_normal",
        name=row.name,
    )(x)
