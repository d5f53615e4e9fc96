"""Groups side by side as blocks of one grouped convolution, and the kernel with zeros that this takes."""

from dataclasses import dataclass

import numpy as np
from keras import backend, ops

from gpc.layers.arrange import split

LANES = 16  # float32 numbers in a 512-bit register, and a multiple of what narrower ones hold


@dataclass(frozen=True)
class Blocks:
    """How groups are put together: `count` blocks of `merged` groups each.

    A block has `main` filters, then `extra` ones (one a group, zero where the group owns none), then `empty`
    zeros.
    """

    count: int
    merged: int
    main: int
    extra: int
    empty: int

    @classmethod
    def of(cls, grouping, *, merge=True):
        """As many groups a block as give it up to 16 filters; zeros to 16 where it is rearranged anyway."""
        each, extra = grouping.filters // grouping.groups, int(grouping.extra > 0)
        merged = 1
        if merge:
            fitting = range(1, max(1, LANES // (each + extra)) + 1)
            merged = max(many for many in fitting if grouping.groups % many == 0)
        filters = merged * (each + extra)
        empty = LANES - filters if merge and extra and filters < LANES else 0
        return cls(grouping.groups // merged, merged, merged * each, merged * extra, empty)

    @property
    def width(self):
        """Filters of one block."""
        return self.main + self.extra + self.empty

    @property
    def sizes(self):
        """The parts of a block that it has."""
        return tuple(size for size in (self.main, self.extra, self.empty) if size)

    def kernel(self, kernel, grouping):
        """(1, 1, in, filters) → (1, 1, merged · in, count · width): each group's weights, zeros elsewhere."""
        inside, owned = grouping.channels_per_group, grouping.filters - grouping.extra
        flat = ops.reshape(kernel, [inside, grouping.filters])
        main, extra = split(flat, (owned, grouping.extra), 1) if grouping.extra else (flat, None)
        parts = [self._spread(main, inside)]
        if grouping.extra:
            parts.append(
                self._spread(ops.pad(extra, [[0, 0], [0, grouping.groups - grouping.extra]]), inside)
            )
        rows = self.merged * inside
        block = ops.concatenate(parts, axis=2) if grouping.extra else parts[0]
        block = ops.pad(block, [[0, 0], [0, 0], [0, self.empty]]) if self.empty else block
        return ops.reshape(block, [1, 1, rows, self.count * self.width])

    def _spread(self, flat, inside):
        """(in, groups · each) → (merged · in, count, merged · each), zero between groups."""
        each = flat.shape[1] // (self.count * self.merged)
        shape = [self.merged * inside, self.count, self.merged * each]
        if self.merged == 1:
            return ops.reshape(flat, shape)
        same = np.eye(self.merged, dtype="float32").reshape(self.merged, 1, 1, self.merged, 1)
        same = ops.convert_to_tensor(same, dtype=backend.standardize_dtype(flat.dtype))
        by_group = ops.reshape(flat, [1, inside, self.count, self.merged, each])
        return ops.reshape(ops.multiply(by_group, same), shape)
