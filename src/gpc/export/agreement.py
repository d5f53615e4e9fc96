"""How far two models' outputs lie apart, and how often they decide alike."""

from typing import NamedTuple

import numpy as np


class Agreement(NamedTuple):
    """`max_difference`, absolute, over all numbers; `same_top1`, the part of rows whose largest entry is the
    same."""

    max_difference: float
    same_top1: float

    def __str__(self):
        return f"largest difference {self.max_difference:.2e}, same decision on {self.same_top1:.1%}"


def agreement(a, b):
    """Outputs of two models for the same inputs set against each other: (B, …, classes) twice → `Agreement`.

    Raises ValueError for shapes that differ or are empty, and for numbers that are not finite.

    >>> print(agreement([[0.0, 1.0], [0.7, 0.3]], [[0.0, 1.0], [0.4, 0.6]]))
    largest difference 3.00e-01, same decision on 50.0%
    """
    a, b = (np.asarray(one, dtype=np.float64) for one in (a, b))
    if a.shape != b.shape or a.ndim == 0 or not a.size:
        raise ValueError(f"outputs of shapes {a.shape} and {b.shape} cannot be compared; they must be equal")
    for name, one in (("first", a), ("second", b)):
        if not np.isfinite(one).all():
            raise ValueError(f"{(~np.isfinite(one)).sum()} numbers of the {name} outputs are not finite")
    return Agreement(float(np.abs(a - b).max()), float(np.mean(a.argmax(-1) == b.argmax(-1))))
