"""Along one axis: which input pixels each output position can see, as two arrays, first pixels and last.

Positions that see nothing (zeros laid around a map) have their first pixel after their last.
"""

import numpy as np

NOTHING = (np.iinfo(np.int64).max // 2, -1)


def start(size):
    """Every pixel sees itself."""
    return np.arange(size), np.arange(size)


def gather(span, positions, valid):
    """Outputs that look at several positions of `span`: ints (outputs, taps), and which of them exist."""
    where = np.where(valid, positions, 0)
    first = np.where(valid, span[0][where], NOTHING[0]).min(axis=1)
    last = np.where(valid, span[1][where], NOTHING[1]).max(axis=1)
    return first, last


def slide(span, outputs, *, kernel, stride=1, dilation=1, padding="valid"):
    """A window of `kernel` taps moved over the axis: convolution or pooling with `outputs` positions."""
    size, reach = len(span[0]), (kernel - 1) * dilation
    around = max((outputs - 1) * stride + reach + 1 - size, 0)
    before = {"valid": 0, "causal": reach, "same": around // 2}[padding]
    positions = np.arange(outputs)[:, None] * stride + np.arange(kernel) * dilation - before
    return gather(span, positions, (positions >= 0) & (positions < size))


def spread(span, outputs, *, kernel, stride=1, dilation=1, padding="valid"):
    """A transposed convolution: position i goes to i · stride + tap · dilation, less what is cut in front."""
    size, reach = len(span[0]), (kernel - 1) * dilation
    before = max((size - 1) * stride + reach + 1 - outputs, 0) // 2 if padding == "same" else 0
    sources = np.arange(outputs)[:, None] + before - np.arange(kernel) * dilation
    positions = sources // stride
    return gather(span, positions, (sources % stride == 0) & (positions >= 0) & (positions < size))


def move(span, outputs, offset):
    """Output i is position i − offset: padding (offset > 0) and cropping (offset < 0)."""
    positions = np.arange(outputs)[:, None] - offset
    return gather(span, positions, (positions >= 0) & (positions < len(span[0])))


def enlarge(span, outputs, interpolation="nearest"):
    """Upsampling: the nearest position, or for "bilinear" the two around it."""
    size = len(span[0])
    if interpolation == "nearest":
        positions = (np.arange(outputs) * size // outputs)[:, None]
    else:
        centre = (np.arange(outputs) + 0.5) * size / outputs - 0.5
        positions = np.clip(np.stack([np.floor(centre), np.ceil(centre)], 1).astype(int), 0, size - 1)
    return gather(span, positions, np.ones_like(positions, bool))


def whole(span):
    """One position that sees what any of them sees."""
    return span[0].min(keepdims=True), span[1].max(keepdims=True)


def union(spans):
    """Position by position, from the first pixel that any sees to the last."""
    return np.minimum.reduce([s[0] for s in spans]), np.maximum.reduce([s[1] for s in spans])
