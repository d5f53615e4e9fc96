"""InterleavedPointwise against the papers' rules as loops: both schemes, every kind of plan."""

import math

import keras
import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from keras import ops
from layer_twins import PROPERTY, every_nth, grouped_twin, output, swap, swap_back, with_gradients

import gpc.count
from gpc.layers import InterleavedPointwise


def recipe(scheme, channels, filters, width):
    """(how K is grouped or None, interleaving step or None, how L is grouped or None) by the papers' text."""
    if scheme == "divisible":
        groups = max(d for d in range(1, max(1, channels // width) + 1) if channels % d == filters % d == 0)
        if groups == 1:
            return None, None, None
        return {"groups": groups}, filters // groups, {"groups": groups} if channels >= filters else None
    how = {"channels_per_group": width}
    if (
        not (channels > 2 * width or (filters > channels > width))
        or min(math.ceil(channels / width), filters) == 1
    ):
        return None, None, None
    return (how, filters // width, how) if channels >= filters else (how, None, None)


def twin(x, weights, norms, act, scheme, width, strides):
    """The block, channels last: weights and norms are K's and L's (kernel, bias) and (scale, shift)."""
    filters = weights[0][0].shape[-1]
    first, step, second = recipe(scheme, x.shape[-1], filters, width)

    def convolved(x, place, how, strides=(1, 1)):
        kernel, bias = weights[place]
        shape = (x.shape[0], -(-x.shape[1] // strides[0]), -(-x.shape[2] // strides[1]), filters)
        y = grouped_twin(x, kernel, bias, np.zeros(shape), strides=strides, **(how or {"groups": 1}))[0]
        scale, shift = norms[place]
        return act(y * scale + shift)

    k = convolved(x, 0, first, strides)
    shuffled = k[..., every_nth(filters, step)] if step else k
    if first is None:
        return k
    return convolved(shuffled, 1, second) + k if second else shuffled


@PROPERTY
@given(
    scheme=st.sampled_from(["interleaved", "divisible"]),
    channels=st.integers(1, 60),
    filters=st.integers(1, 60),
    width=st.integers(1, 20),
    strides=st.sampled_from([(1, 1), (2, 2)]),
    implementation=st.sampled_from(["auto", "native", "batched", "block_diagonal"]),
    data_format=st.sampled_from(["channels_last", "channels_first"]),
)
@example("interleaved", 48, 40, 8, (2, 2), "auto", "channels_last")
@example("interleaved", 51, 25, 4, (1, 1), "batched", "channels_last")
@example("interleaved", 20, 50, 8, (1, 1), "native", "channels_last")
@example("interleaved", 48, 8, 32, (1, 1), "auto", "channels_last")
@example("divisible", 48, 24, 8, (1, 1), "batched", "channels_last")
@example("divisible", 20, 60, 4, (2, 2), "block_diagonal", "channels_first")
@example("divisible", 60, 10, 4, (1, 1), "auto", "channels_last")
def test_output_is_the_papers(scheme, channels, filters, width, strides, implementation, data_format):
    layer = InterleavedPointwise(
        filters,
        width,
        scheme=scheme,
        strides=strides,
        activation="tanh",
        bias_initializer="normal",
        implementation=implementation,
        data_format=data_format,
    )
    x = np.random.default_rng(0).normal(size=(2, 3, 4, channels)).astype("float32")
    y = swap_back(output(layer, swap(x, data_format)), data_format)
    made = [layer.k] + ([layer.l] if layer.l else [])
    assert (layer.l is not None) == (recipe(scheme, channels, filters, width)[2] is not None)
    weights = [[ops.convert_to_numpy(w) for w in (one.kernel, one.bias)] for one in made]
    wanted = twin(x, weights, [(1, 0)] * 2, np.tanh, scheme, width, strides)
    assert y.shape == wanted.shape and np.abs(y - wanted).max() < 1e-5


@pytest.mark.parametrize("scheme", ["interleaved", "divisible"])
def test_normalization_stands_between_convolution_and_activation(scheme):
    layer = InterleavedPointwise(24, 8, scheme=scheme, normalization="batch", activation="relu")
    x = np.random.default_rng(0).normal(size=(2, 3, 3, 48)).astype("float32")
    layer.build(x.shape)
    assert layer.k.bias is None and layer.l.bias is None
    norms, rng = [], np.random.default_rng(1)
    for norm in (layer.k_norm, layer.l_norm):
        gamma, beta, mean, variance = (rng.uniform(0.5, 2, 24).astype("float32") for _ in range(4))
        norm.set_weights([gamma, beta, mean, variance])
        scale = gamma / np.sqrt(variance + norm.epsilon)
        norms.append((scale, beta - mean * scale))
    weights = [(ops.convert_to_numpy(one.kernel), None) for one in (layer.k, layer.l)]
    wanted = twin(x, weights, norms, lambda v: np.maximum(v, 0), scheme, 8, (1, 1))
    assert np.abs(ops.convert_to_numpy(layer(x)) - wanted).max() < 1e-5
    before = layer.k_norm.moving_mean.numpy() if hasattr(layer.k_norm.moving_mean, "numpy") else None
    layer(x, training=True)
    after = ops.convert_to_numpy(layer.k_norm.moving_mean)
    assert before is None or not np.array_equal(before, after)


def test_gradients_of_input_and_all_weights_are_differences():
    layer = InterleavedPointwise(10, 4, activation="tanh", bias_initializer="normal")
    x = np.random.default_rng(0).normal(size=(2, 2, 2, 13)).astype("float32")
    layer.build(x.shape)
    gradient = np.random.default_rng(1).normal(size=(2, 2, 2, 10)).astype("float32")
    weights = layer.get_weights()
    found = with_gradients(layer, x, gradient)[1:]

    def value(numbers):
        k, l = ((numbers[1], numbers[2]), (numbers[3], numbers[4]))
        return (twin(numbers[0], [k, l], [(1, 0)] * 2, np.tanh, "interleaved", 4, (1, 1)) * gradient).sum()

    numbers = [np.asarray(a, "float64") for a in (x, *weights)]
    for place, one in enumerate(found):
        direction = np.random.default_rng(place).normal(size=one.shape)
        ends = [
            [n + sign * 1e-6 * direction if i == place else n for i, n in enumerate(numbers)]
            for sign in (1, -1)
        ]
        slope = (value(ends[0]) - value(ends[1])) / 2e-6
        assert (one * direction).sum() == pytest.approx(slope, rel=1e-4, abs=1e-4)


class Halved(keras.layers.Layer):
    """A normalization that knows nothing of training."""

    def call(self, inputs):
        return inputs / 2


@pytest.mark.parametrize("normalization", [Halved, Halved(name="mine"), lambda: Halved()])
def test_any_layer_may_normalize(normalization):
    x = np.random.default_rng(0).normal(size=(1, 2, 2, 32)).astype("float32")
    layer = InterleavedPointwise(16, 8, normalization=normalization)
    y = ops.convert_to_numpy(layer(x, training=True))
    weights = [(ops.convert_to_numpy(one.kernel), None) for one in (layer.k, layer.l)]
    wanted = twin(x, weights, [(0.5, 0)] * 2, lambda v: v, "interleaved", 8, (1, 1))
    assert np.abs(y - wanted).max() < 1e-5
    assert layer.k_norm is not layer.l_norm and not layer.use_bias


def test_k_and_l_start_apart_even_from_one_seed():
    for initializer in ("glorot_uniform", keras.initializers.GlorotUniform(7)):
        layer = InterleavedPointwise(64, 16, kernel_initializer=initializer)
        layer.build((None, 4, 4, 64))
        k, l = (ops.convert_to_numpy(one.kernel) for one in (layer.k, layer.l))
        assert k.shape == l.shape and abs(np.corrcoef(k.ravel(), l.ravel())[0, 1]) < 0.1
    again = InterleavedPointwise(64, 16, kernel_initializer=initializer)
    again.build((None, 4, 4, 64))
    assert np.array_equal(ops.convert_to_numpy(again.l.kernel), l)


def test_cost_is_the_plans_and_names_every_tensor():
    inputs = keras.Input((7, 7, 1152))
    layer = InterleavedPointwise(320, normalization="batch", activation="swish")
    counted = gpc.count.cost(keras.Model(inputs, layer(inputs)))
    assert layer.plan.kernel_parameters == 10240
    assert counted.macs == 49 * 10240 and counted.parameters == 10240 + 2 * 4 * 320
    row = next(row for row in counted.layers if row.name == layer.name)
    assert row.kind == "interleaved pointwise" and row.activation_bytes == 7 * 49 * 320 * 4


@pytest.mark.parametrize(
    ("arguments", "error", "says"),
    [
        ({"scheme": "V2"}, ValueError, "scheme='V2' must be one of 'interleaved', 'divisible'"),
        ({"channels_per_group": 0}, ValueError, "channels_per_group=0 must be at least 1"),
        ({"normalization": "layer"}, TypeError, "received 'layer'"),
        ({"normalization": dict}, TypeError, "which returned {}"),
        ({"strides": -1}, ValueError, "strides=-1 must be at least 1"),
    ],
)
def test_bad_arguments_are_named(arguments, error, says):
    with pytest.raises(error, match=says):
        InterleavedPointwise(8, **arguments)
