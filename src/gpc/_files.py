"""Files that are there whole or not at all, beneath every room."""

import contextlib
import os
import sys
import time
from pathlib import Path

# Between tries of a move: on Windows a scanner or an indexer has what was just written open for a moment.
PAUSES_S = (0.05, 0.1, 0.2, 0.4, 0.8) if sys.platform == "win32" else ()


def write_atomically(path, content):
    """`content` (bytes) at `path`, whole or not at all, and on the disk when this returns.

    Raises OSError (disk full, no permission); whatever was at `path` is then still there.
    """
    path = Path(path)
    with _replacing(path, path.with_name(f".{path.name}.{os.getpid()}.tmp")) as beside:
        with open(beside, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())


def save_atomically(path, save):
    """What `save` (Keras's `model.save`, say) writes to the path it is called with, at `path`: whole or not
    at all, and on the disk when this returns.

    Raises what `save` raises, and OSError; whatever was at `path` is then still there.
    """
    path = Path(path)
    with _replacing(path, path.with_name(f".{path.stem}.{os.getpid()}.tmp{path.suffix}")) as beside:
        save(beside)
        with open(beside, "rb+") as file:
            os.fsync(file.fileno())


@contextlib.contextmanager
def _replacing(path, beside):
    """What the block has written to `beside` moved to `path` in one step, or removed where it failed."""
    try:
        yield beside
        moved(beside, path)
    except BaseException:
        with contextlib.suppress(OSError):
            beside.unlink(missing_ok=True)
        raise
    _flush_folder(path.parent)


def moved(source, target):
    """`target`, once `source` has taken its name in one step. Raises OSError; both are then as they were."""
    for pause in PAUSES_S:
        try:
            os.replace(source, target)
            return target
        except PermissionError:
            time.sleep(pause)
    os.replace(source, target)
    return target


def _flush_folder(folder):
    """The rename itself on the disk; a folder that cannot be opened (Windows) is left to the system."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
