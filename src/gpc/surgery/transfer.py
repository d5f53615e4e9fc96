"""Weights carried from one built model to another, as far as they fit, and a report of what was not."""

import math
from dataclasses import dataclass

import keras
import numpy as np

from gpc.surgery.clones import finalize, inner_layers, named_weights
from gpc.surgery.report import aligned, html_table, separated, short


@dataclass(frozen=True)
class Transferred:
    """One layer of the target: how many of its numbers were copied, of how many, and why not all."""

    layer: str
    copied: int
    parameters: int
    weights: tuple
    reason: str


_HEADS = ("layer", "copied", "of", "why not")
_NUMBERS = (1, 2)


@dataclass(frozen=True)
class Transfer:
    """What `transfer_weights` did: a row for each layer of the target that holds weights.

    `unused` has the paths of the source's layers of which nothing was taken. Printed, a table; in a notebook,
    an HTML table with its caption.
    """

    source: str
    target: str
    rows: tuple
    unused: tuple

    @property
    def copied(self):
        """How many numbers were copied."""
        return sum(row.copied for row in self.rows)

    @property
    def parameters(self):
        """How many numbers the target holds."""
        return sum(row.parameters for row in self.rows)

    @property
    def complete(self):
        """The rows of layers copied whole."""
        return tuple(row for row in self.rows if row.copied == row.parameters)

    @property
    def left(self):
        """The rows of layers that keep some or all of the weights they had."""
        return tuple(row for row in self.rows if row.copied < row.parameters)

    @property
    def caption(self):
        """One line: from where to where, and how much."""
        share = f" ({self.copied / self.parameters:.1%})" if self.parameters else ""
        unused = f"; {len(self.unused)} layers of {self.source} not used" if self.unused else ""
        return (
            f"{self.source} → {self.target}: {self.copied:,} of {self.parameters:,} weights copied{share}, "
            f"{len(self.complete)} layers whole, {len(self.left)} not{unused}"
        )

    def csv(self):
        """The rows as comma-separated values, one line a layer under a line of names."""
        return separated(Transferred, self.rows)

    def __str__(self):
        lines = [(*cells[:-1], short(cells[-1])) for cells in self._lines()]
        return aligned(self.caption, lines, _NUMBERS)

    def _repr_html_(self):
        return html_table(self.caption, self._lines(), _NUMBERS)

    def _lines(self):
        rows = [(row.layer, f"{row.copied:,}", f"{row.parameters:,}", row.reason) for row in self.rows]
        return [_HEADS, *rows, ("whole model", f"{self.copied:,}", f"{self.parameters:,}", "")]


def transfer_weights(source, target):
    """Copies into `target` every weight of `source` that still fits, and returns a report of all others.

    Layers are matched by name, in nested models by the names on the way there ("backbone/conv"), their
    weights by name and shape: kernel (3, 3, 64, 128) → kernel (3, 3, 64, 128). LoRA's adapters are added to
    the kernel of a target without. What doesn't fit stays as it was. `target` is changed in place, `source`
    is not. Costs a copy of the weights, no arithmetic.

    So a network trained dense gives its spatial convolutions, stem and head to the one that `regroup` makes
    of it elsewhere, and a regrouped one all but its head to one with other classes.

    Returns:
        `Transfer`: a row for each layer of the target with how many numbers were copied and why not all, a
        layer missing in the source, a shape that differs or weights of which only one of both has any;
        `unused` names the source's layers of which nothing was taken.

    Raises:
        TypeError: one of the two is no Keras model.
        ValueError: one of the two is not built, so holds no weights yet.

    >>> import keras
    >>> def network(classes):
    ...     x = keras.Input((8, 8, 3))
    ...     y = keras.layers.Conv2D(16, 3, name="stem")(x)
    ...     y = keras.layers.GlobalAveragePooling2D()(y)
    ...     return keras.Model(x, keras.layers.Dense(classes, name="head")(y), name=f"of_{classes}")
    >>> report = transfer_weights(network(10), network(3))
    >>> report.copied, report.parameters
    (448, 499)
    >>> print(report.left[0].reason)
    kernel: (16, 10) there, (16, 3) here; bias: (10,) there, (3,) here
    """
    given, wanted = _by_path(_checked("source", source)), _by_path(_checked("target", target))
    rows, taken, done = [], set(), set()
    for path, layer in wanted.items():
        if id(layer) in done:
            continue
        done.add(id(layer))
        weights, reason = _copied(given.get(path), layer)
        numbers = {name: math.prod(weight.shape) for name, weight in named_weights(layer).items()}
        copied = sum(numbers[name] for name in weights)
        rows.append(Transferred(path, copied, sum(numbers.values()), tuple(weights), reason))
        taken |= {id(given[path])} if copied else set()
    unused = dict.fromkeys(path for path, layer in given.items() if id(layer) not in taken)
    return Transfer(source.name, target.name, tuple(rows), tuple(unused))


def _checked(name, model):
    if not isinstance(model, keras.Model):
        raise TypeError(f"{name} must be a Keras model; received {type(model).__name__}: {model!r:.80}")
    if not model.built:
        raise ValueError(
            f"{name} {model.name!r} is not built and holds no weights yet: call it on data once, or "
            "model.build((None, 32, 32, 3))"
        )
    return model


def _by_path(model, path=""):
    """{path: layer} of all layers that hold weights, those of nested models by the way there."""
    found = {}
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            found |= _by_path(layer, f"{path}{layer.name}/")
        elif layer.weights:
            found[path + layer.name] = layer
    return found


def _copied(old, new):
    """(names of the weights that `new` took from `old`, why not all of them)."""
    if old is None:
        return [], "no layer of this name there"
    there, here = named_weights(old), named_weights(new)
    adapted = any("lora_" in name for name in here)
    merged = {} if adapted else _with_adapters(old)
    there = {name: weight for name, weight in there.items() if merged.get(id(weight), weight) is not None}
    if [_kind(weight) for weight in there.values()] == [_kind(weight) for weight in here.values()]:
        there = dict(zip(here, there.values(), strict=True))  # layers inside may be numbered otherwise
    reasons = {name: _misfit(there.get(name), weight) for name, weight in here.items()}
    fitting = [name for name, reason in reasons.items() if not reason]
    for name in fitting:
        # A copy: on JAX a training step may give away the memory of the array it is handed.
        here[name].assign(np.array(keras.ops.convert_to_numpy(merged.get(id(there[name]), there[name]))))
    for part in (new, *inner_layers(new)) if fitting else ():
        finalize(part)
    reasons |= {name: f"{tuple(there[name].shape)} there, none here" for name in there if name not in here}
    return fitting, "; ".join(f"{name}: {reason}" for name, reason in reasons.items() if reason)


def _with_adapters(layer):
    """{id(weight): what it is with LoRA's adapters added, None for an adapter}; nothing without LoRA."""
    found = {}
    for part in (layer, *inner_layers(layer)):
        if getattr(part, "lora_enabled", False) and not getattr(part, "quantization_mode", None):
            name = "embeddings" if hasattr(part, "embeddings") else "kernel"
            found |= {id(weight): None for weight in part.weights if weight.name.startswith("lora_")}
            found[id(getattr(part, f"_{name}"))] = getattr(part, name)
    return found


def _misfit(old, new):
    """Why one weight can't be copied into another; empty where it can."""
    if old is None:
        return f"none there, {tuple(new.shape)} here"
    if tuple(old.shape) != tuple(new.shape):
        return f"{tuple(old.shape)} there, {tuple(new.shape)} here"
    whole = ["int" in weight.dtype for weight in (old, new)]
    return f"{old.dtype} there, {new.dtype} here" if whole[0] != whole[1] else ""


def _kind(weight):
    return weight.name, tuple(weight.shape), "int" in weight.dtype
