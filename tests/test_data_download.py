"""Downloads from a real server on this machine: cut, resumed, lied to; nothing wrong ever gets its name."""

import io
import threading

import numpy as np
import pytest
from data_support import described, serving

from gpc.data.real import download

DATA = np.random.default_rng(0).integers(0, 256, 700_000, dtype=np.uint8).tobytes()


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch):
    monkeypatch.setenv("no_proxy", "*")


def fetched(address, path, said=None):
    said = [] if said is None else said
    say = lambda done, total: said.append((done, total))  # noqa: E731
    return download.fetch(described("tiny.tar.gz", DATA, address=address), path, say=say, wait_s=0.0)


def left(folder):
    return sorted(path.name for path in folder.iterdir())


def test_whole(tmp_path):
    said = []
    with serving(DATA, "whole") as (address, asked):
        path = fetched(address, tmp_path / "deep" / "tiny.tar.gz", said)
    assert path.read_bytes() == DATA and asked == [None] and left(path.parent) == ["tiny.tar.gz"]
    assert said[-1] == (len(DATA), len(DATA)) and [done for done, _ in said] == sorted(
        done for done, _ in said
    )


def test_cut_twice_is_continued_where_it_was_cut(tmp_path):
    with serving(DATA, ("cut", 300_000), ("cut", 1000), "whole") as (address, asked):
        fetched(address, tmp_path / "tiny.tar.gz")
    assert asked == [None, "bytes=300000-", "bytes=301000-"]
    assert (tmp_path / "tiny.tar.gz").read_bytes() == DATA and left(tmp_path) == ["tiny.tar.gz"]


def test_a_later_run_continues(tmp_path):
    with serving(DATA, ("cut", 123_456), ("cut", 0)) as (address, _):
        with pytest.raises(
            FileNotFoundError, match=r"cut; 123,456 of 700,000 bytes are kept in .*tiny.tar.gz.part"
        ):
            fetched(address, tmp_path / "tiny.tar.gz")
    assert left(tmp_path) == ["tiny.tar.gz.part"]
    with serving(DATA, "whole") as (address, asked):
        fetched(address, tmp_path / "tiny.tar.gz")
    assert asked == ["bytes=123456-"] and left(tmp_path) == ["tiny.tar.gz"]


def test_a_server_without_ranges_starts_again(tmp_path):
    with serving(DATA, ("cut", 5000), "no-range") as (address, asked):
        fetched(address, tmp_path / "tiny.tar.gz")
    assert asked == [None, "bytes=5000-"] and (tmp_path / "tiny.tar.gz").read_bytes() == DATA


def test_an_old_part_of_another_file_is_thrown_away_and_fetched_again(tmp_path):
    (tmp_path / "tiny.tar.gz.part").write_bytes(b"something else")
    with serving(DATA, "whole") as (address, asked):
        fetched(address, tmp_path / "tiny.tar.gz")
    assert asked == ["bytes=14-", None] and (tmp_path / "tiny.tar.gz").read_bytes() == DATA


def test_a_part_longer_than_the_file_is_thrown_away(tmp_path):
    (tmp_path / "tiny.tar.gz.part").write_bytes(bytes(len(DATA) + 5))
    with serving(DATA, "whole") as (address, asked):
        fetched(address, tmp_path / "tiny.tar.gz")
    assert asked == [None] and (tmp_path / "tiny.tar.gz").read_bytes() == DATA


@pytest.mark.parametrize(
    ("plan", "words"),
    [
        (
            ("other",),
            "what came is not the official file .*SHA256 [0-9a-f]{64}, the official file has [0-9a-f]{64}",
        ),
        ((("cut", 9000), "lie"), "asked from byte 9000 of 700000, the server sends 'bytes 9001-"),
        (("endless",), "sends more than the 700,000 bytes of the official file"),
    ],
)
def test_lies_are_refused_and_nothing_is_left(tmp_path, plan, words):
    with serving(DATA, *plan) as (address, _):
        with pytest.raises(ValueError, match=words):
            fetched(address, tmp_path / "tiny.tar.gz")
    assert left(tmp_path) == []


def test_404_is_said_at_once(tmp_path):
    with serving(DATA, 404) as (address, asked):
        with pytest.raises(FileNotFoundError, match="http://127.*: the server answered 404"):
            fetched(address, tmp_path / "tiny.tar.gz")
    assert len(asked) == 1 and left(tmp_path) == []


def test_a_busy_server_is_asked_again(tmp_path):
    with serving(DATA, 503, 503, "whole") as (address, asked):
        fetched(address, tmp_path / "tiny.tar.gz")
    assert len(asked) == 3


def test_nobody_there(tmp_path):
    with serving(DATA, "whole") as (address, _):
        pass
    with pytest.raises(FileNotFoundError, match="could not be read .*refused"):
        fetched(address, tmp_path / "tiny.tar.gz")


def test_two_at_once_download_once(tmp_path):
    pytest.importorskip("fcntl")
    with serving(DATA, "whole") as (address, asked):
        threads = [
            threading.Thread(target=fetched, args=(address, tmp_path / "tiny.tar.gz")) for _ in range(3)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(asked) == 1 and left(tmp_path) == ["tiny.tar.gz"]


def test_progress_is_one_moving_line_on_a_terminal_and_quarters_elsewhere():
    plain, terminal = io.StringIO(), io.StringIO()
    terminal.isatty = lambda: True
    for stream in (plain, terminal):
        say = download.progress_line("tiny", stream)
        for done in range(0, 1001, 10):
            say(done * 10_000, 10_000_000)
    assert plain.getvalue().splitlines()[-1] == "tiny: 10.0 of 10.0 MB" and plain.getvalue().count("\n") == 5
    assert terminal.getvalue().count("\r") == 101 and terminal.getvalue().count("\n") == 1
