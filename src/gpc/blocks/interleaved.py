"""The interleaved group convolution: two grouped convolutions, the second across the groups of the first."""

from keras import layers

from gpc._checks import dividing, positive
from gpc.blocks._parts import NORM, convolved, finished, kept_shape
from gpc.layers import ChannelShuffle, GroupedConv2D, GroupedPointwise


def interleaved_convolution(
    x,
    filters,
    *,
    primary,
    secondary=None,
    kernel=3,
    strides=1,
    activation="relu",
    norm=NORM,
    name="interleaved",
):
    """A grouped convolution with a window, then a grouped 1×1 that mixes across its groups; batch norm, ReLU.

    (B, H, W, C) → (B, ⌈H / strides⌉, ⌈W / strides⌉, filters). `primary` is the paper's L, the groups of the
    first; `secondary` its M, the groups of the second, filters / primary if not given: then each has one
    channel of every primary group, and each filter depends on each of the C channels in exactly one way.
    Cost: (kernel² · C / primary + filters / secondary) · filters weights, and as many multiply-accumulates a
    pixel of the output.

    Raises ValueError for groups that do not divide filters, or for primary ones that do not divide C, naming
    the nearest that do.
    Source: Zhang, Qi, Xiao, Wang, "Interleaved group convolutions", ICCV 2017, Figure 1; the second
    permutation undoes the first where primary · secondary = filters.

    >>> import keras
    >>> x = keras.Input((32, 32, 48))
    >>> model = keras.Model(x, interleaved_convolution(x, 48, primary=24))
    >>> model.count_params(), 9 * 48 * 48 + 4 * 48
    (2208, 20928)
    """
    filters = positive("filters", filters)
    primary = dividing("primary", primary, in_channels=x.shape[-1], filters=filters)
    secondary = dividing("secondary", filters // primary if secondary is None else secondary, filters=filters)
    shared = {"use_bias": False, "kernel_initializer": "he_normal"}
    x = GroupedConv2D(
        filters, kernel, groups=primary, strides=strides, padding="same", name=f"{name}_primary", **shared
    )(x)
    x = ChannelShuffle(primary, name=f"{name}_permuted")(x)
    x = GroupedPointwise(filters, groups=secondary, name=f"{name}_secondary", **shared)(x)
    x = ChannelShuffle(secondary, name=f"{name}_back")(x)
    return finished(x, activation=activation, norm=norm, name=name)


def interleaved_residual(
    x, filters, *, primary, secondary=(None, None), strides=1, norm=NORM, name="residual"
):
    """Two interleaved group convolutions and a shortcut: the residual block made of them.

    (B, H, W, C) → (B, ⌈H / strides⌉, ⌈W / strides⌉, filters). Where the shape changes, the shortcut is a 1×1
    convolution in `primary` groups, of C · filters / primary weights. `secondary` are the M of the first and
    the second convolution, None for filters / primary.

    Raises ValueError for groups that do not divide.
    Source: as `interleaved_convolution`; the paper's networks marked "+Ident.", as in the authors' code.

    >>> import keras
    >>> x = keras.Input((32, 32, 48))
    >>> keras.Model(x, interleaved_residual(x, 48, primary=24)).count_params()
    4416
    """
    first, second = secondary
    shared = {"filters": filters, "primary": primary, "norm": norm}
    y = interleaved_convolution(x, secondary=first, strides=strides, name=f"{name}_first", **shared)
    y = interleaved_convolution(y, secondary=second, activation=None, name=f"{name}_second", **shared)
    if not kept_shape(x, filters, strides):
        options = {"groups": primary, "strides": strides, "activation": None, "norm": norm}
        x = convolved(x, filters, name=f"{name}_shortcut", **options)
    return layers.Activation("relu", name=f"{name}_relu")(layers.Add(name=f"{name}_sum")([x, y]))
