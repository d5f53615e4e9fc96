"""Decoded pictures, kept beside the official files, so that the second start takes seconds.

Thousands of pictures take a minute to decode and shrink. What came out is kept as plain .npy files under
`decoded/`, in a folder named by everything it depends on, and read as a memory map.
"""

import hashlib
import tempfile
from pathlib import Path

import numpy as np

from gpc._files import moved

FORMAT = 1  # to be raised when decoding, shrinking or the arrays' meaning changes


def kept(home, name, depends, make):
    """The arrays that `make()` gives, from the store if they are there: {name: array}.

    `depends` is all that they depend on: anything whose repr tells one state from another. The versions of
    the decoders belong to it by themselves. A folder that cannot be written keeps nothing; a damaged entry is
    made anew.
    """
    entry = home / "decoded" / f"{name}-{_key(depends)}"
    found = _read(entry)
    if found is not None:
        return found
    made = make()
    try:
        _write(entry, made)
    except OSError:
        return made  # not writable, full, or another process was first
    return _read(entry) or made


def _key(depends):
    import cv2
    import PIL

    return hashlib.sha256(repr((FORMAT, cv2.__version__, PIL.__version__, depends)).encode()).hexdigest()[:20]


def _read(entry):
    try:
        paths = sorted(entry.glob("*.npy"))
        arrays = {path.stem: np.load(path, mmap_mode="r", allow_pickle=False) for path in paths}
    except (OSError, ValueError, EOFError):
        return None
    return arrays if (entry / "whole").exists() else None


def _write(entry, arrays):
    entry.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=entry.parent) as draft:
        fresh = Path(draft) / entry.name
        fresh.mkdir()
        for name, array in arrays.items():
            np.save(fresh / f"{name}.npy", array, allow_pickle=False)
        (fresh / "whole").touch()
        if entry.exists():  # damaged: it could not be read
            entry.rename(Path(draft) / "damaged")
        moved(fresh, entry)
