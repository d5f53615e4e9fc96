"""How things are timed: warmed up, synchronised, in pairs, and told as ratios.

On a machine that does other work too, milliseconds drift by factors within a minute, for everything alike. So
each candidate is timed right beside the baseline, in an order drawn anew each round, and what counts is the
ratio of the two neighbours: its median over the rounds, with the quartiles as spread.
"""

import random
import statistics
import time
from dataclasses import dataclass, field

from gpc._checks import positive


@dataclass(frozen=True)
class Comparison:
    """Times of some callables, the first of which is the baseline.

    `times_ms`: {name: milliseconds a call, every timing}. `pairs`: {name: ratios to the baseline beside it,
    one a round}; the baseline's own are 1.
    """

    times_ms: dict
    pairs: dict
    calls: dict = field(default_factory=dict)

    @property
    def baseline(self):
        """Name of the callable that the ratios are to: the first."""
        return next(iter(self.times_ms))

    @property
    def median_ms(self):
        """{name: median milliseconds a call}: for orientation, they depend on what else the machine does."""
        return {name: statistics.median(times) for name, times in self.times_ms.items()}

    @property
    def ratios(self):
        """{name: median over the rounds of its time to the baseline's beside it}."""
        return {name: statistics.median(found) for name, found in self.pairs.items()}

    @property
    def spread(self):
        """{name: (lower quartile, upper quartile) of those ratios}."""
        return {name: quartiles(found) for name, found in self.pairs.items()}

    def as_dict(self):
        """Plain numbers, for JSON."""
        return {
            name: {
                "median_ms": self.median_ms[name],
                "ratio": self.ratios[name],
                "spread": list(self.spread[name]),
                "rounds": len(self.pairs[name]),
                "calls": self.calls.get(name),
            }
            for name in self.times_ms
        }

    def __str__(self):
        width = max(map(len, self.times_ms))
        lines = [f"{'':{width}}   median ms   to {self.baseline} (quartiles)"]
        for name, median in self.median_ms.items():
            low, high = self.spread[name]
            lines.append(f"{name:{width}} {median:11.3f}   {self.ratios[name]:.2f} ({low:.2f} to {high:.2f})")
        return "\n".join(lines)


def quartiles(values):
    """(lower, upper) quartile.

    >>> quartiles([1.0, 2.0, 3.0, 4.0, 5.0])
    (2.0, 4.0)
    """
    if len(values) == 1:
        return values[0], values[0]
    low, _, high = statistics.quantiles(values, n=4, method="inclusive")
    return low, high


def compare(
    candidates, *, rounds=15, warmup=2, at_least_ms=2.0, seed=0, synchronise=None, clock=time.perf_counter
):
    """Times of callables against the first of them, by alternating pairs: {name: callable} → `Comparison`.

    Each is called `warmup` times first (compiled, caches filled). A timing is as many calls as fill
    `at_least_ms`, at least one, and waits for the device at its end (`synchronise(last result)`, by default
    `gpc.bench.wait`). In each round every candidate is timed beside the baseline, who goes first drawn by
    `seed`.

    Raises ValueError with fewer than two candidates, rounds below 1 or a negative warmup.

    >>> result = compare(
    ...     {"a sum": lambda: sum(range(2000)), "four": lambda: sum(range(8000))}, rounds=5)
    >>> result.baseline, result.ratios["a sum"], len(result.pairs["four"])
    ('a sum', 1.0, 5)
    """
    rounds = positive("rounds", rounds)
    if len(candidates) < 2:
        raise ValueError(f"compare needs at least two callables, received {list(candidates)}")
    if warmup < 0:
        raise ValueError(f"warmup={warmup} must be at least 0; nearest that works: 0")
    synchronise, order = synchronise or wait, random.Random(seed)
    warm = {"warmup": warmup, "at_least_ms": at_least_ms, "synchronise": synchronise, "clock": clock}
    calls = {name: calls_to_fill(run, **warm) for name, run in candidates.items()}
    baseline, *others = candidates
    times_ms, pairs = {name: [] for name in candidates}, {name: [] for name in candidates}
    for _ in range(rounds):
        for other in order.sample(others, len(others)):
            found = {
                name: timed(candidates[name], calls[name], synchronise, clock)
                for name in order.sample([baseline, other], 2)
            }
            for name, milliseconds in found.items():
                times_ms[name].append(milliseconds)
            pairs[other].append(found[other] / found[baseline])
        pairs[baseline].append(1.0)
    return Comparison(times_ms, pairs, calls)


def calls_to_fill(run, *, warmup=2, at_least_ms=2.0, synchronise=None, clock=time.perf_counter):
    """Warm `run` up, and find how many of its calls last `at_least_ms`: at least 1, at most 1,000."""
    synchronise = synchronise or wait
    for _ in range(warmup):
        synchronise(run())
    once_ms = min(timed(run, 1, synchronise, clock) for _ in range(2))
    return max(1, min(1000, round(at_least_ms / max(once_ms, 1e-4))))


def timed(run, calls, synchronise, clock):
    """Milliseconds a call, the device waited for once at the end."""
    start = clock()
    for _ in range(calls):
        result = run()
    synchronise(result)
    return (clock() - start) * 1000 / calls


def wait(result):
    """Return when `result`, a tensor of any backend or a structure of such, has been computed on its device.

    Backends queue work on an accelerator and return at once; without this, only the queueing is timed.
    """
    if isinstance(result, (list, tuple, dict)):
        for item in result.values() if isinstance(result, dict) else result:
            wait(item)
    elif hasattr(result, "block_until_ready"):
        result.block_until_ready()
    elif type(result).__module__.startswith("torch"):
        _wait_torch(result)
    elif hasattr(result, "device") and hasattr(result, "numpy"):
        _wait_tensorflow(result)


def _wait_torch(result):
    import torch

    if result.device.type == "cuda":
        torch.cuda.synchronize(result.device)
    elif result.device.type == "mps":
        torch.mps.synchronize()


def _wait_tensorflow(result):
    if "CPU" not in result.device:
        # One number is enough: the device works through its queue in order.
        import tensorflow as tf

        tf.reshape(result, [-1])[:1].numpy()
