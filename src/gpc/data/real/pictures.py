"""Pictures of any size out of files: decoded with care, brought to one square size, many at a time."""

import io
import os
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from gpc.data.batches import resized

LARGEST_PIXELS = 64_000_000  # PlantDoc's largest pictures have 24 million
AT_A_TIME = 256  # files held in memory while they are decoded


def decoded(data, where, *, mode="RGB", upright=None):
    """The uint8 array in the bytes of a JPEG, PNG or GIF: (H, W, 3) for RGB, (H, W) for "L".

    As stored, whatever orientation a camera noted in it; with `upright=(height, width)`, turned as noted if
    only so it has that shape. Raises ValueError, naming the file, for what is cut, broken, or has more than
    LARGEST_PIXELS.
    """
    from PIL import Image, ImageOps

    try:
        with Image.open(io.BytesIO(data)) as picture:
            if picture.width * picture.height > LARGEST_PIXELS:
                raise ValueError(f"{where}: {picture.width}×{picture.height} pixels are too many")
            if upright is not None and (picture.height, picture.width) != tuple(upright):
                turned = ImageOps.exif_transpose(picture)
                picture = turned if (turned.height, turned.width) == tuple(upright) else picture
            return np.array(picture.convert(mode))
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise ValueError(f"{where}: too many pixels ({error})") from None
    except (OSError, SyntaxError, EOFError) as error:
        raise ValueError(f"{where}: not a whole picture ({error})") from None


def squared(picture, size, *, smooth=True):
    """A picture or map at (size, size), its sides stretched by different amounts where they differ."""
    return resized(picture, size, smooth=smooth)


def each(entries, work):
    """`work(name, data)` for every entry, in threads: decoding leaves Python's lock alone."""
    with ThreadPoolExecutor(min(16, os.cpu_count() or 1)) as pool:
        held = []
        for entry in entries:
            held.append(entry)
            if len(held) == AT_A_TIME:
                _all(pool, work, held)
                held = []
        _all(pool, work, held)


def _all(pool, work, held):
    for _ in pool.map(lambda entry: work(*entry), held):
        pass


def complete(place, found, wanted, *, instead=""):
    """Raises ValueError, with the first name, if some of the wanted files were not found."""
    missing = sorted(set(wanted) - set(found))
    if missing:
        raise ValueError(
            f"{place}: lacks {len(missing):,} of {len(wanted):,} files, {missing[0]!r} first{instead}"
        )
