"""A model run call by call, so that every tensor inside it can be read, or nudged."""

import math
from typing import NamedTuple

import keras
import numpy as np
from keras.layers import Flatten

from gpc._checks import nearest
from gpc.surgery.graph import Call, given, read

NEAREST = "nearest: gpc.explain.grad_cam(model, image, target), which asks for no particular head"


class Step(NamedTuple):
    """One call on the way from a model's output back to its input; its name has those of outer models.

    `first` says whether its maps have their channels first.
    """

    call: Call
    name: str
    first: bool

    def positions(self):
        """How many positions the map has that it takes, see `positions`."""
        return positions(self.call.inputs[0].shape, self.first)


def graph_of(model):
    """The model's graph.

    Raises TypeError for what is no Keras model, ValueError for one whose calls can't be read, or that takes
    or gives several tensors.
    """
    graph = read(model)
    for tensors, what in ((graph.functional.inputs, "inputs"), (graph.functional.outputs, "outputs")):
        if len(tensors) != 1:
            raise ValueError(
                f"model {model.name!r} has {len(tensors)} {what}; a map explains one output of one image: "
                "cut it out with keras.Model(one_input, one_output)"
            )
    return graph


def channels_first(graph):
    """Whether images and maps of the graph are (B, C, H, W), by its layers, or Keras's setting if none tells.

    Raises ValueError naming two layers of which one has them first and one last.
    """
    found = {}
    for call in graph.walk():
        layout = getattr(call.operation, "data_format", None)
        takes_maps = call.inputs and len(call.inputs[0].shape) == 4
        # What flattens a single position may say either: where channels stand makes no difference to it.
        if layout and takes_maps and not isinstance(call.operation, Flatten):
            found.setdefault(layout, call.operation.name)
    if len(found) > 1:
        told = " and ".join(f"{layout} in {name!r}" for layout, name in found.items())
        raise ValueError(
            f"model {graph.model.name!r} has {told}, so where its maps' rows and columns are can't be told; "
            "nearest: the same data_format for all of its layers"
        )
    return (*found, keras.config.image_data_format())[0] == "channels_first"


def sides(shape, first):
    """(height, width) of the shape of maps or images, (B, H, W, C) or with the channels first."""
    return tuple(shape[2:4] if first else shape[1:3])


def positions(shape, first):
    """How many positions a map of this shape has; 1 for what is no map, None where its size is open."""
    found = sides(shape, first) if len(shape) == 4 else ()
    return None if None in found else math.prod(found)


def channels_last(maps, first):
    """(B, C, H, W), if `first`, or (B, H, W, C) → a view (B, H, W, C) of the NumPy array."""
    return np.moveaxis(maps, 1, -1) if first else maps


def backwards(graph):
    """The calls from the graph's output towards its input, nested models entered; ends where paths join."""
    tensor, around, first = graph.functional.outputs[0], [], channels_first(graph)
    while True:
        while around and tensor is graph.functional.inputs[0]:
            call, graph = around.pop()
            tensor = call.inputs[0]
        call = next((one for one in graph.calls if any(out is tensor for out in one.outputs)), None)
        if call is None:
            return
        inner = graph.nested.get(id(call.operation))
        if inner and len(inner.functional.inputs) == len(inner.functional.outputs) == 1:
            around.append((call, graph))
            graph, tensor = inner, inner.functional.outputs[0]
            continue
        yield Step(call, graph.path_of(call.operation), first)
        if len(call.inputs) != 1:
            return
        tensor = call.inputs[0]


def run(graph, images, wanted, nudge=None):
    """The values of the `wanted` tensors (anywhere in the graph and its nested models) for these images.

    `nudge`: (tensor, values to add to it), whose effect then shows in all that is computed from it. The run
    ends where everything wanted is known.
    """
    found = {}
    _run(graph, [keras.ops.convert_to_tensor(images)], {id(tensor) for tensor in wanted}, nudge, found)
    return [found[id(tensor)] for tensor in wanted]


def _run(graph, values, wanted, nudge, found):
    """The graph's outputs; `found` gathers what is wanted. None where nothing more is."""
    known = {}

    def keep(tensors, values):
        for tensor, value in zip(tensors, values, strict=True):
            if nudge is not None and tensor is nudge[0]:
                value = value + keras.ops.cast(nudge[1], value.dtype)
            known[id(tensor)] = value
            if id(tensor) in wanted:
                found[id(tensor)] = value

    keep(graph.functional.inputs, values)
    for call in graph.calls:
        if len(found) == len(wanted):
            return None
        args, kwargs = call.arguments.fill_in(known)
        inner = graph.nested.get(id(call.operation))
        if inner:
            new = _run(inner, given(inner, args, kwargs), wanted, nudge, found)
            if new is None:
                return None
        else:
            new = keras.tree.flatten(call.operation(*args, **kwargs))
        keep(call.outputs, new)
    return [known[id(tensor)] for tensor in graph.functional.outputs]


def tensor_of(graph, layer):
    """The output of a layer by its name or path, inside nested models too: the last call of it.

    Raises ValueError naming the nearest names, or the layer whose output is no map (B, height, width, C).
    """
    calls = [call for call in graph.walk() if isinstance(call.operation, keras.Layer)]
    paths = {call.graph.path_of(call.operation): call for call in calls}
    names = {call.operation.name: call for call in calls}
    call = paths.get(layer) or names.get(layer)
    if call is None:
        near = nearest(layer, paths, 3) or [*paths][-3:]
        raise ValueError(f"no layer {layer!r} in {graph.model.name!r}; the nearest are {', '.join(near)}")
    if len(call.outputs) != 1 or len(call.outputs[0].shape) != 4:
        last = [path for path, one in paths.items() if len(one.outputs[0].shape) == 4]
        raise ValueError(
            f"layer {layer!r} gives {call.outputs[0].shape}, no map (B, height, width, channels); the last "
            f"layer that gives one is {last[-1]!r}" if last else f"layer {layer!r} gives no map"
        )
    return call.outputs[0]
