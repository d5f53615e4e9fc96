"""Every pointwise convolution of a Keras model replaced by interleaved grouped ones."""

import math
from typing import NamedTuple

import keras

from gpc import wiring
from gpc._checks import seed as checked_seed
from gpc.surgery.clones import FUSED, inner_layers, quickened
from gpc.surgery.graph import Copier, read
from gpc.surgery.pointwise import Heads, following, pointwise_layers, refusal, selector, sites
from gpc.surgery.replacement import Names, Replacement
from gpc.surgery.report import Report, Row, cost_of


class Regrouped(NamedTuple):
    """The new model, and the report of what was replaced: `model, report = regroup(…)`."""

    model: keras.Model
    report: Report


def regroup(
    model,
    channels_per_group=16,
    *,
    scheme="interleaved",
    second=True,
    where=None,
    per_pixel_dense=False,
    head=False,
    fused=True,
    seed=None,
):
    """A copy of a functional or sequential model whose pointwise convolutions are interleaved grouped ones.

    Each 1×1 `Conv2D` (strided too), the pointwise half of each `SeparableConv2D` and, with
    `per_pixel_dense=True`, each `Dense` on a map (B, H, W, C), together with the batch norm and the
    activation behind it, becomes what `gpc.wiring.plan` says: K, or K + interleave + L with a batch norm and
    an activation for each, and their sum; or it is kept, and the report says why. A layer or model called
    several times is replaced once and stays shared. (B, H, W, C) → (B, H, W, filters) as before; kernel
    parameters C · filters → m · filters for K and as many for L.

    Args:
        model: a functional or sequential model; models called inside it are searched too. It is left as it
            is.
        channels_per_group: m, how many input channels each filter reads.
        scheme: "interleaved" (Entropy 2022, any channel counts) or "divisible" (MENDEL 2022).
        second: whether the interleaving and L follow K where the scheme has them; False leaves K alone, to
            see what they are good for.
        where: which layers: a function of the layer, or a regular expression searched in its path
            ("backbone/conv").
        per_pixel_dense: whether to replace `Dense` layers that are applied at each pixel (ConvNeXt's are).
        head: whether to replace a classifier too: a pointwise layer with no weights between it and the
            model's output.
        fused: whether the new model's `BatchNormalization` and `DepthwiseConv2D` layers are
            `gpc.layers.FusedBatchNormalization` and `FusedDepthwiseConv2D`, the same weights and numbers in
            fewer passes on TensorFlow; False leaves Keras's own, and so does a model in which nothing is
            replaced.
        seed: of the new kernels' initial values; None draws them from Keras's global generator.

    Returns:
        `Regrouped(model, report)`. The model is not compiled. What is kept keeps its weights; what is new is
        trainable and starts anew, kernels by Glorot's uniform rule, as in the papers. Regularizers,
        constraints, bias, dtype policy and data format are the replaced layer's. Softmax stays behind the
        sum.

    Raises:
        TypeError: `model` is no Keras model, `channels_per_group` or `seed` no integer, `where` neither a
            text nor a function.
        ValueError: the model can't be read (subclassed, or without an input shape; the message names the
            layer), or `scheme`, `channels_per_group`, `where` or `seed` (from 0 to 2³² − 1) can't be used.

    Source: Schwarz Schuler et al., MENDEL 2022 and Entropy 2022. Theirs are functions that build a network;
    here a built one is changed. Extra filters (where groups do not divide them) share their group's kernel
    and batch norm here and are a convolution of their own there: the same function and the same count, drawn
    from another range.

    >>> import keras
    >>> x = keras.Input((8, 8, 96))
    >>> narrow = keras.layers.Conv2D(64, 1, use_bias=False, name="narrow")
    >>> block = keras.Model(x, keras.layers.ReLU()(narrow(x)))
    >>> regrouped, report = regroup(block, head=True)
    >>> report.parameters_before, report.parameters_after
    (6144, 2048)
    >>> [layer.name for layer in regrouped.layers][1:5]
    ['narrow_k', 'narrow_k_activation', 'narrow_interleave', 'narrow_l']
    """
    wiring.plan(1, 1, channels_per_group, scheme=scheme)
    seed = None if seed is None else checked_seed("seed", seed)
    root = read(model)
    calls = sites(root)
    found = pointwise_layers(calls)
    chosen, heads = selector(where, found), Heads(root, calls)
    names = Names(root.names())
    kept, replaced = {}, {}
    for index, item in enumerate(found):
        plan = wiring.plan(item.in_channels, item.filters, channels_per_group, scheme=scheme, second=second)
        reason = refusal(item, where=chosen, per_pixel_dense=per_pixel_dense, head=head, heads=heads)
        if reason or not plan.replaced:
            kept[id(item.layer)] = reason or f"stays dense: {plan.reason}"
            continue
        start = None if seed is None else (seed, index)
        parts = following(item, calls)
        options = {"names": names, "seed": start, "fused": fused}
        replaced[id(item.layer)] = Replacement(item, plan, parts, **options)
    name = f"{model.name}_{channels_per_group}ch"
    new = _rebuilt(root, replaced, name, fused=fused and bool(replaced))
    return Regrouped(new, _report(root, new, found, kept, replaced, (channels_per_group, scheme)))


def _rebuilt(root, replaced, name, *, fused):
    """The new model, its kept layers with their weights."""
    absorbed = {id(call) for item in replaced.values() for part in item.parts for call in part}
    quick = {}  # id of a kept layer: (it, the fused one in its place)

    def emit(call, args, kwargs):
        layer = call.operation
        if id(call) in absorbed:
            return args[0]
        if id(layer) in replaced:
            return replaced[id(layer)](args[0])
        if not (fused and type(layer) in FUSED):
            return None
        if id(layer) not in quick:
            quick[id(layer)] = (layer, quickened(layer))
        return quick[id(layer)][1](*args, **kwargs)

    def touches(graph):
        return any(id(call.operation) in replaced for call in graph.walk())

    copier = Copier(emit, touches)
    new = copier.model(root, name)
    copier.copy_weights()
    for old, new_one in quick.values():
        new_one.set_weights(old.get_weights())
    for item in replaced.values():
        item.copy_depthwise()
    return new


def _report(root, new, found, kept, replaced, options):
    """Rows and totals, from what was decided and from both models' costs."""
    costs = [cost_of(model) for model in (root.model, new)]
    macs = [cost and _of_one_image(cost) for cost in costs]
    ways = root.ways()
    rows = [_row(item, kept, replaced, macs, ways[id(item.layer)]) for item in found]
    rows += [row for calls in sites(root).values() for row in _hidden_rows(calls[0])]
    totals = [model.count_params() for model in (root.model, new)]
    trainable = [
        sum(math.prod(weight.shape) for weight in model.trainable_weights) for model in (root.model, new)
    ]
    unknown = costs[0].unknown if costs[0] else ()
    in_all = [cost and cost.macs // cost.batch for cost in costs]
    return Report(root.model.name, *options, tuple(rows), *totals, *trainable, *in_all, tuple(unknown))


def _of_one_image(cost):
    """{path: multiply-accumulates of one image}."""
    return {path: each.macs // cost.batch for path, each in cost.by_layer().items()}


def _row(item, kept, replaced, macs, ways):
    """One layer's row; its multiply-accumulates are those of every way that leads to it."""
    name, (before, after) = item.layer.name, macs
    folders = [way.removesuffix(name) for way in ways]
    own = before and sum(before.get(folder + name, 0) for folder in folders)
    if id(item.layer) in kept:
        parameters = item.layer.count_params()
        decision, reason, cost = "kept", kept[id(item.layer)], (parameters, parameters, own, own)
    else:
        new = replaced[id(item.layer)]
        decision, reason = new.plan.kind, str(new.plan).split(": ", 1)[1]
        parts = [layer.name for layer in new.convolutions]
        macs_after = after and sum(after[folder + part] for folder in folders for part in parts)
        cost = (new.parameters_before, new.parameters_after, own, macs_after)
    return Row(item.path, decision, reason, item.in_channels, item.filters, *cost)


def _hidden_rows(call):
    """Pointwise convolutions inside layers of other kinds, which can't be read."""
    for layer in inner_layers(call.operation):
        separable = isinstance(layer, keras.layers.SeparableConv2D)
        if separable or (isinstance(layer, keras.layers.Conv2D) and layer.kernel_size == (1, 1)):
            path = call.graph.path_of(call.operation)
            reason = f"inside {path} ({type(call.operation).__name__}), whose calls can't be read"
            size, kernel = layer.count_params(), layer.pointwise_kernel if separable else layer.kernel
            yield Row(f"{path}/{layer.name}", "kept", reason, *kernel.shape[-2:], size, size, None, None)
