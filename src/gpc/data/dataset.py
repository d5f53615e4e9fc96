"""What a data set is here: three splits apart, the third behind a door that counts.

Source: the habit of one test opening per published number; d2l and pytorch-cifar report the best *test*
epoch, which this shape makes visible.
"""

import hashlib
from dataclasses import dataclass, fields
from functools import cached_property

import numpy as np


@dataclass(frozen=True, eq=False, repr=False)
class Split:
    """Images with what is known about them; every array is read-only and as long as `images`.

    images     uint8 (N, H, W, C), C = 1 or 3 (RGB)
    labels     int64 (N,), positions in the data set's `classes`
    masks      uint8 (N, H, W), 1 where the evidence lies: a leaf's lesions, the cells
    objects    uint8 (N, H, W), 1 where the object stands: the whole leaf
    boxes      int64 (N, 4), (top, left, bottom, right) of the object; bottom and right are one past the last
               pixel
    instances  uint16 (N, H, W), 0 = background, 1, 2, … = one number a cell
    groups     int64 (N,), equal for images of one thing: crops of one photograph, photographs of one leaf

    Raises ValueError where `images` are of another shape or type, or another array's shape does not fit them;
    the types of the others are not checked.
    """

    images: np.ndarray
    labels: np.ndarray
    masks: np.ndarray | None = None
    objects: np.ndarray | None = None
    boxes: np.ndarray | None = None
    instances: np.ndarray | None = None
    groups: np.ndarray | None = None

    def __post_init__(self):
        if self.images.ndim != 4 or self.images.dtype != np.uint8 or self.images.shape[-1] not in (1, 3):
            raise ValueError(
                f"images must be uint8 (N, H, W, 1 or 3); received {self.images.dtype} {self.images.shape}"
            )
        maps = self.images.shape[:3]
        needed = {"labels": maps[:1], "groups": maps[:1], "boxes": (maps[0], 4)}
        for name, array in self.arrays().items():
            shape = needed.get(name, maps)
            if name != "images" and array.shape != shape:
                raise ValueError(
                    f"{name} must have shape {shape} beside these images; received {array.shape}"
                )
            view = array.view()
            view.flags.writeable = False
            object.__setattr__(self, name, view)

    def __len__(self):
        return len(self.images)

    def __repr__(self):
        known = ", ".join(name for name in self.arrays() if name != "images")
        return f"Split(images={self.images.shape}, {known})"

    def arrays(self):
        """The arrays that are there, by name: `images` first."""
        every = {one.name: getattr(self, one.name) for one in fields(self)}
        return {name: array for name, array in every.items() if array is not None}

    def take(self, indices):
        """The split made of these rows, in this order."""
        return Split(**{name: array[indices] for name, array in self.arrays().items()})


class Sealed:
    """A split that counts how often it is taken out."""

    def __init__(self, split):
        self._split = split
        self.openings = 0

    def open(self):
        """Returns the split and adds one to `openings`."""
        self.openings += 1
        return self._split

    def arrays(self):
        """The arrays, for hashing and counting only: nothing is shown, so no opening is counted."""
        return self._split.arrays()


@dataclass(frozen=True, eq=False, repr=False)
class Dataset:
    """Train and validation splits to work with, a test split to open once.

    name         what `gpc.data.load` calls it, `_part` behind it where it is a part of a set
    classes      names, in the order of the labels
    train        the `Split` to learn from
    validation   the `Split` to choose by
    source       where the images come from, in a sentence or an address
    licence      under what they may be used
    seed         what drew the splits (and, of the procedural sets, the images)
    """

    name: str
    classes: tuple
    train: Split
    validation: Split
    _sealed: Sealed
    source: str
    licence: str
    seed: int = 0

    def __repr__(self):
        rows = " + ".join(str(count) for count in self.sizes.values())
        shape, classes = self.input_shape, len(self.classes)
        return f"Dataset({self.name!r}, {rows} images of {shape}, {classes} classes, seed {self.seed})"

    @property
    def input_shape(self):
        """(H, W, C) of one image."""
        return self.train.images.shape[1:]

    @property
    def sizes(self):
        """Images per split, the test split's without opening it."""
        test = len(self._sealed.arrays()["images"])
        return {"train": len(self.train), "validation": len(self.validation), "test": test}

    @property
    def test_openings(self):
        """How often `open_test` has been called on this object: 1 for an honest number."""
        return self._sealed.openings

    def open_test(self):
        """The test split; every call adds one to `test_openings`, which records keep."""
        return self._sealed.open()

    @cached_property
    def fingerprint(self):
        """SHA-256 over every array of every split with name, shape and type: equal where the content is."""
        digest = hashlib.sha256(repr((self.name, tuple(self.classes))).encode())
        for split in (self.train, self.validation, self._sealed):
            for name, array in split.arrays().items():
                digest.update(repr((name, array.shape, array.dtype.str)).encode())
                digest.update(np.ascontiguousarray(array))
        return digest.hexdigest()


def stratified(labels, sizes, *, seed):
    """Disjoint index arrays of the given `sizes`, each with the classes in the proportions of `labels`.

    (N,) labels and k sizes → k arrays, shuffled; exact in size, within one image of proportional in every
    class.
    Raises ValueError if the sizes need more rows than there are.

    >>> import numpy as np
    >>> labels = np.array([0, 0, 0, 0, 1, 1])
    >>> first, second = stratified(labels, (3, 3), seed=0)
    >>> sorted(np.concatenate([first, second]).tolist()), np.bincount(labels[first]).tolist()
    ([0, 1, 2, 3, 4, 5], [2, 1])
    """
    labels = np.asarray(labels)
    if sum(sizes) > len(labels) or min(sizes) < 0:
        raise ValueError(f"sizes={tuple(sizes)} need {sum(sizes)} images; there are {len(labels)}")
    generator = np.random.default_rng(seed)
    order = generator.permutation(len(labels))
    # Each image's place in its class, as a fraction: sorting by it interleaves the classes evenly, so that
    # every contiguous run of the result holds them in proportion, whatever its length.
    place = np.empty(len(labels))
    for label in np.unique(labels):
        rows = order[labels[order] == label]
        place[rows] = (np.arange(len(rows)) + generator.random()) / len(rows)
    evenly = order[np.argsort(place[order], kind="stable")]
    ends = np.cumsum(sizes)
    return [generator.permutation(evenly[end - size : end]) for size, end in zip(sizes, ends)]


def grouped(labels, groups, parts, *, seed):
    """Disjoint index arrays in the proportions of `parts` that share no group, classes in proportion.

    (N,) labels, (N,) groups and k weights → k arrays, which hold all the rows; exact in proportion where each
    group is one image, else as near as the groups' sizes allow. A group counts for the class of its first
    image.

    >>> import numpy as np
    >>> labels, pictures = np.array([0, 0, 0, 0, 1, 1]), np.array([7, 7, 8, 9, 3, 4])
    >>> first, second = grouped(labels, pictures, (1, 1), seed=0)
    >>> set(pictures[first]) & set(pictures[second])
    set()
    """
    names, firsts, owners = np.unique(groups, return_index=True, return_inverse=True)
    ends = np.rint(np.cumsum(parts) * (len(names) / sum(parts))).astype(int)
    sizes = np.diff(ends, prepend=0)
    chosen = stratified(np.asarray(labels)[firsts], sizes, seed=seed)
    part_of = np.empty(len(names), int)
    for part, members in enumerate(chosen):
        part_of[members] = part
    mixed = np.random.default_rng(seed).permutation(len(owners))
    return [mixed[part_of[owners[mixed]] == part] for part in range(len(sizes))]
