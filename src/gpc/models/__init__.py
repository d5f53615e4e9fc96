"""Networks by name: the course's own, those of keras.applications, and k-networks made of those.

`build(name, **options)` makes one, `names()` lists them; each is a function of this module too,
`models.LeNet5()`, `models.MobileNetV2(input_shape=(32, 32, 3), classes=10)`. All start from random weights:
nothing is downloaded.

>>> from gpc import models
>>> models.LeNet5().count_params()
61706
"""

from gpc.models.classic import LENET5, NIN, LeNet5, NetworkInNetwork
from gpc.models.grouped import (
    kEfficientNetB0,
    kEfficientNetB1,
    kEfficientNetB2,
    kEfficientNetB3,
    kEfficientNetB4,
    kEfficientNetB5,
    kEfficientNetB6,
    kEfficientNetB7,
    kInceptionV3,
    kMobileNet,
    kMobileNetV3Large,
    kMobileNetV3Small,
)
from gpc.models.registry import build, constructor, names

__all__ = [
    "LENET5",
    "NIN",
    "LeNet5",
    "NetworkInNetwork",
    "build",
    "kEfficientNetB0",
    "kEfficientNetB1",
    "kEfficientNetB2",
    "kEfficientNetB3",
    "kEfficientNetB4",
    "kEfficientNetB5",
    "kEfficientNetB6",
    "kEfficientNetB7",
    "kInceptionV3",
    "kMobileNet",
    "kMobileNetV3Large",
    "kMobileNetV3Small",
    "names",
]


def __getattr__(name):
    if name[:1].isupper() and name in names():
        return constructor(name)
    raise AttributeError(
        f"module 'gpc.models' has no attribute {name!r}; its networks are {', '.join(names())}"
    )


def __dir__():
    return sorted({*globals(), *names()})
