"""Downloaded sets: the official files found where they lie, or fetched; checked; read without being run."""

import os
import sys
import tempfile
from pathlib import Path

import numpy as np

from gpc.data.real import archive, download, idx, pickles
from gpc.data.real.sources import SOURCES

FASHION_CLASSES = (
    "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot",
)  # fmt: skip
_PLANES = (3, 32, 32)  # CIFAR keeps each image as three planes


def home(folder=None):
    """Where official files are looked for and kept: `folder`, else GPC_DATA, else the user's cache folder.

    >>> str(home("here"))
    'here'
    """
    asked = folder or os.environ.get("GPC_DATA")
    if asked:
        return Path(asked).expanduser()
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA", "~/AppData/Local")
    elif sys.platform == "darwin":
        base = "~/Library/Caches"
    else:
        base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(base).expanduser() / "gpc"


def read(source, folder=None, *, say=None):
    """(train images, train labels), (test images, test labels), class names of an official set.

    uint8 (N, H, W, C) and int64 (N,), in the order of the official files.
    Raises FileNotFoundError where the files neither lie nor can be fetched, ValueError where they are not
    official.
    """
    files = official(source, home(folder), say=say)
    reader = _fashion if source.archive is None else _cifar
    return reader(source, files)


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
            packed = _fetched(source, source.archive, folder / source.archive.name, say)
            return _unpacked(source, packed, inside)
        for member, path in zip(source.members, paths):
            _fetched(source, member, path, say)
    return {
        member.name: archive.checked(path.read_bytes(), member, where=path)
        for member, path in zip(source.members, paths)
    }


def _fetched(source, file, path, say):
    """The path of a file that is there or has been downloaded; else says what to do instead."""
    if path.exists():
        return path
    try:
        return download.fetch(file, path, say=say)
    except OSError as error:
        known = (("MD5", file.md5), ("SHA-256", file.sha256))
        sums = ", ".join([f"{file.bytes:,} bytes", *(f"{kind} {sum_}" for kind, sum_ in known if sum_)])
        or_folder = f", or its unpacked folder {source.folder}/ into {path.parent}" if source.archive else ""
        raise FileNotFoundError(
            f"{source.name} is not in {path.parent} and could not be downloaded. {error}. Put {file.name} "
            f"({sums}) there yourself{or_folder}; or name another folder by GPC_DATA; or use a set that needs "
            "no download: 'digits', 'leaves', 'cells'"
        ) from None


def _unpacked(source, path, inside):
    """The members of an archive whose own sum is right, kept in `inside` when that folder can be written."""
    with open(path, "rb") as stream:
        size = os.fstat(stream.fileno()).st_size
        if size != source.archive.bytes:
            raise ValueError(
                f"{path}: {size:,} bytes, the official archive has {source.archive.bytes:,}; delete it"
            )
    download.verify(source.archive, path)
    files = archive.members(path, source)
    try:
        with tempfile.TemporaryDirectory(dir=path.parent) as draft:
            fresh = Path(draft) / source.folder
            fresh.mkdir()
            for member in source.members:
                (fresh / member.name).write_bytes(files[member.name])
            fresh.rename(inside)
    except OSError:
        return files  # not writable, or another process was first: the archive is read again next time
    return files


def _cifar(source, files):
    *rows, meta = source.members
    names = pickles.read(files[meta.name], name=meta.name)
    classes = tuple(names.get("fine_label_names") or names.get("label_names") or ())
    parts = [_batch(files[one.name], one.name, shape, classes) for one, shape in zip(rows, source.shapes)]
    train = tuple(np.concatenate(column) for column in zip(*parts[:-1]))
    return train, parts[-1], classes


def _batch(data, name, shape, classes):
    """Images (N, 32, 32, 3) and labels (N,) of one CIFAR file, if it holds what the sources' table says."""
    held = pickles.read(data, name=name)
    pixels, labels = held.get("data"), held.get("fine_labels") or held.get("labels")
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
