"""Receptive fields: the closed form, the walk against pixels switched on one at a time, published sizes."""

import keras
import numpy as np
import pytest
from keras import layers, ops

from gpc import count


def image_model(*chain, size=(13, 11)):
    inputs = keras.Input((*size, 1))
    x = inputs
    for step in chain:
        x = step(x)
    return keras.Model(inputs, x)


def test_the_closed_form():
    assert count.receptive_field([]) == 1
    assert count.receptive_field([(3,)] * 2) == count.receptive_field([(5,)]) == 5
    assert count.receptive_field([(7, 2), (3, 2), (3, 1)]) == 1 + 6 + 2 * 2 + 4 * 2
    assert count.receptive_field([(3, 1, rate) for rate in (1, 2, 4, 8)]) == 31


def ones(model):
    """All kernels one and all biases zero, so that nothing that is seen cancels."""
    for weight in model.weights:
        weight.assign((ops.ones if len(weight.shape) > 1 else ops.zeros)(weight.shape))
    return model


def seen(model):
    """(output rows, columns, input rows, columns): which pixel, switched on alone, changes which output."""
    height, width = model.input_shape[1:3]
    pixels = np.eye(height * width, dtype="float32").reshape(-1, height, width, 1)
    out = ops.convert_to_numpy(model(pixels))
    return np.moveaxis(out.reshape(height, width, *out.shape[1:]).any(-1), (0, 1), (2, 3))


def windows(mask):
    """First and last row and column of what one output sees."""
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    return int(rows[0]), int(rows[-1]), int(columns[0]), int(columns[-1])


CHAINS = {
    "valid": [lambda: layers.Conv2D(2, 3), lambda: layers.Conv2D(2, (2, 4))],
    "same, strided": [
        lambda: layers.Conv2D(2, 3, strides=2, padding="same"),
        lambda: layers.Conv2D(1, 3, padding="same"),
    ],
    "dilated": [lambda: layers.Conv2D(2, 3, dilation_rate=2, padding="same"), lambda: layers.Conv2D(2, 2)],
    "depthwise and separable": [
        lambda: layers.DepthwiseConv2D(3, depth_multiplier=2),
        lambda: layers.SeparableConv2D(2, 3, padding="same"),
    ],
    "pooling": [
        lambda: layers.MaxPooling2D(2),
        lambda: layers.AveragePooling2D(3, strides=2, padding="same"),
    ],
    "padded and cropped": [
        lambda: layers.ZeroPadding2D(((2, 0), (1, 1))),
        lambda: layers.Conv2D(1, 3),
        lambda: layers.Cropping2D(((1, 0), (0, 2))),
    ],
    "up again": [
        lambda: layers.Conv2D(2, 3, strides=2, padding="same"),
        lambda: layers.UpSampling2D(2),
        lambda: layers.Conv2D(2, 2, padding="same"),
    ],
    "up, bilinear": [
        lambda: layers.AveragePooling2D(2),
        lambda: layers.UpSampling2D(2, interpolation="bilinear"),
    ],
    "transposed, valid": [
        lambda: layers.Conv2D(2, 2, strides=2),
        lambda: layers.Conv2DTranspose(1, 3, strides=2),
    ],
    "transposed, same": [
        lambda: layers.MaxPooling2D(2),
        lambda: layers.Conv2DTranspose(1, 3, strides=2, padding="same"),
    ],
}


@pytest.mark.parametrize("case", CHAINS)
def test_windows_are_what_single_pixels_reach(case):
    model = ones(image_model(*(make() for make in CHAINS[case])))
    field = list(count.receptive_field_of(model).values())[-1]
    reached = seen(model)
    assert (len(field.rows), len(field.columns)) == reached.shape[:2]
    for row in range(reached.shape[0]):
        for column in range(reached.shape[1]):
            if reached[row, column].any():
                assert field.window(row, column)[:4] == windows(reached[row, column]), (row, column)
            else:
                top, bottom, left, right = field.window(row, column)
                assert bottom < top or right < left


def test_permuted_axes_are_followed():
    fields = count.receptive_field_of(image_model(layers.Permute((2, 1, 3)), layers.Conv2D(1, (3, 1))))
    assert [field.size for field in fields.values()] == [(1, 1), (1, 3)]


def test_branches_unite_and_gates_are_kept_apart():
    inputs = keras.Input((16, 16, 4))
    narrow, wide = layers.Conv2D(4, 1, padding="same")(inputs), layers.Conv2D(4, 5, padding="same")(inputs)
    joined = layers.Concatenate(name="joined")([narrow, wide])
    gate = layers.GlobalAveragePooling2D(keepdims=True, name="squeeze")(joined)
    gated = layers.Multiply(name="gated")([joined, layers.Conv2D(8, 1, activation="sigmoid")(gate)])
    after = layers.Conv2D(4, 3, padding="same", name="after")(gated)
    fields = count.receptive_field_of(
        keras.Model(inputs, layers.Dense(2, name="head")(layers.Flatten()(after)))
    )
    assert (fields["joined"].size, fields["joined"].whole) == ((5, 5), False)
    assert (fields["squeeze"].size, fields["squeeze"].rows) == ((16, 16), ((0, 15),))
    assert (fields["gated"].size, fields["gated"].whole) == ((5, 5), True)
    assert (fields["after"].size, fields["after"].whole) == ((7, 7), True)
    assert fields["head"].size == (16, 16)


@pytest.mark.tensorflow
@pytest.mark.parametrize(
    ("name", "layer", "size"), [("VGG16", "block5_pool", 212), ("MobileNet", "conv_pw_13_relu", 315)]
)
def test_published_sizes(name, layer, size):
    """Araujo, Norris, Sim, Distill 2019, table of receptive fields."""
    model = getattr(keras.applications, name)(weights=None, include_top=False, input_shape=(None, None, 3))
    fields = count.receptive_field_of(model, input_shape=(640, 640, 3))
    assert fields[layer].size == (size, size)


# The graph is the same on every backend; on some it takes half a minute to build the network.
@pytest.mark.tensorflow
def test_every_layer_of_a_gated_network_has_its_field():
    model = keras.applications.MobileNetV3Small(weights=None, input_shape=(96, 96, 3), classes=10)
    fields = count.receptive_field_of(model)
    assert fields["conv"].size == (3, 3) and not fields["conv"].whole
    assert fields["expanded_conv_1_depthwise"].whole
    assert len(fields) == len(count.cost(model).layers)


def test_nested_models_shared_layers_and_operations():
    conv = layers.Conv2D(1, 3, padding="same", name="conv")
    block = image_model(conv, layers.ReLU(name="relu"))
    block.name = "block"
    inputs = keras.Input((13, 11, 1))
    model = keras.Model(inputs, ops.relu(conv(block(inputs)) + inputs))
    fields = count.receptive_field_of(model)
    assert {path: field.size for path, field in fields.items() if "conv" in path} == {
        "block/conv": (3, 3),
        "conv": (5, 5),
    }
    twice = image_model(conv, conv)
    assert {p: f.size for p, f in count.receptive_field_of(twice).items()} == {
        "conv": (3, 3),
        "conv (2)": (5, 5),
    }


class Told(layers.Layer):
    """A 1×1 layer with strides, or whatever it says of itself."""

    def __init__(self, strides=1, field=None, **kwargs):
        super().__init__(**kwargs)
        self.strides, self.field = strides, field
        if field:
            self.receptive_field = lambda: field

    def compute_output_shape(self, shape):
        return (shape[0], -(-shape[1] // self.strides), -(-shape[2] // self.strides), shape[3])

    def call(self, x):
        return x[:, :: self.strides, :: self.strides]

    def cost(self, input_shapes, output_shapes):
        return count.Cost(macs=1)


def test_a_layer_with_a_cost_of_its_own_has_a_field():
    fields = count.receptive_field_of(image_model(Told(strides=2, name="a"), layers.Conv2D(1, 3, name="b")))
    assert (fields["a"].size, fields["b"].size) == ((1, 1), (5, 5))
    fields = count.receptive_field_of(image_model(Told(field=(3, 1, (2, 1)), name="a")))
    assert fields["a"].size == (5, 3)


def test_what_is_not_known_is_named():
    with pytest.raises(ValueError, match="lost: how Resizing moves pixels is not known"):
        count.receptive_field_of(image_model(layers.Resizing(5, 5, name="lost")))
    joined = image_model(lambda x: layers.Concatenate(axis=1, name="stacked")([x, x]))
    with pytest.raises(ValueError, match="stacked: how Concatenate moves pixels is not known"):
        count.receptive_field_of(joined)
    with pytest.raises(ValueError, match=r"receptive fields are of images; \w+ takes \(5,\)"):
        count.receptive_field_of(keras.Sequential([keras.Input((5,)), layers.Dense(2)]))
