"""GhostNet: MobileNetV3's plan, its 1×1 convolutions Ghost modules."""

from typing import NamedTuple

import keras
from keras import layers

from gpc._checks import positive
from gpc.blocks._parts import convolved
from gpc.blocks.ghost import ghost_bottleneck, multiple_of_4
from gpc.models.sides import at_least
from gpc.models.table import Row, one_of_variants

__all__ = ["GhostNet"]


class Ghost(NamedTuple):
    """One Ghost bottleneck: the kernel of its strided layer and of its shortcut, channels inside and out."""

    name: str
    kernel: int
    inside: int
    filters: int
    squeeze: float = 0.0
    stride: int = 1
    deviates: str = ""


# Han et al., 2020, Table 7. It names no kernels of bottlenecks; these are the authors' code's.
_FULL = (
    Row("stem", "conv", 16, 3, 2),
    Ghost("ghost1", 3, 16, 16),
    Ghost("ghost2", 3, 48, 24, stride=2),
    Ghost("ghost3", 3, 72, 24),
    Ghost("ghost4", 5, 72, 40, 0.25, 2),
    Ghost("ghost5", 5, 120, 40, 0.25),
    Ghost("ghost6", 3, 240, 80, stride=2),
    Ghost("ghost7", 3, 200, 80),
    Ghost("ghost8", 3, 184, 80),
    Ghost("ghost9", 3, 184, 80),
    Ghost("ghost10", 3, 480, 112, 0.25),
    Ghost("ghost11", 3, 672, 112, 0.25),
    Ghost("ghost12", 5, 672, 160, 0.25, 2),
    Ghost("ghost13", 5, 960, 160),
    Ghost("ghost14", 5, 960, 160, 0.25),
    Ghost("ghost15", 5, 960, 160),
    Ghost("ghost16", 5, 960, 160, 0.25),
    Row("conv17", "conv", 960, 1),
    Row("fc18", "dense", 1280),
)

_SMALL = (
    Row("stem", "conv", 16, 3, deviates="no stride"),
    Ghost("ghost1", 3, 16, 16),
    Ghost("ghost2", 3, 48, 24, stride=2),
    Ghost("ghost3", 3, 72, 24),
    Ghost("ghost4", 5, 72, 40, 0.25, 2),
    Ghost("ghost5", 5, 120, 40, 0.25),
    Ghost("ghost6", 3, 160, 56, stride=2, deviates="56 filters of 160 instead of 80 of 240; it is the last"),
    Row("conv17", "conv", 160, 1, deviates="160 filters instead of 960"),
    Row("fc18", "dense", 160, deviates="160 neurons instead of 1280"),
)

TABLES = {"GhostNet": {"full": _FULL, "small": _SMALL}}


def GhostNet(input_shape=(224, 224, 3), classes=1000, *, variant="full", width=1.0, dropout=0.2):
    """GhostNet: half of its maps are computed, half derived from those: (B, H, W, C) → (B, classes).

    `width` multiplies all channels but the last dense layer's, to multiples of 4; 141 million MACs at 224×224
    with 1.0. `dropout` is the rate before the classifier. `variant="small"` is a net of six bottlenecks for
    images of 32×32; what it changes: `gpc.models.deviations`.

    Raises ValueError for an unknown variant or a width that is not above 0, TypeError for sizes that are no
    integers.
    Source: Han et al., "GhostNet: more features from cheap operations", CVPR 2020, Table 7, and the
    kernels of the authors' code; batch norms' constants are Torch's, initial values He's.

    >>> GhostNet((32, 32, 3), 10, variant="small").count_params()
    82126
    """
    rows = one_of_variants(variant, TABLES["GhostNet"])
    at_least(input_shape, 1, "the network needs")
    if not width > 0:
        raise ValueError(f"width={width} must be above 0; the paper's are 0.5, 1.0 and 1.3")
    inputs = x = keras.Input(tuple(input_shape))
    for row in rows:
        x = _rowed(x, row, width)
    x = layers.Dropout(dropout, name="top_dropout")(x)
    x = layers.Dense(positive("classes", classes), activation="softmax", name="predictions")(x)
    return keras.Model(inputs, x, name="ghostnet" + ("" if variant == "full" else f"_{variant}"))


def _rowed(x, row, width):
    """One row's layers."""
    if isinstance(row, Ghost):
        inside, filters = (multiple_of_4(width * number) for number in (row.inside, row.filters))
        options = {"kernel": row.kernel, "strides": row.stride, "squeeze": row.squeeze}
        return ghost_bottleneck(x, filters, inside=inside, name=row.name, **options)
    if row.kind == "dense":
        x = layers.GlobalAveragePooling2D(name="avg_pool")(x)
        return layers.Dense(
            row.filters, activation="relu", kernel_initializer="he_normal", name=row.name
        )(x)
    return convolved(x, multiple_of_4(width * row.filters), row.kernel, strides=row.stride, name=row.name)
