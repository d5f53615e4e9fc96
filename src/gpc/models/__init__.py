"""Networks by name: the course's own, those of keras.applications, and k-networks made of those.

`build(name, **options)` makes one, `names()` lists them; each is a function of this module too,
`models.LeNet5()`, `models.MobileNetV2(input_shape=(32, 32, 3), classes=10)`. All start from random weights:
nothing is downloaded.

>>> from gpc import models
>>> models.LeNet5().count_params()
61706
"""

from gpc.models.registry import OWN, build, constructor, deviations, names

__all__ = ["build", "deviations", "names", *OWN]


def __getattr__(name):
    # Constructors are looked up by name, so that the registry alone says which networks there are.
    if not name.startswith("_") and name in names():
        return constructor(name)
    raise AttributeError(
        f"module 'gpc.models' has no attribute {name!r}; its networks are {', '.join(names())}"
    )


def __dir__():
    return sorted({*globals(), *names()})
