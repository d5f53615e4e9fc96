"""What is learned can be a class a pixel: losses and scores against a slow twin, runs that learn, records that
say so."""

import copy

import keras
import numpy as np
import pytest

import gpc
from gpc.data.dataset import Dataset, Sealed, Split
from gpc.train import Recipe, fit, recipe, records, setup
from gpc.train._maps import Pixelwise, overlaps
from gpc.train.objectives import encoded

MAPS = Recipe("maps", epochs=3, batch_size=16, learning_rate=0.01, target="masks", dice=1.0)


def net(outputs=1, activation="sigmoid", shape=(16, 16, 3)):
    """Two convolutions and a class a pixel."""
    return keras.Sequential(
        [
            keras.layers.Input(shape),
            keras.layers.Conv2D(8, 3, padding="same", activation="relu"),
            keras.layers.BatchNormalization(momentum=0.9),
            keras.layers.Conv2D(outputs, 3, padding="same", activation=activation),
        ],
        name="pixels",
    )


@pytest.fixture(scope="module")
def cells():
    return gpc.data.load("cells", size=16, count=120)


def of(values, name="threes"):
    """A data set whose masks hold these values: squares of each on noise of their own colour."""
    random = np.random.default_rng(0)
    masks = np.zeros((60, 8, 8), np.uint8)
    for image, value in zip(masks, random.choice(values, 60), strict=True):
        top, left = random.integers(0, 4, 2)
        image[top : top + 4, left : left + 4] = value
    images = np.repeat(masks[..., None] * 80, 3, -1) + random.integers(0, 20, (60, 8, 8, 3), np.uint8)
    split = Split(images.astype(np.uint8), np.arange(60) % 2, masks=masks)
    rows = (split.take(np.arange(*part)) for part in ((0, 40), (40, 50), (50, 60)))
    train, validation, test = rows
    return Dataset(name, ("a", "b"), train, validation, Sealed(test), "made here", "none")


# -- parts, against twins in NumPy


def drawn(channels, seed=0):
    """(truth as the loss takes it, probabilities), of 3 images of 4×5; the second's foreground is empty."""
    random = np.random.default_rng(seed)
    maps = random.integers(0, max(2, channels), (3, 4, 5))
    maps[1] = 0
    said = random.random((3, 4, 5, channels)).astype(np.float32) + 0.05
    said = said / said.sum(-1, keepdims=True) if channels > 1 else said / 1.1
    return maps, encoded(maps, (4, 5, channels)), said


@pytest.mark.parametrize("channels", [1, 2, 3])
def test_dice_and_iou_are_means_over_images_and_classes(channels):
    maps, truth, said = drawn(channels)
    guessed = (said[..., 0] > 0.5).astype(int) if channels == 1 else said.argmax(-1)
    guessed[1] = said[1] = 0
    if channels > 1:
        said[1, ..., 0] = 1
    dice, iou = [], []
    for mine, theirs in zip(maps, guessed, strict=True):
        for one in range(1, max(2, channels)):
            a, b = {*zip(*np.nonzero(mine == one))}, {*zip(*np.nonzero(theirs == one))}
            dice.append(2 * len(a & b) / (len(a) + len(b)) if a or b else 1.0)
            iou.append(len(a & b) / len(a | b) if a or b else 1.0)
    for metric, wanted in zip(overlaps(threshold=0.5), (dice, iou), strict=True):
        metric.update_state(truth, said)
        assert float(metric.result()) == pytest.approx(np.mean(wanted), abs=1e-6)
        assert 0 < np.mean(wanted) < 1


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("weight", [0.0, 0.5])
def test_the_loss_is_cross_entropy_and_soft_dice(channels, weight):
    _, truth, said = drawn(channels)
    both = truth * np.log(said) + ((1 - truth) * np.log(1 - said) if channels == 1 else 0)
    cross = -both.sum(-1).mean((1, 2))
    mine, theirs = (truth, said) if channels == 1 else (truth[..., 1:], said[..., 1:])
    soft = (2 * (mine * theirs).sum((1, 2)) + 1) / (mine.sum((1, 2)) + theirs.sum((1, 2)) + 1)
    wanted = np.mean(cross + weight * (1 - soft.mean(-1)))
    assert float(Pixelwise(dice=weight)(truth, said)) == pytest.approx(wanted, rel=1e-5)
    logits = np.log(said) if channels > 1 else np.log(said / (1 - said))
    assert float(Pixelwise(dice=weight, from_logits=True)(truth, logits)) == pytest.approx(wanted, rel=1e-5)


def test_an_empty_map_seen_as_empty_costs_no_dice():
    nothing = np.zeros((1, 8, 8, 1), np.float32)
    some = np.full((1, 8, 8, 1), 0.5, np.float32)
    costs = [float(Pixelwise(dice=1.0)(nothing, one) - Pixelwise()(nothing, one)) for one in (nothing, some)]
    assert costs[0] == pytest.approx(0, abs=1e-6) and costs[1] > 0.9


# -- runs


def test_a_run_learns_masks(cells, tmp_path):
    lines = []
    run = fit(net, cells, MAPS.but(epochs=5), records=tmp_path, experiment="00 x", on_epoch=lines.append)
    assert run.metrics["test"]["dice"] > run.history[0]["val_dice"] or run.metrics["test"]["dice"] > 0.7
    assert run.history[-1]["loss"] < run.history[0]["loss"]
    best = max(row["val_dice"] for row in run.history)
    assert run.metrics["val"]["dice"] == best == run.history[run.metrics["best_epoch"] - 1]["val_dice"]
    assert f"val {run.history[0]['val_loss']:.4f} Dice {run.history[0]['val_dice']:.4f}" in lines[0]
    assert "test Dice 0." in lines[-1]
    record = records.read(run.path)
    assert record == run.record and set(record["metrics"]["test"]) == {"loss", "accuracy", "dice", "iou"}
    # The scores are the returned model's own, by hand.
    images = cells.validation.images.astype(np.float32) / 255
    said = np.asarray(run.model.predict(images, verbose=0))[..., 0] > 0.5
    there = cells.validation.masks > 0
    both, either = (said & there).sum((1, 2)), (said | there).sum((1, 2))
    assert run.metrics["val"]["iou"] == pytest.approx(np.mean(both / np.maximum(either, 1)), abs=1e-5)
    assert run.metrics["val"]["accuracy"] == pytest.approx(np.mean(said == there), abs=1e-5)


@pytest.mark.parametrize("activation", ["softmax", None])
def test_three_classes_a_pixel(activation):
    data = of((1, 2))
    run = fit(
        lambda: net(3, activation, (8, 8, 3)), data, MAPS.but(epochs=4, augmentation="symmetries"), on_epoch=None
    )
    assert MAPS.outputs(data) == 3
    assert run.metrics["val"]["dice"] > run.history[0]["val_dice"] or run.metrics["val"]["dice"] > 0.9


def test_a_size_brings_maps_along(cells):
    run = fit(
        lambda: net(shape=(8, 8, 3)), cells, MAPS.but(size=8, epochs=1, select="last"), on_epoch=None, test=False
    )
    assert set(run.metrics["val"]) == {"loss", "accuracy", "dice", "iou"} and run.metrics["test"] is None


def test_objects_are_a_target_too():
    leaves = gpc.data.load("leaves", size=16, count=40)
    run = fit(net, leaves, MAPS.but(target="objects", epochs=1), on_epoch=None)
    assert run.record["recipe"]["target"] == "objects"


def test_a_run_of_maps_is_killed_and_resumed(cells, tmp_path):
    asked = {"seed": 2, "on_epoch": None}
    maps = MAPS.but(epochs=2, ema=0.9, augmentation="symmetries")
    whole = fit(net, cells, maps, **asked)
    for _ in range(3):
        assert fit(net, cells, maps, folder=tmp_path, minutes=0, **asked).status == "paused"
    again = fit(net, cells, maps, folder=tmp_path, **asked)
    assert records.numbers(again.record) == records.numbers(whole.record)
    for mine, theirs in zip(again.model.weights, whole.model.weights, strict=True):
        np.testing.assert_array_equal(np.asarray(mine), np.asarray(theirs))


def test_the_model_of_a_run_needs_nothing_of_ours(cells, tmp_path):
    run = fit(net, cells, MAPS.but(epochs=1), on_epoch=None, test=False)
    run.model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    assert "gpc" not in repr(again.get_compile_config())


# -- what does not fit


def test_outputs():
    digits, leaves = (gpc.data.load(name, count=20) for name in ("digits", "leaves"))
    assert (recipe("quick").outputs(digits), MAPS.outputs(leaves)) == (10, 1)
    with pytest.raises(ValueError, match="target='masks', and digits has no masks; it has labels"):
        MAPS.outputs(digits)


@pytest.mark.parametrize(
    ("built", "told"),
    [
        (lambda: net(3, "softmax"), None),
        (lambda: net(1, "softmax"), "ends in 'softmax'; it must end in 'sigmoid', or in logits"),
        (lambda: net(2, "sigmoid"), "ends in 'sigmoid'; it must end in 'softmax', or in logits"),
        (lambda: keras.Sequential([net(), keras.layers.MaxPooling2D()]), r"masks of cells are \(16, 16, 1\)"),
        (
            lambda: keras.Sequential([net(), keras.layers.Flatten(), keras.layers.Dense(4)]),
            r"ends in \(4,\); masks of cells are .*: build it with classes=1",
        ),
    ],
)
def test_models_that_do_not_fit_maps(cells, built, told):
    if told is None:
        setup.checked(built(), cells, MAPS)
        return
    with pytest.raises(ValueError, match=told):
        fit(built, cells, MAPS, on_epoch=None)


def test_too_few_classes_a_pixel():
    with pytest.raises(ValueError, match=r"masks of threes are \(8, 8, 3\): build it with classes=3"):
        fit(lambda: net(2, "softmax", (8, 8, 3)), of((1, 2)), MAPS, on_epoch=None)


def test_a_record_of_maps_must_have_their_scores(cells):
    record = fit(net, cells, MAPS.but(epochs=1), on_epoch=None, test=False).record
    for target, told in (("masks", "loss, accuracy, dice, iou"), ("labels", "loss, accuracy for")):
        broken = copy.deepcopy(record)
        broken["recipe"] |= {"target": target, "dice": 0.0}
        if target == "masks":
            broken["metrics"]["val"] = {key: broken["metrics"]["val"][key] for key in ("loss", "accuracy")}
        with pytest.raises(ValueError, match=f"'metrics' must have {told}"):
            records.validate(broken)
    wrong = copy.deepcopy(record)
    wrong["metrics"]["val"]["dice"] = 0.123
    with pytest.raises(ValueError, match="'metrics.val' is not the curve's row"):
        records.validate(wrong)
    wrong["metrics"]["val"]["iou"] = 1.5
    with pytest.raises(ValueError, match="field 'metrics.val' is"):
        records.validate(wrong)
    del record["curve"][0]["val_iou"]
    with pytest.raises(ValueError, match="field 'curve' is"):
        records.validate(record)
