"""A run killed at any moment ends with the numbers of one that was not: bit for bit, weights included."""

import errno
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from train_support import KILLED, RECIPE, data, model

from gpc.train import fit, records, training


class Killed(BaseException):
    """Stands for a kill: no `except Exception` of anybody's sees it."""


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The run nobody disturbed."""
    return trained(tmp_path_factory.mktemp("whole"))


def trained(folder, **changes):
    lines = []
    options = {"seed": 3, "checkpoint_steps": 2, "on_epoch": lines.append, **changes}
    run = fit(model, data(), RECIPE, folder=folder, **options)
    return run, lines


def saved(folder):
    """Checkpoints, the newest last."""
    return sorted(folder.glob("checkpoint-*.npz"))


def assert_same(run, whole):
    assert records.numbers(run.record) == records.numbers(whole.record)
    for mine, theirs in zip(run.model.weights, whole.model.weights, strict=True):
        np.testing.assert_array_equal(np.asarray(mine), np.asarray(theirs))


def killing(monkeypatch, at):
    """The `at`-th flush to disk from now on is the moment of death."""
    calls, real = [], os.fsync

    def fsync(handle):
        calls.append(handle)
        if len(calls) == at:
            raise Killed
        real(handle)

    monkeypatch.setattr(os, "fsync", fsync)


@pytest.mark.parametrize("moments", [(1, 2), (5, 14), (9, 3, 8)])
def test_killed_while_a_checkpoint_is_written(tmp_path, monkeypatch, whole, moments):
    for at in moments:
        with monkeypatch.context() as patch, pytest.raises(Killed):
            killing(patch, at)
            trained(tmp_path)
    run, lines = trained(tmp_path)
    assert_same(run, whole[0])
    assert run.record["test_openings"] == 1
    assert 0 < run.record["resumed"] <= len(moments)
    assert lines[0].startswith("resumed after")


def test_killed_around_the_test_split(tmp_path, monkeypatch, whole):
    real = training.Training._evaluate

    def evaluate(self, split):
        if len(split) == 30:
            raise Killed
        return real(self, split)

    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(training.Training, "_evaluate", evaluate)
        trained(tmp_path)
    run, _ = trained(tmp_path)
    assert_same(run, whole[0])
    assert run.record["test_openings"] == 2, "the opening that the kill cut short counts"


def test_a_finished_run_asked_for_again_is_not_run_again(tmp_path):
    first, _ = trained(tmp_path)
    sealed = data()
    again = fit(model, sealed, RECIPE, seed=3, folder=tmp_path, on_epoch=None)
    assert_same(again, first)
    assert sealed.test_openings == 0
    assert again.record == first.record


def test_the_test_split_left_shut_is_opened_when_it_is_asked_for(tmp_path, whole):
    run, _ = trained(tmp_path, test=False)
    assert run.metrics["test"] is None and run.record["test_openings"] == 0
    run, lines = trained(tmp_path, records=tmp_path / "records")
    assert_same(run, whole[0])
    assert run.record["test_openings"] == 1 and [line.split(":")[0] for line in lines] == ["finished"]
    assert records.read(run.path) == records.read(tmp_path / "record.json") == run.record
    run, lines = trained(tmp_path)
    assert run.record["test_openings"] == 1 and lines == []


def test_pauses_change_nothing(tmp_path, whole):
    for step in range(1, 4):
        run, lines = trained(tmp_path, minutes=0)
        assert (run.status, run.record, run.metrics) == ("paused", None, {})
        assert lines[-1].startswith("paused: ")
        assert saved(tmp_path)[-1].name == f"checkpoint-{step:09d}.npz"
    assert_same(trained(tmp_path)[0], whole[0])


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_saves_first(tmp_path, whole, number):
    before = signal.getsignal(number)
    with pytest.raises(KeyboardInterrupt, match="checkpoint is in"):
        trained(tmp_path, on_epoch=lambda line: os.kill(os.getpid(), number))
    assert signal.getsignal(number) is before
    assert_same(trained(tmp_path)[0], whole[0])


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_in_the_last_step_ends_what_called_too(tmp_path, whole, number):
    """The run is over and kept; a plan must not go on to its next one."""

    def told(line):
        if line.startswith(f"epoch {len(whole[0].history)}/"):
            os.kill(os.getpid(), number)

    with pytest.raises(KeyboardInterrupt, match="stopped by"):
        trained(tmp_path, on_epoch=told)
    run, lines = trained(tmp_path)
    assert_same(run, whole[0])
    assert run.record["test_openings"] == 1 and lines == []  # nothing was trained, nothing opened again


def test_a_signal_saves_first_where_nothing_can_be_said(tmp_path, whole, monkeypatch):
    """As in IDLE on Windows, which has no standard error of the system's."""

    def write(handle, text):
        raise OSError(errno.EBADF, "Bad file descriptor")

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt, match="checkpoint is in"):
        patch.setattr(os, "write", write)
        trained(tmp_path, on_epoch=lambda line: os.kill(os.getpid(), signal.SIGINT))
    assert_same(trained(tmp_path)[0], whole[0])


def test_a_damaged_newest_checkpoint_falls_back(tmp_path, monkeypatch, whole):
    with monkeypatch.context() as patch, pytest.raises(Killed):
        killing(patch, 14)
        trained(tmp_path)
    newest = saved(tmp_path)[-1]
    content = bytearray(newest.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 300] = bytes(300)  # more than the header of one array, which no sum covers
    newest.write_bytes(content)
    run, lines = trained(tmp_path)
    assert lines[0].startswith(f"warning: {newest.name} ") and "falling back" in lines[0]
    assert_same(run, whole[0])


def test_all_damaged_starts_anew(tmp_path, monkeypatch, whole):
    with monkeypatch.context() as patch, pytest.raises(Killed):
        killing(patch, 9)
        trained(tmp_path)
    for path in tmp_path.glob("checkpoint-*.npz"):
        path.write_bytes(path.read_bytes()[:-100])
    run, lines = trained(tmp_path)
    assert "starting anew" in lines[1]
    assert_same(run, whole[0])


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"seed": 4}, "seed is 3 there, 4 here"),
        ({"recipe": RECIPE.but(epochs=4)}, "recipe.epochs is 3 there, 4 here"),
        ({"model": lambda: model(width=13)}, "model is"),
        ({"model": lambda: model(rate=0.4)}, "model is"),
        ({"data": lambda: data(seed=1)}, "data.fingerprint is"),
    ],
)
def test_another_run_is_refused_with_what_differs(whole, changes, told):
    folder = whole[0].path.parent
    given = {"model": model, "recipe": RECIPE, "seed": 3, **changes}
    sets = given.pop("data")() if "data" in given else data()
    with pytest.raises(ValueError, match=told):
        fit(given.pop("model"), sets, given.pop("recipe"), folder=folder, on_epoch=None, **given)


def test_resume_false_begins_anew(tmp_path, monkeypatch, whole):
    with monkeypatch.context() as patch, pytest.raises(Killed):
        killing(patch, 9)
        trained(tmp_path)
    run, lines = trained(tmp_path, resume=False)
    assert lines[0].startswith("epoch 1/3") and run.record["resumed"] == 0
    assert_same(run, whole[0])


# One process imports everything and computes nothing; each run is a fork of it, killed without warning. The
# last one may end. Starting Python anew twenty times would be most of the time.
MOTHER = """
import json, os, random, signal, sys, time
from pathlib import Path
sys.path.insert(0, {tests!r})
import numpy as np
from train_support import KILLED, data, model
from gpc.train import fit
import gpc.train._keras, gpc.train.machine

folder, draw, ends = Path(sys.argv[1]), random.Random(7), []
digits = data()

def run():
    done = fit(model, digits, KILLED, seed=5, folder=folder, checkpoint_steps=1, on_epoch=None)
    np.savez(folder / "final.npz", *map(np.asarray, done.model.weights))

def wait(process):
    new, seconds = draw.choice([0, 1, 2, 3]), draw.random()
    if new == 0:
        time.sleep(seconds)  # while it starts, is built, reads its checkpoint
        return
    seen = set(folder.glob("checkpoint-*"))
    last = len(seen) + new
    while len(seen) < last and os.waitid(os.P_PID, process, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
        seen |= set(folder.glob("checkpoint-*"))
        time.sleep(0.0005)
    time.sleep(seconds / 100)  # while it computes, or writes the next one

for kill in range(21):
    process = os.fork()
    if not process:
        try:
            run()
        except BaseException:
            import traceback
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    if kill < 20:
        wait(process)
        os.kill(process, signal.SIGKILL)
    ends.append(os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]))
print(json.dumps(ends))
"""


def test_kill_minus_nine_at_twenty_moments(tmp_path):
    script = MOTHER.format(tests=str(Path(__file__).parent))
    command = [sys.executable, "-c", script, str(tmp_path)]
    mother = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    smooth = fit(model, data(), KILLED, seed=5, on_epoch=None)
    told, errors = mother.communicate(timeout=400)
    assert mother.returncode == 0, errors[-2000:]
    assert json.loads(told.splitlines()[-1]) == [-signal.SIGKILL] * 20 + [0], errors[-2000:]
    record = records.read(tmp_path / "record.json")
    assert json.dumps(records.numbers(record)) == json.dumps(records.numbers(smooth.record))
    assert 10 <= record["resumed"] <= 20  # a kill before anything was saved is no resumption
    with np.load(tmp_path / "final.npz") as weights:
        for name, variable in zip(weights.files, smooth.model.weights, strict=True):
            np.testing.assert_array_equal(weights[name], np.asarray(variable))
