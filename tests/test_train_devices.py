"""Several devices: the numbers of one, on virtual ones of the processor, in a process of its own."""

import contextlib
import json
import os
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
from train_support import RECIPE, data, model

from gpc.train import fit
from gpc.train.devices import Devices, chosen

BACKEND = keras.backend.backend()
several = pytest.mark.skipif(BACKEND == "torch", reason="a run on PyTorch is of one device")

# Runs one list of devices after the other, and prints what they came to. Two devices at 150 digits: 97 images
# train (one waits), 23 validate and 30 test, so that every part that does not split is met.
CHILD = """
import json, sys
sys.path.insert(0, {tests!r})
import keras
if keras.backend.backend() == "tensorflow":
    import tensorflow as tf
    two = [tf.config.LogicalDeviceConfiguration()] * 2
    tf.config.set_logical_device_configuration(tf.config.list_physical_devices("CPU")[0], two)
import numpy as np
import train_support  # for its cache of what JAX has compiled
from keras import layers
from gpc.data import load
from gpc.layers import InterleavedPointwise
from gpc.train import Recipe, fit

def pixels():
    body = [layers.Conv2D(8, 3, padding="same", activation="relu"), layers.BatchNormalization(momentum=0.9)]
    ends = [layers.Conv2D(1, 3, padding="same", activation="sigmoid")]
    return keras.Sequential([layers.Input((16, 16, 3)), *body, *ends], name="pixels")

def net(normalization):
    if asked["recipe"].get("target"):
        return pixels()
    norm = layers.BatchNormalization(momentum=0.9) if normalization else layers.ReLU()
    body = [layers.Conv2D(32, 3, strides=2), norm]
    mix = InterleavedPointwise(32, 8, activation="relu", normalization=normalization)
    ends = [layers.GlobalAveragePooling2D(), layers.Dense(10, activation="softmax")]
    return keras.Sequential([layers.Input((8, 8, 1)), *body, mix, *ends], name="grouped")

asked = json.loads(sys.argv[1])
how = {{"epochs": 2, "batch_size": 16, "optimizer": "sgd", "momentum": 0.9, "learning_rate": 0.1}}
recipe = Recipe("test", **{{**how, **asked["recipe"]}})
found = []
for devices in asked["devices"]:
    digits = load("digits", count=asked["count"])
    if asked["recipe"].get("target"):
        digits = load("cells", size=16, count=96)  # 64 train, an even number
    for minutes in asked.get("minutes", [None]):
        run = fit(lambda: net(asked["normalization"]), digits, recipe, devices=devices, minutes=minutes,
                  folder=asked.get("folder"), seed=1, on_epoch=None)
    images = digits.validation.images.astype("float32") / 255
    says, true = np.asarray(run.model.predict(images, verbose=0)), digits.validation.labels
    says = says.argmax(-1) if says.ndim == 2 else says[..., 0] > 0.5
    true = true if says.ndim == 1 else digits.validation.masks > 0
    run.model.save(asked["model"])
    found.append({{"history": run.history, "metrics": run.metrics, "used": run.record["device"]["used"],
                  "weights": [np.asarray(one).tolist() for one in run.model.weights],
                  "signature": run.record["model"]["signature"], "resumed": run.record["resumed"],
                  "says": float(np.mean(says == true))}})
print(json.dumps(found))
"""


def ran(tmp_path, **asked):
    """What runs came to, one for each of `asked["devices"]`."""
    asked = {"normalization": None, "recipe": {}, "count": 150, **asked}
    asked["model"] = str(tmp_path / "model.keras")
    script = CHILD.format(tests=str(Path(__file__).parent))
    flags = "--xla_force_host_platform_device_count=2"
    variables = {**os.environ, "XLA_FLAGS": flags, "JAX_PLATFORMS": "cpu", "TF_CPP_MIN_LOG_LEVEL": "3"}
    command = [sys.executable, "-W", "error::UserWarning", "-c", script, json.dumps(asked)]
    done = subprocess.run(command, capture_output=True, text=True, env=variables)
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])


def numbers(run):
    """Losses and accuracies of all epochs and splits."""
    rows = [[row[key] for key in sorted(row) if key != "seconds"] for row in run["history"]]
    ends = [[run["metrics"][split][key] for key in sorted(run["metrics"][split])] for split in ("val", "test")]
    return np.array([one for row in rows + ends for one in row])


@several
@pytest.mark.parametrize(
    ("normalization", "recipe"),
    [
        (None, {"clip_norm": 0.05, "weight_decay": 0.01}),
        ("batch", {"ema": 0.9}),
        (None, {"target": "masks", "dice": 1.0, "augmentation": "symmetries", "ema": 0.9}),
    ],
    ids=["clipped", "batch norm, averaged", "maps"],
)
def test_two_devices_give_the_numbers_of_one(tmp_path, normalization, recipe):
    # 148 digits: 96 train, an even number.
    asked = {"normalization": normalization, "recipe": recipe, "count": 148}
    one, two = ran(tmp_path, devices=[1, 2], **asked)
    assert (one["used"], two["used"]) == (1, 2)
    np.testing.assert_allclose(numbers(two), numbers(one), atol=1e-4)
    for mine, theirs in zip(two["weights"], one["weights"], strict=True):
        np.testing.assert_allclose(mine, theirs, atol=1e-4)
    assert one["signature"] == two["signature"]
    assert two["says"] == pytest.approx(two["metrics"]["val"]["accuracy"], abs=1e-6)


@several
def test_what_does_not_split_is_trained_another_time_and_scored_now(tmp_path):
    # 150 digits: 97 train, 23 validate, 30 test. Stopped after every step, the run ends as it would have.
    asked = {"normalization": "batch", "devices": [2], "recipe": {"batch_size": 32, "epochs": 1, "ema": 0.9}}
    (smooth,) = ran(tmp_path, **asked)
    (broken,) = ran(tmp_path, **asked, minutes=[0, 0, None], folder=str(tmp_path / "run"))
    assert broken["resumed"] == 2 and smooth["resumed"] == 0
    np.testing.assert_allclose(numbers(broken), numbers(smooth), atol=1e-6)
    for mine, theirs in zip(broken["weights"], smooth["weights"], strict=True):
        np.testing.assert_array_equal(mine, theirs)
    # 23 images do not split; the model returned, on one device, scores all of them alike.
    assert smooth["says"] == pytest.approx(smooth["metrics"]["val"]["accuracy"], abs=1e-6)
    assert smooth["metrics"]["val"]["accuracy"] * 23 == pytest.approx(
        round(smooth["metrics"]["val"]["accuracy"] * 23), abs=1e-4
    )


TWO = Devices(("cpu:0", "cpu:1"))


def pretended(monkeypatch, there=("cpu:0", "cpu:1")):
    """As many devices as named, for what only asks who is there."""
    monkeypatch.setattr("gpc.train.devices.present", lambda: there)


def test_one_device_is_the_default_and_changes_nothing():
    assert chosen(1) == chosen(None) == Devices()
    assert Devices().count == 1 and Devices().even(97) == 97


@several
def test_auto_is_all_there_are(monkeypatch):
    assert chosen("auto").count == len(chosen("auto").names) or chosen("auto") == Devices()
    pretended(monkeypatch)
    assert chosen("auto") == chosen(2) == chosen(["CPU:0", "cpu:1"]) == chosen("cpu:0, cpu:1") == TWO
    assert chosen(["cpu:1", "cpu:0"]).names == ("cpu:1", "cpu:0")


@pytest.mark.parametrize(
    ("devices", "kind", "told"),
    [
        (3, ValueError, r"devices=3, and there are 2 \(cpu:0, cpu:1\); nearest that works: 2"),
        (0, ValueError, "devices=0 must be at least 1"),
        ("gpu:7", ValueError, "'gpu:7' must be different ones of those there are: cpu:0, cpu:1"),
        (["cpu:0", "cpu:0"], ValueError, "must be different ones"),
        ([], ValueError, "must be different ones"),
        (1.5, TypeError, "devices=1.5 must be an integer"),
        (True, TypeError, "devices=True must be an integer"),
    ],
)
def test_devices_that_are_not_there(monkeypatch, devices, kind, told):
    pretended(monkeypatch)
    with pytest.raises(kind, match=told):
        chosen(devices)


def test_what_does_not_go_with_several(monkeypatch):
    pretended(monkeypatch)
    with pytest.raises(ValueError, match="this model was built for one; give fit a function that builds"):
        fit(model(), data(), RECIPE, devices=2, on_epoch=None)
    monkeypatch.setattr("gpc.train.devices._scope", lambda names: contextlib.nullcontext())
    with pytest.raises(
        ValueError, match="batch_size=15 must be a multiple of the 2 devices; nearest that is: 14 or 16"
    ):
        fit(model, data(), RECIPE.but(batch_size=15), devices=2, on_epoch=None)
    with pytest.raises(ValueError, match="batch_size=1 must be a multiple .* nearest that is: 2"):
        fit(model, data(), RECIPE.but(batch_size=1), devices=2, on_epoch=None)


@pytest.mark.skipif(BACKEND != "torch", reason="the others have several")
def test_torch_refuses():
    for devices in (2, "auto"):
        with pytest.raises(ValueError, match="a run on torch is of one device; leave devices=1"):
            chosen(devices)
