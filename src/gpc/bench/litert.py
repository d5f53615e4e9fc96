"""Exported models by the clock and by their memory: LiteRT files, on as many threads as asked for."""

import statistics
import time
from dataclasses import dataclass, field
from html import escape

import numpy as np

from gpc._checks import positive
from gpc.bench import memory
from gpc.bench.protocol import calls_to_fill, compare, quartiles, timed
from gpc.bench.report import provenance
from gpc.export.running import content_of, interpreter

COLUMNS = ("model", "threads", "p50 ms", "p95 ms", "to the first", "file MB", "alive MB", "peak MB")


@dataclass(frozen=True)
class LiteRTRow:
    """One exported model on one number of threads.

    `times_ms`: every timed call. `ratio`: median of its times to the first row's beside them, `spread` the
    quartiles. `file_bytes`: the flatbuffer's size. `activation_bytes`: the most that is alive at once between
    its operations. `peak_bytes`: what loading the file and running it once adds to a fresh process, at most;
    None where the system does not tell.
    """

    model: str
    threads: int
    times_ms: tuple
    ratio: float
    spread: tuple
    file_bytes: int
    activation_bytes: int
    peak_bytes: int | None

    @property
    def p50_ms(self):
        """The median of the calls, in milliseconds."""
        return statistics.median(self.times_ms)

    @property
    def p95_ms(self):
        """Nineteen of twenty calls take no longer, in milliseconds."""
        return percentile(self.times_ms, 95)

    def as_dict(self):
        """Plain numbers, for JSON."""
        names = ("model", "threads", "ratio", "file_bytes", "activation_bytes", "peak_bytes")
        numbers = {"p50_ms": self.p50_ms, "p95_ms": self.p95_ms, "calls": len(self.times_ms)}
        return {name: getattr(self, name) for name in names} | numbers | {"spread": list(self.spread)}

    def cells(self):
        """The row of the table, as texts."""
        low, high = self.spread
        sizes = (self.file_bytes, self.activation_bytes, self.peak_bytes)
        return (
            self.model,
            str(self.threads),
            f"{self.p50_ms:.2f}",
            f"{self.p95_ms:.2f}",
            f"{self.ratio:.2f} ({low:.2f} to {high:.2f})",
            *("–" if size is None else f"{size / 1e6:.2f}" for size in sizes),
        )


@dataclass(frozen=True)
class LiteRTReport:
    """The rows of `litert`, how they were measured and where; a table in a notebook, aligned text elsewhere."""

    rows: tuple
    settings: dict
    provenance: dict = field(default_factory=provenance)

    def row(self, model, threads=1):
        """The row of a model on so many threads. Raises KeyError for one that was not timed."""
        for row in self.rows:
            if (row.model, row.threads) == (model, threads):
                return row
        raise KeyError(f"{model!r} on {threads} threads was not timed")

    def as_dict(self):
        """Plain numbers, for JSON."""
        rows = [row.as_dict() for row in self.rows]
        return {"settings": self.settings, "provenance": self.provenance, "rows": rows}

    def _repr_html_(self):
        first, *others = COLUMNS
        heads = f'<th scope="col">{first}</th>' + "".join(f'<th scope="col" class="n">{n}</th>' for n in others)
        body = "".join(_html_row(row.cells()) for row in self.rows)
        return (
            "<table><caption><span>Exported models, one call at a time</span></caption>"
            f"<thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table>"
        )

    def __str__(self):
        lines = [COLUMNS, *(row.cells() for row in self.rows)]
        widths = [max(len(line[i]) for line in lines) for i in range(len(COLUMNS))]
        return "\n".join(
            "  ".join(cell.ljust(w) if i in (0, 4) else cell.rjust(w) for i, (cell, w) in enumerate(line))
            for line in ([*zip(cells, widths, strict=True)] for cells in lines)
        )


def _html_row(cells):
    name, *others = map(escape, cells)
    numbers = "".join(f'<td class="n">{cell}</td>' for cell in others)
    return f'<tr><th scope="row">{name}</th>{numbers}</tr>'


def litert(models, *, threads=(1, 2), rounds=40, warmup=3, seed=0):
    """Latency and memory of exported models: {name: flatbuffer's bytes or .tflite file} → `LiteRTReport`.

    Each model is timed on each number of threads, all of them in turn: warmed up, then in every round each
    beside the first model on the first number of threads, in an order drawn by `seed`, one call a timing.
    Inputs are random, drawn once. Milliseconds are of this machine at this moment; the ratios are of
    neighbours, and hold better. Memory is told in two ways: of the file's own activations, computed, and of
    a fresh process, measured (on Linux).

    Raises ValueError for no models, rounds or threads below 1 and what is no LiteRT model with one input,
    FileNotFoundError for a file that is not there, ImportError where no interpreter is installed.
    """
    if not models:
        raise ValueError("give at least one exported model: {name: bytes or .tflite file}")
    threads = [positive("threads", number) for number in threads]
    if not threads:
        raise ValueError("give at least one number of threads; nearest that works: threads=(1,)")
    contents = {name: content_of(model) for name, model in models.items()}
    ready = {(name, n): interpreter(contents[name], threads=n) for name in models for n in threads}
    steps = {key: step(ready[key], np.random.default_rng(seed)) for key in ready}
    times, pairs = _times(steps, positive("rounds", rounds), warmup, seed)
    sizes = {
        name: (len(content), memory.alive(ready[name, threads[0]]), memory.peak(content))
        for name, content in contents.items()
    }
    rows = tuple(
        LiteRTRow(*key, tuple(times[key]), statistics.median(pairs[key]), quartiles(pairs[key]), *sizes[key[0]])
        for key in steps
    )
    return LiteRTReport(rows, {"threads": threads, "rounds": rounds, "warmup": warmup, "seed": seed})


def _times(steps, rounds, warmup, seed):
    """({key: milliseconds of every call}, {key: ratios to the first beside it})"""
    once = {"at_least_ms": 0, "synchronise": _nothing}
    if len(steps) > 1:
        found = compare(steps, rounds=rounds, warmup=warmup, seed=seed, **once)
        return found.times_ms, found.pairs
    ((key, run),) = steps.items()
    calls_to_fill(run, warmup=warmup, **once)
    alone = [timed(run, 1, _nothing, time.perf_counter) for _ in range(rounds)]
    return {key: alone}, {key: [1.0] * rounds}


def _nothing(result):
    """There is no queue to wait for: an interpreter returns when it has computed."""


def step(ready, random):
    """A call of an interpreter on random numbers of the kind that it takes: floats of 0 … 1, or integers of
    the whole range.

    Raises ValueError where it takes several inputs.
    """
    inputs = ready.get_input_details()
    if len(inputs) != 1:
        raise ValueError(f"the model takes {len(inputs)} inputs; one can be timed")
    shape, kind = inputs[0]["shape"], np.dtype(inputs[0]["dtype"])
    if kind.kind == "f":
        x = random.uniform(size=shape).astype(kind)
    else:
        x = random.integers(np.iinfo(kind).min, np.iinfo(kind).max, shape, kind, endpoint=True)
    ready.set_tensor(inputs[0]["index"], x)
    return ready.invoke


def percentile(values, rank):
    """The value below which `rank` per cent of the values lie, between neighbours in proportion: never under
    the least or over the largest of them.

    >>> percentile([1.0, 2.0, 3.0, 4.0, 6.0], 75), percentile([7.0], 95)
    (4.0, 7.0)
    """
    return float(np.percentile(values, rank))
