"""Multiply-accumulates of Keras's own layers and operations, by the name of the class.

A rule takes (layer, call) and returns (kind, macs, pointwise_macs); None says that this layer cannot be
counted.
"""

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Call:
    """The shapes of one call: `inputs` and `outputs` in order, `named` by argument of its signature."""

    inputs: tuple
    outputs: tuple
    named: dict


def convolution(layer, call):
    """Every output value sums the kernel's window over its group's channels, whatever rank or data format."""
    kernel = tuple(layer.kernel.shape)
    return _convolution(kernel, call.outputs[0], layer.groups)


def _convolution(kernel, output, groups):
    macs = math.prod(output) * math.prod(kernel[:-1])
    point = math.prod(kernel[:-2]) == 1
    kind = ("grouped " if groups > 1 else "") + ("pointwise" if point else "convolution")
    return kind, macs, macs if point else 0


def depthwise(layer, call):
    """Every output value sums one window of one channel."""
    return "depthwise", math.prod(call.outputs[0]) * math.prod(layer.kernel.shape[:-2]), 0


def separable(layer, call):
    """A depthwise convolution, then a 1×1 on as many pixels."""
    depth, point = layer.depthwise_kernel.shape, layer.pointwise_kernel.shape
    return _separable(depth, point, call.outputs[0])


def _separable(depth, point, output):
    pixels = math.prod(output) // point[-1]
    pointwise = pixels * math.prod(point)
    return "separable", pixels * math.prod(depth) + pointwise, pointwise


def transposed(layer, call):
    """Every input value is spread through the whole kernel; what falls outside the output is counted too."""
    return "transposed convolution", math.prod(call.inputs[0]) * math.prod(layer.kernel.shape[:-1]), 0


def dense(layer, call):
    """Every output value sums over the last axis; on more than one position that is a 1×1 convolution."""
    macs = math.prod(call.outputs[0]) * layer.kernel.shape[0]
    everywhere = len(call.outputs[0]) > 2
    return ("dense per position", macs, macs) if everywhere else ("dense", macs, 0)


def einsum_dense(layer, call):
    """The product of all index sizes of the equation, if anything is summed."""
    return "dense", einsum_macs(layer.equation, call.inputs[0], layer.kernel.shape), 0


def einsum_macs(equation, *shapes):
    """Multiply-accumulates of an einsum over one or two tensors; 0 where nothing is multiplied and summed.

    Raises ValueError for more than two tensors, where the order of contraction decides.

    >>> einsum_macs("ngi,gio->ngo", (64, 4, 16), (4, 16, 8))
    32768
    """
    if len(shapes) > 2:
        raise ValueError(f"einsum {equation!r} takes {len(shapes)} tensors; known are one and two")
    inputs, arrow, output = equation.replace(" ", "").partition("->")
    sizes, seen = {}, []
    for labels, shape in zip(inputs.split(","), shapes):
        for label, size in zip(_spelled(labels, len(shape)), shape):
            sizes[label] = max(size, sizes.get(label, 1))
            seen.append(label)
    if not arrow:
        output = [label for label in sizes if seen.count(label) == 1]
    kept = set(_spelled(output, len(sizes))) if "." in output else set(output)
    return math.prod(sizes.values()) if len(shapes) == 2 and set(sizes) - kept else 0


def _spelled(labels, rank):
    """The labels of one tensor, its ellipsis spelled out as numbers counted from the right."""
    if "..." not in labels:
        return list(labels)
    before, after = labels.split("...")
    missing = range(rank - len(before) - len(after), 0, -1)
    return [*before, *missing, *after]


def attention_block(layer, call):
    """The projections, then scores and mixture: query positions · key positions · heads · both widths."""
    (query,), (value,) = call.named["query"], call.named["value"]
    (key,) = call.named.get("key", (value,))
    grouped = hasattr(layer, "num_key_value_heads")
    wide = layer.head_dim if grouped else layer.key_dim
    deep = layer.head_dim if grouped else layer.value_dim
    heads = layer.num_query_heads if grouped else layer.num_heads
    axes = (1,) if grouped else layer._attention_axes
    projections = [(layer._query_dense, query), (layer._key_dense, key), (layer._value_dense, value)]
    projections += [(layer._output_dense, query)]
    if getattr(layer, "use_gate", False):
        projections.append((layer._gate_dense, query))
    macs = sum(math.prod(shape[:-1]) * math.prod(part.kernel.shape) for part, shape in projections)
    pairs = math.prod(query[:-1]) * math.prod(key[axis] for axis in axes)
    return "attention", macs + pairs * heads * (wide + deep), 0


def attention(layer, call):
    """Scores and mixture of Luong's or Bahdanau's attention: query · value positions · both widths."""
    query, value, *rest = call.named["inputs"]
    key = rest[0] if rest else value
    return "attention", math.prod(query[:-1]) * value[-2] * (key[-1] + value[-1]), 0


def dot_product_attention(layer, call):
    """(B, T, heads, width): query positions · key positions · heads · twice the width."""
    query, key, value = (call.named[name][0] for name in ("query", "key", "value"))
    return "attention", math.prod(query[:-1]) * key[1] * (key[-1] + value[-1]), 0


def recurrent(layer, call):
    """At every step, each weight of the cell once: the kernel on the input, another on the state."""
    return _cell(layer.cell, math.prod(call.inputs[0][:2]))


def cell(layer, call):
    """One step of a recurrent cell."""
    return _cell(layer, call.inputs[0][0])


def _cell(layer, steps):
    cells = getattr(layer, "cells", [layer])
    if any(type(c).__name__ not in ("LSTMCell", "GRUCell", "SimpleRNNCell") for c in cells):
        return None
    weights = sum(math.prod(c.kernel.shape) + math.prod(c.recurrent_kernel.shape) for c in cells)
    return "recurrent", steps * weights, 0


def batch_dot(layer, call):
    """`layers.Dot`: every output value sums over the contracted axis."""
    axes = layer.axes if isinstance(layer.axes, int) else layer.axes[0]
    return "matrix product", math.prod(call.outputs[0]) * call.inputs[0][axes], 0


def matmul(layer, call):
    """Every output value sums over the last axis of the first tensor."""
    first, second = call.inputs[:2]
    return "matrix product", math.prod(call.outputs[0]) * (first[-1] if first and second else 0), 0


def vdot(layer, call):
    """Both tensors flattened, multiplied and summed."""
    return "matrix product", math.prod(call.inputs[0]), 0


def tensordot(layer, call):
    """(m·k)(k·n)(m·n) is the square of m·k·n, so the three sizes tell the product; 0 for an outer product."""
    first, second, out = (math.prod(shape) for shape in (*call.inputs[:2], call.outputs[0]))
    return "matrix product", 0 if first * second == out else math.isqrt(first * second * out), 0


def einsum(layer, call):
    """`ops.einsum` over one or two tensors."""
    if len(call.inputs) > 2:
        return None
    return "matrix product", einsum_macs(layer.subscripts, *call.inputs), 0


def conv_operation(layer, call):
    """`ops.conv`: the kernel is an argument."""
    inputs, kernel = call.inputs[:2]
    channels = inputs[1] if layer.data_format == "channels_first" else inputs[-1]
    return _convolution(kernel, call.outputs[0], channels // kernel[-2])


def depthwise_operation(layer, call):
    """`ops.depthwise_conv`."""
    return "depthwise", math.prod(call.outputs[0]) * math.prod(call.inputs[1][:-2]), 0


def separable_operation(layer, call):
    """`ops.separable_conv`."""
    return _separable(call.inputs[1], call.inputs[2], call.outputs[0])


def transposed_operation(layer, call):
    """`ops.conv_transpose`."""
    return "transposed convolution", math.prod(call.inputs[0]) * math.prod(call.inputs[1][:-1]), 0


LAYERS = {
    "Conv1D": convolution,
    "Conv2D": convolution,
    "Conv3D": convolution,
    "DepthwiseConv1D": depthwise,
    "DepthwiseConv2D": depthwise,
    "SeparableConv1D": separable,
    "SeparableConv2D": separable,
    "Conv1DTranspose": transposed,
    "Conv2DTranspose": transposed,
    "Conv3DTranspose": transposed,
    "Dense": dense,
    "EinsumDense": einsum_dense,
    "MultiHeadAttention": attention_block,
    "GroupedQueryAttention": attention_block,
    "Attention": attention,
    "AdditiveAttention": attention,
    "LSTM": recurrent,
    "GRU": recurrent,
    "SimpleRNN": recurrent,
    "RNN": recurrent,
    "LSTMCell": cell,
    "GRUCell": cell,
    "SimpleRNNCell": cell,
    "StackedRNNCells": cell,
    "Dot": batch_dot,
}

OPERATIONS = {
    "Matmul": matmul,
    "Dot": matmul,
    "Vdot": vdot,
    "Inner": matmul,
    "Tensordot": tensordot,
    "Einsum": einsum,
    "Conv": conv_operation,
    "DepthwiseConv": depthwise_operation,
    "SeparableConv": separable_operation,
    "ConvTranspose": transposed_operation,
    "DotProductAttention": dot_product_attention,
}
