"""What a layer with a `call` of its own does, read by calling it on symbolic tensors."""

import contextlib


@contextlib.contextmanager
def traced(layer, args, kwargs):
    """(function, its tensors, why not): a Keras function of all that `layer.call` does to symbolic tensors.

    Called on symbolic tensors, layers and `keras.ops` record themselves as nodes instead of computing; this
    graph is then walked like a functional model's. Code that a backend alone understands cannot be recorded:
    function is None, and the last item says why. On leaving, the nodes are taken off the layers again, which
    are as they were.
    """
    import keras

    parts = list(layer._flatten_layers())
    lengths = [(part, len(part._inbound_nodes), len(part._outbound_nodes)) for part in parts]
    tensors = [t for t in keras.tree.flatten((args, kwargs)) if isinstance(t, keras.KerasTensor)]
    try:
        yield _function(keras, layer, args, kwargs, tensors)
    finally:
        for part, inbound, outbound in lengths:
            del part._inbound_nodes[inbound:], part._outbound_nodes[outbound:]


def _function(keras, layer, args, kwargs, tensors):
    fresh = {id(t): keras.KerasTensor(t.shape, dtype=t.dtype) for t in tensors}
    args, kwargs = keras.tree.map_structure(lambda t: fresh.get(id(t), t), (args, kwargs))
    try:
        outputs = layer.call(*args, **kwargs)
        function = keras.Function([fresh[id(t)] for t in tensors], outputs)
    except Exception as error:  # whatever the code of others raises here is the reason to hand on
        first = str(error).strip().partition("\n")[0]
        return None, tensors, f"{type(layer).__name__} cannot be read: {type(error).__name__}: {first}"
    return function, tensors, None
