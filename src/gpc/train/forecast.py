"""How long a plan's missing runs take: by records of the same kind of device, or by a few steps timed."""

import statistics
import time
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from gpc.train import planning, records as kept, setup
from gpc.train.terminal import span

STEPS, VALIDATION = 5, 1 / 3  # steps timed; a validated image costs about a third of one that is trained on


@dataclass(frozen=True)
class Line:
    """One run and the seconds it takes, None where nobody knows; `source` says how they are known."""

    state: planning.State
    seconds: float | None = None
    source: str = ""


def forecast(
    plan, folder, chosen=lambda item: True, *, measure=False, device=None, data_folder=None, say=print
):
    """A `Line` for each of the plan's chosen runs, in order.

    folder, data_folder   where the records lie, and the data

    A run is timed by the records of its model on its data from the same kind of `device` (default: this one):
    their median seconds an epoch, times its epochs. Where there are none, `measure=True` builds the model,
    times five training steps and counts a third of a step for as many validation images.
    """
    device = device or planning.kind(planning.device_here())
    found = kept.load(folder) if Path(folder).is_dir() else ()
    lines, measured, loaded = [], {}, {}
    for state in planning.states(plan, folder, device=device):
        if not chosen(state.item):
            continue
        line = _by_records(state, found, device) if state.status == "missing" else Line(state)
        if line.state.status == "missing" and line.seconds is None and measure:
            key = (state.item.name, state.item.data.called)
            if key not in measured:
                say(f"timing {key[0]} on {key[1]} …")
                measured[key] = _by_steps(state, loaded, data_folder)
            line = replace(line, seconds=measured[key], source=f"{STEPS} steps timed")
        lines.append(line)
    return tuple(lines)


def _by_records(state, found, device):
    item = state.item
    epochs = [
        one["epoch_seconds"]
        for one in found
        if (one["model"]["name"], one["dataset"]["name"]) == (item.name, item.data.called)
        and one["experiment"] == item.experiment
        and planning.kind(one["device"]) == device
    ]
    if not epochs:
        return Line(state)
    what = f"{len(epochs)} record{'s' * (len(epochs) > 1)}"
    return Line(state, statistics.median(epochs) * state.recipe.epochs, what)


def _by_steps(state, loaded, folder):
    """Seconds of the whole run: steps timed on images that are noise, for their content costs nothing."""
    item, recipe = state.item, state.recipe
    if item.data not in loaded:
        loaded[item.data] = item.data.load(folder)
    data = loaded[item.data]
    shape = recipe.input_shape(data.input_shape)
    outputs = recipe.outputs(data)
    model = setup.built(lambda: planning.built(item, shape, outputs), recipe)
    setup.compiled(model, recipe, recipe.learning_rate)
    images = np.random.default_rng(0).random((recipe.batch_size, *shape), np.float32)
    target = np.zeros((recipe.batch_size, *model.output_shape[1:]), np.float32)
    target[..., 0] = 1
    step = _seconds_a_step(model, images, target)
    train, validation = len(data.train) * recipe.subset, len(data.validation)
    return recipe.epochs * step * (train + VALIDATION * validation) / recipe.batch_size


def _seconds_a_step(model, images, target):
    model.train_on_batch(images, target)  # compiles
    took = []
    for _ in range(STEPS):
        begun = time.perf_counter()
        model.train_on_batch(images, target)
        took.append(time.perf_counter() - begun)
    return statistics.median(took)


def told(plan, lines):
    """The lines as a person reads them: what is missing, run by run, and the sum."""
    rows = [line for line in lines if line.state.status != "there"]
    width = max((len(str(line.state.item)) for line in rows), default=0)
    text = [f"{str(line.state.item).ljust(width)}  {_time(line)}" for line in rows]
    missing = [line for line in rows if line.state.status == "missing"]
    known = [line.seconds for line in missing if line.seconds is not None]
    ending = f"{plan.name}: {len(lines) - len(rows)} of {len(lines)} runs have records"
    if known:
        ending += f"; {len(known)} of the {len(missing)} missing take about {span(sum(known))}"
    if len(known) < len(missing):
        ending += "; --measure times a few steps of those that no record from this device tells about"
    return [*text, ending]


def _time(line):
    if line.state.status != "missing":
        return f"{line.state.status}: {line.state.reason}"
    return f"about {span(line.seconds)} ({line.source})" if line.seconds is not None else "time unknown"
