"""Exported models by the clock and by their memory. No test depends on how long anything takes."""

import json

import keras
import numpy as np
import pytest
from keras import layers

from gpc import bench, export
from gpc.bench import memory
from gpc.bench.litert import step
from gpc.cli import main
from gpc.export import running

# The files to be timed are written by TensorFlow.
pytestmark = pytest.mark.tensorflow


def written(*stack, shape=(8, 8, 3), **options):
    """A chain of layers as a LiteRT flatbuffer."""
    return export.litert(keras.Sequential([keras.Input(shape), *stack]), **options)


@pytest.fixture(scope="module")
def small():
    return written(layers.Conv2D(4, 3, activation="relu"), layers.GlobalAveragePooling2D(), layers.Dense(2))


@pytest.fixture(scope="module")
def whole():
    """int8 from its input to its output."""
    samples = np.random.default_rng(0).uniform(size=(10, 8, 8, 3))
    stack = layers.Conv2D(4, 3, activation="relu"), layers.GlobalAveragePooling2D(), layers.Dense(2)
    return written(*stack, weights="int8", numbers="int8", samples=samples)


def test_a_row_for_each_model_on_each_number_of_threads(small, whole):
    found = bench.litert({"float": small, "int8": whole}, threads=(1, 2), rounds=5)
    assert [(row.model, row.threads) for row in found.rows] == [
        ("float", 1), ("float", 2), ("int8", 1), ("int8", 2),
    ]  # fmt: skip
    first, *others = found.rows
    assert first.ratio == 1 and all(len(row.times_ms) == 5 for row in others)
    assert len(first.times_ms) == 15  # it stands beside each of the others
    assert all(0 < row.p50_ms <= row.p95_ms <= max(row.times_ms) for row in found.rows)
    assert [row.file_bytes for row in found.rows] == [len(small)] * 2 + [len(whole)] * 2
    assert found.row("int8", 2) is found.rows[3]
    with pytest.raises(KeyError, match="'int8' on 3 threads was not timed"):
        found.row("int8", 3)


def test_the_threads_asked_for_are_the_interpreters(small, monkeypatch):
    made, make = [], running.maker()

    def watched(**options):
        made.append(options["num_threads"])
        return make(**options)

    monkeypatch.setattr(running, "maker", lambda: watched)
    bench.litert({"one": small, "two": small}, threads=(3, 1), rounds=1)
    assert made == [3, 1, 3, 1]


def test_one_model_on_one_thread_needs_no_other(small):
    (row,) = bench.litert({"alone": small}, threads=(1,), rounds=4).rows
    assert row.ratio == 1 and row.spread == (1, 1) and len(row.times_ms) == 4


def test_percentiles_are_of_the_calls():
    row = bench.LiteRTRow("m", 1, (*[1.0] * 18, 5.0, 9.0), 1.0, (1.0, 1.0), 10, 20, None)
    assert row.p50_ms == 1 and row.p95_ms == pytest.approx(5.2) and row.as_dict()["calls"] == 20
    assert row.cells()[-1] == "–"
    # Equal calls of any length: no rounding puts a percentile beyond the longest of them.
    for time in np.random.default_rng(0).uniform(0.001, 0.1, 50):
        equal = bench.LiteRTRow("m", 1, (float(time),) * 5, 1.0, (1.0, 1.0), 10, 20, None)
        assert equal.p50_ms == equal.p95_ms == time


def test_the_whole_range_of_an_integer_input_is_used(whole):
    ready = running.interpreter(whole)
    step(ready, np.random.default_rng(0))
    x = ready.get_tensor(ready.get_input_details()[0]["index"])
    assert x.dtype == np.int8 and x.min() < -120 and x.max() > 120


def test_what_is_alive_at_once_is_counted_by_hand():
    # 8×8×3 → 8×8×4 → 8×8×6 → 8×8×2: the second and the third together are the most.
    chain = [layers.Conv2D(filters, 1, activation="relu") for filters in (4, 6, 2)]
    assert memory.alive(running.interpreter(written(*chain))) == 64 * 4 * (4 + 6)
    # With a shortcut from the first map to the sum, that stays alive beside the 6 and the 4 behind them.
    x = keras.Input((8, 8, 3))
    first = layers.Conv2D(4, 1, activation="relu")(x)
    last = layers.Conv2D(4, 1, activation="relu")(layers.Conv2D(6, 1, activation="relu")(first))
    shortcut = keras.Model(x, layers.add([first, last]))
    assert memory.alive(running.interpreter(export.litert(shortcut))) == 64 * 4 * (4 + 6 + 4)


def test_int8_activations_are_a_quarter_of_floats(small, whole):
    floats, integers = (memory.alive(running.interpreter(model)) for model in (small, whole))
    assert floats == 4 * integers


@pytest.mark.skipif(not memory.TELLING.exists(), reason="only Linux tells")
def test_a_fresh_process_needs_at_least_the_weights():
    light, heavy = (memory.peak(written(layers.Flatten(), layers.Dense(n))) for n in (1, 20_000))
    assert heavy - light > 192 * 20_000 * 4


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"models": {}}, "give at least one exported model"),
        ({"threads": ()}, "at least one number of threads"),
        ({"threads": (0,)}, "threads=0 must be at least 1"),
        ({"rounds": 0}, "rounds=0 must be at least 1"),
        ({"models": {"a": b"no flatbuffer"}}, "no LiteRT model that can be run here"),
    ],
)
def test_what_cannot_be_timed(small, options, says):
    with pytest.raises(ValueError, match=says):
        bench.litert(**{"models": {"a": small}, **options})


def test_a_file_that_is_not_there():
    with pytest.raises(FileNotFoundError, match="no file nowhere.tflite"):
        bench.litert({"a": "nowhere.tflite"})


def test_the_command_times_files_and_networks(small, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "small.tflite").write_bytes(small)
    keras.Sequential([keras.Input((8, 8, 1)), layers.Flatten(), layers.Dense(2)]).save("mine.keras")
    asked = ["small.tflite", "mine.keras", "--weights", "dynamic", "--threads", "1", "--rounds", "2"]
    assert main(["bench", "litert", *asked, "--json", "out.json"]) == 0
    head, *lines = capsys.readouterr().out.splitlines()
    assert "p95 ms" in head and [line.split()[0] for line in lines] == ["small.tflite", "mine.keras"]
    told = json.loads((tmp_path / "out.json").read_text())
    assert told["rows"][0]["file_bytes"] == len(small) and told["settings"]["threads"] == [1]
    assert "commit" in told["provenance"]


def test_the_command_wants_each_model_once(capsys):
    assert main(["bench", "litert", "a.tflite", "a.tflite"]) != 0
    assert "give each model once" in capsys.readouterr().err


def test_the_help_has_examples_that_parse(capsys):
    from gpc.cli import parser

    with pytest.raises(SystemExit):
        main(["bench", "litert", "--help"])
    told = capsys.readouterr().out.split("examples\n")[1].splitlines()
    asked = [parser().parse_args(line.split()[1:]) for line in told if line.strip().startswith("gpc ")]
    assert len(asked) == 3 and asked[2].threads == [1, 2, 4]
