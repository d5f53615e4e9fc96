"""EfficientNet-B0's pointwise layers, grouped against dense and against Keras's own grouped convolution."""

import sys
from dataclasses import dataclass

import numpy as np

from gpc import wiring
from gpc._checks import positive
from gpc.bench.protocol import Comparison, compare
from gpc.bench.steps import forward, forward_backward

SIZES = {32: "32×32, three strides skipped, as the papers train on CIFAR-10", 224: "224×224, as published"}
DENSE_BAR, WIDE_BAR, KERAS_BAR = 1.2, 0.35, 10
BAR_LAYER = (672, 192)
AT_LEAST_MS = 20  # a single call of a millisecond times how threads wake up after the other layer, too


@dataclass(frozen=True)
class Row:
    """One layer's times.

    `forward` and `training` (forward + backward) compare GroupedPointwise with dense, `keras` Keras's grouped
    convolution with GroupedPointwise in the same groups (`keras_groups`), forward + backward, if timed.
    """

    in_channels: int
    filters: int
    pixels: int
    grouping: str
    implementation: str
    forward: Comparison
    training: Comparison
    keras_groups: int | None = None
    keras: Comparison | None = None

    @property
    def wide(self):
        """Whether the layer multiplies at least as much a pixel as 672 → 192."""
        return self.in_channels * self.filters >= BAR_LAYER[0] * BAR_LAYER[1]

    def cells(self):
        """What the table says of it, one string a column."""
        ratios = [f"{c.ratios['grouped']:.2f} ({'–'.join(f'{s:.2f}' for s in c.spread['grouped'])})"
                  for c in (self.forward, self.training)]  # fmt: skip
        keras = (
            f"{self.keras.ratios['Conv2D(groups)']:.1f}× at {self.keras_groups} groups" if self.keras else ""
        )
        name = f"{self.in_channels}→{self.filters}"
        dense_ms = f"{self.training.median_ms['dense']:.2f}"
        return [name, f"{self.pixels}²", self.implementation, dense_ms, *ratios, keras]

    def as_dict(self):
        """Plain numbers, for JSON."""
        plain = {
            key: getattr(self, key)
            for key in ("in_channels", "filters", "pixels", "grouping", "implementation")
        }
        timed = {key: getattr(self, key) for key in ("forward", "training", "keras")}
        found = {key: comparison.as_dict() if comparison else None for key, comparison in timed.items()}
        return {**plain, **found, "keras_groups": self.keras_groups}


def architecture(size=32):
    """EfficientNet-B0's distinct pointwise layers: [(in, filters, pixels), …].

    `pixels` is the map's side: at 32×32 with three strides skipped, or at 224×224.
    """
    import keras

    from gpc.surgery import skip_strides

    if size not in SIZES:
        raise ValueError(f"size={size} must be one of {', '.join(map(str, SIZES))}")
    model = keras.applications.EfficientNetB0(weights=None, input_shape=(size, size, 3), classes=10)
    model = skip_strides(model, 3) if size == 32 else model
    found = [
        (layer.input.shape[-1], layer.filters, layer.input.shape[1])
        for layer in model.layers
        if type(layer) is keras.layers.Conv2D and layer.kernel_size == (1, 1)
    ]
    return list(dict.fromkeys(found))


def pointwise_row(
    in_channels, filters, pixels, *, channels_per_group=16, batch=32, rounds=9, keras_rounds=3, seed=0
):
    """Time one layer: (batch, pixels, pixels, in_channels) → (batch, pixels, pixels, filters), as a `Row`.

    As in EfficientNet, a layer has a bias only in the gates, on 1×1 maps: batch norm follows the others.
    With keras_rounds=0, or where no two groups divide both channel counts, Keras's grouped convolution is
    left out.
    """
    import keras

    from gpc.layers import GroupedPointwise

    x = np.random.default_rng(seed).normal(size=(batch, pixels, pixels, in_channels)).astype("float32")
    bias = {"use_bias": pixels == 1}
    grouped = GroupedPointwise(filters, channels_per_group, **bias)
    pair = {"dense": keras.layers.Conv2D(filters, 1, **bias), "grouped": grouped}
    for layer in pair.values():
        layer.build(x.shape)
    dense = [_timed(step, pair, x, rounds) for step in (forward, forward_backward)]
    plan = wiring.plan(in_channels, filters, channels_per_group, scheme="divisible")
    about = (in_channels, filters, pixels, str(grouped.grouping), grouped.chosen(x.shape))
    if not (keras_rounds and plan.replaced):
        return Row(*about, *dense)
    groups = plan.k.groups
    pair = {
        "grouped": GroupedPointwise(filters, groups=groups, **bias),
        "Conv2D(groups)": keras.layers.Conv2D(filters, 1, groups=groups, **bias),
    }
    for layer in pair.values():
        layer.build(x.shape)
    return Row(*about, *dense, groups, _timed(forward_backward, pair, x, keras_rounds))


def _timed(step, layers, x, rounds):
    steps = {name: step(layer, x) for name, layer in layers.items()}
    return compare(steps, rounds=rounds, at_least_ms=AT_LEAST_MS)


def pointwise_layers(
    *, size=32, batch=32, channels_per_group=16, rounds=9, keras_rounds=3, only=None, progress=None
):
    """Time EfficientNet-B0's pointwise layers: → `Report`, whose str is the table and says which bars hold.

    Each distinct layer that splits, at `size` 32 (the papers' CIFAR-10 sizes) or 224: forward, and forward +
    backward, GroupedPointwise against Keras's dense layer; and, in `keras_rounds` rounds, Keras's grouped
    convolution against GroupedPointwise with the same groups. `only`: (in, filters) pairs to time, all by
    default. `progress` is called with a line for each layer timed; by default it is printed on the error
    stream.

    Raises ValueError for a size that is neither, or an `only` that names no layer.
    """
    from gpc.bench.report import Report, header

    progress = progress or (lambda line: print(line, file=sys.stderr, flush=True))
    batch, rounds = positive("batch", batch), positive("rounds", rounds)
    layers = [layer for layer in architecture(size) if only is None or layer[:2] in only]
    layers = [
        layer for layer in layers if _splits(*layer[:2], positive("channels_per_group", channels_per_group))
    ]
    if not layers:
        raise ValueError(f"only={only} names no pointwise layer of EfficientNet-B0 that splits")
    options = {"channels_per_group": channels_per_group, "batch": batch, "rounds": rounds}
    rows = []
    progress(header())
    for layer in layers:
        rows.append(pointwise_row(*layer, keras_rounds=keras_rounds if layer[2] > 1 else 0, **options))
        progress(Report.line(rows[-1]))
    return Report(tuple(rows), {"size": size, **options, "keras_rounds": keras_rounds})


def _splits(in_channels, filters, channels_per_group):
    return wiring.grouping(in_channels, filters, channels_per_group=channels_per_group).groups > 1
