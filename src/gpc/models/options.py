"""What the k-networks' constructors share: strides left out, the grouping, the top.

Named and called as in the papers' own code, K-CAI (k-neural-api), where `channels_per_group=16` is
`kType=D6v3_16ch()` (scheme "interleaved", Entropy 2022) or `kType=D6_16ch()` (scheme "divisible", MENDEL
2022), and `second=False` is `kT3v3` or `kT3`. With `faithful=True` they are the published networks, otherwise
keras.applications' with nothing but the pointwise layers changed; each function says what differs.
"""

from keras import layers

from gpc.surgery import regroup, skip_strides


def rate(dropout):
    """A dropout rate between 0 and 1. Raises ValueError for any other number."""
    if not 0 <= dropout < 1:
        near = 0 if dropout < 0 else 0.9
        raise ValueError(f"dropout={dropout} must be at least 0 and below 1; nearest that works: {near}")
    return dropout


def crowned(x, include_top, pooling, classes):
    """The network's end: (B, H, W, C) → (B, classes); without the top (B, C) by `pooling`, or the map itself.

    Raises ValueError for a `pooling` that is not None, "avg" or "max".
    """
    kinds = {None: None, "avg": layers.GlobalAveragePooling2D, "max": layers.GlobalMaxPooling2D}
    if pooling not in kinds:
        raise ValueError(f"pooling={pooling!r} is unknown; it is None, 'avg' or 'max'")
    if include_top:
        x = layers.GlobalAveragePooling2D(name="avg_pool")(x)
        return layers.Dense(classes, activation="softmax", name="predictions")(x)
    return kinds[pooling](name=f"{pooling}_pool")(x) if pooling else x


def grouped(net, channels_per_group, scheme, second=True, where=None):
    """The network with its pointwise layers replaced, unless channels_per_group is None."""
    if channels_per_group is None:
        return net
    return regroup(net, channels_per_group, scheme=scheme, second=second, where=where).model


def skipped(net, count, levels, faithful):
    """The network without the strides that skip_stride_cnt=count names."""
    if isinstance(count, bool) or not isinstance(count, int):
        raise TypeError(f"skip_stride_cnt={count!r} must be an integer, −1 to skip none")
    if count < -1:
        raise ValueError(f"skip_stride_cnt={count} must be −1 (skip none) or more; nearest that works: −1")
    return net if count == -1 else skip_strides(net, levels(count), as_published=faithful)
