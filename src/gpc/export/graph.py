"""A Keras model as one TensorFlow graph of what depends on its input; all else is computed once and for all.

What is left in a graph for a converter to compute, it may not: LiteRT's leaves concatenated kernels in the
model, where int8 kernels then fail, and tf2onnx makes inputs out of the constants of Keras's `Normalization`.
"""

import contextlib
import os
from dataclasses import dataclass
from pathlib import Path

_MOVING = ("Placeholder", "TensorListReserve", "EmptyTensorList")


@dataclass(frozen=True)
class Frozen:
    """A TensorFlow GraphDef whose weights are constants, and the names of its input and output tensor."""

    graph: object
    input: str
    output: str


def checked(model, what):
    """The model. Raises TypeError, or ValueError for a backend or model that `what` cannot be made of."""
    import keras

    if not isinstance(model, keras.Model):
        raise TypeError(f"model must be a Keras model; received {type(model).__name__}")
    backend = keras.backend.backend()
    if backend != "tensorflow":
        raise ValueError(
            f"{what} is written by TensorFlow, and Keras runs on {backend} here: save the model with "
            f"model.save('{model.name}.keras') and export that file where KERAS_BACKEND=tensorflow"
        )
    if not model.built or len(getattr(model, "inputs", None) or ()) != 1 or len(model.outputs) != 1:
        raise ValueError(f"model {model.name!r} must be built, with one input and one output")
    shape = tuple(model.input_shape[1:])
    if None in shape:
        raise ValueError(
            f"model {model.name!r} takes inputs of any size {shape}, and {what} has a fixed one: "
            "build it with its sizes given"
        )
    for layer in model._flatten_layers():
        if layer.weights and layer.compute_dtype != "float32":
            raise ValueError(
                f"layer {layer.name!r} computes in {layer.compute_dtype}, and {what} is made of float32: "
                "build the model in float32 and give it these weights"
            )
    return model


def destination(path, suffix):
    """`path` as a Path.

    Raises TypeError for what is none, ValueError for another suffix, FileNotFoundError where its folder is not.
    """
    if not isinstance(path, str | os.PathLike):
        raise TypeError(f"path={path!r} must be a path, a string or pathlib's; nearest: 'model{suffix}'")
    path = Path(path)
    if path.suffix != suffix:
        raise ValueError(f"{path} must end in {suffix}; nearest: {path.with_suffix(suffix)}")
    if not path.resolve().parent.is_dir():
        raise FileNotFoundError(f"no folder {path.parent} to write {path.name} to; make it first")
    return path


def frozen(model, batch):
    """The model at inference as a `Frozen` graph: (batch, H, W, C) → what it ends in; batch None leaves it
    open."""
    import tensorflow as tf

    # The one door TensorFlow has to this; its own LiteRT converter goes through it.
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    spec = tf.TensorSpec((batch, *model.input_shape[1:]), tf.float32, name="images")
    with _native(model):
        traced = tf.function(lambda images: model(images, training=False), autograph=False)
        concrete = traced.get_concrete_function(spec)
        # A recurrent layer's loop stays one operation with a function of its own, as both formats have it.
        constant = convert_variables_to_constants_v2(concrete, lower_control_flow=False)
    return Frozen(_folded(constant), constant.inputs[0].name, constant.outputs[0].name)


@contextlib.contextmanager
def _native(model):
    """Grouped convolutions for the while, and depthwise ones as such, whatever is fastest here: the results
    are the same, files smaller, and both formats have them."""
    from gpc.layers import FusedDepthwiseConv2D, GroupedPointwise

    settings = ((GroupedPointwise, "implementation", "native"), (FusedDepthwiseConv2D, "fused", False))
    with contextlib.ExitStack() as after:
        for layer in model._flatten_layers():
            for kind, name, value in settings:
                if isinstance(layer, kind):
                    after.callback(setattr, layer, name, getattr(layer, name))
                    setattr(layer, name, value)
        yield


def _folded(function):
    """The function's GraphDef, what no input reaches replaced by its value."""
    import tensorflow as tf

    whole = function.graph.as_graph_def()
    kept = _needed({node.name: node for node in whole.node}, function.outputs[0].op.name)
    moving = _moving(kept)
    computed = sorted(
        {
            name
            for node in moving.values()
            for name in _data(node)
            if _node(name) not in moving and kept[_node(name)].op != "Const"
        }
    )
    values = function.prune([], [function.graph.get_tensor_by_name(_tensor(name)) for name in computed])()
    graph = tf.compat.v1.GraphDef(versions=whole.versions, library=whole.library)
    for name, value in zip(computed, values, strict=True):
        constant = graph.node.add(name=_constant(name), op="Const")
        constant.attr["dtype"].type = value.dtype.as_datatype_enum
        constant.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(value.numpy()))
    renamed = {name: _constant(name) for name in computed}
    for node in kept.values():
        if node.name in moving or node.op == "Const":
            copy = graph.node.add()
            copy.CopyFrom(node)
            copy.ClearField("input")
            copy.input.extend(renamed.get(name, name) for name in _data(node))
    return graph


def _needed(nodes, output):
    """{name: node} of what leads to the output; without control edges, for nothing here has side effects."""
    found, todo = {}, [output]
    while todo:
        name = todo.pop()
        if name not in found:
            found[name] = nodes[name]
            todo += map(_node, _data(nodes[name]))
    return found


def _moving(nodes):
    """{name: node} of what depends on a placeholder, the model's input, or is a list that a loop fills: none
    has a constant's value."""
    readers = {name: [] for name in nodes}
    for node in nodes.values():
        for name in _data(node):
            readers[_node(name)].append(node.name)
    found, todo = {}, [node.name for node in nodes.values() if node.op in _MOVING]
    while todo:
        name = todo.pop()
        if name not in found:
            found[name] = nodes[name]
            todo += readers[name]
    return found


def _data(node):
    return [name for name in node.input if not name.startswith("^")]


def _node(name):
    return name.split(":")[0]


def _tensor(name):
    return name if ":" in name else f"{name}:0"


def _constant(name):
    return f"{name.replace(':', '_')}_computed"
