"""MobileNet and MobileNetV3 with grouped, interleaved pointwise convolutions."""

import re

import keras
from keras import layers

from gpc.models.options import grouped, rate, skipped
from gpc.models.table import image
from gpc.surgery import change_layers
from gpc.surgery.graph import clone

__all__ = ["kMobileNet", "kMobileNetV3Large", "kMobileNetV3Small"]

TABLES = {}


def kMobileNet(
    input_shape=(224, 224, 3),
    classes=1000,
    *,
    channels_per_group=16,
    skip_stride_cnt=-1,
    scheme="interleaved",
    second=True,
    alpha=1.0,
    dropout=0.001,
    faithful=False,
    include_top=True,
    pooling=None,
):
    """MobileNet with grouped, interleaved pointwise convolutions: (B, H, W, 3) → (B, classes).

    `skip_stride_cnt`: −1 none; 0 the first convolution's stride left out, 1 … 4 also those of blocks 2, 4, 6
    and 12. `channels_per_group=None` keeps the pointwise layers dense, `second=False` leaves K alone. The
    classifier, a 1×1 convolution, stays; without the top it ends in the last map, or that pooled as `pooling`
    says. `faithful=True` is the published network: swish behind the pointwise layers instead of ReLU6 (which
    stays behind the others), and 31×31 maps for 32×32 images where strides are skipped. Takes pixels scaled
    to −1 … 1.

    Raises ValueError for an unknown scheme, a skip_stride_cnt below −1, or sizes that don't fit.
    Source: Howard et al., 2017; Schwarz Schuler et al., MENDEL 2022.

    >>> kMobileNet((32, 32, 3), 10).count_params()
    274122
    """
    net = keras.applications.MobileNet(
        include_top=include_top,
        weights=None,
        input_shape=image(input_shape),
        pooling=pooling,
        classes=classes,
        alpha=alpha,
        dropout=rate(dropout),
        name="kmobilenet",
    )
    net = skipped(net, skip_stride_cnt, lambda count: min(count, 4) + 1, faithful)
    if faithful:
        strides = {layer.name: getattr(layer, "strides", None) for layer in net.layers}
        net = change_layers(net, lambda layer: _mobilenet_layer(layer, strides))
    return grouped(net, channels_per_group, scheme, second)


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


_MOBILENET_V3_DOC = """MobileNetV3-{} with grouped, interleaved pointwise convolutions.

    (B, H, W, 3) → (B, classes), takes pixels of 0 … 255. All expanding, projecting and squeeze-excite
    convolutions and both of the head but the classifier itself.

    Args:
        input_shape: (height, width, 3).
        classes: outputs of the softmax.
        channels_per_group: m; None keeps every pointwise layer dense, for comparison.
        scheme: "interleaved" (Entropy 2022) or "divisible" (MENDEL 2022).
        second: False leaves K alone.
        skip_stride_cnt: −1 none; 0 the first convolution's stride left out, c > 0 also the next c; 2 suits
            images of 32×32. Not in the papers' own code (K-CAI).
        alpha: factor of the filters.
        minimalistic: without squeeze-excite, hard swish and 5×5.
        dropout: rate before the classifier.
        include_top, pooling: as in `keras.applications`.
        faithful: the published network, whose K and L have batch norms of momentum 0.99; the others keep
            keras.applications' 0.999, which needs thousands of steps to follow.

    Raises ValueError for an unknown scheme, a rate that is none, a skip_stride_cnt below −1, or sizes that
    don't fit.
    Source: Howard et al., 2019; Schwarz Schuler et al., MENDEL 2022.
    """


def _kMobileNetV3(size):
    """The constructor of "Large" or "Small"."""

    def build(
        input_shape=(224, 224, 3),
        classes=1000,
        *,
        channels_per_group=16,
        scheme="interleaved",
        second=True,
        skip_stride_cnt=-1,
        alpha=1.0,
        minimalistic=False,
        dropout=0.2,
        faithful=False,
        include_top=True,
        pooling=None,
    ):
        net = getattr(keras.applications, f"MobileNetV3{size}")(
            include_top=include_top,
            weights=None,
            input_shape=image(input_shape),
            pooling=pooling,
            classes=classes,
            alpha=alpha,
            minimalistic=minimalistic,
            dropout_rate=rate(dropout),
            name=f"kmobilenetv3{size.lower()}",
        )
        net = skipped(net, skip_stride_cnt, lambda count: count + 1, faithful)
        known = {layer.name for layer in net.layers}
        net = grouped(net, channels_per_group, scheme, second)
        return change_layers(net, lambda layer: _default_momentum(layer, known)) if faithful else net

    build.__name__ = build.__qualname__ = f"kMobileNetV3{size}"
    build.__doc__ = _MOBILENET_V3_DOC.format(size)
    return build


kMobileNetV3Large, kMobileNetV3Small = map(_kMobileNetV3, ("Large", "Small"))


def _default_momentum(layer, known):
    """K's and L's batch norms with Keras's momentum, any other layer as it is."""
    if isinstance(layer, layers.BatchNormalization) and layer.name not in known:
        return clone(layer, momentum=0.99)
    return layer
