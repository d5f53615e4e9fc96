"""The boxes of the classic networks: costs by their docstrings' formulas, what their outputs read."""

import keras
import numpy as np
import pytest
from surgery_support import numbers, run

from gpc import blocks, count

slow_on_jax = pytest.mark.tensorflow


def model(box, *args, shape=(8, 6, 12), **options):
    inputs = keras.Input(shape)
    return keras.Model(inputs, box(inputs, *args, **options))


def convolutions(net):
    """(weights, multiply-accumulates) of the network's kernels."""
    kernels = sum(int(np.prod(w.shape)) for w in net.weights if "kernel" in w.path)
    return kernels, count.cost(net).macs


def silenced(net, *names):
    """The network with these layers' kernels zero, so that they give their bias only, which is zero."""
    for name in names:
        for weight in net.get_layer(name).weights:
            if "kernel" in weight.path:
                weight.assign(weight * 0)
    return net


def test_fire():
    net = model(blocks.fire, 4, 10, name="fire2")
    assert net.output_shape == (None, 8, 6, 20)
    assert convolutions(net) == ((12 + 10 * 10) * 4, 48 * (12 + 10 * 10) * 4)
    assert net.count_params() == (12 + 100) * 4 + 4 + 20
    y = run(silenced(net, "fire2_expand3x3"), numbers(1, 8, 6, 12))
    assert (y >= 0).all() and y[..., :10].any() and not y[..., 10:].any()


def test_squeeze_excite_is_two_layers_on_the_means():
    net = model(blocks.squeeze_excite, 3)
    x = numbers(2, 8, 6, 12)
    reduce, expand = (net.get_layer(f"gate_{half}") for half in ("reduce", "expand"))
    weights = [
        w.reshape(w.shape[-2:]) if w.ndim > 1 else w for w in reduce.get_weights() + expand.get_weights()
    ]
    few = np.maximum(x.mean((1, 2)) @ weights[0] + weights[1], 0)
    scale = 1 / (1 + np.exp(-(few @ weights[2] + weights[3])))
    np.testing.assert_allclose(run(net, x), x * scale[:, None, None], rtol=1e-4, atol=1e-6)
    assert net.count_params() == 2 * 12 * 3 + 3 + 12 and count.cost(net).macs == 2 * 12 * 3


@slow_on_jax
def test_inception_has_the_papers_branches_in_its_order():
    widths = blocks.Widths(8, 6, 9, 2, 5, 3)
    net = model(blocks.inception, widths)
    weights = 12 * (8 + 6 + 2 + 3) + 9 * 6 * 9 + 25 * 2 * 5
    assert net.output_shape == (None, 8, 6, 25) and convolutions(net) == (weights, 48 * weights)
    x, starts = numbers(1, 8, 6, 12), {"1x1": 0, "3x3": 8, "5x5": 17, "pool_proj": 22}
    for name, start in starts.items():
        alone = silenced(model(blocks.inception, widths), *(f"inception_{n}" for n in starts if n != name))
        lively = np.flatnonzero(run(alone, x).any((0, 1, 2)))
        size = {"1x1": 8, "3x3": 9, "5x5": 5, "pool_proj": 3}[name]
        assert len(lively) and start <= lively.min() and lively.max() < start + size
    fields = count.receptive_field_of(model(blocks.inception, widths, shape=(9, 9, 4)))
    sizes = {name: fields[f"inception_{name}"].size for name in starts}
    assert sizes == {"1x1": (1, 1), "3x3": (3, 3), "5x5": (5, 5), "pool_proj": (3, 3)}


@slow_on_jax
def test_branched_steps_halve_or_keep_the_map():
    step, fork = blocks.Step, [blocks.Step(4, (1, 3)), blocks.Step(4, (3, 1))]
    net = model(blocks.branched, ((step(6), fork), ("average", step(5))), norm={})
    assert net.output_shape == (None, 8, 6, 13)
    assert convolutions(net)[0] == 12 * 6 + 2 * 3 * 6 * 4 + 12 * 5
    halved = model(
        blocks.branched, ((step(6), step(7, (3, 3), 2)), ("max",)), norm={"momentum": 0.5}, name="m"
    )
    assert halved.output_shape == (None, 4, 3, 19) and halved.get_layer("m_1_2_bn").momentum == 0.5
    with pytest.raises(ValueError, match="step='mean' must be a Step, a list of Steps, 'average' or 'max'"):
        model(blocks.branched, (("mean",),), norm={})


@pytest.mark.parametrize(("strides", "early"), [(1, False), (2, False), (2, True)])
@pytest.mark.parametrize("groups", [1, 4])
def test_bottleneck_costs_and_where_its_stride_is(groups, strides, early):
    net = model(blocks.bottleneck, 24, inside=8, groups=groups, strides=strides, early=early)
    small = 48 // strides**2
    first = small if early else 48
    assert net.output_shape == (None, 8 // strides, 6 // strides, 24)
    weights = 12 * 8 + 9 * 8 * 8 // groups + 8 * 24 + 12 * 24
    assert convolutions(net) == (weights, first * 12 * 8 + small * (weights - 12 * 8))
    assert net.get_layer("bottleneck_reduce").strides == ((strides, strides) if early else (1, 1))
    assert net.get_layer("bottleneck_3x3").groups == groups


def test_bottleneck_adds_its_input():
    net = silenced(model(blocks.bottleneck, 12, squeeze=4), "bottleneck_expand")
    x = numbers(1, 8, 6, 12)
    np.testing.assert_allclose(run(net, x), np.maximum(x, 0), atol=1e-6)
    assert (
        net.get_layer("bottleneck_reduce").filters == 3
        and net.get_layer("bottleneck_gate_reduce").filters == 3
    )
    with pytest.raises(ValueError, match="groups=3 must divide inside=8; nearest that does: 2 or 4"):
        model(blocks.bottleneck, 12, inside=8, groups=3)


@slow_on_jax
def test_dense_unit_keeps_what_came_in_and_transition_halves():
    net = model(blocks.dense_unit, 5)
    assert convolutions(net) == ((12 + 9 * 5) * 20, 48 * (12 + 9 * 5) * 20)
    x = numbers(2, 8, 6, 12)
    assert net.output_shape == (None, 8, 6, 17) and np.array_equal(run(net, x)[..., :12], x)
    net = model(blocks.transition)
    assert net.output_shape == (None, 4, 3, 6) and convolutions(net) == (72, 48 * 72)


def test_depthwise_separable():
    net = model(blocks.depthwise_separable, 20, strides=2)
    assert net.output_shape == (None, 4, 3, 20) and convolutions(net) == ((9 + 20) * 12, 12 * (9 + 20) * 12)


@slow_on_jax
def test_separable_residual_adds_its_input():
    net = model(blocks.separable_residual, (7, 9), strides=2, first_relu=False)
    weights = 9 * 12 + 12 * 7 + 9 * 7 + 7 * 9
    assert net.output_shape == (None, 4, 3, 9) and convolutions(net) == (
        weights + 12 * 9,
        48 * weights + 12 * 12 * 9,
    )
    assert "xception_relu1" not in {layer.name for layer in net.layers}
    net = silenced(model(blocks.separable_residual, (12, 12)), "xception_sepconv2")
    x = numbers(1, 8, 6, 12)
    np.testing.assert_allclose(run(net, x), x, atol=1e-6)
    with pytest.raises(ValueError, match="widths=.. must hold a number of filters"):
        model(blocks.separable_residual, ())


@pytest.mark.parametrize(
    ("box", "arguments", "says"),
    [
        (blocks.fire, (0, 4), "squeeze=0 must be at least 1"),
        (blocks.squeeze_excite, (0,), "squeezed=0 must be at least 1"),
        (blocks.inception, ((1, 2, 3),), "widths=.1, 2, 3. must be six: one, three_reduce, three"),
        (blocks.inception, ((1, 2, 3, 0, 1, 1),), "five_reduce=0 must be at least 1"),
        (blocks.bottleneck, (0,), "filters=0 must be at least 1"),
        (blocks.dense_unit, (0,), "growth=0 must be at least 1"),
        (blocks.depthwise_separable, (0,), "filters=0 must be at least 1"),
    ],
)
def test_bad_widths_are_named(box, arguments, says):
    with pytest.raises(ValueError, match=says):
        box(keras.Input((4, 4, 8)), *arguments)
