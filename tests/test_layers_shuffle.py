"""ChannelShuffle against orders written as lists."""

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from keras import ops
from layer_twins import PROPERTY, every_nth, with_gradients

from gpc.layers import ChannelShuffle


@PROPERTY
@given(
    channels=st.integers(1, 40),
    step=st.integers(1, 40),
    others=st.lists(st.integers(1, 3), max_size=3),
    data_format=st.sampled_from(["channels_last", "channels_first"]),
)
def test_any_step_takes_every_nth_channel_and_its_gradient_puts_them_back(
    channels, step, others, data_format
):
    step = min(step, channels)
    axis = -1 if data_format == "channels_last" else 1
    shape = (2, *others, channels) if axis == -1 else (2, channels, *others)
    x = np.random.default_rng(0).normal(size=shape).astype("float32")
    layer = ChannelShuffle(step=step, data_format=data_format)
    layer.build(shape)
    wanted = np.take(x, every_nth(channels, step), axis=axis)
    y, for_x = with_gradients(layer, x, wanted)
    assert np.array_equal(y, wanted)
    assert np.array_equal(for_x, x)


@pytest.mark.parametrize("groups", [1, 2, 3, 4, 6, 12])
def test_groups_is_shufflenets_reshape_and_transpose(groups):
    x = np.arange(48.0, dtype="float32").reshape(2, 2, 12)
    wanted = x.reshape(2, 2, groups, 12 // groups).swapaxes(-1, -2).reshape(2, 2, 12)
    shuffled = ChannelShuffle(groups)(x)
    assert np.array_equal(ops.convert_to_numpy(shuffled), wanted)
    assert np.array_equal(ops.convert_to_numpy(ChannelShuffle(12 // groups)(shuffled)), x)


@pytest.mark.parametrize("step", [4, 5])
@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
def test_sizes_may_be_unknown(data_format, step):
    sizes = (None, None, 12) if data_format == "channels_last" else (12, None, None)
    inputs = keras.Input(sizes)
    model = keras.Model(inputs, ChannelShuffle(step=step, data_format=data_format)(inputs))
    assert model.output_shape == (None, *sizes)
    x = np.random.default_rng(0).normal(size=(2, 3, 5, 12)).astype("float32")
    x = x if data_format == "channels_last" else x.transpose(0, 3, 1, 2)
    wanted = np.take(x, every_nth(12, step), axis=-1 if data_format == "channels_last" else 1)
    assert np.array_equal(ops.convert_to_numpy(model(x)), wanted)


@pytest.mark.parametrize(
    ("arguments", "error", "says"),
    [
        ({}, TypeError, "exactly one of groups and step"),
        ({"groups": 2, "step": 2}, TypeError, "exactly one of groups and step"),
        ({"groups": 0}, ValueError, "groups=0 must be at least 1"),
        ({"step": 1.5}, TypeError, "step=1.5 must be an integer"),
    ],
)
def test_bad_arguments_are_named(arguments, error, says):
    with pytest.raises(error, match=says):
        ChannelShuffle(**arguments)


def test_channels_that_cannot_be_taken_so_are_named():
    with pytest.raises(ValueError, match="groups=5 must divide channels=12; nearest that does: 4 or 6"):
        ChannelShuffle(5).build((None, 4, 4, 12))
    with pytest.raises(ValueError, match="step=13 is more than channels=12"):
        ChannelShuffle(step=13).build((None, 4, 4, 12))
    with pytest.raises(ValueError, match="needs to know its input's channels"):
        ChannelShuffle(2).build((None, 4, 4, None))
