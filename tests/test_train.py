"""A run: it learns, says what it did, opens the test split once, and ends clearly when something goes
wrong."""

import contextlib
import errno
import os
import shutil
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
from train_support import RECIPE, data, model

import gpc
from gpc._files import save_atomically, write_atomically
from gpc.train import Diverged, Recipe, checkpoints, fit, records, setup, state
from gpc.train.checkpoints import Broken, Checkpoints
from gpc.train.terminal import Bar

QUICK = Recipe("fast", epochs=2, batch_size=25, learning_rate=0.01)
ACCURATE = Recipe("accurate", epochs=12, batch_size=32, learning_rate=0.01, schedule="one-cycle")


def linear():
    return keras.Sequential(
        [keras.layers.Input((8, 8, 1)), keras.layers.Flatten(), keras.layers.Dense(10)], name="linear"
    )


@pytest.fixture(scope="module")
def digits():
    return gpc.data.load("digits")


@pytest.fixture(scope="module")
def learned(digits, tmp_path_factory):
    lines = []
    folder = tmp_path_factory.mktemp("records")
    run = fit(
        lambda: model(64, 0.1), digits, ACCURATE, on_epoch=lines.append, experiment="01 x", records=folder
    )
    return run, lines


def test_it_learns(learned):
    run, _ = learned
    assert run.status == "finished"
    assert run.metrics["test"]["accuracy"] > 0.9
    assert run.history[-1]["accuracy"] > run.history[0]["accuracy"]


def test_the_model_it_returns_has_the_selected_weights(learned, digits):
    run, _ = learned
    images = digits.validation.images.astype(np.float32) / 255
    found = np.asarray(run.model.predict(images, verbose=0)).argmax(-1)
    accuracy = float(np.mean(found == digits.validation.labels))
    assert accuracy == pytest.approx(run.metrics["val"]["accuracy"], abs=1e-6)
    assert run.metrics["val"]["accuracy"] == max(row["val_accuracy"] for row in run.history)


def test_the_model_it_returns_is_saved_without_anything_of_ours(learned, tmp_path):
    run, _ = learned
    run.model.save(tmp_path / "model.keras")
    script = (
        "import sys, numpy, keras\n"
        "model = keras.saving.load_model(sys.argv[1])\n"
        "numpy.save(sys.argv[2], model.predict(numpy.zeros((1, 8, 8, 1), 'float32'), verbose=0))\n"
        "assert 'gpc' not in sys.modules"
    )
    places = tmp_path / "model.keras", tmp_path / "out.npy"
    done = subprocess.run([sys.executable, "-c", script, *map(str, places)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    mine = run.model.predict(np.zeros((1, 8, 8, 1), np.float32), verbose=0)
    np.testing.assert_allclose(np.load(places[1]), mine, rtol=1e-5)


def test_one_line_an_epoch_with_its_numbers(learned):
    run, lines = learned
    assert [line.row["epoch"] for line in lines[:-1]] == list(range(1, 13))
    assert lines[0].startswith("epoch  1/12  lr ") and "left" in lines[0] and "left" not in lines[11]
    assert lines[-1].startswith("finished: epoch ")
    assert tuple(line.row for line in lines[:-1]) == run.history


def test_the_record(learned, digits):
    run, _ = learned
    assert run.path.name == "01-x--small--digits--0.json"
    record = records.read(run.path)
    assert record == run.record
    assert record["test_openings"] == digits.test_openings == 1
    assert record["dataset"]["fingerprint"] == digits.fingerprint
    assert record["model"]["parameters"] == run.model.count_params()
    assert record["model"]["macs"] == 64 * 64 + 64 * 10
    assert record["recipe"] == ACCURATE.as_dict()
    assert record["versions"]["backend"] == keras.backend.backend()
    assert record["wall_seconds"] >= sum(row["seconds"] for row in run.history)
    assert record["resumed"] == 0 and record["device"]["cores"] >= 1


def test_test_false_leaves_the_door_shut(digits):
    before = digits.test_openings
    run = fit(linear, digits, QUICK, on_epoch=None, test=False)
    assert digits.test_openings == before
    assert run.metrics["test"] is None and run.record["test_openings"] == 0


def test_a_model_is_trained_in_place_and_last_keeps_the_last_weights():
    mine = linear()
    run = fit(mine, data(), QUICK.but(select="last"), on_epoch=None)
    assert run.model is mine
    assert run.metrics["best_epoch"] == 2
    assert run.record["model"]["initial"] == "given"


def test_the_same_seed_is_the_same_run_and_another_is_not():
    runs = [fit(model, data(), RECIPE, seed=seed, on_epoch=None) for seed in (1, 1, 2)]
    numbers = [records.numbers(run.record) for run in runs]
    assert numbers[0] == numbers[1]
    assert numbers[0]["curve"] != numbers[2]["curve"]


def test_subset_trains_on_part(digits):
    run = fit(linear, digits, QUICK.but(subset=0.1), on_epoch=None, test=False)
    assert run.record["dataset"]["train"] == round(0.1 * len(digits.train))


def test_size_brings_images_to_the_model():
    run = fit(dense((16, 16, 1)), data(), QUICK.but(size=16, epochs=1), on_epoch=None)
    assert run.record["dataset"]["input_shape"] == [8, 8, 1] and run.record["model"]["macs"] == 256 * 10


def test_selection_by_loss():
    by_loss = QUICK.but(select="best-validation-loss", epochs=4)
    run = fit(linear, data(), by_loss, on_epoch=None)
    losses = [row["val_loss"] for row in run.history]
    assert run.metrics["best_epoch"] == 1 + losses.index(min(losses))


# -- what does not fit


def dense(shape, classes=10, activation=None):
    """A builder of Flatten and Dense for images of this shape."""
    ends = [keras.layers.Flatten(), keras.layers.Dense(classes, activation=activation)]
    return lambda: keras.Sequential([keras.layers.Input(shape), *ends] if shape else ends)


@pytest.mark.parametrize(
    ("built", "told"),
    [
        (dense((9, 9, 1)), r"takes images of \(9, 9, 1\); digits has \(8, 8, 1\): .* give the recipe size=9"),
        (dense((8, 8, 3)), r"takes images of \(8, 8, 3\)"),
        (dense((8, 8, 1), 7), r"ends in \(7,\); digits has 10 classes: build it with classes=10"),
        (dense((8, 8, 1), activation="sigmoid"), "ends in 'sigmoid'; it must end in 'softmax', or in logits"),
        (dense(None), "must be built"),
    ],
)
def test_models_that_do_not_fit(built, told):
    with pytest.raises(ValueError, match=told):
        fit(built, data(), QUICK, on_epoch=None)


def test_things_that_are_no_model_or_recipe():
    with pytest.raises(TypeError, match="must be a Keras model or a function"):
        fit(3, data(), QUICK)
    with pytest.raises(TypeError, match="the builder must return a Keras model; it returned int"):
        fit(lambda: 3, data(), QUICK)
    with pytest.raises(TypeError, match="must be a Recipe or the name of one"):
        fit(linear, data(), 3)


def test_precision_is_the_builders():
    half = QUICK.but(precision="mixed_bfloat16", epochs=1)
    run = fit(model, data(), half, on_epoch=None)
    assert {layer.compute_dtype for layer in run.model.layers if layer.weights} == {"bfloat16"}
    assert keras.config.dtype_policy().name == "float32"
    with pytest.raises(
        ValueError, match="computes in mixed_bfloat16, this model was built in float32; give fit a function"
    ):
        fit(model(), data(), half, on_epoch=None)


def test_scale_of_the_input():
    image = keras.layers.Input((8, 8, 1))
    for layer, scale in [
        (keras.layers.Rescaling(1 / 127.5, -1), 255.0),
        (keras.layers.Rescaling(2.0, -1), 1.0),
        (keras.layers.Normalization(mean=120.0, variance=60.0**2), 255.0),
        (keras.layers.Normalization(mean=0.5, variance=0.1), 1.0),
        (keras.layers.Dense(3), 1.0),
    ]:
        assert setup.input_scale(keras.Sequential([image, layer])) == scale
    assert setup.input_scale(model()) == 1.0


@pytest.mark.tensorflow
def test_scale_of_the_input_of_published_networks():
    shape = {"weights": None, "input_shape": (32, 32, 3), "classes": 10}
    assert setup.input_scale(keras.applications.EfficientNetB0(**shape)) == 255.0
    assert setup.input_scale(keras.applications.MobileNet(**shape)) == 1.0


def test_weight_decay_spares_biases_and_normalisation():
    mine = setup.compiled(model(), QUICK.but(optimizer="adamw", weight_decay=0.1), np.ones(3))
    decayed = [one.path for one in mine.trainable_variables if mine.optimizer._use_weight_decay(one)]
    assert [path.rsplit("/")[-1] for path in decayed] == ["kernel", "kernel"]


# -- what goes wrong on the way


class Explodes(Recipe):
    """Good for one epoch, then a rate no loss survives."""

    def learning_rates(self, steps_per_epoch):
        rates = np.full(self.epochs * steps_per_epoch, 0.01, np.float32)
        rates[steps_per_epoch:] = 3e38
        return rates


@pytest.mark.parametrize("ema", [0.0, 0.9])
def test_a_lost_loss_keeps_the_best_so_far(tmp_path, ema):
    lines = []
    recipe = Explodes("explodes", epochs=4, batch_size=25, optimizer="sgd", learning_rate=0.01, ema=ema)
    run = fit(linear, data(), recipe, folder=tmp_path, on_epoch=lines.append)
    assert run.status == "diverged" and len(run.history) < 4
    assert "no number any more in epoch" in run.reason and "3.00e+38" in run.reason
    assert run.metrics["best_epoch"] == 1 and run.metrics["test"]["accuracy"] >= 0
    assert all(np.isfinite(np.asarray(one)).all() for one in run.model.weights)
    assert run.record["status"] == "diverged" and records.validate(run.record)
    assert any(line.startswith("warning: the loss") for line in lines)
    again = fit(linear, data(), recipe, folder=tmp_path, on_epoch=None)
    assert again.status == "diverged" and again.record == run.record


def test_a_loss_lost_at_once_says_what_to_try():
    with pytest.raises(Diverged, match="in epoch 1, .* lower learning_rate"):
        fit(linear, data(), QUICK.but(optimizer="sgd", learning_rate=3e38), on_epoch=None)


FULL = Path("/dev/full")  # every write to it finds no space left on the device


def fills(folder, names):
    """What is written to `folder` under these names meets a full disk; nothing that is there is lost."""
    for name in names:
        beside = folder / f".{name}.{os.getpid()}.tmp"
        if not beside.is_symlink():
            beside.symlink_to(FULL)


@pytest.mark.skipif(not FULL.exists(), reason="no /dev/full here")
def test_a_full_disk_costs_no_result(tmp_path):
    lines, steady = [], fit(model, data(), RECIPE, seed=3, on_epoch=None)
    run_folder, kept = tmp_path / "run", tmp_path / "records"

    def said(line):
        lines.append(line)
        fills(run_folder, [f"checkpoint-{step:09d}.npz" for step in (7, 14, 21)] + ["record.json"])
        fills(kept, ["run--small--digits--3.json"])

    run = fit(model, data(), RECIPE, seed=3, folder=run_folder, records=kept, on_epoch=said)
    assert records.numbers(run.record) == records.numbers(steady.record)
    assert run.path is None
    told = [line for line in lines if line.startswith("warning: ")]
    assert any("no checkpoint could be written" in line and "No space left" in line for line in told)
    assert any("the record could not be written" in line for line in told)
    assert not list(tmp_path.rglob("*.json")) and not list(tmp_path.rglob("checkpoint-*"))


@pytest.mark.skipif(not FULL.exists(), reason="no /dev/full here")
def test_a_disk_that_is_full_for_a_while(tmp_path):
    """Full while the second of three epochs is saved: the first one's checkpoint stays, the third is saved."""
    lines = []

    def said(line):
        lines.append(line)
        epochs = sum(getattr(one, "row", None) is not None for one in lines)
        if epochs == 2 and not any("No space left" in one for one in lines):
            fills(tmp_path, ["checkpoint-000000014.npz"])
        if "No space left" in line:
            assert [path.name for path in tmp_path.glob("checkpoint-*")] == ["checkpoint-000000007.npz"]

    run = fit(model, data(), RECIPE, folder=tmp_path, on_epoch=said)
    assert sum("No space left" in line for line in lines) == 1
    assert sorted(path.name for path in tmp_path.glob("checkpoint-*")) == [
        "checkpoint-000000007.npz",
        "checkpoint-000000021.npz",
    ]
    assert run.path == tmp_path / "record.json"


def test_a_folder_that_is_lost_on_the_way_costs_no_result(tmp_path):
    lines = []

    def said(line):
        lines.append(line)
        shutil.rmtree(tmp_path / "run", ignore_errors=True)

    run = fit(linear, data(), QUICK, folder=tmp_path / "run", on_epoch=said)
    assert run.status == "finished" and run.path is None
    assert any("no checkpoint could be written" in line and "No such file" in line for line in lines)


def test_silence_still_warns(tmp_path, monkeypatch):
    def full(handle):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.warns(UserWarning, match="No space left"):
        fit(linear, data(), QUICK.but(epochs=1), folder=tmp_path, on_epoch=None)


def test_folders_that_cannot_be_written_are_told_before_anything_is_computed(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="cannot be written .* give another folder"):
        fit(linear, data(), QUICK, folder=tmp_path / "file" / "run")
    with pytest.raises(OSError, match="records cannot be written .* give another folder"):
        fit(linear, data(), QUICK, records=tmp_path / "file" / "records", on_epoch=None)


def test_two_runs_in_one_folder(tmp_path):
    pytest.importorskip("fcntl")
    first = Checkpoints(tmp_path)
    with pytest.raises(BlockingIOError, match="another run is training in"):
        fit(linear, data(), QUICK, folder=tmp_path)
    first.close()


def test_another_runs_record_is_not_replaced(tmp_path):
    fit(linear, data(), QUICK.but(epochs=1), records=tmp_path, on_epoch=None)
    with pytest.raises(
        ValueError, match="holds the record of another run: recipe.name, recipe.epochs differs"
    ):
        fit(linear, data(), QUICK, records=tmp_path, on_epoch=None)
    fit(linear, data(), QUICK.but(epochs=1), records=tmp_path, on_epoch=None)


# -- parts


def arrays():
    return {"a/0": np.arange(6, dtype=np.float32).reshape(2, 3), "seed": np.array([7, 9], np.uint32)}


def test_a_checkpoint_is_what_was_saved(tmp_path):
    store = Checkpoints(tmp_path)
    path = store.save(12, {"progress": {"x": 1.5}}, arrays())
    header, found = checkpoints.read(path)
    assert header["progress"] == {"x": 1.5}
    for name, array in arrays().items():
        np.testing.assert_array_equal(found[name], array)
        assert found[name].dtype == array.dtype
    with np.load(path, allow_pickle=False) as file:
        assert "header" in file.files
    store.close()


def test_no_bit_of_a_checkpoint_may_change(tmp_path):
    content = checkpoints.pack({"progress": {}}, arrays())
    path, hurt = tmp_path / "checkpoint-000000001.npz", 0
    whole = {name: array.tobytes() for name, array in arrays().items()}
    for place in range(0, len(content), 7):
        changed = bytearray(content)
        changed[place] ^= 0x10
        path.write_bytes(changed)
        try:
            _, found = checkpoints.read(path)
        except Broken:
            hurt += 1
        else:
            assert {name: array.tobytes() for name, array in found.items()} == whole, place
    assert hurt > len(content) / 7 / 3


@pytest.mark.parametrize("part", [0, 1, 100, -1])
def test_a_cut_checkpoint_is_broken(tmp_path, part):
    path = tmp_path / "checkpoint-000000001.npz"
    path.write_bytes(checkpoints.pack({}, arrays())[:part])
    with pytest.raises(Broken, match=path.name):
        checkpoints.read(path)


def test_nothing_in_a_checkpoint_is_unpickled(tmp_path):
    path = tmp_path / "checkpoint-000000001.npz"
    np.savez(path, header=np.array([{"a": 1}], dtype=object))
    with pytest.raises(Broken):
        checkpoints.read(path)
    with pytest.raises(TypeError, match="cannot hold"):
        checkpoints.pack({}, {"x": np.array([None])})


def test_two_are_kept_and_leftovers_swept(tmp_path):
    (tmp_path / ".checkpoint-000000009.npz.1.tmp").write_bytes(b"half")
    (tmp_path / ".model.1.tmp.keras").write_bytes(b"half")
    store = Checkpoints(tmp_path)
    for step in (1, 2, 3):
        store.save(step, {}, arrays())
    assert [path.name for path in store.paths()] == ["checkpoint-000000003.npz", "checkpoint-000000002.npz"]
    assert not list(tmp_path.glob(".*"))
    store.close()


def test_a_failed_write_leaves_what_was_there(tmp_path, monkeypatch):
    path = tmp_path / "file"
    write_atomically(path, b"old")
    monkeypatch.setattr(os, "replace", lambda *_: (_ for _ in ()).throw(OSError(errno.ENOSPC, "full")))
    with pytest.raises(OSError, match="full"):
        write_atomically(path, b"new")
    with pytest.raises(OSError, match="full"):
        save_atomically(path, lambda beside: beside.write_bytes(b"new"))
    assert path.read_bytes() == b"old" and [one.name for one in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize("times", [2, 3])
def test_a_file_that_is_held_for_a_moment_is_moved_all_the_same(tmp_path, monkeypatch, times):
    """As by a scanner on Windows; what is held for longer is an error, and nothing is left beside."""
    path, replace, tries = tmp_path / "file", os.replace, []
    write_atomically(path, b"old")

    def held(source, target):
        tries.append(target)
        if len(tries) <= times:
            raise PermissionError(errno.EACCES, "Access is denied")
        replace(source, target)

    monkeypatch.setattr("gpc._files.PAUSES_S", (0, 0))
    monkeypatch.setattr(os, "replace", held)
    with contextlib.nullcontext() if times == 2 else pytest.raises(PermissionError):
        write_atomically(path, b"new")
    assert path.read_bytes() == (b"new" if times == 2 else b"old") and len(tries) == 3
    assert [one.name for one in tmp_path.iterdir()] == ["file"]


def test_all_state_is_gathered_and_put_back():
    mine = setup.compiled(model(), RECIPE, np.full(100, 0.01, np.float32))
    x, y = (
        np.random.default_rng(0).random((16, 8, 8, 1), np.float32),
        np.eye(10, dtype=np.float32)[np.arange(16) % 10],
    )
    mine.train_on_batch(x, y)
    saved = state.gather(mine)
    first = [float(mine.train_on_batch(x, y)[0]) for _ in range(3)]
    state.restore(mine, saved)
    if keras.backend.backend() == "torch":
        state.put_generators(saved)
    assert [float(mine.train_on_batch(x, y)[0]) for _ in range(3)] == first
    with pytest.raises(ValueError, match="lacks (metrics/0000|generator/cpu)"):
        state.restore(mine, {})


def test_a_signature_knows_the_model_and_not_its_names():
    assert state.signature(model()) == state.signature(model())
    others = [
        model(width=13),
        model(rate=0.31),
        keras.Sequential([keras.layers.Input((8, 8, 1)), keras.layers.Flatten()]),
    ]
    assert len({state.signature(one) for one in [model(), *others]}) == 4


class Screen(list):
    def isatty(self):
        return True

    def write(self, text):
        self.append(text)

    def flush(self):
        pass


def test_the_bar_moves_on_a_terminal_only():
    screen = Screen()
    bar = Bar(screen)
    assert bar.due()
    bar.wait("compiling")
    assert screen[-1] == "\rcompiling"
    bar.show(2, 30, 60, loss=1.25, accuracy=0.5, left=61)
    assert screen[-1] == "\repoch 2  [############............] 30/60  loss 1.2500  50.00%  left 1 min 1 s"
    assert not bar.due()
    bar.clear()
    assert screen[-1] == "\r" and screen[-2].strip() == ""
    with open(os.devnull) as nowhere:
        assert not Bar(nowhere).due()


def test_a_study_trains_what_is_missing_in_the_full_profile_only(tmp_path, monkeypatch):
    models = {"linear": linear, "small": model}
    folder = tmp_path / "data" / "records"
    asked = {"data": "digits", "recipe": "quick", "seeds": 2, "folder": folder, "on_epoch": None}
    monkeypatch.setenv("GPC_PROFILE", "quick")
    assert gpc.train.study("00-x", models, **asked) == ()
    monkeypatch.setenv("GPC_PROFILE", "full")
    folder.mkdir(parents=True)
    first = gpc.train.study("00-x", {"linear": linear}, **{**asked, "seeds": 1}, epochs=1)
    dated = first[0]["date"], first[0]["wall_seconds"]
    found = gpc.train.study("00-x", models, **asked, epochs=1)
    assert [(one["model"]["name"], one["seed"]) for one in found] == [
        ("linear", 0), ("linear", 1), ("small", 0), ("small", 1)
    ]  # fmt: skip
    assert (found[0]["date"], found[0]["wall_seconds"]) == dated
    with pytest.raises(ValueError, match=r"linear--digits--0.json holds .*: epochs is 1 there, 3 here; give"):
        gpc.train.study("00-x", models, **asked, epochs=3)
    with monkeypatch.context() as patch:
        patch.setenv("GPC_PROFILE", "quick")
        assert gpc.train.study("00-x", models, **asked, epochs=3) == found
    monkeypatch.chdir(tmp_path)
    assert gpc.train.records.home() == folder and len(gpc.train.records.load()) == 4


def test_a_study_opens_the_test_split_for_the_models_that_are_named(tmp_path, monkeypatch):
    monkeypatch.setenv("GPC_PROFILE", "full")
    asked = {"data": "digits", "recipe": "quick", "seeds": 1, "folder": tmp_path / "records", "epochs": 1}
    asked |= {"on_epoch": None}
    found = gpc.train.study("00-y", {"linear": linear, "small": model}, test=["small"], **asked)
    assert [bool(one["metrics"]["test"]) for one in found] == [False, True]
    assert not gpc.train.study("00-z", {"linear": linear}, test=False, **asked)[0]["metrics"]["test"]
    with pytest.raises(ValueError, match=r"test=\['wide'\] names no model .*; there are \['linear'\]"):
        gpc.train.study("00-y", {"linear": linear}, test=["wide"], **asked)
