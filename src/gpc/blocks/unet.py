"""U-Net's two halves: a level that halves the map, and one that doubles it and reads the other again."""

from keras import layers

from gpc._checks import positive
from gpc.blocks._parts import finished
from gpc.blocks.ghost import ghost_module


def conv3x3(x, filters, *, norm=None, name):
    """A 3×3 convolution and ReLU, with a bias, or with a batch norm of the options `norm` instead.

    (B, H, W, C) → (B, H, W, filters), 9 · C · filters MACs a pixel.
    Raises what `keras.layers.Conv2D` raises.
    """
    options = {"padding": "same", "kernel_initializer": "he_normal", "name": name}
    if norm is None:
        return layers.Conv2D(filters, 3, activation="relu", **options)(x)
    x = layers.Conv2D(filters, 3, use_bias=False, **options)(x)
    return finished(x, activation="relu", norm=norm, name=name)


def ghost3x3(x, filters, *, norm, name):
    """A Ghost module for a 3×3 convolution: half of the filters by 3×3, half by 3×3 depthwise of those.

    (B, H, W, C) → (B, H, W, filters), 9 · (C + 1) · filters / 2 MACs a pixel.
    """
    return ghost_module(x, filters, kernel=3, norm=norm, name=name)


def unet_down(x, filters, *, convolution=conv3x3, norm=None, dropout=0.0, name="down"):
    """Two 3×3 convolutions, and their map at half the size.

    (B, H, W, C) → (B, H, W, filters), which the way up reads again, and (B, H / 2, W / 2, filters).
    `convolution` is called as `conv3x3`; `dropout` stands before the pooling and on what is read again.
    Cost: with `conv3x3` 9 · (C + filters) · filters MACs a pixel.

    Raises ValueError for an odd height or width, naming the nearest even ones.
    Source: Ronneberger, Fischer, Brox, "U-Net", MICCAI 2015, Figure 1.

    >>> import keras
    >>> [tuple(map.shape) for map in unet_down(keras.Input((32, 32, 3)), 16)]
    [(None, 32, 32, 16), (None, 16, 16, 16)]
    """
    for side, size in zip(("height", "width"), x.shape[1:3], strict=True):
        if size is not None and size % 2:
            raise ValueError(f"{side}={size} can't be halved; nearest that can: {size + 1}")
    x = unet_pair(x, filters, convolution=convolution, norm=norm, name=name)
    if dropout:
        x = layers.Dropout(dropout, name=f"{name}_dropout")(x)
    return x, layers.MaxPooling2D(2, name=f"{name}_pool")(x)


def unet_up(x, again, filters, *, convolution=conv3x3, norm=None, name="up"):
    """The map at twice the size beside the one of the way down, and two 3×3 convolutions of both.

    (B, H, W, C) and (B, 2 · H, 2 · W, D) → (B, 2 · H, 2 · W, filters).
    Cost: a 2×2 transposed convolution to `filters` channels, C · filters MACs a pixel of the output, and with
    `conv3x3` 9 · (D + 2 · filters) · filters a pixel.

    Raises ValueError for maps whose sizes do not match.
    Source: Ronneberger, Fischer, Brox, "U-Net", MICCAI 2015, Figure 1, without the crop, which "valid"
    convolutions need.

    >>> import keras
    >>> unet_up(keras.Input((16, 16, 32)), keras.Input((32, 32, 16)), 16).shape
    (None, 32, 32, 16)
    """
    filters = positive("filters", filters)
    options = {"strides": 2, "kernel_initializer": "he_normal", "name": f"{name}_transposed"}
    x = layers.Conv2DTranspose(filters, 2, **options)(x)
    if tuple(x.shape[1:3]) != tuple(again.shape[1:3]):
        raise ValueError(
            f"again is {again.shape[1]}×{again.shape[2]}; it must be twice the size of x, "
            f"{x.shape[1]}×{x.shape[2]}"
        )
    x = layers.Concatenate(name=f"{name}_beside")([again, x])
    return unet_pair(x, filters, convolution=convolution, norm=norm, name=name)


def unet_pair(x, filters, *, convolution=conv3x3, norm=None, name="pair"):
    """Two 3×3 convolutions one after the other: (B, H, W, C) → (B, H, W, filters).

    Raises ValueError for filters below 1, TypeError for what is no integer.

    >>> import keras
    >>> x = keras.Input((32, 32, 3))
    >>> keras.Model(x, unet_pair(x, 64)).count_params()
    38720
    """
    for number in (1, 2):
        x = convolution(x, positive("filters", filters), norm=norm, name=f"{name}_conv{number}")
    return x
