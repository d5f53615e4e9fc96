"""Augmentations: one image and a row of uniform numbers in, one image out. OpenCV does the moving.

An augmentation has `draws`, how many uniform numbers it eats per image, and `matrix(draws, height, width)`,
the 2×3 affine map from output to input pixels; so a mask moves exactly as its image does, and nothing is
random in here. One that does more, or does it faster, has `move_all(images, draws, smooth)`, for a whole
batch: `CropFlip` copies what its matrix would warp, `Trivial` changes values, too, of images and not of maps.
"""

import math
from dataclasses import dataclass

import cv2
import numpy as np

from gpc.data import colours


def _between(low, high, draw):
    return low + (high - low) * draw


@dataclass(frozen=True)
class Affine:
    """The papers' augmentation: turn, shift, shear, zoom and mirror, the edge's pixels repeated outwards.

    (H, W, C) → (H, W, C). `rotation` and `shear` in degrees, `shift` in parts of the image, `zoom` in parts
    of 1, each drawn evenly from minus to plus the value (`zoom` on each axis by itself), as Keras's
    `ImageDataGenerator` does. Takes a row of `draws` = 7 uniform numbers an image.

    Source: the recipes of kEffNetV1, EfficientNet with grouped pointwise layers (MENDEL 2022): rotation 20,
    shifts 0.3, shear 0.2, zoom 0.3, horizontal flip.
    """

    rotation: float = 20.0
    shift: float = 0.3
    shear: float = 0.2
    zoom: float = 0.3
    flip: bool = True
    draws = 7
    border = cv2.BORDER_REPLICATE

    def matrix(self, draws, height, width):
        """The 2×3 map output (x, y) → input (x, y): about the image's centre, mirror last."""
        # In plain numbers: NumPy on 2×2 matrices takes longer than moving a small image.
        turn = math.radians(_between(-self.rotation, self.rotation, draws[0]))
        right = _between(-self.shift, self.shift, draws[1]) * width
        down = _between(-self.shift, self.shift, draws[2]) * height
        lean = math.radians(_between(-self.shear, self.shear, draws[3]))
        wide, tall = (_between(1 - self.zoom, 1 + self.zoom, draw) for draw in draws[4:6])
        cosine, sine, middle, centre = math.cos(turn), math.sin(turn), (width - 1) / 2, (height - 1) / 2
        a, b = cosine * wide, -(cosine * math.sin(lean) + sine * math.cos(lean)) * tall
        c, d = sine * wide, (cosine * math.cos(lean) - sine * math.sin(lean)) * tall
        across = middle + cosine * right - sine * down - a * middle - b * centre
        along = centre + sine * right + cosine * down - c * middle - d * centre
        if self.flip and draws[6] < 0.5:
            a, c, across, along = -a, -c, across + a * (width - 1), along + c * (width - 1)
        return np.array([[a, b, across], [c, d, along]])


@dataclass(frozen=True)
class CropFlip:
    """Pad by `pad` black pixels, crop back to size anywhere, mirror half of the time: (H, W, C) → (H, W, C).

    Takes a row of `draws` = 3 uniform numbers an image.

    Source: He et al., Deep Residual Learning for Image Recognition, CVPR 2016, §4.2 (pad 4 on CIFAR-10).
    """

    pad: int = 4
    draws = 3
    border = cv2.BORDER_CONSTANT

    def matrix(self, draws, height, width):
        """The 2×3 map output (x, y) → input (x, y): whole pixels, so no value is blended."""
        found = _moved(draws, self.pad)
        return _mirrored(found, width) if draws[2] < 0.5 else found

    def move_all(self, images, draws, smooth=True):
        """What `matrix` describes, for (B, H, W[, C]) images by copies alone: many times as fast as warps."""
        return _cropped(images, draws, self.pad)


@dataclass(frozen=True)
class Shift:
    """Move by up to `pixels` whole pixels each way, the edge repeated: (H, W, C) → (H, W, C).

    Takes a row of `draws` = 2 uniform numbers an image.
    """

    pixels: int = 2
    draws = 2
    border = cv2.BORDER_REPLICATE

    def matrix(self, draws, height, width):
        """The 2×3 map output (x, y) → input (x, y): whole pixels, so no value is blended."""
        return _moved(draws, self.pixels)


@dataclass(frozen=True)
class Symmetries:
    """One of the square's eight symmetries: quarter turns and mirror, no value blended: (H, W, C) → (H, W, C).

    For pictures without an up and down, as a microscope's. Of an image that is not square half turns only.
    Takes a row of `draws` = 2 uniform numbers an image.
    """

    draws = 2
    border = cv2.BORDER_REPLICATE

    def matrix(self, draws, height, width):
        """The 2×3 map output (x, y) → input (x, y): about the image's centre."""
        turns = math.floor(4 * draws[0]) if height == width else 2 * math.floor(2 * draws[0])
        cosine, sine = ((1, 0), (0, 1), (-1, 0), (0, -1))[turns]
        found = _about_centre(np.array([[cosine, -sine], [sine, cosine]]), height, width)
        return _mirrored(found, width) if draws[1] < 0.5 else found


@dataclass(frozen=True)
class Trivial:
    """Crop and mirror, one operation of fourteen at a strength drawn evenly, a square cut out.

    (H, W, C) → (H, W, C). Nothing to tune: `MOVES` and `COLOURS` are TrivialAugment's wide space. Crops are
    moved by up to an eighth of a side, the square's side is half of the image's: 4 and 16 pixels at 32×32.
    A mask is moved with its image and loses nothing to the square. Takes a row of `draws` = 7 uniform numbers
    an image.

    Source: Müller and Hutter, TrivialAugment, ICCV 2021, its CIFAR set-up (github.com/automl/trivialaugment:
    wide_standard, RandomCrop, cutout 16). What differs: strengths are continuous instead of 31 levels; shears
    are about the centre instead of the corner; no shift is farther than the image's side; all moves are one
    warp; the square has the image's own mean colour instead of the data set's.
    """

    MOVES = ("shear x", "shear y", "shift x", "shift y", "turn")
    COLOURS = (
        "none", "brightness", "saturation", "contrast", "sharpness", "posterize", "solarize", "autocontrast",
        "equalize",
    )  # fmt: skip
    draws = 7
    border = cv2.BORDER_CONSTANT

    def operation(self, draws):
        """(name, strength) that a row of draws stands for: one of `MOVES` and `COLOURS`, and −1 … 1.

        Moves and factors (brightness, saturation, contrast, sharpness) take the strength with its sign,
        "posterize" and "solarize" its size alone, "none", "autocontrast" and "equalize" nothing of it.
        """
        every = self.MOVES + self.COLOURS
        return every[math.floor(len(every) * draws[3])], _between(-1, 1, draws[4])

    def matrix(self, draws, height, width):
        """The 2×3 map output (x, y) → input (x, y): the drawn move about the centre, then crop and mirror."""
        name, strength = self.operation(draws)
        found = _moved(draws, max(1, min(height, width) // 8))
        found = _mirrored(found, width) if draws[2] < 0.5 else found
        if name not in self.MOVES:
            return found
        linear, shift = np.eye(2), np.zeros(2)
        if name == "turn":
            turn = math.radians(135 * strength)
            linear = np.array([[math.cos(turn), -math.sin(turn)], [math.sin(turn), math.cos(turn)]])
        elif name.startswith("shear"):
            linear[("x", "y").index(name[-1]), ("y", "x").index(name[-1])] = 0.99 * strength
        else:
            place = ("x", "y").index(name[-1])
            shift[place] = min(32, (width, height)[place]) * strength
        first = _about_centre(linear, height, width) + np.column_stack([np.zeros((2, 2)), shift])
        return first @ np.vstack([found, [0.0, 0.0, 1.0]])

    def move_all(self, images, draws, smooth=True):
        """(B, H, W[, C]) images with the drawn operation, crop, mirror and square; maps (not `smooth`) are
        moved alone.

        Nine of the fourteen operations move nothing by themselves: crop and mirror are then copies, the same
        to the bit as the warp of `matrix`, in a fraction of its time.
        """
        height, width = images.shape[1:3]
        rows = draws.tolist()
        warped = np.array([self.operation(row)[0] in self.MOVES for row in rows])
        if smooth:
            images = np.stack([self.colour(image, row) for image, row in zip(images, rows, strict=True)])
        found = np.empty_like(images)
        pad = max(1, min(height, width) // 8)
        found[~warped] = _cropped(images[~warped], draws[~warped], pad)
        for place in np.flatnonzero(warped):
            found[place] = _warped(self, images[place], rows[place], smooth)
        return self._cut(found, rows) if smooth else found

    def colour(self, image, draws):
        """An image with the drawn operation done to its values, uint8 (H, W, C) → (H, W, C); unchanged where
        the operation is a move or "none"."""
        name, strength = self.operation(draws)
        if name in ("brightness", "saturation", "contrast", "sharpness"):
            return getattr(colours, name)(image, 1 + 0.99 * strength)
        if name == "posterize":
            return colours.posterize(image, 8 - math.floor(6 * abs(strength)))
        if name == "solarize":
            return colours.solarize(image, 256 * (1 - abs(strength)))
        return getattr(colours, name)(image) if name in ("autocontrast", "equalize") else image

    def _cut(self, images, rows):
        """The same images, the drawn square of each in the image's mean colour."""
        height, width = images.shape[1:3]
        side = min(height, width) // 2
        for image, colour, draws in zip(images, np.rint(images.mean((1, 2))), rows, strict=True):
            row, column = math.floor(height * draws[5]), math.floor(width * draws[6])
            colours.square(image, row, column, side, colour)
        return images


AUGMENTATIONS = {
    "papers": Affine(),
    "crop-flip": CropFlip(),
    "shift": Shift(),
    "trivial": Trivial(),
    "symmetries": Symmetries(),
}


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

    `smooth=False` takes the nearest pixel and changes no value, so that a mask keeps its own.
    """
    if hasattr(augment, "move_all"):
        return augment.move_all(image[np.newaxis], np.array([draws]), smooth)[0]
    return _warped(augment, image, draws, smooth)


def _warped(augment, image, draws, smooth):
    """One image or map through the augmentation's matrix."""
    height, width = image.shape[:2]
    flags = (cv2.INTER_LINEAR if smooth else cv2.INTER_NEAREST) | cv2.WARP_INVERSE_MAP
    matrix = augment.matrix(draws, height, width)
    moved = cv2.warpAffine(image, matrix, (width, height), flags=flags, borderMode=augment.border)
    return moved.reshape(image.shape)


def _cropped(images, draws, pad):
    """(B, H, W[, C]) images padded by black, cropped back and mirrored, as the first three draws say."""
    count, height, width = images.shape[:3]
    places = 2 * pad + 1
    padded = np.zeros((count, height + places - 1, width + places - 1, *images.shape[3:]), images.dtype)
    padded[:, pad : pad + height, pad : pad + width] = images
    sample, down, right, *colour = padded.strides
    windows = np.lib.stride_tricks.as_strided(
        padded,
        (count, places, places, *images.shape[1:]),
        (sample, down, right, down, right, *colour),
        writeable=False,
    )
    corners = np.floor(_between(-pad, pad + 1, draws[:, :2])).astype(int) + pad
    found = windows[np.arange(count), corners[:, 0], corners[:, 1]]
    turned = draws[:, 2] < 0.5
    found[turned] = found[turned][:, :, ::-1]
    return found


def _about_centre(linear, height, width):
    """The linear map with the image's centre where it was: 2×3."""
    centre = np.array([(width - 1) / 2, (height - 1) / 2])
    return np.column_stack([linear, centre - linear @ centre])


def _moved(draws, most):
    down, right = (math.floor(_between(-most, most + 1, draw)) for draw in draws[:2])
    return np.array([[1.0, 0.0, right], [0.0, 1.0, down]])


def _mirrored(matrix, width):
    flip = np.array([[-1.0, 0.0, width - 1.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
    return matrix @ flip
