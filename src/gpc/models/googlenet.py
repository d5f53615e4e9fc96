"""GoogLeNet: nine Inception blocks, the table of the paper row by row."""

from typing import NamedTuple

import keras

from gpc.blocks.inception import inception
from gpc.layers import LocalResponseNormalization
from gpc.models.sides import at_least
from gpc.models.table import Row, one_of_variants, stacked

__all__ = ["GoogLeNet"]


class Block(NamedTuple):
    """An Inception block's row: #1×1, #3×3 reduce, #3×3, #5×5 reduce, #5×5, pool proj."""

    name: str
    widths: tuple
    deviates: str = ""


_SAME = {"activation": "relu", "padding": "same"}
_POOL = {"kernel": 3, "stride": 2, "padding": "same"}
_AUXILIARY = "no auxiliary classifier behind it, which is for training only"

# Szegedy et al., 2015, Table 1.
_FULL = (
    Row("conv1", "conv", 64, 7, 2, **_SAME),
    Row("pool1", "max", **_POOL),
    Row("norm1", "response", deviates="the paper gives no constants; these are Caffe's"),
    Row("conv2_reduce", "conv", 64, 1, **_SAME),
    Row("conv2", "conv", 192, 3, **_SAME),
    Row("norm2", "response", deviates="as norm1"),
    Row("pool2", "max", **_POOL),
    Block("inception_3a", (64, 96, 128, 16, 32, 32)),
    Block("inception_3b", (128, 128, 192, 32, 96, 64)),
    Row("pool3", "max", **_POOL),
    Block("inception_4a", (192, 96, 208, 16, 48, 64), deviates=_AUXILIARY),
    Block("inception_4b", (160, 112, 224, 24, 64, 64)),
    Block("inception_4c", (128, 128, 256, 24, 64, 64)),
    Block("inception_4d", (112, 144, 288, 32, 64, 64), deviates=_AUXILIARY),
    Block("inception_4e", (256, 160, 320, 32, 128, 128)),
    Row("pool4", "max", **_POOL),
    Block("inception_5a", (256, 160, 320, 32, 128, 128)),
    Block("inception_5b", (384, 192, 384, 48, 128, 128)),
    Row("pool5", "global"),
    Row("drop5", "dropout"),
    Row("classifier", "classes", activation="softmax"),
)

_SMALL = (
    Row("conv1", "conv", 16, 3, **_SAME, deviates="16 filters of 3×3, no stride"),
    Row("pool1", "max", **_POOL),
    Row("norm1", "response"),
    Row("conv2_reduce", "conv", 16, 1, **_SAME, deviates="16 filters instead of 64"),
    Row("conv2", "conv", 32, 3, **_SAME, deviates="32 filters instead of 192; no pooling behind norm2"),
    Row("norm2", "response"),
    Block("inception_3a", (16, 16, 24, 4, 8, 8), deviates="4 blocks instead of 9, about a fifth as wide"),
    Block("inception_3b", (24, 16, 32, 4, 8, 8), deviates="as inception_3a"),
    Row("pool3", "max", **_POOL),
    Block("inception_4a", (32, 24, 48, 8, 16, 16), deviates="as inception_3a"),
    Row("pool4", "max", **_POOL),
    Block("inception_5a", (48, 32, 64, 8, 24, 24), deviates="as inception_3a"),
    Row("pool5", "global"),
    Row("drop5", "dropout", deviates="drops none unless asked"),
    Row("classifier", "classes", activation="softmax"),
)

TABLES = {"GoogLeNet": {"full": _FULL, "small": _SMALL}}

# Caffe's bvlc_googlenet: local_size 5, alpha 0.0001 of the mean square, k 1, beta 0.75.
_RESPONSE = {"size": 5, "k": 1.0, "alpha": 1e-4 / 5, "beta": 0.75}


def GoogLeNet(input_shape=(224, 224, 3), classes=1000, *, variant="full", dropout=None):
    """GoogLeNet, nine Inception blocks and one dense layer: (B, H, W, C) → (B, classes).

    No batch norm, biases everywhere, two local response normalisations, no auxiliary classifiers. `dropout`
    is the rate before the classifier, the paper's 0.4 if not given, none in `variant="small"`, four thinner
    blocks for images of 32×32. What differs: `gpc.models.deviations`.

    Raises ValueError for an unknown variant, TypeError for sizes that are no integers.
    Source: Szegedy et al., "Going deeper with convolutions", 2015, Table 1.

    >>> GoogLeNet((32, 32, 3), 10, variant="small").count_params()
    76570
    """
    rows = one_of_variants(variant, TABLES["GoogLeNet"])
    at_least(input_shape, 1, "the network needs")
    rate = (0.4 if variant == "full" else 0.0) if dropout is None else dropout
    inputs = x = keras.Input(tuple(input_shape))
    for row in rows:
        if isinstance(row, Block):
            x = inception(x, row.widths, name=row.name)
        elif row.kind == "response":
            x = LocalResponseNormalization(**_RESPONSE, name=row.name)(x)
        else:
            x = stacked(x, (row,), classes, dropout=rate)
    return keras.Model(inputs, x, name="googlenet" + ("" if variant == "full" else f"_{variant}"))
