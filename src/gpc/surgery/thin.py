"""A model with a share of its filters: the control that has as few parameters as a grouped one."""

import math
from numbers import Real

from keras import layers

from gpc._checks import positive
from gpc.surgery.change import change_layers
from gpc.surgery.clones import clone
from gpc.surgery.graph import given, read


def thin(model, width, *, divisor=8):
    """The same network with `width` times as many filters in every layer but the last, freshly drawn.

    A model (B, H, W, C) → (B, classes) to another of the same. Convolutions and dense layers get
    `width` · filters, rounded to a multiple of `divisor`; below 4 · divisor to a whole number, one at least.
    Those that reach an output with no other behind them, one for each head, keep theirs. Depthwise layers and
    batch norms follow what they are given. About width² of the parameters remain.

    Raises TypeError for what is no Keras model, ValueError for a width that is not a number above 0, or a
    model whose maps no longer fit together (grouped convolutions may not divide) or whose output would have
    another shape.
    Source: the width multiplier of Howard et al., "MobileNets", 2017, for any Keras model; where Tan and Le,
    "EfficientNet", 2019, never round down by more than a tenth, this rounds to the nearest.

    >>> from gpc import models
    >>> net = models.build("MobileNet", variant="small", classes=10)
    >>> net.count_params(), thin(net, 0.5, divisor=2).count_params()
    (69602, 20150)
    """
    if isinstance(width, bool) or not isinstance(width, Real) or not 0 < width < math.inf:
        raise ValueError(f"width={width!r} must be a number above 0; nearest that works: 0.5")
    width, divisor = float(width), positive("divisor", divisor)
    last = _last(read(model))

    def scaled(filters):
        if filters * width < 4 * divisor:
            return max(1, round(filters * width))
        return round(filters * width / divisor) * divisor

    new = change_layers(model, lambda layer: _thinned(layer, scaled, id(layer) in last))
    if new.output_shape != model.output_shape:
        raise ValueError(
            f"{model.name!r} gives {model.output_shape} and thinned would give {new.output_shape}: a layer "
            "behind its last filters counts on how many there are; nearest width that works: 1"
        )
    return new


def matching_width(model, parameters, *, divisor=8, steps=12):
    """The width at which `thin(model, width)` comes nearest to so many parameters: (width, its parameters).

    By halving the interval 0 … 1 `steps` times; each step builds a network, a second or so for a large one.
    Raises TypeError for what is no Keras model, ValueError where it has fewer parameters than asked for.

    >>> from gpc import models
    >>> net = models.build("MobileNet", variant="small", classes=10)
    >>> matching_width(net, 27170, divisor=2, steps=6)
    (0.59375, 27132)
    """
    read(model)
    parameters = positive("parameters", parameters)
    if model.count_params() < parameters:
        raise ValueError(
            f"parameters={parameters} is more than the {model.count_params()} of {model.name!r}; "
            f"nearest that works: {model.count_params()}"
        )
    low, high, tried = 0.0, 1.0, {1.0: model.count_params()}
    for _ in range(steps):
        middle = (low + high) / 2
        tried[middle] = thin(model, middle, divisor=divisor).count_params()
        low, high = (middle, high) if tried[middle] < parameters else (low, middle)
    return min(tried.items(), key=lambda one: abs(one[1] - parameters))


def _last(root):
    """Ids of the layers that decide the sizes of the outputs: the last with filters, and all behind them."""
    found, seen, todo = set(), set(), [(root, tensor, None) for tensor in root.functional.outputs]
    while todo:
        graph, tensor, outer = todo.pop()  # outer: (the call that the graph's model is run by, its own outer)
        if (id(tensor), id(outer and outer[0])) in seen:
            continue
        seen.add((id(tensor), id(outer and outer[0])))
        call = graph.giver(tensor)
        if call is None:
            todo += _entering(graph, tensor, outer)
        elif inner := graph.nested.get(id(call.operation)):
            todo.append((inner, _like(tensor, call.outputs, inner.functional.outputs), (call, outer)))
        else:
            found.add(id(call.operation))
            todo += [] if _width(call.operation) else [(graph, each, outer) for each in call.inputs]
    return found


def _entering(graph, tensor, outer):
    """Where a nested graph's input comes from: [(graph, tensor, outer)]; nothing for the model's own."""
    if outer is None:
        return []
    call, further = outer
    arguments = given(graph, call.arguments.args, call.arguments.kwargs)
    return [(call.graph, _like(tensor, graph.functional.inputs, arguments), further)]


def _like(tensor, some, others):
    """The one of `others` that stands where `tensor` does in `some`."""
    return next(other for one, other in zip(some, others, strict=True) if one is tensor)


def _width(layer):
    """The name of the setting that says how many channels the layer gives; None where its input does."""
    named = (name for name in ("filters", "units") if getattr(layer, name, None) is not None)
    return next(named, None) if isinstance(layer, layers.Layer) and layer.weights else None


def _thinned(layer, scaled, last):
    """What stands in this layer's place."""
    if isinstance(layer, layers.Reshape) and len(layer.target_shape) == 3 and not last:
        *sides, channels = layer.target_shape
        return clone(layer, target_shape=(*sides, scaled(channels))) if sides == [1, 1] else layer
    if not layer.weights or isinstance(layer, layers.Normalization):
        return layer
    name = _width(layer)
    return clone(layer, **{name: scaled(getattr(layer, name))}) if name and not last else clone(layer)
