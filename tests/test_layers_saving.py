"""The layers leave the process: `.keras`, SavedModel, LiteRT, configurations."""

import keras
import numpy as np
import pytest
from keras import ops

from gpc.layers import IMPLEMENTATIONS, ChannelShuffle, GroupedPointwise, InterleavedPointwise


def net(implementation="auto", size=12):
    """Every layer, channels that repeat, filters that don't divide, steps that don't either."""
    inputs = keras.Input((size, size, 36))
    x = GroupedPointwise(50, 16, activation="relu", implementation=implementation)(inputs)
    x = ChannelShuffle(step=7)(x)
    x = InterleavedPointwise(
        40, 8, strides=2, activation="swish", normalization="batch", implementation=implementation
    )(x)
    x = ChannelShuffle(4)(x)
    x = InterleavedPointwise(
        80,
        8,
        scheme="divisible",
        normalization=keras.layers.BatchNormalization(momentum=0.9),
        activation="relu",
    )(x)
    x = keras.layers.GlobalAveragePooling2D()(x)
    return keras.Model(inputs, keras.layers.Dense(3)(x))


def images(size=12):
    return np.random.default_rng(0).normal(size=(2, size, size, 36)).astype("float32")


def test_a_saved_model_reloads_equal(tmp_path):
    model, x = net(), images()
    model(x, training=True)
    wanted = ops.convert_to_numpy(model(x))
    model.save(tmp_path / "net.keras")
    again = keras.models.load_model(tmp_path / "net.keras")
    assert np.abs(ops.convert_to_numpy(again(x)) - wanted).max() == 0.0
    assert [layer.get_config() for layer in again.layers] == [layer.get_config() for layer in model.layers]
    momenta = [layer.k_norm.momentum for layer in again.layers if isinstance(layer, InterleavedPointwise)]
    assert momenta == [0.99, 0.9]


def test_a_clone_is_the_same_architecture():
    model = net()
    clone = keras.models.clone_model(model)
    assert [w.shape for w in clone.weights] == [w.shape for w in model.weights]
    clone.set_weights(model.get_weights())
    found, wanted = (ops.convert_to_numpy(each(images())) for each in (clone, model))
    assert np.array_equal(found, wanted)


@pytest.mark.parametrize(
    "layer",
    [
        GroupedPointwise(
            8, groups=2, strides=(1, 2), interleave=3, data_format="channels_first", implementation="batched"
        ),
        GroupedPointwise(
            8, kernel_regularizer="l2", bias_constraint="non_neg", activation="swish", use_bias=False
        ),
        ChannelShuffle(3, data_format="channels_first"),
        ChannelShuffle(step=3, name="mixed"),
        InterleavedPointwise(
            8, 4, scheme="divisible", normalization=keras.layers.GroupNormalization(2), strides=2
        ),
        InterleavedPointwise(
            8, use_bias=True, normalization="batch", kernel_constraint="max_norm", dtype="mixed_float16"
        ),
    ],
    ids=lambda layer: layer.name,
)
def test_a_configuration_makes_the_layer_again(layer):
    again = keras.layers.deserialize(keras.layers.serialize(layer))
    assert type(again) is type(layer)
    assert keras.layers.serialize(again) == keras.layers.serialize(layer)


@pytest.mark.tensorflow
@pytest.mark.parametrize("size", [12, None])
@pytest.mark.parametrize("implementation", ["auto", *IMPLEMENTATIONS])
def test_exports_compute_the_same(tmp_path, implementation, size):
    import tensorflow as tf
    from ai_edge_litert.interpreter import Interpreter

    model, x = net(implementation, size), images()
    model(x, training=True)
    wanted = ops.convert_to_numpy(model(x))
    model.export(tmp_path / "net", verbose=False)
    artifact = tf.saved_model.load(tmp_path / "net")  # held: it owns the variables
    assert np.abs(artifact.serve(x).numpy() - wanted).max() <= 1e-5
    model.export(tmp_path / "net.tflite", format="litert", verbose=False)
    interpreter = Interpreter(str(tmp_path / "net.tflite"))
    (given,), (found,) = interpreter.get_input_details(), interpreter.get_output_details()
    interpreter.resize_tensor_input(given["index"], x.shape)
    interpreter.allocate_tensors()
    interpreter.set_tensor(given["index"], x)
    interpreter.invoke()
    assert np.abs(interpreter.get_tensor(found["index"]) - wanted).max() <= 1e-5


@pytest.mark.tensorflow
def test_a_model_asked_to_compile_by_xla_is_not():
    model = net()
    with pytest.warns(UserWarning, match="doesn't support `jit_compile=True`"):
        model.compile("sgd", "mse", jit_compile=True)
    assert model.jit_compile is False


@pytest.mark.tensorflow
def test_a_device_gets_one_grouped_convolution_with_its_kernel_ready(tmp_path):
    """The zeros between merged groups are put in when the file is written, not at each call."""
    from ai_edge_litert.interpreter import Interpreter

    inputs = keras.Input((4, 4, 672))
    model = keras.Model(inputs, GroupedPointwise(192, 16, implementation="native")(inputs))
    model.export(tmp_path / "net.tflite", format="litert", verbose=False)
    interpreter = Interpreter(str(tmp_path / "net.tflite"))
    interpreter.allocate_tensors()
    steps = [step["op_name"] for step in interpreter._get_ops_details()]
    assert steps.count("CONV_2D") == 1 and not {"GATHER", "GATHER_ND", "MUL", "PAD", "PADV2"} & set(steps)
