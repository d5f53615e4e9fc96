"""Every network by its name."""

import functools
import inspect

import keras

from gpc._checks import nearest
from gpc.models import (
    alexnet,
    applications,
    classic,
    densenet,
    ghostnet,
    googlenet,
    igc,
    kefficientnet,
    kinception,
    kmobile,
    mnasnet,
    residual,
    shufflenet,
    squeezenet,
    unet,
)
from gpc.models.table import deviations as _deviations
from gpc.models.table import one_of_variants

# Each lists its constructors in __all__ and has the tables they are built from in TABLES[name][variant].
FAMILIES = (
    classic,
    densenet,
    alexnet,
    googlenet,
    squeezenet,
    residual,
    mnasnet,
    shufflenet,
    ghostnet,
    igc,
    unet,
    kefficientnet,
    kmobile,
    kinception,
    applications,
)
OWN = {name: getattr(family, name) for family in FAMILIES for name in family.__all__}


def names():
    """The names `build` knows: the course's own networks first, then the others of keras.applications.

    >>> names()[:3]
    ('LeNet5', 'NetworkInNetwork', 'DenseNetBC100')
    """
    theirs = (name for name in sorted(dir(keras.applications)) if name[0].isupper() and name not in OWN)
    return (*OWN, *(name for name in theirs if callable(getattr(keras.applications, name))))


def constructor(name):
    """The function that builds the network of this name, keras.applications' with random weights.

    Raises TypeError for what is no text, ValueError naming the nearest names.
    """
    if not isinstance(name, str):
        raise TypeError(f"a network's name must be a text; received {name!r}")
    if name in OWN:
        return OWN[name]
    if name in names():
        return functools.partial(getattr(keras.applications, name), weights=None)
    near = nearest(name, names(), 3)
    hint = f"; the nearest are {', '.join(near)}" if near else "; gpc.models.names() lists them all"
    raise ValueError(f"no network is called {name!r}{hint}")


def build(name, **options):
    """A new network of the given name with random weights, (B, height, width, channels) → (B, classes).

    `UNet` and `GhostUNet` have a class for every pixel, (B, height, width, classes). `options` go to the
    constructor; all take `input_shape` and `classes`, the k-networks `channels_per_group` and `scheme` too,
    those of `keras.applications` what their documentation says.

    Raises ValueError for an unknown name, TypeError for an unknown option, both naming the nearest.

    >>> build("MobileNetV2", input_shape=(32, 32, 3), classes=10).count_params()
    2270794
    """
    function = constructor(name)
    known = inspect.signature(function).parameters
    if any(parameter.kind is parameter.VAR_KEYWORD for parameter in known.values()):
        return function(**options)
    for option in options:
        if option not in known:
            near = nearest(option, known) or list(known)
            raise TypeError(
                f"{name} takes no option {option!r}; it takes {', '.join(known)} (nearest: {near[0]})"
            )
    return function(**options)


def deviations(name, variant="full"):
    """Where a network of the course differs: "full" from its paper, any other variant from "full".

    A tuple of texts, one a row of its table that differs, empty where none does.

    Raises ValueError for an unknown network or variant, naming the nearest.

    >>> deviations("NetworkInNetwork", "small")[0]
    'conv1: a quarter of the filters, 3×3, no dropout'
    """
    constructor(name)
    tables = next((family.TABLES[name] for family in FAMILIES if name in family.TABLES), {"full": ()})
    return _deviations(one_of_variants(variant, tables))
