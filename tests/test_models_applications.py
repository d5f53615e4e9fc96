"""Networks of keras.applications: whole as Keras has them, small with the same boxes and reasons given."""

import inspect

import keras
import numpy as np
import pytest
from surgery_support import numbers, run

from gpc import count, models
from gpc.models import applications
from gpc.surgery import regroup

NAMES = applications.__all__
slow_on_jax = pytest.mark.tensorflow  # which compiles no layer when it is built


@slow_on_jax
def test_whole_networks_are_keras_applications():
    for name, options in (
        ("MobileNet", {"input_shape": (32, 32, 3), "classes": 7, "alpha": 0.25, "dropout": 0.5}),
        ("VGG16", {"input_shape": (32, 32, 3), "include_top": False, "pooling": "avg"}),
    ):
        keras.utils.clear_session()  # so that layers without a name are numbered alike
        ours = getattr(models, name)(name="net", **options)
        keras.utils.clear_session()
        theirs = getattr(keras.applications, name)(weights=None, name="net", **options)
        assert ours.get_config() == theirs.get_config()


@pytest.mark.parametrize("name", NAMES)
def test_options_are_kerass_and_variant(name):
    found = inspect.signature(getattr(models, name)).parameters
    theirs = inspect.signature(getattr(keras.applications, name)).parameters
    assert set(found) == set(theirs) | {"variant"} and found["weights"].default is None
    assert {
        n: p.default for n, p in found.items() if n in theirs and n not in ("weights", "input_shape")
    } == {n: p.default for n, p in theirs.items() if n not in ("weights", "input_shape")}
    assert models.names().count(name) == 1 and models.constructor(name) is getattr(models, name)
    with pytest.raises(TypeError, match=f"{name} takes no option 'clases'; .*nearest: classes"):
        models.build(name, clases=3)


def test_small_takes_no_further_options():
    with pytest.raises(TypeError, match="variant='small' takes input_shape and classes only; received alpha"):
        models.MobileNet((32, 32, 3), 10, variant="small", alpha=0.5)
    with pytest.raises(ValueError, match="variant='tiny' is unknown; it is one of 'full', 'small'"):
        models.VGG16(variant="tiny")
    with pytest.raises(TypeError, match="classes=2.5 must be an integer"):
        models.VGG16(classes=2.5, variant="small")


@slow_on_jax
@pytest.mark.parametrize("name", NAMES)
def test_small_variants_take_any_small_image(name):
    for shape in ((32, 32, 3), (16, 16, 1), (28, 28, 1), (8, 8, 1)):
        net = models.build(name, input_shape=shape, classes=5, variant="small")
        assert net.output_shape == (None, 5) and 30_000 < net.count_params() < 150_000
        assert count.cost(net).macs < 16e6
    x = numbers(2, 8, 8, 1)
    np.testing.assert_allclose(run(net, x).sum(-1), 1, rtol=1e-5)
    assert models.build(name, variant="small").input_shape == (None, 32, 32, 3)
    assert all(
        layer.momentum == 0.9 for layer in net.layers if isinstance(layer, keras.layers.BatchNormalization)
    )


@slow_on_jax
def test_the_smallest_image_of_the_small_densenet():
    with pytest.raises(ValueError, match="3 poolings need at least 8×8; nearest that works: 8×9"):
        models.DenseNet121((7, 9, 3), 2, variant="small")


def sides(net, *names):
    return [net.get_layer(name).output.shape[1] for name in names]


@slow_on_jax
def test_small_variants_keep_what_makes_the_network():
    build = {name: models.build(name, input_shape=(32, 32, 3), classes=3, variant="small") for name in NAMES}
    layers = {name: [type(layer).__name__ for layer in net.layers] for name, net in build.items()}
    names = {name: {layer.name for layer in net.layers} for name, net in build.items()}
    vgg = [layer for layer in build["VGG16"].layers if layer.weights]
    assert len(vgg) == 16 and [len(layer.kernel.shape) for layer in vgg] == [4] * 13 + [2] * 3
    assert sides(build["VGG16"], *(f"block{n}_pool" for n in range(1, 6))) == [16, 8, 4, 2, 1]
    assert layers["ResNet50"].count("Add") == 4 and sides(build["ResNet50"], "conv4_relu") == [8]
    # each unit keeps all maps before it: 8 more, halved by a transition
    widths = [
        build["DenseNet121"].get_layer(n).output.shape[-1]
        for n in ("conv2_2_concat", "pool2", "conv3_3_concat")
    ]
    assert widths == [16 + 2 * 8, 16, 16 + 3 * 8]
    assert layers["Xception"].count("SeparableConv2D") == 9 and layers["Xception"].count("Add") == 4
    assert layers["MobileNet"].count("DepthwiseConv2D") == 7 and "Add" not in layers["MobileNet"]
    assert layers["MobileNetV2"].count("DepthwiseConv2D") == 7 and layers["MobileNetV2"].count("Add") == 3
    for name, gates in (("MobileNetV3Large", 2), ("MobileNetV3Small", 3), ("EfficientNetB0", 6)):
        assert layers[name].count("Multiply") == gates
    kernels = {
        tuple(layer.kernel_size) for layer in build["InceptionV3"].layers if hasattr(layer, "kernel_size")
    }
    assert kernels == {(1, 1), (3, 3), (5, 5), (1, 7), (7, 1), (1, 3), (3, 1)}
    blocks = [f"mixed{n}_concat" for n in (0, 3, 4, 8, 9)]
    assert sides(build["InceptionV3"], *blocks) == [16, 8, 8, 4, 4]
    assert [build["InceptionV3"].get_layer(n).output.shape[-1] for n in blocks] == [64, 120, 96, 160, 152]
    assert {"bneck5_depthwise_hard_silu", "bneck2_depthwise_relu"} <= names["MobileNetV3Large"]


@slow_on_jax
def test_thirteen_convolutions_without_batch_norm_learn_bright_from_dark():
    net = models.VGG16((16, 16, 1), 2, variant="small")
    y = np.arange(16) % 2
    x = np.random.default_rng(0).uniform(size=(16, 16, 16, 1)).astype("float32") + y[:, None, None, None] - 1
    net.compile(keras.optimizers.Adam(3e-3), "sparse_categorical_crossentropy")
    net.fit(x, y, epochs=30, batch_size=16, verbose=0)
    assert net.evaluate(x, y, verbose=0, return_dict=True)["loss"] < 0.35 < np.log(2)


@slow_on_jax
def test_the_small_xceptions_separable_layers_are_regrouped():
    net = models.Xception((16, 16, 3), 3, variant="small")
    new, report = regroup(net, 8)
    replaced = {row.layer for row in report.replaced}
    assert {"block5_sepconv1", "block13_sepconv2", "block14"} <= replaced and new.output_shape == (None, 3)
    assert report.parameters_after < report.parameters_before


def test_what_is_left_out_is_said():
    assert models.deviations("VGG16") == ()
    assert models.deviations("VGG16", "small")[0] == "block1_conv1: 8 filters instead of 64"
    for name in NAMES:
        assert len(models.deviations(name, "small")) >= 3
