"""Where a network looks: maps over the image that say what made it choose a class, and scores for such maps.

`cam` is exact for a network that ends in global average pooling and a linear classifier: the mean of its map,
and the bias, is the class's score. `grad_cam` and `occlusion` work for any image classifier and explain less.
Ground truth (a mask) judges a map by `pointing_game`, `iou` and `energy`, and `judged` does so for a
whole split; `sanity_check` asks whether the map depends on what was learned at all.

    maps = gpc.explain.cam(model, images, resize=True)     # (B, H, W, C) → (B, H, W)
    gpc.explain.pointing_game(maps, masks)                 # which peaks lie on the evidence

Images are pixels as the model takes them, (C, H, W) where its layers have channels first. Maps come back as
NumPy arrays, one for an image, a batch for a batch. Works on TensorFlow, JAX and PyTorch.
"""

from gpc.explain.cams import cam, grad_cam
from gpc.explain.head import Head, head
from gpc.explain.judging import centre_map, judged
from gpc.explain.pictures import overlay, resized
from gpc.explain.probing import occlusion, randomised, sanity_check
from gpc.explain.scores import energy, iou, pointing_game, rank_correlation

__all__ = [
    "Head",
    "cam",
    "centre_map",
    "energy",
    "grad_cam",
    "head",
    "iou",
    "judged",
    "occlusion",
    "overlay",
    "pointing_game",
    "randomised",
    "rank_correlation",
    "resized",
    "sanity_check",
]
