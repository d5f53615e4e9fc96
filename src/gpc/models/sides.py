"""How small an image a network can read."""

from gpc.models.table import image


def at_least(input_shape, side, why):
    """The three checked sizes of an image of at least side × side.

    Raises ValueError for a smaller one, saying `why`, TypeError for sizes that are no integers.

    >>> at_least((32, 28, 3), 21, "three poolings need")
    (32, 28, 3)
    """
    sizes = image(input_shape)
    if min(sizes[:2]) < side:
        raise ValueError(
            f"input_shape={tuple(input_shape)}: {why} at least {side}×{side}; nearest that works: "
            f"{max(side, sizes[0])}×{max(side, sizes[1])}"
        )
    return sizes
