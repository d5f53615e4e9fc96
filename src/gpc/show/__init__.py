"""What a reader sees: numbers in sentences, tables, predictions, checked answers, figures.

Everything works in three places, a notebook, a rendered page and a plain terminal, and asks no network for
anything. matplotlib is imported when the first figure is asked for, so a graded assignment that only says
`check` starts at once.

>>> from gpc.show import say
>>> say("A 1×1 layer {inputs} → {filters} holds {weights} weights.",
...     inputs=480, filters=80, weights=480 * 80)
A 1×1 layer 480 → 80 holds 38,400 weights.
"""

import importlib

from gpc.show.asking import Prediction, predict
from gpc.show.checking import check
from gpc.show.colours import palette
from gpc.show.ledger import claim, claims
from gpc.show.numbers import number
from gpc.show.results import results
from gpc.show.tables import Table, table
from gpc.show.words import say

# Where to find what needs matplotlib (or is large): imported when first asked for.
_DRAWN = {
    "Drawing": "canvas",
    "areas": "amounts",
    "end_labels": "canvas",
    "explorer": "states",
    "figure": "canvas",
    "headline": "canvas",
    "lines": "charts",
    "matrix": "charts",
    "moving": "motion",
    "plain_marks": "charts",
    "scatter": "charts",
    "stacked_bars": "amounts",
    "style": "canvas",
    "wiring": "bundles",
    "wiring_explorer": "bundles",
}

__all__ = [
    "Prediction",
    "Table",
    "check",
    "claim",
    "claims",
    "number",
    "palette",
    "predict",
    "results",
    "say",
    "table",
    *_DRAWN,
]


def __getattr__(name):
    if name in _DRAWN:
        return getattr(importlib.import_module(f"gpc.show.{_DRAWN[name]}"), name)
    raise AttributeError(f"module 'gpc.show' has no attribute {name!r}; it has {', '.join(sorted(__all__))}")


def __dir__():
    return sorted(__all__)
