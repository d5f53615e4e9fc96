"""InceptionV3 with grouped, interleaved pointwise convolutions, light and chroma apart if asked."""

import re

import keras
from keras import layers

from gpc.models import inception
from gpc.models.options import grouped
from gpc.models.table import image

__all__ = ["kInceptionV3"]

TABLES = {}

_LEFT_DENSE = (8, 22, 25)  # of keras.applications' convolutions, in the order they are made


def kInceptionV3(
    input_shape=(224, 224, 3),
    classes=1000,
    *,
    channels_per_group=16,
    scheme="interleaved",
    second=True,
    faithful=False,
    include_top=True,
    pooling=None,
    two_paths_partial_first_block=0,
    two_paths_first_block=False,
    two_paths_second_block=False,
    deep_two_paths=False,
    deep_two_paths_compression=0.655,
    deep_two_paths_bottleneck_compression=0.5,
    l_ratio=0.5,
    ab_ratio=0.5,
    max_mix_idx=10,
    max_mix_deep_two_paths_idx=-1,
):
    """InceptionV3 with grouped, interleaved pointwise convolutions: (B, H, W, 3) → (B, classes).

    All forty 1×1 convolutions. Takes pixels scaled to −1 … 1; two paths take Lab, light first.

    Args:
        input_shape, classes, include_top, pooling: as in `keras.applications.InceptionV3`.
        channels_per_group: m; None keeps every pointwise layer dense, for comparison.
        scheme: "interleaved" (Entropy 2022) or "divisible" (MENDEL 2022).
        second: False leaves K alone.
        faithful: three layers stay dense that the published code leaves so: of the blocks mixed0 and mixed2
            the 1×1 in front of two 3×3, of mixed2 the one behind the pooling, too.
        two_paths_first_block: the stem's three convolutions apart for light (channel 0) and chroma (channels
            1 and 2), joined behind its pooling.
        two_paths_partial_first_block: 1 or 2 only so many of the three, 3 all three, 4 the second block as
            well; 0 asks the other two.
        two_paths_second_block: the 80 and 192 filters behind the stem (then apart, too) as two paths, each
            from half the maps.
        deep_two_paths: every mixed block as two, or those up to `max_mix_deep_two_paths_idx`: each takes half
            of the interleaved maps and has `deep_two_paths_bottleneck_compression` of the 1×1 filters and
            `deep_two_paths_compression` of the others.
        l_ratio, ab_ratio: shares of the stem's filters for light and for chroma; 0 leaves a branch out.
        max_mix_idx: the last mixed block, −1 for none; 5 keeps six of eleven.

    Raises ValueError for an unknown scheme, a share or block out of range (naming the nearest), or images too
    small: below 75×75 with all blocks.
    Source: Szegedy et al., 2016; Schwarz Schuler et al., MENDEL 2022, and their two-branch networks for plant
    disease (CCIA 2021 and MENDEL 2022).

    >>> kInceptionV3(
    ...     (96, 96, 3), 29, two_paths_first_block=True, l_ratio=0.2, ab_ratio=0.8,
    ...     max_mix_idx=5, channels_per_group=None,
    ... ).count_params()
    5152011
    """
    asked = locals()
    paths = inception.Paths(**{name: asked[name] for name in inception.Paths._fields})
    shape = image(input_shape)
    top = (include_top, pooling, classes)
    if paths == inception.Paths():
        inception.checked(paths, shape)
        net, left = _single_path(shape, top)
    else:
        net, left = inception.build(shape, paths, "kinceptionv3", top)
    kept = left if faithful else set()
    return grouped(net, channels_per_group, scheme, second, where=lambda layer: layer.name not in kept)


def _single_path(shape, top):
    """keras.applications' network, and the names of the layers that the published code leaves dense."""
    include_top, pooling, classes = top
    net = keras.applications.InceptionV3(
        include_top=include_top,
        weights=None,
        input_shape=shape,
        pooling=pooling,
        classes=classes,
        name="kinceptionv3",
    )
    convolutions = (layer.name for layer in net.layers if isinstance(layer, layers.Conv2D))
    in_order = sorted(convolutions, key=_number)
    return net, {in_order[index] for index in _LEFT_DENSE}


def _number(name):
    """The number Keras gave a layer, in the order they were made: "conv2d_12" → 12."""
    found = re.search(r"_(\d+)$", name)
    return int(found[1]) if found else 0
