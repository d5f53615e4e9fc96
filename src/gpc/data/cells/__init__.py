"""Microscope images drawn from a seed: every cell known by its own number, every image by its cells' type.

Four types (smooth, spindle, lobed, dividing), four stains, up to 11 cells that vary in size and brightness
and often touch, uneven light, debris, blur and noise. Number, size, brightness and stain come from a stream
that does not know the type, so only the cells' shapes and insides tell it.
"""

import numpy as np

from gpc.data import paint
from gpc.data.cells.bodies import TYPES
from gpc.data.dataset import Split

CLASSES = tuple(TYPES)
SOURCE = "drawn by gpc.data.cells from a seed"
LICENCE = "MIT, as the code that draws it"
STAINS = (  # background, cell: fluorescence in grey or blue, haematoxylin on a pale section, phase contrast
    ((10, 10, 12), (214, 214, 218)), ((8, 10, 26), (96, 136, 236)),
    ((232, 208, 220), (112, 68, 142)), ((150, 152, 150), (84, 88, 84)),
)  # fmt: skip
OVERLAP = 0.12  # how much of a new cell may fall on cells already there


def field(index, kind, *, seed=0, stream=0, size=64):
    """One field of view: picture uint8 (S, S, 3), instances uint16 (S, S), 0 = background, then one a cell.

    >>> picture, instances = field(0, "lobed")
    >>> picture.shape, instances.dtype.name, int(instances.max()) == len(np.unique(instances)) - 1
    ((64, 64, 3), 'uint16', True)
    """
    pixels = size * paint.OVERSAMPLING
    layout, body, camera = (paint.generator(seed, stream, index, part) for part in range(4, 7))
    owner, depth, tone = _grown(layout, body, kind, pixels)
    background, ink = (
        paint.colour_near(layout, colour, spread=0.1) for colour in STAINS[layout.integers(len(STAINS))]
    )
    canvas = _medium(layout, background, pixels)
    picture = paint.blend(canvas, ink, np.clip(depth * tone, 0, 1.15))
    picture = paint.lit(camera, paint.lit(camera, picture, strength=0.35), strength=0.35)
    image = paint.photographed(camera, np.clip(picture, 0, 1), pixels=size, tint=0.05, blur=0.7, grain=0.04)
    return image, _numbered(owner, size)


def make(count, *, seed=0, stream=0, size=64):
    """A split of `count` fields, types balanced, with `instances` and the cells as `masks`.

    Image i depends on (seed, stream, i, size) alone: a longer split begins with the shorter one.
    """
    labels = paint.balanced_labels(count, len(CLASSES), seed=seed, stream=stream)
    drawn = [field(i, CLASSES[label], seed=seed, stream=stream, size=size) for i, label in enumerate(labels)]
    images, instances = (np.stack(column) for column in zip(*drawn))
    return Split(images=images, labels=labels, masks=(instances > 0).astype(np.uint8), instances=instances)


def _grown(layout, body, kind, pixels):
    """Cells set down one by one, as three (S, S): whose pixel (0 = nobody's), how opaque, how bright."""
    owner = np.zeros((pixels, pixels), np.int32)
    depth, tone = np.zeros((pixels, pixels), np.float32), np.ones((pixels, pixels), np.float32)
    typical = layout.uniform(0.17, 0.23) * pixels / 2
    homes = [layout.uniform(0, pixels, 2)]
    for number in range(1, layout.integers(4, 12) + 1):
        radius, strength = typical * layout.uniform(0.75, 1.3), layout.uniform(0.55, 1.0)
        coverage, inside = TYPES[kind](body, radius)
        for place in _tries(layout, homes, typical, pixels):
            if _set_down((owner, depth, tone), coverage, inside, place, number=number, strength=strength):
                homes.append(place)
                break
    return owner, depth, tone


def _tries(layout, homes, typical, pixels):
    """Where to try to put a cell: every second one beside a cell that is there, so that they touch."""
    crowded = layout.random() < 0.5
    angles, far = layout.random(8) * 2 * np.pi, layout.uniform(1.5, 2.1, 8) * typical
    home = homes[layout.integers(len(homes))]
    beside = home + np.stack([np.cos(angles), np.sin(angles)], 1) * far[:, np.newaxis]
    anywhere = layout.uniform(0, pixels, (8, 2))
    return np.clip(beside, 0, pixels - 1) if crowded else anywhere


def _set_down(maps, coverage, inside, place, *, number, strength):
    """Writes one cell into the maps if it hides little of others; says whether it did."""
    owner, depth, tone = maps
    half = len(coverage) // 2
    row, column = (int(value) - half for value in place)
    rows = slice(max(row, 0), min(row + len(coverage), len(owner)))
    columns = slice(max(column, 0), min(column + len(coverage), len(owner)))
    window = slice(rows.start - row, rows.stop - row), slice(columns.start - column, columns.stop - column)
    coverage, inside = coverage[window], inside[window]
    solid = coverage > 0.5
    if solid.sum() < 12 or (solid & (owner[rows, columns] > 0)).sum() > OVERLAP * solid.sum():
        return False
    owner[rows, columns][solid] = number
    over = coverage >= depth[rows, columns]
    depth[rows, columns] = np.maximum(depth[rows, columns] * (1 - coverage), coverage * strength)
    tone[rows, columns] = np.where(over | solid, inside, tone[rows, columns])
    return True


def _medium(layout, background, pixels):
    """What the cells lie in: a colour with slow clouds, and debris smaller than any cell."""
    canvas = np.broadcast_to(background, (pixels, pixels, 3))
    clouds = 1 + layout.uniform(0.05, 0.35) * (paint.cloud(layout, pixels, waves=2) - 0.5)
    canvas = canvas * clouds[..., np.newaxis]
    x, y = paint.grid(pixels)
    for _ in range(layout.integers(0, 7)):
        row, column = layout.integers(0, pixels, 2)
        dot = np.hypot(x - x[0, column], y - y[row, 0]) / layout.uniform(0.015, 0.035)
        shade = background + layout.uniform(-0.35, 0.35)
        canvas = paint.blend(canvas, np.clip(shade, 0, 1), paint.smoothstep(1.3, 0.7, dot))
    return canvas.astype(np.float32)


def _numbered(owner, size):
    """The owners at final size, each pixel its block's commonest, slivers dropped, numbered without gaps."""
    blocks = owner.reshape(size, paint.OVERSAMPLING, size, paint.OVERSAMPLING).transpose(0, 2, 1, 3)
    blocks = blocks.reshape(size, size, -1)
    votes = (blocks[..., :, np.newaxis] == blocks[..., np.newaxis, :]).sum(-1)
    found = np.take_along_axis(blocks, votes.argmax(-1)[..., np.newaxis], -1)[..., 0]
    areas = np.bincount(found.ravel())
    kept = np.flatnonzero(areas >= 3 * (size / 64) ** 2)
    numbers = np.zeros(len(areas), np.uint16)
    numbers[kept[kept > 0]] = np.arange(1, (kept > 0).sum() + 1)
    return numbers[found]
