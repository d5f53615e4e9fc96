"""SqueezeNet's Fire module: few channels in between, so that the 3×3 convolution reads few."""

from keras import layers

from gpc._checks import positive


def fire(x, squeeze, expand, *, name="fire"):
    """A 1×1 squeeze to few channels, then 1×1 and 3×3 convolutions of those, side by side; ReLU after each.

    (B, H, W, C) → (B, H, W, 2 · expand).
    Cost: (C + 10 · expand) · squeeze weights and multiply-accumulates a pixel, squeeze + 2 · expand biases.

    Raises ValueError for widths below 1, TypeError for what is no integer.
    Source: Iandola et al., "SqueezeNet", 2016, Figure 1; e_1x1 and e_3x3 are equal in all its modules and one
    argument here.

    >>> import keras
    >>> x = keras.Input((55, 55, 96))
    >>> keras.Model(x, fire(x, 16, 64)).count_params()
    11920
    """
    squeeze, expand = positive("squeeze", squeeze), positive("expand", expand)
    options = {"padding": "same", "activation": "relu", "kernel_initializer": "he_normal"}
    x = layers.Conv2D(squeeze, 1, name=f"{name}_squeeze1x1", **options)(x)
    both = [layers.Conv2D(expand, side, name=f"{name}_expand{side}x{side}", **options)(x) for side in (1, 3)]
    return layers.Concatenate(name=f"{name}_concat")(both)
