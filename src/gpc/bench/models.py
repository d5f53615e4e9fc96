"""Whole models: milliseconds of one, ratios of several."""

import statistics
import time
from dataclasses import dataclass

import numpy as np

from gpc._checks import positive
from gpc.bench.protocol import calls_to_fill, compare, quartiles, timed, wait
from gpc.bench.steps import forward, forward_backward


@dataclass(frozen=True)
class Latency:
    """How long a model takes for one batch: the median, and the quartiles as spread, in milliseconds."""

    times_ms: tuple
    batch: int

    @property
    def median_ms(self):
        """Median milliseconds a batch."""
        return statistics.median(self.times_ms)

    @property
    def spread_ms(self):
        """(lower quartile, upper quartile)."""
        return quartiles(self.times_ms)

    @property
    def images_per_s(self):
        """Images a second at the median."""
        return 1000 * self.batch / self.median_ms

    def __str__(self):
        low, high = self.spread_ms
        return (
            f"{self.median_ms:.2f} ms a batch of {self.batch} ({low:.2f} to {high:.2f}), "
            f"{self.images_per_s:.0f} images a second"
        )


def latency(model, *, input_shape=None, batch=1, training=False, rounds=20, warmup=3):
    """How long `model` takes for a batch of random images: → `Latency`.

    The images are of `input_shape`, (H, W, C), by default what the model was built for. With `training`,
    forward and backward, without an optimizer's update. Milliseconds are of this machine at this moment; to
    set two models against each other use `compare_models`, which times them side by side.

    Raises ValueError where the model leaves sizes open and `input_shape` does not say them, and for a `batch`
    or `rounds` below 1; TypeError where these two are no integers.
    """
    run = _step(model, input_shape, positive("batch", batch), training)
    calls = calls_to_fill(run, warmup=warmup)
    times = [timed(run, calls, wait, time.perf_counter) for _ in range(positive("rounds", rounds))]
    return Latency(tuple(times), batch)


def compare_models(models, *, input_shape=None, batch=1, training=False, rounds=15, warmup=2):
    """Models against the first of them, on the same random images: {name: model} → `Comparison`.

    Raises what `latency` raises, and ValueError for fewer than two models or a negative warmup.
    """
    steps = {
        name: _step(model, input_shape, positive("batch", batch), training) for name, model in models.items()
    }
    return compare(steps, rounds=rounds, warmup=warmup)


def _step(model, input_shape, batch, training):
    """A compiled call of the model on random images."""
    shape = tuple(input_shape or model.input_shape[1:])
    if None in shape:
        raise ValueError(
            f"{model.name} takes images of any size {shape}; give input_shape=(height, width, channels)"
        )
    x = np.random.default_rng(0).uniform(size=(batch, *shape)).astype("float32")
    return forward_backward(model, x, of_input=False) if training else forward(model, x)
