"""One cell at a time, drawn in a window of its own: its outline and its inside, by type.

Each type returns (coverage, tone), two (S, S) maps: coverage 0…1 with soft edges, tone about 1, the
brightness inside. `radius` is in canvas pixels; windows are as wide as the cell can reach.
"""

import numpy as np

from gpc.data import paint

REACH = 2.2  # half a window's width in radii: no type's outline goes further
# Factors on the radius that give every type the same mean area, π radius²: else the area alone would tell
# them apart.
_SPINDLE, _LOBED = 1.117, 1.262


def smooth(random, radius):
    """A resting nucleus: nearly round, finely mottled."""
    along, across, distance = _frame(random, radius, stretch=random.uniform(1.0, 1.3))
    wobble = _wobble(random, along, across, strength=0.045)
    return _edge(distance - wobble, radius), _mottle(random, len(distance), strength=0.25)


def spindle(random, radius):
    """A spindle: drawn out to two tips, bent a little."""
    radius = radius * _SPINDLE
    along, across, _ = _frame(random, radius, stretch=1.0)
    long = random.uniform(1.45, 1.95)
    across = across - random.uniform(-0.22, 0.22) * (along**2 - 0.5)
    half = np.clip(1 - (along / long) ** 2, 0, 1) ** random.uniform(0.7, 1.1) * random.uniform(0.45, 0.62)
    distance = 1 + (np.abs(across) - half) / 0.6
    return _edge(distance, radius), _mottle(random, len(distance), strength=0.25)


def lobed(random, radius):
    """A granulocyte's nucleus: two to four beads in a bow, joined by thin bridges."""
    radius = radius * _LOBED
    along, across, _ = _frame(random, radius, stretch=1.0)
    beads = random.integers(2, 5)
    angles = random.uniform(0, 2 * np.pi) + np.linspace(0, random.uniform(2.0, 4.2), beads)
    ring = random.uniform(0.55, 0.75)
    distance = np.full_like(along, 9)
    for place, angle in enumerate(angles):
        size = random.uniform(0.4, 0.55)
        column, row = ring * np.cos(angle), ring * np.sin(angle)
        distance = np.minimum(distance, np.hypot(along - column, across - row) / size)
        if place:
            previous = ring * np.cos(angles[place - 1]), ring * np.sin(angles[place - 1])
            distance = np.minimum(distance, _rod(along, across, previous, (column, row)) / 0.13)
    return _edge(distance, radius * 0.5), _mottle(random, len(distance), strength=0.25)


def dividing(random, radius):
    """A cell in mitosis: pale body, its chromosomes in one plate (metaphase) or two that part (anaphase)."""
    along, across, distance = _frame(random, radius, stretch=random.uniform(1.05, 1.35))
    body = _edge(distance, radius)
    apart = random.choice([0.0, random.uniform(0.3, 0.55)])
    plates = np.zeros_like(body)
    for side in (-apart, apart):
        bow = across - side - np.sign(side) * 0.25 * along**2
        thick, long = random.uniform(0.15, 0.22), random.uniform(0.55, 0.8)
        plate = np.maximum(np.abs(bow) / thick, np.abs(along) / long)
        plates = np.maximum(plates, _edge(plate, radius * 0.25))
    pale = random.uniform(0.4, 0.6)
    tone = (pale + (1.35 - pale) * plates) * _mottle(random, len(body), strength=0.1)
    return body, tone


TYPES = {"smooth": smooth, "spindle": spindle, "lobed": lobed, "dividing": dividing}


def _frame(random, radius, *, stretch):
    """Place along and across the cell's axis in radii, and the distance from its centre; 1 is the edge."""
    half = int(np.ceil(radius * REACH))
    line = np.arange(-half, half + 1, dtype=np.float32) / np.float32(radius)
    x, y = np.meshgrid(line + np.float32(random.uniform(-0.5, 0.5) / radius), line)
    turn = random.random() * 2 * np.pi
    along, across = np.cos(turn) * x + np.sin(turn) * y, np.cos(turn) * y - np.sin(turn) * x
    return along, across, np.hypot(along / np.sqrt(stretch), across * np.sqrt(stretch))


def _wobble(random, along, across, *, strength):
    """A slow wave around the outline, so that no two are the same oval."""
    angle = np.arctan2(across, along)
    waves = [random.normal(0, strength) * np.cos(k * angle + random.uniform(0, 2 * np.pi)) for k in (2, 3, 5)]
    return sum(waves)


def _edge(distance, radius):
    """1 inside, 0 outside, soft over about a canvas pixel where `distance` crosses 1."""
    width = 1.0 / max(radius, 1.0)
    return paint.smoothstep(1 + width, 1 - width, distance)


def _mottle(random, pixels, *, strength):
    return 1 + strength * 2 * (paint.cloud(random, pixels, waves=int(random.integers(3, 8)), octaves=2) - 0.5)


def _rod(x, y, start, end):
    """Distance of every (x, y) from the straight line between two points."""
    run, rise = end[0] - start[0], end[1] - start[1]
    part = np.clip(((x - start[0]) * run + (y - start[1]) * rise) / (run * run + rise * rise + 1e-9), 0, 1)
    return np.hypot(x - start[0] - part * run, y - start[1] - part * rise)
