"""One layer or bare operation made again, with what a configuration alone doesn't carry over."""

import copy
import tempfile
from collections import Counter
from types import FunctionType

import keras

from gpc.layers import FusedBatchNormalization, FusedDepthwiseConv2D

# Keras's layers that ours stand for with the same weights and numbers, in less time on TensorFlow's CPU.
FUSED = {
    keras.layers.BatchNormalization: FusedBatchNormalization,
    keras.layers.DepthwiseConv2D: FusedDepthwiseConv2D,
}


def clone(operation, **changes):
    """A new operation with the same configuration but for `changes`, and fresh weights.

    Functions of one's own (`activation=wave`) and classes of one's own are taken from the layer itself: they
    need not be registered with Keras. What an adapted lookup layer learned, which is no weight, goes along.

    Raises ValueError naming the layer that can't be configured again.
    """
    if not isinstance(operation, keras.Layer):
        return _operation(operation, changes)
    if type(operation) is keras.layers.Lambda:
        return _lambda(operation, **changes)
    try:
        new = _configured(operation, changes)
    except Exception as error:
        raise ValueError(
            f"layer {operation.name!r} ({type(operation).__name__}) stops the copy: it can't be built again "
            f"from its configuration. Give its class get_config() and from_config(); Keras said: {error}"
        ) from error
    if hasattr(operation, "save_assets") and not operation.weights:
        _carry_assets(operation, new)
    return new


def quickened(operation, **changes):
    """`clone`, as a layer of `FUSED` where the operation is one of Keras's own that has its like there."""
    if type(operation) not in FUSED:
        return clone(operation, **changes)
    return FUSED[type(operation)].from_config(_settings(operation, changes))


def inner_layers(operation):
    """The layers inside a layer that is no model: a wrapper, an attention block, a block of one's own."""
    if isinstance(operation, keras.Model) or not isinstance(operation, keras.Layer):
        return []
    return list(operation._flatten_layers(include_self=False))


def finalize(layer):
    """Has a layer with weights, such as `Normalization`, work out what it derives from them."""
    if layer.weights and hasattr(layer, "finalize_state"):
        layer.finalize_state()


def fresh(activation):
    """An activation for one more layer: a function as it is, a layer used as one made again."""
    return clone(activation) if isinstance(activation, keras.Layer) else activation


def named_weights(layer):
    """{name: weight}: "kernel", and behind the names of layers inside a layer "inner/kernel"."""
    owners = {id(weight): "" for weight in layer.weights}
    inner = inner_layers(layer)
    for part in sorted(inner, key=lambda part: -len(part.weights)):  # the innermost comes last
        owners |= {id(weight): f"{part.name}/" for weight in part.weights}
    found, times = {}, Counter()
    for weight in layer.weights:
        name = owners[id(weight)] + weight.name
        times[name] += 1
        found[name if times[name] == 1 else f"{name} ({times[name]})"] = weight
    return found


def _configured(layer, changes):
    """The layer from its configuration; classes unknown to Keras are those that the layer is made of."""
    try:
        return type(layer).from_config(_settings(layer, changes))
    except Exception:
        parts = [layer, *inner_layers(layer)]
        known = {type(part).__name__: type(part) for part in parts}
        known |= {each.__name__: each for part in parts for each in vars(part).values() if _own(each)}
        with keras.saving.custom_object_scope(known):
            return type(layer).from_config(_settings(layer, changes))


def _settings(layer, changes):
    """The layer's configuration, its settings that are functions of one's own as the layer holds them."""
    config = layer.get_config()
    held = {key: getattr(layer, key, None) for key in config}
    return {**config, **{key: value for key, value in held.items() if _own(value)}, **changes}


def _own(value):
    return isinstance(value, FunctionType) and not str(value.__module__).startswith("keras.")


def _carry_assets(old, new):
    """A vocabulary goes the way it goes into a file: through the files that Keras saves it in."""
    store = {}
    old.save_own_variables(store)
    new.load_own_variables(store)
    with tempfile.TemporaryDirectory() as folder:
        old.save_assets(folder)
        new.load_assets(folder)


def _operation(operation, changes):
    """A bare operation again, which holds no weights; without configuration a copy, called by nothing yet."""
    try:
        return type(operation).from_config({**operation.get_config(), **changes})
    except Exception:
        new = copy.copy(operation)
        new._inbound_nodes, new._outbound_nodes = [], []
        return new


def _lambda(layer, **changes):
    """A Lambda with the same Python function; through its configuration Keras refuses, as from a file."""
    settings = {"name": layer.name, "dtype": layer.dtype_policy, "trainable": layer.trainable, **changes}
    return keras.layers.Lambda(
        layer.function,
        output_shape=layer._output_shape,
        mask=layer.mask,
        arguments=layer.arguments,
        **settings,
    )
