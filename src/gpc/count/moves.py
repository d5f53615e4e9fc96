"""How a layer moves windows: from the spans of its inputs to the spans of its output."""

from dataclasses import dataclass

from gpc.count import lookup, windows, zero

CONVOLUTIONS = "Conv2D DepthwiseConv2D SeparableConv2D Conv2DTranspose".split()
POOLINGS = "AveragePooling2D MaxPooling2D".split()
PIXEL_KINDS = {"activation", "elementwise", "merge", "normalization", "reduction", "regularization", "scale"}
# Of those that move pixels about, the ones where equal sizes before and behind an axis tell which axis it is.
RESHAPING = set(
    """
    BroadcastTo Cast Concatenate ConvertToTensor Copy Dense EinsumDense ExpandDims Flatten GetItem Identity
    Masking Reshape Split Squeeze StopGradient Unstack
    """.split()
) | {name for name in zero.LAYERS if name.startswith("Global") and name.endswith("2D")}
# Of those, the ones that may pick or join along rows and columns, which is not followed.
PARTS = {"BroadcastTo", "Concatenate", "GetItem", "Split", "Unstack"}


@dataclass(frozen=True)
class Spans:
    """Rows and columns of one tensor, (first, last) arrays each.

    `axes` says where they lie (None: no map any more), `whole` whether something computed from the whole map
    came in.
    """

    rows: tuple
    columns: tuple
    axes: tuple
    whole: bool = False

    def over(self, function):
        """The same with `function(span, axis)` applied to rows and columns, as far as there is a map.

        Where there is none any more, every position sees the same, whatever window moves over it.
        """
        both = zip((self.rows, self.columns), self.axes)
        moved = [span if axis is None else function(span, axis) for span, axis in both]
        return Spans(*moved, self.axes, self.whole)


def through(layer, inputs, output, path):
    """The spans of `output`; `inputs` is [(shape, Spans), …]. Raises ValueError for what is not known."""
    name = type(layer).__name__ if not lookup.is_layer(layer) else lookup.known_name(layer)
    shape = tuple(output.shape)
    if callable(getattr(layer, "cost", None)):
        return _custom(layer, inputs, shape)
    if name in CONVOLUTIONS or name in POOLINGS:
        return _window(layer, name, inputs[0][1], shape)
    if name in ("ZeroPadding2D", "Cropping2D", "UpSampling2D"):
        return _placed(layer, name, inputs[0][1], shape)
    if name in ("Permute", "Transpose", "Swapaxes"):
        return _turned(layer, name, *inputs[0])
    kind = (zero.LAYERS if lookup.is_layer(layer) else zero.OPERATIONS).get(name)
    if kind in PIXEL_KINDS or name in RESHAPING:
        spans = _pixelwise(name, inputs, shape)
        if name not in PARTS or None not in spans.axes:
            return spans
    what = f"how {type(layer).__name__} moves pixels is not known"
    raise ValueError(f"{path}: {what}; ask a model that ends before it")


def _spatial(layer, axis):
    """Whether an axis is the layer's first or second spatial one."""
    return axis - (2 if getattr(layer, "data_format", None) == "channels_first" else 1)


def _window(layer, name, spans, shape):
    size = layer.pool_size if name in POOLINGS else layer.kernel_size
    dilation = (1, 1) if name in POOLINGS else layer.dilation_rate
    slide = windows.spread if name == "Conv2DTranspose" else windows.slide

    def move(span, axis):
        i = _spatial(layer, axis)
        step = {"kernel": size[i], "stride": layer.strides[i], "dilation": dilation[i]}
        return slide(span, shape[axis], padding=layer.padding, **step)

    return spans.over(move)


def _placed(layer, name, spans, shape):
    def move(span, axis):
        i = _spatial(layer, axis)
        if name == "UpSampling2D":
            return windows.enlarge(span, shape[axis], layer.interpolation)
        before = layer.padding[i][0] if name == "ZeroPadding2D" else -layer.cropping[i][0]
        return windows.move(span, shape[axis], before)

    return spans.over(move)


def _custom(layer, inputs, shape):
    """A layer with a `cost` of its own: 1×1 with its strides, unless it says otherwise."""
    kernel, stride, dilation = _pairs(layer)
    spans = _pixelwise("", inputs, inputs[0][0]) if len(inputs) > 1 else inputs[0][1]

    def move(span, axis):
        i = _spatial(layer, axis)
        return windows.slide(
            span, shape[axis], kernel=kernel[i], stride=stride[i], dilation=dilation[i], padding="same"
        )

    return spans.over(move)


def _pairs(layer):
    told = getattr(layer, "receptive_field", None)
    numbers = told() if callable(told) else (1, getattr(layer, "strides", 1), 1)
    return [tuple(n) if isinstance(n, tuple | list) else (n, n) for n in numbers]


def _turned(layer, name, shape, spans):
    """The axes change places, the windows stay."""
    rank = len(shape)
    if name == "Permute":
        order = (0, *layer.dims)
    elif name == "Swapaxes":
        order = list(range(rank))
        order[layer.axis1], order[layer.axis2] = order[layer.axis2], order[layer.axis1]
    else:
        order = layer.axes or range(rank)[::-1]
    order = [axis % rank for axis in order]
    axes = tuple(None if axis is None else order.index(axis) for axis in spans.axes)
    return Spans(spans.rows, spans.columns, axes, spans.whole)


def _pixelwise(name, inputs, shape):
    """Position by position; an axis that is no longer there is united into one window.

    What is smaller than the output is laid over all of it: a gate, computed from everything.
    """
    largest = max(len(spans.rows[0]) * len(spans.columns[0]) for _, spans in inputs)
    maps = [(s, spans) for s, spans in inputs if len(spans.rows[0]) * len(spans.columns[0]) == largest]
    first_shape, first = maps[0]
    axes = tuple(_kept(axis, first_shape, shape) for axis in first.axes)
    united = [windows.union(spans) for spans in zip(*((s.rows, s.columns) for _, s in maps))]
    rows, columns = (span if axis is not None else windows.whole(span) for span, axis in zip(united, axes))
    gated = len(maps) < len(inputs) or name == "GroupNormalization"
    return Spans(rows, columns, axes, gated or any(spans.whole for _, spans in inputs))


def _kept(axis, before, after):
    """Where an axis stands after a reshape: all sizes up to it unchanged, or all from it on; else None."""
    if axis is None:
        return None
    if before[: axis + 1] == after[: axis + 1]:
        return axis
    shifted = axis + len(after) - len(before)
    return shifted if shifted > 0 and before[axis:] == after[shifted:] else None
