"""The controls: a network with a share of its filters, and one with its windows taken apart."""

import keras
import numpy as np
import pytest
from keras import layers
from surgery_support import chain, numbers, run, same_state, state, train

from gpc import models
from gpc.surgery import matching_width, separate, thin


def test_thin_and_its_width_by_counting():
    net = models.build("LeNet5")
    half = thin(net, 0.5, divisor=1)
    assert half.output_shape == net.output_shape
    width, count = matching_width(net, half.count_params(), divisor=1, steps=8)
    assert abs(count - half.count_params()) < 0.02 * half.count_params() and abs(width - 0.5) < 0.03
    with pytest.raises(ValueError, match="width=0 must be a number above 0"):
        thin(net, 0)
    with pytest.raises(ValueError, match="parameters=99999 is more than the 61706"):
        matching_width(net, 99999)


def test_thin_keeps_the_shapes_of_gates_and_sums():
    net = models.build("EfficientNetB0", variant="small", classes=10)
    found = thin(net, 0.5, divisor=2)
    assert found.output_shape == (None, 10)
    assert 0.2 < found.count_params() / net.count_params() < 0.4


def test_separate_takes_windows_apart():
    net = models.build("UNet", variant="small", input_shape=(32, 32, 3))
    found = separate(net)
    inside = [layer for layer in found.layers if getattr(layer, "kernel_size", None) == (3, 3)]
    assert [type(one).__name__ for one in inside].count("Conv2D") == 1  # the one that reads the image
    assert found.output_shape == net.output_shape and found.count_params() < 0.4 * net.count_params()


@pytest.mark.parametrize(
    "ends",
    [
        [layers.Dense(10), layers.BatchNormalization(), layers.Softmax()],
        [layers.Dense(10, activation=layers.PReLU())],
        [chain((16,), layers.Dense(12), layers.Dense(10), name="inner"), layers.Softmax()],
    ],
    ids=["norm", "activation", "nested"],
)
def test_thin_keeps_the_classes_whatever_stands_behind_them(ends):
    ends = [layer.from_config(layer.get_config()) for layer in ends]
    net = chain((8, 8, 3), layers.Conv2D(16, 3), layers.GlobalAveragePooling2D(), *ends)
    half = thin(net, np.float32(0.5))
    assert half.output_shape == (None, 10) and half.layers[1].filters == 8


def test_thin_keeps_each_head_and_both_sides_of_a_gate():
    x = keras.Input((8, 8, 3))
    y = layers.Conv2D(16, 3)(x)
    pooled = layers.GlobalAveragePooling2D()(y)
    gate = layers.Reshape((1, 1, 6))(layers.Dense(6)(pooled))
    outputs = [layers.Dense(10)(pooled), layers.Dense(7)(pooled), layers.Conv2D(6, 1)(y) * gate]
    half = thin(keras.Model(x, outputs), 0.5)
    assert half.output_shape == [(None, 10), (None, 7), (None, 6, 6, 6)]
    assert next(layer.filters for layer in half.layers if hasattr(layer, "filters")) == 8


def test_thin_says_what_it_cannot_thin():
    mixer = chain((6, 4), layers.Dense(32), layers.Permute((2, 1)), layers.Dense(5), name="mixer")
    with pytest.raises(ValueError, match=r"'mixer' gives \(None, 32, 5\) and thinned would give \(None, 16,"):
        thin(mixer, 0.5)
    for width in (float("inf"), float("nan"), True, "half"):
        with pytest.raises(ValueError, match="must be a number above 0; nearest that works: 0.5"):
            thin(mixer, width)
    for ask in (thin, matching_width):
        with pytest.raises(TypeError, match="model must be a Keras model; received str: 'x'"):
            ask("x", 3)
        with pytest.raises(ValueError, match="is sequential and has no input shape yet"):
            ask(keras.Sequential([layers.Dense(3)]), 3)
    assert thin(chain((4,), layers.ReLU()), 0.5).output_shape == (None, 4)


def test_separate_shares_nothing_with_the_original():
    convolution = layers.Conv2D(8, 3, activation=layers.PReLU(shared_axes=[1, 2]), name="c")
    net = chain((6, 6, 16), convolution, layers.GlobalAveragePooling2D(), layers.Softmax())
    x = numbers(2, 6, 6, 16)
    run(net, x)
    before, found = state(net), separate(net)
    train(found, x, np.array([1, 2]))
    assert same_state(before, state(net))
    assert found.get_layer("c_pointwise").activation is not convolution.activation


def test_separate_takes_over_what_a_convolution_was_built_with():
    settings = {f"{name}_regularizer": keras.regularizers.L2(0.1) for name in ("kernel", "bias", "activity")}
    settings |= {f"{name}_constraint": keras.constraints.NonNeg() for name in ("kernel", "bias")}
    settings |= {"kernel_initializer": "he_normal", "bias_initializer": "ones"}
    taken = layers.ReLU(name="c_depthwise")
    found = separate(chain((6, 6, 16), layers.Conv2D(8, 3, name="c", **settings), taken))
    space, channels = found.layers[1:3]
    assert (space.name, channels.name) == ("c_depthwise_2", "c_pointwise")
    expected, got = layers.Conv2D(8, 3, **settings).get_config(), channels.get_config()
    assert {key: got[key] for key in settings} == {key: expected[key] for key in settings}
    assert space.get_config()["depthwise_regularizer"] == expected["kernel_regularizer"]
    assert space.get_config()["depthwise_constraint"] == expected["kernel_constraint"]
    assert channels.bias.numpy().tolist() == [1] * 8
