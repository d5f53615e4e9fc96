"""Strides left out: by level, with the map's size kept and the weights with it."""

import keras
import numpy as np
import pytest
from keras import layers
from surgery_support import chain, numbers, reloaded, run, shaken

from gpc import count
from gpc.surgery import skip_strides, stride_levels


def shapes(model):
    """Height of every layer's output, by name."""
    return {layer.name: layer.output.shape[1] for layer in model.layers if len(layer.output.shape) == 4}


def small_net(size=32):
    """A stem with explicit padding, a residual block with a strided shortcut, two poolings side by side."""
    inputs = keras.Input((size, size, 3))
    x = layers.ZeroPadding2D(((0, 1), (0, 1)), name="stem_pad")(inputs)
    x = layers.Conv2D(8, 3, strides=2, name="stem")(x)
    pad = layers.ZeroPadding2D(((1, 2), (1, 2)), name="block_pad")(x)
    y = layers.DepthwiseConv2D(5, strides=2, name="block")(pad)
    y = layers.Add()([y, layers.Conv2D(8, 1, strides=2, name="shortcut")(x)])
    a = layers.MaxPooling2D(3, 2, name="max")(y)
    b = layers.AveragePooling2D(3, 2, name="average")(y)
    x = layers.Concatenate()([a, b])
    x = layers.SeparableConv2D(16, 3, strides=2, padding="same", name="last")(x)
    return keras.Model(inputs, layers.Dense(5)(layers.GlobalAveragePooling2D()(x)), name="small")


def test_levels_are_total_strides_with_all_their_layers():
    assert stride_levels(small_net()) == (1, 2, 4, 8)


@pytest.mark.parametrize(
    ("n", "heights"),
    [(0, (16, 8, 3, 2)), (1, (32, 16, 7, 4)), (2, (32, 32, 15, 8)), (3, (32, 32, 32, 16)), (4, (32,) * 4)],
)
def test_a_skipped_level_keeps_the_maps_size(n, heights):
    new = skip_strides(small_net(), n)
    found = shapes(new)
    assert (found["stem"], found["block"], found["max"], found["last"]) == heights
    assert found["block"] == found["shortcut"] and found["max"] == found["average"]


def test_weights_go_along_and_the_original_stays():
    model = shaken(small_net())
    x, before = numbers(2, 32, 32, 3), model.get_config()
    answer = run(model, x)
    new = skip_strides(model, 4)
    assert all(np.array_equal(a, b) for a, b in zip(model.get_weights(), new.get_weights(), strict=True))
    assert model.get_config() == before and np.array_equal(run(model, x), answer)
    np.testing.assert_array_equal(run(skip_strides(model, 0), x), answer)
    assert new.count_params() == model.count_params() and count.cost(new).macs > 12 * count.cost(model).macs


def test_an_unstrided_convolution_sees_every_pixel_the_strided_one_saw():
    model = shaken(chain((8, 8, 2), layers.Conv2D(3, 3, strides=2, padding="same", name="c")))
    x = numbers(1, 8, 8, 2)
    # 'same' with stride 2 on an even map is off by one: its outputs are those at the odd rows and columns
    np.testing.assert_allclose(run(skip_strides(model, 1), x)[:, 1::2, 1::2], run(model, x), rtol=1e-5)


@pytest.mark.parametrize("kernel", [2, 3, 4, 5, 7])
@pytest.mark.parametrize("dilation", [1, 2])
def test_explicit_padding_is_set_to_what_keeps_the_size(kernel, dilation):
    span = (kernel - 1) * dilation + 1
    strided = (
        layers.Conv2D(4, kernel, strides=2, name="c")
        if dilation == 1
        else layers.MaxPooling2D(kernel, 2, name="c")
    )
    model = chain((16, 16, 4), layers.ZeroPadding2D(span // 2), strided)
    new = skip_strides(model, 1)
    assert shapes(new)["c"] == 16 and new.get_layer("c").padding == "valid"


def test_padding_of_layers_that_stay_strided_fits_their_new_size():
    def net(size):
        pads = (((1, 1), (1, 1)), ((0, 1), (0, 1)))  # what 'same' is on an odd and on an even map
        return chain(
            (size, size, 2),
            layers.Conv2D(2, 3, strides=2, padding="same"),
            layers.ZeroPadding2D(pads[(size // 2) % 2 == 0], name="pad"),
            layers.Conv2D(2, 3, strides=2, name="c"),
        )

    assert skip_strides(net(14), 1).get_layer("pad").padding == ((0, 1), (0, 1))  # was 7 pixels, now 14
    assert skip_strides(net(16), 1).get_layer("pad").padding == ((0, 1), (0, 1))
    custom = chain(
        (14, 14, 2),
        layers.MaxPooling2D(2),
        layers.ZeroPadding2D(3, name="pad"),
        layers.Conv2D(2, 3, strides=2),
    )
    assert skip_strides(custom, 1).get_layer("pad").padding == ((3, 3), (3, 3))


def test_a_padding_read_by_several_is_bypassed_where_they_disagree():
    inputs = keras.Input((16, 16, 2))
    pad = layers.ZeroPadding2D(1, name="pad")(inputs)
    a = layers.Conv2D(2, 3, strides=2, name="three")(pad)
    b = layers.Conv2D(2, 1, strides=2, name="one")(pad)
    c = layers.Conv2D(2, 3, name="unstrided")(pad)
    model = keras.Model(inputs, [a, b, c])
    assert [tensor.shape[1] for tensor in skip_strides(model, 1).outputs] == [16, 16, 16]


def test_transposed_and_upsampling_layers_that_lead_back_are_left_out_too():
    inputs = keras.Input((16, 16, 4))
    fine = layers.Conv2D(4, 3, padding="same")(inputs)
    x = layers.MaxPooling2D(2, name="down1")(fine)
    middle = layers.Conv2D(4, 3, padding="same")(x)
    x = layers.MaxPooling2D(2, name="down2")(middle)
    x = layers.UpSampling2D(2, name="up2")(x)
    x = layers.Concatenate()([x, middle])
    x = layers.Conv2DTranspose(4, 2, strides=2, name="up1")(x)
    model = keras.Model(inputs, layers.Concatenate()([x, fine]))
    assert stride_levels(model) == (1, 2)
    for n, heights in enumerate([(8, 4, 8, 16), (16, 8, 16, 16), (16, 16, 16, 16)]):
        found = shapes(skip_strides(model, n))
        assert tuple(found[name] for name in ("down1", "down2", "up2", "up1")) == heights


def test_nested_models_take_the_new_sizes():
    block = chain((8, 8, 4), layers.Conv2D(4, 3, strides=2, padding="same"), layers.ReLU(), name="block")
    plain = keras.Sequential([keras.Input((4, 4, 4)), layers.ReLU()], name="plain")
    model = shaken(chain((16, 16, 4), layers.AveragePooling2D(2), block, plain))
    assert stride_levels(model) == (1, 2)
    assert [skip_strides(model, n).output_shape[1] for n in range(3)] == [4, 8, 16]
    assert skip_strides(model, 1).get_layer("plain").input_shape == (None, 8, 8, 4)


def test_channels_first():
    model = chain(
        (3, 32, 32), layers.ZeroPadding2D(((0, 1), (0, 1)), data_format="channels_first"),
        layers.DepthwiseConv2D(3, strides=2, data_format="channels_first"),
    )  # fmt: skip
    assert skip_strides(model, 1).output_shape == (None, 3, 32, 32)


def test_sizes_may_be_unknown():
    model = chain(
        (None, None, 3),
        layers.ZeroPadding2D(((0, 1), (0, 1))),
        layers.Conv2D(4, 3, strides=2),
        layers.MaxPooling2D(2),
    )
    assert run(skip_strides(model, 1), numbers(1, 10, 12, 3)).shape == (1, 5, 6, 4)


def test_saved_and_loaded(tmp_path):
    new = shaken(skip_strides(small_net(), 2))
    x = numbers(1, 32, 32, 3)
    np.testing.assert_array_equal(run(reloaded(new, tmp_path), x), run(new, x))


def test_as_published_the_stem_keeps_the_padding_of_its_stride():
    found = shapes(skip_strides(small_net(), 2, as_published=True))
    assert (found["stem"], found["block"], found["max"]) == (31, 31, 15)


def test_what_cannot_be_done_is_refused():
    model = small_net()
    for n, message in (
        (5, "n=5 must be between 0 and 4.*(1, 2, 4, 8); nearest that works: 4"),
        (-1, "nearest that works: 0"),
    ):
        with pytest.raises(ValueError, match=message.replace("(", r"\(").replace(")", r"\)")):
            skip_strides(model, n)
    for wrong in (1.0, "2", True):
        with pytest.raises(TypeError, match="must be an integer: how many stride levels"):
            skip_strides(model, wrong)
    flat = chain((16, 16, 3), layers.MaxPooling2D(2), layers.Flatten(), layers.Dense(5, name="fc"))
    with pytest.raises(
        ValueError, match=r"layer 'fc' held weights of shapes \[\(192, 5\).*GlobalAveragePooling2D"
    ):
        skip_strides(flat, 1)
    pool, inputs = layers.MaxPooling2D(2, name="pool"), keras.Input((16, 16, 3))
    with pytest.raises(
        ValueError, match="layer 'pool' is called at total strides .'1', '2'., of which only some"
    ):
        skip_strides(keras.Model(inputs, pool(pool(inputs))), 1)
    assert skip_strides(keras.Model(inputs, pool(pool(inputs))), 2).output_shape == (None, 16, 16, 3)
