"""GhostNet's module: half of the maps are computed, the other half are cheap echoes of them."""

from keras import layers

from gpc._checks import positive
from gpc.blocks._parts import NORM, convolved, filtered, kept_shape
from gpc.blocks.gate import squeeze_excite


def ghost_module(
    x, filters, *, ratio=2, kernel=1, cheap=3, strides=1, activation="relu", norm=NORM, name="ghost"
):
    """Some filters by a convolution, the rest by one cheap depthwise convolution of those, side by side.

    (B, H, W, C) → (B, ⌈H / strides⌉, ⌈W / strides⌉, filters). Where ratio does not divide filters, the last
    few of the cheap ones are dropped.
    Cost: with p = ⌈filters / ratio⌉, kernel² · C · p + cheap² · (ratio − 1) · p MACs a pixel of the output,
    about 1 / ratio of the convolution it stands for.

    Raises ValueError for sizes below 1 or a ratio above filters, TypeError for what is no integer.
    Source: Han et al., "GhostNet: more features from cheap operations", CVPR 2020, Figure 1 (b).

    >>> import keras
    >>> x = keras.Input((14, 14, 80))
    >>> keras.Model(x, ghost_module(x, 184)).count_params(), 80 * 184 + 4 * 184
    (8924, 15456)
    """
    filters, ratio = positive("filters", filters), positive("ratio", ratio)
    if ratio > filters:
        raise ValueError(f"ratio={ratio} is more than filters={filters}; nearest that works: {filters}")
    primary = -(-filters // ratio)
    options = {"activation": activation, "norm": norm}
    x = convolved(x, primary, kernel, strides=strides, name=f"{name}_primary", **options)
    if ratio == 1:
        return x
    y = filtered(x, cheap, multiplier=ratio - 1, name=f"{name}_cheap", **options)
    both = layers.Concatenate(name=f"{name}_both")([x, y])
    return both if both.shape[-1] == filters else both[..., :filters]


def ghost_bottleneck(
    x, filters, *, inside, kernel=3, strides=1, squeeze=0.0, norm=NORM, name="bottleneck"
):
    """Two Ghost modules, the first widening, the second linear; between them a strided depthwise layer.

    (B, H, W, C) → (B, ⌈H / strides⌉, ⌈W / strides⌉, filters), `inside` channels wide in the middle. Only
    strides above 1 have the depthwise layer, of `kernel`; `squeeze` puts a squeeze-excite of squeeze ·
    inside channels before the second module, 0 none. Those are rounded to a multiple of 4: the nearest, at
    least 4, or the next above where that would lose over a tenth; its gate is a hard sigmoid. The shortcut is
    the input, or its depthwise convolution and a 1×1 where the shape changes.
    Cost: the two modules', the first's at every pixel of the input; where strided kernel² · inside MACs a
    pixel of the output; kernel² · C + C · filters for a shortcut that changes the shape; for a gate of s
    channels 2 · inside · s an image.

    Raises ValueError for sizes below 1, TypeError for what is no integer.
    Source: Han et al., "GhostNet: more features from cheap operations", CVPR 2020, Figure 3.

    >>> import keras
    >>> x = keras.Input((14, 14, 80))
    >>> keras.Model(x, ghost_bottleneck(x, 80, inside=184)).count_params()
    16964
    """
    filters = positive("filters", filters)
    y = ghost_module(x, positive("inside", inside), norm=norm, name=f"{name}_widen")
    linear = {"activation": None, "norm": norm}
    if strides > 1:
        y = filtered(y, kernel, strides=strides, name=f"{name}_depthwise", **linear)
    if squeeze:
        y = squeeze_excite(y, multiple_of_4(squeeze * inside), gate="hard_sigmoid", name=f"{name}_gate")
    y = ghost_module(y, filters, name=f"{name}_narrow", **linear)
    if not kept_shape(x, filters, strides):
        x = filtered(x, kernel, strides=strides, name=f"{name}_shortcut_depthwise", **linear)
        x = convolved(x, filters, name=f"{name}_shortcut", **linear)
    return layers.Add(name=f"{name}_sum")([x, y])


def multiple_of_4(channels):
    """The nearest multiple of 4, one more where that would lose over a tenth; MobileNet's rule with 4 for 8.

    >>> multiple_of_4(18), multiple_of_4(4.5), multiple_of_4(1)
    (20, 8, 4)
    """
    near = max(4, int(channels + 2) // 4 * 4)
    return near + 4 if near < 0.9 * channels else near
