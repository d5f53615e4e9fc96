"""Quality checks of a data set's splits: images that are nearly in two of them, things that are in two.

Neither shows an image of the test split or counts as opening it.
"""

from dataclasses import dataclass

import cv2
import numpy as np

COARSE, FINE = 8, 32  # pixels a side: what all pairs are compared at, and then the likeliest ones
CANDIDATES = 8  # how many of the likeliest images are looked at closely
CHUNK = 512  # images compared with all others at a time: 100 MB for 50,000 others
PAIRS = (("test", "train"), ("test", "validation"), ("validation", "train"))


@dataclass(frozen=True, eq=False)
class Overlap:
    """Images of one split that have a near copy in another.

    first, second   the splits' names
    rows            int64 (P, 2): an image of `first` and the image of `second` that is most like it
    similarities    float32 (P,), 1 for equal images
    count           how many images `first` has
    """

    first: str
    second: str
    rows: np.ndarray
    similarities: np.ndarray
    count: int

    @property
    def share(self):
        """The part of `first` that has a near copy in `second`."""
        return len(self.rows) / max(self.count, 1)

    def __repr__(self):
        return f"Overlap({len(self.rows)} of {self.count} {self.first} images nearly in {self.second})"


def duplicates(data, *, similarity=0.95, mirrored=True):
    """Near copies between splits: an `Overlap` for test in train, test in validation, validation in train.

    Similar are two images whose pixels correlate at 32×32 (or their own size, if less) by at least
    `similarity`, over all channels together: a change of brightness or contrast counts for nothing, a crop or
    a shift by pixels for much. `mirrored=True` compares with mirrored images, too. Only the 8 images that
    are most alike at 8×8 are compared so, which is what makes it fast: for N and M colour images 192·N·M
    multiply-accumulates (MACs), twice that with `mirrored=True`; about a minute for CIFAR-10 on two busy
    cores.

    Of 20 pairs of CIFAR-10 looked at, 19 were one picture at 0.95 to 0.975, and all 20 above; below 0.925
    about half were two ships on one kind of sea.

    Source: the question is B. Barz and J. Denzler's, Do we train on test data?, 2020. They compare a
    network's features and then look at each pair, so they find crops and shifts as well; they count more.
    Raises ValueError for a similarity that is not above 0 and at most 1.

    >>> import gpc
    >>> [len(overlap.rows) for overlap in duplicates(gpc.data.load("digits"), similarity=1.0)]
    [0, 0, 0]
    """
    if not 0 < similarity <= 1:
        raise ValueError(f"similarity={similarity} must be above 0 and at most 1; the default is 0.95")
    images = _of_splits(data, "images")
    return tuple(_overlap(*pair, *(images[name] for name in pair), similarity, mirrored) for pair in PAIRS)


def leaks(data):
    """Groups of images in two splits: {("test", "train"): how many, …}.

    The number is of images of the first split whose group the second has, too.

    What a group is, the data set's `groups` say: the crops of one photograph, the photographs of one leaf.
    Raises ValueError for a data set without groups.
    """
    if data.train.groups is None:
        raise ValueError(f"{data.name} does not say which of its images belong together; plantdoc does")
    groups = _of_splits(data, "groups")
    return {(a, b): int(np.isin(groups[a], groups[b]).sum()) for a, b in PAIRS}


def _of_splits(data, name):
    splits = {"train": data.train, "validation": data.validation, "test": data._sealed}
    return {split: held.arrays()[name] for split, held in splits.items()}


def _overlap(first, second, ours, theirs, similarity, mirrored):
    """The near copies of `ours` in `theirs`, mirrored or not: the better of the two."""
    rows = np.empty(len(ours), np.int64)
    found = np.full(len(ours), -1, np.float32)
    index = _directions(_thumbnails(theirs, COARSE)).T.copy()
    for start in range(0, len(ours), CHUNK):
        part = ours[start : start + CHUNK]
        for seen in (part, part[:, :, ::-1]) if mirrored else (part,):
            near = _likeliest(_directions(_thumbnails(seen, COARSE)) @ index)
            row, alike = _closest(seen, theirs, near)
            better = alike > found[start : start + CHUNK]
            rows[start : start + CHUNK][better] = row[better]
            found[start : start + CHUNK][better] = alike[better]
    kept = np.flatnonzero(found >= np.float32(similarity))
    return Overlap(first, second, np.column_stack([kept, rows[kept]]), found[kept], len(ours))


def _likeliest(similarities):
    """(N, M) → (N, CANDIDATES): the columns of the greatest numbers; the argument is changed."""
    near = np.empty((len(similarities), min(CANDIDATES, similarities.shape[1])), np.int64)
    every = np.arange(len(similarities))
    for place in range(near.shape[1]):
        near[:, place] = similarities.argmax(1)
        similarities[every, near[:, place]] = -np.inf
    return near


def _closest(ours, theirs, near):
    """The candidate most like each image, at FINE pixels a side, and how much: (N,), (N,)."""
    fine = _directions(_thumbnails(ours, FINE))
    best, alike = near[:, 0].copy(), np.full(len(ours), -1, np.float32)
    for column in near.T:
        candidates = theirs[column]
        numbers = np.einsum("nd,nd->n", fine, _directions(_thumbnails(candidates, FINE)))
        numbers[(candidates == ours).all((1, 2, 3))] = 1  # flat images, too, which have no direction
        better = numbers > alike
        best[better], alike[better] = column[better], numbers[better]
    return best, np.minimum(alike, 1)


def _thumbnails(images, most):
    """(N, H, W, C) → float32 (N, h·w·C), averaged to at most `most` pixels a side."""
    height, width = images.shape[1:3]
    if max(height, width) > most:
        sides = (min(most, width), min(most, height))
        images = np.stack([cv2.resize(one, sides, interpolation=cv2.INTER_AREA) for one in images])
    return images.reshape(len(images), -1).astype(np.float32)


def _directions(vectors):
    """Each vector less its mean, at length 1; a flat one stays 0. The product of two is their correlation."""
    vectors -= vectors.mean(1, keepdims=True)
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors / np.maximum(lengths, np.float32(1e-6))
