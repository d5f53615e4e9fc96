"""Assignment 1, count and convert under a budget: ten points."""

import functools

import numpy as np

from grading import Wrong, close, part, require
from grading.answers import shielded

WIDTHS = (32, 16, 8, 4, 2)
BUDGET = 16_000
ENOUGH = 0.8  # of the validation digits


def small_network():
    """A network with what is easily counted wrong: biases, 3×3, depthwise 1×1 and dense layers."""
    import keras
    from keras import layers

    x = inputs = keras.Input((8, 8, 3))
    x = layers.Conv2D(24, 3, padding="same")(x)
    x = layers.Conv2D(96, 1, use_bias=False)(x)
    x = layers.BatchNormalization()(x)
    x = layers.DepthwiseConv2D(1)(x)
    x = layers.Conv2D(96, (1, 1), strides=2)(x)
    x = layers.ReLU()(x)
    x = layers.GlobalAveragePooling2D()(x)
    return keras.Model(inputs, layers.Dense(5)(x))


def cases():
    """Layers drawn anew at every grading: (height, width, in_channels, filters, groups)."""
    draw = np.random.default_rng()
    for groups in (1, *draw.integers(2, 9, 3)):
        height, width, inside, outside = draw.integers(2, 12, 4)
        yield tuple(int(n) for n in (height, width, inside * groups, outside * groups, groups))


def cost(answers, case):
    """What `pointwise_cost` says of a case: two numbers."""
    given = answers.function("pointwise_cost")(*case[:4], groups=case[4])
    if not isinstance(given, tuple) or len(given) != 2:
        raise Wrong(f"`pointwise_cost{case}` returns {given!r}; a pair (weights, macs) is needed")
    return given


@part(1, "The weights of a grouped 1×1 layer")
def weights(answers):
    for case in cases():
        *_, inside, filters, groups = case
        right, given = inside // groups * filters, cost(answers, case)[0]
        hint = f"each of the {filters} filters has a weight for every channel it reads; how many are they?"
        if groups > 1 and close(given, inside * filters):
            hint = "that is the dense layer: a filter reads the channels of its own group only"
        if close(given, right + filters):
            hint = "that includes the bias; the layer has none"
        require(close(given, right), f"`pointwise_cost{case}` gives {given} weights. Look again: {hint}")


@part(1, "Its multiply-accumulates")
def macs(answers):
    for case in cases():
        height, width, inside, filters, groups = case
        right, given = height * width * (inside // groups) * filters, cost(answers, case)[1]
        hint = "every weight is used once at each pixel"
        if height * width > 1 and close(given, inside // groups * filters):
            hint = "that is one pixel; the layer works at height · width of them"
        if close(given, 2 * right):
            hint = "those are FLOPs: a multiply-accumulate counts once"
        require(close(given, right), f"`pointwise_cost{case}` gives {given} MACs. Look again: {hint}")


@part(1, "Groups that do not divide are refused")
def refuses(answers):
    for inside, filters, groups in ((6, 4, 4), (8, 6, 4)):
        said = answers.raises("pointwise_cost", ValueError, 5, 5, inside, filters, groups=groups)
        culprit = inside if inside % groups else filters
        require(
            str(groups) in said and str(culprit) in said,
            f"the message {said!r} should name the numbers that do not fit: {groups} groups, {culprit} "
            "channels",
        )


@part(2, "The share of pointwise layers in a network's parameters")
def share(answers):
    model = small_network()
    given, whole = answers.function("pointwise_share")(model), model.count_params()
    one_by_one = 24 * 96 + 96 * 96 + 96
    stem, depthwise = 27 * 24 + 24, 96 + 96
    hints = {
        (one_by_one + stem) / whole: "the 3×3 convolution is counted, too; look at `kernel_size`",
        (one_by_one + depthwise) / whole: "the depthwise layer is counted, too: it mixes no channels",
        (one_by_one - 96) / whole: "the bias of a layer belongs to it",
        100 * one_by_one / whole: "a share lies between 0 and 1",
        one_by_one: "that is the number of parameters; divide by all of the model's",
    }
    hint = next((text for value, text in hints.items() if close(given, value, relative=1e-4)), "")
    hint = hint or "sum `count_params()` of the Conv2D layers with kernel_size (1, 1), and divide"
    right = close(given, one_by_one / whole, relative=1e-4)
    require(right, f"`pointwise_share` gives {given}. Look again: {hint}")


@functools.cache
def sizes():
    """The parameters of the small network regrouped, for each width."""
    import gpc

    model = small_network()
    return {width: gpc.surgery.regroup(model, width).model.count_params() for width in WIDTHS}


def converted(answers, model, budget):
    """What `convert` makes of the model: (model, channels_per_group)."""
    import keras

    given = answers.function("convert")(model, budget)
    if not (isinstance(given, tuple) and len(given) == 2 and isinstance(given[0], keras.Model)):
        raise Wrong("`convert(model, budget)` must return a pair (Keras model, channels_per_group)")
    return given


@part(2, "A converted network stays under the budget")
def budget(answers):
    from gpc.layers import GroupedPointwise

    model, counts = small_network(), sizes()
    for allowed in (counts[16], counts[4] + 1):
        new, _ = converted(answers, model, allowed)
        require(
            new.count_params() <= allowed,
            f"`convert(model, {allowed})` returns {new.count_params()} parameters, more than the budget",
        )
        require(new is not model, "`convert` returns the model it was given; `regroup` makes a new one")
        require(
            new.output_shape == model.output_shape and new.input_shape == model.input_shape,
            f"the new network is {new.input_shape} → {new.output_shape}, the given one "
            f"{model.input_shape} → {model.output_shape}",
        )
        require(
            any(isinstance(layer, GroupedPointwise) for layer in new._flatten_layers()),
            "the new network has no grouped pointwise layer; `gpc.surgery.regroup` puts them in",
        )


@part(1, "It takes the widest groups that fit")
def widest(answers):
    model, counts = small_network(), sizes()
    for width, allowed in ((16, counts[16]), (16, counts[32] - 1), (4, counts[8] - 1)):
        new, said = converted(answers, model, allowed)
        require(
            new.count_params() == counts[width] and said == width,
            f"for a budget of {allowed} the answer is {said} channels a group with {new.count_params()} "
            f"parameters; {width} channels with {counts[width]} fit, too. Try the widest first, and remember "
            "that a budget may be used up to the last parameter",
        )


@part(1, "A budget that can't be met is refused")
def impossible(answers):
    least = min(sizes().values())
    said = answers.raises("convert", ValueError, small_network(), least - 1)
    require(
        str(least) in said.replace(",", "").replace("_", ""),
        f"the message {said!r} should name the smallest number of parameters that can be had, {least}",
    )


@part(1, "The converted network has learned, and its accuracy is what was said")
def learned(answers):
    import gpc
    import keras

    model, said = answers.kind("fitted", keras.Model), answers.kind("accuracy", float, np.floating)
    count = model.count_params()
    require(count <= BUDGET, f"`fitted` has {count} parameters; the budget is {BUDGET}")
    digits = gpc.data.load("digits").validation
    images = (digits.images / 255).astype("float32")
    guesses = shielded("`fitted`, called on images,", model, images, training=False)
    right = float(np.mean(np.argmax(keras.ops.convert_to_numpy(guesses), axis=-1) == digits.labels))
    require(
        close(said, right, absolute=0.005),
        f"`accuracy` says {said:.3f}; on the validation split `fitted` reaches {right:.3f}. "
        "Was it computed on other images, or before the last training?",
    )
    require(right >= ENOUGH, f"`fitted` reaches {right:.3f} on the validation split; {ENOUGH} is asked")
