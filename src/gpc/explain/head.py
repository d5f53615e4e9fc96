"""What stands behind a network's last map: the pooling, and the linear part that turns it into scores."""

from dataclasses import dataclass, field

import keras
import numpy as np
from keras import layers, ops

from gpc.explain.pictures import chunks
from gpc.explain.walk import NEAREST, backwards, channels_last, graph_of, positions, run
from gpc.layers import GroupedPointwise
from gpc.layers.arithmetic import grouped_pointwise

_SILENT = (
    layers.Dropout,
    layers.SpatialDropout2D,
    layers.AlphaDropout,
    layers.GaussianDropout,
    layers.GaussianNoise,
    layers.ActivityRegularization,
    layers.Identity,
)
_ACTIVATIONS = (layers.Activation, layers.ReLU, layers.LeakyReLU, layers.ELU, layers.PReLU, layers.Softmax)
_SHAPES = (layers.Flatten, layers.Reshape)
_LINEAR = ("Dense", "Conv2D", "BatchNormalization", "FusedBatchNormalization", "GroupedPointwise", "Rescaling")
_OTHER_POOLING = (layers.GlobalMaxPooling2D, layers.MaxPooling2D)


@dataclass(frozen=True, eq=False)
class Head:
    """The linear way from a network's last map to its scores: mean over positions, times `kernel`, plus `bias`.

    pooling     path of the layer that takes the mean
    linear      paths of the layers behind it that are one matrix together; none where the map's channels are
                the classes' own already
    kernel      (C, classes)
    bias        (classes,)
    """

    pooling: str
    linear: tuple
    kernel: np.ndarray = field(repr=False)
    bias: np.ndarray = field(repr=False)
    _graph: object = field(repr=False)
    _map: object = field(repr=False)
    _channels_first: bool = field(repr=False, default=False)

    def features(self, images):
        """The last map of a batch: (B, H, W, C) → (B, height, width, channels), a NumPy array."""
        parts = [run(self._graph, part, [self._map])[0] for part in chunks(images)]
        maps = np.concatenate([ops.convert_to_numpy(ops.cast(part, "float32")) for part in parts])
        return channels_last(maps, self._channels_first)

    def scores(self, features):
        """Scores before the last activation ("logits"): (B, height, width, C) → (B, classes)."""
        return features.mean((1, 2)) @ self.kernel + self.bias


def head(model):
    """The head of a classifier that ends in global average pooling and a linear part.

    Pooling is `GlobalAveragePooling2D`, an `AveragePooling2D` over the whole map or `keras.ops.mean` over its
    positions; behind it may stand dense layers, 1×1 convolutions, batch norms, dropout, reshaping, and at the
    very end activations, which are left out: the head's scores are what enters them. Models inside the model
    are looked into.

    Raises TypeError for what is no Keras model, ValueError naming the layer that makes the head no linear one.

    >>> import keras
    >>> x = keras.Input((8, 8, 3))
    >>> maps = keras.layers.Conv2D(4, 3, name="maps")(x)
    >>> pooled = keras.layers.GlobalAveragePooling2D(name="mean")(maps)
    >>> scores = keras.layers.Dense(10, activation="softmax", name="classes")(pooled)
    >>> head(keras.Model(x, scores))
    Head(pooling='mean', linear=('classes',))
    """
    graph, linear = graph_of(model), []
    for step in backwards(graph):
        operation = step.call.operation
        if isinstance(operation, _SILENT):
            continue
        if _pools(step):
            return _assembled(graph, step, linear[::-1])
        if _reshapes(step) or (_activates(operation) and not linear):
            continue
        _check_linear(step, linear)
        linear.append(step)
    raise ValueError(f"model {model.name!r} has no global pooling between its maps and its scores; {NEAREST}")


def _assembled(graph, pooling, linear):
    before, first = pooling.call.inputs[0], pooling.first
    channels = before.shape[1 if first else -1]
    kernel, bias = np.eye(channels), np.zeros(channels)
    for step in linear:
        factor, added = _matrix(step.call, kernel.shape[1])
        kernel, bias = kernel @ factor, bias @ factor + added
    names = tuple(step.name for step in linear)
    kernel, bias = kernel.astype("float32"), bias.astype("float32")
    return Head(pooling.name, names, kernel, bias, graph, before, first)


def _matrix(call, channels):
    """(C, F) and (F,) of a linear layer, asked of the layer itself: what it makes of 0 and of each unit."""
    probe = np.concatenate([np.zeros((1, channels)), np.eye(channels)]).astype("float32")
    probe = ops.convert_to_tensor(probe.reshape(-1, *call.inputs[0].shape[1:]))
    made = _without_activation(call.operation, probe)
    made = ops.convert_to_numpy(ops.cast(made, "float32")).reshape(channels + 1, -1).astype("float64")
    return made[1:] - made[0], made[0]


def _without_activation(layer, x):
    """The layer's result before its own activation, which a classifier's last layer may have."""
    own = getattr(layer, "activation", None)
    if own is None or own is keras.activations.linear:
        return layer(x)
    kernel = ops.cast(layer.kernel, x.dtype)
    bias = None if layer.bias is None else ops.cast(layer.bias, x.dtype)
    if isinstance(layer, GroupedPointwise):
        options = {"implementation": layer.chosen(x.shape), "data_format": layer.data_format}
        options |= {"strides": layer.strides, "step": layer.interleave, "bias": bias}
        return grouped_pointwise(x, kernel, layer.grouping, **options)
    made = ops.matmul(_flat(x), ops.reshape(kernel, (-1, kernel.shape[-1])))
    return made if bias is None else made + bias


def scores_before_activation(graph):
    """(tensor, function): the scores of any classifier are the function of that tensor.

    Raises ValueError where the model gives no (B, classes).
    """
    output = graph.functional.outputs[0]
    if len(output.shape) != 2:
        raise ValueError(f"model {graph.model.name!r} gives {output.shape}; a target is one of (B, classes)")
    tensor = output
    for step in backwards(graph):
        operation = step.call.operation
        if _rearranges(operation) and step.positions() != 1:
            break
        if _activates(operation) or isinstance(operation, _SILENT) or _rearranges(operation):
            tensor = step.call.inputs[0]
            continue
        if isinstance(operation, (layers.Dense, GroupedPointwise)) or _is_one_by_one(operation):
            return step.call.inputs[0], lambda x, layer=operation: _flat(_without_activation(layer, x))
        break
    return tensor, _flat


def _flat(x):
    return ops.reshape(x, (x.shape[0], -1))


def _pools(step):
    """Whether the step is the mean over all positions. Raises ValueError for other poolings to one position."""
    operation, before, after = step.call.operation, step.call.inputs[:1], step.call.outputs[0]
    if not before or len(before[0].shape) != 4:
        return False
    if isinstance(operation, layers.GlobalAveragePooling2D):
        return True
    if type(operation).__name__ == "Mean":
        axes = operation.axis if isinstance(operation.axis, (list, tuple)) else [operation.axis]
        return {axis % 4 for axis in axes if axis is not None} == ({2, 3} if step.first else {1, 2})
    whole = step.positions() != 1 and positions(after.shape, step.first) == 1
    if isinstance(operation, layers.AveragePooling2D) and whole:
        return operation.padding == "valid"
    if isinstance(operation, layers.GlobalMaxPooling2D) or (isinstance(operation, _OTHER_POOLING) and whole):
        raise ValueError(
            f"layer {step.name!r} ({type(operation).__name__}) keeps one position a channel: the others have "
            f"no share in the score, so no map adds up to it. GlobalAveragePooling2D would; {NEAREST}"
        )
    return False


def _reshapes(step):
    """Whether the step only rearranges one position's values. Raises ValueError where it takes several."""
    operation = step.call.operation
    if not _rearranges(operation):
        return False
    if step.positions() != 1:
        raise ValueError(
            f"layer {step.name!r} ({type(operation).__name__}) hands on every position for itself, not their "
            f"mean: one weight a channel can't be drawn as a map. Replace it by GlobalAveragePooling2D; "
            f"{NEAREST}"
        )
    return True


def _rearranges(operation):
    return isinstance(operation, _SHAPES) or type(operation).__name__ in ("Squeeze", "Reshape")


def _activates(operation):
    kind = type(operation).__name__
    known = {"Softmax", "LogSoftmax", "Sigmoid", "LogSigmoid", "Relu", "Relu6", "Tanh", "Silu", "HardSilu"}
    return isinstance(operation, _ACTIVATIONS) or (not isinstance(operation, keras.Layer) and kind in known)


def _is_one_by_one(operation):
    return type(operation) is layers.Conv2D and operation.kernel_size == (1, 1) and operation.groups == 1


def _check_linear(step, linear):
    """Raises ValueError for a step that is no linear layer on one position, or bends what is behind it."""
    operation, kind = step.call.operation, type(step.call.operation).__name__
    own = getattr(operation, "activation", None) or keras.activations.linear
    bends = own is not keras.activations.linear
    if len(step.call.inputs) != 1:
        reason = f"joins {len(step.call.inputs)} tensors behind the maps"
    elif kind not in _LINEAR or (kind == "Conv2D" and not (_is_one_by_one(operation) or not bends)):
        reason = "is not linear" if _activates(operation) else "is none of the layers known to be linear"
    elif bends and (linear or not hasattr(operation, "kernel")):
        reason = f"has an activation ({getattr(own, '__name__', own)}) before the last weights"
    elif step.positions() != 1:
        reason = "gives the scores as a map, without pooling behind it"
    else:
        return
    raise ValueError(
        f"layer {step.name!r} ({kind}) {reason}: a class activation map needs the mean over positions and "
        f"nothing but linear layers between the last map and the scores; {NEAREST}"
    )
