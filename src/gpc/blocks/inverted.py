"""The inverted residual: wide inside, narrow at both ends, where the shortcut is."""

from keras import layers

from gpc._checks import positive
from gpc.blocks._parts import NORM, convolved, filtered, kept_shape
from gpc.blocks.gate import squeeze_excite


def inverted_residual(
    x,
    filters,
    *,
    expansion=6,
    kernel=3,
    strides=1,
    squeeze=0.0,
    activation="relu6",
    norm=NORM,
    name="inverted",
):
    """Widen by a 1×1, filter each channel, narrow by a linear 1×1; add the input where its shape is kept.

    (B, H, W, C) → (B, ⌈H / strides⌉, ⌈W / strides⌉, filters), with e = expansion and k = kernel: e · C² MACs
    a pixel of the input (none where e = 1, which has no first layer) and e · C · (k² + filters) a pixel of
    the output. `squeeze` puts a squeeze-excite of squeeze · C channels behind the depthwise layer, 0 none;
    `norm` are the options of its batch norms.

    Raises ValueError for filters, expansion or kernel below 1, TypeError for what is no integer.
    Source: Sandler et al., "MobileNetV2", CVPR 2018, which has no squeeze-excite; that is MnasNet's (Tan et
    al., CVPR 2019), a fraction of the block's input and not of its middle.

    >>> import keras
    >>> x = keras.Input((14, 14, 64))
    >>> keras.Model(x, inverted_residual(x, 64)).count_params()
    55936
    """
    filters, channels = positive("filters", filters), x.shape[-1]
    inside = positive("expansion", expansion) * channels
    y, options = x, {"activation": activation, "norm": norm}
    if expansion > 1:
        y = convolved(y, inside, name=f"{name}_expand", **options)
    y = filtered(y, positive("kernel", kernel), strides=strides, name=f"{name}_depthwise", **options)
    if squeeze:
        y = squeeze_excite(y, max(1, int(squeeze * channels)), name=f"{name}_gate")
    y = convolved(y, filters, activation=None, norm=norm, name=f"{name}_project")
    return layers.Add(name=f"{name}_sum")([x, y]) if kept_shape(x, filters, strides) else y
