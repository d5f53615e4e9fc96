"""A built model made ready for inference: batch norms in weights, nothing that only training needs."""

from typing import NamedTuple

import keras

from gpc.layers import GroupedPointwise
from gpc.surgery.clones import quickened
from gpc.surgery.fold import chains, linear
from gpc.surgery.fold.report import FoldReport, FoldRow, report
from gpc.surgery.graph import Copier, read
from gpc.surgery.pointwise import sites
from gpc.surgery.replacement import Names

__all__ = ["FoldReport", "FoldRow", "Folded", "fold"]


class Folded(NamedTuple):
    """The folded model, and the report of what was folded and left: `model, report = fold(…)`."""

    model: keras.Model
    report: FoldReport


def fold(model):
    """A copy of a functional or sequential model for inference: the same outputs from fewer layers.

    Each batch norm right behind a convolution (depthwise, separable, transposed and grouped ones too) or a
    `Dense` goes into its weights, and the activation behind that becomes the layer's own. Dropout, noise and
    random flips, which do nothing at inference, are left out. A `ChannelShuffle` in front of a
    `GroupedPointwise` becomes its `interleave`, in front of a dense layer an order of its weights. A K and an
    L of `regroup` with no activation between them, as in the projections of EfficientNet and MobileNetV2, are
    one matrix; where one dense convolution takes less time than K, interleaving, L and their sum, it takes
    their place. Folded depthwise layers are `gpc.layers.FusedDepthwiseConv2D`. Shapes stay; outputs are equal
    to rounding.

    Returns:
        `Folded(model, report)`; the report counts layers without `InputLayer`. What is called with
        `training=True` stays as it is, and so does a layer called several times. The copy can be trained no
        better than any network without batch norms: fold what has been trained.

    Raises:
        TypeError: `model` is no Keras model.
        ValueError: it can't be read (subclassed, or without an input shape).

    Source: the folding of batch norms is that of Jacob et al., "Quantization and training of neural networks
    for efficient integer-arithmetic-only inference", CVPR 2018, without the quantisation; that two linear
    branches are one matrix is Ding et al., "RepVGG", CVPR 2021.

    >>> import keras
    >>> x = keras.Input((8, 8, 3))
    >>> y = keras.layers.BatchNormalization()(keras.layers.Conv2D(4, 3, use_bias=False)(x))
    >>> y = keras.layers.Dropout(0.5)(keras.layers.ReLU()(y))
    >>> folded, report = fold(keras.Model(x, y))
    >>> [type(layer).__name__ for layer in folded.layers], report.layers_before
    (['InputLayer', 'Conv2D'], 4)
    """
    root = read(model)
    found = _Found(root)
    names = Names(root.names())
    passed = {id(call) for call in found.dropped}
    built, made = [], {}
    for pair in found.merged:
        passed |= {id(call) for call in pair.calls}
        made[id(pair.add)] = _merged(pair, names, built)
    for chain in found.folded:
        passed |= {id(call) for call in chain.absorbed}
        made[id(chain.call)] = _folded(chain, built)
    changed = passed | set(made)
    copier = Copier(_emit(passed, made), lambda graph: any(id(call) in changed for call in graph.walk()))
    new = copier.model(root, f"{model.name}_folded")
    copier.copy_weights()
    for layer, weights in built:
        layer.set_weights(weights)
    return Folded(new, report(root, new, found))


def _emit(passed, made):
    """What stands in place of a call: nothing, a new layer, or (None) a copy of the old one."""

    def emit(call, args, kwargs):
        if id(call) in made:
            first = args[0] if args else next(iter(kwargs.values()))
            return made[id(call)](first[0] if isinstance(first, (list, tuple)) else first)
        return args[0] if id(call) in passed else None

    return emit


class _Found:
    """What of a graph is dropped, merged, folded, and what is left with which reason: calls and chains."""

    def __init__(self, root):
        self.calls = list(_at_inference(root))
        times = {key: len(calls) for key, calls in sites(root).items()}
        self.dropped = [call for call in self.calls if chains.droppable(call)]
        known = [call for call in self.calls if linear.is_known(call.operation)]
        self.shared = {id(call) for call in known if times[id(call.operation)] > 1}
        found = [chains.chain(call) for call in known if id(call) not in self.shared]
        ends = {id(chain.end): chain for chain in found}
        self.pairs = [pair for call in self.calls if (pair := chains.pair(call, ends))]
        self.merged = [pair for pair in self.pairs if chains.pays(pair)]
        gone = {id(call) for pair in self.merged for call in pair.calls}
        self.folded = [chain for chain in found if chain.absorbed and id(chain.call) not in gone]


def _at_inference(graph, found=None):
    """Every call here and in nested models but those in models that are called as in training."""
    found = set() if found is None else found
    found.add(id(graph))
    for call in graph.calls:
        yield call
        inner = graph.nested.get(id(call.operation))
        if inner and id(inner) not in found and not chains.trains(call):
            yield from _at_inference(inner, found)


def _folded(chain, built):
    """The chain's layer with what it takes over in its weights; they are set once it has been called."""
    changes = {"use_bias": True}
    if chain.activation:
        changes["activation"] = chain.activation
    if chain.step and isinstance(chain.layer, GroupedPointwise):
        changes["interleave"] = chain.step
    new = quickened(chain.layer, **changes)
    built.append((new, linear.weights(chain.layer, chain.scale, chain.shift, chain.step)))
    return new


def _merged(pair, names, built):
    """The dense convolution that is K and L."""
    k, l = pair.k.layer, pair.l.layer  # noqa: E741 - the paper's name
    new = GroupedPointwise(
        k.filters,
        groups=1,
        strides=k.strides,
        data_format=k.data_format,
        dtype=k.dtype_policy,
        name=names(f"{k.name}l" if k.name.endswith("_k") else f"{k.name}_merged"),
    )
    both = (pair.k, pair.l)
    parts = [(each.layer.grouping, *linear.weights(each.layer, each.scale, each.shift)) for each in both]
    steps = [each.layer.interleave or each.step for each in both]
    built.append((new, linear.merged(*parts, *steps)))
    return new
