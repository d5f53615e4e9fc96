"""The data sets that can be had by name, and how each is cut into its three splits."""

import difflib

import numpy as np

from gpc._checks import positive
from gpc.data import cells, digits, leaves, real
from gpc.data.batches import resized
from gpc.data.dataset import Dataset, Sealed, Split, stratified

MAPS = ("masks", "objects", "instances")
SMALLEST_DRAWN = 16  # pixels: below, a rust spot is less than one


def load(name, *, seed=0, size=None, count=None, folder=None):
    """The data set of this name: train and validation splits, the test split sealed.

    size     pixels on a side (default: the set's own)
    count    how many images in all three splits together, classes in proportion (default: the set's own)
    folder   where the official files of a downloaded set lie or shall lie (default: GPC_DATA, else
             the user's cache)

    The same arguments give the same images in the same order on every machine; `fingerprint` proves it.
    Raises ValueError for an unknown name or files that are not the official ones, FileNotFoundError where a
    set neither lies in the folder nor can be downloaded.

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
    size = size if size is None else positive("size", size)
    count = count if count is None else positive("count", count)
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
    return Dataset(
        "digits", digits.CLASSES, train, validation, Sealed(test), digits.SOURCE, digits.LICENCE, seed
    )


def _drawn(module, sizes):
    """The loader of a procedural set: each split from a stream of its own, so none holds another's image."""
    name = module.__name__.rpartition(".")[2]

    def loader(*, seed, size, count, folder):
        parts = sizes if count is None else _parts(sizes, count)
        size = 64 if size is None else size
        if size < SMALLEST_DRAWN:
            raise ValueError(f"size={size} is too small to draw {name}; nearest that works: {SMALLEST_DRAWN}")
        train, validation, test = (
            module.make(part, seed=seed, stream=stream, size=size) for stream, part in enumerate(parts)
        )
        return Dataset(
            name, module.CLASSES, train, validation, Sealed(test), module.SOURCE, module.LICENCE, seed
        )

    return loader


def _downloaded(source, sizes):
    """The loader of an official set: its own test split; validation cut from train, seeded and stratified."""

    def loader(*, seed, size, count, folder):
        (images, labels), (test_images, test_labels), classes = real.read(source, folder)
        parts = sizes if count is None else _shrunk(sizes, count)
        pool, test = Split(images, labels), Split(test_images, test_labels)
        train, validation = (pool.take(rows) for rows in stratified(labels, parts[:2], seed=seed))
        if count is not None:
            test = test.take(stratified(test_labels, parts[2:], seed=seed)[0])
        splits = [_sized(one, size) for one in (train, validation, test)]
        return Dataset(
            source.name, classes, *splits[:2], Sealed(splits[2]), source.page, source.licence, seed
        )

    return loader


def _shrunk(parts, count):
    """The split sizes scaled down to `count` in all."""
    if count is not None and count > sum(parts):
        raise ValueError(
            f"count={count} is more than the {sum(parts)} images there are; nearest: {sum(parts)}"
        )
    return parts if count is None else _parts(parts, count)


def _parts(parts, count):
    """`count` cut in the proportions of `parts`, exact in its sum, no part empty."""
    if count < 10:
        raise ValueError(f"count={count} is too few for three splits; nearest that works: 10")
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


_LOADERS = {
    "digits": _digits,
    "leaves": _drawn(leaves, (1000, 200, 300)),
    "cells": _drawn(cells, (1000, 200, 300)),
    "cifar10": _downloaded(real.SOURCES["cifar10"], (45000, 5000, 10000)),
    "cifar100": _downloaded(real.SOURCES["cifar100"], (45000, 5000, 10000)),
    "fashion_mnist": _downloaded(real.SOURCES["fashion_mnist"], (54000, 6000, 10000)),
}
