"""Brushes for the procedural sets: smooth noise, soft edges, light and a camera.

float32 maps (S, S) and pictures (S, S, 3), values 0…1. Coordinates are −1…1 across an image, so the same
numbers draw the same scene at any size. Randomness comes from the `Generator` each function is given.
"""

import cv2
import numpy as np

OVERSAMPLING = 2  # scenes are drawn this much larger and averaged down: smooth edges, masks by majority


def generator(seed, *stream):
    """The random generator of one stream: equal (seed, stream) give equal numbers, others unrelated ones."""
    return np.random.Generator(np.random.SFC64([seed, *stream]))


def grid(pixels):
    """x and y of every pixel's centre, −1…1: two float32 (S, S)."""
    line = (np.arange(pixels, dtype=np.float32) + 0.5) * (2 / pixels) - 1
    return np.meshgrid(line, line)


def noise(random, pixels, waves):
    """Smooth random map (S, S), about 0…1, with `waves` bumps across."""
    coarse = random.random((waves + 1, waves + 1), dtype=np.float32)
    return cv2.resize(coarse, (pixels, pixels), interpolation=cv2.INTER_CUBIC)


def cloud(random, pixels, *, waves=3, octaves=3):
    """Noise on `octaves` scales, each twice as fine and half as strong as the last: (S, S), about 0…1."""
    weights = 0.5 ** np.arange(octaves)
    layers = [noise(random, pixels, waves * 2**octave) * weights[octave] for octave in range(octaves)]
    return sum(layers) / np.float32(weights.sum())


def smoothstep(low, high, values):
    """0 below `low`, 1 above `high`, a smooth rise between: same shape as `values`."""
    part = (values - np.float32(low)) * np.float32(1 / (high - low))
    np.clip(part, 0, 1, out=part)
    return part * part * (3 - 2 * part)


def blend(picture, colour, alpha):
    """`picture` with `colour` (3,) or (S, S, 3) laid over it where `alpha` (S, S) is 1."""
    colour = np.asarray(colour, np.float32)
    # OpenCV's scalars have four entries; NumPy's broadcasting over three channels is far slower.
    mixed = cv2.subtract((*colour.tolist(), 0.0), picture) if colour.ndim == 1 else colour - picture
    mixed *= cv2.merge((alpha, alpha, alpha))
    mixed += picture
    return mixed


def colour_near(random, colour, *, spread=0.05):
    """A colour near this one: 0…255 in, 0…1 out, brightness moved by about `spread`, hue by less."""
    brighter, shifted = 1 + random.normal(0, spread), random.normal(0, spread / 4, 3)
    moved = np.asarray(colour, np.float32) / 255 * brighter + shifted
    return np.clip(moved, 0, 1).astype(np.float32)


def shrunk(values, pixels):
    """A map or picture averaged down to (pixels, pixels)."""
    return cv2.resize(values, (pixels, pixels), interpolation=cv2.INTER_AREA)


def lit(random, picture, *, strength=0.25):
    """The picture under light that falls from one side: a linear gradient of brightness, random direction."""
    x, y = grid(len(picture))
    angle = random.random() * 2 * np.pi
    slope = random.random() * strength
    return picture * (1 + slope * (np.cos(angle) * x + np.sin(angle) * y)).astype(np.float32)[..., np.newaxis]


def photographed(random, picture, *, pixels, exposure=0.3, tint=0.08, blur=0.6, grain=0.02):
    """The scene as a camera sees it: uint8 (pixels, pixels, 3).

    Exposure and each channel's gain drawn within the given parts of 1, contrast curve, blur in final pixels
    and grain.
    """
    gains = np.exp(random.uniform(-exposure, exposure) + random.uniform(-tint, tint, 3)).astype(np.float32)
    seen = np.clip(shrunk(picture, pixels) * gains, 0, 1) ** np.float32(random.uniform(0.8, 1.25))
    width = random.random() * blur * pixels / 64
    if width > 0.15:
        seen = cv2.GaussianBlur(seen, (0, 0), width)
    level = np.float32(random.random() * grain)
    seen = seen + random.standard_normal(seen.shape, dtype=np.float32) * level
    return np.rint(np.clip(seen, 0, 1) * 255).astype(np.uint8)


def balanced_labels(count, classes, *, seed, stream):
    """(count,) labels in shuffled blocks of all the classes: any beginning of it is balanced to within one.

    >>> np.bincount(balanced_labels(10, 5, seed=0, stream=0)).tolist()
    [2, 2, 2, 2, 2]
    """
    blocks = -(-count // classes)
    found = [generator(seed, stream, block, 99).permutation(classes) for block in range(blocks)]
    return np.concatenate(found)[:count].astype(np.int64)
