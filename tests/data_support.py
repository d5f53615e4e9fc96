"""Small official-looking files to test with, and a server that cuts and lies."""

import contextlib
import gzip
import hashlib
import http.server
import io
import struct
import tarfile
import threading

import numpy as np

from gpc.data.real.sources import File, Source


def described(name, data, *, address=None):
    """The row of the sources' table that these bytes fit."""
    sums = (hashlib.md5(data, usedforsecurity=False).hexdigest(), hashlib.sha256(data).hexdigest())
    return File(name, len(data), *sums, address)


def string(text):
    return (b"U" + bytes([len(text)]) if len(text) < 256 else b"T" + struct.pack("<i", len(text))) + text


def numbers(values):
    return b"](" + b"".join(b"K" + bytes([value]) for value in values) + b"e"


def array(pixels):
    """A uint8 array as Python 2 pickled it: three names, two calls, two states, as in the official files."""
    shape = b"".join(b"M" + struct.pack("<H", side) for side in pixels.shape)
    return (
        b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R(K\x01" + shape
        + bytes([0x84 + pixels.ndim]) + b"cnumpy\ndtype\nU\x02u1K\x00K\x01\x87R"
        + b"(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb\x89"
        + string(pixels.tobytes()) + b"tb"
    )  # fmt: skip


def dictionary(**items):
    return b"\x80\x02}(" + b"".join(string(key.encode()) + value for key, value in items.items()) + b"u."


def tiny_cifar(counts=(6, 6, 4), classes=(b"ant", b"bee"), seed=0):
    """(Source, {member: bytes}, images per member): CIFAR-10's layout with a few images a file."""
    random = np.random.default_rng(seed)
    pixels = [random.integers(0, 256, (count, 3072), dtype=np.uint8) for count in counts]
    names = [*(f"data_batch_{one}" for one in range(1, len(counts))), "test_batch", "batches.meta"]
    files = [dictionary(data=array(one), labels=numbers([i % 2 for i in range(len(one))])) for one in pixels]
    files.append(dictionary(label_names=b"](" + b"".join(map(string, classes)) + b"e"))
    members = tuple(described(name, data) for name, data in zip(names, files))
    held = dict(zip(names, files))
    return (
        source_of(members, archive=packed(held), shapes=tuple((count, 3072) for count in counts)),
        held,
        pixels,
    )


def source_of(members, *, archive, shapes, address=None):
    row = described("tiny.tar.gz", archive, address=address) if archive else None
    return Source("tiny", "tiny-batches", members, row, shapes, "none", "https://example.org/tiny")


def packed(files, *, folder="tiny-batches", extra=()):
    """A tar.gz of these files in `folder`, and of `extra`, ready-made (TarInfo, bytes) pairs."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as tar:
        for name, data in files.items():
            entry = tarfile.TarInfo(f"{folder}/{name}")
            entry.size = len(data)
            tar.addfile(entry, io.BytesIO(data))
        for entry, data in extra:
            entry.size = len(data)
            tar.addfile(entry, io.BytesIO(data))
    return out.getvalue()


def idx(values):
    header = bytes([0, 0, 8, values.ndim]) + np.array(values.shape, ">u4").tobytes()
    return gzip.compress(header + values.tobytes(), mtime=0)


@contextlib.contextmanager
def serving(data, *plan):
    """A server of `data` on 127.0.0.1; each request meets the next step of `plan`, the last one again and
    again.

    Steps: "whole", "no-range" (answers 200 whatever is asked), "lie" (another range than asked), "other"
    (other bytes, same length), "endless", ("cut", n) = n bytes and hang up, or a status like 404. Yields
    (address, ranges asked).
    """
    asked, steps = [], list(plan)

    class Handler(http.server.BaseHTTPRequestHandler):
        def log_message(self, *arguments):
            pass

        def do_HEAD(self):
            head(self, data, steps[0])

        def do_GET(self):
            asked.append(self.headers.get("Range"))
            step = steps.pop(0) if len(steps) > 1 else steps[0]
            answer(self, data, step)

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = False
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/tiny.tar.gz", asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def head(handler, data, step):
    if isinstance(step, int):
        return handler.send_error(step)
    handler.send_response(200)
    if step != "no-length":
        handler.send_header("Content-Length", str(len(data)))
    handler.end_headers()
    return None


def answer(handler, data, step):
    wanted = handler.headers.get("Range")
    start = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted and step != "no-range" else 0
    if isinstance(step, int):
        return handler.send_error(step)
    if start >= len(data):
        return handler.send_error(416)
    body = bytes(len(data)) if step == "other" else data
    stated = start + 1 if step == "lie" else start
    handler.send_response(206 if start else 200)
    if start:
        handler.send_header("Content-Range", f"bytes {stated}-{len(data) - 1}/{len(data)}")
    if step == "endless":
        handler.end_headers()
        with contextlib.suppress(OSError):
            handler.wfile.write(body[start:] + bytes(1 << 20))
        return None
    handler.send_header("Content-Length", str(len(body) - start))
    handler.end_headers()
    end = start + step[1] if isinstance(step, tuple) else len(body)
    handler.wfile.write(body[start:end])
    return None
