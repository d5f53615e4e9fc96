"""An architecture as a table of its paper's rows, and the layers that simple rows stand for."""

from typing import NamedTuple

from keras import layers

from gpc._checks import positive


class Row(NamedTuple):
    """One row of an architecture's table; `deviates` says where we differ from the paper's."""

    name: str
    kind: str
    filters: int | None = None
    kernel: int | None = None
    stride: int = 1
    activation: str | None = None
    padding: str = "valid"
    deviates: str = ""


def deviations(rows):
    """What the rows say of where they differ, "name: text" each.

    >>> deviations([Row("C1", "conv", 6, 5), Row("S2", "average", deviates="no bias")])
    ('S2: no bias',)
    """
    return tuple(f"{row.name}: {row.deviates}" for row in rows if row.deviates)


def one_of_variants(variant, tables):
    """The rows of a variant. Raises ValueError for one that the tables don't have, naming those they do.

    >>> one_of_variants("small", {"small": (1, 2)})
    (1, 2)
    """
    if variant not in tables:
        raise ValueError(f"variant={variant!r} is unknown; it is one of {', '.join(map(repr, tables))}")
    return tables[variant]


def image(shape):
    """The three checked sizes of an image's shape."""
    sizes = tuple(shape)
    if len(sizes) != 3:
        raise ValueError(f"input_shape={sizes} must be (height, width, channels)")
    return tuple(
        positive(name, size) for name, size in zip(("height", "width", "channels"), sizes, strict=True)
    )


def stacked(x, rows, classes, *, dropout=0.0):
    """The rows one after the other: (B, height, width, channels) → what the last row gives."""
    classes = positive("classes", classes)
    for row in rows:
        if row.kind in ("dense", "classes") and row.kernel is None and len(x.shape) > 2:
            x = layers.Flatten(name="flatten")(x)
        x = _layer(row, classes, dropout)(x)
    return x


def _layer(row, classes, dropout):
    """The Keras layer of one row."""
    pool = {"pool_size": row.kernel, "strides": row.stride, "padding": row.padding, "name": row.name}
    start = "he_normal" if row.activation == "relu" else "glorot_uniform"
    neurons = {"activation": row.activation, "kernel_initializer": start, "name": row.name}
    filters = classes if row.kind == "classes" else row.filters
    if row.kernel and filters:
        return layers.Conv2D(filters, row.kernel, strides=row.stride, padding=row.padding, **neurons)
    kinds = {
        "average": lambda: layers.AveragePooling2D(**pool),
        "max": lambda: layers.MaxPooling2D(**pool),
        "global": lambda: layers.GlobalAveragePooling2D(name=row.name),
        "dropout": lambda: layers.Dropout(dropout, name=row.name),
        "softmax": lambda: layers.Softmax(name=row.name),
    }
    return kinds[row.kind]() if row.kind in kinds else layers.Dense(filters, **neurons)
