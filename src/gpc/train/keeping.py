"""A run's state on disk: saved, found again, refused where it is another run's; signals that wait for it."""

import contextlib
import os
import signal
import threading
from dataclasses import asdict, fields

from gpc.train import feeding, state
from gpc.train.records import flat
from gpc.train.run import Progress


def save(training, model):
    """A checkpoint of everything. A disk that is full costs this checkpoint, not the run."""
    header = {"identity": training.identity, "progress": asdict(training.progress)}
    arrays = {**state.gather(model), **(training.best or {})}
    arrays |= training.average.arrays() if training.average is not None else {}
    try:
        training.store.save(training.progress.step, header, arrays)
    except OSError as error:
        training.bar.clear()
        where = f"{training.store.folder} ({error.strerror or error})"
        training.say(
            f"warning: no checkpoint could be written to {where}; the run goes on and will try again"
        )


def resume(training):
    """Puts the newest whole checkpoint of the run's folder into the run, if there is one.

    Raises ValueError where it is another run's, naming what differs.
    """
    found = training.store.newest(training.say)
    if found is None:
        return
    header, arrays = found
    refuse_other(header["identity"], training.identity, training.store.folder)
    known = {one.name for one in fields(Progress)}
    progress = Progress(**{key: value for key, value in header["progress"].items() if key in known})
    progress.resumed += 1
    training.progress = progress
    training.best, average, arrays = _parted(arrays)
    if training.average is not None:
        training.average.restore(average)
    epoch, step = divmod(progress.step, training.steps)
    if step and progress.metrics is None:
        feeding.prime(training)
        training.partial = arrays
    state.restore(training.model, arrays)
    if progress.metrics is None:
        training.say(f"resumed after {epoch} epochs and {step} of {training.steps} steps")


def _parted(arrays):
    """(best weights or None, average, all else) of a checkpoint's arrays."""
    best, average = (
        {key: one for key, one in arrays.items() if key.startswith(name)} for name in ("best/", "ema/")
    )
    return best or None, average, {key: arrays[key] for key in arrays if key not in {**best, **average}}


def refuse_other(saved, wanted, folder):
    """Raises ValueError that names every difference between the run in the folder and the one asked for."""
    there, here = flat(saved), flat(wanted)
    names = [name for name in {**there, **here} if there.get(name) != here.get(name)]
    if names:
        told = "; ".join(
            f"{name} is {_short(there.get(name))} there, {_short(here.get(name))} here" for name in names
        )
        raise ValueError(
            f"{folder} holds a checkpoint of another run: {told}. "
            "Give another folder, or begin anew in this one (resume=False; `gpc train --fresh`); "
            "for `gpc run` remove that folder, or give another with --runs"
        )


def _short(value):
    """Enough of a sum to see that it differs; anything else whole."""
    return f"{value[:8]}…" if isinstance(value, str) and len(value) == 64 else repr(value)


@contextlib.contextmanager
def interruptible(training):
    """Ctrl-C and SIGTERM wait for the step's end and a checkpoint; a second Ctrl-C does not."""
    if training.store is None or threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {one: signal.getsignal(one) for one in (signal.SIGINT, signal.SIGTERM)}

    def asked(number, frame):
        signal.signal(signal.SIGINT, before[signal.SIGINT])
        training.stop = (
            f"stopped by {signal.Signals(number).name}; the checkpoint is in {training.store.folder}"
        )
        # Not print(): a handler may run in the middle of one.
        with contextlib.suppress(OSError):  # IDLE on Windows has no such file, a terminal may be gone
            os.write(2, b"\nstopping when this step is saved; once more stops at once\n")

    for one in before:
        signal.signal(one, asked)
    try:
        yield
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)
