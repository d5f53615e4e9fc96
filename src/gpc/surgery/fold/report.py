"""What folding did, layer by layer."""

from dataclasses import dataclass
from html import escape

import keras
from keras import layers

from gpc.layers import ChannelShuffle, InterleavedPointwise
from gpc.surgery.report import cost_of


@dataclass(frozen=True)
class FoldRow:
    """One layer: what became of it ("folded", "merged", "dropped", "left"), and how or why."""

    layer: str
    kind: str
    decision: str
    reason: str


@dataclass(frozen=True)
class FoldReport:
    """All layers that folding changed or might have, and the model's sizes before and after.

    Printed, a table; in a notebook, an HTML table with its caption. `layers_*` count every layer of nested
    models but no `InputLayer`; `macs_*` are None where the input has no fixed size.
    """

    model: str
    rows: tuple
    layers_before: int
    layers_after: int
    parameters_before: int
    parameters_after: int
    macs_before: int | None
    macs_after: int | None

    def of(self, decision):
        """The rows of one decision."""
        return tuple(row for row in self.rows if row.decision == decision)

    @property
    def caption(self):
        """One line: how many of what, and what it saved."""
        decisions = ("folded", "merged", "dropped", "left")
        counts = ", ".join(f"{len(self.of(name))} {name}" for name in decisions if self.of(name))
        sizes = f"layers {self.layers_before:,} → {self.layers_after:,}, "
        sizes += f"parameters {self.parameters_before:,} → {self.parameters_after:,}"
        if self.macs_before is not None and self.macs_after is not None:
            sizes += f", MACs {self.macs_before:,} → {self.macs_after:,}"
        return f"{self.model}: {counts or 'nothing to fold'}; {sizes}"

    def __str__(self):
        cells = [_HEADS, *map(_cells, self.rows)]
        widths = [max(len(line[i]) for line in cells) for i in range(3)]
        lines = [
            "  ".join(cell.ljust(width) for cell, width in zip(line, [*widths, 0], strict=True)).rstrip()
            for line in cells
        ]
        return "\n".join([self.caption, "", lines[0], "─" * min(110, max(map(len, lines))), *lines[1:]])

    def _repr_html_(self):
        heads = "".join(f'<th scope="col">{name}</th>' for name in _HEADS)
        body = "".join(map(_html_row, self.rows))
        return (
            f"<table><caption><span>{escape(self.caption)}</span></caption><thead><tr>{heads}</tr></thead>"
            f"<tbody>{body}</tbody></table>"
        )


_HEADS = ("layer", "kind", "decision", "how, or why not")


def _html_row(row):
    name, *others = map(escape, _cells(row))
    return f'<tr><th scope="row">{name}</th>{"".join(f"<td>{cell}</td>" for cell in others)}</tr>'


def _cells(row):
    return (row.layer, row.kind, row.decision, row.reason)


def report(root, new, found):
    """Rows in the order of the calls, and both models' sizes."""
    rows = {id(call): _row(call, "dropped", "does nothing at inference") for call in found.dropped}
    hidden = {id(call) for pair in found.merged for call in pair.calls}
    hidden |= {id(call) for chain in found.folded for call in chain.absorbed}
    rows |= {id(chain.call): _of_chain(chain) for chain in found.folded}
    rows |= {id(pair.add): _of_pair(pair, pair in found.merged) for pair in found.pairs}
    inferred = {id(call) for call in found.calls}
    for call in root.walk():
        reason = _left(call, found) if id(call) in inferred else _left_in_training(call)
        if reason:
            rows.setdefault(id(call), _row(call, "left", reason))
    in_order = (rows[id(call)] for call in root.walk() if id(call) in rows and id(call) not in hidden)
    sizes = [sum(map(_layers, model.layers)) for model in (root.model, new)]
    parameters = [model.count_params() for model in (root.model, new)]
    costs = map(cost_of, (root.model, new))
    macs = (cost and cost.macs // cost.batch for cost in costs)
    return FoldReport(root.model.name, tuple(in_order), *sizes, *parameters, *macs)


def _row(call, decision, reason):
    return FoldRow(call.graph.path_of(call.operation), type(call.operation).__name__, decision, reason)


def _of_chain(chain):
    return _row(chain.call, "folded", "with " + ", ".join(call.operation.name for call in chain.absorbed))


def _of_pair(pair, merged):
    k, l = pair.k.layer, pair.l.layer  # noqa: E741 - the paper's name
    dense = k.grouping.in_channels * k.filters
    both = k.grouping.macs_per_pixel + l.grouping.macs_per_pixel
    sizes = f"{dense:,} multiply-accumulates a pixel instead of {both:,}"
    if merged:
        return _row(pair.add, "merged", f"{k.name} and {l.name} are one matrix: {sizes}")
    return _row(pair.add, "left", f"{k.name} and {l.name} would be one matrix, but a slower one: {sizes}")


def _left(call, found):
    """Why a batch norm or a shuffle is still there; None for other layers."""
    layer = call.operation
    if isinstance(layer, InterleavedPointwise):
        return "its batch norms are inside it" if layer.normalization else None
    if isinstance(layer, ChannelShuffle):
        readers = call.graph.consumers(call.outputs[0])
        return f"read by {_named(readers) or 'the caller'}, which can't read in another order"
    if not isinstance(layer, layers.BatchNormalization):
        return None
    if call.options.get("training") is True:
        return "called with training=True"
    before = [each for each in call.graph.calls if any(out is call.inputs[0] for out in each.outputs)]
    if any(id(each) in found.shared for each in before):
        return f"{_named(before)} is called several times"
    return f"behind {_named(before) or 'an input'}, whose weights can't take it"


def _left_in_training(call):
    is_norm = isinstance(call.operation, layers.BatchNormalization)
    return "in a model that is called with training=True" if is_norm else None


def _named(calls):
    return ", ".join(f"{call.operation.name} ({type(call.operation).__name__})" for call in calls)


def _layers(layer):
    """How many layers this is: those in it, if it is a model; inputs are none."""
    if isinstance(layer, keras.Model):
        return sum(map(_layers, layer.layers))
    return int(not isinstance(layer, layers.InputLayer))
