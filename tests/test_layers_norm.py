"""`FusedBatchNormalization` is Keras's `BatchNormalization`: same numbers, gradients and statistics."""

import keras
import numpy as np
import pytest
from keras import layers, ops

from gpc.layers import FusedBatchNormalization

RANDOM = np.random.default_rng(3)
SHAPE = (4, 5, 3, 6)


def pair(**options):
    """Keras's layer and ours, built alike, with weights that are no zeros and ones."""
    found = [kind(**options) for kind in (layers.BatchNormalization, FusedBatchNormalization)]
    axis = options.get("axis", -1)
    for one in found:
        one.build(SHAPE)
    values = [RANDOM.uniform(0.5, 2, size=(SHAPE[axis],)) for _ in found[0].weights]
    for one in found:
        one.set_weights(values)
    return found


def close(ours, theirs, tolerance=1e-5):
    for one, other in zip(ours, theirs, strict=True):
        one, other = (ops.convert_to_numpy(ops.cast(each, "float32")) for each in (one, other))
        np.testing.assert_allclose(one, other, atol=tolerance * max(1, np.abs(other).max()), rtol=tolerance)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"scale": False},
        {"center": False},
        {"momentum": 0.5, "epsilon": 0.1},
        {"axis": 1},
        {"trainable": False},
        pytest.param({"dtype": "float64"}, marks=pytest.mark.tensorflow),  # JAX has none unless told
    ],
    ids=str,
)
@pytest.mark.parametrize("training", [False, True])
def test_same_outputs_and_statistics(options, training):
    keras_own, fused = pair(**options)
    x = ops.convert_to_tensor(RANDOM.normal(2, 3, size=SHAPE), dtype=options.get("dtype", "float32"))
    close([fused(x, training=training)], [keras_own(x, training=training)])
    close(fused.weights, keras_own.weights)


@pytest.mark.parametrize("precision", ["mixed_float16", "mixed_bfloat16"])
def test_same_in_mixed_precision(precision):
    keras_own, fused = pair(dtype=precision)
    x = ops.convert_to_tensor(RANDOM.normal(2, 3, size=SHAPE), dtype=precision.removeprefix("mixed_"))
    ours, theirs = (layer(x, training=True) for layer in (fused, keras_own))
    assert keras.backend.standardize_dtype(ours.dtype) == precision.removeprefix("mixed_")
    close([ours], [theirs], tolerance=1e-2)
    close(fused.weights, keras_own.weights, tolerance=1e-3)


def test_a_mask_is_heeded():
    keras_own, fused = pair()
    x, mask = RANDOM.normal(size=SHAPE).astype("float32"), RANDOM.random(SHAPE[:3]) < 0.5
    everything = ops.convert_to_numpy(fused(x, training=True))
    keras_own(x, training=True)
    masked = ops.convert_to_numpy(fused(x, training=True, mask=mask))
    close([masked], [keras_own(x, training=True, mask=mask)])
    assert np.abs(masked - everything).max() > 0.01


def test_same_steps_of_training():
    """Gradients of input and weights: two convolutions around the norm, three steps, one seed."""
    ends = []
    x = RANDOM.normal(size=(16, *SHAPE[1:])).astype("float32")
    y = RANDOM.normal(size=(16, 2)).astype("float32")
    for kind in (layers.BatchNormalization, FusedBatchNormalization):
        keras.utils.set_random_seed(1)
        net = keras.Sequential(
            [keras.Input(SHAPE[1:]), layers.Conv2D(4, 3), kind(), layers.Flatten(), layers.Dense(2)]
        )
        net.compile("sgd", "mse")
        net.fit(x, y, epochs=3, batch_size=8, shuffle=False, verbose=0)
        ends.append(net.get_weights())
    close(ends[1], ends[0], tolerance=1e-4)


def test_one_number_a_channel_has_no_variance():
    fused = FusedBatchNormalization(momentum=0.0)
    assert np.isfinite(ops.convert_to_numpy(fused(ops.ones((1, 1, 1, 3)), training=True))).all()
    assert [ops.convert_to_numpy(fused.moving_variance).tolist()] == [[0.0] * 3]


def test_saved_and_reloaded(tmp_path):
    net = keras.Sequential([keras.Input(SHAPE[1:]), FusedBatchNormalization(momentum=0.7)])
    x = RANDOM.normal(size=SHAPE).astype("float32")
    net(x, training=True)
    net.save(tmp_path / "net.keras")
    again = keras.saving.load_model(tmp_path / "net.keras")
    assert type(again.layers[-1]) is FusedBatchNormalization and again.layers[-1].momentum == 0.7
    np.testing.assert_array_equal(*(ops.convert_to_numpy(each(x)) for each in (net, again)))


@pytest.mark.tensorflow
def test_one_kernel_there_and_one_back():
    """What it is for: on TensorFlow the graph has the kernel, and nothing that takes moments."""
    import tensorflow as tf

    fused = FusedBatchNormalization()
    fused.build(SHAPE)

    @tf.function
    def step(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = tf.reduce_sum(fused(x, training=True) ** 2)
        return tape.gradient(y, x)

    kinds = [op.type for op in step.get_concrete_function(tf.zeros(SHAPE)).graph.get_operations()]
    assert kinds.count("FusedBatchNormV3") == kinds.count("FusedBatchNormGradV3") == 1
    assert "Mean" not in kinds
