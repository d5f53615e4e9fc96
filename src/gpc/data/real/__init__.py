"""Downloaded sets: the official files found where they lie, or fetched; checked; read without being run."""

import tempfile
from pathlib import Path

import numpy as np

from gpc._files import moved
from gpc.data.real import archive, idx, pickles, places
from gpc.data.real.places import home
from gpc.data.real.sources import SOURCES

FASHION_CLASSES = (
    "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot",
)  # fmt: skip
_PLANES = (3, 32, 32)  # CIFAR keeps each image as three planes


LABELS = ("fine", "coarse")


def read(source, folder=None, *, labels="fine", say=None):
    """(train images, train labels), (test images, test labels), class names of an official set.

    uint8 (N, H, W, C) and int64 (N,), in the order of the official files. `labels="coarse"` gives CIFAR-100's
    20 superclasses instead of its 100 classes.
    Raises FileNotFoundError where the files neither lie nor can be fetched, ValueError where they are not
    official.
    """
    if labels not in LABELS:
        raise ValueError(f"labels={labels!r} must be one of {', '.join(map(repr, LABELS))}")
    files = official(source, home(folder), say=say)
    return _fashion(source, files) if source.archive is None else _cifar(source, files, labels)


def official(source, folder, *, say=None):
    """{member name: bytes} of a source, sums checked: from its folder, its archive, or downloaded.

    An archive is unpacked once, beside itself, where that can be written.
    """
    inside = folder / source.folder
    paths = [inside / member.name for member in source.members]
    if source.archive is None and not all(path.exists() for path in paths):
        beside = [folder / member.name for member in source.members]
        paths = beside if all(path.exists() for path in beside) else paths
    if not all(path.exists() for path in paths):
        if source.archive is not None:
            wanted = folder / source.archive.name
            packed = places.fetched(source.name, source.archive, wanted, say=say, unpacked=source.folder)
            return _unpacked(source, packed, inside)
        for member, path in zip(source.members, paths):
            places.fetched(source.name, member, path, say=say)
    return {
        member.name: archive.checked(path.read_bytes(), member, where=path)
        for member, path in zip(source.members, paths)
    }


def _unpacked(source, path, inside):
    """The members of an archive whose own sum is right, kept in `inside` when that folder can be written."""
    places.official(source.archive, path)
    files = archive.members(path, source)
    try:
        with tempfile.TemporaryDirectory(dir=path.parent) as draft:
            fresh = Path(draft) / source.folder
            fresh.mkdir()
            for member in source.members:
                (fresh / member.name).write_bytes(files[member.name])
            moved(fresh, inside)
    except OSError:
        return files  # not writable, or another process was first: the archive is read again next time
    return files


def _cifar(source, files, kind="fine"):
    *rows, meta = source.members
    names = pickles.read(files[meta.name], name=meta.name)
    classes = tuple(names.get(f"{kind}_label_names") or names.get("label_names") or ())
    parts = [
        _batch(files[one.name], one.name, shape, classes, kind) for one, shape in zip(rows, source.shapes)
    ]
    train = tuple(np.concatenate(column) for column in zip(*parts[:-1]))
    return train, parts[-1], classes


def _batch(data, name, shape, classes, kind="fine"):
    """Images (N, 32, 32, 3) and labels (N,) of one CIFAR file, if it holds what the sources' table says."""
    held = pickles.read(data, name=name)
    pixels, labels = held.get("data"), held.get(f"{kind}_labels") or held.get("labels")
    if not isinstance(pixels, np.ndarray) or pixels.shape != shape:
        raise ValueError(
            f"{name}: its pixels are {getattr(pixels, 'shape', None)}, the official file's {shape}"
        )
    if not isinstance(labels, list) or set(map(type, labels)) != {int} or len(labels) != len(pixels):
        raise ValueError(f"{name}: needs {len(pixels)} integer labels")
    if not 0 <= min(labels) <= max(labels) < len(classes):
        raise ValueError(f"{name}: labels {min(labels)}…{max(labels)} do not fit {len(classes)} classes")
    images = np.ascontiguousarray(pixels.reshape(-1, *_PLANES).transpose(0, 2, 3, 1))
    return images, np.array(labels, np.int64)


def _fashion(source, files):
    arrays = [
        idx.read(files[one.name], shape, name=one.name) for one, shape in zip(source.members, source.shapes)
    ]
    images, labels, test_images, test_labels = arrays
    train = images[..., np.newaxis], labels.astype(np.int64)
    return train, (test_images[..., np.newaxis], test_labels.astype(np.int64)), FASHION_CLASSES


__all__ = ["FASHION_CLASSES", "SOURCES", "home", "official", "read"]
