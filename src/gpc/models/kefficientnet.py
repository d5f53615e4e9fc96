"""EfficientNet-B0 … B7 with grouped, interleaved pointwise convolutions."""

import keras
from keras import layers

from gpc.models.options import grouped, rate, skipped
from gpc.models.table import image
from gpc.surgery import change_layers
from gpc.surgery.graph import clone

__all__ = [
    "kEfficientNetB0",
    "kEfficientNetB1",
    "kEfficientNetB2",
    "kEfficientNetB3",
    "kEfficientNetB4",
    "kEfficientNetB5",
    "kEfficientNetB6",
    "kEfficientNetB7",
]

TABLES = {}

_EFFICIENTNET_STRIDES = (1, 2, 2, 2, 1, 2, 1)
_UNSCALED_BLOCKS = 16


_EFFICIENTNET_DOC = """EfficientNet-{} with grouped, interleaved pointwise convolutions.

    (B, H, W, 3) → (B, classes).

    Args:
        input_shape: (height, width, 3).
        classes: outputs of the softmax.
        channels_per_group: m; None keeps every pointwise layer dense, for comparison.
        skip_stride_cnt: −1 none, 0 the stem's stride left out, c > 0 also those of the first c stages; see
            `gpc.surgery.skip_strides`. 3 suits images of 32×32.
        scheme: "interleaved" (Entropy 2022) or "divisible" (MENDEL 2022).
        second: False leaves K alone.
        dropout: rate before the classifier, None the network's own.
        include_top: with the classifier, else (B, C), the last map pooled by `pooling` ("avg", "max"), or the
            map `(B, H', W', C)` itself where that is None.
        faithful: the published network: no rescaling and normalisation in it (give it images in 0 … 1, or
            normalised), no activation behind the top convolution, all pointwise kernels drawn by Glorot's
            rule, drop rates counted over 16 blocks, and 31×31 instead of 32×32 maps where the stem's stride
            is skipped. Otherwise it takes pixels of 0 … 255.

    Raises ValueError for an unknown scheme, a skip_stride_cnt below −1, or sizes that don't fit.
    Source: Tan and Le, 2019; Schwarz Schuler et al., MENDEL 2022 and Entropy 2022.
    """


def _kEfficientNet(letter):
    """The constructor of one of B0 … B7."""

    def build(
        input_shape=(224, 224, 3),
        classes=1000,
        *,
        channels_per_group=16,
        skip_stride_cnt=-1,
        scheme="interleaved",
        second=True,
        dropout=None,
        faithful=False,
        include_top=True,
        pooling="avg",
    ):
        net = getattr(keras.applications, f"EfficientNet{letter}")(
            include_top=include_top,
            weights=None,
            input_shape=image(input_shape),
            pooling=pooling,
            classes=classes,
            name=f"kefficientnet{letter.lower()}",
        )
        net = skipped(net, skip_stride_cnt, _efficientnet_levels, faithful)
        dropout = None if dropout is None else rate(dropout)
        if faithful or dropout is not None:
            blocks = sum(layer.name.endswith("_dwconv") for layer in net.layers)
            net = change_layers(net, lambda layer: _efficientnet_layer(layer, dropout, faithful, blocks))
        return grouped(net, channels_per_group, scheme, second)

    build.__name__ = build.__qualname__ = f"kEfficientNet{letter}"
    build.__doc__ = _EFFICIENTNET_DOC.format(letter)
    return build


(
    kEfficientNetB0,
    kEfficientNetB1,
    kEfficientNetB2,
    kEfficientNetB3,
    kEfficientNetB4,
    kEfficientNetB5,
    kEfficientNetB6,
    kEfficientNetB7,
) = (_kEfficientNet(f"B{number}") for number in range(8))


def _efficientnet_levels(count):
    """Stride levels that skip_stride_cnt=count leaves out: the stem's and those of the first stages."""
    return 1 + sum(stride > 1 for stride in _EFFICIENTNET_STRIDES[:count])


def _efficientnet_layer(layer, dropout, faithful, blocks):
    """What stands in this layer's place in the published network, or with another dropout."""
    if layer.name == "top_dropout":
        return layer if dropout is None else clone(layer, rate=dropout)
    if not faithful:
        return layer
    if isinstance(layer, (layers.Rescaling, layers.Normalization)) or layer.name == "top_activation":
        return None
    if isinstance(layer, layers.Dropout):
        return clone(layer, rate=layer.rate * blocks / _UNSCALED_BLOCKS)
    return _glorot(layer)


def _glorot(layer):
    """A pointwise convolution with Glorot's initial values, any other layer as it is."""
    if isinstance(layer, layers.Conv2D) and layer.kernel_size == (1, 1):
        return clone(layer, kernel_initializer="glorot_uniform")
    return layer
