"""How well a map (at the image's size) agrees with a mask of what was to be found."""

import numpy as np
from scipy.stats import rankdata


def pointing_game(maps, masks):
    """Whether a map's highest point lies on the mask: (H, W) twice → bool, (B, H, W) twice → (B,) of bool.

    Of several highest points the first by rows counts.
    Raises ValueError for shapes that differ.
    Source: Zhang, Lin, Brandt, Shen and Sclaroff, "Top-down Neural Attention by Excitation Backprop", ECCV
    2016, who allow 15 pixels off; here none is allowed.

    >>> bool(pointing_game([[0.1, 0.9], [0.2, 0.3]], [[0, 1], [0, 0]]))
    True
    """
    maps, masks, batch = _pairs(maps, masks)
    highest = maps.reshape(len(maps), -1).argmax(1)
    hits = masks.reshape(len(masks), -1)[np.arange(len(maps)), highest]
    return hits if batch else hits[0]


def iou(maps, masks, *, threshold=None, quantile=None):
    """Overlap of the mask with the highest part of the map: intersection over union, 0 … 1.

    (H, W) twice → a number, (B, H, W) twice → (B,). The part is what lies above `threshold`, a share of the
    way from the map's least to its largest value, or above its `quantile`; by default the highest points, as
    many as the mask has. Both empty give 1.

    Raises ValueError for shapes that differ, both settings at once, and a setting outside 0 … 1.

    >>> float(iou([[0.1, 0.9], [0.2, 0.8]], [[0, 1], [0, 0]], threshold=0.5))
    0.5
    """
    maps, masks, batch = _pairs(maps, masks)
    settings = {"threshold": threshold, "quantile": quantile}
    given = {name: value for name, value in settings.items() if value is not None}
    if len(given) > 1 or any(not 0 <= value <= 1 for value in given.values()):
        raise ValueError(f"iou takes one of threshold and quantile, in 0 … 1; received {given}")
    found = np.array([
        _overlap(_highest(one, mask, threshold, quantile), mask) for one, mask in zip(maps, masks)
    ])  # fmt: skip
    return found if batch else found[0]


def energy(maps, masks):
    """Which share of the map's positive part lies on the mask: 0 … 1; 0 for a map without any.

    (H, W) twice → a number, (B, H, W) twice → (B,).
    Raises ValueError for shapes that differ.
    Source: Wang et al., "Score-CAM", CVPR workshops 2020, who take the object's box.

    >>> float(energy([[1.0, 3.0], [0.0, -2.0]], [[0, 1], [1, 1]]))
    0.75
    """
    maps, masks, batch = _pairs(maps, masks)
    light = np.maximum(maps, 0)
    whole = light.sum((1, 2))
    shares = (light * masks).sum((1, 2)) / np.where(whole > 0, whole, 1)
    return shares if batch else shares[0]


def rank_correlation(first, second):
    """Spearman's correlation of two maps of one size, −1 … 1; 0 where a map is constant.

    (H, W) twice → a number, (B, H, W) twice → (B,). Equal values share their mean rank.
    Raises ValueError for shapes that differ.

    >>> float(rank_correlation([[1, 2], [3, 4]], [[10, 20], [40, 30]]))
    0.8
    """
    first, second, batch = _pairs(first, second, masks=False)
    both = [rankdata(maps.reshape(len(maps), -1), axis=1) for maps in (first, second)]
    a, b = (ranks - ranks.mean(1, keepdims=True) for ranks in both)
    size = np.sqrt((a**2).sum(1) * (b**2).sum(1))
    found = (a * b).sum(1) / np.where(size > 0, size, 1)
    return found if batch else found[0]


def _highest(one, mask, threshold, quantile):
    if threshold is not None:
        return one > one.min() + threshold * (one.max() - one.min())
    if quantile is not None:
        return one > np.quantile(one, quantile)
    part = np.zeros(one.size, bool)
    part[np.argsort(-one, axis=None, kind="stable")[: mask.sum()]] = True
    return part.reshape(one.shape)


def _overlap(part, mask):
    union = (part | mask).sum()
    return (part & mask).sum() / union if union else 1.0


def _pairs(first, second, masks=True):
    """Both as batches of equal shape, the second as bool where it is a mask, and whether they were batches."""
    first, second = np.asarray(first, "float64"), np.asarray(second)
    if first.shape != second.shape or first.ndim not in (2, 3) or not first.size:
        raise ValueError(
            f"maps and masks must have one shape, (H, W) or (B, H, W); received {first.shape} and "
            f"{second.shape}; gpc.explain.resized(maps, masks.shape[-2:]) brings maps to a mask's size"
        )
    second = second != 0 if masks else second.astype("float64")
    batch = first.ndim == 3
    return (first, second, True) if batch else (first[None], second[None], False)
