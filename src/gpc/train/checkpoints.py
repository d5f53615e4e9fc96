"""Checkpoints on disk that survive being killed while they are written.

A file is written beside its place, flushed to the disk and moved there in one step, so a name either holds a
whole checkpoint or is not there; the one before is kept. Each is a plain .npz (np.load opens it, nothing in
it is pickled) whose member `header` holds JSON: what the run is, where it stands, and a SHA-256 over every
array and the header.
"""

import hashlib
import io
import json
import re
from pathlib import Path

import numpy as np

from gpc._files import write_atomically

VERSION = 1
KEEP = 2
_NAME = re.compile(r"checkpoint-(\d{9})\.npz")


class Broken(ValueError):
    """A file that is no whole checkpoint; the message says why."""


def digest(header, arrays):
    """SHA-256 over the header and over every array's name, type, shape and bytes."""
    found = hashlib.sha256(json.dumps(header, sort_keys=True).encode())
    for name, array in arrays.items():
        found.update(repr((name, array.dtype.str, array.shape)).encode())
        found.update(np.ascontiguousarray(array).tobytes())
    return found.hexdigest()


def pack(header, arrays):
    """One checkpoint as bytes. Raises TypeError for an array that would need pickling."""
    for name, array in arrays.items():
        if array.dtype.hasobject or array.dtype.kind == "V":
            raise TypeError(
                f"{name} has type {array.dtype}, which a checkpoint cannot hold; nearest: float32"
            )
    header = {"version": VERSION, **header}
    whole = json.dumps({**header, "sha256": digest(header, arrays)}).encode()
    buffer = io.BytesIO()
    np.savez(
        buffer,
        header=np.frombuffer(whole, np.uint8),
        **{f"array/{name}": one for name, one in arrays.items()},
    )
    return buffer.getvalue()


def read(path):
    """(header, arrays) of the checkpoint at `path`. Raises Broken unless it is whole and its sum is right."""
    try:
        # From memory: of a damaged file NumPy leaves the handle open.
        with np.load(io.BytesIO(Path(path).read_bytes()), allow_pickle=False) as file:
            header = json.loads(file["header"].tobytes())
            arrays = {name.removeprefix("array/"): file[name] for name in file.files if name != "header"}
    except Exception as error:  # zip and .npy readers answer damage with whatever they stumble over
        raise Broken(f"{Path(path).name} cannot be read ({error})") from None
    if header.get("version") != VERSION:
        raise Broken(f"{Path(path).name} has format {header.get('version')}; this package reads {VERSION}")
    expected = header.pop("sha256", None)
    if digest(header, arrays) != expected:
        raise Broken(f"{Path(path).name} is damaged: its SHA-256 is not the one written in it")
    return header, arrays


class Checkpoints:
    """The checkpoints of one run in `folder`, which is made if need be and locked against a second run.

    Raises OSError with what to do where the folder cannot be written, or is in use.
    """

    def __init__(self, folder):
        self.folder = Path(folder)
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._lock = open(self.folder / "lock", "a")  # held open as long as the run lasts
        except OSError as error:
            raise type(error)(
                error.errno,
                f"the run's folder {self.folder} cannot be written ({error.strerror}); give another folder",
            ) from None
        self._take_lock()
        for leftover in self.folder.glob(".*.tmp*"):
            leftover.unlink(missing_ok=True)

    def _take_lock(self):
        try:
            import fcntl
        except ImportError:  # no such lock on Windows: two runs in one folder are then the user's to avoid
            return
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._lock.close()
            raise BlockingIOError(
                f"another run is training in {self.folder}; wait for it to end, or give another folder"
            ) from None

    def close(self):
        """Lets another run have the folder."""
        self._lock.close()

    def paths(self):
        """Newest first."""
        found = [path for path in self.folder.iterdir() if _NAME.fullmatch(path.name)]
        return sorted(found, key=lambda path: path.name, reverse=True)

    def save(self, step, header, arrays):
        """Writes the state after `step` steps, keeps the one before. Raises OSError; older ones then stay."""
        path = self.folder / f"checkpoint-{step:09d}.npz"
        write_atomically(path, pack(header, arrays))
        for old in self.paths()[KEEP:]:
            old.unlink(missing_ok=True)
        return path

    def newest(self, warn):
        """(header, arrays) of the newest whole checkpoint, or None; `warn` hears of each one passed over.

        A broken one is renamed, or its higher number would make it outlive the good ones written after it.
        """
        for path in (found := self.paths()):
            try:
                return read(path)
            except Broken as problem:
                path.replace(path.with_name(f"damaged-{path.name}"))
                rest = (
                    "falling back to the one before it"
                    if path != found[-1]
                    else "none is left, starting anew"
                )
                warn(f"warning: {problem}; {rest}")
        return None

    def clear(self):
        """Removes every checkpoint: the run begins anew."""
        for path in self.paths():
            path.unlink(missing_ok=True)
