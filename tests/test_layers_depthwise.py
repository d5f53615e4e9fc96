"""`FusedDepthwiseConv2D` is Keras's `DepthwiseConv2D`: same numbers, gradients, counts and files; fused at
inference."""

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from keras import layers, ops
from layer_twins import PROPERTY

from gpc import count, export, surgery
from gpc.layers import FusedBatchNormalization, FusedDepthwiseConv2D

RANDOM = np.random.default_rng(5)


def pair(shape, **options):
    """Keras's layer and ours, built alike."""
    found = [kind(**options) for kind in (layers.DepthwiseConv2D, FusedDepthwiseConv2D)]
    for one in found:
        one.build(shape)
    values = [RANDOM.normal(size=weight.shape) for weight in found[0].weights]
    for one in found:
        one.set_weights(values)
    return found


def close(ours, theirs, tolerance=1e-5):
    ours, theirs = (ops.convert_to_numpy(ops.cast(each, "float32")) for each in (ours, theirs))
    np.testing.assert_allclose(ours, theirs, atol=tolerance * max(1, np.abs(theirs).max()), rtol=tolerance)


@PROPERTY
@given(
    channels=st.integers(1, 9),
    size=st.tuples(st.integers(5, 9), st.integers(5, 9)),
    kernel=st.sampled_from([1, 2, 3, 5, (1, 3)]),
    strides=st.sampled_from([1, 2]),
    padding=st.sampled_from(["same", "valid"]),
    each=st.sampled_from([1, 2, 3]),
    bias=st.booleans(),
    activation=st.sampled_from([None, "relu", "silu", "tanh"]),
    training=st.booleans(),
)
def test_same_outputs(channels, size, kernel, strides, padding, each, bias, activation, training):
    shape = (2, *size, channels)
    keras_own, ours = pair(
        shape, kernel_size=kernel, strides=strides, padding=padding, depth_multiplier=each, use_bias=bias,
        activation=activation, bias_initializer="normal",
    )  # fmt: skip
    x = ops.convert_to_tensor(RANDOM.normal(size=shape), dtype="float32")
    close(ours(x, training=training), keras_own(x))


@pytest.mark.parametrize(
    "options",
    [
        {"dilation_rate": 2},
        {"dtype": "mixed_bfloat16"},
        {"dtype": "mixed_float16"},
        pytest.param({"dtype": "float64"}, marks=pytest.mark.tensorflow),
        pytest.param({"data_format": "channels_first"}, marks=pytest.mark.tensorflow),
    ],
    ids=str,
)
def test_same_outputs_where_keras_own_call_may_have_to_run(options):
    shape = (2, 6, 7, 8)
    keras_own, ours = pair(shape, kernel_size=3, **options)
    x = ops.convert_to_tensor(RANDOM.normal(size=shape), dtype="float32")
    tolerance = 2e-2 if "mixed" in str(options) else 1e-5
    close(ours(x), keras_own(x), tolerance)


@pytest.mark.tensorflow
def test_same_gradients_at_inference():
    """What Grad-CAM asks for: the gradient of a network that is not training."""
    import tensorflow as tf

    found = []
    x = tf.constant(RANDOM.normal(size=(2, 8, 8, 6)), dtype="float32")
    for layer in pair(x.shape, kernel_size=3, strides=2, padding="same"):
        with tf.GradientTape() as tape:
            tape.watch(x)
            total = tf.reduce_sum(layer(x) ** 2)
        found.append(tape.gradient(total, [x, layer.kernel.value]))
    for ours, theirs in zip(found[1], found[0], strict=True):
        close(ours, theirs)


@pytest.mark.tensorflow
def test_a_grouped_convolution_at_inference_alone():
    """What it is for: the operation that TensorFlow's graph optimizer takes a batch norm into."""
    import tensorflow as tf

    layer = FusedDepthwiseConv2D(3)
    layer.build((None, 6, 6, 4))

    def kinds(training):
        step = tf.function(lambda x: layer(x, training=training))
        graph = step.get_concrete_function(tf.zeros((1, 6, 6, 4))).graph
        return {op.type for op in graph.get_operations()} & {"Conv2D", "DepthwiseConv2dNative"}

    assert kinds(False) == {"Conv2D"} and kinds(True) == {"DepthwiseConv2dNative"}
    layer.fused = False
    assert kinds(False) == {"DepthwiseConv2dNative"}


def network(kind):
    x = inputs = keras.Input((12, 12, 8))
    x = layers.ZeroPadding2D(((0, 1), (0, 1)))(x)
    x = kind(3, strides=2, use_bias=False, name="dw")(x)
    x = layers.Activation("silu")(layers.BatchNormalization(name="norm")(x))
    return keras.Model(inputs, layers.Conv2D(64, 1, name="narrow")(x))


def test_counted_like_keras_own():
    ours, theirs = (count.cost(network(kind)) for kind in (FusedDepthwiseConv2D, layers.DepthwiseConv2D))
    assert ours.by_kind().keys() == theirs.by_kind().keys()
    assert (ours.macs, ours.parameters) == (theirs.macs, theirs.parameters)
    kinds = (FusedDepthwiseConv2D, layers.DepthwiseConv2D)
    fields = [count.receptive_field_of(network(kind)) for kind in kinds]
    ours, theirs = ([(field.size, field.window(2, 3)) for field in found.values()] for found in fields)
    assert ours == theirs and ours[-1][0] == (3, 3)


def test_saved_and_reloaded(tmp_path):
    net = network(FusedDepthwiseConv2D)
    net.save(tmp_path / "net.keras")
    again = keras.saving.load_model(tmp_path / "net.keras")
    x = RANDOM.normal(size=(2, 12, 12, 8)).astype("float32")
    assert type(again.get_layer("dw")) is FusedDepthwiseConv2D
    np.testing.assert_array_equal(*(ops.convert_to_numpy(each(x)) for each in (net, again)))


@pytest.mark.parametrize("fused", [True, False])
def test_surgery_puts_it_in_place_of_keras_own(fused):
    net = network(layers.DepthwiseConv2D)
    norm, depthwise = net.get_layer("norm"), net.get_layer("dw")
    norm.set_weights([RANDOM.uniform(0.5, 2, size=(8,)) for _ in norm.weights])
    new, report = surgery.regroup(net, 2, head=True, fused=fused)
    kinds = (FusedDepthwiseConv2D, FusedBatchNormalization) if fused else (type(depthwise), type(norm))
    assert report.replaced and tuple(type(new.get_layer(name)) for name in ("dw", "norm")) == kinds
    for name in ("dw", "norm"):
        both = (model.get_layer(name).get_weights() for model in (new, net))
        for one, other in zip(*both, strict=True):
            np.testing.assert_array_equal(one, other)
    whole, _ = surgery.fold(net)
    assert type(whole.get_layer("dw")) is FusedDepthwiseConv2D
    x = RANDOM.normal(size=(2, 12, 12, 8)).astype("float32")
    close(whole(x), net(x))


@pytest.mark.tensorflow
def test_files_keep_depthwise_kernels():
    """LiteRT has routines for them; in a dynamic-range file it computes grouped convolutions slowly."""
    net, _ = surgery.regroup(network(layers.DepthwiseConv2D), 2, head=True)
    x = RANDOM.normal(size=(1, 12, 12, 8)).astype("float32")
    content = export.litert(net, weights="dynamic")
    close(export.run(content, x), net(x), tolerance=5e-2)
    assert net.get_layer("dw").fused is True
    from gpc.export.running import interpreter

    ready = interpreter(content)
    assert "DEPTHWISE_CONV_2D" in {op["op_name"] for op in ready._get_ops_details()}
