"""DeformableConv2D against a loop over plain numbers, and against Keras's convolution where nothing bends."""

import math

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from keras import ops
from layer_twins import with_gradients

from gpc import count
from gpc.layers import DeformableConv2D

JAX = keras.backend.backend() == "jax"  # which compiles every example anew


def drawn(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def result(layer, x):
    """The layer's or model's output as an array; on JAX compiled as one, not operation by operation."""
    if not layer.built:
        layer.build(x.shape)
    if not JAX:
        return ops.convert_to_numpy(layer(x))
    import jax

    state = [[w.value for w in group] for group in (layer.trainable_variables, layer.non_trainable_variables)]
    return np.asarray(jax.jit(lambda state, x: layer.stateless_call(*state, x)[0])(state, x))


def built(shape, *arguments, scale=0.3, seed=2, **options):
    """A layer with weights drawn at random, those of the offsets `scale` times as large."""
    layer = DeformableConv2D(*arguments, **options)
    layer.build(shape)
    for number, weight in enumerate(layer.weights):
        part = scale if number >= len(layer.weights) - 2 else 1
        weight.assign(part * drawn(*weight.shape, seed=seed + number))
    return layer


def convolved(x, kernel, bias, *, strides, padding, dilation, read=None):
    """A convolution tap by tap: each product reads `read(image, row, column, output, tap)`."""
    reach = [(k - 1) * d + 1 for k, d in zip(kernel.shape, dilation, strict=False)]
    sizes = [
        -(-size // s) if padding == "same" else (size - r) // s + 1
        for size, s, r in zip(x.shape[1:3], strides, reach, strict=True)
    ]
    before = [
        max((out - 1) * s + r - size, 0) // 2 if padding == "same" else 0
        for out, s, r, size in zip(sizes, strides, reach, x.shape[1:3], strict=True)
    ]
    y = np.zeros((len(x), *sizes, kernel.shape[-1])) + (0 if bias is None else bias)
    for b, i, j in np.ndindex(len(x), *sizes):
        for tap, (u, v) in enumerate(np.ndindex(*kernel.shape[:2])):
            row = i * strides[0] + u * dilation[0] - before[0]
            column = j * strides[1] + v * dilation[1] - before[1]
            move = (0, 0) if read is None else read.offsets[b, i, j, tap]
            weight = 1 if read is None or read.weights is None else read.weights[b, i, j, tap]
            y[b, i, j] += weight * between(x[b], row + move[0], column + move[1]) @ kernel[u, v]
    return y


def between(image, row, column):
    """The image at a place between pixels, zero outside: (H, W, C) → (C,)."""
    value = np.zeros(image.shape[-1])
    for r in (math.floor(row), math.floor(row) + 1):
        for c in (math.floor(column), math.floor(column) + 1):
            if 0 <= r < image.shape[0] and 0 <= c < image.shape[1]:
                value = value + (1 - abs(row - r)) * (1 - abs(column - c)) * image[r, c]
    return value


class Read:
    """Offsets, and weights of the taps or None, from what the predicting convolution gives."""

    def __init__(self, predicted, taps):
        self.offsets = predicted[..., : 2 * taps].reshape(*predicted.shape[:3], taps, 2)
        more = predicted[..., 2 * taps :]
        self.weights = 1 / (1 + np.exp(-more)) if more.shape[-1] else None


def loop(x, weights, how, taps):
    """The whole layer in float64, from its weights: kernel, bias, and those of the predicting convolution."""
    x, *weights = (np.asarray(each, "float64") for each in (x, *weights))
    *own, kernel, bias = weights
    read = Read(convolved(x, kernel, bias, **how), taps)
    return convolved(x, own[0], own[1] if len(own) > 1 else None, read=read, **how)


def options_of(how):
    return {"strides": how["strides"], "padding": how["padding"], "dilation_rate": how["dilation"]}


HOW = st.fixed_dictionaries(
    {
        "strides": st.sampled_from([(1, 1), (2, 2), (2, 1)]),
        "padding": st.sampled_from(["same", "valid"]),
        "dilation": st.just((1, 1)),
    }
) | st.fixed_dictionaries(
    {
        "strides": st.just((1, 1)),
        "padding": st.sampled_from(["same", "valid"]),
        "dilation": st.sampled_from([(2, 2), (1, 2)]),
    }
)


@settings(deadline=None, max_examples=2 if JAX else 25, derandomize=True)
@given(
    how=HOW,
    kernel=st.sampled_from([(1, 1), (3, 3), (2, 3)]),
    size=st.tuples(st.integers(1, 2), st.integers(5, 7), st.integers(5, 6)),
    channels=st.integers(1, 3),
    modulated=st.booleans(),
    use_bias=st.booleans(),
    scale=st.sampled_from([0.1, 1.0, 30.0]),
)
def test_output_is_the_loops(how, kernel, size, channels, modulated, use_bias, scale):
    x = drawn(*size, channels)
    layer = built(
        x.shape, 4, kernel, scale=scale, modulated=modulated, use_bias=use_bias, **options_of(how)
    )
    wanted = loop(x, layer.get_weights(), how, math.prod(kernel))
    found = result(layer, x)
    assert found.shape == wanted.shape == layer.compute_output_shape(x.shape)
    # A place is rounded to 2^-24 of itself, and a pixel is as far from the next as the image is rough.
    np.testing.assert_allclose(found, wanted, rtol=1e-3, atol=1e-4 * max(1, scale))


WAYS = [("same", 2, 1), ("valid", 1, 2), ("same", 1, 1), ("valid", (1, 2), 1), ("same", 1, 2)]


@pytest.mark.parametrize(("padding", "strides", "dilation"), WAYS[: 2 if JAX else None])
def test_at_zero_offsets_it_is_the_convolution(padding, strides, dilation):
    how = {"strides": strides, "dilation_rate": dilation, "padding": padding, "activation": "relu"}
    theirs = keras.layers.Conv2D(6, 3, bias_initializer="normal", **how)
    x = drawn(2, 8, 7, 5)
    wanted = result(theirs, x)
    for modulated in (False, True):
        ours = DeformableConv2D(6, 3, modulated=modulated, **how)
        ours.build(x.shape)
        kernel, bias = theirs.get_weights()
        ours.kernel.assign(kernel * (2 if modulated else 1))  # every tap counts half at first
        ours.bias.assign(bias)
        np.testing.assert_allclose(result(ours, x), wanted, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("modulated", [False, True])
def test_every_gradient_is_the_finite_difference(modulated):
    how = {"strides": (2, 1), "padding": "same", "dilation": (1, 1)}
    x, step = drawn(1, 4, 4, 2), 1e-6
    layer = built(x.shape, 2, 2, modulated=modulated, **options_of(how))
    given = [x, *layer.get_weights()]
    gradient = drawn(*layer.compute_output_shape(x.shape), seed=9)
    _, *found = with_gradients(layer, x, gradient)
    assert len(found) == len(given) == 5

    def loss(values):
        return (loop(values[0], values[1:], how, 4) * gradient).sum()

    for number, (value, one) in enumerate(zip(given, found, strict=True)):
        assert one.shape == value.shape
        places = list(np.ndindex(*value.shape))
        for place in places[:: max(1, len(places) // 12)]:
            moved = []
            for way in (-step, step):
                values = [np.array(each, "float64") for each in given]
                values[number][place] += way
                moved.append(loss(values))
            assert one[place] == pytest.approx((moved[1] - moved[0]) / (2 * step), rel=2e-3, abs=2e-3)


def test_offsets_have_a_gradient_where_they_start():
    """On a ramp, a step to the next row adds a row's worth: at zero offsets as anywhere else."""
    x = np.repeat(np.arange(6, dtype="float32")[None, :, None, None], 6, axis=2)
    layer = DeformableConv2D(1, 1, kernel_initializer="ones", use_bias=False)
    layer.build(x.shape)
    inside = np.zeros((1, 6, 6, 1), "float32")
    inside[:, 2:4, 2:4] = 1
    *_, for_bias = with_gradients(layer, x, inside)
    np.testing.assert_allclose(for_bias, [4, 0], atol=1e-5)


@pytest.mark.parametrize(("down", "right"), [(1, 0), (-2, 1), (0, -1)])
def test_whole_offsets_read_the_image_moved(down, right):
    x = np.zeros((1, 12, 12, 2), "float32")
    x[:, 3:9, 3:9] = drawn(1, 6, 6, 2)
    theirs = keras.layers.Conv2D(3, 3, use_bias=False)
    wanted = result(theirs, np.roll(x, (-down, -right), (1, 2)))
    layer = DeformableConv2D(3, 3, use_bias=False)
    layer.build(x.shape)
    layer.kernel.assign(theirs.kernel)
    layer.predictor.bias.assign([down, right] * 9)
    np.testing.assert_allclose(result(layer, x), wanted, rtol=1e-4, atol=1e-5)


def test_far_outside_there_is_nothing_and_no_overflow():
    layer = DeformableConv2D(3, 3, padding="same", bias_initializer="ones")
    layer.build((None, 5, 5, 2))
    for far in (1e12, -1e12, 6.0):
        layer.predictor.bias.assign([far] * 18)
        np.testing.assert_array_equal(result(layer, drawn(1, 5, 5, 2)), np.ones((1, 5, 5, 3)))


def test_the_offsets_can_be_looked_at():
    layer = DeformableConv2D(3, (2, 3), strides=2, padding="same", modulated=True)
    x = drawn(2, 7, 8, 4)
    np.testing.assert_array_equal(ops.convert_to_numpy(layer.offsets(x)), np.zeros((2, 4, 4, 6, 2)))
    np.testing.assert_array_equal(ops.convert_to_numpy(layer.modulation(x)), np.full((2, 4, 4, 6), 0.5))
    layer.predictor.bias.assign(np.arange(18))
    offsets = ops.convert_to_numpy(layer.offsets(x))
    np.testing.assert_array_equal(offsets[0, 1, 2], np.arange(12).reshape(6, 2))
    plain = DeformableConv2D(3, 3)
    np.testing.assert_array_equal(ops.convert_to_numpy(plain.modulation(x)), np.ones((2, 5, 6, 9)))


def network(size=None, **options):
    inputs = keras.Input((size, size, 3))
    x = keras.layers.Conv2D(4, 3, activation="relu")(inputs)
    x = DeformableConv2D(6, 3, strides=2, padding="same", name="bent", **options)(x)
    return keras.Model(inputs, keras.layers.GlobalAveragePooling2D()(x))


def test_sizes_unknown_in_advance():
    model = network()
    assert model.get_layer("bent").output.shape == (None, None, None, 6)
    layer = model.get_layer("bent")
    for weight in layer.predictor.weights:
        weight.assign(drawn(*weight.shape))
    fixed = network(9)
    fixed.set_weights(model.get_weights())
    x = drawn(2, 9, 9, 3)
    np.testing.assert_allclose(result(model, x), result(fixed, x), rtol=1e-5, atol=1e-6)
    assert result(model, drawn(1, 6, 11, 3)).shape == (1, 6)


def test_it_learns_where_to_look():
    """The target is the image moved by one pixel, which an ordinary 1×1 convolution never reads."""
    x = keras.ops.convert_to_numpy(ops.average_pool(drawn(16, 12, 12, 1), 5, 1, "same")) * 5
    y = np.zeros_like(x)
    y[:, :-1] = x[:, 1:]
    layer = DeformableConv2D(1, 1, kernel_initializer="ones")
    model = keras.Sequential([keras.Input((12, 12, 1)), layer])
    model.compile(keras.optimizers.Adam(0.05), "mse")
    losses = model.fit(x, y, epochs=30, batch_size=16, verbose=0).history["loss"]
    assert losses[-1] < 0.4 * losses[0]
    assert ops.convert_to_numpy(layer.offsets(x))[..., 0].mean() > 0.3


def test_it_is_saved_and_loaded(tmp_path):
    model = network(9, modulated=True, kernel_regularizer="l2", activation="tanh")
    for weight in model.get_layer("bent").predictor.weights:
        weight.assign(drawn(*weight.shape))
    model.save(tmp_path / "net.keras")
    again = keras.models.load_model(tmp_path / "net.keras")
    x = drawn(2, 9, 9, 3)
    np.testing.assert_array_equal(result(again, x), result(model, x))
    assert again.get_layer("bent").get_config() == model.get_layer("bent").get_config()


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_mixed_precision_computes_in_half_and_keeps_weights_and_places_whole(policy):
    x = drawn(2, 7, 6, 8)
    half, whole = (built(x.shape, 5, 3, scale=0.1, dtype=dtype) for dtype in (policy, "float32"))
    y = half(x)
    assert keras.backend.standardize_dtype(y.dtype) == policy.removeprefix("mixed_")
    assert {keras.backend.standardize_dtype(weight.dtype) for weight in half.weights} == {"float32"}
    assert keras.backend.standardize_dtype(half.offsets(x).dtype) == "float32"
    wanted = result(whole, x)
    assert np.abs(ops.convert_to_numpy(ops.cast(y, "float32")) - wanted).max() < 0.02 * np.abs(wanted).max()


def test_what_it_costs():
    inputs = keras.Input((9, 9, 4))
    layer = DeformableConv2D(16, 3, strides=2, modulated=True)
    found = count.cost(keras.Model(inputs, layer(inputs)))
    window = 9 * 4
    assert found.macs == 16 * (window * 16 + window * 27 + 4 * window)
    assert found.parameters == layer.count_params() == window * 16 + 16 + window * 27 + 27
    assert found.pointwise_share == 0
    assert found.layers[-1].activation_bytes == 4 * 16 * (window + 27 + 16)


def test_its_receptive_field_is_that_of_the_window_before_it_bends():
    for padding in ("same", "valid"):
        ours, theirs = (
            count.receptive_field_of(
                keras.Sequential([keras.Input((17, 17, 3)), kind(4, 3, strides=2, padding=padding, name="c")])
            )["c"]
            for kind in (DeformableConv2D, keras.layers.Conv2D)
        )
        assert (ours.rows, ours.columns, ours.size) == (theirs.rows, theirs.columns, (3, 3))


@pytest.mark.parametrize(
    ("arguments", "options", "error", "says"),
    [
        ((0, 3), {}, ValueError, "filters=0 must be at least 1"),
        ((4, 0), {}, ValueError, "kernel_size=0 must be at least 1"),
        ((4, (3, 3, 3)), {}, ValueError, "must be one integer or two"),
        ((4, 3), {"groups": 2}, ValueError, "groups=2: a deformable convolution has none"),
        ((4, 3), {"data_format": "channels_first"}, ValueError, "channels last.*Permute"),
    ],
)
def test_bad_arguments_are_named(arguments, options, error, says):
    with pytest.raises(error, match=says):
        DeformableConv2D(*arguments, **options)


def test_bad_inputs_are_named():
    with pytest.raises(ValueError, match=r"needs images.*\(None, 8\)"):
        DeformableConv2D(4, 3).build((None, 8))
