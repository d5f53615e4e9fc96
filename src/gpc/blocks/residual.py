"""The residual bottleneck: a 3×3 convolution between two 1×1 ones, added to what came in."""

from keras import layers

from gpc._checks import dividing, positive
from gpc.blocks._parts import NORM, convolved, finished, kept_shape
from gpc.blocks.gate import squeeze_excite
from gpc.layers import GroupedConv2D


def bottleneck(
    x, filters, *, inside=None, groups=1, strides=1, early=False, squeeze=0, norm=NORM, name="bottleneck"
):
    """1×1 to fewer channels, 3×3, 1×1 to more, plus the input; batch norm after each, ReLU but for the last.

    (B, H, W, C) → (B, ⌈H / strides⌉, ⌈W / strides⌉, filters). Cost, with i = inside: (C + 9 · i / groups +
    filters) · i weights and multiply-accumulates a pixel of the output, and C · filters for the shortcut's
    1×1 where the shape changes; with strides the first 1×1 works on the larger map unless `early`.

    Args:
        inside: channels in the middle, filters / 4 if not given.
        groups: of the 3×3 convolution: ResNeXt's cardinality. 1 is ResNet's block.
        early: put the stride on the first 1×1, as the residual network of 2016 does; otherwise it is on the
            3×3, where ResNeXt has it.
        squeeze: a squeeze-excite of filters / squeeze channels on the sum's branch, 0 none.
        norm: options of the batch norms.

    Raises ValueError for sizes below 1 or groups that do not divide inside, TypeError for what is no integer.
    Source: He et al., "Deep residual learning for image recognition", 2016, Figure 5; Xie et al., "Aggregated
    residual transformations for deep neural networks", 2017, Figure 3 (c); Hu, Shen, Sun,
    "Squeeze-and-excitation networks", 2018, Figure 3.

    >>> import keras
    >>> x = keras.Input((14, 14, 256))
    >>> keras.Model(x, bottleneck(x, 256, inside=128, groups=32)).count_params()
    72192
    """
    filters, strides = positive("filters", filters), positive("strides", strides)
    inside = positive("inside", max(1, filters // 4) if inside is None else inside)
    groups = dividing("groups", groups, inside=inside)
    first, second = (strides, 1) if early else (1, strides)
    y = convolved(x, inside, strides=first, norm=norm, name=f"{name}_reduce")
    y = _window(y, inside, groups, second, norm, f"{name}_3x3")
    y = convolved(y, filters, activation=None, norm=norm, name=f"{name}_expand")
    if squeeze:
        y = squeeze_excite(y, max(1, filters // squeeze), name=f"{name}_gate")
    if not kept_shape(x, filters, strides):
        x = convolved(x, filters, strides=strides, activation=None, norm=norm, name=f"{name}_shortcut")
    return layers.Activation("relu", name=f"{name}_relu")(layers.Add(name=f"{name}_sum")([x, y]))


def _window(x, filters, groups, strides, norm, name):
    """The 3×3 convolution in groups, batch norm, ReLU."""
    options = {"strides": strides, "padding": "same", "use_bias": False, "kernel_initializer": "he_normal"}
    kind = layers.Conv2D if groups == 1 else GroupedConv2D
    x = kind(filters, 3, groups=groups, name=name, **options)(x)
    return finished(x, activation="relu", norm=norm, name=name)
