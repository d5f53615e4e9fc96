"""The k-networks: networks of keras.applications with their pointwise convolutions grouped and interleaved.

Named and called as in k-neural-api, where `channels_per_group=16` is `kType=D6v3_16ch()` (scheme
"interleaved", Entropy 2022) or `kType=D6_16ch()` (scheme "divisible", MENDEL 2022). With `faithful=True` they
are the published networks, otherwise keras.applications' with nothing but the pointwise layers changed; each
function says what differs.
"""

import re

import keras
from keras import layers

from gpc.surgery import change_layers, regroup, skip_strides
from gpc.surgery.graph import clone

__all__ = [
    *(f"kEfficientNetB{number}" for number in range(8)),
    "kInceptionV3",
    "kMobileNet",
    "kMobileNetV3Large",
    "kMobileNetV3Small",
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
        dropout: rate before the classifier, None the network's own.
        faithful: the published network: no rescaling and normalization in it (give it images in 0 … 1, or
            normalized), no activation behind the top convolution, all pointwise kernels drawn by Glorot's
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
        dropout=None,
        faithful=False,
    ):
        net = getattr(keras.applications, f"EfficientNet{letter}")(
            weights=None,
            input_shape=tuple(input_shape),
            classes=classes,
            name=f"kefficientnet{letter.lower()}",
        )
        net = _skipped(net, skip_stride_cnt, _efficientnet_levels, faithful)
        if faithful or dropout is not None:
            blocks = sum(layer.name.endswith("_dwconv") for layer in net.layers)
            net = change_layers(net, lambda layer: _efficientnet_layer(layer, dropout, faithful, blocks))
        return _grouped(net, channels_per_group, scheme)

    build.__name__ = build.__qualname__ = f"kEfficientNet{letter}"
    build.__doc__ = _EFFICIENTNET_DOC.format(letter)
    return build


K_EFFICIENTNETS = tuple(_kEfficientNet(f"B{number}") for number in range(8))
(
    kEfficientNetB0,
    kEfficientNetB1,
    kEfficientNetB2,
    kEfficientNetB3,
    kEfficientNetB4,
    kEfficientNetB5,
    kEfficientNetB6,
    kEfficientNetB7,
) = K_EFFICIENTNETS


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


def kMobileNet(
    input_shape=(224, 224, 3),
    classes=1000,
    *,
    channels_per_group=16,
    skip_stride_cnt=-1,
    scheme="interleaved",
    alpha=1.0,
    dropout=0.001,
    faithful=False,
):
    """MobileNet with grouped, interleaved pointwise convolutions: (B, H, W, 3) → (B, classes).

    `skip_stride_cnt`: −1 none; 0 the first convolution's stride left out, 1 … 4 also those of blocks 2, 4, 6
    and 12. `channels_per_group=None` keeps the pointwise layers dense. The classifier, a 1×1 convolution,
    stays. `faithful=True` is the published network: swish behind the pointwise layers instead of ReLU6 (which
    stays behind the others), and 31×31 maps for 32×32 images where strides are skipped. Takes pixels scaled
    to −1 … 1.

    Raises ValueError for an unknown scheme, a skip_stride_cnt below −1, or sizes that don't fit.
    Source: Howard et al., 2017; Schwarz Schuler et al., MENDEL 2022.

    >>> kMobileNet((32, 32, 3), 10).count_params()
    274122
    """
    net = keras.applications.MobileNet(
        weights=None,
        input_shape=tuple(input_shape),
        classes=classes,
        alpha=alpha,
        dropout=dropout,
        name="kmobilenet",
    )
    net = _skipped(net, skip_stride_cnt, lambda count: min(count, 4) + 1, faithful)
    if faithful:
        strides = {layer.name: getattr(layer, "strides", None) for layer in net.layers}
        net = change_layers(net, lambda layer: _mobilenet_layer(layer, strides))
    return _grouped(net, channels_per_group, scheme)


def _mobilenet_layer(layer, strides):
    """What stands in this layer's place in the published MobileNet; paddings suit stride 2 on even maps."""
    strided_padding = ((0, 1), (0, 1))
    if layer.name == "conv1" and strides["conv1"] == (1, 1):
        padding = layers.ZeroPadding2D(strided_padding, data_format=layer.data_format, name="conv1_pad")
        return padding, clone(layer, padding="valid")
    if layer.name.startswith("conv_pad_") and strides[layer.name.replace("pad", "dw")] == (2, 2):
        return clone(layer, padding=strided_padding)
    if re.fullmatch(r"conv_pw_\d+_relu", layer.name):
        return layers.Activation("swish", name=layer.name, dtype=layer.dtype_policy)
    return layer


def kMobileNetV3Large(
    input_shape=(224, 224, 3), classes=1000, *, channels_per_group=16, scheme="interleaved"
):
    """MobileNetV3-Large with grouped, interleaved pointwise convolutions: (B, H, W, 3) → (B, classes).

    All expanding, projecting and squeeze-excite convolutions and both of the head but the classifier itself.
    `channels_per_group=None` keeps them dense. Takes pixels of 0 … 255. Batch norms keep the momentum 0.999
    of keras.applications; the published network's K and L have 0.99.

    Raises ValueError for an unknown scheme or sizes that don't fit.
    Source: Howard et al., 2019; Schwarz Schuler et al., MENDEL 2022.
    """
    return _mobilenet_v3("Large", input_shape, classes, channels_per_group, scheme)


def kMobileNetV3Small(
    input_shape=(224, 224, 3), classes=1000, *, channels_per_group=16, scheme="interleaved"
):
    """MobileNetV3-Small with grouped, interleaved pointwise convolutions, as `kMobileNetV3Large`."""
    return _mobilenet_v3("Small", input_shape, classes, channels_per_group, scheme)


def _mobilenet_v3(size, input_shape, classes, channels_per_group, scheme):
    net = getattr(keras.applications, f"MobileNetV3{size}")(
        weights=None, input_shape=tuple(input_shape), classes=classes, name=f"kmobilenetv3{size.lower()}"
    )
    return _grouped(net, channels_per_group, scheme)


def kInceptionV3(
    input_shape=(224, 224, 3), classes=1000, *, channels_per_group=16, scheme="interleaved", faithful=False
):
    """Inception V3 with grouped, interleaved pointwise convolutions: (B, H, W, 3) → (B, classes).

    All forty 1×1 convolutions; with `faithful=True` all but the three that the published code leaves dense
    (the first branch of the first and third block, and the third block's pooling branch).
    `channels_per_group=None` keeps them all. Takes pixels scaled to −1 … 1.

    Raises ValueError for an unknown scheme or images below 75×75.
    Source: Szegedy et al., 2016; Schwarz Schuler et al., MENDEL 2022.
    """
    net = keras.applications.InceptionV3(
        weights=None, input_shape=tuple(input_shape), classes=classes, name="kinceptionv3"
    )
    convolutions = sorted(
        (layer.name for layer in net.layers if isinstance(layer, layers.Conv2D)), key=_number
    )
    forgotten = {convolutions[index] for index in (5, 19, 25)} if faithful else set()
    return _grouped(net, channels_per_group, scheme, where=lambda layer: layer.name not in forgotten)


def _number(name):
    """The number Keras gave a layer, in the order they were made: "conv2d_12" → 12."""
    found = re.search(r"_(\d+)$", name)
    return int(found[1]) if found else 0


def _skipped(net, count, levels, faithful):
    """The network without the strides that skip_stride_cnt=count names."""
    if isinstance(count, bool) or not isinstance(count, int):
        raise TypeError(f"skip_stride_cnt={count!r} must be an integer, −1 to skip none")
    if count < -1:
        raise ValueError(f"skip_stride_cnt={count} must be −1 (skip none) or more; nearest that works: −1")
    return net if count == -1 else skip_strides(net, levels(count), as_published=faithful)


def _glorot(layer):
    """A pointwise convolution with Glorot's initial values, any other layer as it is."""
    if isinstance(layer, layers.Conv2D) and layer.kernel_size == (1, 1):
        return clone(layer, kernel_initializer="glorot_uniform")
    return layer


def _grouped(net, channels_per_group, scheme, where=None):
    """The network with its pointwise layers replaced, unless channels_per_group is None."""
    return (
        net
        if channels_per_group is None
        else regroup(net, channels_per_group, scheme=scheme, where=where).model
    )
