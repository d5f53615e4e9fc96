"""The count over a built Keras model: a row for each call of a layer or operation."""

from gpc._checks import positive
from gpc.count import lookup
from gpc.count.costs import Cost, LayerCost, ModelCost
from gpc.count.inputs import symbolic_call
from gpc.count.traverse import Traverse, outputs_of, path_text


def cost(model, *, input_shape=None, batch=1, unknown="raise"):
    """What a built Keras model (or layer) costs: parameters, MACs and activation bytes, layer by layer.

    `input_shape` is one image's, (H, W, C), needed where the model leaves sizes open and allowed where it
    does not; a list or dict of shapes for several inputs. MACs and activation bytes are for `batch` images.
    Every layer and operation of the graph is looked up; one that is not known, and has no `cost` method, is
    named in a ValueError, unless `unknown="list"`, which counts the rest and lists the names in `.unknown`. A
    layer or model with a `call` of its own is read by calling it on symbolic tensors.

    Raises TypeError for what is no Keras layer or no shape; ValueError where it is not built, a size is
    missing, or a layer's weights are for other sizes.

    >>> import keras
    >>> convolution = keras.layers.Conv2D(16, 3, padding="same")
    >>> model = keras.Sequential([keras.Input((8, 8, 3)), convolution])
    >>> cost(model).macs, cost(model).parameters
    (27648, 448)
    """
    if unknown not in ("raise", "list"):
        raise ValueError(f"unknown={unknown!r} is neither 'raise' nor 'list'")
    if not lookup.is_layer(model):
        raise TypeError(f"cost() counts built Keras models and layers; received {type(model).__name__}")
    walk = CostWalk()
    args, kwargs = symbolic_call(model, input_shape, positive("batch", batch))
    walk.visit(model, args, kwargs, ())
    walk.never_called(model)
    if walk.unknown and unknown == "raise":
        names = "; ".join(f"{path} ({why})" for path, why in walk.unknown.items())
        raise ValueError(
            f"not known, so the count would be too small: {names}. Give the class a method "
            "cost(input_shapes, output_shapes), see gpc.count, or pass unknown='list' to count the rest"
        )
    return ModelCost(model.name, batch, tuple(walk.rows), tuple(walk.unknown))


def _check(layer, args, path):
    """Raises ValueError for a layer whose weights are for other sizes than those of the tensors it is given."""
    specs = getattr(layer, "input_spec", None)
    specs = specs if isinstance(specs, list | tuple) else [specs]
    for spec, tensor in zip(specs, lookup.flat(args[:1])):
        shape = tuple(tensor.shape)
        for axis, size in (getattr(spec, "axes", None) or {}).items():
            if size is not None and -len(shape) <= axis < len(shape) and shape[axis] != size:
                told = f"{path_text(layer, path)} is built for {size} on axis {axis}, and receives {shape}"
                raise ValueError(f"{told}; nearest that works: the input_shape the model is built for")


class CostWalk(Traverse):
    """The rows so far, the weights already counted, and the layers nobody knows: {path: why}."""

    def __init__(self):
        self.rows, self.unknown, self.counted = [], {}, set()

    def leaf(self, layer, args, kwargs, path):
        """A layer or operation with a rule, or with a `cost` of its own."""
        outputs = outputs_of(layer, args, kwargs)
        call = lookup.call_of(layer, args, kwargs, outputs)
        _check(layer, args, path)
        kind, cost, why = lookup.cost_of(layer, call, outputs)
        if why:
            self.unknown[path_text(layer, path)] = why
        self.row(layer, path, kind, cost, call)
        return outputs

    def opaque(self, layer, args, kwargs, path, why):
        """A layer that cannot be looked into: named as unknown, its weights counted."""
        outputs = outputs_of(layer, args, kwargs)
        call = lookup.call_of(layer, args, kwargs, outputs)
        self.unknown[path_text(layer, path)] = why
        self.row(layer, path, "unknown", Cost(activation_bytes=lookup.bytes_of(outputs)), call)
        return outputs

    def read(self, layer, args, kwargs, path, outputs):
        """A `call` of somebody's own has been read: a row for the weights that are its own."""
        if any(id(w) not in self.counted for w in layer.weights):
            self.row(layer, path, "own weights", Cost(), lookup.call_of(layer, args, kwargs, outputs))

    def never_called(self, model):
        """Rows for weights that the model owns and no call uses, so that parameters are complete."""
        for layer in reversed(list(model._flatten_layers())):
            if any(id(w) not in self.counted for w in layer.weights):
                self.row(layer, (layer.name,), "never called", Cost(), lookup.Call((), (), {}))

    def row(self, layer, path, kind, cost, call):
        """Add a row, with those of the layer's weights that no row has yet."""
        weights = [w for w in getattr(layer, "weights", ()) if id(w) not in self.counted]
        trained = {id(w) for w in getattr(layer, "trainable_weights", ())}
        self.counted.update(map(id, weights))
        numbers = Cost(
            parameters=sum(lookup.size(w.shape) for w in weights),
            trainable=sum(lookup.size(w.shape) for w in weights if id(w) in trained),
            macs=cost.macs,
            activation_bytes=cost.activation_bytes,
            pointwise_macs=cost.pointwise_macs,
        )
        place = {"name": layer.name, "path": path_text(layer, path), "kind": kind}
        shapes = {"input_shapes": call.inputs, "output_shapes": call.outputs}
        self.rows.append(LayerCost(**vars(numbers), **place, **shapes))
