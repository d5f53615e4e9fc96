"""Layers that are linear in their input, what is behind them multiplied into their weights. NumPy only."""

import keras
import numpy as np
from keras import layers

from gpc import wiring
from gpc.layers import FusedDepthwiseConv2D, GroupedPointwise

# Which weight makes the output channels, and which of its axes they lie on.
_LAST, _TRANSPOSED, _DEPTHWISE = "last", "last but one", "last two"
KINDS = {
    layers.Dense: ("kernel", _LAST),
    layers.Conv1D: ("kernel", _LAST),
    layers.Conv2D: ("kernel", _LAST),
    layers.Conv3D: ("kernel", _LAST),
    GroupedPointwise: ("kernel", _LAST),
    layers.SeparableConv1D: ("pointwise_kernel", _LAST),
    layers.SeparableConv2D: ("pointwise_kernel", _LAST),
    layers.Conv1DTranspose: ("kernel", _TRANSPOSED),
    layers.Conv2DTranspose: ("kernel", _TRANSPOSED),
    layers.Conv3DTranspose: ("kernel", _TRANSPOSED),
    layers.DepthwiseConv1D: ("kernel", _DEPTHWISE),
    layers.DepthwiseConv2D: ("kernel", _DEPTHWISE),
    FusedDepthwiseConv2D: ("kernel", _DEPTHWISE),
}


def is_known(layer):
    """Whether the layer is one of `KINDS` whose kernel is all it multiplies by: not quantised, no LoRA."""
    extra = getattr(layer, "quantization_mode", None) or getattr(layer, "lora_enabled", False)
    return type(layer) in KINDS and not extra


def is_linear(layer):
    """Whether a layer of `KINDS` has no activation."""
    return layer.activation is keras.activations.linear


def channel_axis(layer, ndim):
    """Where the channels of an output of `ndim` dimensions are."""
    return 1 if getattr(layer, "data_format", "channels_last") == "channels_first" else ndim - 1


def array(weight):
    """A weight as float64."""
    return keras.ops.convert_to_numpy(weight).astype("float64")


def affine(norm):
    """A batch norm at inference as (scale, shift): y = scale · x + shift."""
    scale = 1 / np.sqrt(array(norm.moving_variance) + norm.epsilon)
    scale = scale * array(norm.gamma) if norm.scale else scale
    shift = -array(norm.moving_mean) * scale
    return scale, shift + array(norm.beta) if norm.center else shift


def bias_of(layer, channels):
    """The layer's bias, zeros where it has none."""
    return array(layer.bias) if layer.use_bias else np.zeros(channels)


def weights(layer, scale, shift, step=None):
    """The layer's weights, in its own order, with a bias at the end, so that it gives scale · y + shift.

    `step`: its input was interleaved and no longer is; a dense kernel's rows then come in another order. Of a
    GroupedPointwise that is left to its argument `interleave`.
    """
    name, where = KINDS[type(layer)]
    kernel = array(getattr(layer, name))
    by_channel = scale
    if where == _TRANSPOSED:
        by_channel = scale[:, None]
    elif where == _DEPTHWISE:
        by_channel = scale.reshape(kernel.shape[-2:])
    kernel = kernel * by_channel
    if step and not isinstance(layer, GroupedPointwise):
        kernel = kernel[..., np.argsort(wiring.interleave(kernel.shape[-2], step)), :]
    first = [array(layer.depthwise_kernel)] if name == "pointwise_kernel" else []
    return [*first, kernel, bias_of(layer, scale.size) * scale + shift]


def dense(kernel, grouping, step=None):
    """The (in, filters) matrix of a grouped kernel (1, 1, channels_per_group, filters).

    >>> dense(np.ones((1, 1, 2, 2)), wiring.grouping(4, 2, groups=2)).astype(int).tolist()
    [[1, 0], [1, 0], [0, 1], [0, 1]]
    """
    rows = grouping.reads[grouping.owners].T
    rows = wiring.interleave(grouping.in_channels, step)[rows] if step else rows
    matrix = np.zeros((grouping.in_channels, grouping.filters))
    matrix[rows, np.arange(grouping.filters)] = kernel[0, 0]
    return matrix


def merged(k, l, k_step, l_step):  # noqa: E741 - the paper's name
    """[kernel, bias] of the one 1×1 convolution that is k plus l of k; each step interleaves an input.

    k and l are (grouping, kernel, bias). With their dense matrices K and L, each behind its interleaving, the
    sum of y = x K + b and y L + c is x (K + K L) + (b + b L + c).
    """
    (first, kernel, bias), (second, l_kernel, l_bias) = k, l
    both = np.eye(second.filters) + dense(l_kernel, second, l_step)
    return [(dense(kernel, first, k_step) @ both)[None, None], bias @ both + l_bias]
