"""A leaf's blade: its outline, its own coordinates and its veins."""

from dataclasses import dataclass

import numpy as np

from gpc.data import paint

COLOURS = (
    (98, 158, 62), (52, 104, 46), (124, 140, 58), (76, 128, 84), (150, 176, 76),  # greens
    (190, 172, 66), (146, 92, 60), (126, 62, 54), (168, 128, 66),  # autumn: yellow, bronze, red, tan
)  # fmt: skip

_SAMPLES = 1024  # of the width along a blade, finer than any canvas


@dataclass(frozen=True)
class Blade:
    """One leaf on its (S, S) canvas.

    along    0 at the base of the blade, 1 at its tip
    across   −1 at one margin, 0 on the midrib, 1 at the other
    inside   1 in the blade, 0 outside
    veins    0…1, how much of a vein is here
    stalk    0…1, the petiole
    cells    a number per field between two side veins, for what stops at veins
    """

    along: np.ndarray
    across: np.ndarray
    inside: np.ndarray
    veins: np.ndarray
    stalk: np.ndarray
    cells: np.ndarray


def grown(random, pixels):
    """A blade of random shape, size, pose and venation on a canvas of `pixels` × `pixels`."""
    length, along, across, b = _placed(random, pixels)
    inside = _inside(along, across)
    veins, cells = _veins(random, along, across, b / length)
    stalk = (np.abs(b) < 0.02 * length) & (along > -random.uniform(0.05, 0.25)) & (along <= 0.05)
    return Blade(along, across, inside, veins * inside, stalk.astype(np.float32), cells)


def outline(random, pixels):
    """Where a random blade lies, 1 inside and 0 outside: (S, S)."""
    _, along, across, _ = _placed(random, pixels)
    return _inside(along, across)


def _inside(along, across):
    return ((np.abs(across) < 1) & (along > 0) & (along < 1)).astype(np.float32)


def _placed(random, pixels):
    """Length, and per pixel the place along and across a random blade and its distance from the midrib."""
    x, y = paint.grid(pixels)
    length = random.uniform(1.25, 1.95)
    angle = random.random() * 2 * np.pi
    left, top = random.uniform(-0.18, 0.18, 2)
    cosine, sine = np.float32(np.cos(angle)), np.float32(np.sin(angle))
    x, y = x - np.float32(left), y - np.float32(top)
    a, b = cosine * x + sine * y, cosine * y - sine * x
    b = b - np.float32(random.uniform(-0.35, 0.35)) * (a * a - np.float32(length**2 / 12))
    along = a / length + 0.5
    profile = _half_width(random, np.linspace(0, 1, _SAMPLES)) * length * random.uniform(0.18, 0.34)
    sample = (np.clip(along, 0, 1) * (_SAMPLES - 1)).astype(np.int32)
    half = np.maximum(profile, 1e-3).astype(np.float32)[sample]
    return length, along, b / half, b


def coloured(random, blade):
    """The healthy blade in colour, (S, S, 3): base colour, veins, the fold at the midrib, mottling."""
    pixels = len(blade.along)
    base = paint.colour_near(random, COLOURS[random.integers(len(COLOURS))], spread=0.1)
    other = paint.colour_near(random, COLOURS[random.integers(len(COLOURS))], spread=0.1)
    drift = paint.cloud(random, pixels, waves=1, octaves=2) * random.uniform(0, 0.6)
    picture = paint.blend(np.broadcast_to(base, (pixels, pixels, 3)), other, drift)
    fold = 1 + random.uniform(-0.14, 0.14) * np.sign(blade.across) - random.uniform(0, 0.2) * blade.across**2
    mottle = 1 + random.uniform(0.05, 0.2) * (paint.cloud(random, pixels, waves=12, octaves=2) - 0.5)
    picture = picture * (fold * mottle)[..., np.newaxis]
    pale = np.clip(base * random.uniform(0.65, 1.6), 0, 1)
    return paint.blend(picture, pale, blade.veins * random.uniform(0.25, 0.75)).astype(np.float32)


def _half_width(random, along):
    """Half the width along the blade, its greatest about 1: a bulge, then the margin's teeth or lobes."""
    bulge = np.sin(np.pi * along ** random.uniform(0.6, 1.25)) ** random.uniform(0.65, 1.15)
    margin = random.choice(["entire", "entire", "serrate", "lobed"])
    if margin == "serrate":
        teeth = (along * random.integers(12, 22) * (1 - 0.2 * along)) % 1
        return bulge * (1 + random.uniform(0.08, 0.18) * (teeth - 0.5))
    if margin == "lobed":
        waves = np.cos(2 * np.pi * along * random.integers(3, 6) + random.uniform(0, 2 * np.pi))
        return bulge * (1 + random.uniform(0.15, 0.35) * waves)
    return bulge


def _veins(random, along, across, b):
    """Midrib and side veins (0…1), and the number of the field between two of them."""
    pairs = random.integers(5, 10)
    side = np.abs(across)
    phase = random.random() + np.where(across > 0, random.choice([0.0, 0.5]), 0.0)
    place = (along - random.uniform(0.12, 0.3) * side) * pairs + phase
    near = np.abs(place - np.rint(place)) / pairs
    taper = np.clip(1.15 - along, 0.2, 1)
    midrib = paint.smoothstep(0.016, 0.006, np.abs(b) / taper)
    sides = paint.smoothstep(0.011, 0.004, near) * np.clip(1.1 - side, 0, 1)
    return np.maximum(midrib, sides).astype(np.float32), np.rint(place).astype(np.int64) * 2 + (across > 0)
