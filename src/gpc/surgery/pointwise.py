"""Which layers of a model are pointwise convolutions, what follows each, and which are kept, and why."""

import re
from dataclasses import dataclass

import keras
from keras import layers

from gpc._checks import nearest

_ACTIVATION_LAYERS = (layers.Activation, layers.ReLU, layers.LeakyReLU, layers.ELU, layers.PReLU)
_ACTIVATION_OPS = {
    "Celu", "Elu", "Gelu", "HardShrink", "HardSigmoid", "HardSilu", "HardTanh", "LeakyRelu", "LogSigmoid",
    "Relu", "Relu6", "Selu", "Sigmoid", "Silu", "SoftShrink", "Softplus", "Softsign", "SparsePlus",
    "SparseSigmoid", "Squareplus", "Tanh", "TanhShrink", "Threshold",
}  # fmt: skip
_CONVOLUTIONS = (layers.Conv1D, layers.Conv2D, layers.Conv3D, layers.Conv2DTranspose)
_ACROSS_CHANNELS = {"softmax", "log_softmax", "sparsemax", "glu"}


@dataclass(frozen=True)
class Pointwise:
    """A layer that computes a 1×1 convolution, or has one as its second half, and every call of it."""

    layer: keras.Layer
    path: str
    calls: tuple

    @property
    def separable(self):
        """Whether a depthwise convolution comes first, in the same layer."""
        return isinstance(self.layer, layers.SeparableConv2D)

    @property
    def kernel(self):
        """The 1×1 kernel: (1, 1, in_channels, filters), or (in_channels, filters) of a Dense."""
        return self.layer.pointwise_kernel if self.separable else self.layer.kernel

    @property
    def in_channels(self):
        return self.kernel.shape[-1 if isinstance(self.layer, layers.Conv2DTranspose) else -2]

    @property
    def filters(self):
        return self.kernel.shape[-2 if isinstance(self.layer, layers.Conv2DTranspose) else -1]

    @property
    def across(self):
        """Whether its own activation looks at all channels at once, as softmax does."""
        return looks_across(self.layer)


def sites(root):
    """Every call of every operation in the graph and those nested in it: {id(operation): [Call, …]}."""
    found = {}
    for call in root.walk():
        found.setdefault(id(call.operation), []).append(call)
    return found


def pointwise_layers(calls):
    """The pointwise layers among `sites(root)` in the order of their first call, Dense on maps included."""
    found = []
    for group in calls.values():
        layer, graph = group[0].operation, group[0].graph
        if _is_pointwise(layer, group):
            found.append(Pointwise(layer, graph.path_of(layer), tuple(group)))
    return found


def _is_pointwise(layer, calls):
    if isinstance(layer, layers.SeparableConv2D):
        return True
    if isinstance(layer, layers.Dense):
        return all(len(call.inputs[0].shape) == 4 for call in calls)
    return isinstance(layer, _CONVOLUTIONS) and set(layer.kernel_size) == {1}


def refusal(found, *, where, per_pixel_dense, head, heads):
    """Why this layer is kept whatever its channels are, or None."""
    layer = found.layer
    if not where(layer, found.path):
        return "not selected by where"
    if getattr(layer, "groups", 1) > 1:
        return f"grouped already: groups={layer.groups}"
    if type(layer) not in (layers.Conv2D, layers.SeparableConv2D, layers.Dense):
        if isinstance(layer, (layers.Conv1D, layers.Conv3D)):
            return f"{type(layer).__name__}: only two-dimensional convolutions are replaced"
        if isinstance(layer, layers.Conv2DTranspose):
            return f"{type(layer).__name__}: transposed; at stride 1 a Conv2D does the same and is replaced"
        return f"{type(layer).__name__} is a subclass: what it adds to its parent can't be carried over"
    if layer.activation is keras.activations.glu:
        return "its activation (glu) halves the channels"
    if getattr(layer, "quantization_mode", None) or getattr(layer, "lora_enabled", False):
        return "its kernel is quantized or has LoRA weights beside it"
    if isinstance(layer, layers.Dense) and not per_pixel_dense:
        return "a Dense applied at each pixel; per_pixel_dense=True replaces it"
    if not head and any(heads(call) for call in found.calls):
        return "the classifier: no weights between it and the model's output; head=True replaces it"
    return None


def selector(where, found):
    """`where` as a function of (layer, path): all, those a regular expression finds, or a callable's.

    Raises TypeError for anything else, ValueError for a text that is none or that matches no pointwise layer.
    """
    if where is None:
        return lambda layer, path: True
    if callable(where):
        return lambda layer, path: bool(where(layer))
    if not isinstance(where, str):
        raise TypeError(f"where must be a function of a layer or a regular expression; received {where!r}")
    try:
        pattern = re.compile(where)
    except re.error as error:
        raise ValueError(f"where={where!r} is no regular expression: {error}") from None
    if found and not any(pattern.search(item.path) for item in found):
        paths = [item.path for item in found]
        near = nearest(where, paths, 3) or paths[:3]
        raise ValueError(
            f"where={where!r} matches no pointwise layer; the nearest names are {', '.join(near)}"
        )
    return lambda layer, path: bool(pattern.search(path) or pattern.search(layer.name))


class Heads:
    """Whether a call yields one of the model's outputs with nothing learned after it.

    Followed forward, its result meets only calls that take one tensor and hold no weights (activation,
    pooling, reshape, dropout, softmax) until it is an output of the outermost model. A squeeze-excite layer
    is none (it joins the map it scales), nor is a convolution with a batch norm behind it.
    """

    def __init__(self, root, calls):
        self.root, self.calls = root, calls

    def __call__(self, call):
        return len(call.outputs) == 1 and self._ends(call.graph, call.outputs[0])

    def _ends(self, graph, tensor):
        takers = graph.consumers(tensor)
        leaves = graph.gives(tensor) and self._model_ends(graph)
        if not takers:
            return leaves
        plain = all(len(c.inputs) == 1 and not getattr(c.operation, "weights", None) for c in takers)
        return plain and (leaves or not graph.gives(tensor)) and all(map(self, takers))

    def _model_ends(self, graph):
        if graph is self.root:
            return True
        return any(map(self, self.calls.get(id(graph.model), [])))


def following(found, calls):
    """The batch norm and the activation to be replaced with the layer: [(operation, options), …].

    The batch norm counts if it takes every result of the layer, nothing else does, and it is called nowhere
    else; so does an activation that holds weights. An activation without may serve elsewhere as well. A layer
    with an activation of its own ends there: what follows stays, once, behind the sum.
    """
    if found.layer.activation is not keras.activations.linear:
        return []
    parts, at = [], [call.graph.follower(call) for call in found.calls]
    for kinds in ((layers.BatchNormalization,), _ACTIVATION_LAYERS):
        if not _same(at):
            break
        operation = at[0].operation
        if not isinstance(operation, kinds) and not (
            kinds is _ACTIVATION_LAYERS and _is_activation(operation)
        ):
            continue
        weighs = bool(getattr(operation, "weights", None))
        if looks_across(operation) or (weighs and len(calls[id(operation)]) != len(at)):
            break
        parts.append(tuple(at))
        at = [call.graph.follower(call) for call in at]
    return parts


def _same(at):
    """Whether the followers of all calls are one operation called alike."""
    if any(call is None for call in at):
        return False
    return len({id(call.operation) for call in at}) == 1 and all(call.options == at[0].options for call in at)


def _is_activation(operation):
    return not isinstance(operation, keras.Layer) and type(operation).__name__ in _ACTIVATION_OPS


def looks_across(layer):
    """Whether the layer's activation needs all channels at once (softmax)."""
    function = getattr(layer, "activation", None)
    return getattr(function, "__name__", "") in _ACROSS_CHANNELS or isinstance(function, layers.Softmax)
