"""Fetches one file of known length and sum: continues where it was cut, refuses what is not that file."""

import contextlib
import dataclasses
import hashlib
import http.client
import sys
import time
import urllib.error
import urllib.request

from gpc._files import moved

CHUNK_BYTES = 1 << 18
TRIES = 5
TIMEOUT_S = 30
GONE = (401, 403, 404, 410)  # answers that waiting does not change


class Cut(Exception):
    """The connection ended, or never began: what has come is kept."""


def fetch(file, path, *, say=None, wait_s=1.0):
    """Downloads `file.address` to `path`, checks length and sums, and only then gives it its name.

    What has come lies in `path` + ".part" and is continued by an HTTP Range request, now and in a later run.
    `wait_s` is the pause after a request that brought nothing, longer each time.
    Raises FileNotFoundError when the address cannot be reached or keeps cutting, ValueError when what came is
    not the official file (and deletes it).
    """
    say = progress_line(file.name) if say is None else say
    if file.bytes is None and not path.exists():
        file = measured(file)
    part = path.with_name(path.name + ".part")
    path.parent.mkdir(parents=True, exist_ok=True)
    with _alone(path):
        # A part from an earlier run may be the beginning of another file: then once more from nothing.
        for continued in (_length(part) > 0, False):
            if path.exists():
                return path
            try:
                _complete(file, part, say, wait_s=wait_s)
                verify(file, part)
                return moved(part, path)
            except ValueError as error:
                part.unlink(missing_ok=True)
                if not continued:
                    raise ValueError(
                        f"{file.address}: what came is not the official file ({error}); deleted"
                    ) from None


def measured(file):
    """The file with the length its server states, for one whose authors publish none.

    Raises FileNotFoundError when the server cannot be reached or states none.
    """
    request = urllib.request.Request(file.address, headers={"User-Agent": "gpc"}, method="HEAD")
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:
            stated = answer.headers.get("Content-Length", "")
    except (OSError, http.client.HTTPException) as error:
        if isinstance(error, urllib.error.HTTPError):
            error.close()
        raise FileNotFoundError(f"{file.address}: could not be reached ({error})") from None
    if not stated.isdigit() or int(stated) == 0:
        raise FileNotFoundError(f"{file.address}: the server states no length")
    return dataclasses.replace(file, bytes=int(stated))


def progress_line(name, stream=None):
    """A function (bytes, total) that says how far it is: a moving line on a terminal, else four lines."""
    stream = sys.stderr if stream is None else stream
    shown = [-1]

    def say(done, total):
        steps = 100 if stream.isatty() else 4
        if (step := steps * done // total) != shown[0]:
            shown[0] = step
            end = "\n" if done == total or steps == 4 else ""
            start = "\r" if steps == 100 else ""
            print(
                f"{start}{name}: {done / 1e6:.1f} of {total / 1e6:.1f} MB", end=end, file=stream, flush=True
            )

    return say


def _length(path):
    return path.stat().st_size if path.exists() else 0


def _complete(file, part, say, *, wait_s):
    """Requests until the part has the file's length; gives up after TRIES in a row that brought nothing."""
    idle = 0
    while (have := _length(part)) < file.bytes:
        try:
            _request(file, part, have, say)
            trouble = "the connection was cut"
        except Cut as cut:
            trouble = str(cut)
        idle = 0 if _length(part) > have else idle + 1
        if idle == TRIES:
            kept = f"; {have:,} of {file.bytes:,} bytes are kept in {part} for next time" if have else ""
            raise FileNotFoundError(f"{file.address}: {trouble}{kept}")
        time.sleep(wait_s * idle)


def _request(file, part, have, say):
    """One request for what is missing, appended to the part as it comes."""
    headers = {"User-Agent": "gpc", "Accept-Encoding": "identity"}
    if have:
        headers["Range"] = f"bytes={have}-"
    request = urllib.request.Request(file.address, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:
            _append(file, part, have if _continues(answer, have, file) else 0, answer, say)
    except urllib.error.HTTPError as error:
        error.close()
        if error.code == 416:  # "no such range": the part is longer than what the server has
            part.unlink(missing_ok=True)
        elif error.code in GONE:
            raise FileNotFoundError(
                f"{file.address}: the server answered {error.code} {error.reason}"
            ) from None
        raise Cut(f"the server answered {error.code} {error.reason}") from None
    except (OSError, http.client.HTTPException) as error:
        raise Cut(f"could not be read ({getattr(error, 'reason', error)})") from None


def _continues(answer, have, file):
    """Whether the answer begins at byte `have` (else at 0). Refuses another place or another length."""
    if answer.status != 206:
        return False
    if answer.headers.get("Content-Range", "") != f"bytes {have}-{file.bytes - 1}/{file.bytes}":
        stated = answer.headers.get("Content-Range")
        raise ValueError(
            f"{file.address}: asked from byte {have} of {file.bytes}, the server sends {stated!r}"
        )
    return True


def _append(file, part, start, answer, say):
    with open(part, "ab" if start else "wb") as kept:
        done = start
        while chunk := answer.read(min(CHUNK_BYTES, file.bytes - done + 1)):
            done += len(chunk)
            if done > file.bytes:
                raise ValueError(
                    f"{file.address}: sends more than the {file.bytes:,} bytes of the official file"
                )
            kept.write(chunk)
            say(done, file.bytes)


def verify(file, path):
    """Raises ValueError, naming both sums, unless the file at `path` has the official SHA-256 and MD5."""
    for kind, official in (("sha256", file.sha256), ("md5", file.md5)):
        if official is not None:
            with open(path, "rb") as stream:
                found = hashlib.file_digest(stream, kind).hexdigest()
            if found != official:
                raise ValueError(f"{path}: {kind.upper()} {found}, the official file has {official}")


@contextlib.contextmanager
def _alone(path):
    """One process at a time at a file, where the system has locks; a second waits, then finds the file."""
    try:
        import fcntl
    except ImportError:
        yield
        return
    gate = path.with_name(path.name + ".lock")
    with open(gate, "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            yield
        finally:
            gate.unlink(missing_ok=True)
