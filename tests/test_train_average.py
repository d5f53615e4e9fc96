"""Averaged weights: the average of the weights there were, what is scored and returned, and what a resume
keeps."""

import keras
import numpy as np
import pytest
from train_support import RECIPE, data, model

from gpc.train import averaging, fit, records, state, training
from gpc.train.averaging import Average, staying

AVERAGED = RECIPE.but(ema=0.9, epochs=2)


def arrays(one):
    return [state.array(weight) for weight in one.weights]


def test_the_average_is_that_of_the_weights_there_were():
    """Against NumPy, step by step: weights that stand still between two looks."""
    net, average, random = model(), Average(0.9), np.random.default_rng(0)
    wanted, step = None, 0
    for done in (16, 32, 37):
        for one in net.weights:
            one.assign(random.normal(size=one.shape))
        average.take(net, done, done)
        newest = arrays(net)
        if wanted is None:
            wanted = newest
        else:
            for at in range(step + 1, done + 1):
                stays = min(0.9, (1 + at) / (10 + at))
                wanted = [stays * old + (1 - stays) * new for old, new in zip(wanted, newest, strict=True)]
        step = done
    for mine, theirs in zip(average.arrays().values(), wanted, strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-4, atol=1e-6)


def test_what_does_not_change_stays_to_the_last_bit():
    net, average = model(), Average(0.999)
    for done in range(16, 160, 16):
        average.take(net, done, done)
    for mine, theirs in zip(average.arrays().values(), arrays(net), strict=True):
        np.testing.assert_array_equal(mine, theirs)


def test_it_is_taken_every_few_steps_and_at_the_end():
    assert [done for done in range(1, 40) if Average(0.9).due(done)] == [16, 32]
    assert staying(0.999, 10_016, 16) == pytest.approx(0.999**16)
    assert staying(0.999, 1, 1) == pytest.approx(2 / 11)


def test_lent_weights_are_given_back():
    net, average = model(), Average(0.9)
    average.take(net, 1, 1)
    old = arrays(net)
    for one in net.weights:
        one.assign(one + 1)
    own = arrays(net)
    with pytest.raises(ZeroDivisionError), average.lent(net):
        for mine, theirs in zip(arrays(net), old, strict=True):
            np.testing.assert_array_equal(mine, theirs)
        raise ZeroDivisionError
    for mine, theirs in zip(arrays(net), own, strict=True):
        np.testing.assert_array_equal(mine, theirs)


def test_counters_are_not_averaged():
    inputs = keras.layers.Input((4,))
    net = keras.Sequential([inputs, keras.layers.Normalization(), keras.layers.Dropout(0.5)])
    net.layers[0].adapt(np.ones((3, 4), np.float32))
    average = Average(0.9)
    average.take(net, 1, 1)
    average.put(net)
    assert len(average.arrays()) == sum("float" in str(one.dtype) for one in net.weights)


@pytest.mark.parametrize("select", ["last", "best-validation"])
def test_the_average_is_scored_and_returned(monkeypatch, select):
    """The run's own weights are those of a run without an average; its scores and weights are the average's."""
    own, kept = [], []
    real = training.Training._evaluate

    def evaluate(self, split):
        kept.append(self.average and arrays(self.model))
        return real(self, split)

    def saved(self, whole):
        own.append(arrays(whole))

    monkeypatch.setattr(training.Training, "_evaluate", evaluate)
    monkeypatch.setattr(training.Training, "_save", saved)
    recipe = AVERAGED.but(select=select)
    averaged = fit(model, data(), recipe, seed=3, on_epoch=None, test=False)
    after = list(own)
    own.clear()
    plain = fit(model, data(), recipe.but(ema=0.0), seed=3, on_epoch=None, test=False)
    for mine, theirs in zip(after[:2], own[:2], strict=True):
        for one, other in zip(mine, theirs, strict=True):
            np.testing.assert_array_equal(one, other)
    assert [row["loss"] for row in averaged.history] == [row["loss"] for row in plain.history]
    assert [row["val_loss"] for row in averaged.history] != [row["val_loss"] for row in plain.history]
    chosen = averaged.metrics["best_epoch"] - 1
    for mine, theirs in zip(arrays(averaged.model), kept[chosen], strict=True):
        np.testing.assert_array_equal(mine, theirs)
    scores = averaged.model.evaluate(
        data().validation.images.astype(np.float32) / 255,
        np.eye(10, dtype=np.float32)[data().validation.labels],
        verbose=0,
    )
    assert scores[1] == pytest.approx(averaged.metrics["val"]["accuracy"], abs=1e-6)


def test_statistics_are_averaged_with_the_weights():
    """Scored with statistics of other weights, averaged weights are worse: the reason to average both."""
    net, average = model(), Average(0.9)
    average.take(net, 1, 1)
    norm = next(layer for layer in net.layers if isinstance(layer, keras.layers.BatchNormalization))
    norm.moving_mean.assign(norm.moving_mean + 5)
    with average.lent(net):
        assert float(np.max(state.array(norm.moving_mean))) == 0


def test_paused_at_every_step_it_ends_the_same(tmp_path, monkeypatch):
    monkeypatch.setattr(averaging, "EVERY", 3)  # 7 steps an epoch: within it, and at its end
    asked = {"seed": 3, "on_epoch": None}
    whole = fit(model, data(), AVERAGED, **asked)
    for _ in range(4):
        assert fit(model, data(), AVERAGED, folder=tmp_path, minutes=0, **asked).status == "paused"
    again = fit(model, data(), AVERAGED, folder=tmp_path, **asked)
    assert again.record["resumed"] == 4
    assert records.numbers(again.record) == records.numbers(whole.record)
    for mine, theirs in zip(arrays(again.model), arrays(whole.model), strict=True):
        np.testing.assert_array_equal(mine, theirs)


def test_an_average_needs_its_own_checkpoint(tmp_path):
    fit(model, data(), AVERAGED, folder=tmp_path, minutes=0, on_epoch=None)
    with pytest.raises(ValueError, match="recipe.ema is 0.9 there, 0.0 here"):
        fit(model, data(), AVERAGED.but(ema=0.0, name=AVERAGED.name), folder=tmp_path, on_epoch=None)


def test_averaged_in_half_precision():
    run = fit(model, data(), AVERAGED.but(precision="mixed_float16", epochs=1), on_epoch=None)
    assert run.status == "finished" and run.metrics["val"]["loss"] > 0
