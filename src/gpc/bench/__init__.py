"""Time, by one protocol: warmed up, synchronised, in alternating pairs, told as median ratios.

`compare` sets callables against each other, `latency` and `compare_models` time whole models, `litert`
exported ones, with their memory, `pointwise_layers` the layers this package is about. At the terminal:
`gpc bench layers` (also `python -m gpc.bench`), `gpc bench model` and `gpc bench litert`.

>>> from gpc.bench import compare
>>> comparison = compare(
...     {"one": lambda: sum(range(2000)), "ten": lambda: sum(range(20000))}, rounds=3)
>>> comparison.baseline, len(comparison.pairs["ten"])
('one', 3)
"""

from gpc.bench.litert import LiteRTReport, LiteRTRow, litert
from gpc.bench.models import Latency, compare_models, latency
from gpc.bench.pointwise import pointwise_layers
from gpc.bench.protocol import Comparison, compare, wait
from gpc.bench.report import Report
from gpc.bench.steps import forward, forward_backward

__all__ = [
    "Comparison",
    "Latency",
    "LiteRTReport",
    "LiteRTRow",
    "Report",
    "compare",
    "compare_models",
    "forward",
    "forward_backward",
    "latency",
    "litert",
    "pointwise_layers",
    "wait",
]
