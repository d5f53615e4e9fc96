"""Leaves drawn from a seed: healthy or with one of four diseases, and known to the pixel.

Scene, blade and disease draw from streams of their own, so the disease changes nothing but its lesions: the
same leaf can be had healthy and ill, and no background, border or box can betray the class.
"""

import numpy as np

from gpc.data import paint
from gpc.data.dataset import Split
from gpc.data.leaves.blade import coloured, grown
from gpc.data.leaves.lesions import DISEASES
from gpc.data.leaves.scene import ground, holes, shadow, weathered

CLASSES = tuple(DISEASES)
SOURCE = "drawn by gpc.data.leaves from a seed"
LICENCE = "MIT, as the code that draws it"
_SCENE, _BLADE, _DISEASE, _CAMERA = range(4)


def leaf(index, disease, *, seed=0, stream=0, size=64):
    """One leaf: picture uint8 (S, S, 3), lesions uint8 (S, S), blade uint8 (S, S).

    Equal (seed, stream, index) give the same blade in the same scene under the same light, whatever
    the disease.

    >>> ill, lesions, blade = leaf(0, "rust")
    >>> well, none, same = leaf(0, "healthy")
    >>> ill.shape, int(none.sum()), bool((blade == same).all()), bool((lesions <= blade).all())
    ((64, 64, 3), 0, True, True)
    """
    pixels = size * paint.OVERSAMPLING
    scene, shape, illness, camera = (paint.generator(seed, stream, index, part) for part in range(4))
    blade = grown(shape, pixels)
    picture = weathered(shape, coloured(shape, blade), blade)
    gone = holes(shape, blade)
    picture, lesions = DISEASES[disease](illness, picture, blade)
    behind = ground(scene, pixels)
    behind = behind * (1 - shadow(scene, blade.inside))[..., np.newaxis]
    behind = paint.blend(behind, paint.colour_near(scene, (120, 120, 70), spread=0.2), blade.stalk)
    alone = blade.inside * (1 - gone)
    whole = paint.lit(camera, paint.blend(behind, picture, alone))
    image = paint.photographed(camera, np.clip(whole, 0, 1), pixels=size)
    maps = (paint.shrunk(one, size) >= 0.5 for one in (np.minimum(lesions, alone), alone))
    return (image, *(one.astype(np.uint8) for one in maps))


def make(count, *, seed=0, stream=0, size=64):
    """A split of `count` leaves, classes balanced, with lesion masks, blades as `objects`, and their boxes.

    Image i depends on (seed, stream, i, size) alone: a longer split begins with the shorter one.
    """
    labels = paint.balanced_labels(count, len(CLASSES), seed=seed, stream=stream)
    drawn = [leaf(i, CLASSES[label], seed=seed, stream=stream, size=size) for i, label in enumerate(labels)]
    images, masks, objects = (np.stack(column) for column in zip(*drawn))
    boxes = np.array([box(one) for one in objects])
    return Split(images=images, labels=labels, masks=masks, objects=objects, boxes=boxes)


def box(mask):
    """(top, left, bottom, right) of what is not 0 in a map; bottom and right are one past the last pixel.

    >>> box(np.array([[0, 0, 0], [0, 1, 1]]))
    (1, 1, 2, 3)
    """
    rows, columns = np.nonzero(mask.any(axis=1))[0], np.nonzero(mask.any(axis=0))[0]
    if not len(rows):
        return (0, 0, 0, 0)
    return (int(rows[0]), int(columns[0]), int(rows[-1]) + 1, int(columns[-1]) + 1)
