"""The data sets that can be had by name, and how each is cut into its three splits."""

import difflib

import numpy as np

from gpc.data import digits
from gpc.data.batches import resized
from gpc.data.dataset import Dataset, Sealed, Split, stratified

MAPS = ("masks", "objects", "instances")


def load(name, *, seed=0, size=None, count=None, folder=None):
    """The data set of this name: train and validation splits, the test split sealed.

    size     pixels on a side (default: the set's own)
    count    how many images in all three splits together, classes in proportion (default: the set's own)
    folder   where the official files of a downloaded set lie or shall lie (default: GPC_DATA, else the user's cache)

    The same arguments give the same images in the same order on every machine; `fingerprint` proves it.
    Raises ValueError for an unknown name.

    >>> digits = load("digits", seed=0)
    >>> digits
    Dataset('digits', 1167 + 270 + 360 images of (8, 8, 1), 10 classes, seed 0)
    >>> len(digits.open_test()), digits.test_openings
    (360, 1)
    """
    if name not in _LOADERS:
        near = difflib.get_close_matches(str(name), _LOADERS, n=1)
        hint = f"; nearest: {near[0]!r}" if near else ""
        raise ValueError(f"no data set {name!r}; there are {', '.join(map(repr, names()))}{hint}")
    return _LOADERS[name](seed=seed, size=size, count=count, folder=folder)


def names():
    """The names `load` knows.

    >>> "digits" in names()
    True
    """
    return tuple(_LOADERS)


def _digits(*, seed, size, count, folder):
    pool = digits.everything()
    parts = _shrunk((1167, 270, 360), count)
    rows = stratified(pool.labels, parts, seed=seed)
    train, validation, test = (_sized(pool.take(indices), size) for indices in rows)
    return Dataset("digits", digits.CLASSES, train, validation, Sealed(test), digits.SOURCE, digits.LICENCE, seed)


def _shrunk(parts, count):
    """The split sizes scaled down to `count` in all, exact in their sum."""
    if count is None:
        return parts
    if not len(parts) <= count <= sum(parts):
        raise ValueError(f"count={count} must lie between {len(parts)} and the {sum(parts)} images there are")
    ends = np.rint(np.cumsum(parts) * (count / sum(parts))).astype(int)
    return tuple(int(part) for part in np.diff(ends, prepend=0))


def _sized(split, size):
    """Every image and map of the split at `size` pixels; boxes scaled along."""
    if size is None or split.images.shape[1:3] == (size, size):
        return split
    found = split.arrays()
    for name in ("images", *MAPS):
        if name in found:
            found[name] = np.stack([resized(one, size, smooth=name == "images") for one in found[name]])
    if "boxes" in found:
        height, width = split.images.shape[1:3]
        scale = np.array([size / height, size / width] * 2)
        found["boxes"] = np.rint(found["boxes"] * scale).astype(np.int64)
    return Split(**found)


_LOADERS = {"digits": _digits}
