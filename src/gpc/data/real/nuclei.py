"""The nuclei of the 2018 Data Science Bowl: microscope pictures with a mask for every nucleus.

Source: BBBC038v1, stage1_train, Broad Bioimage Benchmark Collection; J. Caicedo et al., Nucleus segmentation
across imaging experiments: the 2018 Data Science Bowl, Nature Methods 2019.
"""

import numpy as np

from gpc.data.dataset import Split
from gpc.data.real import places, trees
from gpc.data.real.album import Album
from gpc.data.real.pictures import complete, decoded, each, squared
from gpc.data.real.sources import NUCLEI
from gpc.data.real.store import kept

FOLDER, INSIDE = "BBBC038", "stage1_train"
PAGE = "https://bbbc.broadinstitute.org/BBBC038"
LICENCE = "CC0 1.0"
SIZE = 256  # most of the pictures are 256×256
PICTURES = 670
PARTS = (70, 15, 15)
CLASSES = ("grey on dark", "grey on bright", "colour")


def read(home, *, size=SIZE, part=False, say=None):
    """The album of stage1_train; with `part=True`, of as many of its pictures as lie there.

    Raises ValueError unless there are the official 670 pictures, with masks of their shapes;
    FileNotFoundError where the set can neither be found nor fetched.
    """
    found = places.archived("nuclei", NUCLEI, home / FOLDER, INSIDE, say=say)
    tree = trees.tree(found)
    members = cases(tree)
    if len(members) != PICTURES and not (part and members):
        raise ValueError(
            f"{found}: holds {len(members)} pictures, the official set {PICTURES}; load('nuclei', part=True) "
            "takes what is there"
        )
    depends = (size, tree.stamp())
    arrays = kept(home, "nuclei", depends, lambda: _decoded(tree, members, size))
    instances = arrays["instances"]
    masks = (instances > 0).astype(np.uint8)
    pool = Split(arrays["images"], np.array(arrays["labels"]), masks=masks, instances=instances)
    return Album("nuclei", pool, CLASSES, PAGE, LICENCE, PARTS, whole=len(members) == PICTURES)


def cases(tree):
    """{id: (its picture's name, its masks' names)} of all that lie as `id/images/*.png`, `id/masks/*.png`."""
    found = {}
    for name in tree.names():
        parts = name.split("/")
        if parts[0] == INSIDE:  # some copies keep the folder in the archive
            parts = parts[1:]
        if len(parts) != 3 or parts[1] not in ("images", "masks") or not name.endswith(".png"):
            continue
        picture, masks = found.setdefault(parts[0], ([], []))
        (picture if parts[1] == "images" else masks).append(name)
    wrong = sorted(case for case, (picture, _) in found.items() if len(picture) != 1)
    if wrong:  # one without a mask is official: nothing was annotated in it
        raise ValueError(f"{tree.path}: {wrong[0]} has {len(found[wrong[0]][0])} pictures instead of one")
    return {case: (picture[0], masks) for case, (picture, masks) in sorted(found.items())}


def _decoded(tree, members, size):
    images = np.empty((len(members), size, size, 3), np.uint8)
    instances = np.empty((len(members), size, size), np.uint16)
    labels = np.empty(len(members), np.int64)

    def case(index, files):
        picture, *masks = files
        image = decoded(picture[1], picture[0])
        labels[index] = kind(image)
        images[index] = squared(image, size)
        instances[index] = numbered(merged(image, masks), size)

    def entries():
        for index, (picture, masks) in enumerate(members.values()):
            wanted = [picture, *masks]
            files = list(tree.read(wanted))
            complete(tree.path, [name for name, _ in files], wanted)
            yield index, files

    each(entries(), case)
    return {"images": images, "instances": instances, "labels": labels}


def merged(image, masks):
    """(H, W) uint16: 1, 2, … for the nuclei in the order of their files; a pixel of two is the later's."""
    found = np.zeros(image.shape[:2], np.uint16)
    for number, (name, data) in enumerate(masks, start=1):
        mask = decoded(data, name, mode="L")
        if mask.shape != found.shape:
            raise ValueError(f"{name}: a mask of {mask.shape} for a picture of {found.shape}")
        found[mask > 127] = number
    return found


def numbered(instances, size):
    """The map at this size, its numbers without gaps: a nucleus that falls between the pixels is gone."""
    small = squared(instances, size, smooth=False)
    names, numbers = np.unique(small, return_inverse=True)
    return (numbers.reshape(small.shape) + (names[0] != 0)).astype(np.uint16)


def kind(image):
    """The class of a picture, by its pixels: colour if its channels differ, else dark or bright by its mean.

    >>> CLASSES[kind(np.full((4, 4, 3), 20, np.uint8))]
    'grey on dark'
    """
    if (image != image[..., :1]).any():
        return 2
    return int(image.mean() >= 128)
