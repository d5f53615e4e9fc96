"""Recipes: the papers' numbers, schedules in closed form, and mistakes answered by what works."""

import numpy as np
import pytest

from gpc.train import Recipe, equal_time, recipe, recipes
from gpc.train.schedules import SCHEDULES, cyclic


def plain(**changes):
    return Recipe("plain", **{"epochs": 4, "batch_size": 8, **changes})


def test_the_papers_recipe():
    papers = recipe("papers-32")
    told = papers.as_dict()
    assert {name: told[name] for name in ("optimizer", "epochs", "batch_size", "augmentation", "select")} == {
        "optimizer": "rmsprop",
        "epochs": 50,
        "batch_size": 64,
        "augmentation": "papers",
        "select": "best-validation",
    }
    assert (papers.weight_decay, papers.label_smoothing, papers.momentum, papers.clip_norm) == (0, 0, 0, None)


def test_the_papers_learning_rate():
    rates = recipe("papers-32").learning_rates(1)
    rise = [0.001, 0.0015, 0.002, 0.0025, 0.003, 0.0035, 0.004]
    fall = [0.004 * 0.85**step for step in range(18)]
    np.testing.assert_allclose(rates, (rise + fall) * 2, rtol=1e-6)
    assert fall[-1] == pytest.approx(2.5245e-4, rel=1e-3)


def test_the_second_papers_long_runs():
    rates = recipe("papers-180").learning_rates(1)
    assert len(rates) == 180
    assert rates[30] == pytest.approx(0.001) and rates[29] == pytest.approx(2.5245e-4)
    assert recipe("papers-180").select == "best-validation-loss"


def test_a_rate_a_step():
    rates = recipe("papers-32").learning_rates(7)
    assert rates.shape == (350,) and rates.dtype == np.float32
    assert len(set(rates[:7].tolist())) == 1 and rates[7] == pytest.approx(0.0015)


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_every_schedule_is_positive_and_finite(schedule):
    rates = plain(schedule=schedule, warmup=1.5, learning_rate=0.1).learning_rates(10)
    assert np.isfinite(rates).all() and (rates > 0).all()
    assert rates.max() <= (0.4 if schedule == "cyclic" else 0.1) * (1 + 1e-6)


def test_warmup_rises_in_a_line_to_the_peak():
    rates = plain(schedule="cosine", warmup=1, learning_rate=0.1).learning_rates(10)
    np.testing.assert_allclose(rates[:10], (np.arange(10) + 0.5) / 100, rtol=1e-5)
    assert (np.diff(rates[10:]) < 0).all() and 0 < rates[-1] < 1e-4


def test_one_cycle_peaks_at_three_tenths():
    rates = plain(schedule="one-cycle", learning_rate=0.1).learning_rates(25)
    assert abs(int(rates.argmax()) - 29) <= 1
    assert rates[0] < 0.006 and rates[-1] < 1e-4


def test_floor_and_decay():
    rates = plain(schedule="exponential", decay=0.5, floor=0.02, learning_rate=0.1).learning_rates(1)
    np.testing.assert_allclose(rates, [0.1, 0.05, 0.025, 0.02], rtol=1e-6)


def test_cyclic_repeats():
    assert [cyclic(epoch, cycle=30) for epoch in range(30)] == [
        cyclic(epoch, cycle=30) for epoch in range(30, 60)
    ]


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"epochs": 0}, "epochs=0 must be at least 1; nearest that works: 1"),
        ({"batch_size": -3}, "batch_size=-3"),
        ({"optimizer": "adamm"}, "optimizer='adamm' is not known; .*nearest: 'adam"),
        ({"schedule": "cycle"}, "schedule='cycle' .*nearest: '"),
        ({"precision": "float16"}, "precision='float16' .*nearest: '.*float"),
        ({"select": "best"}, "select='best'"),
        ({"augmentation": "paper"}, "augmentation='paper' .*or None; nearest: 'papers'"),
        ({"learning_rate": 0}, "learning_rate=0 must be above 0"),
        ({"learning_rate": float("nan")}, "learning_rate=nan must be above 0"),
        ({"subset": 1.5}, "subset=1.5 must be above 0 and at most 1"),
        ({"warmup": 4}, "warmup=4 must be at least 0 and below 4"),
        ({"momentum": 1.0}, "momentum=1.0 must be at least 0 and below 1"),
        ({"momentum": 0.9}, "momentum=0.9 belongs to 'sgd' and 'rmsprop'"),
        ({"floor": 1.0}, "floor=1.0 must be at least 0 and at most 0.001"),
        ({"clip_norm": 0}, "clip_norm=0 must be above 0"),
        ({"label_smoothing": 1}, "label_smoothing=1 must be at least 0 and below 1"),
        ({"ema": 1.0}, "ema=1.0 must be at least 0 and below 1"),
        ({"target": "mask"}, "target='mask' .*nearest: 'masks'"),
        ({"dice": 0.5}, "dice=0.5 belongs to target='masks' and 'objects'; target='labels'"),
        ({"dice": -1, "target": "masks"}, "dice=-1 must be at least 0"),
    ],
)
def test_mistakes_name_what_works(changes, told):
    with pytest.raises(ValueError, match=told):
        plain(**changes)


@pytest.mark.parametrize(
    "changes", [{"epochs": 2.5}, {"learning_rate": "fast"}, {"weight_decay": None}, {"subset": True}]
)
def test_wrong_types(changes):
    with pytest.raises(TypeError, match=next(iter(changes))):
        plain(**changes)


def test_an_unknown_recipe_names_the_nearest():
    with pytest.raises(ValueError, match="recipe='papers32' is not known; .*nearest: 'papers-32'"):
        recipe("papers32")


def test_a_changed_recipe_does_not_pass_for_the_named_one():
    changed = recipe("papers-32", epochs=1, batch_size=64)
    assert changed.name == "papers-32, epochs=1"
    assert recipe("papers-32", epochs=50) == recipe("papers-32")
    with pytest.raises(ValueError, match="'epoch' is not known; .*nearest: 'epochs'"):
        recipe("papers-32", epoch=1)


def test_equal_time_takes_the_same_way_in_as_much_time():
    papers = recipe("papers-32")
    for seconds, reference, epochs, cycle in [(10, 12, 60, 30), (12, 10, 42, 21), (10, 10, 50, 25)]:
        found = equal_time(papers, seconds=seconds, reference=reference)
        assert (found.epochs, found.cycle) == (epochs, cycle)
        assert abs(found.epochs * seconds - 50 * reference) <= 0.5 * 2 * seconds
        rates = found.learning_rates(1)
        assert rates[0] == rates[cycle] == np.float32(0.001)  # whole cycles
        assert "equal time: " in found.deviates and papers.deviates in found.deviates
    assert equal_time(papers, seconds=10, reference=12) == equal_time(papers, seconds=10, reference=12)


@pytest.mark.parametrize(
    "changes", [{"schedule": "exponential", "decay": 0.9}, {"schedule": "cosine", "warmup": 1.0}, {}]
)
def test_equal_time_ends_at_the_same_rate(changes):
    short = plain(epochs=20, **changes)
    long = equal_time(short, seconds=1, reference=2.0)
    assert long.epochs == 40 and long.warmup == 2 * short.warmup
    first, second = short.learning_rates(50), long.learning_rates(50)
    np.testing.assert_allclose(second[::2], first, rtol=0.06, atol=6e-6)  # half a step of warm-up
    assert equal_time(short, seconds=1000.0, reference=1.0).epochs == 1


@pytest.mark.parametrize("wrong", [0, -1.0, "fast", float("nan")])
def test_equal_time_wants_two_times(wrong):
    with pytest.raises((TypeError, ValueError), match="seconds="):
        equal_time(recipe("quick"), seconds=wrong, reference=1.0)
    with pytest.raises((TypeError, ValueError), match="reference="):
        equal_time(recipe("quick"), seconds=1.0, reference=wrong)


def test_recipes_are_frozen_and_hashable():
    with pytest.raises(AttributeError):
        recipe("quick").epochs = 3
    assert len(set(recipes().values())) == len(recipes())
