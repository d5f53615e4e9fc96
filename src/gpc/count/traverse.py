"""Through a built Keras model call by call, nested models included, on symbolic tensors of one input size."""

from gpc.count import lookup
from gpc.count.trace import traced


def path_text(layer, path):
    """Where a layer stands, "backbone/block1/conv"; its own name where it is the whole model."""
    return "/".join(path) or layer.name


def outputs_of(layer, args, kwargs):
    """The symbolic outputs of one call, every size known.

    Some layers leave sizes open that their inputs settle (EinsumDense); those are then traced through the
    backend.
    """
    import keras

    outputs = layer.compute_output_spec(*args, **kwargs)
    if any(None in tensor.shape for tensor in lookup.flat(outputs)):
        outputs = keras.Operation.compute_output_spec(layer, *args, **kwargs)
    return outputs


class Traverse:
    """Visits each call once, in the order of the graph.

    Whoever inherits says what to do at a `leaf`, at something `opaque`, and when a `call` of somebody's own
    has been `read`.
    """

    def visit(self, layer, args, kwargs, path):
        """One call of a layer, an operation or a model on symbolic tensors; returns its symbolic outputs."""
        if getattr(layer, "built", True) is False:
            raise ValueError(f"{path_text(layer, path)} is not built: call the model on data once")
        return getattr(self, lookup.form(layer))(layer, args, kwargs, path)

    def leaf(self, layer, args, kwargs, path):
        """A layer or operation that is looked up; returns its symbolic outputs."""
        raise NotImplementedError

    def opaque(self, layer, args, kwargs, path, why):
        """A layer that cannot be looked into; returns its symbolic outputs or raises."""
        raise NotImplementedError

    def read(self, layer, args, kwargs, path, outputs):
        """Called when all inside a layer with a `call` of its own has been visited."""

    def graph(self, model, args, kwargs, path):
        """A functional model: its own graph, run on these tensors."""
        inputs = args[0] if args else next(iter(kwargs.values()))
        return self._run(model, inputs, path)

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
        return outputs_of(layer, (sequence,), {})

    def both_ways(self, layer, args, kwargs, path):
        """Bidirectional: one layer forwards, one backwards, over the same sequence."""
        sequence = args[0] if args else kwargs["sequences"]
        for part in (layer.forward_layer, layer.backward_layer):
            self.visit(part, (sequence,), {}, (*path, part.name))
        return outputs_of(layer, args, kwargs)

    def inside(self, layer, args, kwargs, path):
        """A layer or model with a `call` of its own: all that this does to symbolic tensors."""
        with traced(layer, args, kwargs) as (function, tensors, why):
            if function is None:
                return self.opaque(layer, args, kwargs, path, why)
            outputs = self._run(function, tensors, path)
        self.read(layer, args, kwargs, path, outputs)
        return outputs

    def _run(self, function, inputs, path):
        # The one place that uses Keras's own walk through a graph; cloning models goes the same way.
        return function._run_through_graph(
            inputs, operation_fn=lambda op: lambda *a, **k: self.visit(op, a, k, (*path, op.name))
        )
