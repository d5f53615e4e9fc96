"""What diseases do to a blade. Each returns the picture with its lesions and the map of where they are.

(S, S, 3), Blade → (S, S, 3), (S, S) in 0…1. The looks follow field guides: pustules, target-like patches,
powder, a mosaic that stops at the veins.
"""

import cv2
import numpy as np

from gpc.data import paint


def healthy(random, picture, blade):
    """Nothing: the picture as it is, an empty map."""
    return picture, np.zeros_like(blade.inside)


def rust(random, picture, blade):
    """Many small orange pustules, each with a pale ring, in loose swarms."""
    pixels = len(picture)
    swarm = paint.noise(random, pixels, 4) ** 2 + 0.05
    spots, rings = np.zeros((pixels, pixels), np.float32), np.zeros((pixels, pixels), np.float32)
    for row, column in _places(random, blade.inside * swarm, random.integers(14, 46)):
        radius = random.uniform(0.022, 0.05) * pixels / 2
        _disc(spots, row, column, radius)
        _disc(rings, row, column, radius * 1.9)
    colour = _apart(random, picture, blade, ((190, 94, 34), (112, 50, 26)))
    rings = cv2.GaussianBlur(rings, (0, 0), pixels / 128) * blade.inside
    picture = paint.blend(
        picture, paint.colour_near(random, (206, 186, 92)), rings * random.uniform(0.15, 0.5)
    )
    spots = spots * blade.inside
    shade = colour * (0.75 + 0.5 * paint.noise(random, pixels, 24)[..., np.newaxis])
    return paint.blend(picture, shade, spots * random.uniform(0.75, 1)), spots


def blight(random, picture, blade):
    """A few large dead patches that start at the margin, with rings like a target and a dark rim."""
    pixels = len(picture)
    x, y = paint.grid(pixels)
    distance = np.full((pixels, pixels), 9, np.float32)
    at_margin = blade.inside * (0.03 + np.clip(np.abs(blade.across), 0, 1) ** 3)
    for row, column in _places(random, at_margin, random.integers(1, 5)):
        radius = random.uniform(0.16, 0.34)
        one = np.hypot(x - x[0, column], y - y[row, 0]) / radius
        distance = np.minimum(distance, one)
    distance = distance + (paint.cloud(random, pixels, waves=6) - 0.5) * random.uniform(0.3, 0.9)
    dead = paint.smoothstep(1.04, 0.94, distance) * blade.inside
    halo = paint.smoothstep(1.4, 1.0, distance) * blade.inside * random.uniform(0.1, 0.5)
    rings = 0.5 + 0.5 * np.cos(distance * random.uniform(9, 18) + random.uniform(0, 6))
    rim = paint.smoothstep(0.72, 0.98, distance)
    tone = (1 + random.uniform(0.1, 0.35) * (rings - 0.5) - random.uniform(0.15, 0.4) * rim)[..., np.newaxis]
    picture = paint.blend(picture, paint.colour_near(random, (196, 180, 84)), halo)
    brown = _apart(random, picture, blade, ((84, 58, 38), (128, 94, 60), (178, 148, 104)))
    return paint.blend(picture, brown * tone, dead * random.uniform(0.8, 1)), dead


def mildew(random, picture, blade):
    """White powder in soft-edged patches, thicker in the middle, the leaf and its veins showing through."""
    pixels = len(picture)
    x, y = paint.grid(pixels)
    depth = np.zeros((pixels, pixels), np.float32)
    for row, column in _places(random, blade.inside, random.integers(3, 9)):
        radius = random.uniform(0.12, 0.32)
        one = 1 - np.hypot(x - x[0, column], y - y[row, 0]) / radius
        depth = np.maximum(depth, one)
    depth = depth + (paint.cloud(random, pixels, waves=8) - 0.5) * 0.7
    powder = paint.smoothstep(0.0, 0.5, depth) * blade.inside
    dust = np.clip(0.55 + 0.9 * (paint.cloud(random, pixels, waves=28, octaves=2) - 0.35), 0, 1)
    white = paint.colour_near(random, (206, 208, 200), spread=0.08)
    return paint.blend(picture, white, powder * dust * random.uniform(0.6, 0.95)), powder


def mosaic(random, picture, blade):
    """Pale and dark fields between the veins, as viruses leave them: the mottling stops where a vein runs."""
    pixels = len(picture)
    lowest = blade.cells.min()
    fields = random.random(blade.cells.max() - lowest + 1, dtype=np.float32)[blade.cells - lowest]
    level = 0.5 * fields + 1.1 * (paint.cloud(random, pixels, waves=7, octaves=2) - 0.5) - 0.5 * blade.veins
    inside = blade.inside > 0
    cut = np.quantile(level[inside], random.uniform(0.45, 0.75)) if inside.any() else 1.0
    pale = paint.smoothstep(cut - 0.05, cut + 0.05, level) * blade.inside
    bright = np.clip(picture * random.uniform(1.25, 1.6) + paint.colour_near(random, (40, 40, 6)), 0, 1)
    dark = picture * random.uniform(0.72, 0.9)
    both = paint.blend(dark, bright, pale)
    return paint.blend(picture, both, blade.inside * random.uniform(0.75, 1)), pale


DISEASES = {"healthy": healthy, "rust": rust, "blight": blight, "mildew": mildew, "mosaic": mosaic}


def _apart(random, picture, blade, colours):
    """Of a lesion's possible colours one of the two that stand out most from this blade, moved a little."""
    weight = blade.inside.sum()
    usual = (picture * blade.inside[..., np.newaxis]).sum((0, 1)) / np.maximum(weight, 1)
    far = sorted(colours, key=lambda colour: -np.abs(np.array(colour) / 255 - usual).sum())
    return paint.colour_near(random, far[0 if random.random() < 0.7 else 1], spread=0.1)


def _places(random, weights, count):
    """`count` (row, column) drawn with these weights; none where all weights are zero."""
    total = np.cumsum(weights.ravel())
    if total[-1] <= 0:
        return []
    flat = np.searchsorted(total, random.random(count) * total[-1], side="right")
    return np.stack(np.unravel_index(np.minimum(flat, weights.size - 1), weights.shape), axis=1).tolist()


def _disc(canvas, row, column, radius):
    """A filled circle of value 1, its radius in fractions of a pixel."""
    cv2.circle(canvas, (column * 16, row * 16), max(round(radius * 16), 1), 1.0, cv2.FILLED, cv2.LINE_AA, 4)
