"""Assignment 3, a regrouped model and its controls: ten points."""

import math
import statistics

import numpy as np

from grading import Wrong, close, part, require
from grading.answers import shielded

NETWORKS = ("dense", "grouped", "thin")
NEAR = 0.03  # how far the control's parameters may lie from the grouped network's
SEEDS = 3
AGAIN = 0.03  # by how much a repeated run's accuracy may differ
PAIRS = {"grouped - thin": ("grouped", "thin"), "grouped - dense": ("grouped", "dense")}
WORDS = ("better", "worse", "cannot tell")


def built(answers, name):
    """The model that a function of the notebook builds."""
    import keras

    model = answers.function(name)()
    if not isinstance(model, keras.Model):
        raise Wrong(f"`{name}()` returns a {type(model).__name__}; a Keras model is needed")
    return model


def grouped_layers(model):
    """How many grouped pointwise layers a model has."""
    from gpc.layers import GroupedPointwise

    return sum(isinstance(layer, GroupedPointwise) for layer in model._flatten_layers())


@part(1, "The grouped network is the dense one, regrouped")
def grouped(answers):
    dense, new = built(answers, "network"), built(answers, "build_grouped")
    told = "`build_grouped()` has no grouped pointwise layer: is regroup's model returned?"
    require(grouped_layers(new), told)
    require(
        new.input_shape == dense.input_shape and new.output_shape == dense.output_shape,
        f"`build_grouped()` is {new.input_shape} → {new.output_shape}; the dense network is "
        f"{dense.input_shape} → {dense.output_shape}",
    )
    require(
        new.count_params() < dense.count_params(),
        f"`build_grouped()` has {new.count_params()} parameters, the dense network {dense.count_params()}",
    )


@part(2, "The control has as many parameters, and no groups")
def control(answers):
    dense, new, thin = (built(answers, name) for name in ("network", "build_grouped", "build_thin"))
    told = "the control `build_thin()` has grouped layers: it must differ in that alone"
    require(not grouped_layers(thin), told)
    kinds = [[type(layer).__name__ for layer in model.layers] for model in (dense, thin)]
    require(
        kinds[0] == kinds[1],
        f"the control must be the dense network with fewer filters; its layers are {', '.join(kinds[1])}",
    )
    given, wanted = thin.count_params(), new.count_params()
    require(
        abs(given - wanted) <= NEAR * wanted,
        f"the control has {given} parameters, the grouped network {wanted}: {given / wanted - 1:+.1%}. At "
        f"most {NEAR:.0%} apart, else more parameters explain what groups are praised for. Change `width`",
    )


def spied(models):
    """A builder of a network so small that it trains in a moment; it notes what it built and how it began."""
    import keras

    def build():
        layers = [keras.layers.Rescaling(1 / 255), keras.layers.Flatten(), keras.layers.Dense(10, "softmax")]
        model = keras.Sequential([keras.Input((8, 8, 1)), *layers])
        models.append([weight.copy() for weight in model.get_weights()])
        return model

    return build


def ran(answers, build, seed):
    """What `run` returns: (model, accuracy on the validation split)."""
    import keras

    given = answers.function("run")(build, seed)
    if not (isinstance(given, tuple) and len(given) == 2 and isinstance(given[0], keras.Model)):
        raise Wrong("`run(build, seed)` must return a pair (trained model, validation accuracy)")
    if not isinstance(given[1], (float, np.floating)) or not 0 <= given[1] <= 1:
        raise Wrong(f"the accuracy that `run` returns is {given[1]!r}; a float from 0 to 1 is needed")
    return given


def accuracy(model, split):
    """The share of a split's images that a model gets right."""
    import keras

    images = split.images.astype("float32")
    guesses = shielded(f"`{model.name}`, called on images,", model, images, training=False)
    return float(np.mean(np.argmax(keras.ops.convert_to_numpy(guesses), axis=-1) == split.labels))


@part(2, "A run is fixed by its seed, and scored on the validation split", seconds=120)
def run(answers):
    import gpc

    starts = []
    first, again, other = (ran(answers, spied(starts), seed) for seed in (7, 7, 8))
    require(len(starts) >= 3, "`run` must build its network anew each time, by calling `build()`")
    require(
        np.array_equal(starts[0][0], starts[1][0]),
        "two runs of one seed begin with different weights: `keras.utils.set_random_seed(seed)` comes before "
        "`build()`, since building draws the weights",
    )
    require(
        not np.array_equal(starts[0][0], starts[2][0]),
        "runs of different seeds begin with the same weights: is `seed` used at all?",
    )
    require(
        abs(first[1] - again[1]) <= 0.01,
        f"one seed gave {first[1]:.3f} and then {again[1]:.3f}: what else is drawn, and not from the seed?",
    )
    right = accuracy(other[0], gpc.data.load("digits").validation)
    require(
        close(other[1], right, absolute=0.005),
        f"`run` reports {other[1]:.3f}; on the validation split the model it returns has {right:.3f}. Was it "
        "scored on the training images?",
    )


def rows(answers):
    """`results`, row by row, as they were asked for."""
    given = answers.kind("results", list)
    fields = {"network", "seed", "parameters", "accuracy"}
    for row in given:
        if not isinstance(row, dict) or not fields <= set(row):
            names = ", ".join(sorted(fields))
            raise Wrong(f"each row of `results` is a dictionary with {names}; one is {row!r}")
        if row["network"] not in NETWORKS:
            raise Wrong(f"a row is of the network {row['network']!r}; there are {', '.join(NETWORKS)}")
        if not isinstance(row["accuracy"], (float, np.floating)) or not 0 <= row["accuracy"] <= 1:
            raise Wrong(f"a row has the accuracy {row['accuracy']!r}; a float from 0 to 1 is needed")
    if not given:
        raise Wrong("not answered yet: `results` is empty")
    return given


def accuracies(answers):
    """Network → its accuracies."""
    found = {name: [] for name in NETWORKS}
    for row in rows(answers):
        found[row["network"]].append(float(row["accuracy"]))
    few = [f"{name} {len(values)}" for name, values in found.items() if len(values) < SEEDS]
    require(not few, f"each network needs runs from at least {SEEDS} seeds; there are: {', '.join(few)}")
    return found


@part(2, "Three networks, the same seeds, runs that can be repeated", seconds=180)
def results(answers):
    accuracies(answers)
    seeds = {name: [row["seed"] for row in rows(answers) if row["network"] == name] for name in NETWORKS}
    for name, used in seeds.items():
        twice = f"{name} has runs of the seeds {used}: one seed twice is one run"
        require(len(set(used)) == len(used), twice)
        require(
            set(used) == set(seeds["dense"]),
            f"{name} has runs of the seeds {used}, dense of {seeds['dense']}: the same for all three",
        )
    builders = {"dense": "network", "grouped": "build_grouped", "thin": "build_thin"}
    for name, builder in builders.items():
        count = built(answers, builder).count_params()
        stated = {row["parameters"] for row in rows(answers) if row["network"] == name}
        told = f"`results` say {sorted(stated)} parameters for {name}; `{builder}()` has {count}"
        require(stated == {count}, told)
    row = next(row for row in rows(answers) if row["network"] == "thin")
    again = ran(answers, answers["build_thin"], row["seed"])[1]
    require(
        abs(again - row["accuracy"]) <= AGAIN,
        f"`results` say {row['accuracy']:.3f} for the thin network, seed {row['seed']}; repeated, the run "
        f"gives {again:.3f}. Fill `results` from `run`, not by hand",
    )


@part(1, "Means and standard deviations")
def summary(answers):
    given = answers.kind("summary", dict)
    for name, values in accuracies(answers).items():
        mean, deviation = statistics.mean(values), statistics.stdev(values)
        pair = given.get(name)
        if not isinstance(pair, (tuple, list)) or len(pair) != 2:
            raise Wrong(f"`summary[{name!r}]` is {pair!r}; a pair (mean, standard deviation) is needed")
        require(close(pair[0], mean, relative=1e-4), f"the mean of {name} is {mean:.4f}, not {pair[0]}")
        hint = ": divide by n - 1, not by n (`ddof=1`)" if close(pair[1], statistics.pstdev(values)) else ""
        require(
            close(pair[1], deviation, relative=1e-3, absolute=1e-6),
            f"the standard deviation of {name} is {deviation:.5f}, not {pair[1]}{hint}",
        )


def verdict_of(first, second):
    """The assignment's rule: a difference below two standard errors says nothing."""
    difference = statistics.mean(first) - statistics.mean(second)
    error = math.sqrt(statistics.variance(first) / len(first) + statistics.variance(second) / len(second))
    if abs(difference) <= 2 * error:
        return "cannot tell", difference, error
    return ("better" if difference > 0 else "worse"), difference, error


@part(1, "The verdicts follow from the numbers")
def verdicts(answers):
    given, values = answers.kind("verdicts", dict), accuracies(answers)
    for pair, (one, other) in PAIRS.items():
        said = given.get(pair)
        words = ", ".join(map(repr, WORDS))
        require(said in WORDS, f"`verdicts[{pair!r}]` is {said!r}; one of {words} is needed")
        right, difference, error = verdict_of(values[one], values[other])
        require(
            said == right,
            f"{pair}: your accuracies differ by {difference:+.4f}, and two standard errors are "
            f"{2 * error:.4f}; by the rule that is {right!r}, not {said!r}",
        )


@part(1, "The test split is opened once, for one network, at the end")
def tested(answers):
    import gpc
    import keras

    model, said = answers.kind("chosen", keras.Model), answers.kind("test_accuracy", float, np.floating)
    openings = answers["data"].test_openings
    require(
        openings == 1,
        f"the test split was opened {openings} times; once, after everything is decided. Keep what "
        "`data.open_test()` returns in a variable",
    )
    right = accuracy(model, gpc.data.load("digits").open_test())
    require(
        close(said, right, absolute=0.005),
        f"`test_accuracy` says {said:.3f}; on the test split `chosen` has {right:.3f}",
    )
