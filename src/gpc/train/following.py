"""A plan followed: its runs one after the other, each to its record, through failures and cuts."""

import gc
import time
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from gpc._files import save_atomically
from gpc.train import planning, records
from gpc.train.checkpoints import Checkpoints
from gpc.train.loop import fit
from gpc.train.plans import Data
from gpc.train.recipes import Recipe
from gpc.train.terminal import span


@dataclass(frozen=True)
class Rehearsal:
    """A plan's whole path in short, its records kept out of the course's.

    epochs, batch_size   instead of the recipe's
    limit                images of all splits together, of a part of the training images as of all
    cut                  stopped after its first step, and continued from the checkpoint
    on                   the name of a data set instead of the plan's own, where that is not at hand
    """

    epochs: int | None = None
    limit: int | None = None
    batch_size: int | None = None
    cut: bool = False
    on: str | None = None

    def __bool__(self):
        return self != Rehearsal()

    def data(self, asked):
        """The data set that is trained on: the plan's own, or the one that stands in for it."""
        return asked if self.on is None else Data(self.on, asked.seed)

    def recipe(self, found):
        """The recipe, cut short. A rise and a cycle that no longer fit into it are cut with it."""
        if self.batch_size is not None:
            found = found.but(batch_size=self.batch_size)
        if self.limit is not None:  # a tenth of so few would be none
            found = found.but(subset=1)
        if self.epochs is None:
            return found
        warmup = min(found.warmup, self.epochs / 2)
        return found.but(epochs=self.epochs, warmup=warmup)


# Enough for two steps an epoch of every data set here, the second after the cut.
SHORTEST = Rehearsal(epochs=1, limit=12, batch_size=4, cut=True)


@dataclass
class Outcome:
    """How far a plan came: names of the runs that are done, that failed (with why), that are left."""

    done: list
    failed: dict
    left: list

    @property
    def status(self):
        """0: nothing is left; 1: something failed; 3: the minutes are over, or runs wait for others."""
        return 1 if self.failed else 3 if self.left else 0


class Following:
    """One walk through a plan's runs.

    records, runs    folders of the records and of the runs' checkpoints; a rehearsal writes to `runs` alone
    minutes          of the whole walk; what is under way then is continued by the next
    say              gets every line
    options          more of `fit`'s arguments (devices, deterministic, checkpoint_minutes)
    """

    def __init__(
        self, plan, *, records, runs, rehearsal=None, minutes=None, folder=None, say=print, **options
    ):
        self.plan, self.records, self.runs = plan, Path(records), Path(runs)
        self.rehearsal, self.say, self.options = rehearsal or Rehearsal(), say, options
        self.folder = folder
        self.deadline = None if minutes is None else time.monotonic() + 60 * minutes
        self.outcome, self._data = Outcome([], {}, []), (None, None)

    def go(self, chosen=lambda item: True):
        """Runs what is missing among the chosen items, in order, and returns the `Outcome`."""
        todo = [one for one in planning.states(self.plan, self.records) if chosen(one.item)]
        todo.sort(key=lambda state: state.status == "waits")  # what waits for records comes behind the others
        for place, state in enumerate(todo, 1):
            self._one(state, f"[{place}/{len(todo)}] {state.item}")
        return self.outcome

    def _one(self, state, label):
        if state.status != "there" and not self.rehearsal:  # by now, from here or from another process
            again = planning.states(self.plan, self.records)
            state = next(one for one in again if one.item == state.item)
        if self.rehearsal:
            recipe = self.rehearsal.recipe(state.recipe or state.item.recipe)
            state = replace(state, status="missing", recipe=recipe)
        if state.status == "there":
            self._model_again(state, label)
            self.outcome.done.append(str(state.item))
        elif state.status == "in the way":
            told = f"{state.path} holds another run's record: {state.reason}"
            self._fail(state, label, f"{told}; give the plan another experiment, or move that file away")
        elif state.status == "waits" or self._late():
            self.outcome.left.append(str(state.item))
            if state.status == "waits":
                self.say(f"{label}: {state.reason}")
        else:
            self._train(state, label)

    def _late(self):
        return self.deadline is not None and time.monotonic() >= self.deadline

    def _fail(self, state, label, reason):
        self.outcome.failed[str(state.item)] = reason
        self.say(f"{label}: FAILED: {reason}")

    def _train(self, state, label):
        self.say(f"{label}: {state.recipe.name}")
        try:
            run = self._fitted(state)
        except BlockingIOError as error:  # another process is at it
            self.outcome.left.append(str(state.item))
            self.say(f"{label}: {error.strerror or error}")
        except Exception as error:  # whatever one run dies of, the others are not to
            self._fail(state, label, _told(error))
        else:
            self._note(state, label, run)
        finally:
            _forget()

    def _note(self, state, label, run):
        if run.status == "paused":
            self.outcome.left.append(str(state.item))
        elif run.status == "diverged":
            self._fail(state, label, run.reason)
        elif run.path is None:
            self._fail(state, label, "its record could not be written")
        elif self.rehearsal.cut and run.record["resumed"] != 1:
            self._fail(state, label, "it began anew where it was to go on from its checkpoint")
        else:
            self._save(run, state)
            self.outcome.done.append(str(state.item))
            self.say(f"{label}: record in {run.path}, {span(run.record['wall_seconds'])}")

    def _save(self, run, state):
        """The model beside its checkpoints, for who asks where it looks. A full disk costs it alone."""
        try:
            save_atomically(self._home(state) / "model.keras", run.model.save)
        except OSError as error:
            self.say(f"warning: the model could not be saved ({error.strerror or error})")

    def _model_again(self, state, label):
        """The model of a run that has its record, from its last checkpoint where a full disk cost the model.

        Nothing is trained, the record stays as it is; without that run's folder there is nothing to do.
        """
        home = self._home(state)
        try:
            if (home / "model.keras").exists() or not _ended(home):
                return
            recipe = Recipe(**records.read(state.path)["recipe"])
            self._save(self._fitted(replace(state, recipe=recipe), records=None), state)
        except Exception as error:  # the run itself is done
            self.say(f"{label}: warning: no model could be made of its checkpoint: {_told(error)}")
        else:
            if (home / "model.keras").exists():
                self.say(f"{label}: its model was missing, and is made again from its checkpoint")
            _forget()

    def _home(self, state):
        return self.runs / ("rehearsal" if self.rehearsal else "") / state.path.stem

    def _fitted(self, state, **changes):
        item, row, recipe = state.item, state.item.row, state.recipe
        data = self._loaded(self.rehearsal.data(item.data))
        shape = recipe.input_shape(data.input_shape)
        classes = recipe.outputs(data)
        options = {
            "seed": item.seed,
            "folder": self._home(state),
            "experiment": item.experiment,
            "name": item.name,
            "options": row.told(),
            "records": None if self.rehearsal else self.records,
            "on_epoch": self.say,
            **self.options,
            **changes,
        }
        model = partial(planning.built, item, shape, classes)
        if self.rehearsal.cut:
            fit(model, data, recipe, minutes=0, resume=False, **{**options, "on_epoch": None})
            _forget()
        left = None if self.deadline is None else max(0.0, self.deadline - time.monotonic()) / 60
        again = self.rehearsal.cut or not self.rehearsal
        return fit(model, data, recipe, minutes=left, resume=again, **options)

    def _loaded(self, asked):
        """The data set, kept until another one is asked for."""
        if self._data[0] != asked:
            self._data = (None, None)  # the one before goes first: two large ones may not fit
            self._data = (asked, asked.load(self.folder, count=self.rehearsal.limit))
        return self._data[1]


def _told(error):
    """What a run died of, in a line."""
    plain = error.strerror if isinstance(error, OSError) and not error.filename else None
    return " ".join((plain or f"{type(error).__name__}: {error}").split())[:400]


def _ended(folder):
    """Whether the newest checkpoint in the folder is that of a run at its end."""
    if not folder.is_dir():
        return False
    store = Checkpoints(folder)
    try:
        found = store.newest(lambda line: None)
    finally:
        store.close()
    return found is not None and found[0]["progress"]["metrics"] is not None


def _forget():
    """Lets go of the model and of what its backend compiled for it, or a long plan fills the memory."""
    import keras

    gc.collect()
    keras.utils.clear_session()
    if keras.backend.backend() == "jax":
        import jax

        jax.clear_caches()
