"""What augmentations do to an image's values: one image and a strength in, one image out; nothing moves.

All but `square` take and return uint8 (H, W, 1 or 3). A `factor` of 1 leaves the image as it is, 0 takes the
quality away (black, flat grey, grey, blurred), more than 1 adds to it.

Source: the operations of AutoAugment (Cubuk et al., CVPR 2019) as Pillow has them; `equalize` is OpenCV's,
whose rounding differs.
"""

import cv2
import numpy as np

LEVELS = np.arange(256, dtype=np.float32)
_SMOOTH = np.array([[1, 1, 1], [1, 5, 1], [1, 1, 1]], np.float32) / 13  # Pillow's ImageFilter.SMOOTH


def _table(values):
    """256 new values as OpenCV's table: rounded, and cut to 0…255."""
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)


def _through(image, values):
    return cv2.LUT(image, _table(values)).reshape(image.shape)


def _grey(image):
    return cv2.cvtColor(image, cv2.COLOR_RGB2GRAY) if image.shape[-1] == 3 else image[..., 0]


def _mixed(image, other, factor):
    """`other` at factor 0, `image` at 1, beyond it above."""
    return cv2.addWeighted(image, factor, other.reshape(image.shape), 1 - factor, 0).reshape(image.shape)


def brightness(image, factor):
    """Every value times `factor`.

    >>> brightness(np.full((1, 1, 1), 100, np.uint8), 1.5).ravel().tolist()
    [150]
    """
    return _through(image, LEVELS * factor)


def contrast(image, factor):
    """Every value's distance from the image's mean grey times `factor`."""
    middle = round(float(_grey(image).mean()))
    return _through(image, middle + factor * (LEVELS - middle))


def saturation(image, factor):
    """Every pixel's distance from its own grey times `factor`; a grey image has none."""
    if image.shape[-1] == 1:
        return image
    return _mixed(image, cv2.cvtColor(_grey(image), cv2.COLOR_GRAY2RGB), factor)


def sharpness(image, factor):
    """Every pixel's distance from its smoothed self times `factor`; the image's rim stays."""
    smooth = image.copy()
    smooth[1:-1, 1:-1] = cv2.filter2D(image, -1, _SMOOTH).reshape(image.shape)[1:-1, 1:-1]
    return _mixed(image, smooth, factor)


def posterize(image, bits):
    """Only the upper `bits` of each value's eight.

    >>> posterize(np.full((1, 1, 1), 0b10110111, np.uint8), 2).ravel().tolist() == [0b10000000]
    True
    """
    return image & np.uint8(256 - 2 ** (8 - bits))


def solarize(image, threshold):
    """Values from `threshold` on turned into their negative.

    >>> solarize(np.array([[[10], [200]]], np.uint8), 128).ravel().tolist()
    [10, 55]
    """
    return _through(image, np.where(LEVELS >= threshold, 255 - LEVELS, LEVELS))


def autocontrast(image):
    """Each channel stretched so that its darkest value is 0 and its brightest 255."""
    return _by_channel(image, _stretched)


def equalize(image):
    """Each channel's values spread so that all are about equally frequent."""
    return _by_channel(image, cv2.equalizeHist)


def _stretched(channel):
    low, high = int(channel.min()), int(channel.max())
    if high <= low:
        return channel
    return cv2.LUT(channel, _table((LEVELS - low) * (255 / (high - low))))


def _by_channel(image, change):
    return cv2.merge([change(one) for one in cv2.split(image)]).reshape(image.shape)


def square(image, row, column, side, colour):
    """Paints a square of `side` around (row, column) into the image itself; what of it lies outside is not
    seen.

    >>> image = np.zeros((3, 3, 1), np.uint8)
    >>> square(image, 0, 2, 2, 9)
    >>> image[..., 0].tolist()
    [[0, 9, 9], [0, 0, 0], [0, 0, 0]]
    """
    top, left = (max(0, place - side // 2) for place in (row, column))
    image[top : row + side - side // 2, left : column + side - side // 2] = colour
