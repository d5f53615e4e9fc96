"""A paper's box as a function on a map: a tensor in, a tensor out, its layers named after the paper's.

Networks of `gpc.models` are made of these; a chapter that teaches a box writes it out and then uses it from here.
"""

from gpc.blocks.dense import dense_unit, transition
from gpc.blocks.fire import fire
from gpc.blocks.gate import squeeze_excite
from gpc.blocks.ghost import ghost_bottleneck, ghost_module
from gpc.blocks.inception import Step, Widths, branched, inception
from gpc.blocks.interleaved import interleaved_convolution, interleaved_residual
from gpc.blocks.inverted import inverted_residual
from gpc.blocks.residual import bottleneck
from gpc.blocks.separable import depthwise_separable, separable_residual
from gpc.blocks.shuffle import shuffle_unit, shuffle_unit_v2
from gpc.blocks.unet import conv3x3, ghost3x3, unet_down, unet_pair, unet_up

__all__ = [
    "Step",
    "Widths",
    "bottleneck",
    "branched",
    "conv3x3",
    "dense_unit",
    "depthwise_separable",
    "fire",
    "ghost3x3",
    "ghost_bottleneck",
    "ghost_module",
    "inception",
    "interleaved_convolution",
    "interleaved_residual",
    "inverted_residual",
    "separable_residual",
    "shuffle_unit",
    "shuffle_unit_v2",
    "squeeze_excite",
    "transition",
    "unet_down",
    "unet_pair",
    "unet_up",
]
