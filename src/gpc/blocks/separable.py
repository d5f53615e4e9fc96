"""Depthwise separable convolutions: one window a channel, then a 1×1 across them."""

from keras import layers

from gpc._checks import positive
from gpc.blocks._parts import NORM, convolved, filtered, finished, kept_shape


def depthwise_separable(x, filters, *, strides=1, activation="relu6", norm=NORM, name="separable"):
    """MobileNet's: a 3×3 window on each channel, then a 1×1; batch norm and activation after each.

    (B, H, W, C) → (B, ⌈H / strides⌉, ⌈W / strides⌉, filters).
    Cost: (9 + filters) · C weights and multiply-accumulates a pixel of the output; a dense 3×3 has 9 ·
    filters · C.

    Raises ValueError for filters below 1, TypeError for what is no integer.
    Source: Howard et al., "MobileNets", 2017, Figure 3.

    >>> import keras
    >>> x = keras.Input((14, 14, 64))
    >>> keras.Model(x, depthwise_separable(x, 128)).count_params()
    9536
    """
    options = {"activation": activation, "norm": norm}
    x = filtered(x, strides=strides, name=f"{name}_depthwise", **options)
    return convolved(x, positive("filters", filters), name=f"{name}_pointwise", **options)


def separable_residual(x, widths, *, strides=1, first_relu=True, norm=NORM, name="xception"):
    """Xception's: ReLU, separable 3×3, batch norm for each of `widths`; pooled where strided; plus the input.

    (B, H, W, C) → (B, ⌈H / strides⌉, ⌈W / strides⌉, widths[-1]). `first_relu=False` leaves out the first
    ReLU, behind another.
    Cost: for each width in turn, from the C channels that it has before it, (9 + width) · C weights and
    multiply-accumulates a pixel, before any pooling; and C · widths[-1] for the shortcut's 1×1 where the
    shape changes.

    Raises ValueError for no widths or one below 1, TypeError for what is no integer.
    Source: Chollet, "Xception", 2017, Figure 5.

    >>> import keras
    >>> x = keras.Input((14, 14, 64))
    >>> keras.Model(x, separable_residual(x, (64, 64, 64))).count_params()
    14784
    """
    sizes = [positive("widths", width) for width in widths]
    if not sizes:
        raise ValueError("widths=() must hold a number of filters for each separable convolution")
    y = x
    for number, width in enumerate(sizes, 1):
        if first_relu or number > 1:
            y = layers.Activation("relu", name=f"{name}_relu{number}")(y)
        y = _separable(y, width, norm, f"{name}_sepconv{number}")
    if strides > 1:
        y = layers.MaxPooling2D(3, strides, padding="same", name=f"{name}_pool")(y)
    if not kept_shape(x, sizes[-1], strides):
        x = convolved(x, sizes[-1], strides=strides, activation=None, norm=norm, name=f"{name}_shortcut")
    return layers.Add(name=f"{name}_sum")([x, y])


def _separable(x, filters, norm, name):
    """Keras's separable convolution, nothing between its halves, and a batch norm."""
    options = {"padding": "same", "use_bias": False, "pointwise_initializer": "he_normal"}
    x = layers.SeparableConv2D(filters, 3, name=name, **options)(x)
    return finished(x, activation=None, norm=norm, name=name)
