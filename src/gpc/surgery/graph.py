"""A Keras model read as a list of calls, and copied call by call.

With clones.py the only file that touches what Keras keeps private: a functional model's nodes, and the class
it builds them for.
"""

from dataclasses import dataclass, field
from functools import cached_property

import keras

from gpc.surgery.clones import clone, finalize, inner_layers, named_weights


@dataclass(frozen=True, eq=False)
class Call:
    """One call of one operation: a layer, a nested model, or a bare `keras.ops` function."""

    graph: "Graph"
    operation: object
    arguments: object
    inputs: tuple
    outputs: tuple

    @property
    def options(self):
        """The keyword arguments that are no tensors: `training=False` and the like."""
        return {
            key: value
            for key, value in self.arguments.kwargs.items()
            if not any(isinstance(leaf, keras.KerasTensor) for leaf in keras.tree.flatten(value))
        }


@dataclass(eq=False)
class Graph:
    """A functional or sequential model as calls, inputs first; `nested` has the graphs of models in it."""

    model: keras.Model
    path: str
    functional: keras.Model
    calls: list = field(default_factory=list)
    nested: dict = field(default_factory=dict)

    @cached_property
    def _consumers(self):
        consumers = {}
        for call in self.calls:
            for tensor in call.inputs:
                consumers.setdefault(id(tensor), []).append(call)
        return consumers

    @cached_property
    def _givers(self):
        return {id(tensor): call for call in self.calls for tensor in call.outputs}

    @cached_property
    def _outputs(self):
        return {id(tensor) for tensor in self.functional.outputs}

    def consumers(self, tensor):
        """The calls that take `tensor`."""
        return self._consumers.get(id(tensor), [])

    def giver(self, tensor):
        """The call that gives `tensor`; None where it is an input."""
        return self._givers.get(id(tensor))

    def gives(self, tensor):
        """Whether `tensor` is one of the model's outputs."""
        return id(tensor) in self._outputs

    def path_of(self, operation):
        """The operation's name behind those of the models it lies in: "backbone/conv"."""
        return f"{self.path}/{operation.name}" if self.path else operation.name

    def walk(self, found=None):
        """Every call here and in nested models, in the order they are run; a model called twice once."""
        found = set() if found is None else found
        found.add(id(self))
        for call in self.calls:
            yield call
            inner = self.nested.get(id(call.operation))
            if inner and id(inner) not in found:
                yield from inner.walk(found)

    def names(self):
        """The names of all operations here and in nested models, inputs included."""
        nested = (inner.names() for inner in self.nested.values())
        return {operation.name for operation in self.functional.operations}.union(*nested)

    def ways(self, path="", found=None):
        """{id(operation): every path that leads to it}: several where models share it."""
        found = {} if found is None else found
        for call in self.calls:
            way = f"{path}/{call.operation.name}" if path else call.operation.name
            known = found.setdefault(id(call.operation), set())
            inner = self.nested.get(id(call.operation))
            if inner and way not in known:
                inner.ways(way, found)
            known.add(way)
        return found

    def follower(self, call):
        """The one call that takes this call's only output and nothing else; None where others take it too."""
        if len(call.outputs) != 1 or self.gives(call.outputs[0]):
            return None
        takers = self.consumers(call.outputs[0])
        return takers[0] if len(takers) == 1 and len(takers[0].inputs) == 1 else None


def read(model, path="", found=None):
    """The graph of `model` and of the models in it.

    Raises TypeError for what is no Keras model, ValueError naming the model whose calls can't be read.
    """
    found = {} if found is None else found
    if id(model) in found:
        return found[id(model)]
    graph = found[id(model)] = Graph(model, path, _functional(model, path))
    by_depth = graph.functional._nodes_by_depth
    for node in (node for depth in sorted(by_depth, reverse=True) for node in by_depth[depth]):
        if node.is_input:
            continue
        call = Call(graph, node.operation, node.arguments, tuple(node.input_tensors), tuple(node.outputs))
        graph.calls.append(call)
        if isinstance(call.operation, keras.Model):
            inner = read(call.operation, graph.path_of(call.operation), found)
            graph.nested[id(call.operation)] = inner
    return graph


def _functional(model, path):
    """The functional model that `model` is, or that runs inside it if it is sequential."""
    if not isinstance(model, keras.Model):
        raise TypeError(f"model must be a Keras model; received {type(model).__name__}: {model!r:.80}")
    where = f"layer {path!r}" if path else f"model {model.name!r}"
    if isinstance(model, keras.Sequential):
        try:
            return keras.Model(model.inputs, model.outputs, name=model.name)
        except (ValueError, AttributeError):
            raise ValueError(
                f"{where} is sequential and has no input shape yet: begin it with keras.Input(shape), "
                "or call build(input_shape) first"
            ) from None
    if not isinstance(model, keras.Function):
        raise ValueError(
            f"{where} is a subclassed model ({type(model).__name__}): which layers it calls is written in "
            "Python code that can't be read. Write it as keras.Model(inputs, outputs), or as a "
            "keras.layers.Layer if its inside is to stay as it is"
        )
    return model


class Copier:
    """Builds a copy of a graph with its own layers, and lets `emit` put something else in place of a call.

    `emit(call, args, kwargs)` returns a call's new outputs, or None to have a copy of the operation called.
    `touches` says whether anything in a graph is to change.
    """

    def __init__(self, emit, touches):
        self.emit, self.touches, self.clones, self.copied = emit, touches, {}, []

    def model(self, graph, name=None, like=None):
        """The copy of `graph`'s model; a sequential model stays one where nothing in it changes.

        `like`: the tensors it is to be called on first, whose sizes its inputs take where theirs were fixed.
        """
        inputs = [
            _input(*pair)
            for pair in zip(graph.functional.inputs, like or graph.functional.inputs, strict=True)
        ]
        name = name or graph.model.name
        if isinstance(graph.model, keras.Sequential) and not self.touches(graph):
            return keras.Sequential(
                [*inputs, *(self.clone(layer, graph) for layer in graph.model.layers)], name=name
            )
        tensors = dict(zip(map(id, graph.functional.inputs), inputs, strict=True))
        for call in graph.calls:
            args, kwargs = call.arguments.fill_in(tensors)
            args, kwargs = _positional(args, kwargs)
            new = self.emit(call, args, kwargs)
            if new is None:
                new = self.clone(call.operation, graph, (args, kwargs))(*args, **kwargs)
            tensors.update(zip(map(id, call.outputs), keras.tree.flatten(new), strict=True))
        ends = [
            keras.tree.map_structure(lambda tensor: tensors[id(tensor)], structure)
            for structure in (graph.functional.input, graph.functional.output)
        ]
        return _class_of(graph.model)(*ends, name=name)

    def clone(self, operation, graph, arguments=None):
        """The operation's own copy, made once: shared layers stay shared."""
        if id(operation) not in self.clones:
            inner = graph.nested.get(id(operation))
            like = given(inner, *arguments) if inner and arguments else None
            new = self.model(inner, like=like) if inner else clone(operation)
            if not inner and isinstance(operation, keras.Layer):
                self.copied.append((operation, new))
            self.clones[id(operation)] = new
        return self.clones[id(operation)]

    def copy_weights(self):
        """Gives every copied layer the weights of the layer it was copied from.

        Raises ValueError naming the layer whose weights no longer fit.
        """
        for old, new in self.copied:
            held = _in_order(old, new)
            shapes = [[tuple(weight.shape) for weight in weights] for weights in (held, new.weights)]
            if shapes[0] != shapes[1]:
                raise ValueError(
                    f"layer {old.name!r} held weights of shapes {shapes[0]} and now needs {shapes[1]}: a map "
                    "it reads has another size. Put keras.layers.GlobalAveragePooling2D in front of it, so "
                    "that it doesn't depend on the map's size"
                )
            if old.weights:
                new.set_weights([keras.ops.convert_to_numpy(weight) for weight in held])
            for part in (new, *inner_layers(new)):
                finalize(part)


def _in_order(old, new):
    """The old layer's weights in the order of the new one's, by name; as they are where names differ.

    A layer quantized after it was built holds what that added behind its bias, one built quantized before.
    """
    there, here = named_weights(old), named_weights(new)
    return [there[name] for name in here] if there.keys() == here.keys() else old.weights


def given(graph, args, kwargs):
    """The tensors that a graph's model is called on, in the order of its inputs; masks are none of them."""
    first = _positional(args, kwargs)[0][0]
    if isinstance(first, dict) and not isinstance(graph.functional.input, dict):
        first = [first[tensor.name] for tensor in graph.functional.inputs]
    return keras.tree.flatten(first)


def _positional(args, kwargs):
    """The first argument by position, as `layer(inputs=x)` has it by name."""
    if args or not kwargs:
        return args, kwargs
    name, *others = kwargs
    return (kwargs[name],), {other: kwargs[other] for other in others}


def _input(old, like):
    """A new input like the old one; sizes that were fixed are those of `like`."""
    layer = old._keras_history.operation
    shape = tuple(size and new for size, new in zip(old.shape, like.shape, strict=True))
    return type(layer).from_config({**layer.get_config(), "batch_shape": shape}).output


def _class_of(model):
    """The model's own class where its constructor takes inputs and outputs, else keras.Model."""
    own = type(model)
    same_constructor = own.__init__.__module__.startswith("keras.")
    return own if same_constructor and not isinstance(model, keras.Sequential) else keras.Model
