"""Checks and small readings of the arguments the three layers share."""

import math

import keras

from gpc._checks import positive

DEFAULT_WIDTH = 16


def width_or_groups(channels_per_group, groups, filters):
    """(channels_per_group, groups), one of them None: 16 channels per group where neither is given."""
    if channels_per_group is not None and groups is not None:
        raise TypeError(
            "give one of channels_per_group and groups, not both; "
            f"received channels_per_group={channels_per_group}, groups={groups}"
        )
    if groups is None:
        return positive(
            "channels_per_group", DEFAULT_WIDTH if channels_per_group is None else channels_per_group
        ), None
    groups = positive("groups", groups)
    if groups > filters:
        raise ValueError(
            f"groups={groups} is more than filters={filters} can fill; nearest that works: {filters}"
        )
    return None, groups


def pair(name, value):
    """One integer for both directions, or two: (rows, columns)."""
    values = tuple(value) if isinstance(value, (tuple, list)) else (value, value)
    if len(values) != 2:
        raise ValueError(
            f"{name}={value!r} must be one integer or two; nearest that works: {(values or (1,))[0]}"
        )
    return tuple(positive(name, each) for each in values)


def one_of(name, value, allowed):
    """`value`, if it is one of `allowed`."""
    if value not in allowed:
        raise ValueError(f"{name}={value!r} must be one of {', '.join(map(repr, allowed))}")
    return value


def data_format(value):
    """The layout of images, Keras's own where none is given."""
    value = keras.config.image_data_format() if value is None else value
    return one_of("data_format", value, ("channels_last", "channels_first"))


def axis(layer):
    """Where the layer's channels are: -1 or 1."""
    return -1 if layer.data_format == "channels_last" else 1


def channels(layer, input_shape, *, ndim=4):
    """How many channels an input of this shape has; raises where that is unknown or no image."""
    if ndim and len(input_shape) != ndim:
        raise ValueError(
            f"{layer.name} needs images, (batch, height, width, channels) with data_format='channels_last'; "
            f"received shape {tuple(input_shape)}"
        )
    found = input_shape[axis(layer)]
    if found is None:
        raise ValueError(
            f"{layer.name} needs to know its input's channels; with data_format={layer.data_format!r} "
            f"they are unknown in {tuple(input_shape)}"
        )
    return found


def pixels(layer, shape):
    """Rows times columns of an image batch's shape, None where one of them is unknown."""
    rows, columns = shape[1:3] if layer.data_format == "channels_last" else shape[2:4]
    return None if rows is None or columns is None else rows * columns


def positions(layer, shape):
    """At how many places a pointwise layer works: all sizes but the channels', multiplied."""
    return math.prod(shape) // shape[axis(layer)]


def strided_shape(layer, input_shape):
    """A strided pointwise layer's output: (B, H, W, C) → (B, ⌈H / stride⌉, ⌈W / stride⌉, filters)."""
    shape = list(input_shape)
    first = 1 if layer.data_format == "channels_last" else 2
    for place, stride in enumerate(layer.strides, first):
        shape[place] = None if shape[place] is None else -(-shape[place] // stride)
    shape[axis(layer)] = layer.filters
    return tuple(shape)


def itemsize(dtype):
    """Bytes of one number: 4 for "float32", 2 for "bfloat16"."""
    return int("".join(filter(str.isdigit, dtype))) // 8
