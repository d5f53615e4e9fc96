"""Batches by number: the same for the same (seed, epoch), and batch 37 to be had without the 36 before it."""

import time
from collections.abc import Sequence

import cv2
import numpy as np

from gpc.data.augment import apply, augmentation

NO_TARGETS = ("images", "boxes", "groups")
_ORDER, _MOVES = 0, 1  # separate streams, so that adding an augmentation does not reorder the images


class Batches(Sequence):
    """One epoch of a split as a sequence of (images, targets); `batches` is the short way to it.

    split of N images → ⌈N / batch_size⌉ pairs: float32 (B, H, W, C) in 0 … 1, and int64 (B,) labels or the
    maps named by `target`. Order depends on (seed, epoch), each image's augmentation on (seed, epoch, its
    index) and on nothing else, so a run killed in the middle of an epoch continues with the very next batch.

    Raises ValueError for a `batch_size` below 1, a `target` the split does not have and an unknown `augment`;
    IndexError for a batch outside the epoch.
    """

    def __init__(
        self, split, batch_size, *, seed=0, epoch=0, augment=None, shuffle=True, size=None, target="labels"
    ):
        if batch_size < 1:
            raise ValueError(f"batch_size={batch_size} must be at least 1")
        known = [name for name in split.arrays() if name not in NO_TARGETS]
        if target not in known:
            raise ValueError(
                f"target={target!r} is not known for this split; nearest that is: {', '.join(known)}"
            )
        self.split, self.batch_size, self.size = split, batch_size, size
        self.targets = split.arrays()[target]
        self.augment = augmentation(augment)
        self.order = np.arange(len(split))
        if shuffle:
            self.order = np.random.default_rng([seed, epoch, _ORDER]).permutation(len(split))
        moves = np.random.default_rng([seed, epoch, _MOVES])
        self.draws = moves.random((len(split), self.augment.draws)) if self.augment else None

    def __len__(self):
        return -(-len(self.order) // self.batch_size)

    def __getitem__(self, step):
        if isinstance(step, slice):
            return [self[one] for one in range(*step.indices(len(self)))]
        if not -len(self) <= step < len(self):
            raise IndexError(f"batch {step} of an epoch of {len(self)}")
        start = (step % len(self)) * self.batch_size
        rows = self.order[start : start + self.batch_size]
        maps = self.targets.ndim > 1
        targets = self._moved(self.targets, rows, smooth=False) if maps else self.targets[rows]
        return self._moved(self.split.images, rows, smooth=True).astype(np.float32) / 255, targets

    def _moved(self, arrays, rows, *, smooth):
        if self.augment is None and self.size is None:
            return arrays[rows]
        if hasattr(self.augment, "move_all"):
            moved = self.augment.move_all(arrays[rows], self.draws[rows], smooth)
            return moved if self.size is None else np.stack([self._sized(one, smooth) for one in moved])
        # A list, for arithmetic with single numbers: NumPy's take several times as long.
        draws = self.draws[rows].tolist() if self.augment else [None] * len(rows)
        return np.stack([self._one(arrays[row], one, smooth) for row, one in zip(rows, draws)])

    def _one(self, array, draws, smooth):
        if self.augment is not None:
            array = apply(self.augment, array, draws, smooth=smooth)
        return self._sized(array, smooth)

    def _sized(self, array, smooth):
        return array if self.size is None else resized(array, self.size, smooth=smooth)


def batches(split, batch_size, *, seed=0, epoch=0, augment=None, shuffle=True, size=None, target="labels"):
    """One epoch of `split` as a sequence of (images, targets): indexed, sliced, or iterated.

    float32 (B, H, W, C) in 0 … 1 and int64 (B,) labels; `target="masks"` (or "objects", "instances") gives
    the maps instead, moved with their images. `augment`: "papers", "crop-flip", "shift", "trivial",
    "symmetries", an augmentation object, or None. `size` resizes each image on its way out, so that 60,000
    small images need not lie large in memory.

    Raises what `Batches` raises.

    >>> import gpc
    >>> epoch = batches(gpc.data.load("digits").train, 64, seed=0, epoch=3, augment="shift")
    >>> len(epoch), epoch[18][0].shape
    (19, (15, 8, 8, 1))
    """
    return Batches(
        split, batch_size, seed=seed, epoch=epoch, augment=augment, shuffle=shuffle, size=size, target=target
    )


def throughput(split, batch_size=128, *, augment=None, size=None, seconds=1.0):
    """Images per second that `batches` gives on this machine, from memory to augmented float32.

    One process, whole batches, epoch after epoch until `seconds` have passed; what a model needs is not in
    it. A model that takes more images per second waits for its data.

    Raises ValueError where `seconds` is not above 0, and what `batches` raises.

    >>> import gpc
    >>> throughput(gpc.data.load("digits").train, seconds=0.01) > 100
    True
    """
    if not seconds > 0:
        raise ValueError(f"seconds={seconds} must be above 0; 1 is enough on a quiet machine")
    done, epoch, start = 0, 0, time.perf_counter()
    while True:
        for images, _ in batches(split, batch_size, epoch=epoch, augment=augment, size=size):
            done += len(images)
            passed = time.perf_counter() - start
            if passed >= seconds:
                return done / passed
        epoch += 1


def resized(image, size, *, smooth=True):
    """An image or map brought to (size, size): (H, W[, C]) → (size, size[, C]).

    Areas averaged when it shrinks, bilinear when it grows; `smooth=False` takes the pixel nearest to each
    centre, for masks.
    """
    if image.shape[0] == image.shape[1] == size:
        return image
    way = cv2.INTER_AREA if size < min(image.shape[:2]) else cv2.INTER_LINEAR
    found = cv2.resize(image, (size, size), interpolation=way if smooth else cv2.INTER_NEAREST_EXACT)
    return found.reshape(size, size, *image.shape[2:])
