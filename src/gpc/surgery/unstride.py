"""Layers without their stride, and paddings that fit: what `skip_strides` puts in place of what was there."""

from keras import layers

from gpc.surgery.clones import clone


class Unstride:
    """Called for each call of a model: a new output for what loses its stride and for paddings, else None.

    `skipped` and `stem` hold ids of layers; those in `stem` lose their stride and keep their padding.
    """

    def __init__(self, skipped, stem):
        self.skipped, self.stem = skipped, stem
        self.copied, self.clones = [], {}
        self.unpadded, self.fitted = {}, set()

    def __call__(self, call, args, kwargs):
        if id(call.operation) in self.skipped:
            return self._unstrided(call, args[0])
        if isinstance(call.operation, layers.ZeroPadding2D) and self.skipped:
            return self._padded(call, args[0])
        return None

    def touches(self, graph):
        """Whether anything in the graph is to be changed."""
        return any(id(call.operation) in self.skipped for call in graph.walk())

    def _unstrided(self, call, x):
        layer, before = call.operation, id(call.inputs[0])
        if not hasattr(layer, "strides"):
            return self._clone(layer, size=_ones(layer.size))(x)
        changes = {"strides": _ones(layer.strides)}
        if getattr(layer, "output_padding", None) is not None:
            changes["output_padding"] = None
        if layer.padding == "valid" and id(layer) not in self.stem and before not in self.fitted:
            return self._clone(layer, padding="same", **changes)(self.unpadded.get(before, x))
        return self._clone(layer, **changes)(x)

    def _padded(self, call, x):
        """A ZeroPadding2D that fits the layers reading it, if they agree; a copy of it as it is, if not."""
        layer, output = call.operation, call.outputs[0]
        axes = (1, 2) if layer.data_format == "channels_last" else (2, 3)
        sizes = [[tensor.shape[axis] for axis in axes] for tensor in (call.inputs[0], x)]
        readers = call.graph.consumers(output)
        wanted = {self._wanted(reader.operation, layer.padding, *sizes) for reader in readers}
        self.unpadded[id(output)] = x
        if len(wanted) != 1 or None in wanted or call.graph.gives(output):
            return None
        self.fitted.add(id(output))
        return self._clone(layer, padding=wanted.pop())(x)

    def _wanted(self, reader, present, old, new):
        """The padding one reader wants: what keeps the size if its stride goes; None to leave it alone."""
        window = getattr(reader, "kernel_size", getattr(reader, "pool_size", None))
        if window is None or id(reader) in self.stem or getattr(reader, "padding", None) != "valid":
            return None
        dilation = getattr(reader, "dilation_rate", (1, 1))
        spans = [(size - 1) * apart + 1 for size, apart in zip(window, dilation, strict=True)]
        if id(reader) in self.skipped:
            return tuple(((span - 1) // 2, span // 2) for span in spans)
        if None in (*old, *new) or tuple(map(_same, old, spans, reader.strides)) != tuple(
            map(tuple, present)
        ):
            return None
        return tuple(map(_same, new, spans, reader.strides))

    def _clone(self, layer, **changes):
        """The layer with other settings, made once for the same ones."""
        key = (id(layer), str(changes))
        if key not in self.clones:
            self.clones[key] = clone(layer, **changes)
            self.copied.append((layer, self.clones[key]))
        return self.clones[key]


def _same(size, span, stride):
    """(before, after): the zeros that 'same' puts around `size` pixels for a window of `span`."""
    total = max((-(-size // stride) - 1) * stride + span - size, 0)
    return total // 2, total - total // 2


def _ones(sizes):
    return (1,) * len(sizes) if isinstance(sizes, (tuple, list)) else 1
