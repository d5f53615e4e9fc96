"""A model with a share of its filters: the control that has as few parameters as a grouped one."""

import keras
from keras import layers

from gpc._checks import positive
from gpc.surgery.change import change_layers
from gpc.surgery.clones import clone


def thin(model, width, *, divisor=8):
    """The same network with `width` times as many filters in every layer but the last, freshly drawn.

    A model (B, H, W, C) → (B, classes) to another of the same. Convolutions and dense layers get
    `width` · filters, rounded to a multiple of `divisor`; below 4 · divisor to a whole number, one at least.
    Depthwise layers and batch norms follow what they are given. About width² of the parameters remain.

    Raises ValueError for a width that is not above 0, or a model whose maps no longer fit together (grouped
    convolutions may not divide).
    Source: the width multiplier of Howard et al., "MobileNets", 2017, for any Keras model; where Tan and Le,
    "EfficientNet", 2019, never round down by more than a tenth, this rounds to the nearest.

    >>> from gpc import models
    >>> net = models.build("MobileNet", variant="small", classes=10)
    >>> net.count_params(), thin(net, 0.5, divisor=2).count_params()
    (69602, 20150)
    """
    if isinstance(width, bool) or not isinstance(width, (int, float)) or not width > 0:
        raise ValueError(f"width={width!r} must be a number above 0; nearest that works: 0.5")
    divisor = positive("divisor", divisor)
    last = [layer for layer in model._flatten_layers() if layer.weights and not _holds_layers(layer)][-1]

    def scaled(filters):
        if filters * width < 4 * divisor:
            return max(1, round(filters * width))
        return round(filters * width / divisor) * divisor

    return change_layers(model, lambda layer: _thinned(layer, scaled, layer is last))


def matching_width(model, parameters, *, divisor=8, steps=12):
    """The width at which `thin(model, width)` comes nearest to so many parameters: (width, its parameters).

    By halving the interval 0 … 1 `steps` times; each step builds a network, a second or so for a large one.
    Raises ValueError where the model has fewer parameters than asked for.

    >>> from gpc import models
    >>> net = models.build("MobileNet", variant="small", classes=10)
    >>> matching_width(net, 27170, divisor=2, steps=6)
    (0.59375, 27132)
    """
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


def _thinned(layer, scaled, last):
    """What stands in this layer's place."""
    if isinstance(layer, layers.Reshape) and len(layer.target_shape) == 3 and not last:
        *sides, channels = layer.target_shape
        return clone(layer, target_shape=(*sides, scaled(channels))) if sides == [1, 1] else layer
    if not layer.weights or isinstance(layer, layers.Normalization):
        return layer
    for name in ("filters", "units"):
        if not last and getattr(layer, name, None) is not None:
            return clone(layer, **{name: scaled(getattr(layer, name))})
    return clone(layer)


def _holds_layers(layer):
    return isinstance(layer, keras.Model) or bool(list(layer._flatten_layers(include_self=False)))
