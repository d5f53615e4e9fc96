"""Grouped pointwise convolutions in Keras 3: layers, model surgery, exact costs, and what a course needs around them.

Rooms are imported when first touched, so that `import gpc` takes milliseconds and starts no backend.

>>> import gpc
>>> gpc.wiring.plan(480, 80, channels_per_group=16).kernel_parameters
2560
"""

import importlib

__version__ = "0.1.0"

ROOMS = (
    "wiring",
    "count",
    "layers",
    "blocks",
    "surgery",
    "models",
    "explain",
    "data",
    "train",
    "export",
    "bench",
    "show",
    "cli",
)
_FUNCTIONS = {"profile": "data"}


def __getattr__(name):
    if name in ROOMS:
        return importlib.import_module(f"gpc.{name}")
    if name in _FUNCTIONS:
        return getattr(importlib.import_module(f"gpc.{_FUNCTIONS[name]}"), name)
    raise AttributeError(f"module 'gpc' has no attribute {name!r}; its rooms are {', '.join(ROOMS)}")


def __dir__():
    return sorted([*globals(), *ROOMS, *_FUNCTIONS])
