"""Networks by name: the classics against their papers' numbers, the k-networks' arguments, the registry."""

import keras
import numpy as np
import pytest
from surgery_support import numbers, reloaded, run, train

from gpc import count, models
from gpc.layers import ChannelShuffle, GroupedPointwise
from gpc.surgery import regroup

# JAX compiles an initializer for each new shape: an EfficientNet takes it half a minute to build.
efficientnets = pytest.mark.tensorflow


def parameters(model):
    return {layer.name: layer.count_params() for layer in model.layers if layer.weights}


# The classics


def test_lenet5_has_the_parameters_of_the_paper_but_where_its_table_says_otherwise():
    found = parameters(models.LeNet5())
    assert found == {"C1": 156, "C3": 2416, "C5": 48_120, "F6": 10_164, "output": 850}
    # LeCun 1998: C1 156, S2 12, C3 1,516, S4 32, C5 48,120, F6 10,164, and no trained output layer
    assert 156 + 12 + 1516 + 32 + 48_120 + 10_164 == 60_000
    assert sum(found.values()) - 60_000 == (2416 - 1516) + 850 - (12 + 32)
    assert [text.split(":")[0] for text in models.deviations("LeNet5")] == ["C1", "S2", "C3", "S4", "output"]


def test_lenet5_pads_smaller_images_to_its_field():
    net = models.LeNet5((28, 28, 1))
    shapes = {layer.name: layer.output.shape[1:] for layer in net.layers}
    assert shapes["field"] == (32, 32, 1) and shapes["C1"] == (28, 28, 6) and shapes["C5"] == (1, 1, 120)
    assert models.LeNet5((8, 9, 3), classes=4).output_shape == (None, 4)
    image = np.zeros((1, 28, 28, 1), "float32")
    image[0, 0, 27] = 1
    field = run(keras.Model(net.input, net.get_layer("field").output), image)
    assert field[0, 2, 29, 0] == 1 and field.sum() == 1
    with pytest.raises(ValueError, match=r"input_shape=\(33, 32, 1\): LeNet-5 reads at most 32×32"):
        models.LeNet5((33, 32, 1))
    with pytest.raises(ValueError, match="must be .height, width, channels."):
        models.LeNet5((32, 32))


def test_network_in_network_layer_by_layer():
    assert list(parameters(models.NetworkInNetwork()).values()) == [
        75 * 192 + 192, 192 * 160 + 160, 160 * 96 + 96, 25 * 96 * 192 + 192, 192 * 193, 192 * 193,
        9 * 192 * 192 + 192, 192 * 193, 192 * 10 + 10,
    ]  # fmt: skip
    net = models.NetworkInNetwork(classes=7, dropout=0.25)
    shapes = {layer.name: layer.output.shape[1:] for layer in net.layers}
    assert shapes["pool1"] == (16, 16, 96) and shapes["pool2"] == (8, 8, 192) and shapes["cccp6"] == (8, 8, 7)
    assert net.get_layer("drop1").rate == 0.25
    small = models.NetworkInNetwork((8, 8, 1), 10, variant="small")
    assert small.count_params() < 150_000 and small.output_shape == (None, 10)
    with pytest.raises(ValueError, match="variant='tiny' is unknown; it is one of 'full', 'small'"):
        models.NetworkInNetwork(variant="tiny")
    with pytest.raises(ValueError, match="at least 4×4"):
        models.NetworkInNetwork((3, 8, 1))


@pytest.mark.parametrize("build", [models.LeNet5, lambda **o: models.NetworkInNetwork(variant="small", **o)])
def test_the_classics_train(build):
    net = build(input_shape=(8, 8, 1), classes=3)
    assert np.isfinite(train(net, numbers(4, 8, 8, 1), np.array([0, 1, 2, 0])))
    np.testing.assert_allclose(run(net, numbers(2, 8, 8, 1)).sum(-1), 1, rtol=1e-5)


def test_network_in_networks_classifier_stays_dense_when_regrouped():
    _, report = regroup(models.NetworkInNetwork())
    assert [row.layer for row in report.kept] == ["cccp6"] and len(report.replaced) == 5


# The k-networks


@efficientnets
def test_kefficientnetb0_is_efficientnetb0_with_other_pointwise_layers():
    net = models.kEfficientNetB0((32, 32, 3), 10)
    assert net.count_params() == 668_833
    assert sum(isinstance(layer, GroupedPointwise) for layer in net.layers) == 55 + 30
    assert sum(isinstance(layer, ChannelShuffle) for layer in net.layers) <= 30
    dense = models.kEfficientNetB0((32, 32, 3), 10, channels_per_group=None)
    assert (
        dense.count_params()
        == 4_062_381
        == models.EfficientNetB0(input_shape=(32, 32, 3), classes=10).count_params()
    )


# The published counts hold skip_stride_cnt from −1 to 5, see test_models_golden.py.
@efficientnets
@pytest.mark.parametrize(("skip", "stride"), [(3, 4), (6, 1)])
def test_skip_stride_cnt_of_efficientnet_counts_stages(skip, stride):
    net = models.kEfficientNetB0((32, 32, 3), 10, channels_per_group=None, skip_stride_cnt=skip)
    assert net.get_layer("top_conv").output.shape[1] * stride == 32


@pytest.mark.parametrize(("skip", "stride"), [(-1, 32), (0, 16), (1, 8), (2, 4), (3, 2), (4, 1), (5, 1)])
def test_skip_stride_cnt_of_mobilenet_counts_strides(skip, stride):
    net = models.kMobileNet((32, 32, 3), 10, channels_per_group=None, skip_stride_cnt=skip)
    assert net.get_layer("conv_pw_13").output.shape[1] * stride == 32


@efficientnets
def test_faithful_networks_differ_where_they_say():
    net = models.kEfficientNetB0((32, 32, 3), 10, skip_stride_cnt=3, faithful=True, dropout=0.4)
    kinds = {type(layer).__name__ for layer in net.layers}
    assert not kinds & {"Rescaling", "Normalization"}
    assert net.get_layer("avg_pool").input.shape[1] == 8  # 31×31 by two strides
    assert not any(
        "top_activation" in layer.name or layer.name.startswith("top_conv_k_act") for layer in net.layers
    )
    assert net.get_layer("top_dropout").rate == 0.4
    dense = [
        layer
        for layer in net.layers
        if isinstance(layer, keras.layers.Conv2D) and layer.kernel_size == (1, 1)
    ]
    assert len(dense) == 9
    assert all(isinstance(layer.kernel_initializer, keras.initializers.GlorotUniform) for layer in dense)
    mobile = models.kMobileNet((32, 32, 3), 10, faithful=True)
    assert mobile.get_layer("conv_pw_5_k_activation").activation is keras.activations.silu
    assert mobile.get_layer("conv_dw_5_relu").max_value == 6


@efficientnets
def test_drop_connect_is_counted_over_16_blocks_in_the_published_networks():
    options = {"input_shape": (32, 32, 3), "classes": 10, "channels_per_group": None}
    rates = [
        [
            layer.rate
            for layer in models.kEfficientNetB1(faithful=faithful, **options).layers
            if "drop" in layer.name
        ]
        for faithful in (False, True)
    ]
    assert len(rates[0]) == 16 + 1 and rates[0][-1] == rates[1][-1] == 0.2
    np.testing.assert_allclose(rates[1][:-1], np.array(rates[0][:-1]) * 23 / 16)


def test_a_k_network_trains_and_is_saved(tmp_path):
    net = models.kMobileNet((32, 32, 3), 10, skip_stride_cnt=1, alpha=0.5, channels_per_group=32)
    x = numbers(2, 32, 32, 3)
    assert np.isfinite(train(net, x, np.array([1, 2])))
    np.testing.assert_allclose(run(reloaded(net, tmp_path), x), run(net, x), rtol=1e-5, atol=1e-6)


def test_bad_strides_schemes_and_widths_are_refused():
    for wrong, error, message in (
        ({"skip_stride_cnt": -2}, ValueError, "skip_stride_cnt=-2 must be −1"),
        ({"skip_stride_cnt": 1.5}, TypeError, "skip_stride_cnt=1.5 must be an integer"),
        ({"scheme": "V2"}, ValueError, "scheme='V2' is unknown"),
        ({"channels_per_group": 0}, ValueError, "channels_per_group=0 must be at least 1"),
    ):
        with pytest.raises(error, match=message):
            models.kMobileNet((32, 32, 3), 10, **wrong)


# The registry


def test_names_lists_the_courses_networks_and_all_of_keras_applications():
    names = models.names()
    assert names[:2] == ("LeNet5", "NetworkInNetwork") and len(set(names)) == len(names)
    assert {"kEfficientNetB7", "kMobileNet", "kMobileNetV3Large", "ResNet50", "ConvNeXtTiny"} <= set(names)
    assert set(names) <= set(dir(models))
    for name in names:
        assert callable(getattr(models, name))


def test_build_passes_options_on():
    net = models.build("LeNet5", input_shape=(28, 28, 1), classes=3)
    assert net.output_shape == (None, 3)
    net = models.build("MobileNetV2", input_shape=(32, 32, 3), classes=7)
    assert net.output_shape == (None, 7) and count.cost(net).macs > 0


def test_what_build_does_not_know():
    with pytest.raises(
        ValueError, match="no network is called 'efficientnetb0'; the nearest are .*EfficientNetB0"
    ):
        models.build("efficientnetb0")
    with pytest.raises(
        ValueError, match="no network is called 'kEfficentNetB0'; the nearest are kEfficientNetB0"
    ):
        models.build("kEfficentNetB0")
    with pytest.raises(ValueError, match=r"gpc.models.names\(\) lists them all"):
        models.build("xyzzy")
    with pytest.raises(TypeError, match="a network's name must be a text; received 5"):
        models.build(5)
    with pytest.raises(
        TypeError, match="LeNet5 takes no option 'clases'; it takes input_shape, classes, variant .nearest: classes"
    ):
        models.build("LeNet5", clases=3)
    with pytest.raises(AttributeError, match="module 'gpc.models' has no attribute 'AlexNet7'"):
        models.AlexNet7  # noqa: B018
