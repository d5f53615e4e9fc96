"""The boxes of mobile networks and of U-Net against wirings as matrices and layers computed in NumPy."""

import keras
import numpy as np
import pytest
from surgery_support import normalized, numbers, run, shaken

from gpc import blocks, count, wiring

# JAX compiles every initializer and every operation for each new shape: it sees one case of each kind.
more = pytest.mark.tensorflow


def others(*cases):
    """Cases that only TensorFlow sees."""
    return [pytest.param(*case, marks=more) for case in cases]


def boxed(shape, box, *arguments, **options):
    """A model of one box."""
    inputs = keras.Input(shape)
    return keras.Model(inputs, box(inputs, *arguments, **options))


def reaches(model):
    """Zeros and ones (in_channels, filters): 1 where raising an input channel changes the output channel.

    All weights are drawn positive and all inputs are, so that no ReLU and no sum hides a path.
    """
    channels = model.input_shape[-1]
    x = np.full((channels + 1, *model.input_shape[1:]), 9.0, "float32")
    for channel in range(channels):
        x[channel, ..., channel] += 9
    y = run(shaken(model), x)
    change = np.abs(y[:-1] - y[-1]).max((1, 2))
    return (change > 1e-3 * change.max()).astype(np.uint8)


def grouped_reach(in_channels, middle, filters, groups):
    """1×1 in groups, shuffle, 1×1 in groups; the depthwise layer between changes no channel."""
    order = wiring.permutation_matrix(wiring.shuffle(middle, groups))
    first = wiring.group_matrix(in_channels, middle, groups)
    return wiring.chain(first, order, wiring.group_matrix(middle, filters, groups))


def windows(x, kernel):
    """A depthwise convolution with zeros around: (B, H, W, C) by (k, k, C, 1) → (B, H, W, C)."""
    side = kernel.shape[0]
    padded = np.pad(x, ((0, 0), (side // 2,) * 2, (side // 2,) * 2, (0, 0)))
    height, width = x.shape[1:3]
    parts = (
        padded[:, row : row + height, column : column + width] * kernel[row, column, :, 0]
        for row in range(side)
        for column in range(side)
    )
    return sum(parts)


def layer_in_numpy(model, name, x, *, depthwise=False, top=np.inf):
    """A convolution of the model (1×1 or depthwise), its batch norm, and a ReLU up to `top` (None: none)."""
    kernel = model.get_layer(name).get_weights()[0].astype("float64")
    y = windows(x, kernel) if depthwise else x @ kernel[0, 0]
    y = normalized(y, model.get_layer(f"{name}_bn"))
    return y if top is None else np.clip(y, 0, top)


# ShuffleNet


@pytest.mark.parametrize(("groups", "filters"), [(3, 24), *others((1, 8), (2, 16), (4, 32))])
def test_a_shuffle_unit_reaches_what_its_matrices_say(groups, filters):
    net = boxed((4, 4, filters), blocks.shuffle_unit, filters, groups=groups)
    wanted = grouped_reach(filters, filters // 4, filters, groups) | np.eye(filters, dtype=np.uint8)
    assert np.array_equal(reaches(net), wanted)
    # Without the shuffle, groups never meet.
    assert wanted.sum() > wiring.group_matrix(filters, filters, groups).sum() or groups == 1


@more
def test_a_strided_shuffle_unit_puts_the_average_beside_the_branch():
    net = boxed((6, 6, 12), blocks.shuffle_unit, 36, groups=3, strides=2, group_first=False)
    assert net.output_shape == (None, 3, 3, 36)
    assert [net.get_layer(f"shuffle_{part}").filters for part in ("compress", "expand")] == [9, 24]
    reach = reaches(net)
    assert np.array_equal(reach[:, :12], np.eye(12)) and reach[:, 12:].all()
    x = np.abs(numbers(1, 6, 6, 12))
    # Windows of 3 start at rows 0, 2 and 4; the last one has a row beyond the border, which does not count.
    y = run(net, x)[0, ..., :12]
    np.testing.assert_allclose(y[1, 1], x[0, 2:5, 2:5].mean((0, 1)), rtol=1e-5)
    np.testing.assert_allclose(y[2, 2], x[0, 4:, 4:].mean((0, 1)), rtol=1e-5)


def test_half_of_shufflenet_v2s_channels_wait_and_both_halves_shuffle():
    net = boxed((4, 4, 10), blocks.shuffle_unit_v2, 10)
    wanted = np.zeros((10, 10), np.uint8)
    wanted[:5, :5] = np.eye(5)
    wanted[5:, 5:] = 1
    assert np.array_equal(reaches(net), wanted[:, wiring.shuffle(10, 2)])
    x = numbers(1, 4, 4, 10)
    assert np.array_equal(run(net, x)[..., ::2], x[..., :5])
    strided = boxed((4, 4, 6), blocks.shuffle_unit_v2, 10, strides=2)
    assert strided.output_shape == (None, 2, 2, 10) and reaches(strided).all()


@pytest.mark.parametrize(
    ("box", "filters", "options", "says"),
    [
        (blocks.shuffle_unit, 20, {"groups": 3}, "must be a multiple of 4 × groups=12.*nearest that is: 24"),
        (blocks.shuffle_unit, 24, {"groups": 3}, "must be the input's 12 channels.*nearest that works: 12"),
        (blocks.shuffle_unit, 12, {"groups": 3, "strides": 2}, "must exceed the input's 12.*works: 24"),
        (blocks.shuffle_unit, 12, {"groups": 0}, "groups=0 must be at least 1"),
        (blocks.shuffle_unit_v2, 10, {}, "must be the input's 12 channels; nearest that works: 12"),
        (blocks.shuffle_unit_v2, 13, {"strides": 2}, "halves=2 must divide filters=13"),
    ],
)
def test_shuffle_units_name_what_does_not_fit(box, filters, options, says):
    with pytest.raises(ValueError, match=says):
        box(keras.Input((4, 4, 12)), filters, **options)


# Interleaved group convolutions


@pytest.mark.parametrize(
    ("primary", "secondary"), [(3, None), *others((4, 6), (2, None), (6, None), (3, 2), (2, 3))]
)
def test_an_interleaved_convolution_reaches_what_its_matrices_say(primary, secondary):
    net = boxed((3, 3, 12), blocks.interleaved_convolution, 12, primary=primary, secondary=secondary)
    other = secondary or 12 // primary
    parts = [
        wiring.group_matrix(12, 12, primary),
        wiring.permutation_matrix(wiring.shuffle(12, primary)),
        wiring.group_matrix(12, 12, other),
        wiring.permutation_matrix(wiring.shuffle(12, other)),
    ]
    assert np.array_equal(reaches(net), wiring.chain(*parts))
    if secondary is None:  # the complementary condition: one path and no more between any two channels
        assert np.array_equal(np.linalg.multi_dot([part.astype(int) for part in parts]), np.ones((12, 12)))


@more
def test_an_interleaved_residual_has_a_grouped_shortcut_where_the_shape_changes():
    kept = boxed((4, 4, 12), blocks.interleaved_residual, 12, primary=6)
    assert not any("shortcut" in layer.name for layer in kept.layers)
    net = boxed((4, 4, 12), blocks.interleaved_residual, 24, primary=6, secondary=(2, None), strides=2)
    assert net.output_shape == (None, 2, 2, 24)
    groups = [net.get_layer(f"residual_{part}").groups for part in ("shortcut", "first_secondary")]
    assert groups == [6, 2] and net.get_layer("residual_second_secondary").groups == 4
    with pytest.raises(ValueError, match="primary=5 must divide in_channels=12 and filters=24"):
        blocks.interleaved_residual(keras.Input((4, 4, 12)), 24, primary=5)


# Ghosts


def test_a_ghost_module_is_a_convolution_and_its_depthwise_echo():
    net = shaken(boxed((5, 5, 7), blocks.ghost_module, 6))
    x = numbers(2, 5, 5, 7)
    primary = layer_in_numpy(net, "ghost_primary", x)
    echo = layer_in_numpy(net, "ghost_cheap", primary, depthwise=True)
    np.testing.assert_allclose(run(net, x), np.concatenate([primary, echo], -1), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    ("filters", "ratio", "primary"), [(10, 4, 3), *others((5, 2, 3), (6, 1, 6), (3, 3, 1))]
)
def test_ghost_modules_of_any_ratio(filters, ratio, primary):
    net = boxed((4, 4, 3), blocks.ghost_module, filters, ratio=ratio, kernel=3)
    assert net.output_shape == (None, 4, 4, filters)
    assert net.get_layer("ghost_primary").filters == primary
    assert run(net, numbers(1, 4, 4, 3)).shape == (1, 4, 4, filters)


@more
def test_ghost_bottlenecks():
    kept = boxed((4, 4, 8), blocks.ghost_bottleneck, 8, inside=24)
    assert not any(part in layer.name for layer in kept.layers for part in ("shortcut", "gate", "_depthwise"))
    net = boxed((5, 5, 8), blocks.ghost_bottleneck, 12, inside=72, kernel=5, strides=2, squeeze=0.25)
    assert net.output_shape == (None, 3, 3, 12)
    assert net.get_layer("bottleneck_gate_reduce").filters == 20  # 18 to the nearest multiple of 4
    assert net.get_layer("bottleneck_shortcut_depthwise").kernel.shape == (5, 5, 8, 1)
    with pytest.raises(ValueError, match="ratio=9 is more than filters=8"):
        blocks.ghost_module(keras.Input((4, 4, 8)), 8, ratio=9)


# Inverted residuals


def test_an_inverted_residual_in_numpy():
    net = shaken(boxed((5, 5, 4), blocks.inverted_residual, 4, expansion=3))
    x = numbers(2, 5, 5, 4)
    y = layer_in_numpy(net, "inverted_expand", x, top=6)
    y = layer_in_numpy(net, "inverted_depthwise", y, depthwise=True, top=6)
    y = x + layer_in_numpy(net, "inverted_project", y, top=None)
    np.testing.assert_allclose(run(net, x), y, rtol=1e-4, atol=1e-4)


@more
def test_inverted_residuals_without_expansion_with_a_gate_and_with_a_stride():
    net = boxed((5, 5, 8), blocks.inverted_residual, 12, expansion=1, kernel=5, strides=2, squeeze=0.25)
    names = [layer.name for layer in net.layers]
    assert net.output_shape == (None, 3, 3, 12)
    assert "inverted_expand" not in names and "inverted_sum" not in names
    assert net.get_layer("inverted_gate_reduce").filters == 2
    with pytest.raises(ValueError, match="expansion=0 must be at least 1"):
        blocks.inverted_residual(keras.Input((4, 4, 8)), 8, expansion=0)


# U-Net


@more
def test_unets_way_down_and_up():
    inputs = keras.Input((8, 12, 3))
    again, half = blocks.unet_down(inputs, 4, dropout=0.5)
    up = blocks.unet_up(half, again, 6)
    net = keras.Model(inputs, [again, half, up])
    assert net.output_shape == [(None, 8, 12, 4), (None, 4, 6, 4), (None, 8, 12, 6)]
    assert net.get_layer("up_beside").input[0] is again and net.get_layer("up_beside").output.shape[-1] == 10
    assert net.get_layer("down_dropout").rate == 0.5
    with pytest.raises(ValueError, match="width=7 can't be halved; nearest that can: 8"):
        blocks.unet_down(keras.Input((8, 7, 3)), 4)
    with pytest.raises(ValueError, match="again is 8×12; it must be twice the size of x, 16×24"):
        blocks.unet_up(again, again, 4)


def test_unets_maximum_is_over_two_by_two_pixels():
    inputs = keras.Input((4, 6, 2))
    again, half = blocks.unet_down(inputs, 3)
    map_, pooled = keras.Model(inputs, [again, half])(numbers(1, 4, 6, 2))
    blocks_of_4 = keras.ops.convert_to_numpy(map_).reshape(1, 2, 2, 3, 2, 3)
    np.testing.assert_allclose(keras.ops.convert_to_numpy(pooled), blocks_of_4.max((2, 4)))


# All


PIXELS = 8 * 8
HALF = 4 * 4

# What the docstrings say of a box on (8, 8, 24) maps, in multiply-accumulates.
COSTS = {
    "shuffle": (blocks.shuffle_unit, 24, {}, PIXELS * (24 * 6 // 3 + 9 * 6 + 6 * 24 // 3)),
    "shuffle strided": (
        blocks.shuffle_unit,
        48,
        {"groups": 2, "strides": 2, "group_first": False},
        PIXELS * 24 * 12 + HALF * (9 * 12 + 12 * 24 // 2),
    ),
    "shuffle v2": (blocks.shuffle_unit_v2, 24, {}, PIXELS * (2 * 12**2 + 9 * 12)),
    "shuffle v2 strided": (
        blocks.shuffle_unit_v2,
        40,
        {"strides": 2},
        PIXELS * 24 * 20 + HALF * (20**2 + 9 * 20 + 24 * (9 + 20)),
    ),
    "interleaved": (blocks.interleaved_convolution, 24, {"primary": 6}, PIXELS * (9 * 4 + 6) * 24),
    "ghost": (blocks.ghost_module, 32, {"kernel": 3}, PIXELS * (9 * 24 * 16 + 9 * 16)),
    "inverted": (
        blocks.inverted_residual,
        32,
        {"strides": 2, "kernel": 5},
        PIXELS * 6 * 24**2 + HALF * 6 * 24 * (25 + 32),
    ),
    "unet": (blocks.unet_pair, 32, {}, PIXELS * 9 * (24 + 32) * 32),
    "ghost 3×3": (blocks.ghost3x3, 32, {"norm": {}, "name": "g"}, PIXELS * 9 * 25 * 16),
}


@more
@pytest.mark.parametrize("name", COSTS)
def test_a_boxs_cost_is_its_docstrings(name):
    box, filters, options, macs = COSTS[name]
    assert count.cost(boxed((8, 8, 24), box, filters, **options)).macs == macs


@more
def test_depthwise_kernels_start_wide_enough_for_their_nine_inputs():
    net = boxed((4, 4, 500), blocks.ghost_module, 1000)
    kernel = keras.ops.convert_to_numpy(net.get_layer("ghost_cheap").kernel)
    assert kernel.shape == (3, 3, 500, 1)
    np.testing.assert_allclose(kernel.std(), np.sqrt(2 / 9), rtol=0.1)
