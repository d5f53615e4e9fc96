"""Receptive fields: how many input pixels one output value can see."""

from dataclasses import dataclass

from gpc._checks import positive
from gpc.count import lookup, moves, windows
from gpc.count.inputs import symbolic_call
from gpc.count.traverse import Traverse, outputs_of, path_text


def receptive_field(layers):
    """Pixels across that one output of a chain sees: 1 + Σ (kernel − 1) · dilation · strides before it.

    `layers` is [(kernel, stride, dilation), …] from the input on; stride and dilation may be left out and are
    then 1.
    Raises ValueError for numbers below 1, TypeError for what is no integer.
    Source: Araujo, Norris, Sim, "Computing Receptive Fields of Convolutional Neural Networks", Distill 2019.

    >>> receptive_field([(3, 1, 1), (3, 1, 1)]), receptive_field([(5,)])
    (5, 5)
    >>> receptive_field([(3, 1, 1), (3, 1, 2), (3, 1, 4)])
    15
    """
    size, step = 1, 1
    for layer in layers:
        kernel, stride, dilation = (*layer, *(1, 1, 1)[len(layer) :])
        size += (positive("kernel", kernel) - 1) * positive("dilation", dilation) * step
        step *= positive("stride", stride)
    return size


@dataclass(frozen=True)
class Field:
    """What the outputs of one layer see of the input image.

    `rows` and `columns` hold (first, last) pixel for every position along the image's two axes; one pair
    where the layer has no map any more. `whole` says that besides these windows something computed from the
    entire map comes in, as squeeze-and-excitation's gates do: then every output sees all.
    """

    path: str
    kind: str
    rows: tuple
    columns: tuple
    whole: bool

    @property
    def size(self):
        """(height, width) in pixels of the largest window; the image's edges cut it."""
        return tuple(max(last - first + 1 for first, last in spans) for spans in (self.rows, self.columns))

    def window(self, row, column):
        """(top, bottom, left, right), pixels included, of what the output at (row, column) sees."""
        return (*self.rows[row], *self.columns[column])


def receptive_field_of(model, *, input_shape=None):
    """What each layer of a built Keras model sees of its input image: {path: Field} in the graph's order.

    Exact for the model's own paddings and the given size: windows are carried from layer to layer, branches
    united. Give a large `input_shape` for the size that edges do not cut. Paths that lead through a map of
    1×1 (gates) are kept apart, see `Field.whole`. A layer called twice has a second entry, "path (2)".

    Raises ValueError for a layer that moves pixels in a way not known, naming it, and for inputs that are no
    image.

    >>> import keras
    >>> first = keras.layers.Conv2D(4, 3, name="first")
    >>> second = keras.layers.Conv2D(4, 3, name="second")
    >>> model = keras.Sequential([keras.Input((32, 32, 3)), first, second])
    >>> fields = receptive_field_of(model)
    >>> fields["second"].size, fields["second"].window(0, 7)
    ((5, 5), (0, 4, 7, 11))
    """
    walk = FieldWalk()
    args, kwargs = symbolic_call(model, input_shape, 1)
    for tensor in lookup.flat([*args, *kwargs.values()]):
        walk.begin(tensor, model)
    walk.visit(model, args, kwargs, ())
    return walk.fields


class FieldWalk(Traverse):
    """The spans of every tensor so far, and the field of every layer."""

    def __init__(self):
        self.fields, self.spans, self.alive = {}, {}, []

    def begin(self, tensor, model):
        """An input image: each pixel sees itself."""
        import keras

        if len(tensor.shape) != 4:
            raise ValueError(f"receptive fields are of images; {model.name} takes {tuple(tensor.shape[1:])}")
        axes = (1, 2) if keras.config.image_data_format() == "channels_last" else (2, 3)
        self.keep(tensor, moves.Spans(*(windows.start(tensor.shape[axis]) for axis in axes), axes))

    def keep(self, tensor, spans):
        """Remember the spans of a tensor, and the tensor, so that its id stays its own."""
        self.spans[id(tensor)] = spans
        self.alive.append(tensor)

    def leaf(self, layer, args, kwargs, path):
        """One layer or operation: the spans of its outputs from those of its inputs."""
        outputs = outputs_of(layer, args, kwargs)
        tensors = [t for t in lookup.flat([*args, *kwargs.values()]) if id(t) in self.spans]
        inputs = [(tuple(t.shape), self.spans[id(t)]) for t in tensors]
        if not inputs:
            raise ValueError(f"{path_text(layer, path)}: no image reaches it by a way that is known")
        for tensor in lookup.flat(outputs):
            self.keep(tensor, moves.through(layer, inputs, tensor, path_text(layer, path)))
        self.note(layer, path, self.spans[id(lookup.flat(outputs)[0])])
        return outputs

    def opaque(self, layer, args, kwargs, path, why):
        """What cannot be looked into stops the walk."""
        raise ValueError(f"{path_text(layer, path)}: {why}")

    def note(self, layer, path, spans):
        """Write down the field of a layer's output, under a path not used before."""
        name, calls = path_text(layer, path), 1
        while name in self.fields:
            calls += 1
            name = f"{path_text(layer, path)} ({calls})"
        both = [(first.tolist(), last.tolist()) for first, last in (spans.rows, spans.columns)]
        rows, columns = (tuple(zip(first, last, strict=True)) for first, last in both)
        self.fields[name] = Field(name, type(layer).__name__, rows, columns, spans.whole)
