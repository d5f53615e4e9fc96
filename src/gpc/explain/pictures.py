"""Images and maps as arrays: batches, sizes, a map laid over its image."""

import cv2
import numpy as np

from gpc._checks import positive

CHUNK = 64


def as_batch(model, image):
    """(float32 batch (B, H, W, C), whether it was a batch) of one image or several.

    Raises ValueError naming the shape the model takes.
    """
    images = np.asarray(image)
    single = images.ndim == 3
    images = images[np.newaxis] if single else images
    needed = model.input_shape if not isinstance(model.input_shape, list) else model.input_shape[0]
    fits = len(needed) == images.ndim == 4 and all(
        want in (None, got) for want, got in zip(needed[1:], images.shape[1:], strict=True)
    )
    if not fits or not len(images):
        shape = " × ".join("any" if one is None else str(one) for one in needed[1:])
        grey = "; add the channel: image[..., None]" if np.ndim(image) == 2 else ""
        raise ValueError(
            f"model {model.name!r} takes images of {shape}, one or a batch of them; received an array of "
            f"shape {np.shape(image)}{grey}"
        )
    return images.astype("float32"), not single


def chunks(images):
    """A batch in parts small enough to hold all maps of."""
    return (images[start : start + CHUNK] for start in range(0, len(images), CHUNK))


def resized(maps, size, *, shift=0.0):
    """Maps at another size by OpenCV's bilinear interpolation: (height, width) or (B, height, width) → size.

    size    (height, width)
    shift   pixels, down and right, by which each position's window lies off its place in an even tiling;
            "same" padding in front of even sizes makes it (s − 1)/2 times the stride so far for each layer
            of stride s with a 3×3 window

    The map's positions are taken for the middles of equal tiles, as OpenCV, PyTorch (align_corners=False) and
    `keras.ops.image.resize` take them. Beyond the outermost middles the map goes on as it is there.

    Raises ValueError for what is no map or a size below 1.

    >>> import numpy as np
    >>> resized(np.array([[0.0, 1.0]]), (1, 4))
    array([[0.  , 0.25, 0.75, 1.  ]], dtype=float32)
    """
    maps = np.asarray(maps, "float32")
    if maps.ndim not in (2, 3) or not maps.size:
        raise ValueError(f"maps must be (height, width) or (B, height, width); received shape {maps.shape}")
    if np.shape(size) != (2,):
        raise ValueError(f"size={size!r} must be (height, width); nearest that works: {maps.shape[-2:]}")
    height, width = (positive("size", one) for one in size)
    if maps.ndim == 3:
        return np.stack([resized(one, (height, width), shift=shift) for one in maps])
    if not shift:
        return cv2.resize(np.ascontiguousarray(maps), (width, height), interpolation=cv2.INTER_LINEAR)
    rows, columns = (
        np.clip((np.arange(to) + 0.5 - shift) * have / to - 0.5, 0, have - 1).astype("float32")
        for to, have in zip((height, width), maps.shape, strict=True)
    )
    columns, rows = np.meshgrid(columns, rows)
    return cv2.remap(np.ascontiguousarray(maps), columns, rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def overlay(image, map, *, opacity=0.6):
    """The image, grey, with the map over it in colour: (H, W, C) and (height, width) → uint8 (H, W, 3), RGB.

    The map is brought to the image's size; its values from the least to the largest go through OpenCV's
    viridis, whose lightness grows with the value, and cover the image the more, the larger they are. A float
    image is taken as 0 … 1 where it holds nothing above 1, else as 0 … 255.

    Raises ValueError for shapes that are no image and no map, and for an opacity outside 0 … 1.
    """
    image, map = np.asarray(image), np.asarray(map, "float32")
    if image.ndim != 3 or image.shape[-1] not in (1, 3) or map.ndim != 2:
        raise ValueError(
            f"overlay takes one image (H, W, 1 or 3) and one map (height, width); received {image.shape} and "
            f"{map.shape}"
        )
    if not 0 <= opacity <= 1:
        raise ValueError(f"opacity={opacity} must lie in 0 … 1; nearest: {min(max(opacity, 0), 1)}")
    scale = 1 if image.dtype == np.uint8 or image.max() > 1 else 255
    light = np.clip(image * np.float32(scale), 0, 255).mean(-1, keepdims=True)
    level = resized(map, image.shape[:2])
    level = (level - level.min()) / max(float(np.ptp(level)), 1e-12)
    colour = cv2.applyColorMap(np.rint(level * 255).astype(np.uint8), cv2.COLORMAP_VIRIDIS)[..., ::-1]
    cover = opacity * level[..., np.newaxis]
    return np.rint((1 - cover) * light + cover * colour).astype(np.uint8)
