"""Cropped-PlantDoc: leaves cut out of photographs from the internet by the boxes of PlantDoc.

Source: D. Singh et al., "PlantDoc: A Dataset for Visual Plant Disease Detection", CoDS-COMAD 2020; the
crops and their counts as in the notebooks of J. P. Schwarz Schuler et al., Grouped Pointwise Convolutions
Reduce Parameters in Convolutional Neural Networks, MENDEL 2022.
"""

import csv
import hashlib
import io
import sys

import numpy as np

from gpc.data.dataset import Split
from gpc.data.real import places, trees
from gpc.data.real.album import Album
from gpc.data.real.pictures import complete, decoded, each, squared
from gpc.data.real.store import kept

FOLDER = "PlantDoc-Object-Detection-Dataset"
PAGE = "https://github.com/pratikkayal/PlantDoc-Object-Detection-Dataset"
COMMIT = "b479f7232dd7af2060920e49359142904fe15273"
LICENCE = "CC BY 4.0"
SIZE = 224
TABLES = {"train_labels.csv": ("TRAIN", 8469), "test_labels.csv": ("TEST", 452)}  # rows
CROPS, PLANTS = 8883, 29  # the papers' crops and classes
PARTS = (65, 15, 20)
PACKED = sys.platform == "win32"  # photographs are called `leaf.jpg?w=300.jpg`, and no file on Windows is
SPLITS = ("picture", "crop")
_COLUMNS = ["filename", "width", "height", "class", "xmin", "ymin", "xmax", "ymax"]


def read(home, *, size=SIZE, split="picture", part=False, say=None):
    """The album of all crops, whose `groups` say which are of one photograph.

    split    "picture": no photograph gives crops to two splits; "crop": the papers' way, crop by crop
    part     take what lies there, although it is not the whole set

    Raises ValueError unless there are the papers' 8,883 crops of 29 classes; FileNotFoundError where the
    repository can neither be found nor fetched.
    """
    if split not in SPLITS:
        raise ValueError(f"split={split!r} must be one of {', '.join(map(repr, SPLITS))}")
    folder = places.cloned("plantdoc", PAGE, COMMIT, home / FOLDER, packed=PACKED)
    tree = trees.tree(folder)
    boxes = list(listed(tree, part))
    classes = tuple(sorted({box[1] for box in boxes}))
    stamp = [one for top in ("TRAIN", "TEST") for one in tree.stamp(top)]
    arrays = kept(home, "plantdoc", (size, boxes, stamp), lambda: _decoded(tree, boxes, classes, size))
    whole = (len(arrays["labels"]), len(classes)) == (CROPS, PLANTS)
    if not whole and not part:
        raise ValueError(
            f"{folder}: gives {len(arrays['labels'])} crops of {len(classes)} classes, the papers had "
            f"{CROPS} of {PLANTS}; load('plantdoc', part=True) takes what is there"
        )
    pool = Split(arrays["images"], np.array(arrays["labels"]), groups=np.array(arrays["groups"]))
    name = "plantdoc" if split == "picture" else "plantdoc_crops"
    return Album(name, pool, classes, PAGE, LICENCE, PARTS, whole=whole, by_group=split == "picture")


def listed(tree, part):
    """(picture, class, width, height, left, top, right, bottom) of every row of the two tables."""
    held = dict(tree.read(TABLES))
    complete(tree.path, held, TABLES)
    for name, (folder, count) in TABLES.items():
        rows = csv.reader(io.StringIO(held[name].decode("utf-8", "replace"), newline=""))
        if next(rows, None) != _COLUMNS:
            raise ValueError(f"{tree.path / name}: its columns are not {','.join(_COLUMNS)}")
        rows = [row for row in rows if row]
        if len(rows) != count and not part:
            raise ValueError(f"{tree.path / name}: {len(rows)} rows, the official table has {count}")
        for row in rows:
            yield _box(row, folder, tree.path / name)


def _box(row, folder, where):
    try:
        picture, width, height, label, *corners = row
        width, height, *corners = map(int, (width, height, *corners))
        (left, right), (top, bottom) = sorted(corners[::2]), sorted(corners[1::2])
    except (ValueError, TypeError):
        raise ValueError(f"{where}: {','.join(row)!r} is not a row of {','.join(_COLUMNS)}") from None
    if "/" in picture or "\\" in picture:
        raise ValueError(f"{where}: {picture!r} lies outside {folder}/")
    return f"{folder}/{picture}", label, width, height, max(left, 0), max(top, 0), right, bottom


def _decoded(tree, boxes, classes, size):
    """Crops, labels and photographs in the tables' order; what has no picture or no area is left out."""
    rows_of = {}
    for index, (picture, *_) in enumerate(boxes):
        rows_of.setdefault(picture, []).append(index)
    crops, names = {}, {}

    def cut(picture, data):
        names[picture] = hashlib.sha256(data).digest()  # one photograph under two names is one photograph
        _, _, width, height, *_ = boxes[rows_of[picture][0]]
        photograph = _photograph(picture, data, (height, width))
        for index in rows_of[picture]:
            left, top, right, bottom = boxes[index][4:]
            crop = photograph[top:bottom, left:right]
            if crop.size:
                crops[index] = squared(crop, size)

    each(tree.read(rows_of), cut)
    kept_rows = sorted(crops)
    if not kept_rows:
        raise ValueError(f"{tree.path}: none of {len(rows_of)} photographs could be read")
    owners = [names[boxes[index][0]] for index in kept_rows]
    numbers = {owner: number for number, owner in enumerate(dict.fromkeys(owners))}
    return {
        "images": np.stack([crops[index] for index in kept_rows]),
        "labels": np.array([classes.index(boxes[index][1]) for index in kept_rows], np.int64),
        "groups": np.array([numbers[owner] for owner in owners], np.int64),
    }


def _photograph(name, data, shape):
    """The photograph, turned if only so it has the table's shape; nothing of one that cannot be read."""
    try:
        return decoded(data, name, upright=shape)
    except ValueError:
        return np.empty((0, 0, 3), np.uint8)
