"""Single layers of a built model left out or exchanged."""

import functools

import keras

from gpc.surgery.graph import Copier, read


def change_layers(model, change):
    """A copy of a model in which `change(layer)` decides, once for each layer, what stands in its place.

    `change` returns the layer itself (it is copied with its weights), None (it is left out: its one input
    passes on), a new layer, called in its place with fresh weights, or several in a tuple, called one after
    the other. Models inside the model are searched too; the original is left as it is.

    Raises TypeError for what is no Keras model or a `change` that is no function, ValueError for a model that
    can't be read or where a layer to be left out joins several tensors.

    >>> import keras
    >>> net = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3), keras.layers.Dropout(0.5)])
    >>> bare = change_layers(net, lambda layer: layer if layer.weights else None)
    >>> [type(layer).__name__ for layer in bare.layers[1:]]
    ['Dense']
    """
    if not callable(change):
        kind = type(change).__name__
        raise TypeError(f"change must be a function of a layer; received {kind}: {change!r:.80}")
    root = read(model)
    exchange = _Exchange(change)
    copier = Copier(exchange, exchange.touches)
    new = copier.model(root)
    copier.copy_weights()
    return new


class _Exchange:
    """Asks `change` once for each layer, and calls what it answers."""

    def __init__(self, change):
        self.change, self.decided = change, {}

    def decision(self, call):
        """What stands in place of the call's layer; models and bare operations stay."""
        layer = call.operation
        if id(call.operation) in call.graph.nested or not isinstance(layer, keras.Layer):
            return layer
        if id(layer) not in self.decided:
            self.decided[id(layer)] = self.change(layer)
        return self.decided[id(layer)]

    def touches(self, graph):
        return any(self.decision(call) is not call.operation for call in graph.walk())

    def __call__(self, call, args, kwargs):
        new = self.decision(call)
        if new is call.operation:
            return None
        if new is None and len(call.inputs) == len(call.outputs) == 1:
            return args[0]
        if new is None:
            raise ValueError(
                f"layer {call.operation.name!r} takes {len(call.inputs)} tensors: it can't be left out"
            )
        first, *others = new if isinstance(new, tuple) else (new,)
        return functools.reduce(lambda x, layer: layer(x), others, first(*args, **kwargs))
