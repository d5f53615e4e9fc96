"""At which total stride each layer of a model works: what makes a stride level."""

from fractions import Fraction

import keras


def rate(operation):
    """By how much a layer divides the map's height: 2 for a strided convolution, 1/2 for upsampling.

    The larger of the two where height and width differ; 1 for every other operation.
    """
    kind = type(operation).__name__
    larger = kind.startswith("UpSampling")
    size = getattr(operation, "size" if larger else "strides", 1) if isinstance(operation, keras.Layer) else 1
    if not isinstance(size, (int, tuple, list)):
        return Fraction(1)
    size = max(size) if isinstance(size, (tuple, list)) else size
    return Fraction(1, size) if larger or kind.endswith("Transpose") else Fraction(size)


def total_strides(root):
    """For every layer that changes the map's size, the finer of its input's and output's total strides.

    {id(layer): {Fraction, …}}: a shared layer may work at several. The model's input has stride 1; a tensor
    that is no map any more (pooled whole, flattened) has none. Where maps join, the coarsest counts.
    """
    found = {}
    _walk(root, [Fraction(1)] * len(root.functional.inputs), found)
    return found


def levels_of(strides, calls):
    """The total strides that some layer makes coarser, finest first; upsampling adds none of its own."""
    down = {stride for key, found in strides.items() if rate(calls[key][0].operation) > 1 for stride in found}
    return tuple(int(stride) if stride.denominator == 1 else stride for stride in sorted(down))


def _walk(graph, entering, found):
    """The total strides at the graph's outputs, given those at its inputs."""
    at = dict(zip(map(id, graph.functional.inputs), entering, strict=True))
    for call in graph.calls:
        known = [at.get(id(tensor)) for tensor in call.inputs]
        inner = graph.nested.get(id(call.operation))
        if inner:  # behind the tensors that are its inputs may come their masks
            leaving = _walk(inner, known[: len(inner.functional.inputs)], found)
        else:
            leaving = [_leaving(call, known, found)] * len(call.outputs)
        at.update(zip(map(id, call.outputs), leaving, strict=True))
    return [at[id(tensor)] for tensor in graph.functional.outputs]


def _leaving(call, entering, found):
    """The total stride of one call's outputs; noted where the call changes it."""
    strides = [stride for stride in entering if stride is not None]
    if not strides or not _is_map(call):
        return None
    stride, factor = max(strides), rate(call.operation)
    if factor != 1:
        found.setdefault(id(call.operation), set()).add(min(stride, stride * factor))
    return stride * factor


def _is_map(call):
    """Whether what comes out still has the extent of what went in, up to the stride."""
    before, after, kind = call.inputs[0].shape, call.outputs[0].shape, type(call.operation).__name__
    return len(before) == len(after) >= 3 and kind != "Reshape" and not kind.startswith("Global")
