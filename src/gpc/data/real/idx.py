"""Reads gzipped IDX files, the format of MNIST and Fashion-MNIST, and stops where the file should end.

Source: Y. LeCun's MNIST page: two zero bytes, 8 for uint8, the number of axes, each axis as a big-endian
32-bit number, then the values.
"""

import gzip
import io
import math
import zlib

import numpy as np


def read(data, shape, *, name="idx"):
    """The uint8 array of this `shape` in the bytes of a gzipped IDX file.

    At most one byte more than the shape needs is ever unpacked. Raises ValueError, naming the file, if
    header, length or compression are not what the shape asks for.

    >>> read(gzip.compress(bytes([0, 0, 8, 1, 0, 0, 0, 2, 7, 9])), (2,)).tolist()
    [7, 9]
    """
    needed = 4 + 4 * len(shape) + math.prod(shape)
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(data)) as stream:
            raw = stream.read(needed + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise ValueError(f"{name}: not a whole gzip file ({error})") from None
    header = bytes([0, 0, 8, len(shape)]) + np.array(shape, ">u4").tobytes()
    if raw[: len(header)] != header:
        raise ValueError(
            f"{name}: its header is {raw[: len(header)].hex()}, uint8 of shape {shape} has {header.hex()}"
        )
    if len(raw) != needed:
        least = "more than " if len(raw) > needed else ""
        raise ValueError(
            f"{name}: unpacks to {least}{min(len(raw), needed)} bytes, shape {shape} needs {needed}"
        )
    return np.frombuffer(raw, np.uint8, offset=len(header)).reshape(shape)
