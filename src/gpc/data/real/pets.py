"""Oxford-IIIT Pet: 37 breeds of cats and dogs with trimaps, the official trainval and test lists.

Source: O. Parkhi, A. Vedaldi, A. Zisserman, C. V. Jawahar, Cats and Dogs, CVPR 2012. Lists, class numbers and
trimaps (1 pet, 2 background, 3 border) as its annotations/README describes them.
"""

import re

import numpy as np

from gpc._checks import hint
from gpc.data.dataset import Split
from gpc.data.real import places, trees
from gpc.data.real.album import Album
from gpc.data.real.pictures import complete, decoded, each, squared
from gpc.data.real.sources import PETS_ANNOTATIONS, PETS_IMAGES
from gpc.data.real.store import kept

FOLDER = "oxford-iiit-pet"  # as torchvision lays it out
PAGE = "https://www.robots.ox.ac.uk/~vgg/data/pets/"
LICENCE = "CC BY-SA 4.0 for the set; the pictures keep the terms of the sites they come from"
SIZE = 224
BREEDS = 37
LISTS = {"annotations/trainval.txt": 3680, "annotations/test.txt": 3669}  # lines, as torchvision counts them
PARTS = (85, 15)
_LINE = re.compile(r"([A-Za-z]+(?:_[A-Za-z]+)*)_(\d+) (\d+) [12] \d+")


def read(home, *, size=SIZE, classes=None, say=None):
    """The album of the official set, or of the breeds in `classes` alone.

    Raises ValueError for a class that is not there, for files that are missing, broken or not of the official
    shape; FileNotFoundError where the set can neither be found nor fetched.
    """
    folder = home / FOLDER
    annotations = _tree(folder, PETS_ANNOTATIONS, "annotations", say)
    rows, breeds = listed(annotations)
    chosen = chosen_classes(classes, breeds, "oxford_pets")
    rows = [row for row in rows if row[1] in chosen]
    images = _tree(folder, PETS_IMAGES, "images", say)
    depends = (size, chosen, images.stamp("images"), annotations.stamp("annotations"))
    arrays = kept(home, "oxford_pets", depends, lambda: _decoded(rows, images, annotations, size))
    labels = np.array([chosen.index(breed) for _, breed, _ in rows], np.int64)
    objects = arrays["objects"]
    pool = Split(arrays["images"], labels, arrays["masks"], objects, boxes(objects))
    test = np.array([in_test for *_, in_test in rows])
    whole = len(chosen) == BREEDS
    return Album("oxford_pets", pool, chosen, PAGE, LICENCE, PARTS, test, whole)


def _tree(folder, file, inside, say):
    """What holds `inside/`: this folder if it is unpacked here, else the checked archive."""
    found = places.archived("oxford_pets", file, folder, inside, say=say)
    return trees.tree(folder if found.is_dir() else found)


def listed(annotations):
    """[(name, breed, whether in the test list)] as officially listed, and the breeds in official order."""
    held = dict(annotations.read(LISTS))
    complete(annotations.path, held, LISTS)
    rows, numbers = [], {}
    for name, count in LISTS.items():
        lines = held[name].decode("ascii", "replace").split("\n")
        found = [_LINE.fullmatch(line.strip()) for line in lines if line.strip()]
        if len(found) != count or None in found:
            raise ValueError(
                f"{annotations.path}: {name} has {len(found)} lines, the official list {count} of "
                "'breed_number class species breed'"
            )
        for breed, number, label in (one.groups() for one in found):
            rows.append((f"{breed}_{number}", breed, name.endswith("/test.txt")))
            numbers.setdefault(int(label), breed)
            if numbers[int(label)] != breed:
                raise ValueError(f"{annotations.path}: class {label} is {numbers[int(label)]} and {breed}")
    if sorted(numbers) != list(range(1, BREEDS + 1)) or len({name for name, *_ in rows}) != len(rows):
        raise ValueError(f"{annotations.path}: {len(numbers)} breeds, or a picture twice; official: {BREEDS}")
    return rows, tuple(numbers[label] for label in sorted(numbers))


def chosen_classes(asked, there, name):
    """The classes asked for in their official order, all of them for None."""
    if asked is None:
        return there
    asked = (asked,) if isinstance(asked, str) else tuple(asked)
    unknown = [one for one in asked if one not in there]
    if unknown or not asked:
        near = hint(unknown[0], there) if unknown else ""
        raise ValueError(f"classes={asked!r} of {name}: there are {', '.join(map(repr, there))}{near}")
    return tuple(one for one in there if one in asked)


def _decoded(rows, images, annotations, size):
    """Images, masks (surely the pet) and objects (the pet with its border), of all rows, at one size."""
    place = {name: index for index, (name, *_) in enumerate(rows)}
    pixels = np.empty((len(rows), size, size, 3), np.uint8)
    trimaps = np.empty((len(rows), size, size), np.uint8)
    shapes, mapped = {}, []

    def picture(name, data):
        image = decoded(data, name)
        shapes[_stem(name)] = image.shape[:2]
        pixels[place[_stem(name)]] = squared(image, size)

    def trimap(name, data):
        values = decoded(data, name, mode="L")
        if values.shape != shapes[_stem(name)] or values.min() < 1 or values.max() > 3:
            shape = shapes[_stem(name)]
            raise ValueError(f"{name}: a trimap is of its picture's shape {shape}, values 1 to 3")
        trimaps[place[_stem(name)]] = squared(values, size, smooth=False)
        mapped.append(name)

    wanted = [f"images/{name}.jpg" for name in place]
    each(images.read(wanted), picture)
    hint = "; a folder that holds some of the breeds is read with classes=('Abyssinian', …)"
    complete(images.path, shapes, place, instead=hint)
    maps = [f"annotations/trimaps/{name}.png" for name in place]
    each(annotations.read(maps), trimap)
    complete(annotations.path, mapped, maps, instead=hint)
    sure = (trimaps == 1).astype(np.uint8)
    return {"images": pixels, "masks": sure, "objects": (trimaps != 2).astype(np.uint8)}


def _stem(name):
    return name.rpartition("/")[2].rpartition(".")[0]


def boxes(objects):
    """(N, H, W) maps → int64 (N, 4), (top, left, bottom, right) of what is not 0; zeros where nothing is.

    >>> boxes(np.array([[[0, 0, 0], [0, 1, 1]]])).tolist()
    [[1, 1, 2, 3]]
    """
    found = np.zeros((len(objects), 4), np.int64)
    for axis, (low, high) in ((2, (0, 2)), (1, (1, 3))):
        there = objects.any(axis=axis)
        found[:, low] = there.argmax(1)
        found[:, high] = (there.shape[1] - there[:, ::-1].argmax(1)) * there.any(1)
    return found
