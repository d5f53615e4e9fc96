"""AlexNet, GoogLeNet, SqueezeNet, ResNeXt, SE-ResNet: row by row, to the unit where a number is published."""

import keras
import numpy as np
import pytest
from surgery_support import numbers, run

from gpc import count, models
from gpc.layers import GroupedConv2D, LocalResponseNormalization
from gpc.surgery import regroup

NAMES = ("AlexNet", "GoogLeNet", "SqueezeNet10", "SqueezeNet11", "ResNeXt50", "SEResNet50")
slow_on_jax = pytest.mark.tensorflow  # which compiles no layer when it is built


def shapes(net):
    return {layer.name: layer.output.shape[1:] for layer in net.layers}


def parameters(net):
    return {layer.name: layer.count_params() for layer in net.layers if layer.weights}


@slow_on_jax
def test_alexnet_layer_by_layer():
    net = models.AlexNet()
    found = shapes(net)
    assert found["field"] == (227, 227, 3)
    # Krizhevsky et al., 2012, Figure 2: 55, 27 and 13 pixels; 96, 256, 384, 384, 256 kernels on two GPUs
    sizes = {
        "conv1": (55, 96),
        "conv2": (27, 256),
        "conv3": (13, 384),
        "conv4": (13, 384),
        "conv5": (13, 256),
    }
    assert {name: found[name] for name in sizes} == {
        n: (side, side, maps) for n, (side, maps) in sizes.items()
    }
    assert found["pool5"] == (6, 6, 256)
    kernels = {name: tuple(net.get_layer(name).kernel.shape) for name in sizes}
    # ibid., section 3.5
    assert kernels == {
        "conv1": (11, 11, 3, 96), "conv2": (5, 5, 48, 256), "conv3": (3, 3, 256, 384),
        "conv4": (3, 3, 192, 384), "conv5": (3, 3, 192, 256),
    }  # fmt: skip
    cost = count.cost(net)
    # Parameters: AlexNet for Caffe in the table of HewlettPackard/dlcookbook-dlbs. MACs: window · channels of
    # a group · filters · positions, summed over the layers by hand.
    assert net.count_params() == 60_965_224 and cost.macs == 724_406_816
    order = [layer.name for layer in net.layers]
    assert order[2:8] == ["conv1", "norm1", "pool1", "conv2", "norm2", "pool2"]
    drops = [layer.rate for layer in net.layers if isinstance(layer, keras.layers.Dropout)]
    assert drops == [0.5, 0.5]


@slow_on_jax
def test_alexnets_padding_only_fills_the_stride():
    for side, padded in ((67, None), (66, 67), (65, 67)):
        found = shapes(models.AlexNet((side, side, 1), 2, dropout=0.1))
        assert found.get("field", (None,))[0] == padded and found["conv1"] == (15, 15, 96)
    with pytest.raises(ValueError, match="at least 64×64; nearest that works: 64×70"):
        models.AlexNet((63, 70, 3))
    assert shapes(models.AlexNet((64, 64, 1), 2))["pool5"] == (1, 1, 256)


@slow_on_jax
def test_alexnets_groups_stay_apart_until_conv3():
    net = models.AlexNet((16, 16, 1), 3, variant="small")
    before, behind = (
        keras.Model(net.get_layer(f"conv{n}").input, net.get_layer(f"conv{n}").output) for n in (2, 3)
    )
    x = np.abs(numbers(1, *before.input_shape[1:]))
    half, other = x.shape[-1] // 2, x * (np.arange(x.shape[-1]) < x.shape[-1] // 2)
    filters = before.output_shape[-1] // 2
    changed = (run(before, x) != run(before, other)).any((0, 1, 2))
    assert half == 8 and not changed[:filters].any() and changed[filters:].any()
    x = np.abs(numbers(1, *behind.input_shape[1:]))
    changed = run(behind, x) != run(behind, x * (np.arange(x.shape[-1]) < x.shape[-1] // 2))
    assert changed[..., : behind.output_shape[-1] // 2].any()


# Szegedy et al., 2015, Table 1: output and operations in millions. For 5a it has 54: its widths give less.
GOOGLENET = {
    "inception_3a": ((28, 28, 256), 128),
    "inception_3b": ((28, 28, 480), 304),
    "inception_4a": ((14, 14, 512), 73),
    "inception_4b": ((14, 14, 512), 88),
    "inception_4c": ((14, 14, 512), 100),
    "inception_4d": ((14, 14, 528), 119),
    "inception_4e": ((14, 14, 832), 170),
    "inception_5a": ((7, 7, 832), 51),
    "inception_5b": ((7, 7, 1024), 71),
}


@slow_on_jax
def test_googlenet_row_by_row():
    net = models.GoogLeNet()
    found, cost = shapes(net), count.cost(net)
    assert (
        found["conv1"] == (112, 112, 64)
        and found["pool1"] == (56, 56, 64)
        and found["conv2"] == (56, 56, 192)
    )
    assert [name for name in found if name.endswith("concat")] == [f"{name}_concat" for name in GOOGLENET]
    for name, (shape, millions) in GOOGLENET.items():
        rows = [row for row in cost.layers if row.name.startswith(name)]
        assert found[f"{name}_concat"] == shape
        assert sum(row.macs for row in rows) / 1e6 == pytest.approx(millions, rel=0.01)
    # Caffe's bvlc_googlenet without its two auxiliary classifiers: HewlettPackard/dlcookbook-dlbs's table
    assert net.count_params() == 6_998_552
    norms = [layer for layer in net.layers if isinstance(layer, LocalResponseNormalization)]
    assert [(n.name, n.size, n.k, n.alpha, n.beta) for n in norms] == [
        (name, 5, 1.0, 2e-5, 0.75) for name in ("norm1", "norm2")
    ]
    assert net.get_layer("drop5").rate == 0.4


@slow_on_jax
def test_squeezenet_row_by_row():
    net = models.SqueezeNet10((227, 227, 3))
    found = shapes(net)
    # Iandola et al., 2016, Table 1
    table = {
        "conv1": (111, 96), "pool1": (55, 96), "fire2": (55, 128), "fire3": (55, 128), "fire4": (55, 256),
        "pool4": (27, 256), "fire5": (27, 256), "fire6": (27, 384), "fire7": (27, 384), "fire8": (27, 512),
        "pool8": (13, 512), "fire9": (13, 512), "conv10": (13, 1000),
    }  # fmt: skip
    for name, (side, channels) in table.items():
        key = f"{name}_concat" if name.startswith("fire") else name
        assert found[key] == (side, side, channels)
    # ibid., its first six Fire modules' parameters before pruning
    modules = {
        "fire2": 11_920,
        "fire3": 12_432,
        "fire4": 45_344,
        "fire5": 49_440,
        "fire6": 104_880,
        "fire7": 111_024,
    }
    for name, wanted in modules.items():
        assert sum(n for layer, n in parameters(net).items() if layer.startswith(f"{name}_")) == wanted


# torchvision's documentation of squeezenet1_0 and squeezenet1_1: num_params, and GFLOPS, which are MACs.
@slow_on_jax
@pytest.mark.parametrize(
    ("name", "wanted", "giga", "sides"),
    [
        ("SqueezeNet10", 1_248_424, 0.82, (109, 54, 27, 13)),
        ("SqueezeNet11", 1_235_496, 0.35, (111, 55, 27, 13)),
    ],
)
def test_squeezenets_have_torchvisions_counts(name, wanted, giga, sides):
    net = models.build(name)
    assert net.count_params() == wanted and round(count.cost(net).macs / 1e9, 2) == giga
    found = shapes(net)
    pools = [key for key in found if key.startswith("pool") and not key.endswith("edge")]
    assert tuple(found[key][0] for key in ("conv1", *pools[:3])) == sides


@slow_on_jax
@pytest.mark.parametrize(("name", "least"), [("SqueezeNet10", 21), ("SqueezeNet11", 17)])
def test_squeezenets_smallest_image(name, least):
    with pytest.raises(ValueError, match=f"at least {least}×{least}; nearest that works: {least}×40"):
        models.build(name, input_shape=(least - 1, 40, 3))
    assert models.build(name, input_shape=(least, least, 1), classes=2).output_shape == (None, 2)


@slow_on_jax
def test_a_poolings_last_window_reaches_over_the_edge():
    net = models.SqueezeNet11((21, 21, 1), 2)
    assert shapes(net)["conv1"] == (10, 10, 64) and shapes(net)["pool1"] == (5, 5, 64)
    inner = keras.Model(net.get_layer("conv1").output, net.get_layer("pool1").output)
    x = np.abs(numbers(1, 10, 10, 64))
    wanted = [[x[0, r : r + 3, c : c + 3].max((0, 1)) for c in range(0, 10, 2)] for r in range(0, 10, 2)]
    np.testing.assert_array_equal(run(inner, x)[0], np.array(wanted))


@slow_on_jax
def test_resnext50_has_torchvisions_counts():
    net = models.ResNeXt50()
    cost = count.cost(net)
    # torchvision's documentation of resnext50_32x4d: num_params 25028904 (no running averages), GFLOPS 4.23
    assert cost.trainable == 25_028_904 and round(cost.macs / 1e9, 2) == 4.23
    found = shapes(net)
    # Xie et al., 2017, Table 1
    stages = {"conv2_3": (56, 256), "conv3_4": (28, 512), "conv4_6": (14, 1024), "conv5_3": (7, 2048)}
    for name, (side, channels) in stages.items():
        assert found[f"{name}_relu"] == (side, side, channels) and found[f"{name}_3x3"] == (
            side,
            side,
            channels // 2,
        )
    grouped = [layer for layer in net.layers if isinstance(layer, GroupedConv2D)]
    assert len(grouped) == 16 and {layer.groups for layer in grouped} == {32}
    assert grouped[0].kernel.shape == (3, 3, 4, 128)


@slow_on_jax
def test_seresnet50_has_the_published_counts():
    net = models.SEResNet50()
    cost = count.cost(net)
    # SE-ResNet-50 in osmr/imgclsmob's table, from Cadene/pretrained-models.pytorch
    assert cost.trainable == 28_088_024
    gates = sum(n for name, n in parameters(net).items() if "_gate_" in name)
    # 25,557,032 is ResNet-50 in the same table
    assert cost.trainable - gates == 25_557_032
    # Hu et al., 2018, Table 1: 3.87 GFLOPs, which are MACs here; and section 6.4: the ratio is 16
    assert cost.macs / 1e9 == pytest.approx(3.87, abs=0.01)
    assert net.get_layer("conv5_3_gate_reduce").filters == 2048 // 16
    assert net.get_layer("conv3_1_reduce").strides == (2, 2) and net.get_layer("conv3_1_3x3").strides == (
        1,
        1,
    )


@slow_on_jax
@pytest.mark.parametrize("name", NAMES)
def test_small_variants_take_any_small_image(name):
    for shape in ((32, 32, 3), (16, 16, 1), (28, 28, 1), (8, 8, 1)):
        net = models.build(name, input_shape=shape, classes=5, variant="small")
        assert net.output_shape == (None, 5) and 30_000 < net.count_params() < 150_000
        assert net.name == f"{name.lower()}_small"
    x = numbers(2, 8, 8, 1)
    np.testing.assert_allclose(run(net, x).sum(-1), 1, rtol=1e-5)
    with pytest.raises(ValueError, match="variant='tiny' is unknown; it is one of 'full', 'small'"):
        models.build(name, variant="tiny")


@slow_on_jax
@pytest.mark.parametrize("name", ["AlexNet", "GoogLeNet"])
def test_small_variants_learn_bright_from_dark(name):
    net = models.build(name, input_shape=(16, 16, 1), classes=2, variant="small")
    y = np.arange(16) % 2
    x = np.random.default_rng(0).uniform(size=(16, 16, 16, 1)).astype("float32") + y[:, None, None, None] - 1
    net.compile(keras.optimizers.Adam(3e-3), "sparse_categorical_crossentropy")
    net.fit(x, y, epochs=25, batch_size=16, verbose=0)
    assert net.evaluate(x, y, verbose=0, return_dict=True)["loss"] < 0.35 < np.log(2)


@slow_on_jax
def test_regrouping_leaves_what_is_grouped():
    net = models.ResNeXt50((8, 8, 3), 4, variant="small")
    new, report = regroup(net, 8)
    assert {row.layer.rsplit("_", 1)[-1] for row in report.replaced} <= {"reduce", "expand", "shortcut"}
    assert [layer.groups for layer in new.layers if isinstance(layer, GroupedConv2D)] == [8] * 4
    _, report = regroup(models.SqueezeNet11((8, 8, 3), 4, variant="small"), 8)
    assert {row.layer: row.reason for row in report.kept}["conv10"].startswith("the classifier")


def test_what_differs_is_said():
    assert models.deviations("AlexNet")[0].startswith("conv1: zeros around the image")
    assert [text.split(":")[0] for text in models.deviations("GoogLeNet")] == [
        "norm1", "norm2", "inception_4a", "inception_4d",
    ]  # fmt: skip
    assert (
        models.deviations("ResNeXt50")
        == models.deviations("SEResNet50")
        == models.deviations("SqueezeNet11")
        == ()
    )
    assert "8 groups instead of 32" in models.deviations("ResNeXt50", "small")[1]
