"""SqueezeNet 1.0, the paper's, and 1.1, its authors' cheaper one: Fire modules and poolings."""

from typing import NamedTuple

import keras
from keras import layers

from gpc.blocks.fire import fire
from gpc.models.sides import at_least
from gpc.models.table import Row, one_of_variants, stacked

__all__ = ["SqueezeNet10", "SqueezeNet11"]


class Fire(NamedTuple):
    """A Fire module's row: s_1×1, and e_1×1 = e_3×3."""

    name: str
    squeeze: int
    expand: int
    deviates: str = ""


def _pool(name, **options):
    return Row(name, "max", kernel=3, stride=2, **options)


_SIZES = "224×224 images make its maps 109×109; the paper's 111×111 are those of 227×227"
_HEAD = (
    Row("drop9", "dropout"),
    Row("conv10", "classes", kernel=1, activation="relu"),
    Row("pool10", "global"),
    Row("softmax", "softmax"),
)

# Iandola et al., 2016, Table 1.
_FULL_10 = (
    Row("conv1", "conv", 96, 7, 2, activation="relu", deviates=_SIZES),
    _pool("pool1"),
    Fire("fire2", 16, 64),
    Fire("fire3", 16, 64),
    Fire("fire4", 32, 128),
    _pool("pool4"),
    Fire("fire5", 32, 128),
    Fire("fire6", 48, 192),
    Fire("fire7", 48, 192),
    Fire("fire8", 64, 256),
    _pool("pool8"),
    Fire("fire9", 64, 256),
    *_HEAD,
)

# SqueezeNet_v1.1 of the authors' repository: a smaller first convolution, poolings earlier.
_FULL_11 = (
    Row("conv1", "conv", 64, 3, 2, activation="relu"),
    _pool("pool1"),
    Fire("fire2", 16, 64),
    Fire("fire3", 16, 64),
    _pool("pool3"),
    Fire("fire4", 32, 128),
    Fire("fire5", 32, 128),
    _pool("pool5"),
    Fire("fire6", 48, 192),
    Fire("fire7", 48, 192),
    Fire("fire8", 64, 256),
    Fire("fire9", 64, 256),
    *_HEAD,
)

_ANY = "zeros around, so that images of any size pass"
_SMALL_HEAD = (
    Row("drop9", "dropout", deviates="drops none unless asked"),
    Row(
        "conv10",
        "classes",
        kernel=1,
        deviates="no ReLU, under which a class that is once negative everywhere stays silent",
    ),
    Row("pool10", "global"),
    Row("softmax", "softmax"),
)


def _thin(side):
    return Row(
        "conv1",
        "conv",
        32,
        side,
        activation="relu",
        padding="same",
        deviates=f"32 filters of {side}×{side}, no stride",
    )


_SMALL_10 = (
    _thin(5),
    _pool("pool1", padding="same", deviates=_ANY),
    Fire("fire2", 8, 32, deviates="half as wide, as all that follow; no fire3, fire7 and fire8"),
    Fire("fire4", 16, 64, deviates="as fire2"),
    _pool("pool4", padding="same", deviates=_ANY),
    Fire("fire5", 16, 64, deviates="as fire2"),
    Fire("fire6", 24, 96, deviates="as fire2"),
    _pool("pool8", padding="same", deviates=_ANY),
    Fire("fire9", 24, 96, deviates="24 and 96 instead of 64 and 256"),
    *_SMALL_HEAD,
)

_SMALL_11 = (
    _thin(3),
    _pool("pool1", padding="same", deviates=_ANY),
    Fire("fire2", 8, 32, deviates="half as wide, as all that follow; no fire3, fire5, fire7 and fire8"),
    _pool("pool3", padding="same", deviates=_ANY),
    Fire("fire4", 16, 64, deviates="as fire2"),
    _pool("pool5", padding="same", deviates=_ANY),
    Fire("fire6", 24, 96, deviates="as fire2"),
    Fire("fire9", 24, 96, deviates="24 and 96 instead of 64 and 256"),
    *_SMALL_HEAD,
)

TABLES = {
    "SqueezeNet10": {"full": _FULL_10, "small": _SMALL_10},
    "SqueezeNet11": {"full": _FULL_11, "small": _SMALL_11},
}


def SqueezeNet10(input_shape=(224, 224, 3), classes=1000, *, variant="full", dropout=None):
    """SqueezeNet 1.0, eight Fire modules: (B, H, W, C) → (B, classes).

    A pooling's last window may reach over the edge, as in Caffe. `dropout` is the rate behind the last Fire
    module, the paper's 0.5 if not given, none in `variant="small"`, five thinner modules for images of
    32×32. What differs: `gpc.models.deviations`.

    Raises ValueError for an unknown variant or, with "full", an image below 21×21, TypeError for sizes that
    are no integers.
    Source: Iandola et al., "SqueezeNet: AlexNet-level accuracy with 50x fewer parameters and <0.5MB model
    size", 2016, Table 1, without its bypasses.

    >>> SqueezeNet10((224, 224, 3), 1000).count_params()
    1248424
    """
    return _squeezenet("SqueezeNet10", 21, input_shape, classes, variant, dropout)


def SqueezeNet11(input_shape=(224, 224, 3), classes=1000, *, variant="full", dropout=None):
    """SqueezeNet 1.1, less than half of 1.0's arithmetic: (B, H, W, C) → (B, classes).

    Poolings come earlier, the first convolution is 3×3. All else as in `SqueezeNet10`; images of at least
    17×17.
    Source: github.com/forresti/SqueezeNet, SqueezeNet_v1.1, 2016.

    >>> SqueezeNet11((224, 224, 3), 1000).count_params()
    1235496
    """
    return _squeezenet("SqueezeNet11", 17, input_shape, classes, variant, dropout)


def _squeezenet(name, side, input_shape, classes, variant, dropout):
    rows = one_of_variants(variant, TABLES[name])
    full = variant == "full"
    at_least(input_shape, side if full else 1, "the strides need")
    rate = (0.5 if full else 0.0) if dropout is None else dropout
    inputs = x = keras.Input(tuple(input_shape))
    for row in rows:
        if isinstance(row, Fire):
            x = fire(x, row.squeeze, row.expand, name=row.name)
            continue
        if row.kind == "max" and row.padding == "valid":
            x = _edged(x, row)
        x = stacked(x, (row,), classes, dropout=rate)
    return keras.Model(inputs, x, name=name.lower() + ("" if full else f"_{variant}"))


def _edged(x, row):
    """Zeros, which no maximum behind a ReLU sees, where the last window reaches over the edge."""
    over = [(size - row.kernel) % row.stride for size in x.shape[1:3]]
    if not any(over):
        return x
    return layers.ZeroPadding2D([(0, size) for size in over], name=f"{row.name}_edge")(x)
