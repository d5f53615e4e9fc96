"""ShuffleNet's units: groups that talk to each other because their channels are shuffled."""

from keras import layers, ops

from gpc._checks import dividing, positive
from gpc.blocks._parts import NORM, convolved, filtered
from gpc.layers import ChannelShuffle


def shuffle_unit(x, filters, *, groups=3, strides=1, group_first=True, norm=NORM, name="shuffle"):
    """ShuffleNet V1's unit: grouped 1×1 to a quarter, shuffle, depthwise 3×3, grouped 1×1, shortcut.

    (B, H, W, C) → (B, ⌈H / strides⌉, ⌈W / strides⌉, filters). With stride 1 the input is added; with more,
    its 3×3 average is put beside what the branch adds, filters − C channels. With m = filters / 4: C · m /
    groups MACs a pixel of the input, 9 · m + m · (filters or filters − C) / groups a pixel of the output.
    `group_first=False` keeps the first 1×1 dense, as the paper does where C is small.

    Raises ValueError where filters is no multiple of 4 · groups, differs from C with stride 1, or does not
    exceed C with more.
    Source: Zhang et al., "ShuffleNet", CVPR 2018, Figure 2 (b) and (c). The average leaves out what lies
    beyond the border.

    >>> import keras
    >>> x = keras.Input((28, 28, 240))
    >>> keras.Model(x, shuffle_unit(x, 240)).count_params()
    11580
    """
    filters, channels = positive("filters", filters), x.shape[-1]
    inside, added = _widths(filters, channels, positive("groups", groups), positive("strides", strides))
    y = convolved(x, inside, groups=groups if group_first else 1, norm=norm, name=f"{name}_compress")
    if groups > 1:
        y = ChannelShuffle(groups, name=f"{name}_shuffle")(y)
    y = filtered(y, strides=strides, activation=None, norm=norm, name=f"{name}_depthwise")
    y = convolved(y, added, groups=groups, activation=None, norm=norm, name=f"{name}_expand")
    if strides == 1:
        y = layers.Add(name=f"{name}_sum")([x, y])
    else:
        beside = layers.AveragePooling2D(3, strides=strides, padding="same", name=f"{name}_average")(x)
        y = layers.Concatenate(name=f"{name}_beside")([beside, y])
    return layers.Activation("relu", name=f"{name}_relu")(y)


def _widths(filters, channels, groups, strides):
    """(channels of the branch's middle, channels at its end), checked."""
    step = 4 * groups
    if filters % step:
        near = max(step, round(filters / step) * step)
        raise ValueError(
            f"filters={filters} must be a multiple of 4 × groups={step}, so that groups={groups} divide its "
            f"quarter; nearest that is: {near}"
        )
    if strides == 1 and filters != channels:
        raise ValueError(
            f"filters={filters} with strides=1 must be the input's {channels} channels, which are added; "
            f"nearest that works: {channels}"
        )
    if strides > 1 and filters <= channels:
        near = (channels // step + 1) * step
        raise ValueError(
            f"filters={filters} with strides={strides} must exceed the input's {channels} channels, which "
            f"stand beside the branch's; nearest that works: {near}"
        )
    return filters // 4, filters if strides == 1 else filters - channels


def shuffle_unit_v2(x, filters, *, strides=1, norm=NORM, name="shuffle"):
    """ShuffleNet V2's unit: half of the channels wait, the other half goes 1×1, 3×3, 1×1; then both shuffle.

    (B, H, W, C) → (B, ⌈H / strides⌉, ⌈W / strides⌉, filters), h = filters / 2. With stride 1, 2h² + 9h MACs a
    pixel. With more, nothing waits: all C channels go both ways, C · h MACs a pixel of the input, h² + 9h +
    C · (9 + h) a pixel of the output. No 1×1 is grouped; the shuffle carries channels across the halves.

    Raises ValueError where filters is odd, or differs from C with stride 1.
    Source: Ma et al., "ShuffleNet V2", ECCV 2018, Figure 3 (c) and (d).

    >>> import keras
    >>> x = keras.Input((28, 28, 116))
    >>> keras.Model(x, shuffle_unit_v2(x, 116)).count_params()
    7946
    """
    filters = positive("filters", filters)
    half = filters // dividing("halves", 2, filters=filters)
    if positive("strides", strides) == 1:
        if filters != x.shape[-1]:
            raise ValueError(
                f"filters={filters} with strides=1 must be the input's {x.shape[-1]} channels; "
                f"nearest that works: {x.shape[-1]}"
            )
        waiting, y = ops.split(x, 2, axis=-1)
    else:
        options = {"strides": strides, "activation": None, "norm": norm}
        waiting = filtered(x, name=f"{name}_left_depthwise", **options)
        waiting = convolved(waiting, half, norm=norm, name=f"{name}_left_point")
        y = x
    y = convolved(y, half, norm=norm, name=f"{name}_first")
    y = filtered(y, strides=strides, activation=None, norm=norm, name=f"{name}_depthwise")
    y = convolved(y, half, norm=norm, name=f"{name}_second")
    y = layers.Concatenate(name=f"{name}_both")([waiting, y])
    return ChannelShuffle(2, name=f"{name}_shuffle")(y)
