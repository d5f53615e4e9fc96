"""What surrounds a leaf, and what lies on it without being a disease."""

import cv2
import numpy as np

from gpc.data import paint
from gpc.data.leaves.blade import outline

GROUNDS = (
    ((96, 72, 50), (150, 118, 84)), ((52, 40, 32), (98, 80, 62)),  # soils
    ((70, 110, 50), (140, 164, 80)), ((36, 66, 36), (96, 124, 62)),  # grass, hedge
    ((200, 200, 196), (236, 236, 230)), ((128, 130, 136), (172, 174, 176)),  # paper, concrete
    ((178, 140, 96), (206, 174, 130)), ((30, 32, 40), (70, 72, 80)),  # wood, dark cloth
    ((190, 176, 90), (150, 92, 50)), ((120, 150, 180), (190, 210, 226)),  # fallen leaves, sky
)  # fmt: skip


def ground(random, pixels):
    """The background, (S, S, 3): two colours mixed by noise, streaked or not, other leaves out of focus."""
    canvas, pixels = pixels, pixels // 2  # out of focus: half the pixels are enough
    first, second = GROUNDS[random.integers(len(GROUNDS))]
    first, second = (paint.colour_near(random, colour, spread=0.12) for colour in (first, second))
    mix = paint.cloud(random, pixels, waves=int(random.integers(2, 10)), octaves=3)
    if random.random() < 0.35:
        mix = cv2.resize(
            mix[:, :: int(random.integers(6, 16))], (pixels, pixels), interpolation=cv2.INTER_LINEAR
        )
    picture = paint.blend(np.broadcast_to(first, (pixels, pixels, 3)), second, np.clip(mix * 1.6 - 0.3, 0, 1))
    for _ in range(random.integers(0, 3)):
        moved = np.roll(outline(random, pixels), tuple(random.integers(-pixels // 2, pixels // 2, 2)), (0, 1))
        moved = cv2.GaussianBlur(moved, (0, 0), pixels / 64 * random.uniform(0.5, 3))
        shade = paint.colour_near(random, GROUNDS[random.integers(len(GROUNDS))][0], spread=0.15)
        picture = paint.blend(picture, shade, moved * random.uniform(0.4, 0.9))
    return cv2.resize(picture, (canvas, canvas), interpolation=cv2.INTER_LINEAR)


def weathered(random, picture, blade):
    """What any leaf may carry: dew, dust, a glint. None of it tells the disease. (S, S, 3) → (S, S, 3)."""
    pixels = len(picture)
    if random.random() < 0.35:
        picture = _speckled(random, picture, blade, colour=(226, 232, 236), count=random.integers(2, 9))
    if random.random() < 0.35:
        picture = _speckled(random, picture, blade, colour=(62, 50, 40), count=random.integers(3, 14))
    if random.random() < 0.3:
        glint = paint.smoothstep(0.62, 0.9, paint.noise(random, pixels, 3)) * blade.inside
        picture = paint.blend(picture, (0.95, 0.96, 0.93), glint * random.uniform(0.1, 0.45))
    return picture


def holes(random, blade):
    """Where insects ate through the blade, 1 = gone: (S, S). Most leaves have none."""
    gone = np.zeros_like(blade.inside)
    if random.random() < 0.25:
        rows, columns = np.nonzero(blade.inside)
        for _ in range(random.integers(1, 4) if len(rows) else 0):
            one = random.integers(len(rows))
            radius = max(round(random.uniform(0.03, 0.09) * len(gone) / 2), 1)
            cv2.circle(gone, (int(columns[one]), int(rows[one])), radius, 1.0, cv2.FILLED)
    return gone


def shadow(random, inside):
    """The shadow the blade throws on the ground, 0…1: moved aside and blurred."""
    pixels = len(inside)
    matrix = np.array(
        [[1, 0, random.uniform(-0.05, 0.05) * pixels], [0, 1, random.uniform(-0.05, 0.05) * pixels]]
    )
    moved = cv2.warpAffine(inside, matrix, (pixels, pixels))
    return cv2.GaussianBlur(moved, (0, 0), pixels / 64 * random.uniform(0.6, 2.5)) * random.uniform(0.15, 0.6)


def _speckled(random, picture, blade, *, colour, count):
    specks = np.zeros_like(blade.inside)
    rows, columns = np.nonzero(blade.inside)
    for _ in range(count if len(rows) else 0):
        one = random.integers(len(rows))
        radius = max(round(random.uniform(0.015, 0.032) * len(specks) / 2 * 16), 1)
        at = (int(columns[one]) * 16, int(rows[one]) * 16)
        cv2.circle(specks, at, radius, 1.0, cv2.FILLED, cv2.LINE_AA, 4)
    return paint.blend(picture, paint.colour_near(random, colour), specks * random.uniform(0.4, 0.9))
