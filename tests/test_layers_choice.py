"""The table of implementations, and what TensorFlow's CPU can do tried rather than believed."""

import os
import subprocess
import sys

import keras
import pytest

from gpc.layers import GroupedPointwise, InterleavedPointwise, choose
from gpc.layers.blocks import Blocks
from gpc.layers.choice import TABLE, device
from gpc.wiring import grouping

WIDE, NARROW = (grouping(*sizes, channels_per_group=16) for sizes in ((672, 192), (96, 24)))


@pytest.mark.parametrize(
    ("engine", "wide", "narrow", "one_pixel", "strided"),
    [
        (("tensorflow", "cpu"), "native", "block_diagonal", "block_diagonal", "native"),
        (("jax", "cpu"), "batched", "block_diagonal", "batched", "batched"),
        (("torch", "cpu"), "native", "block_diagonal", "batched", "batched"),
        (("tensorflow", "gpu"), "block_diagonal", "block_diagonal", "block_diagonal", "block_diagonal"),
        (("jax", "tpu"), "block_diagonal", "block_diagonal", "block_diagonal", "block_diagonal"),
    ],
)
def test_the_table(engine, wide, narrow, one_pixel, strided):
    assert choose(WIDE, pixels=64, engine=engine) == wide
    assert choose(NARROW, engine=engine) == choose(NARROW, pixels=64, engine=engine) == narrow
    assert choose(NARROW, pixels=1, engine=engine) == one_pixel
    assert choose(WIDE, strides=(2, 1), engine=engine) == strided


@pytest.mark.parametrize(
    ("sizes", "per_group", "pixels", "chosen"),
    [
        ((64, 64), 16, 256, "native"),  # nothing to rearrange
        ((240, 80), 16, 256, "block_diagonal"),  # five groups own one filter more
        ((480, 80), 16, 256, "native"),
        ((40, 240), 16, 1024, "block_diagonal"),  # the last of three groups reads eight channels again
        ((40, 240), 8, 1024, "native"),
        ((360, 90), 16, 196, "block_diagonal"),  # both
        ((300, 300), 16, 196, "native"),
        ((48, 1152), 16, 1, "block_diagonal"),
        ((48, 1152), 16, None, "native"),
        ((48, 1152), 16, 4, "native"),
        ((240, 960), 16, 1, "native"),
    ],
)
def test_on_tensorflow_what_has_to_be_rearranged_counts_as_moved_again(sizes, per_group, pixels, chosen):
    """Each row was timed both ways, forward and backward; elsewhere rearranging is part of what is done."""
    plan = grouping(*sizes, channels_per_group=per_group)
    assert choose(plan, pixels=pixels, engine=("tensorflow", "cpu")) == chosen
    moved = sum(sizes)
    for engine in [engine for engine in TABLE if engine[0] != "tensorflow"]:
        limit = TABLE[engine].narrow_below * moved
        assert (choose(plan, pixels=256, engine=engine) == "block_diagonal") == (
            sizes[0] * sizes[1] < limit
        )


def test_very_wide_layers_are_not_multiplied_by_zeros_even_on_accelerators():
    assert choose(grouping(2048, 2048, groups=128), engine=("jax", "gpu")) == "batched"


@pytest.mark.parametrize("engine", [*TABLE, ("torch", "gpu")])
def test_one_group_is_never_a_batch_of_one(engine):
    for filters in (4, 400, 4000):
        for strides in ((1, 1), (2, 2)):
            assert choose(grouping(4000, filters, groups=1), strides=strides, engine=engine) != "batched"


@pytest.mark.parametrize(
    ("sizes", "channels_per_group", "blocks"),
    [
        (
            (672, 192),
            16,
            Blocks(14, 3, 12, 3, 1),
        ),  # 42 groups of 4 filters and perhaps one more: three fill 16
        ((1152, 192), 16, Blocks(18, 4, 8, 4, 4)),  # five would fit, but do not divide 72 groups
        ((256, 64), 16, Blocks(4, 4, 16, 0, 0)),  # nothing to rearrange, no zeros
        ((144, 49), 16, Blocks(9, 1, 5, 1, 10)),
        ((320, 1280), 16, Blocks(20, 1, 64, 0, 0)),
        ((112, 672), 100, Blocks(2, 1, 336, 0, 0)),
    ],
)
def test_groups_are_merged_until_16_filters_fill_a_register(sizes, channels_per_group, blocks):
    one = grouping(*sizes, channels_per_group=channels_per_group)
    assert Blocks.of(one) == blocks
    assert blocks.count * blocks.merged == one.groups
    assert blocks.count * blocks.main == one.filters - one.extra
    assert Blocks.of(one, merge=False).width == one.filters // one.groups + (one.extra > 0)


def test_auto_is_the_table_and_force_is_force():
    layer = GroupedPointwise(192, 16, strides=2)
    layer.build((None, 8, 8, 672))
    assert layer.chosen((None, 8, 8, 672)) == choose(WIDE, pixels=16, strides=(2, 2))
    for forced in ("native", "batched", "block_diagonal"):
        assert GroupedPointwise(192, 16, implementation=forced).chosen((None, 8, 8, 672)) == forced


def test_xla_is_declined_on_tensorflows_cpu_only():
    declined = (keras.backend.backend(), device()) == ("tensorflow", "cpu")
    for layer in (GroupedPointwise(8), InterleavedPointwise(8)):
        assert layer.supports_jit is not declined


PROBE = """
import keras, numpy as np, tensorflow as tf
from gpc.layers import GroupedPointwise
from gpc.layers.choice import native_gradient_works
x = tf.random.normal((2, 5, 5, 192))
for data_format in ("channels_last", "channels_first"):
    for strides in (1, 2):
        layer = GroupedPointwise(130, 16, strides=strides, data_format=data_format)
        given = x if data_format == "channels_last" else tf.transpose(x, (0, 3, 1, 2))
        same = {"strides": strides, "data_format": data_format}
        forced = GroupedPointwise(130, 16, **same, implementation="block_diagonal")
        gradients = []
        for each in (layer, forced):
            each.build(given.shape)
            each.set_weights(layer.get_weights())
            with tf.GradientTape() as tape:
                loss = tf.reduce_sum(each(given) ** 2)
            gradients.append(tape.gradient(loss, each.kernel.value).numpy())
        assert np.abs(gradients[0] - gradients[1]).max() < 1e-3 * np.abs(gradients[1]).max()
print(native_gradient_works("float32"), layer.chosen((2, 5, 5, 192)), GroupedPointwise(130).supports_jit)
"""


@pytest.mark.tensorflow
@pytest.mark.parametrize("onednn", ["0", "1"])
def test_with_and_without_onednn_the_gradient_is_right(onednn):
    environment = {**os.environ, "TF_ENABLE_ONEDNN_OPTS": onednn, "KERAS_BACKEND": "tensorflow"}
    environment["TF_CPP_MIN_LOG_LEVEL"] = "3"
    run = subprocess.run(
        [sys.executable, "-c", PROBE], env=environment, capture_output=True, text=True, timeout=300
    )
    assert run.returncode == 0, run.stderr[-2000:]
    works = run.stdout.split()[0] == "True"
    assert run.stdout.split() == [str(works), "native" if works else "batched", "False"]
    if onednn == "0":
        assert not works


@pytest.mark.tensorflow
def test_a_type_without_native_gradient_falls_back():
    assert choose(WIDE, dtype="float64") == choose(WIDE, dtype="float16") == "batched"
