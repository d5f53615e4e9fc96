"""The k-networks' own builders: DenseNet-BC, Inception V3 in one and in two paths, and what all constructors share."""

import keras
import numpy as np
import pytest
from keras import layers
from surgery_support import numbers, reloaded, run, shaken, train

from gpc import count, models
from gpc.layers import ChannelShuffle, GroupedPointwise
from gpc.models import inception
from gpc.models.kinception import _number

tensorflow = pytest.mark.tensorflow  # JAX takes minutes to build an Inception


# DenseNet-BC


def test_densenet_bc_has_the_parameters_of_the_papers_formula():
    net = models.DenseNetBC100()
    unit = sum(2 * maps + 48 * maps for start in (24, 108, 150) for maps in range(start, start + 192, 12))
    unit += 48 * (2 * 48 + 9 * 48 * 12)
    halves = 2 * 216 + 216 * 108 + 2 * 300 + 300 * 150
    expected = 9 * 3 * 24 + unit + halves + 2 * 342 + 342 * 10 + 10
    assert sum(int(np.prod(weight.shape)) for weight in net.trainable_weights) == expected == 769_162
    assert [layer.name for layer in net.layers][2:8] == [
        "dense1_1_1x1_bn", "dense1_1_1x1_relu", "dense1_1_1x1", "dense1_1_3x3_bn", "dense1_1_3x3_relu", "dense1_1_3x3",
    ]  # fmt: skip


@tensorflow
def test_both_orders_of_the_k_densenet():
    today = models.kDenseNetBC100(channels_per_group=12)
    names = [layer.name for layer in today.layers]
    # BN and ReLU behind the 1×1 belong to it, and K and L have their own
    assert "dense2_1_1x1_k_bn" in names and "dense2_1_1x1_l_bn" in names and "dense2_1_3x3_bn" not in names
    published = models.kDenseNetBC100(channels_per_group=12, faithful=True)
    names = [layer.name for layer in published.layers]
    assert "dense2_1_3x3_bn" in names and not any(name.endswith("_k_bn") for name in names)
    k = published.get_layer("dense2_1_1x1_k")
    assert k.activation is keras.activations.silu and published.get_layer("dense2_1_3x3").activation == k.activation
    assert published.get_layer("conv1").use_bias and not today.get_layer("conv1").use_bias


@tensorflow
def test_the_k_densenet_interleaves_in_front_of_its_transitions_if_asked():
    plain, mixed = (
        models.kDenseNetBC100(channels_per_group=None, has_interleave_at_transition=asked) for asked in (False, True)
    )
    assert not any(isinstance(layer, ChannelShuffle) for layer in plain.layers)
    found = [layer for layer in mixed.layers if isinstance(layer, ChannelShuffle)]
    assert [layer.step for layer in found] == [12, 12] and plain.count_params() == mixed.count_params()


@tensorflow
def test_l2_decay_reaches_the_pointwise_layers_but_of_the_published_net():
    for faithful, expected in ((False, 1 + 48 * 2 + 2), (True, 1 + 48)):
        net = models.kDenseNetBC100(channels_per_group=None, l2_decay=1e-4, faithful=faithful, dropout=0.2)
        decayed = [layer for layer in net.layers if getattr(layer, "kernel_regularizer", None)]
        assert len(decayed) == expected
        assert sum(isinstance(layer, layers.Dropout) for layer in net.layers) == 48 * 2 + 2


def test_a_small_densenet_trains_and_is_saved(tmp_path):
    net = models.DenseNetBC100((8, 8, 1), 3, variant="small")
    x = numbers(4, 8, 8, 1)
    assert np.isfinite(train(net, x, np.array([0, 1, 2, 0])))
    np.testing.assert_allclose(run(reloaded(net, tmp_path), x), run(net, x), rtol=1e-5, atol=1e-6)
    with pytest.raises(ValueError, match="two poolings need at least 4×4"):
        models.DenseNetBC100((3, 8, 1))
    with pytest.raises(ValueError, match="dropout=1.5 must be at least 0 and below 1"):
        models.DenseNetBC100(dropout=1.5)


# Inception V3


@tensorflow
def test_the_table_is_keras_applications_inception_weight_for_weight():
    ours, left = inception.build((75, 75, 3), inception.Paths(), "ours", (True, None, 10))
    theirs = shaken(models.InceptionV3(input_shape=(75, 75, 3), classes=10))
    made = sorted(theirs.layers, key=lambda layer: _number(layer.name))
    convolutions = [layer for layer in made if isinstance(layer, layers.Conv2D)]
    norms = [layer for layer in made if isinstance(layer, layers.BatchNormalization)]
    names = _in_order_of_making()
    assert len(names) == len(convolutions) == 94 and {names[index] for index in (8, 22, 25)} == left
    for name, convolution, norm in zip(names, convolutions, norms, strict=True):
        ours.get_layer(name).set_weights(convolution.get_weights())
        ours.get_layer(f"{name}_bn").set_weights(norm.get_weights())
    ours.get_layer("predictions").set_weights(theirs.get_layer("predictions").get_weights())
    x = numbers(2, 75, 75, 3)
    np.testing.assert_allclose(run(ours, x), run(theirs, x), rtol=1e-4, atol=1e-6)


def _in_order_of_making():
    """Our names in the order in which keras.applications makes its convolutions."""
    names = ["conv1", "conv2", "conv3", "single_path", "conv5"]
    for index, branches in enumerate(inception.MIXED):
        for place, branch in enumerate(branches, 1):
            for number, step in enumerate(branch, 1):
                if isinstance(step, inception.Conv):
                    name = f"mixed{index}_{place}_{number}"
                    names += [f"{name}_{a}x{b}" for a, b in step.fork] or [name]
    return names


@tensorflow
def test_light_and_chroma_are_apart_until_they_are_joined():
    options = {"two_paths_first_block": True, "l_ratio": 0.25, "ab_ratio": 0.75, "max_mix_idx": -1}
    net = models.kInceptionV3((43, 43, 3), 5, channels_per_group=None, **options)
    assert [net.get_layer(f"light{n}").filters for n in (1, 2, 3)] == [8, 8, 16]
    assert [net.get_layer(f"chroma{n}").filters for n in (1, 2, 3)] == [24, 24, 48]
    stem = keras.Model(net.input, net.get_layer("light_and_chroma").output)
    x = numbers(1, 43, 43, 3)
    brighter = x + np.array([1, 0, 0], "float32")
    before, after = run(stem, x), run(stem, brighter)
    assert np.abs(after - before)[..., :16].max() > 0.01 and (after == before)[..., 16:].all()


@tensorflow
@pytest.mark.parametrize(
    ("options", "present", "absent"),
    [
        ({"two_paths_first_block": True, "ab_ratio": 0}, "light3", "chroma1"),
        ({"two_paths_first_block": True, "l_ratio": 0}, "chroma3", "light1"),
        ({"two_paths_partial_first_block": 1}, "conv2", "light2"),
        ({"two_paths_partial_first_block": 2}, "light2", "light3"),
        ({"two_paths_partial_first_block": 4}, "second_b_3x3", "single_path"),
        ({"max_mix_deep_two_paths_idx": 0, "max_mix_idx": 1}, "mixed0b_3_2", "mixed1a_3_2"),
    ],
)
def test_parts_in_two_paths(options, present, absent):
    options = {"max_mix_idx": 0} | options
    net = models.kInceptionV3((43, 43, 3), 5, channels_per_group=None, **options)
    names = {layer.name for layer in net.layers}
    assert present in names and absent not in names and net.output_shape == (None, 5)


@tensorflow
def test_a_two_path_k_inception_trains_is_saved_and_reads_every_channel(tmp_path):
    options = {"two_paths_first_block": True, "two_paths_second_block": True, "deep_two_paths": True, "max_mix_idx": 3}
    net = models.kInceptionV3((43, 43, 3), 4, **options)
    assert any(isinstance(layer, GroupedPointwise) for layer in net.layers)
    assert not count.cost(net).unknown
    x = numbers(2, 43, 43, 3)
    assert np.isfinite(train(net, x, np.array([1, 2])))
    again = reloaded(net, tmp_path)
    np.testing.assert_allclose(run(again, x), run(net, x), rtol=1e-5, atol=1e-6)


@tensorflow
def test_the_three_layers_that_the_published_inception_leaves_dense():
    options = {"max_mix_idx": 2, "two_paths_first_block": True}
    nets = [models.kInceptionV3((43, 43, 3), 4, faithful=faithful, **options) for faithful in (False, True)]
    dense = [{layer.name for layer in net.layers if type(layer) is layers.Conv2D} for net in nets]
    assert dense[1] - dense[0] == {"mixed0_3_1", "mixed2_3_1", "mixed2_4_2"}


def test_two_paths_that_cannot_be():
    for options, message in (
        ({"l_ratio": 0, "ab_ratio": 0, "two_paths_first_block": True}, "leave no branch"),
        ({"l_ratio": 1.5}, "l_ratio=1.5 must be from 0 to 1; nearest that works: 1"),
        ({"max_mix_idx": 11}, "max_mix_idx=11 must be from -1 to 10; nearest that works: 10"),
        ({"deep_two_paths_compression": 0.01}, "nearest that works: 0.04"),
        ({"input_shape": (96, 96, 1), "two_paths_first_block": True}, "has 1"),
        ({"input_shape": (60, 80, 3)}, r"at least 75×75; nearest that works: \(75, 80, 3\)"),
        ({"input_shape": (30, 30, 3), "max_mix_idx": 5}, "at least 43×43"),
    ):
        with pytest.raises(ValueError, match=message):
            models.kInceptionV3(**{"input_shape": (96, 96, 3), **options})
    with pytest.raises(TypeError, match="max_mix_idx=2.5 must be an integer"):
        models.kInceptionV3((96, 96, 3), max_mix_idx=2.5)


# What all constructors share


@tensorflow
@pytest.mark.parametrize("name", ["kEfficientNetB0", "kMobileNet", "kMobileNetV3Small", "kDenseNetBC100"])
def test_without_the_top_and_pooled(name):
    bare, pooled = (
        models.build(name, input_shape=(32, 32, 3), include_top=False, pooling=pooling) for pooling in (None, "max")
    )
    assert len(bare.output_shape) == 4 and pooled.output_shape == (None, bare.output_shape[-1])
    x = numbers(1, 32, 32, 3)
    pooled.set_weights(bare.get_weights())
    np.testing.assert_allclose(run(pooled, x), run(bare, x).max(axis=(1, 2)), rtol=1e-5)


@tensorflow
@pytest.mark.parametrize("width", [2, 128])
@pytest.mark.parametrize("name", ["kMobileNet", "kMobileNetV3Small"])
@pytest.mark.parametrize("scheme", ["interleaved", "divisible"])
def test_any_width_runs(name, width, scheme):
    net = models.build(name, input_shape=(32, 32, 3), classes=3, channels_per_group=width, scheme=scheme)
    assert np.isfinite(run(net, numbers(2, 32, 32, 3))).all()


@tensorflow
def test_batch_norms_of_k_and_l_in_the_published_mobilenet_v3():
    net = models.kMobileNetV3Small((32, 32, 3), 10, faithful=True, skip_stride_cnt=2)
    momenta = {layer.name: layer.momentum for layer in net.layers if isinstance(layer, layers.BatchNormalization)}
    new = {name for name in momenta if name.endswith(("_k_bn", "_l_bn"))}
    assert new and {momenta[name] for name in new} == {0.99}
    assert {momenta[name] for name in momenta if name not in new} == {0.999}
    assert net.get_layer("conv").strides == (1, 1)


def test_second_false_leaves_k_alone():
    net = models.kMobileNet((32, 32, 3), 10, second=False)
    names = {layer.name for layer in net.layers}
    assert "conv_pw_6_k" in names and not any(name.endswith(("_l", "_interleave")) for name in names)
