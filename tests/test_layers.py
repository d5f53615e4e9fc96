"""GroupedPointwise against loops over plain numbers, and against Keras's own convolutions."""

import keras
import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from keras import ops
from layer_twins import PROPERTY, grouped_twin, groupings, swap, swap_back, with_gradients

import gpc.count
from gpc.layers import IMPLEMENTATIONS, GroupedPointwise
from gpc.layers.arithmetic import grouped_pointwise

FORMATS = ("channels_last", "channels_first")


def drawn(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def close(found, wanted, tolerance=1e-5):
    """Equal to `tolerance` of the largest number that is wanted, at least of 1."""
    assert found.shape == wanted.shape
    assert np.abs(found - wanted).max(initial=0) <= tolerance * max(1, np.abs(wanted).max(initial=0))


@PROPERTY
@given(
    how=groupings(),
    size=st.tuples(st.integers(1, 3), st.integers(1, 5), st.integers(1, 5)),
    strides=st.sampled_from([(1, 1), (2, 2), (2, 1), (3, 2)]),
    interleave=st.integers(1, 40),
    implementation=st.sampled_from(["auto", *IMPLEMENTATIONS]),
    data_format=st.sampled_from(FORMATS),
    bias=st.booleans(),
)
@example((36, 50, {"channels_per_group": 16}), (2, 3, 3), (1, 1), 1, "native", "channels_last", True)
@example((40, 23, {"groups": 7}), (1, 3, 3), (2, 2), 9, "batched", "channels_last", True)
@example((24, 24, {"channels_per_group": 3}), (2, 2, 2), (1, 1), 4, "batched", "channels_last", False)
@example((24, 24, {"channels_per_group": 8}), (2, 2, 2), (1, 1), 12, "batched", "channels_last", False)
@example((13, 30, {"groups": 5}), (2, 3, 2), (2, 1), 5, "block_diagonal", "channels_first", True)
# As wide as there are filters: there TensorFlow's graph optimizer takes a broadcast bias for one along the width.
@example((2, 4, {"groups": 2}), (1, 3, 4), (1, 1), 1, "native", "channels_first", True)
@example((1, 2, {"groups": 1}), (1, 1, 2), (1, 1), 1, "auto", "channels_first", True)
def test_output_and_every_gradient_are_the_loops(
    how, size, strides, interleave, implementation, data_format, bias
):
    in_channels, filters, how = how
    step = min(interleave, in_channels)
    layer = GroupedPointwise(
        filters,
        **how,
        strides=strides,
        use_bias=bias,
        bias_initializer="normal",
        interleave=step,
        implementation=implementation,
        data_format=data_format,
    )
    x = drawn(*size, in_channels)
    layer.build(swap(x, data_format).shape)
    gradient = drawn(size[0], -(-size[1] // strides[0]), -(-size[2] // strides[1]), filters, seed=1)
    weights = [ops.convert_to_numpy(w) for w in layer.trainable_variables]
    wanted = grouped_twin(
        x, weights[0], weights[1] if bias else None, gradient, strides=strides, step=step, **how
    )
    y, for_x, *for_weights = with_gradients(layer, swap(x, data_format), swap(gradient, data_format))
    found = [swap_back(y, data_format), swap_back(for_x, data_format), *for_weights]
    assert len(found) == (4 if bias else 3)
    for one, other in zip(found, wanted, strict=False):
        close(one, other)


@pytest.mark.parametrize("data_format", FORMATS)
@pytest.mark.parametrize("implementation", ["auto", *IMPLEMENTATIONS])
def test_weights_of_a_grouped_convolution_copy_over(implementation, data_format):
    if keras.backend.backend() == "tensorflow" and data_format == "channels_first":
        pytest.skip("TensorFlow compiles Keras's grouped convolution by XLA, on a CPU for channels last only")
    theirs = keras.layers.Conv2D(
        48, 1, groups=4, strides=2, bias_initializer="normal", data_format=data_format
    )
    ours = GroupedPointwise(48, groups=4, strides=2, implementation=implementation, data_format=data_format)
    x = swap(drawn(2, 5, 7, 24), data_format)
    wanted = ops.convert_to_numpy(theirs(x))
    ours.build(x.shape)
    ours.set_weights(theirs.get_weights())
    close(ops.convert_to_numpy(ours(x)), wanted)


@pytest.mark.parametrize("implementation", ["auto", *IMPLEMENTATIONS])
@pytest.mark.parametrize("filters", [3, 80])
def test_one_group_is_the_dense_convolution(filters, implementation):
    theirs = keras.layers.Conv2D(filters, 1, bias_initializer="normal", activation="relu")
    ours = GroupedPointwise(filters, groups=1, activation="relu", implementation=implementation)
    x = drawn(2, 4, 4, 96)
    wanted = ops.convert_to_numpy(theirs(x))
    ours.build(x.shape)
    ours.set_weights(theirs.get_weights())
    close(ops.convert_to_numpy(ours(x)), wanted)


def test_implementations_agree_on_a_wide_layer():
    x, found = drawn(2, 8, 8, 672), []
    for implementation in IMPLEMENTATIONS:
        layer = GroupedPointwise(
            192, 16, implementation=implementation, kernel_initializer=keras.initializers.HeNormal(1)
        )
        found.append(ops.convert_to_numpy(layer(x)))
    assert np.abs(found[0] - found[1]).max() < 1e-5
    assert np.abs(found[0] - found[2]).max() < 1e-5


@pytest.mark.parametrize("data_format", FORMATS)
@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
def test_unknown_sizes_and_shapes_known_in_advance(implementation, data_format):
    sizes = (None, None, 20) if data_format == "channels_last" else (20, None, None)
    layer = GroupedPointwise(
        23, 6, strides=(2, 1), interleave=3, implementation=implementation, data_format=data_format
    )
    inputs = keras.Input(sizes)
    model = keras.Model(inputs, layer(inputs))
    known = (None, None, None, 23) if data_format == "channels_last" else (None, 23, None, None)
    assert model.output_shape == known == layer.compute_output_shape((None, *sizes))
    for x in (drawn(2, 5, 4, 20), drawn(3, 1, 7, 20)):
        y = ops.convert_to_numpy(model(swap(x, data_format)))
        assert y.shape == layer.compute_output_shape(swap(x, data_format).shape)
        gradient = np.zeros(swap_back(y, data_format).shape)
        wanted = grouped_twin(
            x,
            *(ops.convert_to_numpy(w) for w in layer.weights),
            gradient,
            strides=(2, 1),
            step=3,
            channels_per_group=6,
        )
        close(swap_back(y, data_format), wanted[0])


def test_it_trains_with_what_keras_layers_take():
    layer = GroupedPointwise(
        8,
        groups=2,
        activation="relu",
        kernel_initializer="he_normal",
        kernel_regularizer=keras.regularizers.L2(0.5),
        bias_regularizer="l1",
        activity_regularizer="l2",
        kernel_constraint=keras.constraints.MaxNorm(0.1, axis=[0, 1, 2]),
        bias_constraint="non_neg",
    )
    model = keras.Sequential([keras.Input((4, 4, 8)), layer, keras.layers.GlobalAveragePooling2D()])
    kernel, y = ops.convert_to_numpy(layer.kernel), ops.convert_to_numpy(layer(drawn(2, 4, 4, 8)))
    found = sorted(float(ops.convert_to_numpy(loss)) for loss in layer.losses)
    wanted = sorted([0.5 * (kernel**2).sum(), 0.0, 0.01 * (y**2).sum() / 2])
    assert found == pytest.approx(wanted, rel=1e-4)
    model.compile("sgd", "mse")
    before = model.evaluate(drawn(8, 4, 4, 8), np.ones((8, 8)), verbose=0)
    model.fit(drawn(8, 4, 4, 8), np.ones((8, 8)), epochs=3, verbose=0)
    assert model.evaluate(drawn(8, 4, 4, 8), np.ones((8, 8)), verbose=0) < before
    norms = np.sqrt((ops.convert_to_numpy(layer.kernel) ** 2).sum((0, 1, 2)))
    assert norms.max() <= 0.1 + 1e-6
    assert ops.convert_to_numpy(layer.bias).min() >= 0


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_mixed_precision_computes_in_half_and_keeps_weights_whole(policy):
    layer, whole = GroupedPointwise(50, 16, dtype=policy), GroupedPointwise(50, 16)
    x = drawn(2, 3, 3, 100)
    whole.build(x.shape)
    layer.build(x.shape)
    layer.set_weights(whole.get_weights())
    y = layer(x)
    assert keras.backend.standardize_dtype(y.dtype) == policy.removeprefix("mixed_")
    assert keras.backend.standardize_dtype(layer.kernel.dtype) == "float32"
    close(ops.convert_to_numpy(ops.cast(y, "float32")), ops.convert_to_numpy(whole(x)), 2e-2)
    model = keras.Sequential(
        [keras.Input((3, 3, 100), dtype="float32"), layer, keras.layers.GlobalMaxPooling2D()]
    )
    model.compile("sgd", "mse")
    before = ops.convert_to_numpy(layer.kernel)
    losses = model.fit(x, np.zeros((2, 50)), epochs=3, verbose=0).history["loss"]
    assert np.isfinite(losses).all() and losses[-1] < losses[0]
    assert not np.array_equal(ops.convert_to_numpy(layer.kernel), before)


@pytest.mark.parametrize("strides", [1, 2])
@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
def test_swish_is_written_out_at_inference_and_the_same(implementation, strides):
    options = {"strides": strides, "bias_initializer": "normal", "implementation": implementation}
    layer = GroupedPointwise(23, 16, activation="silu", **options)
    x = drawn(2, 4, 4, 80)
    found = ops.convert_to_numpy(layer(x, training=False))
    close(found, ops.convert_to_numpy(layer(x, training=True)))
    plain = GroupedPointwise(23, 16, **options)
    plain.build(x.shape)
    plain.set_weights(layer.get_weights())
    wanted = ops.convert_to_numpy(plain(x)).astype("float64")
    close(found, wanted / (1 + np.exp(-wanted)))


def test_initial_weights_are_those_of_the_grouped_convolution():
    layer = GroupedPointwise(512, groups=8)
    layer.build((None, 4, 4, 512))
    limit = np.sqrt(6 / (64 + 512))
    found = np.abs(ops.convert_to_numpy(layer.kernel)).max()
    assert layer.kernel.shape == (1, 1, 64, 512) and 0.99 * limit < found <= limit


def test_costs_are_the_groups_and_not_the_zeros():
    inputs = keras.Input((7, 7, 1152))
    layer = GroupedPointwise(320, 16, implementation="block_diagonal")
    counted = gpc.count.cost(keras.Model(inputs, layer(inputs)))
    assert (counted.parameters, counted.macs, counted.pointwise_share) == (320 * 17, 49 * 320 * 16, 1.0)


@pytest.mark.parametrize(
    ("arguments", "error", "says"),
    [
        ({"filters": 0}, ValueError, "filters=0 must be at least 1; nearest that works: 1"),
        ({"filters": 8.0}, TypeError, "filters=8.0 must be an integer"),
        ({"filters": 8, "groups": 0}, ValueError, "groups=0 must be at least 1"),
        (
            {"filters": 8, "groups": 9},
            ValueError,
            "groups=9 is more than filters=8 can fill; nearest that works: 8",
        ),
        ({"filters": 8, "groups": 2, "channels_per_group": 4}, TypeError, "not both"),
        ({"filters": 8, "channels_per_group": "4"}, TypeError, "channels_per_group='4' must be an integer"),
        ({"filters": 8, "strides": 0}, ValueError, "strides=0 must be at least 1"),
        (
            {"filters": 8, "strides": (1, 2, 3)},
            ValueError,
            "must be one integer or two; nearest that works: 1",
        ),
        ({"filters": 8, "interleave": 0}, ValueError, "interleave=0 must be at least 1"),
        ({"filters": 8, "data_format": "NCHW"}, ValueError, "'channels_last', 'channels_first'"),
        (
            {"filters": 8, "implementation": "fast"},
            ValueError,
            "'auto', 'native', 'batched', 'block_diagonal'",
        ),
    ],
)
def test_bad_arguments_are_named(arguments, error, says):
    with pytest.raises(error, match=says):
        GroupedPointwise(**arguments)


@pytest.mark.parametrize(
    ("arguments", "shape", "says"),
    [
        ({"groups": 4}, (None, 4, 4, 3), "groups=4 is more than in_channels=3"),
        ({"interleave": 9}, (None, 4, 4, 8), "step=9 is more than channels=8; nearest that works: 8"),
        ({}, (None, 8), r"needs images.*\(None, 8\)"),
        ({}, (None, 4, 4, None), "needs to know its input's channels"),
    ],
)
def test_bad_inputs_are_named(arguments, shape, says):
    with pytest.raises(ValueError, match=says):
        GroupedPointwise(8, **arguments).build(shape)


def test_another_number_of_channels_than_built_for_is_refused():
    layer = GroupedPointwise(8)
    layer.build((None, 4, 4, 32))
    with pytest.raises(ValueError, match="expected axis -1 of input shape to have value 32"):
        layer(drawn(1, 4, 4, 16))


@pytest.mark.tensorflow
@pytest.mark.parametrize("jit_compile", [False, True])
def test_gradients_written_by_hand_have_gradients_themselves(jit_compile):
    """Filters left over, groups merged, zeros in a block: all that TensorFlow's path rearranges by itself."""
    import tensorflow as tf

    x, found = tf.constant(drawn(1, 2, 2, 80)), []
    for implementation in ("native", "block_diagonal"):
        layer = GroupedPointwise(23, 16, implementation=implementation)
        layer.build(x.shape)
        kernel = tf.constant(drawn(*layer.kernel.shape, seed=1))

        @tf.function(jit_compile=jit_compile)
        def second(x, kernel, layer=layer):
            with tf.GradientTape() as outer:
                outer.watch([x, kernel])
                with tf.GradientTape() as inner:
                    inner.watch([x, kernel])
                    y = grouped_pointwise(x, kernel, layer.grouping, implementation=layer.implementation)
                    loss = tf.reduce_sum(tf.sin(y))
                slopes = inner.gradient(loss, [x, kernel])
                steepness = tf.add_n([tf.reduce_sum(slope**3) for slope in slopes])
            return outer.gradient(steepness, [x, kernel])

        found.append([value.numpy() for value in second(x, kernel)])
    for one, other in zip(*found, strict=True):
        close(one, other, 1e-4)
        assert np.abs(other).max() > 0
