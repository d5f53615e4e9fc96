"""U-Net: what every pixel belongs to, seen near and far; and the same of Ghost modules."""

from typing import NamedTuple

import keras
from keras import layers

from gpc._checks import positive
from gpc.blocks._parts import NORM
from gpc.blocks.unet import conv3x3, ghost3x3, unet_down, unet_pair, unet_up
from gpc.models.table import image, one_of_variants

__all__ = ["GhostUNet", "UNet"]


class Level(NamedTuple):
    """Two 3×3 convolutions to as many filters: on the way down, at the bottom or on the way up."""

    name: str
    kind: str
    filters: int
    dropped: bool = False
    deviates: str = ""


_PADDED = "zeros around each convolution, so that the output is as large as the input: 256×256, not 572 → 388"

# Ronneberger et al., 2015, Figure 1; dropout "at the end of the contracting path", as its text says.
_UNET = (
    Level("down1", "down", 64, deviates=_PADDED),
    Level("down2", "down", 128),
    Level("down3", "down", 256),
    Level("down4", "down", 512, dropped=True, deviates="no dropout unless asked; the paper's has no rate"),
    Level("bottom", "bottom", 1024, dropped=True, deviates="as down4"),
    Level("up4", "up", 512, deviates="nothing is cropped, everywhere: the maps are of one size"),
    Level("up3", "up", 256),
    Level("up2", "up", 128),
    Level("up1", "up", 64),
)

_GHOSTS = "Ghost modules with batch norm where U-Net has 3×3 convolutions with a bias, everywhere"
_GHOST = (_UNET[0]._replace(deviates=f"{_GHOSTS}; {_PADDED}"), *_UNET[1:])

_SMALL = (
    Level("down1", "down", 16, deviates="16 filters instead of 64, batch norm instead of a bias, everywhere"),
    Level("down2", "down", 32, deviates="32 filters instead of 128"),
    Level("bottom", "bottom", 64, True, "64 filters instead of 1024, two levels above it instead of four"),
    Level("up2", "up", 32, deviates="as down2"),
    Level("up1", "up", 16, deviates="as down1"),
)
_SMALL_GHOST = (
    Level("down1", "down", 16, deviates="16 filters instead of 64"),
    *_SMALL[1:],
)

TABLES = {
    "GhostUNet": {"full": _GHOST, "small": _SMALL_GHOST},
    "UNet": {"full": _UNET, "small": _SMALL},
}


def UNet(input_shape=(256, 256, 1), classes=1, *, variant="full", dropout=0.0):
    """U-Net, a class for every pixel: (B, H, W, C) → (B, H, W, classes).

    One class ends in a sigmoid, more in a softmax over them. Height and width are multiples of 16 ("small":
    of 4). `dropout` is the rate at the bottom and above it, where the paper has dropout without saying how
    much. `variant="small"` has two levels above the bottom, for images of 32×32. What differs:
    `gpc.models.deviations`.

    Raises ValueError for an unknown variant or sides that can't be halved that often, TypeError for sizes
    that are no integers.
    Source: Ronneberger, Fischer, Brox, "U-Net: convolutional networks for biomedical image segmentation",
    MICCAI 2015, Figure 1.

    >>> UNet().count_params()
    31030593
    """
    norm = None if variant == "full" else NORM
    return _unet("UNet", conv3x3, norm, input_shape, classes, variant, dropout)


def GhostUNet(input_shape=(256, 256, 1), classes=1, *, variant="full", dropout=0.0):
    """U-Net with a Ghost module for every 3×3 convolution: (B, H, W, C) → (B, H, W, classes).

    Half of a module's filters are 3×3 convolutions, the other half 3×3 depthwise convolutions of those:
    9 · (C + 1) · filters / 2 weights instead of 9 · C · filters, about half of U-Net's in all. Transposed and
    last convolutions stay. Arguments and errors as of `UNet`.

    Source: U-Net's figure with the module of Han et al., "GhostNet", CVPR 2020. No paper has this network and
    prints its count ("Ghost-UNet", IEEE Access 2021, is another); a test derives it from the table.

    >>> GhostUNet().count_params()
    16955553
    """
    return _unet("GhostUNet", ghost3x3, NORM, input_shape, classes, variant, dropout)


def _unet(name, convolution, norm, input_shape, classes, variant, dropout):
    rows = one_of_variants(variant, TABLES[name])
    _divided(input_shape, 2 ** sum(row.kind == "down" for row in rows))
    inputs = x = keras.Input(tuple(input_shape))
    read_again, options = [], {"convolution": convolution, "norm": norm}
    for row in rows:
        rate = dropout if row.dropped else 0.0
        if row.kind == "down":
            again, x = unet_down(x, row.filters, dropout=rate, name=row.name, **options)
            read_again.append(again)
        elif row.kind == "up":
            x = unet_up(x, read_again.pop(), row.filters, name=row.name, **options)
        else:
            x = unet_pair(x, row.filters, name=row.name, **options)
            x = layers.Dropout(rate, name=f"{row.name}_dropout")(x) if rate else x
    classes = positive("classes", classes)
    ending = "sigmoid" if classes == 1 else "softmax"
    x = layers.Conv2D(classes, 1, activation=ending, name="classes")(x)
    return keras.Model(inputs, x, name=name.lower() + ("" if variant == "full" else f"_{variant}"))


def _divided(input_shape, stride):
    """Check that both sides can be halved until they are `stride` times smaller."""
    height, width, _ = image(input_shape)
    if height % stride or width % stride:
        near = [max(1, round(side / stride)) * stride for side in (height, width)]
        raise ValueError(
            f"input_shape={tuple(input_shape)}: height and width must be multiples of {stride}; nearest that "
            f"works: {near[0]}×{near[1]}"
        )
