"""Official files in small: read where they lie, unpacked once; hostile and broken ones refused, nothing
unpacked or run.
"""

import gzip
import io
import os
import pickle
import pickletools
import tarfile
from dataclasses import replace

import numpy as np
import pytest
from data_support import (
    array,
    described,
    dictionary,
    idx,
    numbers,
    packed,
    serving,
    source_of,
    string,
    tiny_cifar,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from gpc.data import load, real
from gpc.data.real import idx as idx_reader
from gpc.data.real import pickles


@pytest.fixture
def tiny(tmp_path):
    """(source, its files, its pixels, a folder)"""
    return *tiny_cifar(), tmp_path / "data"


def place(folder, files):
    folder.mkdir(parents=True)
    for name, data in files.items():
        (folder / name).write_bytes(data)


def everything(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def is_right(found, pixels):
    (images, labels), (test_images, test_labels), classes = found
    expected = [one.reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1) for one in pixels]
    np.testing.assert_array_equal(images, np.concatenate(expected[:-1]))
    np.testing.assert_array_equal(test_images, expected[-1])
    assert list(labels) == [0, 1] * 6 and list(test_labels) == [0, 1, 0, 1] and classes == ("ant", "bee")


def test_read_from_the_unpacked_folder(tiny):
    source, files, pixels, folder = tiny
    place(folder / source.folder, files)
    is_right(real.read(source, folder), pixels)


def test_read_from_the_archive_and_unpacked_once(tiny):
    source, files, pixels, folder = tiny
    place(folder, {"tiny.tar.gz": packed(files)})
    source = replace(source, archive=described("tiny.tar.gz", (folder / "tiny.tar.gz").read_bytes()))
    is_right(real.read(source, folder), pixels)
    assert {path.name: path.read_bytes() for path in (folder / source.folder).iterdir()} == files
    (folder / "tiny.tar.gz").unlink()
    is_right(real.read(source, folder), pixels)


def test_downloaded_checked_and_read(tiny, monkeypatch):
    monkeypatch.setenv("no_proxy", "*")
    source, files, pixels, folder = tiny
    data = packed(files)
    with serving(data, ("cut", len(data) // 2), "whole") as (address, _):
        found = real.read(replace(source, archive=described("tiny.tar.gz", data, address=address)), folder)
    is_right(found, pixels)
    assert sorted(path.name for path in folder.iterdir()) == ["tiny-batches", "tiny.tar.gz"]


def test_gpc_data_and_the_users_cache(monkeypatch, tmp_path):
    monkeypatch.setenv("GPC_DATA", str(tmp_path))
    assert real.home() == tmp_path and real.home("other").name == "other"
    monkeypatch.delenv("GPC_DATA")
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert real.home() == tmp_path / "cache" / "gpc"
    monkeypatch.setenv("GPC_DATA", "   ")
    assert real.home() == tmp_path / "cache" / "gpc"


def test_gpc_data_that_is_a_file_is_told_so(monkeypatch, tmp_path):
    file = tmp_path / "data"
    file.write_text("no folder")
    for path in (file, file / "deeper"):
        monkeypatch.setenv("GPC_DATA", str(path))
        with pytest.raises(NotADirectoryError, match=f"GPC_DATA={path} is no folder: {file} is a file"):
            load("cifar10")
    with pytest.raises(NotADirectoryError, match="folder=.*data is no folder.*nearest"):
        load("oxford_pets", folder=file)


def test_offline_says_which_address_which_sum_and_what_to_do(tiny, monkeypatch):
    monkeypatch.setenv("no_proxy", "*")
    source, _, _, folder = tiny
    with serving(b"", 404) as (address, _):
        archive = replace(source.archive, address=address)
        with pytest.raises(FileNotFoundError) as caught:
            real.read(replace(source, archive=archive), folder)
    for needed in (
        address,
        archive.sha256,
        f"{archive.bytes:,} bytes",
        str(folder),
        "GPC_DATA",
        "'digits', 'leaves'",
    ):
        assert needed in str(caught.value)


@pytest.mark.parametrize("damage", [lambda data: data[:-1], lambda data: data[:40] + b"\0" + data[41:]])
def test_a_damaged_file_is_named_with_what_it_should_be(tiny, damage):
    source, files, _, folder = tiny
    place(folder / source.folder, {**files, "data_batch_2": damage(files["data_batch_2"])})
    with pytest.raises(
        ValueError, match=r"data_batch_2: (MD5 [0-9a-f]{32}|[\d,]+ bytes), the official file has"
    ):
        real.read(source, folder)


def entry(name, kind=tarfile.REGTYPE, link=""):
    made = tarfile.TarInfo(name)
    made.type, made.linkname = kind, link
    return made


HOSTILE = {
    "path upwards": (entry("tiny-batches/../../escaped"), b"x"),
    "absolute path": (entry("/tmp/escaped"), b"x"),
    "other folder": (entry("escaped/file"), b"x"),
    "windows path": (entry("tiny-batches/..\\escaped"), b"x"),
    "drive": (entry("tiny-batches/C:escaped"), b"x"),
    "symlink": (entry("tiny-batches/link", tarfile.SYMTYPE, "/etc/passwd"), b""),
    "hard link": (entry("tiny-batches/link", tarfile.LNKTYPE, "tiny-batches/data_batch_1"), b""),
    "device": (entry("tiny-batches/device", tarfile.CHRTYPE), b""),
    "pipe": (entry("tiny-batches/pipe", tarfile.FIFOTYPE), b""),
    "member twice": (entry("tiny-batches/test_batch"), b"other"),
}


@pytest.mark.parametrize("what", HOSTILE)
def test_hostile_archives_are_refused_with_nothing_unpacked(tiny, tmp_path, what):
    """Even when the archive's own sum is right, as it would be if the table were wrong."""
    source, files, _, folder = tiny
    data = packed(files, extra=[HOSTILE[what]])
    place(folder, {"tiny.tar.gz": data})
    with pytest.raises(ValueError, match="nothing was unpacked"):
        real.read(replace(source, archive=described("tiny.tar.gz", data)), folder)
    assert everything(tmp_path) == ["data", "data/tiny.tar.gz"]


def bomb(files):
    return packed(files, extra=[(entry("tiny-batches/zeros"), bytes(3 << 20))])


BROKEN = {
    "bomb": (bomb, "unpacks to more than"),
    "member missing": (lambda files: packed({"data_batch_1": files["data_batch_1"]}), "lacks .*test_batch"),
    "member changed": (
        lambda files: packed({**files, "test_batch": files["test_batch"][::-1]}),
        "test_batch: MD5",
    ),
    "member longer": (
        lambda files: packed({**files, "test_batch": files["test_batch"] + b"."}),
        "test_batch: .* bytes",
    ),
    "gzip cut": (lambda files: packed(files)[:-30], "not a whole gzip file"),
    "tar cut": (lambda files: gzip.compress(gzip.decompress(packed(files))[:5000]), "lacks|not a whole tar"),
    "no gzip": (lambda files: b"<html>sign in to continue</html>" * 40, "not a whole gzip file"),
    "no tar": (lambda files: gzip.compress(b"text" * 5000), "not a whole tar file"),
}


@pytest.mark.parametrize("what", BROKEN)
def test_broken_archives_are_refused_with_nothing_unpacked(tiny, tmp_path, what):
    source, files, _, folder = tiny
    make, words = BROKEN[what]
    data = make(files)
    place(folder, {"tiny.tar.gz": data})
    with pytest.raises(ValueError, match=words):
        real.read(replace(source, archive=described("tiny.tar.gz", data)), folder)
    assert everything(tmp_path) == ["data", "data/tiny.tar.gz"]


def test_an_archive_of_another_sum_is_not_even_opened(tiny, monkeypatch):
    source, files, _, folder = tiny
    data = packed(files)
    place(folder, {"tiny.tar.gz": data[:-1] + b"!"})
    monkeypatch.setattr("tarfile.open", None)
    with pytest.raises(ValueError, match="SHA256 .* the official file has"):
        real.read(replace(source, archive=described("tiny.tar.gz", data)), folder)


def test_a_folder_that_cannot_be_written_is_read_all_the_same(tiny, monkeypatch):
    source, files, pixels, folder = tiny
    data = packed(files)
    place(folder, {"tiny.tar.gz": data})

    def refuse(*arguments, **options):
        raise PermissionError("read-only")

    monkeypatch.setattr("tempfile.mkdtemp", refuse)
    is_right(real.read(replace(source, archive=described("tiny.tar.gz", data)), folder), pixels)
    assert everything(folder) == ["tiny.tar.gz"]


class Runs:
    """Unpickled by pickle.load, this writes a file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.system, (f"echo run > {self.path}",)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_pickle_that_runs_a_command_is_refused_and_does_not_run(tmp_path, protocol):
    marker = tmp_path / "run"
    hostile = pickle.dumps({"data": Runs(marker)}, protocol)
    with pytest.raises(ValueError, match="which no official file does; nothing was run"):
        pickles.read(hostile, name="data_batch_1")
    assert not marker.exists()
    pickle.loads(hostile)  # the danger is real
    assert marker.exists()


RECONSTRUCT = b"cnumpy.core.multiarray\n_reconstruct\n"
FOUR = array(np.zeros(4, np.uint8))
FORGED = {
    "eval": (b"\x80\x02}(U\x01dcbuiltins\neval\nU\x011\x85Ru.", "asks for 'builtins eval'"),
    "objects": (dictionary(data=FOUR.replace(b"U\x02u1", b"U\x02O8")), "calls 'numpy dtype' in a way"),
    "other state": (dictionary(data=FOUR.replace(b"U\x01|", b"U\x01>")), "number other than bytes"),
    "by columns": (dictionary(data=FOUR.replace(b"\x89", b"N")), "an array no official file has"),
    "another class": (
        dictionary(data=RECONSTRUCT + b"cnumpy\ndtype\nK\x00\x85U\x01b\x87R"),
        "_reconstruct' in a way",
    ),
    "calls ndarray": (dictionary(data=b"cnumpy\nndarray\nK\x00\x85R"), "calls 'numpy ndarray' in a way"),
    "calls a string": (dictionary(data=b"U\x01aK\x00\x85R"), "calls 'a' in a way"),
    "refers back": (b"\x80\x02}q\x01(U\x01dh\x01u.", "uses opcode BINGET"),
    "persistent": (b"\x80\x02}(U\x01dPhere\nu.", "uses opcode PERSID"),
    "extension": (b"\x80\x02}(U\x01d\x82\x01u.", "uses opcode EXT1"),
    "other length": (dictionary(data=FOUR.replace(b"M\x04\x00", b"M\x05\x00")), r"shape \(5,\) in 4 bytes"),
    "negative shape": (dictionary(data=FOUR.replace(b"M\x04\x00", b"J\xfc\xff\xff\xff")), r"shape \(-4,\)"),
    "not a dictionary": (b"\x80\x02](K\x01e.", "not one dictionary"),
    "two dictionaries": (b"\x80\x02}}.", "not one dictionary"),
    "after the end": (b"\x80\x02}.}.", "not one dictionary"),
    "no end": (b"\x80\x02}", "broken or not a CIFAR file"),
    "nothing": (b"", "broken or not a CIFAR file"),
}


def test_the_array_that_the_forgeries_change_is_itself_read():
    assert pickles.read(dictionary(data=FOUR))["data"].tolist() == [0, 0, 0, 0]


@pytest.mark.parametrize("what", FORGED)
def test_forged_pickles_are_refused(what):
    data, words = FORGED[what]
    with pytest.raises(ValueError, match=f"^batch: .*{words}.*nothing was run$"):
        pickles.read(data, name="batch")


def test_the_reader_agrees_with_pickle_on_what_it_reads():
    held = dictionary(data=array(np.arange(6, dtype=np.uint8)), labels=numbers([4, 2]), name=string(b"bee"))
    ours, theirs = pickles.read(held), pickle.loads(held, encoding="latin1")
    np.testing.assert_array_equal(ours.pop("data"), theirs.pop("data"))
    assert ours == theirs == {"labels": [4, 2], "name": "bee"}


def test_every_beginning_of_a_file_is_refused():
    whole = tiny_cifar(counts=(1, 1))[1]["data_batch_1"]
    for end in [*range(0, 200), len(whole) // 2, *range(len(whole) - 60, len(whole))]:
        with pytest.raises(ValueError, match="nothing was run"):
            pickles.read(whole[:end])


SMALL = dictionary(
    data=array(np.arange(12, dtype=np.uint8)), labels=numbers([1, 0]), label_names=b"](" + string(b"a") + b"e"
)


@settings(max_examples=400, deadline=None)
@given(st.lists(st.tuples(st.integers(0, len(SMALL) - 1), st.integers(0, 255)), min_size=1, max_size=6))
def test_whatever_byte_is_wrong_the_reader_raises_value_error_or_reads_plain_data(changes):
    held = bytearray(SMALL)
    for place_, value in changes:
        held[place_] = value
    try:
        found = pickles.read(bytes(held))
    except ValueError:
        return
    plain = (str, int, list, tuple, dict, type(None), bool, np.ndarray)
    assert all(isinstance(value, plain) for value in found.values())


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.sampled_from([opcode.code.encode("latin-1") for opcode in pickletools.opcodes]), max_size=30)
)
def test_programs_of_random_opcodes_are_refused_or_harmless(codes):
    try:
        pickles.read(b"\x80\x02}" + b"".join(codes) + b".")
    except ValueError as error:
        assert "nothing was run" in str(error)


BATCHES = {
    "labels too large": ({"labels": numbers([0, 1, 2, 0, 1, 0])}, "labels 0…2 do not fit 2 classes"),
    "labels too few": ({"labels": numbers([0, 1])}, "needs 6 integer labels"),
    "labels that are text": ({"labels": b"](" + string(b"a") * 6 + b"e"}, "needs 6 integer labels"),
    "no labels": ({"labels": string(b"none")}, "needs 6 integer labels"),
    "pixels of another shape": ({"data": array(np.zeros((6, 3000), np.uint8))}, r"pixels are \(6, 3000\)"),
    "no pixels": ({"data": string(b"none")}, "pixels are None"),
}


@pytest.mark.parametrize("what", BATCHES)
def test_cifar_files_with_the_right_sum_and_the_wrong_content(tiny, what):
    source, files, _, folder = tiny
    change, words = BATCHES[what]
    content = {"data": array(np.zeros((6, 3072), np.uint8)), "labels": numbers([0] * 6)}
    files = {**files, "data_batch_1": dictionary(**{**content, **change})}
    place(folder / source.folder, files)
    members = tuple(described(name, data) for name, data in files.items())
    with pytest.raises(ValueError, match=f"data_batch_1: .*{words}"):
        real.read(replace(source, members=members), folder)


def fashion(counts=(5, 2)):
    random = np.random.default_rng(1)
    arrays = [random.integers(0, 10, shape, dtype=np.uint8) for n in counts for shape in ((n, 28, 28), (n,))]
    names = [
        f"{kind}-{what}-ubyte.gz" for kind in ("train", "t10k") for what in ("images-idx3", "labels-idx1")
    ]
    files = {name: idx(values) for name, values in zip(names, arrays)}
    members = tuple(described(name, data) for name, data in files.items())
    return source_of(members, archive=None, shapes=tuple(one.shape for one in arrays)), files, arrays


@pytest.mark.parametrize("inside", ["tiny-batches", "."])
def test_fashion_files_are_read_in_their_folder_or_beside(tmp_path, inside):
    source, files, arrays = fashion()
    place(tmp_path / "data" / inside, files) if inside != "." else place(tmp_path / "data", files)
    (images, labels), (test_images, test_labels), classes = real.read(source, tmp_path / "data")
    for found, expected in zip((images[..., 0], labels, test_images[..., 0], test_labels), arrays):
        np.testing.assert_array_equal(found, expected)
    assert len(classes) == 10 and labels.dtype == np.int64


VALUES = np.arange(12, dtype=np.uint8).reshape(3, 4)
WRONG_IDX = {
    "shape": (idx(VALUES.reshape(4, 3)), "its header is"),
    "axes": (idx(VALUES.ravel()), "its header is"),
    "type": (gzip.compress(bytes([0, 0, 9, 2]) + bytes(20)), "its header is"),
    "short": (gzip.compress(gzip.decompress(idx(VALUES))[:-1]), "unpacks to 23 bytes, shape .* needs 24"),
    "long": (gzip.compress(gzip.decompress(idx(VALUES)) + b"\0"), "unpacks to more than 24 bytes"),
    "cut": (idx(VALUES)[:-6], "not a whole gzip file"),
    "no gzip": (b"\0" * 50, "not a whole gzip file"),
    "empty": (b"", "its header is"),
}


@pytest.mark.parametrize("what", WRONG_IDX)
def test_wrong_idx_files_are_refused(what):
    data, words = WRONG_IDX[what]
    with pytest.raises(ValueError, match=f"^labels: .*{words}"):
        idx_reader.read(data, (3, 4), name="labels")


def test_an_idx_bomb_is_not_unpacked(monkeypatch):
    """64 MB of zeros in 64 kB: no more than the shape needs, and one byte, is ever asked for."""
    asked = []
    read = gzip.GzipFile.read
    monkeypatch.setattr(gzip.GzipFile, "read", lambda self, size=-1: asked.append(size) or read(self, size))
    header = gzip.decompress(idx(VALUES))
    packed_zeros = io.BytesIO()
    with gzip.open(packed_zeros, "wb") as stream:
        stream.write(header + bytes(64 << 20))
    with pytest.raises(ValueError, match="more than 24 bytes"):
        idx_reader.read(packed_zeros.getvalue(), (3, 4))
    assert asked == [25]
