"""Augmentations: one image and a row of uniform numbers in, one image out. OpenCV does the moving.

An augmentation has `draws`, how many uniform numbers it eats per image, and `matrix(draws, height, width)`,
the 2×3 affine map from output to input pixels; so a mask moves exactly as its image does, and nothing is
random in here.
"""

import math
from dataclasses import dataclass

import cv2
import numpy as np


def _between(low, high, draw):
    return low + (high - low) * draw


@dataclass(frozen=True)
class Affine:
    """The papers' augmentation: turn, shift, shear, zoom and mirror, the edge's pixels repeated outwards.

    (H, W, C) → (H, W, C). rotation and shear in degrees, shift in parts of the image, zoom in parts of 1,
    each drawn evenly from minus to plus the value (zoom on each axis by itself), as Keras's
    ImageDataGenerator does.

    Source: recipes of kEffNetV1 (MENDEL 2022): rotation 20, shifts 0.3, shear 0.2, zoom 0.3, horizontal flip.
    """

    rotation: float = 20.0
    shift: float = 0.3
    shear: float = 0.2
    zoom: float = 0.3
    flip: bool = True
    draws = 7
    border = cv2.BORDER_REPLICATE

    def matrix(self, draws, height, width):
        """Output (x, y) → input (x, y): about the image's centre, mirror last."""
        turn = math.radians(_between(-self.rotation, self.rotation, draws[0]))
        right = _between(-self.shift, self.shift, draws[1]) * width
        down = _between(-self.shift, self.shift, draws[2]) * height
        lean = math.radians(_between(-self.shear, self.shear, draws[3]))
        wide, tall = (_between(1 - self.zoom, 1 + self.zoom, draw) for draw in draws[4:6])
        spin = np.array([[math.cos(turn), -math.sin(turn)], [math.sin(turn), math.cos(turn)]])
        slant = np.array([[1.0, -math.sin(lean)], [0.0, math.cos(lean)]])
        linear = spin @ slant @ np.diag([wide, tall])
        centre = np.array([(width - 1) / 2, (height - 1) / 2])
        offset = centre + spin @ np.array([right, down]) - linear @ centre
        found = np.column_stack([linear, offset])
        return _mirrored(found, width) if self.flip and draws[6] < 0.5 else found


@dataclass(frozen=True)
class CropFlip:
    """Pad by `pad` black pixels, crop back to size anywhere, mirror half of the time: (H, W, C) → (H, W, C).

    Source: He et al., Deep Residual Learning, 2015, §4.2 (pad 4 on CIFAR-10).
    """

    pad: int = 4
    draws = 3
    border = cv2.BORDER_CONSTANT

    def matrix(self, draws, height, width):
        """Output (x, y) → input (x, y): whole pixels, so no value is blended."""
        found = _moved(draws, self.pad)
        return _mirrored(found, width) if draws[2] < 0.5 else found


@dataclass(frozen=True)
class Shift:
    """Move by up to `pixels` whole pixels each way, the edge repeated: (H, W, C) → (H, W, C)."""

    pixels: int = 2
    draws = 2
    border = cv2.BORDER_REPLICATE

    def matrix(self, draws, height, width):
        """Output (x, y) → input (x, y): whole pixels, so no value is blended."""
        return _moved(draws, self.pixels)


AUGMENTATIONS = {"papers": Affine(), "crop-flip": CropFlip(), "shift": Shift()}


def augmentation(augment):
    """The augmentation of this name; an augmentation object or None comes back as it is.

    >>> augmentation("crop-flip")
    CropFlip(pad=4)
    """
    if augment is None or hasattr(augment, "matrix"):
        return augment
    if augment not in AUGMENTATIONS:
        known = ", ".join(repr(name) for name in AUGMENTATIONS)
        raise ValueError(f"augment={augment!r} is not known; choose from {known}, or None")
    return AUGMENTATIONS[augment]


def apply(augment, image, draws, *, smooth=True):
    """One image or map, moved by `augment` as the row `draws` of uniform numbers says: same shape, same type.

    `smooth=False` takes the nearest pixel, so that a mask keeps its values.
    """
    height, width = image.shape[:2]
    interpolation = cv2.INTER_LINEAR if smooth else cv2.INTER_NEAREST
    matrix = augment.matrix(draws, height, width)
    flags = interpolation | cv2.WARP_INVERSE_MAP
    moved = cv2.warpAffine(image, matrix, (width, height), flags=flags, borderMode=augment.border)
    return moved.reshape(image.shape)


def _moved(draws, most):
    down, right = (math.floor(_between(-most, most + 1, draw)) for draw in draws[:2])
    return np.array([[1.0, 0.0, right], [0.0, 1.0, down]])


def _mirrored(matrix, width):
    flip = np.array([[-1.0, 0.0, width - 1.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
    return matrix @ flip
