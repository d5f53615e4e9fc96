"""Closed forms: what one layer costs, from its shape alone. Per image; bias left out unless asked for."""

import math

from gpc._checks import dividing, positive


def pointwise_macs(height, width, in_channels, filters, *, groups=1):
    """Multiply-accumulates of a 1×1 convolution: every pixel, every filter, its group's channels.

    (B, height, width, in_channels) → (B, height, width, filters); per image, bias left out.
    Raises ValueError unless `groups` divides both channel counts.

    >>> pointwise_macs(7, 7, 512, 4096)
    102760448
    >>> pointwise_macs(1, 1, 256, 256), pointwise_macs(1, 1, 256, 256, groups=16)
    (65536, 4096)
    """
    return conv_macs(height, width, in_channels, filters, 1, groups=groups)


def conv_macs(height, width, in_channels, filters, kernel, *, groups=1):
    """Multiply-accumulates of a k×k convolution whose output is height × width.

    (B, H, W, in_channels) → (B, height, width, filters): height · width · filters · k² · in_channels /
    groups, per image. `kernel` is one number or a pair.
    Raises ValueError unless `groups` divides both channel counts.

    >>> conv_macs(224, 224, 3, 64, 3)
    86704128
    """
    return _pixels(height, width) * conv_parameters(in_channels, filters, kernel, groups=groups)


def depthwise_macs(height, width, channels, kernel, *, multiplier=1):
    """Multiply-accumulates of a depthwise convolution with output height × width: one filter a channel.

    (B, H, W, channels) → (B, height, width, channels · multiplier), per image.

    >>> depthwise_macs(112, 112, 32, 3)
    3612672
    """
    return _pixels(height, width) * depthwise_parameters(channels, kernel, multiplier=multiplier)


def separable_macs(height, width, in_channels, filters, kernel, *, multiplier=1):
    """Multiply-accumulates of a depthwise convolution and a 1×1 after it, output height × width.

    (B, H, W, in_channels) → (B, height, width, filters), per image: the dense k×k times multiplier ·
    (1 / filters + 1 / k²).

    >>> separable_macs(8, 8, 3, 256, 5) / conv_macs(8, 8, 3, 256, 5) == 1 / 256 + 1 / 25
    True
    """
    wide = positive("in_channels", in_channels) * positive("multiplier", multiplier)
    return depthwise_macs(height, width, in_channels, kernel, multiplier=multiplier) + pointwise_macs(
        height, width, wide, filters
    )


def dense_macs(in_features, units):
    """Multiply-accumulates of a fully connected layer, (B, in_features) → (B, units), per row.

    >>> dense_macs(7 * 7 * 512, 4096)
    102760448
    """
    return positive("in_features", in_features) * positive("units", units)


def pointwise_parameters(in_channels, filters, *, groups=1, bias=False):
    """Weights of a 1×1 convolution: filters · in_channels / groups, and filters more with a bias.

    Raises ValueError unless `groups` divides both channel counts.

    >>> pointwise_parameters(256, 256), pointwise_parameters(256, 256, groups=16)
    (65536, 4096)
    """
    return conv_parameters(in_channels, filters, 1, groups=groups, bias=bias)


def conv_parameters(in_channels, filters, kernel, *, groups=1, bias=False):
    """Weights of a k×k convolution: k² · filters · in_channels / groups, and filters more with a bias.

    Raises ValueError unless `groups` divides both channel counts.

    >>> conv_parameters(256, 256, 3)
    589824
    >>> sum(conv_parameters(*sizes) for sizes in ((256, 64, 1), (64, 64, 3), (64, 256, 1)))
    69632
    """
    in_channels, filters = positive("in_channels", in_channels), positive("filters", filters)
    groups = dividing("groups", groups, in_channels=in_channels, filters=filters)
    return _taps(kernel) * in_channels // groups * filters + (filters if bias else 0)


def depthwise_parameters(channels, kernel, *, multiplier=1, bias=False):
    """Weights of a depthwise convolution: k² · channels · multiplier.

    With `bias=True` one more for each of the channels · multiplier outputs.

    >>> depthwise_parameters(256, 3), depthwise_parameters(256, 3, bias=True)
    (2304, 2560)
    >>> depthwise_parameters(256, 3) + pointwise_parameters(256, 256)
    67840
    """
    outputs = positive("channels", channels) * positive("multiplier", multiplier)
    return _taps(kernel) * outputs + (outputs if bias else 0)


def separable_parameters(in_channels, filters, kernel, *, multiplier=1, bias=False):
    """Weights of a depthwise convolution and a 1×1 after it; the bias is the 1×1's alone, as in Keras.

    >>> separable_parameters(3, 256, 3), separable_parameters(3, 256, 3, bias=True)
    (795, 1051)
    """
    wide = positive("in_channels", in_channels) * positive("multiplier", multiplier)
    return depthwise_parameters(in_channels, kernel, multiplier=multiplier) + pointwise_parameters(
        wide, filters, bias=bias
    )


def dense_parameters(in_features, units, *, bias=False):
    """Weights of a fully connected layer: in_features · units, and units more with a bias.

    >>> dense_parameters(7 * 7 * 512, 4096, bias=True)
    102764544
    """
    return dense_macs(in_features, units) + (units if bias else 0)


def _pixels(height, width):
    return positive("height", height) * positive("width", width)


def _taps(kernel):
    """How many pixels a kernel covers: k² for one number, the product for several."""
    sizes = kernel if isinstance(kernel, tuple | list) else (kernel, kernel)
    return math.prod(positive("kernel", size) for size in sizes)
