"""How well a classifier's maps agree with masks, beside a map that knows nothing of the picture."""

import keras
import numpy as np

from gpc.explain.cams import cam, grad_cam
from gpc.explain.scores import iou, pointing_game


def judged(model, images, masks, target=None):
    """Means over the images of `pointing_game` and `iou` for `cam`, `grad_cam` and the picture's middle.

    (B, H, W, C) and (B, H, W) → {"cam": {"pointing": 0 … 1, "iou": 0 … 1}, "grad_cam": …, "centre": …,
    "share": 0 … 1}. Both maps are those of the network's last map, at the images' size. "centre" is what
    `centre_map` would score, which knows nothing of the picture, and "share" the masks' mean share of it: how
    often a point drawn anywhere lies on them.
    Cost: both maps' own.

    Args:
        model: a classifier that `cam` takes.
        images, masks: a batch (B, H, W, C), and for each image what was to be found, (B, H, W).
        target: the class, or one for each image (the right ones, say); None takes the one with the highest
            score.

    Raises ValueError for images, masks or targets that don't fit, and, as `cam`, for a head that is not
    linear.

    >>> import keras
    >>> import numpy as np
    >>> x = keras.Input((4, 4, 1))
    >>> maps = keras.layers.Conv2D(2, 1, kernel_initializer="ones")(x)
    >>> pooled = keras.layers.GlobalAveragePooling2D()(maps)
    >>> model = keras.Model(x, keras.layers.Dense(2, kernel_initializer="ones")(pooled))
    >>> mask = np.eye(4)
    >>> judged(model, mask[None, ..., None], mask[None], target=0)["cam"]
    {'pointing': 1.0, 'iou': 1.0}
    """
    images, masks = np.asarray(images), np.asarray(masks)
    maps = {method.__name__: method(model, images, target, resize=True) for method in (cam, grad_cam)}
    maps["centre"] = np.stack([centre_map(*masks.shape[1:])] * len(masks))
    told = {name: _scored(found, masks) for name, found in maps.items()}
    return {**told, "share": float((masks != 0).mean())}


def centre_map(height, width):
    """A map that is highest in the picture's middle and falls with the distance: (height, width).

    >>> centre_map(1, 3) + 0
    array([[-1.,  0., -1.]])
    """
    down, right = (np.arange(side) - (side - 1) / 2 for side in (height, width))
    return -np.hypot(down[:, np.newaxis], right[np.newaxis])


def _scored(maps, masks):
    return {
        "pointing": float(pointing_game(maps, masks).mean()),
        "iou": float(iou(maps, masks).mean()),
    }
