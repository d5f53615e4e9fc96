"""Data sets by name: train and validation to work with, a test split behind a function that counts.

Embedded, always there: `digits`. Nothing here starts a Keras backend but `profile`, which asks it for a GPU.
"""

from gpc.data.augment import AUGMENTATIONS, Affine, CropFlip, Shift
from gpc.data.batches import Batches, batches
from gpc.data.catalogue import load, names
from gpc.data.dataset import Dataset, Split, stratified
from gpc.data.profiles import profile

__all__ = [
    "AUGMENTATIONS", "Affine", "Batches", "CropFlip", "Dataset", "Shift", "Split",
    "batches", "load", "names", "profile", "stratified",
]  # fmt: skip
