"""One grouped 1×1 convolution, three ways to compute it. Same numbers to rounding, very different times.

All take x (B, H, W, in_channels) or (B, in_channels, H, W), a kernel (1, 1, channels_per_group, filters) and
a `wiring.Grouping`. `step` reads x's channels interleaved (`wiring.interleave`), folded into what is done
anyway where that is possible.
"""

import numpy as np
from keras import backend, ops

from gpc import wiring
from gpc.layers.arrange import around, extras_last, interleave, repeated, shaped, split
from gpc.layers.blocks import Blocks


def grouped_pointwise(
    x, kernel, grouping, *, implementation, strides=(1, 1), data_format="channels_last", step=None, bias=None,
    fused=False,
):  # fmt: skip
    """The grouped 1×1 convolution of `grouping`, computed by `implementation` ("native", "batched" or
    "block_diagonal"): (B, H, W, in_channels) → (B, ⌈H / stride⌉, ⌈W / stride⌉, filters). `fused`: what
    follows, TensorFlow computes in one pass with a convolution, not with a matrix product."""
    axis = -1 if data_format == "channels_last" else 1
    how = {"axis": axis, "step": None if step in (1, grouping.in_channels) else step, "bias": bias}
    if implementation == "native":
        return native(x, kernel, grouping, strides=strides, **how)
    if implementation == "block_diagonal":
        return block_diagonal(x, kernel, grouping, strides=strides, convolve=fused, **how)
    return batched(_strided(x, strides, axis), kernel, grouping, **how)


def biased(y, bias, axis):
    """One number added to each channel: (B, …, filters), (filters,) → (B, …, filters), or channels first.

    Not by broadcasting on TensorFlow: its graph optimizer fuses a convolution and its bias with the
    activation behind them only where the bias is added by the operation made for it; and where channels come
    first (2.21, CPU) and maps are as wide as there are filters, it adds a broadcast bias along the width.
    """
    if bias is None:
        return y
    if backend.backend() == "tensorflow":
        import tensorflow as tf

        return tf.nn.bias_add(y, tf.cast(bias, y.dtype), data_format="NCHW" if axis == 1 else None)
    ndim = len(y.shape)
    return ops.add(y, ops.reshape(bias, [-1 if place == axis % ndim else 1 for place in range(ndim)]))


def native(x, kernel, grouping, *, axis, strides=(1, 1), step=None, bias=None):
    """The backend's own grouped convolution, once, with filters of zeros where groups own none.

    Neighbouring groups are merged into a block while that has no more than 16 filters: a processor multiplies
    16 at a time, and few blocks half full of zeros are quicker than many that leave most of a register empty.
    """
    data_format = "channels_last" if axis == -1 else "channels_first"
    if step:
        x = interleave(x, step, axis)
    x = repeated(x, grouping.repeated, axis)
    blocks = Blocks.of(grouping)
    weights = blocks.kernel(kernel, grouping)
    if backend.backend() == "tensorflow" and grouping.groups > 1:
        import tensorflow as tf

        # Not ops.conv: Keras sends every grouped convolution through XLA compiled inside the call, whose
        # gradient on a CPU is an order of magnitude slower than the dense layer's.
        layout = "NHWC" if axis == -1 else "NCHW"
        y = tf.nn.conv2d(x, weights, strides=strides, padding="VALID", data_format=layout)
    else:
        y = ops.conv(x, weights, strides=strides, padding="valid", data_format=data_format)
    if bias is not None:
        y = biased(y, blocks.bias(bias, grouping), axis)
    return extras_last(y, grouping, axis, blocks)


def batched(x, kernel, grouping, *, axis, step=None, bias=None):
    """One matrix product a group, all in one call: (groups, pixels, in) × (groups, in, out)."""
    weights = _by_group(kernel, grouping)
    if axis == -1:
        y = ops.matmul(_groups_first(x, grouping, step), ops.transpose(weights, (1, 0, 2)))
        y = ops.transpose(y, (1, 0, 2))
    else:
        if step:
            x = interleave(x, step, axis)
        before, after = around(x, axis)
        x_groups = ops.reshape(
            repeated(x, grouping.repeated, axis),
            [*before, grouping.groups, grouping.channels_per_group, *after],
        )
        y = ops.matmul(ops.transpose(weights, (1, 2, 0)), x_groups)
    y = shaped(y, x, weights.shape[1] * weights.shape[2], axis)
    return biased(extras_last(y, grouping, axis, Blocks.of(grouping, merge=False)), bias, axis)


def _groups_first(x, grouping, step):
    """(B, H, W, in_channels) → (groups, pixels, channels_per_group), interleaved on the way."""
    groups, width, (before, _) = grouping.groups, grouping.channels_per_group, around(x, -1)
    if step and not grouping.repeated and grouping.in_channels % step == 0:
        rows = grouping.in_channels // step
        # The interleaved channels are the transpose of a table (rows, step); where its columns fill groups,
        # or groups fill with columns, that transpose and the groups' are one.
        if rows % width == 0:
            table = ops.reshape(x, [*before, rows // width, width, step])
            return ops.reshape(ops.transpose(table, (3, 1, 0, 2)), [groups, *before, width])
        if width % rows == 0:
            table = ops.reshape(x, [*before, rows, groups, width // rows])
            return ops.reshape(ops.transpose(table, (2, 0, 3, 1)), [groups, *before, width])
    x = interleave(x, step, -1) if step else x
    x = ops.reshape(repeated(x, grouping.repeated, -1), [*before, groups, width])
    return ops.transpose(x, (1, 0, 2))


def block_diagonal(x, kernel, grouping, *, axis, strides=(1, 1), step=None, bias=None, convolve=False):
    """A dense product with the groups' kernels on the diagonal of a matrix of zeros.

    It multiplies groups times as often as it needs to; where memory is the limit, that costs nothing.
    """
    weights = dense_kernel(kernel, grouping, step=step)
    if axis == -1 and (convolve or strides != (1, 1)):
        # A convolution reads only the pixels it needs; slicing them out costs as much as the product.
        weights = ops.reshape(weights, [1, 1, *weights.shape])
        return biased(ops.conv(x, weights, strides, data_format="channels_last"), bias, axis)
    x = _strided(x, strides, axis)
    before, after = around(x, axis)
    flat = ops.reshape(x, [*before, grouping.in_channels, *after])
    y = ops.matmul(flat, weights) if axis == -1 else ops.matmul(ops.transpose(weights), flat)
    # Before the shape, so that TensorFlow adds the bias within the product.
    return shaped(biased(y, bias, axis), x, grouping.filters, axis)


def dense_kernel(kernel, grouping, *, step=None):
    """The dense kernel that does what the grouped one does: (1, 1, in of a group, filters) → (in, filters).

    Channels that are read twice add their two rows; an interleaving of the input is another order of the
    rows.
    """
    width, filters, channels = grouping.channels_per_group, grouping.filters, grouping.in_channels
    dense = ops.reshape(kernel, [width, filters])
    if grouping.groups > 1:
        owns = np.arange(grouping.groups)[:, None, None] == grouping.owners
        dense = ops.reshape(ops.multiply(dense, _constant(owns, kernel)), [grouping.groups * width, filters])
    if not step and not grouping.repeated:
        return dense
    rows = np.argsort(wiring.interleave(channels, step)) if step else np.arange(channels)
    once = ops.take(dense, rows, axis=0)
    if not grouping.repeated:
        return once
    # Rows taken and masked, not split, padded and added: TensorFlow Lite's converter computes this once and
    # for all. The others it leaves in the model, and then loses the activation that follows a product of two
    # unknowns.
    again = ops.take(dense, channels + np.minimum(rows, grouping.repeated - 1), axis=0)
    return ops.add(once, ops.multiply(again, _constant(rows[:, None] < grouping.repeated, kernel)))


def _constant(mask, like):
    """A mask as zeros and ones, in the type of a tensor."""
    return ops.convert_to_tensor(mask.astype("float32"), dtype=backend.standardize_dtype(like.dtype))


def _by_group(kernel, grouping):
    """(1, 1, in, filters) → (in, groups, out), with zeros for the groups that own no extra filter."""
    width, groups, extra = grouping.channels_per_group, grouping.groups, grouping.extra
    flat = ops.reshape(kernel, [width, grouping.filters])
    if not extra:
        return ops.reshape(flat, [width, groups, grouping.filters // groups])
    main, last = split(flat, (grouping.filters - extra, extra), 1)
    last = ops.pad(last, [[0, 0], [0, groups - extra]])
    main = ops.reshape(main, [width, groups, grouping.filters // groups])
    return ops.concatenate([main, ops.reshape(last, [width, groups, 1])], axis=2)


def _strided(x, strides, axis):
    """Every stride-th row and column. One slice; its gradient is as large as a strided convolution's."""
    rows, columns = strides
    if (rows, columns) == (1, 1):
        return x
    return x[:, ::rows, ::columns, :] if axis == -1 else x[:, :, ::rows, ::columns]
