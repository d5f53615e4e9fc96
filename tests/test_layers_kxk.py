"""GroupedConv2D against Keras's grouped convolution and a loop, response normalization against a loop."""

import keras
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from keras import ops
from layer_twins import PROPERTY, output, swap, swap_back, with_gradients
from surgery_support import reloaded, run

from gpc import count, layers, surgery
from gpc.layers import GroupedConv2D, LocalResponseNormalization, grouped_kxk

FORMATS = ("channels_last", "channels_first")
JAX = keras.backend.backend() == "jax"  # which compiles every example anew


def drawn(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def close(found, wanted, tolerance=1e-5):
    assert found.shape == wanted.shape
    assert np.abs(found - wanted).max(initial=0) <= tolerance * max(1, np.abs(wanted).max(initial=0))


def taps(size, kernel, stride, dilation, padding):
    """(output, tap, input) of every product along one axis, zeros laid around as Keras's "same" does."""
    reach = (kernel - 1) * dilation + 1
    outputs = -(-size // stride) if padding == "same" else (size - reach) // stride + 1
    before = max((outputs - 1) * stride + reach - size, 0) // 2 if padding == "same" else 0
    places = [(o, t, o * stride + t * dilation - before) for o in range(outputs) for t in range(kernel)]
    return outputs, [place for place in places if 0 <= place[2] < size]


def loop(x, kernel, bias, gradient_of, *, groups, strides, dilation, padding):
    """The grouped convolution product by product: output, gradients of input, kernel and bias."""
    x, kernel, bias = (np.asarray(a, "float64") for a in (x, kernel, bias))
    each, width = kernel.shape[-1] // groups, kernel.shape[2]
    (height, rows), (span, columns) = (
        taps(x.shape[i + 1], kernel.shape[i], strides[i], dilation[i], padding) for i in (0, 1)
    )
    y = np.zeros((len(x), height, span, kernel.shape[-1])) + bias
    gradient = gradient_of(y.shape)
    for_x, for_kernel = np.zeros(x.shape), np.zeros(kernel.shape)
    for group in range(groups):
        own, out = slice(group * width, (group + 1) * width), slice(group * each, (group + 1) * each)
        for row, i, r in rows:
            for column, j, c in columns:
                weights = kernel[i, j, :, out]
                y[:, row, column, out] += x[:, r, c, own] @ weights
                for_x[:, r, c, own] += gradient[:, row, column, out] @ weights.T
                for_kernel[i, j, :, out] += x[:, r, c, own].T @ gradient[:, row, column, out]
    return y, for_x, for_kernel, gradient.sum((0, 1, 2))


@settings(PROPERTY, max_examples=2 if JAX else 40)
@given(
    groups=st.integers(1, 6),
    widths=st.tuples(st.integers(1, 4), st.integers(1, 4)),
    size=st.tuples(st.integers(1, 2), st.integers(5, 8), st.integers(5, 8)),
    kernel=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    step=st.sampled_from([((1, 1), (1, 1)), ((2, 2), (1, 1)), ((2, 1), (1, 1)), ((1, 1), (2, 2))]),
    padding=st.sampled_from(["same", "valid"]),
    data_format=st.sampled_from(FORMATS),
    native=st.booleans(),
)
@example(2, (3, 4), (2, 7, 7), (3, 3), ((2, 2), (1, 1)), "same", "channels_last", True)
@example(2, (3, 4), (2, 7, 7), (3, 3), ((2, 2), (1, 1)), "same", "channels_last", False)
@example(4, (2, 1), (1, 6, 5), (3, 2), ((1, 1), (2, 2)), "same", "channels_last", True)
@example(3, (1, 2), (1, 5, 6), (3, 3), ((1, 1), (1, 1)), "valid", "channels_first", True)
@example(3, (1, 2), (1, 5, 6), (3, 3), ((1, 1), (1, 1)), "valid", "channels_first", False)
# As wide as there are filters, where a broadcast bias was added along the width.
@example(2, (2, 3), (1, 5, 6), (1, 1), ((1, 1), (1, 1)), "same", "channels_first", True)
def test_output_and_every_gradient_are_the_loops(
    groups, widths, size, kernel, step, padding, data_format, native
):
    (strides, dilation), x = step, drawn(*size, groups * widths[0])
    options = {
        "padding": padding,
        "strides": strides,
        "dilation_rate": dilation,
        "bias_initializer": "normal",
    }
    layer = GroupedConv2D(groups * widths[1], kernel, groups=groups, data_format=data_format, **options)
    layer.build(swap(x, data_format).shape)
    weights = [ops.convert_to_numpy(w) for w in layer.trainable_variables]
    wanted = loop(
        x,
        *weights,
        lambda s: drawn(*s, seed=1),
        groups=groups,
        strides=strides,
        dilation=dilation,
        padding=padding,
    )
    gradient = swap(drawn(*wanted[0].shape, seed=1), data_format)
    with pytest.MonkeyPatch.context() as patch:
        if not native:
            patch.setattr(grouped_kxk, "native_gradient_works", lambda dtype: False)
        y, for_x, *for_weights = with_gradients(layer, swap(x, data_format), gradient)
    found = [swap_back(y, data_format), swap_back(for_x, data_format), *for_weights]
    for one, other in zip(found, wanted, strict=True):
        close(one, other)
    assert layer.compute_output_shape(swap(x, data_format).shape) == y.shape


@pytest.mark.parametrize("options", [{}, {"strides": 2, "padding": "same"}, {"dilation_rate": 2}])
def test_weights_of_a_grouped_convolution_copy_over(options):
    options = {"groups": 2, "bias_initializer": "normal", "activation": "relu", **options}
    theirs, ours = keras.layers.Conv2D(8, 3, **options), GroupedConv2D(8, 3, **options)
    x = drawn(2, 7, 6, 4)
    wanted = ops.convert_to_numpy(theirs(x))
    ours.build(x.shape)
    ours.set_weights(theirs.get_weights())
    gradient = drawn(*wanted.shape, seed=1)
    for one, other in zip(
        with_gradients(ours, x, gradient), with_gradients(theirs, x, gradient), strict=True
    ):
        close(one, other)
    assert {**ours.get_config(), "name": theirs.name} == theirs.get_config()


@pytest.mark.tensorflow
def test_without_a_gradient_of_its_own_there_is_one_convolution_a_group(monkeypatch):
    x, layer = drawn(1, 5, 5, 6), GroupedConv2D(6, 3, groups=3)
    wanted, calls, conv = output(layer, x), [], ops.conv
    monkeypatch.setattr(ops, "conv", lambda *args, **kwargs: calls.append(1) or conv(*args, **kwargs))
    monkeypatch.setattr("keras.src.ops.conv", ops.conv)
    assert np.array_equal(output(layer, x), wanted) and not calls
    monkeypatch.setattr(grouped_kxk, "native_gradient_works", lambda dtype: dtype != "float32")
    close(output(layer, x), wanted)
    assert len(calls) == 3


def net(size=9):
    inputs = keras.Input((size, size, 12))
    x = GroupedConv2D(24, 3, groups=4, strides=2, activation="relu", name="grouped")(inputs)
    x = LocalResponseNormalization(3, k=1.0, alpha=0.1, name="response")(x)
    x = GroupedConv2D(8, 1, groups=2, use_bias=False, name="point")(x)
    return keras.Model(inputs, x)


def test_costs_and_receptive_fields():
    found = count.cost(net())
    rows = {row.name: row for row in found.layers}
    assert rows["grouped"].macs == 4 * 4 * 24 * 9 * 3 and rows["grouped"].pointwise_macs == 0
    assert rows["point"].macs == rows["point"].pointwise_macs == 16 * 8 * 12
    assert rows["response"].macs == 0 and rows["response"].kind == "normalization" and not found.unknown
    fields = count.receptive_field_of(net())
    assert fields["grouped"].window(1, 3) == (2, 4, 6, 8) and fields["point"].window(1, 3) == (2, 4, 6, 8)


def test_surgery_leaves_grouped_layers_and_can_skip_their_stride():
    model = net()
    regrouped, report = surgery.regroup(model, 2, head=True)
    assert [row.layer for row in report.kept] == ["point"] and not report.replaced
    assert regrouped.get_layer("grouped").groups == 4
    wider = surgery.skip_strides(model, 1)
    assert wider.output_shape == (None, 9, 9, 8) and wider.get_layer("grouped").groups == 4


def test_a_saved_model_reloads_equal(tmp_path):
    model, x = net(), drawn(2, 9, 9, 12)
    np.testing.assert_array_equal(run(reloaded(model, tmp_path), x), run(model, x))
    again = keras.layers.deserialize(keras.layers.serialize(model.get_layer("response")))
    assert (again.size, again.k, again.alpha, again.beta) == (3, 1.0, 0.1, 0.75)


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_half_precision(policy):
    whole, half = GroupedConv2D(8, 3, groups=2), GroupedConv2D(8, 3, groups=2, dtype=policy)
    x = drawn(1, 5, 5, 4)
    wanted = output(whole, x)
    half.build(x.shape)
    half.set_weights(whole.get_weights())
    y = half(x)
    assert keras.backend.standardize_dtype(y.dtype) == policy.removeprefix("mixed_")
    close(ops.convert_to_numpy(ops.cast(y, "float32")), wanted, 2e-2)
    loud = ops.convert_to_numpy(ops.cast(LocalResponseNormalization(dtype=policy)(x * 1000), "float32"))
    assert np.isfinite(loud).all() and np.abs(loud).max() > 1


@pytest.mark.parametrize(
    ("arguments", "error", "says"),
    [
        (
            {"filters": 8, "groups": 3},
            ValueError,
            "groups=3 must divide filters=8; nearest that does: 2 or 4",
        ),
        ({"filters": 0}, ValueError, "filters=0 must be at least 1"),
        ({"filters": 8, "groups": 2.0}, TypeError, "groups=2.0 must be an integer"),
    ],
)
def test_bad_arguments_are_named(arguments, error, says):
    with pytest.raises(error, match=says):
        GroupedConv2D(kernel_size=3, **arguments)


def test_bad_inputs_are_named():
    with pytest.raises(
        ValueError, match="groups=4 must divide in_channels=6 and filters=8; nearest that does: 2"
    ):
        GroupedConv2D(8, 3, groups=4).build((None, 5, 5, 6))
    with pytest.raises(ValueError, match="needs images"):
        LocalResponseNormalization().build((None, 6))
    with pytest.raises(ValueError, match="size=4 must be odd.*nearest that works: 3 or 5"):
        LocalResponseNormalization(4)
    with pytest.raises(ValueError, match="k=0 must be above 0 .*nearest that works: k=1.0"):
        LocalResponseNormalization(k=0)


# Response normalization


@PROPERTY
@given(
    channels=st.integers(1, 9),
    size=st.sampled_from([1, 3, 5]),
    constants=st.tuples(st.floats(0.5, 3), st.floats(0, 2), st.floats(0.2, 2)),
    data_format=st.sampled_from(FORMATS),
)
@example(7, 5, (2.0, 1e-4, 0.75), "channels_last")
def test_response_normalization_is_the_papers_formula(channels, size, constants, data_format):
    k, alpha, beta = constants
    x, half = drawn(2, 2, 3, channels), size // 2
    wanted = np.zeros_like(x)
    for i in range(channels):
        neighbours = range(max(0, i - half), min(channels - 1, i + half) + 1)
        wanted[..., i] = x[..., i] / (k + alpha * sum(x[..., j] ** 2 for j in neighbours)) ** beta
    layer = LocalResponseNormalization(size, k=k, alpha=alpha, beta=beta, data_format=data_format)
    close(swap_back(output(layer, swap(x, data_format)), data_format), wanted)


def test_the_defaults_of_response_normalization_are_the_papers():
    layer = layers.LocalResponseNormalization()
    assert (layer.k, layer.size, layer.alpha, layer.beta) == (2, 5, 1e-4, 0.75)
    assert layer.compute_output_shape((None, 4, 4, 6)) == (None, 4, 4, 6)
