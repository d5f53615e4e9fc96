"""Data sets by name: train and validation to work with, a test split behind a function that counts.

Embedded, always there: `digits`, and `leaves` and `cells`, drawn from a seed with masks and boxes known.
Downloaded or found under `GPC_DATA`: `cifar10`, `cifar100`, `fashion_mnist`, and the pictures of any size of
`oxford_pets`, `plantvillage`, `plantdoc` and `nuclei`; their files are checked against the official sets
and read as data, and no code in them (CIFAR's are pickles) is ever run. Nothing here starts a Keras backend
but `profile`, which asks it for a GPU.
"""

from gpc.data.augment import AUGMENTATIONS, Affine, CropFlip, Shift, Symmetries, Trivial
from gpc.data.batches import Batches, batches, throughput
from gpc.data.catalogue import load, names
from gpc.data.dataset import Dataset, Split, grouped, stratified
from gpc.data.profiles import profile
from gpc.data.quality import Overlap, duplicates, leaks

__all__ = [
    "AUGMENTATIONS", "Affine", "Batches", "CropFlip", "Dataset", "Overlap", "Shift", "Split", "Symmetries",
    "Trivial", "batches", "duplicates", "grouped", "leaks", "load", "names", "profile", "stratified",
    "throughput",
]  # fmt: skip
