"""Channels brought into another order without a strided slice: reshape, transpose, split, concat.

Written with splits because of their gradients: on TensorFlow the gradient of each slice is a tensor of the
input's full size, so an interleaving made of slices costs more than the convolutions around it.

`axis` is where the channels are: -1 (channels last) or 1 (channels first). Whatever else a tensor has may be
unknown.
"""

import math

from keras import backend, ops


def split(x, sizes, axis):
    """`x` cut along `axis` into pieces of `sizes`, (…, sum(sizes), …) → [(…, size, …), …]."""
    places = [sum(sizes[: i + 1]) for i in range(len(sizes) - 1)]
    return ops.split(x, places, axis=axis)


def shaped(x, like, channels, axis):
    """`x` with the shape of `like` and `channels` channels, an unknown size left to the backend."""
    sizes = list(like.shape)
    sizes[axis] = channels
    if sum(size is None for size in sizes) > 1:
        sizes = list(ops.shape(like))
        sizes[axis] = channels
        return ops.reshape(x, sizes)
    return ops.reshape(x, [-1 if size is None else size for size in sizes])


def around(x, axis):
    """The sizes before and after the channels, flat: ([pixels], []) or, channels first, ([batch], [pixels]).

    A size of −1 is what `ops.reshape` finds out itself; there is at most one.
    """
    if axis == -1:
        return [_product(x.shape[:-1])], []
    batch, pixels = x.shape[0], _product(x.shape[2:])
    return ([ops.shape(x)[0] if pixels == -1 else -1] if batch is None else [batch]), [pixels]


def _product(sizes):
    return -1 if None in sizes else math.prod(sizes)


def interleave(x, step, axis):
    """Every step-th channel, then every step-th from the next one on: `wiring.interleave`, on any step.

    Where step divides the channels: reshape and transpose. Where not, the first channels % step columns of
    that table are one longer; their last channels are split off and put back at their columns' ends.
    """
    channels = x.shape[axis]
    if step in (1, channels):
        return x
    (rows, left), (before, after) = divmod(channels, step), around(x, axis)
    main, rest = split(x, (rows * step, left), axis) if left else (x, None)
    main = _swapped(ops.reshape(main, [*before, rows, step, *after]))
    if left:
        long, short = split(main, (left, step - left), 1)
        long = ops.concatenate([long, ops.reshape(rest, [*before, left, 1, *after])], axis=2)
        long = ops.reshape(long, [*before, left * (rows + 1), *after])
        short = ops.reshape(short, [*before, (step - left) * rows, *after])
        main = ops.concatenate([long, short], axis=1)
    return shaped(main, x, channels, axis)


def _swapped(x):
    """(a, b, c, …) → (a, c, b, …)."""
    return ops.transpose(x, (0, 2, 1, *range(3, len(x.shape))))


def repeated(x, count, axis):
    """The first `count` channels once more, after the last: what lets the last group read on past the end."""
    if not count:
        return x
    head, _ = split(x, (count, x.shape[axis] - count), axis)
    return ops.concatenate([x, head], axis=axis)


def extras_last(x, grouping, axis, blocks):
    """From the filters block by block to the order of `wiring.Grouping`: extra filters after all others.

    Each block of `blocks` brings its groups' filters, then one extra filter a group, zero where the group
    owns none, then zeros. Where no group owns an extra filter, the order is right as it is.
    """
    if not grouping.extra:
        return x
    if axis == -1 and backend.backend() == "tensorflow":
        return _extras_last_by_tensorflow(x, grouping, blocks)
    before, after = around(x, axis)
    by_block = ops.reshape(x, [*before, blocks.count, blocks.width, *after])
    main, extra, *_ = split(by_block, blocks.sizes, 2)
    main = ops.reshape(main, [*before, grouping.filters - grouping.extra, *after])
    extra = ops.reshape(extra, [*before, grouping.groups, *after])
    extra, _ = split(extra, (grouping.extra, grouping.groups - grouping.extra), 1)
    return shaped(ops.concatenate([main, extra], axis=1), x, grouping.filters, axis)


def _extras_last_by_tensorflow(x, grouping, blocks):
    """The same from slices of two dimensions, which TensorFlow's CPU copies row by row, and a gradient that
    is put together once instead of added up from padded pieces."""
    import tensorflow as tf

    extra, owned = grouping.extra, grouping.filters - grouping.extra

    @tf.custom_gradient
    def ordered(x):
        by_block = tf.reshape(x, [-1, blocks.count, blocks.width])
        main = tf.slice(tf.reshape(x, [-1, blocks.width]), [0, 0], [-1, blocks.main])
        owning = -(-extra // blocks.extra)
        last = tf.slice(by_block, [0, 0, blocks.main], [-1, owning, blocks.extra])
        last = tf.slice(tf.reshape(last, [-1, owning * blocks.extra]), [0, 0], [-1, extra])
        y = tf.concat([tf.reshape(main, [-1, owned]), last], axis=1)
        return shaped(y, x, grouping.filters, -1), gradient

    def gradient(upstream):
        flat = tf.reshape(upstream, [-1, grouping.filters])
        main, last = tf.slice(flat, [0, 0], [-1, owned]), tf.slice(flat, [0, owned], [-1, extra])
        last = tf.pad(last, [[0, 0], [0, grouping.groups - extra]])
        parts = [tf.reshape(main, [-1, blocks.main]), tf.reshape(last, [-1, blocks.extra])]
        if blocks.empty:
            parts.append(tf.zeros([tf.shape(parts[0])[0], blocks.empty], upstream.dtype))
        return shaped(tf.concat(parts, axis=1), upstream, blocks.count * blocks.width, -1)

    return ordered(x)
