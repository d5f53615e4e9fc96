"""Squeeze-excite: every channel turned up or down by what the whole map holds."""

from keras import layers

from gpc._checks import positive


def squeeze_excite(x, squeezed, *, gate="sigmoid", name="gate"):
    """Each channel times a number from 0 to 1 that a two-layer network reads off all channels' means.

    (B, H, W, C) → (B, H, W, C). Both layers are 1×1 convolutions of a map of one pixel, which is a fully
    connected layer.
    Cost: 2 · C · squeezed weights and squeezed + C biases, as many multiply-accumulates an image as weights,
    whatever its size.

    Raises ValueError for squeezed below 1, TypeError for what is no integer.
    Source: Hu, Shen, Sun, "Squeeze-and-excitation networks", CVPR 2018, where squeezed is C / 16.

    >>> import keras
    >>> x = keras.Input((14, 14, 256))
    >>> keras.Model(x, squeeze_excite(x, 16)).count_params()
    8464
    """
    squeezed = positive("squeezed", squeezed)
    mean = layers.GlobalAveragePooling2D(keepdims=True, name=f"{name}_mean")(x)
    few = layers.Conv2D(
        squeezed, 1, activation="relu", kernel_initializer="he_normal", name=f"{name}_reduce"
    )(mean)
    scale = layers.Conv2D(x.shape[-1], 1, activation=gate, name=f"{name}_expand")(few)
    return layers.Multiply(name=f"{name}_scaled")([x, scale])
