"""InceptionV3 as a table of its blocks, in one path or with light and chroma apart."""

from typing import NamedTuple

import keras
from keras import layers, ops

from gpc._checks import positive
from gpc.layers import ChannelShuffle
from gpc.models.options import crowned


class Conv(NamedTuple):
    """A convolution, its batch norm (without scale) and its ReLU.

    `share` says which share of the filters a narrower block keeps: "bottleneck" or "convolution".
    `dense`: left dense in the published k-network.
    """

    filters: int
    kernel: tuple = (1, 1)
    stride: int = 1
    share: str | None = None
    dense: bool = False
    fork: tuple = ()

    @property
    def kept(self):
        """By which share it is narrowed: 1×1 convolutions as bottlenecks, unless said otherwise."""
        pointwise = self.kernel == (1, 1) and not self.fork
        return self.share or ("bottleneck" if pointwise else "convolution")


_AVERAGE, _MAXIMUM = "average", "maximum"


def _first(pool, *, dense_third=False, dense_pool=False):
    """A block at 35×35: 1×1, 5×5, two 3×3, pooling."""
    return (
        (Conv(64),),
        (Conv(48), Conv(64, (5, 5))),
        (Conv(64, share="convolution", dense=dense_third), Conv(96, (3, 3)), Conv(96, (3, 3))),
        (_AVERAGE, Conv(pool, dense=dense_pool)),
    )


def _second(inner):
    """A block at 17×17: 7×7 as 1×7 and 7×1, once and twice."""
    return (
        (Conv(192),),
        (Conv(inner), Conv(inner, (1, 7)), Conv(192, (7, 1))),
        (Conv(inner), *(Conv(inner, kernel) for kernel in ((7, 1), (1, 7), (7, 1))), Conv(192, (1, 7))),
        (_AVERAGE, Conv(192)),
    )


_BOTH = ((1, 3), (3, 1))
_THIRD = (
    (Conv(320),),
    (Conv(384), Conv(384, fork=_BOTH)),
    (Conv(448), Conv(384, (3, 3)), Conv(384, fork=_BOTH)),
    (_AVERAGE, Conv(192)),
)

# mixed0 … mixed10, each a tuple of branches, each branch a tuple of steps; Szegedy et al., 2016, Table 1 and Figures
# 5, 6, 7 and 10. Which layers the published k-network leaves dense: see kInceptionV3.
MIXED = (
    _first(32, dense_third=True),
    _first(64),
    _first(64, dense_third=True, dense_pool=True),
    (
        (Conv(384, (3, 3), 2, share="bottleneck"),),
        (Conv(64), Conv(96, (3, 3)), Conv(96, (3, 3), 2)),
        (_MAXIMUM,),
    ),
    *(_second(inner) for inner in (128, 160, 160, 192)),
    (
        (Conv(192), Conv(320, (3, 3), 2)),
        (Conv(192), Conv(192, (1, 7)), Conv(192, (7, 1)), Conv(192, (3, 3), 2)),
        (_MAXIMUM,),
    ),
    _THIRD,
    _THIRD,
)

# The stem's first three convolutions: (filters, stride, padding).
STEM = ((32, 2, "valid"), (32, 1, "valid"), (64, 1, "same"))


class Paths(NamedTuple):
    """Which parts of the network are two paths, and how wide; see `kInceptionV3` for what each means."""

    two_paths_partial_first_block: int = 0
    two_paths_first_block: bool = False
    two_paths_second_block: bool = False
    deep_two_paths: bool = False
    deep_two_paths_compression: float = 0.655
    deep_two_paths_bottleneck_compression: float = 0.5
    l_ratio: float = 0.5
    ab_ratio: float = 0.5
    max_mix_idx: int = 10
    max_mix_deep_two_paths_idx: int = -1

    @property
    def split(self):
        """How many of the stem's three convolutions light and chroma have apart."""
        partial = self.two_paths_partial_first_block
        first = self.two_paths_first_block or self.second or partial >= 3
        return 3 if first and partial not in (1, 2) else partial

    @property
    def second(self):
        """Whether the 80 and 192 filters behind the stem are two paths as well."""
        partial = self.two_paths_partial_first_block
        return partial > 3 or (self.two_paths_second_block and partial not in (1, 2, 3))

    @property
    def deep(self):
        """The last mixed block that is two paths, −1 for none."""
        return self.max_mix_idx if self.deep_two_paths else self.max_mix_deep_two_paths_idx


def smallest(paths):
    """The smallest side of an image that leaves a pixel at the end.

    >>> smallest(Paths()), smallest(Paths(max_mix_idx=5)), smallest(Paths(max_mix_idx=-1))
    (75, 43, 27)
    """
    side = 1
    for index in (8, 3):
        side = 2 * side + 1 if paths.max_mix_idx >= index else side
    behind_stem = 2 * (2 * side + 1 + 2) + 1
    return 2 * (behind_stem + 2) + 1


def checked(paths, input_shape):
    """The paths, if they can be built for images of this shape. Raises ValueError or TypeError."""
    for name, low, high in (
        ("two_paths_partial_first_block", 0, 4),
        ("max_mix_idx", -1, 10),
        ("max_mix_deep_two_paths_idx", -1, 10),
    ):
        if not isinstance(getattr(paths, name), int) or isinstance(getattr(paths, name), bool):
            raise TypeError(f"{name}={getattr(paths, name)!r} must be an integer from {low} to {high}")
        _between(paths, name, low, high)
    for name in ("l_ratio", "ab_ratio"):
        _between(paths, name, 0, 1)
    for name in ("deep_two_paths_compression", "deep_two_paths_bottleneck_compression"):
        _between(paths, name, 0.04, 1)
    *sides, channels = input_shape
    if paths.split and not (paths.l_ratio or paths.ab_ratio):
        raise ValueError("l_ratio=0 and ab_ratio=0 leave no branch; one of them must be above 0")
    if paths.split and channels != 3:
        raise ValueError(f"light and chroma are 3 channels, L, a and b; input_shape={input_shape} has {channels}")
    if min(sides) < (need := smallest(paths)):
        near = (*(max(side, need) for side in sides), channels)
        raise ValueError(
            f"input_shape={input_shape}: with max_mix_idx={paths.max_mix_idx} images must be at least "
            f"{need}×{need}; nearest that works: {near}"
        )
    return paths


def _between(paths, name, low, high):
    value = getattr(paths, name)
    if not low <= value <= high:
        near = min(max(value, low), high)
        raise ValueError(f"{name}={value} must be from {low} to {high}; nearest that works: {near}")


def build(input_shape, paths, name, top):
    """The dense network of these paths, and the names of the layers that the published code leaves dense.

    (B, H, W, 3) → (B, classes); `top` is (include_top, pooling, classes).
    """
    checked(paths, input_shape)
    inputs = keras.Input(input_shape)
    x = _stem(inputs, paths)
    x = _second_block(x, paths) if paths.second else _narrow(_convolved(x, 80, name="single_path"), 192)
    x = layers.MaxPooling2D(3, 2, name="pool2")(x)
    for index in range(paths.max_mix_idx + 1):
        block = _two_mixed if index <= paths.deep else _mixed
        x = block(x, MIXED[index], f"mixed{index}", paths)
    include_top, pooling, classes = top
    net = keras.Model(inputs, crowned(x, include_top, pooling, positive("classes", classes)), name=name)
    return net, _left_dense(paths)


def _left_dense(paths):
    """Names of the 1×1 convolutions that stay dense in the published k-network."""
    found = set()
    for index in range(paths.max_mix_idx + 1):
        twins = "ab" if index <= paths.deep else ("",)
        for place, branch in enumerate(MIXED[index], 1):
            names = (
                f"mixed{index}{twin}_{place}_{step}"
                for step, conv in enumerate(branch, 1)
                if isinstance(conv, Conv) and conv.dense
                for twin in twins
            )
            found.update(names)
    return found


def _stem(inputs, paths):
    """Three 3×3 convolutions and a pooling, the first `paths.split` of them for light and chroma apart."""
    if not paths.split:
        x = inputs
    else:
        light, chroma = ops.split(inputs, [1], axis=-1)
        shares = (("light", light, paths.l_ratio), ("chroma", chroma, paths.ab_ratio))
        branches = []
        for branch, x, share in shares:
            if not share:
                continue
            for number, (filters, stride, padding) in enumerate(STEM[: paths.split], 1):
                x = _convolved(x, max(round(filters * share), 1), (3, 3), stride, padding, f"{branch}{number}")
            branches.append(x)
        x = layers.Concatenate(name="light_and_chroma")(branches) if len(branches) > 1 else branches[0]
    for number, (filters, stride, padding) in enumerate(STEM, 1):
        if number > paths.split:
            x = _convolved(x, filters, (3, 3), stride, padding, f"conv{number}")
    return layers.MaxPooling2D(3, 2, name="pool1")(x)


def _narrow(x, filters, name="conv5"):
    return _convolved(x, filters, (3, 3), 1, "valid", name)


def _second_block(x, paths):
    """What 80 and 192 filters do in one path, in two: half the maps each, without activation, then 80 and 192."""
    twins = []
    for twin in "ab":
        half = int(x.shape[-1] * paths.deep_two_paths_bottleneck_compression)
        path = _convolved(x, half, name=f"second_{twin}_half", activation=None)
        width = paths.deep_two_paths_compression
        path = _convolved(path, round(80 * width), name=f"second_{twin}_1x1")
        twins.append(_narrow(path, round(192 * width), f"second_{twin}_3x3"))
    return layers.Concatenate(name="second_block")(twins)


def _two_mixed(x, branches, name, paths):
    """A mixed block as two narrower ones, each of half the interleaved maps."""
    x = ChannelShuffle(step=2, name=f"{name}_interleave")(x)
    half = int(x.shape[-1] * paths.deep_two_paths_bottleneck_compression)
    shares = {
        "bottleneck": paths.deep_two_paths_bottleneck_compression,
        "convolution": paths.deep_two_paths_compression,
    }
    twins = [
        _branched(_convolved(x, half, name=f"{name}{twin}_half", activation=None), branches, f"{name}{twin}", shares)
        for twin in "ab"
    ]
    return layers.Concatenate(name=name)(twins)


def _mixed(x, branches, name, paths):
    return _branched(x, branches, name, {"bottleneck": 1, "convolution": 1})


def _branched(x, branches, name, shares):
    """The branches of a block side by side: (B, H, W, C) → (B, H', W', sum of their filters)."""
    ends = []
    for place, branch in enumerate(branches, 1):
        path = x
        for number, step in enumerate(branch, 1):
            path = _step(path, step, f"{name}_{place}_{number}", shares)
        ends.append(path)
    return layers.Concatenate(name=name)(ends)


def _step(x, step, name, shares):
    """One step of a branch: a pooling, a convolution, or two side by side."""
    if step == _AVERAGE:
        return layers.AveragePooling2D(3, 1, padding="same", name=f"{name}_pool")(x)
    if step == _MAXIMUM:
        return layers.MaxPooling2D(3, 2, name=f"{name}_pool")(x)
    filters = int(step.filters * shares[step.kept])
    if step.fork:
        ends = [_convolved(x, filters, kernel, name=f"{name}_{kernel[0]}x{kernel[1]}") for kernel in step.fork]
        return layers.Concatenate(name=name)(ends)
    padding = "same" if step.stride == 1 else "valid"
    return _convolved(x, filters, step.kernel, step.stride, padding, name)


def _convolved(x, filters, kernel=(1, 1), stride=1, padding="same", name=None, activation="relu"):
    """Convolution, batch norm without scale, activation."""
    x = layers.Conv2D(filters, kernel, strides=stride, padding=padding, use_bias=False, name=name)(x)
    x = layers.BatchNormalization(scale=False, name=f"{name}_bn")(x)
    return layers.Activation(activation, name=f"{name}_relu")(x) if activation else x
