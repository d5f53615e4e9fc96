"""Inception: convolutions of several sizes side by side, each behind a 1×1 that makes it affordable."""

from typing import NamedTuple

from keras import layers

from gpc._checks import positive
from gpc.blocks._parts import finished


class Widths(NamedTuple):
    """The six filter counts of a block, in the order of the paper's columns."""

    one: int
    three_reduce: int
    three: int
    five_reduce: int
    five: int
    pool_proj: int


class Step(NamedTuple):
    """One convolution of a branch: how many filters, its window's sides, its stride."""

    filters: int
    kernel: tuple = (1, 1)
    stride: int = 1


def inception(x, widths, *, name="inception"):
    """1×1, 3×3 and 5×5 convolutions and a pooling side by side; ReLU after each convolution.

    (B, H, W, C) → (B, H, W, one + three + five + pool_proj), `widths` the six numbers of `Widths`.
    Layers are named after the paper's columns.
    Cost: C · (one + three_reduce + five_reduce + pool_proj) + 9 · three_reduce · three + 25 · five_reduce ·
    five weights and multiply-accumulates a pixel.

    Raises ValueError unless there are six widths of at least 1, TypeError for what is no integer.
    Source: Szegedy et al., "Going deeper with convolutions", 2015, Figure 2 (b).

    >>> import keras
    >>> x = keras.Input((28, 28, 192))
    >>> keras.Model(x, inception(x, (64, 96, 128, 16, 32, 32))).count_params()
    163696
    """
    if len(widths) != len(Widths._fields):
        raise ValueError(f"widths={tuple(widths)} must be six: {', '.join(Widths._fields)}")
    sizes = Widths(*(positive(field, width) for field, width in zip(Widths._fields, widths, strict=True)))

    def conv(x, filters, side, label):
        options = {"padding": "same", "activation": "relu", "kernel_initializer": "he_normal"}
        return layers.Conv2D(filters, side, name=f"{name}_{label}", **options)(x)

    pooled = layers.MaxPooling2D(3, 1, padding="same", name=f"{name}_pool")(x)
    branches = [
        conv(x, sizes.one, 1, "1x1"),
        conv(conv(x, sizes.three_reduce, 1, "3x3_reduce"), sizes.three, 3, "3x3"),
        conv(conv(x, sizes.five_reduce, 1, "5x5_reduce"), sizes.five, 5, "5x5"),
        conv(pooled, sizes.pool_proj, 1, "pool_proj"),
    ]
    return layers.Concatenate(name=f"{name}_concat")(branches)


def branched(x, branches, *, norm, name="mixed"):
    """Any branches side by side, as in InceptionV3: (B, H, W, C) → `(B, H', W', all their filters)`.

    A branch is a tuple of steps one after the other: a `Step` (convolution, batch norm, ReLU), "average" (3×3
    pooling that keeps the size), "max" (3×3 pooling that halves it), or a list of `Step`s side by side. All
    branches must halve the map, or none.
    Cost: that of its convolutions; each has its window's height · width · the channels it reads · its filters
    weights, and as many multiply-accumulates a pixel of what it puts out.

    Raises ValueError for a step that is none of these.
    Source: Szegedy et al., "Rethinking the Inception architecture for computer vision", 2016, Figures 5, 6, 7
    and 10. Zeros are laid around every map, so that images of any size pass.

    >>> import keras
    >>> x = keras.Input((8, 8, 32))
    >>> pair = (Step(16), [Step(24, (1, 3)), Step(24, (3, 1))])
    >>> branched(x, (pair, ("average", Step(8))), norm={}).shape
    (None, 8, 8, 56)
    """
    ends = []
    for place, branch in enumerate(branches, 1):
        end = x
        for number, step in enumerate(branch, 1):
            end = _stepped(end, step, norm, f"{name}_{place}_{number}")
        ends.append(end)
    return layers.Concatenate(name=f"{name}_concat")(ends)


def _stepped(x, step, norm, name):
    """One step of a branch."""
    if step == "average":
        return layers.AveragePooling2D(3, 1, padding="same", name=f"{name}_pool")(x)
    if step == "max":
        return layers.MaxPooling2D(3, 2, padding="same", name=f"{name}_pool")(x)
    if isinstance(step, list):
        both = [_stepped(x, each, norm, f"{name}_{each.kernel[0]}x{each.kernel[1]}") for each in step]
        return layers.Concatenate(name=f"{name}_both")(both)
    if not isinstance(step, Step):
        raise ValueError(f"step={step!r} must be a Step, a list of Steps, 'average' or 'max'")
    options = {"padding": "same", "use_bias": False, "kernel_initializer": "he_normal"}
    x = layers.Conv2D(step.filters, step.kernel, strides=step.stride, name=name, **options)(x)
    return finished(x, activation="relu", norm=norm, name=name)
