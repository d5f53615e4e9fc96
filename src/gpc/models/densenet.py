"""DenseNet-BC with a growth of 12, in the paper's order and in that of the published k-network."""

from typing import NamedTuple

import keras
from keras import layers, regularizers

from gpc._checks import positive
from gpc.layers import ChannelShuffle
from gpc.models.options import crowned, grouped, rate
from gpc.models.sides import at_least
from gpc.models.table import Row, one_of_variants

__all__ = ["DenseNetBC100", "kDenseNetBC100"]

_FULL = (
    Row("conv1", "conv", 24, 3, padding="same"),
    Row("dense1", "dense block", 16),
    Row("transition1", "transition"),
    Row("dense2", "dense block", 16),
    Row("transition2", "transition"),
    Row("dense3", "dense block", 16),
)

_SMALL = (
    Row("conv1", "conv", 24, 3, padding="same"),
    Row("dense1", "dense block", 3, deviates="3 units a block instead of 16"),
    Row("transition1", "transition"),
    Row("dense2", "dense block", 3, deviates="as dense1"),
    Row("transition2", "transition"),
    Row("dense3", "dense block", 3, deviates="as dense1"),
)

TABLES = {"DenseNetBC100": {"full": _FULL, "small": _SMALL}}


class _Style(NamedTuple):
    """What all units of one network share."""

    growth_rate: int
    bottleneck: int
    compression: float
    dropout: float
    l2_decay: float
    published: bool = False
    activation: str = "relu"
    interleaved: bool = False
    momentum: float = 0.99

    def norm(self, name):
        return layers.BatchNormalization(epsilon=1.001e-5, momentum=self.momentum, name=name)

    def decay(self):
        return regularizers.L2(self.l2_decay) if self.l2_decay else None


def DenseNetBC100(
    input_shape=(32, 32, 3),
    classes=10,
    *,
    variant="full",
    dropout=0.0,
    l2_decay=0.0,
    include_top=True,
    pooling=None,
):
    """DenseNet-BC of 100 layers that grows by 12 maps a unit: (B, H, W, C) → (B, classes).

    Three blocks of 16 units, BN-ReLU-1×1 to 48 maps and BN-ReLU-3×3 to 12, each concatenated to all before;
    between the blocks a 1×1 convolution halves the maps, an average pooling height and width. `dropout`
    follows each convolution but the first, `l2_decay` weighs every convolution's squares. Without the top it
    ends in the last map, or its average or maximum as `pooling` ("avg", "max") says.
    `variant="small"` has 3 units a block; `gpc.models.deviations` lists what differs.

    Raises ValueError for an unknown variant, a rate that is none, or an image below 4×4.
    Source: Huang, Liu, van der Maaten, Weinberger: Densely connected convolutional networks, 2017, whose
    Table 2 gives 0.8 million parameters.

    >>> DenseNetBC100().count_params(), DenseNetBC100(variant="small").count_params()
    (793150, 73678)
    """
    rows = one_of_variants(variant, TABLES["DenseNetBC100"])
    momentum = 0.9 if variant == "small" else 0.99
    style = _Style(12, 48, 0.5, rate(dropout), l2_decay, momentum=momentum)
    name = "densenet_bc100" + ("" if variant == "full" else f"_{variant}")
    return _built(rows, style, input_shape, name, (include_top, pooling, classes))


def kDenseNetBC100(
    input_shape=(32, 32, 3),
    classes=10,
    *,
    channels_per_group=16,
    scheme="interleaved",
    second=True,
    has_interleave_at_transition=False,
    dropout=0.0,
    l2_decay=0.0,
    activation=None,
    faithful=False,
    include_top=True,
    pooling=None,
):
    """DenseNet-BC L100 with grouped, interleaved pointwise convolutions: (B, H, W, C) → (B, classes).

    The 48 bottlenecks and both transitions; the 3×3 convolutions stay. The papers use 12 and 24 channels
    per group.

    Args:
        input_shape, classes, dropout, l2_decay, include_top, pooling: as in `DenseNetBC100`.
        channels_per_group: m; None keeps every pointwise layer dense, for comparison.
        scheme: "interleaved" (Entropy 2022) or "divisible" (MENDEL 2022).
        second: False leaves K alone.
        has_interleave_at_transition: interleave the concatenated maps with a step of 12 in front of each
            transition, so that a group sees maps of many units. Published networks do; `faithful` alone does
            not.
        activation: of all units, by default "relu", with `faithful` "silu".
        faithful: the published network, but for that interleaving: a unit is BN, 1×1 with its activation,
            BN, 3×3 with its activation behind it; a transition BN and 1×1 with its activation; the first
            convolution has a bias, l2_decay leaves the pointwise layers out. Otherwise `DenseNetBC100` with
            nothing but its pointwise layers (and the batch norm and activation behind them) replaced.

    Raises ValueError for an unknown scheme, a rate that is none, or an image below 4×4.
    Source: Huang et al., 2017; Schwarz Schuler et al., MENDEL 2022, whose extra compression is not offered.

    >>> net = kDenseNetBC100(channels_per_group=12, scheme="divisible", faithful=True)
    >>> net.count_params()
    373906
    """
    activation = activation or ("silu" if faithful else "relu")
    shared = (12, 48, 0.5, rate(dropout), l2_decay, faithful, activation, has_interleave_at_transition)
    net = _built(_FULL, _Style(*shared), input_shape, "kdensenet_bc100", (include_top, pooling, classes))
    return grouped(net, channels_per_group, scheme, second)


def _built(rows, style, input_shape, name, top):
    """The network of a table, in one of both orders."""
    at_least(input_shape, 4, "two poolings need")
    inputs = x = keras.Input(tuple(input_shape))
    for row in rows:
        if row.kind == "conv":
            x = layers.Conv2D(
                row.filters,
                row.kernel,
                padding=row.padding,
                use_bias=style.published,
                kernel_regularizer=style.decay(),
                name=row.name,
            )(x)
        elif row.kind == "transition":
            x = _transition(x, style, row.name)
        else:
            for number in range(1, row.filters + 1):
                x = _unit(x, style, f"{row.name}_{number}")
    x = layers.Activation(style.activation, name="relu")(style.norm("bn")(x))
    include_top, pooling, classes = top
    return keras.Model(inputs, crowned(x, include_top, pooling, positive("classes", classes)), name=name)


def _unit(x, style, name):
    """One unit, its 12 new maps behind those before: (B, H, W, C) → (B, H, W, C + growth_rate)."""
    new = _pointwise(x, style, style.bottleneck, f"{name}_1x1")
    new = style.norm(f"{name}_3x3_bn")(new)
    if not style.published:
        new = layers.Activation(style.activation, name=f"{name}_3x3_relu")(new)
    new = layers.Conv2D(
        style.growth_rate,
        3,
        padding="same",
        use_bias=False,
        activation=style.activation if style.published else None,
        kernel_regularizer=style.decay(),
        name=f"{name}_3x3",
    )(new)
    return layers.Concatenate(name=f"{name}_concat")([x, _dropped(new, style, f"{name}_3x3")])


def _transition(x, style, name):
    """Maps halved by a 1×1 convolution, sides by pooling: (B, H, W, C) → (B, H/2, W/2, C · compression)."""
    if style.interleaved:
        x = ChannelShuffle(step=style.growth_rate, name=f"{name}_interleave")(x)
    x = _pointwise(x, style, int(x.shape[-1] * style.compression), name)
    return layers.AveragePooling2D(2, name=f"{name}_pool")(x)


def _pointwise(x, style, filters, name):
    """BN, activation and 1×1 convolution; in the published order BN, 1×1 and its activation."""
    x = style.norm(f"{name}_bn")(x)
    if not style.published:
        x = layers.Activation(style.activation, name=f"{name}_relu")(x)
    x = layers.Conv2D(
        filters,
        1,
        use_bias=False,
        activation=style.activation if style.published else None,
        kernel_regularizer=None if style.published else style.decay(),
        name=name,
    )(x)
    return _dropped(x, style, name)


def _dropped(x, style, name):
    return layers.Dropout(style.dropout, name=f"{name}_dropout")(x) if style.dropout else x
