"""The protocol of the clock: who is called when, what is made of it. Nothing depends on real time."""

import io
import itertools
import json
import statistics

import keras
import numpy as np
import pytest
from keras import ops

from gpc import bench
from gpc.bench import pointwise
from gpc.bench.__main__ import main
from gpc.bench.protocol import calls_to_fill, quartiles
from gpc.bench.report import Bar, Report
from gpc.bench.steps import forward, forward_backward


class Laboratory:
    """A clock that only what is timed moves, and a notebook of everything that happened."""

    def __init__(self):
        self.now, self.seen = 0.0, []

    def clock(self):
        return self.now

    def candidate(self, name, milliseconds):
        costs = itertools.cycle(milliseconds if isinstance(milliseconds, list) else [milliseconds])

        def run():
            self.now += next(costs) / 1000
            self.seen.append(name)
            return name

        return run

    def synchronise(self, result):
        self.now += 0.001
        self.seen.append(f"wait for {result}")


def test_every_timing_is_synchronised_inside_the_clock():
    lab = Laboratory()
    candidates = {"a": lab.candidate("a", 3.0), "b": lab.candidate("b", 9.0)}
    found = bench.compare(
        candidates, rounds=4, warmup=2, at_least_ms=0, clock=lab.clock, synchronise=lab.synchronise
    )
    assert found.median_ms == pytest.approx({"a": 4.0, "b": 10.0})  # the wait of 1 ms is in it
    assert found.ratios == pytest.approx({"a": 1.0, "b": 2.5})
    after = [then for first, then in itertools.pairwise(lab.seen) if first in "ab"]
    assert set(after) == {"wait for a", "wait for b"}


def test_warm_up_is_not_in_the_result():
    lab = Laboratory()
    first = {"a": lab.candidate("a", [1000.0, 500.0, *[1.0] * 50]), "b": lab.candidate("b", 1.0)}
    found = bench.compare(
        first, rounds=3, warmup=2, at_least_ms=0, clock=lab.clock, synchronise=lambda result: None
    )
    assert max(found.times_ms["a"]) == pytest.approx(1.0)


def test_neighbours_are_timed_in_pairs_in_a_shuffled_order():
    lab = Laboratory()
    candidates = {name: lab.candidate(name, 1.0) for name in "abcd"}
    bench.compare(
        candidates, rounds=40, warmup=0, at_least_ms=0, clock=lab.clock, synchronise=lambda result: None
    )
    timed = lab.seen[2 * 4 :]  # two calls each to learn how long one takes
    pairs = list(zip(timed[::2], timed[1::2], strict=True))
    assert all("a" in pair and pair[0] != pair[1] for pair in pairs)
    rounds = [
        "".join(x for pair in pairs[i : i + 3] for x in pair if x != "a") for i in range(0, len(pairs), 3)
    ]
    assert all(sorted(one) == ["b", "c", "d"] for one in rounds) and len(set(rounds)) > 3
    assert 30 < sum(pair[0] == "a" for pair in pairs) < 90


def test_ratios_are_of_neighbours_so_that_a_slow_minute_cancels():
    lab = Laboratory()
    weather = itertools.cycle([1.0, 1.0, 10.0, 10.0])  # a pair on a free machine, a pair on a busy one

    def runs(milliseconds):
        def run():
            lab.now += milliseconds * next(weather) / 1000

        return run

    found = bench.compare(
        {"a": runs(2.0), "b": runs(6.0)},
        rounds=8,
        warmup=0,
        at_least_ms=0,
        clock=lab.clock,
        synchronise=lambda r: None,
    )
    assert found.pairs["b"] == pytest.approx([3.0] * 8)
    assert len(set(np.round(found.times_ms["b"], 6))) == 2
    assert found.spread["b"] == pytest.approx((3.0, 3.0))


def test_short_calls_are_repeated_until_a_timing_lasts():
    lab = Laboratory()
    count = {"clock": lab.clock, "synchronise": lambda result: None}
    assert calls_to_fill(lab.candidate("a", 0.1), at_least_ms=2.0, **count) == 20
    assert calls_to_fill(lab.candidate("a", 50.0), at_least_ms=2.0, **count) == 1
    assert calls_to_fill(lab.candidate("a", 0.0), at_least_ms=2.0, **count) == 1000


def test_medians_and_quartiles():
    found = bench.Comparison(
        {"a": [1, 1, 1], "b": [2, 3, 10]}, {"a": [1, 1, 1], "b": [2, 3, 10]}, {"a": 1, "b": 1}
    )
    assert found.baseline == "a" and found.ratios["b"] == statistics.median([2, 3, 10]) == 3
    assert found.spread["b"] == (2.5, 6.5) and quartiles([4]) == (4, 4)
    told = found.as_dict()["b"]
    assert json.loads(json.dumps(told)) == {
        "median_ms": 3,
        "ratio": 3,
        "spread": [2.5, 6.5],
        "rounds": 3,
        "calls": 1,
    }
    assert "to a (quartiles)" in str(found) and "3.00 (2.50 to 6.50)" in str(found)


@pytest.mark.parametrize(
    ("candidates", "options", "says"),
    [
        ({"a": int}, {}, r"at least two callables, received \['a'\]"),
        ({"a": int, "b": int}, {"rounds": 0}, "rounds=0 must be at least 1"),
        ({"a": int, "b": int}, {"warmup": -1}, "warmup=-1 must be at least 0; nearest that works: 0"),
    ],
)
def test_what_cannot_be_compared(candidates, options, says):
    with pytest.raises(ValueError, match=says):
        bench.compare(candidates, **options)


def test_waiting_reaches_into_structures_and_every_kind_of_tensor():
    class Queued:
        waited = 0

        def block_until_ready(self):
            self.waited += 1

    one, two = Queued(), Queued()
    bench.wait({"y": (one, [two, None, 3.0, ops.ones(2)])})
    assert (one.waited, two.waited) == (1, 1)


def test_a_step_computes_what_the_layer_and_its_gradients_are():
    layer = keras.layers.Conv2D(3, 1, bias_initializer="ones")
    x = np.random.default_rng(0).normal(size=(2, 4, 4, 5)).astype("float32")
    wanted = ops.convert_to_numpy(layer(x))
    assert np.allclose(ops.convert_to_numpy(forward(layer, x)()), wanted, atol=1e-5)
    y, gradients, *_ = forward_backward(layer, x)()
    drawn = np.random.default_rng(0).normal(size=(2, 4, 4, 3)).astype("float32")
    shapes = sorted(tuple(g.shape) for g in keras.tree.flatten(gradients))
    assert shapes == [(1, 1, 5, 3), (2, 4, 4, 5), (3,)]
    for_bias = next(g for g in keras.tree.flatten(gradients) if tuple(g.shape) == (3,))
    assert np.allclose(ops.convert_to_numpy(for_bias), drawn.sum((0, 1, 2)), atol=1e-4)
    y = y.detach() if hasattr(y, "detach") else y
    assert np.allclose(ops.convert_to_numpy(y), wanted, atol=1e-5)


def small_model(size=8):
    layers = [
        keras.layers.Conv2D(4, 1),
        keras.layers.BatchNormalization(),
        keras.layers.GlobalAveragePooling2D(),
    ]
    return keras.Sequential([keras.Input((size, size, 3)), *layers])


@pytest.mark.parametrize("training", [False, True])
def test_models_are_timed_alone_and_beside_each_other(training):
    found = bench.latency(small_model(), batch=2, rounds=3, training=training)
    assert len(found.times_ms) == 3 and found.batch == 2
    assert found.images_per_s == pytest.approx(2000 / found.median_ms)
    assert "a batch of 2" in str(found)
    both = bench.compare_models({"one": small_model(), "two": small_model()}, rounds=2, training=training)
    assert both.baseline == "one" and len(both.pairs["two"]) == 2


def test_a_model_of_any_size_wants_to_be_told_one():
    with pytest.raises(ValueError, match="give input_shape="):
        bench.latency(small_model(None))
    assert bench.latency(small_model(None), input_shape=(4, 4, 3), rounds=1).median_ms > 0


def compared(ratio, name="grouped"):
    first = "dense" if name == "grouped" else "grouped"
    return bench.Comparison({first: [1.0], name: [ratio]}, {first: [1.0], name: [ratio]})


def row(in_channels, filters, ratio, keras_ratio=None):
    keras_timed = (32, compared(keras_ratio, "Conv2D(groups)")) if keras_ratio else (None, None)
    return pointwise.Row(in_channels, filters, 8, "", "native", compared(0.5), compared(ratio), *keras_timed)


@pytest.mark.parametrize(
    ("rows", "holds"),
    [
        ([row(96, 24, 1.1), row(672, 192, 0.3, 12)], (True, True, True)),
        ([row(96, 24, 1.3), row(672, 192, 0.3, 12)], (False, True, True)),
        ([row(96, 24, 1.1), row(672, 192, 0.3, 9), row(1152, 320, 0.4, 50)], (True, False, False)),
        ([row(96, 24, 1.1, 3)], (True, None, None)),
    ],
)
def test_bars_say_what_holds(rows, holds):
    provenance = {
        "versions": {"backend": "x", "x": "1", "keras": "3"},
        "device": {"gpu": [], "cpu": "c", "cores": 2},
    }
    report = Report(tuple(rows), {"size": 32, "batch": 32, "rounds": 1, "channels_per_group": 16}, provenance)
    assert tuple(bar.holds for bar in report.bars) == holds
    assert str(report).count("\n") >= len(rows) + 6
    assert str(Bar("p", "m", None)).startswith("not measured")


@pytest.mark.tensorflow  # the same table everywhere, and JAX takes a minute to build the model
def test_the_table_is_efficientnets():
    layers = pointwise.architecture(32)
    assert (672, 192, 8) in layers and (96, 24, 32) in layers and (1152, 48, 1) in layers
    assert len(layers) == len(set(layers)) == 33
    with pytest.raises(ValueError, match="size=100 must be one of 32, 224"):
        pointwise.architecture(100)


def test_the_command_writes_to_a_file_of_another_alphabet(monkeypatch):
    """As on Windows, where a file takes what the code page has."""
    monkeypatch.setattr("gpc.bench.__main__.pointwise_layers", lambda **asked: "96→24 at 4² pixels")
    file = io.TextIOWrapper(io.BytesIO(), encoding="cp1252")
    monkeypatch.setattr("sys.stdout", file)
    main([])
    file.flush()
    assert file.buffer.getvalue().decode("cp1252").strip() == "96?24 at 4² pixels"


def test_the_command_times_and_writes(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(pointwise, "architecture", lambda size: [(16, 96, 4), (96, 24, 4), (96, 4, 1)])
    main(["--batch", "2", "--rounds", "1", "--keras-rounds", "1", "--json", str(tmp_path / "bench.json")])
    out, err = capsys.readouterr()
    assert "96→24" in out and "96→4" in out and "16→96" not in out
    assert err.count("→") == 2 and "not measured" in out
    told = json.loads((tmp_path / "bench.json").read_text())
    assert told["provenance"]["versions"]["keras"] == keras.__version__ and "commit" in told["provenance"]
    assert [found["filters"] for found in told["rows"]] == [24, 4]
    assert told["rows"][0]["keras_groups"] == 6 and told["rows"][1]["keras"] is None
    with pytest.raises(ValueError, match="names no pointwise layer"):
        pointwise.pointwise_layers(only=[(1, 2)])
