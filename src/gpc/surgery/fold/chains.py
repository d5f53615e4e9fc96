"""What can be folded into what: found in a graph, decided, nothing built yet."""

from dataclasses import dataclass, field

import keras
import numpy as np
from keras import layers

from gpc.layers import ChannelShuffle, FusedBatchNormalization, GroupedPointwise, choose
from gpc.surgery.fold import linear

TRAINING_ONLY = (
    layers.Dropout, layers.SpatialDropout1D, layers.SpatialDropout2D, layers.SpatialDropout3D,
    layers.AlphaDropout, layers.GaussianDropout, layers.GaussianNoise, layers.ActivityRegularization,
    layers.Identity,
)  # fmt: skip
# Keras calls these with training=True unless told otherwise; a model called with training=False tells them.
AUGMENTING = (
    layers.RandomFlip, layers.RandomRotation, layers.RandomTranslation, layers.RandomZoom,
    layers.RandomContrast, layers.RandomBrightness,
)  # fmt: skip
_RELUS = {None: "relu", 6.0: "relu6"}


@dataclass
class Chain:
    """The only call of one of `linear.KINDS` and the calls behind it that it takes over.

    `scale` and `shift` are what the batch norms do, `end` the tensor that the new layer gives, `shuffle` the
    call of a ChannelShuffle in front of it, `activation` what it ends with, a Keras identifier or function.
    """

    call: object
    scale: np.ndarray
    shift: np.ndarray
    end: object
    taken: list = field(default_factory=list)
    shuffle: object = None
    activation: object = None

    @property
    def layer(self):
        return self.call.operation

    @property
    def step(self):
        """How the shuffle in front interleaves."""
        return step(self.shuffle) if self.shuffle else None

    @property
    def absorbed(self):
        """The calls that the layer's new self stands for as well."""
        return [*([self.shuffle] if self.shuffle else []), *self.taken]


@dataclass(frozen=True)
class Pair:
    """A K and an L with nothing but linear layers between, and the call of their sum."""

    k: Chain
    l: Chain  # noqa: E741 - the paper's name
    add: object

    @property
    def calls(self):
        """All that the one convolution stands for, but the sum, in whose place it comes."""
        return [call for chain in (self.k, self.l) for call in (chain.call, *chain.absorbed)]


def step(shuffle):
    """The interleaving step of a ChannelShuffle's call."""
    layer, tensor = shuffle.operation, shuffle.inputs[0]
    channels = tensor.shape[linear.channel_axis(layer, len(tensor.shape))]
    return layer.step or channels // layer.groups


def trains(call):
    """Whether the call asks to be run as in training."""
    return call.options.get("training") is True


def droppable(call):
    """Whether the call changes nothing at inference."""
    operation = call.operation
    linear_activation = getattr(operation, "activation", None) is keras.activations.linear
    idle = type(operation) in TRAINING_ONLY or (type(operation) is layers.Activation and linear_activation)
    idle = type(operation) in AUGMENTING or (idle and not trains(call))
    return idle and _alike(call.inputs, call.outputs)


def _alike(some, others):
    """Whether both are one tensor, of one shape and type."""
    return [(each.shape, each.dtype) for each in some] == [(each.shape, each.dtype) for each in others]


def chain(call):
    """The chain that begins at the call of one of `linear.KINDS`."""
    channels = call.outputs[0].shape[linear.channel_axis(call.operation, len(call.outputs[0].shape))]
    found = Chain(call, np.ones(channels), np.zeros(channels), call.outputs[0])
    follower = call.graph.follower(call) if linear.is_linear(call.operation) else None
    while follower is not None and _alike(call.outputs, follower.outputs):
        operation = follower.operation
        if _norm_of(follower, call):
            scale, shift = linear.affine(operation)
            found.scale, found.shift = found.scale * scale, found.shift * scale + shift
        elif activation := _activation(operation):
            found.activation = activation
        elif not droppable(follower):
            break
        found.taken.append(follower)
        found.end = follower.outputs[0]
        if found.activation:
            break
        follower = call.graph.follower(follower)
    if found.activation is None and all(map(droppable, found.taken)):
        found.taken, found.end = [], call.outputs[0]
    found.shuffle = _shuffle_before(call)
    return found


def _norm_of(follower, call):
    """Whether the follower is a batch norm over the channels of the layer called."""
    norm, ndim = follower.operation, len(call.outputs[0].shape)
    if type(norm) not in (layers.BatchNormalization, FusedBatchNormalization) or trains(follower):
        return False
    return norm.axis % ndim == linear.channel_axis(call.operation, ndim)


def _activation(operation):
    """The activation of an Activation or plain ReLU layer, None of others."""
    if type(operation) is layers.Activation and not isinstance(operation.activation, keras.Layer):
        return operation.activation
    if type(operation) is layers.ReLU and not operation.negative_slope and not operation.threshold:
        return _RELUS.get(operation.max_value)
    return None


def _shuffle_before(call):
    """The call of a ChannelShuffle whose output only this layer reads, and whose order it can take over."""
    layer, tensor = call.operation, call.inputs[0]
    shuffles = (each for each in call.graph.calls if type(each.operation) is ChannelShuffle)
    before = next((each for each in shuffles if each.outputs[0] is tensor), None)
    if before is None or call.graph.follower(before) is not call:
        return None
    ndim = len(tensor.shape)
    if linear.channel_axis(before.operation, ndim) != linear.channel_axis(layer, ndim):
        return None
    if type(layer) is GroupedPointwise:
        return before if layer.interleave is None else None
    plain = type(layer) in (layers.Dense, layers.Conv1D, layers.Conv2D, layers.Conv3D)
    return before if plain and getattr(layer, "groups", 1) == 1 else None


def pair(add, chains):
    """The K and L that `add` sums, where one dense convolution takes their place and less time; else None.

    chains: {id(tensor): the chain that gives it}.
    """
    if type(add.operation) is not layers.Add or len(add.inputs) != 2:
        return None
    ends = [chains.get(id(tensor)) for tensor in add.inputs]
    if None in ends or ends[0] is ends[1]:
        return None
    for k, l in (ends, ends[::-1]):  # noqa: E741 - the paper's name
        if _follows(l, k, add):
            return Pair(k, l, add)
    return None


def _follows(l, k, add):  # noqa: E741 - the paper's name
    """Whether l reads k alone, k is read by l and the sum alone, and nothing between them is not linear."""
    chained = [type(each.layer) is GroupedPointwise and linear.is_linear(each.layer) for each in (k, l)]
    if not all(chained) or k.activation or l.activation:
        return False
    graph, first, same = add.graph, l.shuffle or l.call, k.layer.data_format == l.layer.data_format
    if first.inputs[0] is not k.end or l.layer.strides != (1, 1) or not same:
        return False
    readers = {id(call) for call in graph.consumers(k.end)}
    alone = not graph.gives(k.end) and not graph.gives(l.end)
    return alone and readers == {id(first), id(add)} and graph.consumers(l.end) == [add]


def pays(found):
    """Whether one dense convolution takes no more time than K, interleaving, L and sum.

    It does where it has no more multiply-accumulates than both, and where K is computed as a dense product
    anyway (`gpc.layers.choose`): then L, the interleaving and the sum are saved.
    """
    k, l = found.k.layer, found.l.layer  # noqa: E741 - the paper's name
    grouped = k.grouping.macs_per_pixel + l.grouping.macs_per_pixel
    if k.grouping.in_channels * k.grouping.filters <= grouped:
        return True
    return k.chosen(found.k.call.inputs[0].shape) == "block_diagonal"
