"""The data sets that can be had by name, and how each is cut into its three splits."""

import os

import numpy as np

from gpc._checks import hint, positive, seed as checked_seed
from gpc.data import cells, digits, leaves, real
from gpc.data.batches import resized
from gpc.data.real import nuclei, pets, plantdoc, plantvillage
from gpc.data.real.album import TEST_SEED
from gpc.data.dataset import Dataset, Sealed, Split, stratified

MAPS = ("masks", "objects", "instances")
SMALLEST_DRAWN = 16  # pixels: below, a rust spot is less than one


def load(name, *, seed=0, size=None, count=None, folder=None, **options):
    """The data set of this name: train and validation splits, the test split sealed.

    size      pixels on a side (default: the set's own)
    count     how many images in all three splits together, classes in proportion (default: the set's own)
    folder    where the official files of a downloaded set lie or shall lie (default: `GPC_DATA`,
              else the user's cache)
    options   of single sets: `labels="coarse"` of cifar100; `classes=("Abyssinian", …)` of oxford_pets and
              plantvillage; `variant="segmented"` or "mendeley" and `split="image"` of plantvillage;
              `split="crop"` of plantdoc; `part=True` of plantdoc and nuclei, to take what is there

    What an option makes of a set has a name of its own where a record needs one: `load("plantdoc",
    split="crop")` is `load("plantdoc_crops")`. A part of a set is named so: "oxford_pets_part".

    The same arguments give the same images in the same order on every machine; `fingerprint` proves it.
    Raises ValueError for an unknown name, a seed below 0 or beyond 2³² − 1, a size below 1 (16 of a drawn
    set), a count below 10 or, of a set that is not drawn, above what there is, or files that are not the
    official ones, TypeError for a seed, size or count that is no integer, an option the set does not have and
    a folder that is no path, NotADirectoryError for one that is a file, FileNotFoundError where a set neither
    lies in the folder nor can be downloaded.

    >>> digits = load("digits", seed=0)
    >>> digits
    Dataset('digits', 1167 + 270 + 360 images of (8, 8, 1), 10 classes, seed 0)
    >>> len(digits.open_test()), digits.test_openings
    (360, 1)
    """
    if not isinstance(name, str) or name not in _LOADERS:
        there = ", ".join(map(repr, names()))
        raise ValueError(f"no data set {name!r}; there are {there}{hint(name, names())}")
    seed = checked_seed("seed", seed)
    size = size if size is None else positive("size", size)
    count = count if count is None else positive("count", count)
    if folder is not None and not isinstance(folder, str | os.PathLike):
        raise TypeError(f"folder={folder!r} must be a path, a string or pathlib's, or None")
    loader, known, fixed = _LOADERS[name]
    unknown = sorted(set(options) - set(known))
    if unknown:
        takes = ", ".join(known) or "none"
        raise TypeError(f"load({name!r}) does not know the option {unknown[0]!r}; it takes {takes}")
    return loader(seed=seed, size=size, count=count, folder=folder, **fixed, **options)


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

    def loader(*, seed, size, count, folder, labels="fine"):
        name = source.name if labels == "fine" else f"{source.name}_{labels}"
        train, test, classes = real.read(source, folder, labels=labels)
        parts = sizes if count is None else _shrunk(sizes, count)
        pool, test = Split(*train), Split(*test)
        train, validation = (pool.take(rows) for rows in stratified(pool.labels, parts[:2], seed=seed))
        if count is not None:
            test = test.take(stratified(test.labels, parts[2:], seed=seed)[0])
        splits = [_sized(one, size) for one in (train, validation, test)]
        return Dataset(name, classes, *splits[:2], Sealed(splits[2]), source.page, source.licence, seed)

    return loader


def _album(module):
    """The loader of a set of pictures of any size, read at one size and cut as its album says."""

    def loader(*, seed, size, count, folder, **options):
        album = module.read(real.home(folder), size=size or module.SIZE, **options)
        rows = album.rows(seed)
        if count is not None:
            parts = _shrunk([len(one) for one in rows], count)
            rows = [
                one[stratified(album.pool.labels[one], (part,), seed=draw)[0]]
                for one, part, draw in zip(rows, parts, (seed, seed, TEST_SEED))
            ]
        train, validation, test = (album.pool.take(one) for one in rows)
        name = album.name if album.whole else f"{album.name}_part"
        return Dataset(name, album.classes, train, validation, Sealed(test), album.page, album.licence, seed)

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


_CIFAR100 = _downloaded(real.SOURCES["cifar100"], (45000, 5000, 10000))

# name: (its loader, the options it takes, the options that its name stands for)
_LOADERS = {
    "digits": (_digits, (), {}),
    "leaves": (_drawn(leaves, (1000, 200, 300)), (), {}),
    "cells": (_drawn(cells, (1000, 200, 300)), (), {}),
    "cifar10": (_downloaded(real.SOURCES["cifar10"], (45000, 5000, 10000)), (), {}),
    "cifar100": (_CIFAR100, ("labels",), {}),
    "cifar100_coarse": (_CIFAR100, (), {"labels": "coarse"}),
    "fashion_mnist": (_downloaded(real.SOURCES["fashion_mnist"], (54000, 6000, 10000)), (), {}),
    "oxford_pets": (_album(pets), ("classes",), {}),
    "plantvillage": (_album(plantvillage), ("variant", "split", "classes"), {}),
    "plantvillage_images": (_album(plantvillage), ("classes",), {"split": "image"}),
    "plantvillage_segmented": (_album(plantvillage), ("split", "classes"), {"variant": "segmented"}),
    "plantvillage_segmented_images": (
        _album(plantvillage),
        ("classes",),
        {"variant": "segmented", "split": "image"},
    ),
    "plantvillage_mendeley": (_album(plantvillage), ("classes",), {"variant": "mendeley"}),
    "plantdoc": (_album(plantdoc), ("split", "part"), {}),
    "plantdoc_crops": (_album(plantdoc), ("part",), {"split": "crop"}),
    "nuclei": (_album(nuclei), ("part",), {}),
}
