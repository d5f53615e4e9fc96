"""DenseNet's unit: a few new channels, put beside all that were there; and what halves them in between."""

from keras import layers

from gpc._checks import positive
from gpc.blocks._parts import NORM


def dense_unit(x, growth, *, inside=None, norm=NORM, name="unit"):
    """BN-ReLU-1×1 to `inside` channels, BN-ReLU-3×3 to `growth`, and those beside the input.

    (B, H, W, C) → (B, H, W, C + growth); `inside` is 4 · growth if not given.
    Cost: (C + 9 · growth) · inside weights and multiply-accumulates a pixel.

    Raises ValueError for sizes below 1, TypeError for what is no integer.
    Source: Huang, Liu, van der Maaten, Weinberger, "Densely connected convolutional networks", 2017,
    section 3.

    >>> import keras
    >>> x = keras.Input((16, 16, 24))
    >>> keras.Model(x, dense_unit(x, 12)).count_params()
    6624
    """
    growth = positive("growth", growth)
    inside = positive("inside", 4 * growth if inside is None else inside)
    new = _normed_first(x, inside, 1, norm, f"{name}_1x1")
    new = _normed_first(new, growth, 3, norm, f"{name}_3x3")
    return layers.Concatenate(name=f"{name}_concat")([x, new])


def transition(x, filters=None, *, norm=NORM, name="transition"):
    """BN-ReLU-1×1 to `filters` channels, half of them if not given, then a 2×2 average of each map.

    (B, H, W, C) → (B, ⌊H / 2⌋, ⌊W / 2⌋, filters).
    Cost: C · filters weights, as many multiply-accumulates a pixel of the input.
    Raises and source as `dense_unit`.

    >>> import keras
    >>> x = keras.Input((16, 16, 60))
    >>> keras.Model(x, transition(x)).count_params()
    2040
    """
    filters = positive("filters", max(1, x.shape[-1] // 2) if filters is None else filters)
    return layers.AveragePooling2D(2, name=f"{name}_pool")(_normed_first(x, filters, 1, norm, name))


def _normed_first(x, filters, kernel, norm, name):
    """Batch norm, ReLU, convolution: the order of pre-activation networks."""
    x = layers.BatchNormalization(**norm, name=f"{name}_bn")(x)
    x = layers.Activation("relu", name=f"{name}_relu")(x)
    options = {"padding": "same", "use_bias": False, "kernel_initializer": "he_normal"}
    return layers.Conv2D(filters, kernel, name=name, **options)(x)
