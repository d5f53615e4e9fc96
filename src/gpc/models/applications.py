"""Networks of keras.applications that the course teaches: as they are, or small, for images of 32×32."""

import inspect

import keras

from gpc.models.boxes import boxed
from gpc.models.small import SMALL
from gpc.models.table import one_of_variants

__all__ = [
    "DenseNet121",
    "EfficientNetB0",
    "InceptionV3",
    "MobileNet",
    "MobileNetV2",
    "MobileNetV3Large",
    "MobileNetV3Small",
    "ResNet50",
    "VGG16",
    "Xception",
]

TABLES = {name: {"full": (), "small": rows} for name, rows in SMALL.items()}

_DOC = """`keras.applications.{name}`, or a small network of its boxes: (B, H, W, C) → (B, classes).

    `variant="full"` is the network of `keras.applications` with all its options, `weights` None and
    `input_shape` that network's default if not given. `variant="small"` has the same kinds of boxes, fewer
    and thinner, for images of 32×32 by default, or other sizes; it takes no further options.
    `gpc.models.deviations("{name}", "small")` lists what it leaves out.

    Raises ValueError for an unknown variant and what `keras.applications` raises, TypeError for options that
    "small" does not take.
    Source: `keras.applications.{name}`, which names its paper.
    """


def _application(name):
    """The constructor of one network, with the signature that keras.applications has for it and `variant`."""
    theirs = getattr(keras.applications, name)

    def build(input_shape=None, classes=1000, *, variant="full", **options):
        one_of_variants(variant, TABLES[name])
        if variant == "full":
            return theirs(input_shape=input_shape, classes=classes, **{"weights": None, **options})
        if options:
            raise TypeError(
                f"{name} with variant='small' takes input_shape and classes only; received "
                f"{', '.join(options)} (variant='full' takes what keras.applications.{name} does)"
            )
        shape = (32, 32, 3) if input_shape is None else input_shape
        return boxed(SMALL[name], shape, classes, f"{name.lower()}_small")

    build.__name__ = build.__qualname__ = name
    build.__doc__ = _DOC.format(name=name)
    build.__signature__ = _signature(build, theirs)
    return build


def _signature(ours, theirs):
    """Our named parameters, then theirs by keyword: what `models.build` checks options against."""
    own = [p for p in inspect.signature(ours).parameters.values() if p.kind is not p.VAR_KEYWORD]
    taken = {parameter.name for parameter in own}
    others = [
        p.replace(kind=p.KEYWORD_ONLY, default=None if p.name == "weights" else p.default)
        for p in inspect.signature(theirs).parameters.values()
        if p.name not in taken
    ]
    return inspect.Signature([*own, *others])


DenseNet121 = _application("DenseNet121")
EfficientNetB0 = _application("EfficientNetB0")
InceptionV3 = _application("InceptionV3")
MobileNet = _application("MobileNet")
MobileNetV2 = _application("MobileNetV2")
MobileNetV3Large = _application("MobileNetV3Large")
MobileNetV3Small = _application("MobileNetV3Small")
ResNet50 = _application("ResNet50")
VGG16 = _application("VGG16")
Xception = _application("Xception")
