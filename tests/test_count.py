"""The count room: closed forms, the walk over any model, and the tables, on small models done by hand."""

import json
import math
import xml.etree.ElementTree as ET
from pathlib import Path

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from keras import layers, ops

from gpc import count
from gpc.count import Cost

GOLDEN = json.loads((Path(__file__).parent / "golden" / "golden.json").read_text())


def functional(shape, *chain):
    """A functional model of one layer after the other."""
    inputs = keras.Input(shape)
    x = inputs
    for layer in chain:
        x = layer(x)
    return keras.Model(inputs, x)


def kinds(model, **options):
    return {row.name: row.kind for row in count.cost(model, **options).layers}


# Closed forms


def test_the_forms_at_the_courses_own_numbers():
    assert count.pointwise_macs(7, 7, 512, 4096) == count.dense_macs(7 * 7 * 512, 4096) == 102_760_448
    assert count.pointwise_parameters(512, 4096) == count.dense_macs(512, 4096) == 2_097_152
    assert count.dense_parameters(7 * 7 * 512, 4096) // count.pointwise_parameters(512, 4096) == 49
    assert (count.pointwise_parameters(256, 256), count.pointwise_parameters(256, 256, groups=16)) == (
        65_536,
        4_096,
    )
    assert count.separable_parameters(256, 256, 3) == 67_840
    assert count.separable_parameters(3, 256, 3, bias=True) == 1_051
    assert 2 * count.conv_parameters(64, 64, 3) == 73_728 and count.conv_parameters(64, 64, 5) == 102_400
    assert count.conv_parameters(3, 64, 3) + count.conv_parameters(64, 64, 3) == 38_592


@settings(max_examples=60, deadline=None)
@given(*[st.integers(1, 5)] * 4, st.integers(1, 3), st.integers(1, 4), st.booleans())
def test_the_forms_are_what_keras_builds(height, width, c, f, kernel, groups, bias):
    c, f = c * groups, f * groups
    conv = layers.Conv2D(f, kernel, groups=groups, padding="same", use_bias=bias, kernel_initializer="zeros")
    result = count.cost(functional((height, width, c), conv))
    assert result.parameters == count.conv_parameters(c, f, kernel, groups=groups, bias=bias)
    assert result.macs == count.conv_macs(height, width, c, f, kernel, groups=groups)
    assert result.pointwise_share == (1 if kernel == 1 else 0)


def test_the_other_forms_are_what_keras_builds():
    depth = count.cost(
        functional((9, 7, 4), layers.DepthwiseConv2D((3, 5), depth_multiplier=2, padding="same"))
    )
    assert depth.macs == count.depthwise_macs(9, 7, 4, (3, 5), multiplier=2) == 9 * 7 * 8 * 15
    assert depth.parameters == count.depthwise_parameters(4, (3, 5), multiplier=2, bias=True)
    both = count.cost(functional((9, 7, 4), layers.SeparableConv2D(6, 3, depth_multiplier=3)))
    assert both.macs == count.separable_macs(7, 5, 4, 6, 3, multiplier=3)
    assert both.parameters == count.separable_parameters(4, 6, 3, multiplier=3, bias=True)
    assert both.pointwise_share == count.pointwise_macs(7, 5, 12, 6) / both.macs
    dense = count.cost(functional((12,), layers.Dense(5)))
    assert (dense.macs, dense.parameters) == (
        count.dense_macs(12, 5),
        count.dense_parameters(12, 5, bias=True),
    )


def test_a_convolution_counts_what_a_loop_multiplies():
    image, kernel, macs = np.ones((6, 5, 4)), np.ones((3, 3, 2, 6)), 0
    for top in range(0, image.shape[0] - 2, 2):
        for left in range(0, image.shape[1] - 2, 2):
            for filter_ in range(6):
                first = 2 * (filter_ // 3)
                macs += image[top : top + 3, left : left + 3, first : first + 2].size
    conv = layers.Conv2D(6, 3, strides=2, groups=2)
    assert count.cost(functional(image.shape, conv)).macs == macs == 2 * 2 * kernel.size


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: count.pointwise_macs(7, 7, 8, 8, groups=3),
            "groups=3 must divide in_channels=8 and filters=8; nearest that does: 2 or 4",
        ),
        (lambda: count.conv_macs(0, 7, 8, 8, 3), "height=0 must be at least 1; nearest that works: 1"),
        (lambda: count.depthwise_macs(7, 7, 8, (3, 0)), "kernel=0 must be at least 1; nearest that works: 1"),
        (lambda: count.receptive_field([(3, 0)]), "stride=0 must be at least 1; nearest that works: 1"),
    ],
)
def test_bad_sizes_are_named(call, message):
    with pytest.raises(ValueError) as raised:
        call()
    assert str(raised.value) == message


def test_costs_add_up():
    one, two = Cost(1, 2, 3, 4, 5), Cost(10, 20, 30, 40, 50)
    assert sum([one, two]) == one + two == Cost(11, 22, 33, 44, 55)
    with pytest.raises(TypeError):
        one + 1


# Keras's layers, one by one: multiply-accumulates by hand

BY_HAND = {
    "Conv1D": ((10, 3), lambda: layers.Conv1D(4, 3), 8 * 4 * 3 * 3),
    "Conv1D, causal, dilated": (
        (10, 3),
        lambda: layers.Conv1D(4, 3, padding="causal", dilation_rate=2),
        10 * 4 * 9,
    ),
    "Conv3D": ((4, 5, 6, 2), lambda: layers.Conv3D(3, 2), 3 * 4 * 5 * 3 * 8 * 2),
    "Conv2D, strided": ((9, 9, 3), lambda: layers.Conv2D(4, 3, strides=2, padding="same"), 5 * 5 * 4 * 27),
    "Conv2DTranspose": ((5, 5, 3), lambda: layers.Conv2DTranspose(4, 3, strides=2), 25 * 3 * 9 * 4),
    "Conv1DTranspose": ((5, 3), lambda: layers.Conv1DTranspose(4, 3), 5 * 3 * 3 * 4),
    "DepthwiseConv1D": ((10, 3), lambda: layers.DepthwiseConv1D(3), 8 * 3 * 3),
    "SeparableConv1D": ((10, 3), lambda: layers.SeparableConv1D(5, 3), 8 * (3 * 3 + 3 * 5)),
    "Dense on every pixel": ((4, 4, 3), lambda: layers.Dense(5), 16 * 15),
    "EinsumDense": ((4, 6), lambda: layers.EinsumDense("abc,cd->abd", output_shape=(None, 5)), 4 * 6 * 5),
    "EinsumDense, ellipsis": ((4, 6), lambda: layers.EinsumDense("...x,xy->...y", output_shape=5), 4 * 6 * 5),
    "LSTM": ((7, 3), lambda: layers.LSTM(5), 7 * 4 * (3 * 5 + 5 * 5)),
    "GRU": ((7, 3), lambda: layers.GRU(5, return_sequences=True), 7 * 3 * (3 * 5 + 5 * 5)),
    "SimpleRNN": ((7, 3), lambda: layers.SimpleRNN(5), 7 * (3 * 5 + 5 * 5)),
    "RNN of two cells": (
        (7, 3),
        lambda: layers.RNN([layers.SimpleRNNCell(5), layers.LSTMCell(2)]),
        7 * (3 * 5 + 5 * 5 + 4 * (5 * 2 + 2 * 2)),
    ),
    "Bidirectional": ((7, 3), lambda: layers.Bidirectional(layers.LSTM(5)), 2 * 7 * 4 * (3 * 5 + 5 * 5)),
    "TimeDistributed": (
        (3, 8, 8, 2),
        lambda: layers.TimeDistributed(layers.Conv2D(4, 3)),
        3 * 6 * 6 * 4 * 9 * 2,
    ),
    "Embedding": ((7,), lambda: layers.Embedding(100, 5), 0),
}


@pytest.mark.parametrize("case", BY_HAND)
def test_a_layer_by_hand(case):
    shape, make, macs = BY_HAND[case]
    model = functional(shape, make())
    result = count.cost(model)
    assert result.macs == macs
    assert result.parameters == model.count_params()
    assert count.cost(model, batch=3).macs == 3 * macs


def test_zero_layers_have_no_macs_and_their_parameters():
    model = functional(
        (8, 8, 4),
        layers.Rescaling(2.0),
        layers.ZeroPadding2D(1),
        layers.BatchNormalization(),
        layers.PReLU(shared_axes=[1, 2]),
        layers.MaxPooling2D(),
        layers.SpatialDropout2D(0.1),
        layers.LayerNormalization(),
        layers.UpSampling2D(),
        layers.Cropping2D(1),
        layers.GroupNormalization(2),
        layers.GlobalAveragePooling2D(keepdims=True),
        layers.Flatten(),
        layers.Dropout(0.5),
        layers.Softmax(),
    )
    result = count.cost(model)
    assert result.macs == 0 and result.unknown == () and result.pointwise_share == 0
    assert (result.parameters, result.trainable) == (16 + 4 + 8 + 8, 8 + 4 + 8 + 8)


def test_attention_by_hand():
    query, value = keras.Input((6, 8)), keras.Input((9, 10))
    out = layers.MultiHeadAttention(num_heads=2, key_dim=3, value_dim=5)(query, value)
    projections = 6 * 8 * 2 * 3 + 9 * 10 * 2 * 3 + 9 * 10 * 2 * 5 + 6 * 2 * 5 * 8
    assert count.cost(keras.Model([query, value], out)).macs == projections + 2 * 6 * 9 * (3 + 5)
    value = keras.Input((9, 8))
    grouped = layers.GroupQueryAttention(head_dim=3, num_query_heads=4, num_key_value_heads=2)(query, value)
    projections = 6 * 8 * 4 * 3 + 2 * (9 * 8 * 2 * 3) + 6 * 4 * 3 * 8
    assert count.cost(keras.Model([query, value], grouped)).macs == projections + 4 * 6 * 9 * (3 + 3)


def test_attention_along_one_axis_of_two():
    x = keras.Input((4, 5, 6))
    out = layers.MultiHeadAttention(num_heads=2, key_dim=3, attention_axes=2)(x, x)
    assert count.cost(keras.Model(x, out)).macs == 20 * 6 * 6 * 4 + 4 * 2 * 5 * 5 * (3 + 3)


@pytest.mark.parametrize("layer", [layers.Attention, layers.AdditiveAttention])
def test_plain_attention_by_hand(layer):
    query, value, key = keras.Input((6, 8)), keras.Input((9, 10)), keras.Input((9, 8))
    assert count.cost(keras.Model([query, value, key], layer()([query, value, key]))).macs == 6 * 9 * (8 + 10)


def test_dot_layer_by_hand():
    left, right = keras.Input((4, 7)), keras.Input((5, 7))
    model = keras.Model([left, right], layers.Dot(axes=2)([left, right]))
    assert count.cost(model).macs == 4 * 5 * 7
    model = keras.Model([left, right], layers.Dot(axes=(2, -1))([left, right]))
    assert count.cost(model, batch=2).macs == 2 * 4 * 5 * 7


def test_channels_first_counts_as_channels_last():
    last = functional((8, 6, 4), layers.Conv2D(6, 3, groups=2), layers.SeparableConv2D(4, 3))
    first = functional(
        (4, 8, 6),
        layers.Conv2D(6, 3, groups=2, data_format="channels_first"),
        layers.SeparableConv2D(4, 3, data_format="channels_first"),
    )
    assert count.cost(first).total == count.cost(last).total


# Operations: keras.ops called in the graph


OPERATIONS = {
    "matmul": (lambda x: ops.matmul(x, ops.transpose(x, (0, 2, 1))), 6 * 6 * 8),
    "matmul with a constant": (lambda x: ops.matmul(x, np.ones((8, 5), "float32")), 6 * 8 * 5),
    "dot": (lambda x: ops.dot(x, np.ones((8, 5), "float32")), 6 * 8 * 5),
    "tensordot": (lambda x: ops.tensordot(x, np.ones((8, 5), "float32"), axes=1), 6 * 8 * 5),
    "einsum": (lambda x: ops.einsum("bij,bkj->bik", x, x), 6 * 6 * 8),
    "einsum, ellipsis": (lambda x: ops.einsum("...ij,...kj->...ik", x, x), 6 * 6 * 8),
    "einsum that sums one tensor": (lambda x: ops.einsum("bij->bi", x), 0),
    "einsum that only multiplies": (lambda x: ops.einsum("bij,bij->bij", x, x), 0),
    "conv": (lambda x: ops.conv(x, np.ones((3, 8, 6), "float32")), 4 * 3 * 8 * 6),
    "depthwise": (lambda x: ops.depthwise_conv(x, np.ones((3, 8, 1), "float32")), 4 * 3 * 8),
    "gates and norms": (lambda x: ops.sigmoid(ops.mean(x, axis=1, keepdims=True)) * x - ops.max(x), 0),
    "shapes": (
        lambda x: ops.concatenate(ops.split(ops.swapaxes(ops.reshape(x, (-1, 8, 6)), 1, 2), 2, axis=-1)),
        0,
    ),
}


@pytest.mark.parametrize("case", OPERATIONS)
def test_an_operation_by_hand(case):
    function, macs = OPERATIONS[case]
    x = keras.Input((6, 8))
    assert count.cost(keras.Model(x, function(x))).macs == macs


def test_an_operation_nobody_counted_is_named():
    x = keras.Input((6, 6))
    model = keras.Model(x, ops.linalg.inv(x))
    with pytest.raises(
        ValueError, match=r"not known, so the count would be too small: inv\w* \(no rule for Inv\)"
    ):
        count.cost(model)


# Structure


def test_nested_and_shared_models():
    conv = layers.Conv2D(4, 3, padding="same", name="conv")
    inner = functional((8, 8, 4), conv, layers.BatchNormalization(name="bn"))
    inner.name = "inner"
    head = keras.Sequential(
        [layers.GlobalAveragePooling2D(name="pool"), layers.Dense(2, name="dense")], name="head"
    )
    x = keras.Input((8, 8, 4))
    model = keras.Model(x, head(inner(inner(conv(x)))))
    result = count.cost(model)
    once = 64 * 4 * 4 * 9
    assert result.macs == 3 * once + 8
    assert result.parameters == model.count_params()
    assert result.trainable == sum(math.prod(v.shape) for v in model.trainable_variables)
    assert [row.path for row in result.layers] == [
        "conv", "inner/conv", "inner/bn", "inner/conv", "inner/bn", "head/pool", "head/dense"
    ]  # fmt: skip
    assert result.by_layer()["inner/conv"] == Cost(0, 0, 2 * once, 2 * 64 * 4 * 4)
    assert result.layers[0].parameters == 4 * 4 * 9 + 4


def test_frozen_layers_are_not_trainable():
    model = functional((8,), layers.Dense(4, name="body"), layers.Dense(2, name="head"))
    model.get_layer("body").trainable = False
    result = count.cost(model)
    assert (result.parameters, result.trainable) == (36 + 10, 10)


def test_several_inputs_and_open_sizes():
    image, label = keras.Input((None, None, 3), name="image"), keras.Input((5,), name="label")
    pooled = layers.GlobalAveragePooling2D()(layers.Conv2D(4, 1)(image))
    model = keras.Model(
        {"image": image, "label": label}, layers.Concatenate()([pooled, layers.Dense(2)(label)])
    )
    assert count.cost(model, input_shape={"image": (6, 5, 3), "label": (5,)}).macs == 30 * 12 + 10
    with pytest.raises(
        ValueError, match=r"takes inputs of \?×\?×3: give input_shape, for instance \(224, 224, 3\)"
    ):
        count.cost(model)


def test_another_size_than_the_model_was_built_for():
    model = functional((8, 8, 3), layers.Conv2D(4, 3, padding="same"), layers.GlobalAveragePooling2D())
    assert count.cost(model, input_shape=(16, 8, 3)).macs == 2 * count.cost(model).macs


FLAT = [layers.Flatten(), layers.Dense(2, name="flat")]


@pytest.mark.parametrize(
    ("shape", "tops", "given", "error", "told"),
    [
        ((8, 8, 3), [layers.Conv2D(4, 3)], (8, 8, 5), ValueError, r"\(8, 8, 5\).*\(8, 8, 3\);.*\(8, 8, 3\)"),
        ((None, None, 3), [layers.Conv2D(4, 3)], (9, 9, 1), ValueError, r"nearest that does: \(9, 9, 3\)"),
        ((8, 8, 3), [layers.Conv2D(4, 3)], (8, 8), ValueError, r"nearest that does: \(8, 8, 3\)"),
        ((8, 8, 3), [layers.Conv2D(4, 3)], [(8, 8, 3)] * 2, ValueError, "has 2 shapes, and .* takes 1"),
        ((8, 8, 3), [layers.Conv2D(4, 3)], (8, 0, 3), ValueError, "input_shape=0 must be at least 1"),
        ((8,), [layers.Dense(5)], (99,), ValueError, r"\(99,\).*nearest that does: \(8,\)"),
        ((8, 8, 3), FLAT, (9, 9, 3), ValueError, r"flat is built for 192 on axis -1, .*\(1, 243\)"),
        ((8, 8, 3), [layers.Conv2D(4, 3)], "abc", TypeError, r"'abc' is no shape.*nearest: \(224, 224, 3\)"),
        ((8,), [layers.Dense(5)], 8, TypeError, r"input_shape=8 is no shape of one input; nearest: \(8,\)"),
    ],
)
def test_an_input_shape_that_does_not_fit_is_named(shape, tops, given, error, told):
    with pytest.raises(error, match=told):
        count.cost(functional(shape, *tops), input_shape=given)


def test_sequential_with_and_without_an_input():
    model = keras.Sequential([layers.Conv2D(4, 3), layers.Flatten(), layers.Dense(2)])
    with pytest.raises(ValueError, match="is not built: call it on data once"):
        count.cost(model)
    model.build((None, 6, 6, 3))
    assert count.cost(model).macs == 16 * 4 * 27 + 64 * 2


def test_a_layer_alone():
    dense = layers.Dense(5)
    dense.build((None, 7))
    assert count.cost(dense).macs == 35
    with pytest.raises(TypeError, match=r"cost\(\) counts built Keras models and layers; received int"):
        count.cost(3)
    with pytest.raises(ValueError, match="unknown='ignore' is neither 'raise' nor 'list'"):
        count.cost(dense, unknown="ignore")


# Other people's classes


class Block(keras.Model):
    """A subclassed model: layers, operations and a weight of its own."""

    def __init__(self):
        super().__init__(name="block")
        self.conv, self.pool = layers.Conv2D(4, 3, name="conv"), layers.GlobalAveragePooling2D(name="pool")
        self.scale = self.add_weight(shape=(4, 5), name="scale")
        self.unused = layers.Dense(3, name="unused")
        self.unused.build((None, 2))

    def call(self, x, training=None):
        return ops.matmul(self.pool(ops.relu(self.conv(x))), self.scale)


def test_a_subclassed_model_is_read_through_its_call():
    block = Block()
    block(np.zeros((1, 8, 8, 3), "float32"))
    before = [len(layer._inbound_nodes) for layer in block.layers]
    result = count.cost(block)
    assert result.macs == 36 * 4 * 27 + 4 * 5
    assert result.parameters == block.count_params() == 4 * 27 + 4 + 20 + 9
    assert [layer._inbound_nodes for layer in block.layers] and before == [
        len(layer._inbound_nodes) for layer in block.layers
    ], "counting leaves no trace in the model"
    nested = functional((8, 8, 3), block)
    assert count.cost(nested).total == result.total
    assert "block/conv" in count.cost(nested).by_layer()


class Told(layers.Layer):
    """A layer that says what it costs."""

    cost_kind = "told"

    def __init__(self, answer=None, **kwargs):
        super().__init__(**kwargs)
        self.answer, self.asked = answer, []

    def build(self, shape):
        self.kernel = self.add_weight(shape=(shape[-1], 2), name="kernel")

    def compute_output_shape(self, shape):
        return (*shape[:-1], 2)

    def call(self, x):
        return x @ self.kernel

    def cost(self, input_shapes, output_shapes):
        self.asked.append((input_shapes, output_shapes))
        return self.answer or Cost(macs=math.prod(output_shapes[0]) * input_shapes[0][-1], pointwise_macs=1)


def test_a_layer_joins_with_a_cost_of_its_own():
    layer = Told()
    result = count.cost(functional((4, 3, 6), layer), batch=2)
    assert layer.asked == [(((2, 4, 3, 6),), ((2, 4, 3, 2),))]
    (row,) = result.layers
    assert (row.kind, row.macs, row.pointwise_macs, row.parameters) == ("told", 2 * 12 * 2 * 6, 1, 12)
    assert row.activation_bytes == 2 * 12 * 2 * 4
    assert count.cost(functional((3,), Told(Cost(activation_bytes=999)))).activation_bytes == 999
    with pytest.raises(TypeError, match=r"Told\.cost\(\) must return a gpc\.count\.Cost; it returned 7"):
        count.cost(functional((3,), Told(7)))


class Opaque(layers.Layer):
    """A call that reads values, which symbolic tensors do not have."""

    def build(self, shape):
        self.kernel = self.add_weight(shape=(shape[-1], 2), name="kernel")

    def compute_output_shape(self, shape):
        return (*shape[:-1], 2)

    def call(self, x):
        return ops.convert_to_tensor(np.asarray(x) @ np.asarray(self.kernel))


def test_what_cannot_be_read_is_named_or_listed():
    model = functional((6,), Opaque(name="riddle"), layers.Dense(3))
    with pytest.raises(ValueError, match=r"riddle \(Opaque cannot be read: .*Give the class a method cost\("):
        count.cost(model)
    result = count.cost(model, unknown="list")
    assert (result.unknown, result.macs, result.parameters) == (("riddle",), 6, 12 + 9)
    assert "not counted: riddle" in str(result)


class Dense(layers.Layer):
    """Somebody's own class that happens to be called as one of Keras."""

    def call(self, x):
        return ops.relu(x)


class Twice(layers.Conv2D):
    """A layer of Keras with a call of its own."""

    def call(self, x):
        return super().call(x) + ops.matmul(x, x)


class Renamed(layers.Conv2D):
    """A layer of Keras that only carries another name."""


def test_classes_are_known_by_whose_call_they_run():
    assert count.cost(functional((6,), Dense())).macs == 0
    assert count.cost(functional((6, 6, 2), Renamed(2, 1))).macs == 36 * 4
    assert kinds(functional((6, 6, 2), Renamed(2, 1, name="r"))) == {"r": "pointwise"}
    assert count.cost(functional((6, 6, 6), Twice(6, 1)), unknown="list").macs >= 6 * 6 * 6 * 6


def test_a_lambda_is_read():
    model = functional((6, 8), layers.Lambda(lambda x: ops.matmul(x, ops.transpose(x, (0, 2, 1)))))
    assert count.cost(model).macs == 6 * 6 * 8


# Bytes


def test_activation_bytes_by_hand():
    model = functional(
        (8, 8, 3),
        layers.Conv2D(4, 3, padding="same", activation="relu"),
        layers.BatchNormalization(),
        layers.Dropout(0.5),
        layers.MaxPooling2D(),
        layers.Flatten(),
        layers.Dense(10),
    )
    values = 8 * 8 * 4 + 8 * 8 * 4 + 4 * 4 * 4 + 10
    assert count.cost(model).activation_bytes == 4 * values
    assert count.cost(model, batch=5).activation_bytes == 5 * 4 * values


def test_half_precision_takes_half_the_bytes():
    policy = keras.DTypePolicy("mixed_bfloat16")
    model = functional((8, 8, 3), layers.Conv2D(4, 3, dtype=policy), layers.ReLU(dtype=policy))
    assert count.cost(model).activation_bytes == 2 * (2 * 6 * 6 * 4)


# Tables


@pytest.fixture(scope="module")
def small():
    return count.cost(
        functional(
            (8, 8, 3),
            layers.Conv2D(16, 3, padding="same", name="stem"),
            layers.Conv2D(32, 1, name="<point>"),
            layers.GlobalAveragePooling2D(name="pool"),
            layers.Dense(10, name="head"),
        )
    )


def test_the_text_table(small):
    lines = str(small).splitlines()
    assert lines[0] == (
        f"{small.name}: 1,322 parameters (1,322 trainable), "
        "60,736 multiply-accumulates and 12,456 activation bytes for one image"
    )
    assert lines[1].split() == ["layer", "kind", "output", "parameters", "MACs", "share"]
    assert lines[3].split() == ["stem", "convolution", "8×8×16", "448", "27,648", "45.5%"]
    assert lines[-1].split() == ["total", "1,322", "60,736", "100.0%"]
    assert len({len(line) for line in lines[1:]}) == 1, "columns are aligned"
    assert small.text(rows=1).splitlines()[4] == "… and 3 more layers with 46.0% of the MACs"


def test_the_html_table_is_accessible(small):
    page = small._repr_html_()
    assert page == small.html()
    table = ET.fromstring(page)
    assert table.tag == "table" and table.find("caption/span").text.startswith(small.name)
    assert [th.get("scope") for th in table.find("thead/tr")] == ["col"] * 6
    rows = [*table.find("tbody"), *table.find("tfoot")]
    assert [row[0].get("scope") for row in rows] == ["row"] * 5
    assert [row[0].text for row in rows] == ["stem", "<point>", "pool", "head", "total"]
    assert all(len(row) == 6 for row in rows)


def test_sums_by_kind(small):
    by_kind = small.by_kind()
    assert list(by_kind) == ["pointwise", "convolution", "dense", "pooling"]
    assert sum(by_kind.values()) == small.total
    assert by_kind["pointwise"].macs / small.macs == small.pointwise_share
    assert sum(small.by_layer().values()) == small.total


def test_a_model_without_arithmetic_has_a_table():
    assert count.cost(functional((4,), layers.ReLU())).text().splitlines()[-1].split() == [
        "total",
        "0",
        "0",
        "–",
    ]
