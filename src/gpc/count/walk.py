"""Through a built Keras model call by call, nested models included, with shapes for one input size."""

from gpc._checks import positive
from gpc.count import lookup
from gpc.count.costs import Cost, LayerCost, ModelCost
from gpc.count.inputs import symbolic_call
from gpc.count.trace import traced


def cost(model, *, input_shape=None, batch=1, unknown="raise"):
    """What a built Keras model (or layer) costs: parameters, MACs and activation bytes, layer by layer.

    `input_shape` is one image's, (H, W, C), needed where the model leaves sizes open and allowed where it
    does not; a list or dict of shapes for several inputs. MACs and activation bytes are for `batch` images.
    Every layer and operation of the graph is looked up; one that is not known, and has no `cost` method, is
    named in a ValueError, unless unknown="list", which counts the rest and lists the names in `.unknown`. A
    layer or model with a `call` of its own is read by calling it on symbolic tensors.

    Raises TypeError for what is no Keras layer, ValueError where it is not built or a size is missing.

    >>> import keras
    >>> model = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Conv2D(16, 3, padding="same")])
    >>> cost(model).macs, cost(model).parameters
    (27648, 448)
    """
    if unknown not in ("raise", "list"):
        raise ValueError(f"unknown={unknown!r} is neither 'raise' nor 'list'")
    if not lookup.is_layer(model):
        raise TypeError(f"cost() counts built Keras models and layers; received {type(model).__name__}")
    walk = Walk()
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


class Walk:
    """The rows so far, the weights already counted, and the layers nobody knows: {path: why}."""

    def __init__(self):
        self.rows, self.unknown, self.counted = [], {}, set()

    def visit(self, layer, args, kwargs, path):
        """Count one call of a layer, an operation or a model on symbolic tensors; return its outputs."""
        if getattr(layer, "built", True) is False:
            raise ValueError(f"{'/'.join(path) or layer.name} is not built: call the model on data once")
        form = lookup.form(layer)
        return getattr(self, form)(layer, args, kwargs, path)

    def leaf(self, layer, args, kwargs, path):
        """A layer or operation with a rule, or with a `cost` of its own."""
        outputs = layer.compute_output_spec(*args, **kwargs)
        call = lookup.call_of(layer, args, kwargs, outputs)
        kind, cost, why = lookup.cost_of(layer, call, outputs)
        if why:
            self.unknown["/".join(path) or layer.name] = why
        self.row(layer, path, kind, cost, call)
        return outputs

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
        place = {"name": layer.name, "path": "/".join(path) or layer.name, "kind": kind}
        shapes = {"input_shapes": call.inputs, "output_shapes": call.outputs}
        self.rows.append(LayerCost(**vars(numbers), **place, **shapes))

    def graph(self, model, args, kwargs, path):
        """A functional model: its own graph, run on these tensors."""
        inputs = args[0] if args else next(iter(kwargs.values()))
        return model._run_through_graph(
            inputs, operation_fn=lambda op: lambda *a, **k: self.visit(op, a, k, (*path, op.name))
        )

    def chain(self, model, args, kwargs, path):
        """A Sequential: layer after layer."""
        (tensors,) = args or kwargs.values()
        for layer in model.layers:
            tensors = self.visit(layer, (tensors,), {}, (*path, layer.name))
        return tensors

    def every_step(self, layer, args, kwargs, path):
        """TimeDistributed: the layer inside sees batch · steps images."""
        import keras

        (sequence,) = args or (kwargs["inputs"],)
        batch, steps, *rest = sequence.shape
        images = keras.KerasTensor((batch * steps, *rest), dtype=sequence.dtype)
        self.visit(layer.layer, (images,), {}, (*path, layer.layer.name))
        return layer.compute_output_spec(sequence)

    def both_ways(self, layer, args, kwargs, path):
        """Bidirectional: one layer forwards, one backwards, over the same sequence."""
        sequence = args[0] if args else kwargs["sequences"]
        for part in (layer.forward_layer, layer.backward_layer):
            self.visit(part, (sequence,), {}, (*path, part.name))
        return layer.compute_output_spec(*args, **kwargs)

    def inside(self, layer, args, kwargs, path):
        """A layer or model with a `call` of its own: what that does to symbolic tensors, and its weights."""
        with traced(layer, args, kwargs) as (function, tensors, why):
            if function is None:
                return self.opaque(layer, args, kwargs, path, why)
            outputs = function._run_through_graph(
                tensors, operation_fn=lambda op: lambda *a, **k: self.visit(op, a, k, (*path, op.name))
            )
        if any(id(w) not in self.counted for w in layer.weights):
            self.row(layer, path, "own weights", Cost(), lookup.call_of(layer, args, kwargs, outputs))
        return outputs

    def opaque(self, layer, args, kwargs, path, why):
        """A layer that cannot be looked into: named as unknown, its weights counted."""
        outputs = layer.compute_output_spec(*args, **kwargs)
        call = lookup.call_of(layer, args, kwargs, outputs)
        self.unknown["/".join(path) or layer.name] = why
        self.row(layer, path, "unknown", Cost(activation_bytes=lookup.bytes_of(outputs)), call)
        return outputs

    def never_called(self, model):
        """Rows for weights that the model owns and no call uses, so that parameters are complete."""
        for layer in reversed(list(model._flatten_layers())):
            if any(id(w) not in self.counted for w in layer.weights):
                self.row(layer, (layer.name,), "never called", Cost(), lookup.Call((), (), {}))
