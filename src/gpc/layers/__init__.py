"""The Keras layers Keras lacks: grouped pointwise convolutions for any channels, their shuffle, both in one.

`GroupedPointwise` is one grouped 1×1 convolution, `ChannelShuffle` an order of channels,
`InterleavedPointwise` the two grouped convolutions that stand for a dense one, `GroupedConv2D` a grouped
convolution with a window, `DeformableConv2D` one whose window bends to where the image says,
`LocalResponseNormalization` what AlexNet normalises by, `FusedBatchNormalization` Keras's batch norm in one
kernel, `FusedDepthwiseConv2D` its depthwise convolution with what follows in one, `RGBToLab` light and colour
apart. They run on TensorFlow, JAX and PyTorch. The pointwise ones can be computed in several ways whose results
agree to rounding and whose times do not; `choose` is the table of which is used when.

>>> from gpc.layers import GroupedPointwise
>>> GroupedPointwise(64, groups=4).compute_output_shape((None, 14, 14, 32))
(None, 14, 14, 64)
"""

from gpc.layers.choice import IMPLEMENTATIONS, choose
from gpc.layers.colour import RGBToLab
from gpc.layers.deformable import DeformableConv2D
from gpc.layers.depthwise import FusedDepthwiseConv2D
from gpc.layers.grouped import GroupedPointwise
from gpc.layers.grouped_kxk import GroupedConv2D
from gpc.layers.interleaved import InterleavedPointwise
from gpc.layers.normalization import FusedBatchNormalization
from gpc.layers.response import LocalResponseNormalization
from gpc.layers.shuffle import ChannelShuffle

__all__ = [
    "IMPLEMENTATIONS",
    "ChannelShuffle",
    "DeformableConv2D",
    "FusedBatchNormalization",
    "FusedDepthwiseConv2D",
    "GroupedConv2D",
    "GroupedPointwise",
    "InterleavedPointwise",
    "LocalResponseNormalization",
    "RGBToLab",
    "choose",
]
