"""Orders of channels, and wirings as arrays of zeros and ones that are multiplied to see who reaches whom."""

import numpy as np

from gpc._checks import dividing, positive
from gpc.wiring.groups import grouping


def interleave(channels, step):
    """The order of every step-th channel, then every step-th from the next one on: `y = x[..., order]`.

    Integers of shape (channels,): 0, s, 2s, …, 1, 1+s, …. Any step from 1 to channels will do; these two
    leave all channels where they are. Where it divides, this is reshape (channels / s, s), transpose,
    flatten.
    Raises TypeError for what is no integer, ValueError for a step below 1 or above channels.

    >>> interleave(7, 3).tolist()
    [0, 3, 6, 1, 4, 2, 5]
    """
    channels, step = positive("channels", channels), positive("step", step)
    if step > channels:
        raise ValueError(f"step={step} is more than channels={channels}; nearest that works: {channels}")
    return np.concatenate([np.arange(start, channels, step) for start in range(step)])


def shuffle(channels, groups):
    """ShuffleNet's shuffle, reshape to (groups, channels / groups), transpose, flatten: `y = x[..., order]`.

    Channel j of each group comes to stand beside channel j of the others: `shuffle(C, g)` is
    `interleave(C, C // g)`, and `shuffle(C, C // g)` undoes it.
    Raises ValueError unless groups divides channels, TypeError for what is no integer.
    Source: Zhang et al., "ShuffleNet", CVPR 2018; the permutation of interleaved group convolutions, Zhang et
    al., ICCV 2017.

    >>> shuffle(6, 2).tolist()
    [0, 3, 1, 4, 2, 5]
    """
    channels = positive("channels", channels)
    return interleave(channels, channels // dividing("groups", groups, channels=channels))


def group_matrix(in_channels, filters, groups):
    """The wiring of one grouped 1×1 convolution, (in_channels, filters): blocks of ones along the diagonal.

    Raises TypeError for what is no integer, ValueError below 1, or for more groups than channels or filters.

    >>> int(group_matrix(256, 256, 16).sum()), 256 * 256
    (4096, 65536)
    """
    return grouping(in_channels, filters, groups=groups).connectivity()


def permutation_matrix(order):
    """The wiring of `y = x[..., order]`: (channels, channels) of zeros and ones, one 1 a row and column.

    Raises ValueError unless `order` holds each of 0 … channels−1 once.

    >>> permutation_matrix([1, 0]).tolist()
    [[0, 1], [1, 0]]
    """
    order = np.asarray(order)
    if order.ndim != 1 or not np.array_equal(np.sort(order), np.arange(order.size)):
        raise ValueError(f"order={order.tolist()} must hold each of 0 … {order.size - 1} once")
    return np.eye(order.size, dtype=np.uint8)[:, order]


def chain(*matrices):
    """The wiring of layers one after the other: 1 where any path leads from the input to the output.

    (a, b), (b, c), … → (a, last), zeros and ones.
    Raises ValueError where the shapes do not follow one another, and for no matrix at all.

    >>> grouped = group_matrix(512, 512, 32)
    >>> coverage(chain(grouped, permutation_matrix(shuffle(512, 32)), grouped))
    0.5
    """
    if not matrices:
        raise ValueError("chain() needs at least one matrix")
    for left, right in zip(matrices, matrices[1:]):
        if np.shape(left)[1] != np.shape(right)[0]:
            raise ValueError(
                f"shapes {np.shape(left)} and {np.shape(right)} do not follow one another: "
                f"{np.shape(left)[1]} outputs, {np.shape(right)[0]} inputs"
            )
    reach = _zeros_and_ones(matrices[0])
    for matrix in matrices[1:]:
        reach = _zeros_and_ones(reach @ _zeros_and_ones(matrix))
    return reach.astype(np.uint8)


def _zeros_and_ones(matrix):
    """As float32, so that BLAS multiplies; counts of paths are never negative, so rounding loses none."""
    return (np.asarray(matrix) != 0).astype(np.float32)


def coverage(matrix):
    """Fraction of the (input, output) pairs that a wiring connects.

    >>> coverage(group_matrix(256, 256, 16))
    0.0625
    """
    return int(np.count_nonzero(matrix)) / np.size(matrix)
