"""The numbers of one layer and of a whole model, and the sums over them."""

from dataclasses import dataclass, fields

from gpc.count import tables


@dataclass(frozen=True)
class Cost:
    """What a layer, or several together, costs.

    `parameters` and `trainable`: numbers of weights. `macs`: multiply-accumulates of one call,
    `pointwise_macs` those of them that 1×1 convolutions do. `activation_bytes`: bytes of the tensors it hands
    on.

    >>> Cost(parameters=10, macs=640) + Cost(parameters=5, macs=60)
    Cost(parameters=15, trainable=0, macs=700, activation_bytes=0, pointwise_macs=0)
    """

    parameters: int = 0
    trainable: int = 0
    macs: int = 0
    activation_bytes: int = 0
    pointwise_macs: int = 0

    def __add__(self, other):
        if not isinstance(other, Cost):
            return NotImplemented
        return Cost(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(Cost)))

    def __radd__(self, other):
        return self if other == 0 else NotImplemented


@dataclass(frozen=True)
class LayerCost(Cost):
    """One call of one layer: where it stands, what goes in and out, what it costs.

    `path` leads to it through nested models, "backbone/block1/conv". Weights are counted at a layer's first
    call, so a shared layer has parameters once and multiply-accumulates at each call. Shapes are tuples of
    ints, batch first.
    """

    name: str = ""
    path: str = ""
    kind: str = ""
    input_shapes: tuple = ()
    output_shapes: tuple = ()


@dataclass(frozen=True)
class ModelCost:
    """What a model costs, layer by layer; made by `gpc.count.cost`.

    `layers` has a `LayerCost` for each call in the order of the graph; `unknown` the paths of layers whose
    arithmetic is not known (then `macs` is without them). `str()` is a text table, notebooks show an HTML
    one.
    """

    name: str
    batch: int
    layers: tuple
    unknown: tuple = ()

    @property
    def total(self):
        """The sum over all layers, a Cost."""
        return sum((_plain(row) for row in self.layers), Cost())

    @property
    def parameters(self):
        """All weights, each counted once."""
        return self.total.parameters

    @property
    def trainable(self):
        """The weights that training changes."""
        return self.total.trainable

    @property
    def macs(self):
        """Multiply-accumulates of one forward pass of the batch."""
        return self.total.macs

    @property
    def activation_bytes(self):
        """Bytes of all layers' outputs in one forward pass of the batch."""
        return self.total.activation_bytes

    @property
    def pointwise_share(self):
        """Fraction of the MACs done by 1×1 convolutions, dense layers on every position included."""
        return self.total.pointwise_macs / self.macs if self.macs else 0.0

    def by_kind(self):
        """{kind: Cost} over the kinds of layers, most MACs first."""
        return _grouped(self.layers, "kind")

    def by_layer(self):
        """{path: Cost} over the layers, most MACs first; the calls of a shared layer together."""
        return _grouped(self.layers, "path")

    def text(self, rows=40):
        """An aligned text table; of more than `rows` layers the costliest, in their order (None: all)."""
        return tables.text(self, rows)

    def html(self, rows=40):
        """An HTML table with caption and scoped headers; `rows` as in `text`."""
        return tables.html(self, rows)

    def __str__(self):
        return self.text()

    def _repr_html_(self):
        return self.html()


def _plain(row):
    return Cost(*(getattr(row, f.name) for f in fields(Cost)))


def _grouped(rows, attribute):
    sums = {}
    for row in rows:
        key = getattr(row, attribute)
        sums[key] = sums.get(key, Cost()) + _plain(row)
    return dict(sorted(sums.items(), key=lambda item: (-item[1].macs, -item[1].parameters)))
