"""What a set of pictures is once it has been read, and how it is cut into splits."""

from dataclasses import dataclass, field

import numpy as np

from gpc.data.dataset import Split, grouped

TEST_SEED = 0  # one test split for all seeds: else what one seed tests on, another one has trained on


@dataclass(frozen=True)
class Album:
    """All the pictures of a set as one split.

    parts    of the images, by weight: train and validation, and test where there is no official one
    test     bool (N,): which images the official test split has; None where there is none
    whole    whether it is the whole official set, or a part that was asked for
    by_group whether splits keep the pool's groups together
    """

    name: str
    pool: Split
    classes: tuple
    page: str
    licence: str
    parts: tuple
    test: np.ndarray | None = field(default=None)
    whole: bool = True
    by_group: bool = True

    def rows(self, seed):
        """The indices of train, validation and test; validation follows the seed, test does not."""
        labels = self.pool.labels
        together = self.by_group and self.pool.groups is not None
        groups = self.pool.groups if together else np.arange(len(labels))
        if self.test is None:
            others, test = grouped(labels, groups, (sum(self.parts[:2]), self.parts[2]), seed=TEST_SEED)
        else:
            others, test = np.flatnonzero(~self.test), np.flatnonzero(self.test)
        train, validation = grouped(labels[others], groups[others], self.parts[:2], seed=seed)
        return others[train], others[validation], test
