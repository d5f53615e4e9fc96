"""Groups side by side as blocks of one grouped convolution, and the kernel with zeros that this takes."""

import functools
import math
from dataclasses import dataclass

import numpy as np
from keras import backend, ops

LANES = 16  # float32 numbers in a 512-bit register, and a multiple of what narrower ones hold


@dataclass(frozen=True)
class Blocks:
    """How groups are put together: `count` blocks of `merged` groups each.

    A block has `main` filters, then `extra` ones (one a group, zero where the group owns none), then `empty`
    zeros.
    """

    count: int
    merged: int
    main: int
    extra: int
    empty: int

    @classmethod
    def of(cls, grouping, *, merge=True):
        """As many groups a block as give it up to 16 filters; zeros to 16 where it is rearranged anyway."""
        each, extra = grouping.filters // grouping.groups, int(grouping.extra > 0)
        merged = 1
        if merge:
            fitting = range(1, max(1, LANES // (each + extra)) + 1)
            merged = max(many for many in fitting if grouping.groups % many == 0)
        filters = merged * (each + extra)
        empty = LANES - filters if merge and extra and filters < LANES else 0
        return cls(grouping.groups // merged, merged, merged * each, merged * extra, empty)

    @property
    def width(self):
        """Filters of one block."""
        return self.main + self.extra + self.empty

    @property
    def sizes(self):
        """The parts of a block that it has."""
        return tuple(size for size in (self.main, self.extra, self.empty) if size)

    def kernel(self, kernel, grouping):
        """(1, 1, in, filters) → (1, 1, merged · in, count · width): each group's weights, zeros elsewhere."""
        if self.merged == 1 and not grouping.extra:
            return kernel
        return placed(kernel, *_places(self, grouping))


    def bias(self, bias, grouping):
        """(filters,) → (count · width,): each filter's bias where the filter is, zeros elsewhere."""
        return placed(bias, *_bias_places(self, grouping)) if grouping.extra else bias


@functools.cache
def _places(blocks, grouping):
    """(shape, sources, places) of the blocks' kernel, for `placed`."""
    inside = grouping.channels_per_group
    row = grouping.owners % blocks.merged * inside + np.arange(inside)[:, None]
    shape = (1, 1, blocks.merged * inside, blocks.count * blocks.width)
    return _both_ways(shape, row * shape[-1] + _lanes(blocks, grouping))


@functools.cache
def _bias_places(blocks, grouping):
    return _both_ways((blocks.count * blocks.width,), _lanes(blocks, grouping))


def _lanes(blocks, grouping):
    """Where each filter is among the blocks' filters: ints of shape (filters,)."""
    filters, owned = np.arange(grouping.filters), grouping.filters - grouping.extra
    block, within = np.divmod(grouping.owners, blocks.merged)
    each = blocks.main // blocks.merged
    inside = np.where(filters < owned, within * each + filters % each, blocks.main + within)
    return block * blocks.width + inside


def _both_ways(shape, places):
    """(shape, sources, places) for `placed`."""
    sources = np.full(math.prod(shape), places.size, "int32")
    sources[places.ravel()] = np.arange(places.size)
    return shape, sources, places.ravel().astype("int32")


def placed(numbers, shape, sources, places):
    """A tensor of `shape` with `numbers` at the flat `places` and zeros elsewhere: one gather.

    `sources` says the same from the other side: which number comes to each place, one past the last for none.
    """
    flat = ops.reshape(numbers, [-1])
    if backend.backend() == "tensorflow":
        return _placed_by_tensorflow(flat, shape, sources, places)
    return ops.reshape(ops.take(ops.pad(flat, [[0, 1]]), sources), shape)


def _placed_by_tensorflow(flat, shape, sources, places):
    """The same with a gather for its gradient: TensorFlow's own adds where it could copy, and takes longer
    on a CPU than the convolution that the kernel is for."""
    import tensorflow as tf

    @tf.custom_gradient
    def gathered(flat):
        def gradient(upstream):
            return tf.gather(tf.reshape(upstream, [-1]), places)

        return tf.reshape(tf.gather(tf.pad(flat, [[0, 1]]), sources), shape), gradient

    return gathered(flat)
