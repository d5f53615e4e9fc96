"""`fit`: a recipe followed to its record, through kills, full disks and losses that diverge."""

import time
import warnings

from gpc.train.checkpoints import Checkpoints
from gpc.train.recipes import Recipe, recipe as named_recipe
from gpc.train.training import Training


def fit(
    model, data, recipe, *, seed=0, folder=None, experiment=None, records=None, resume=True, on_epoch=print,
    minutes=None, name=None, options=None, test=True, deterministic=True,
    checkpoint_minutes=5.0, checkpoint_steps=None,
):  # fmt: skip
    """Trains `model` on `data` as `recipe` says and returns the `Run`.

    model        a built Keras model, trained in place, or a function that builds one: called after seeding
                 and under the recipe's precision, so that the same seed gives the same initial weights
    data         a gpc.data.Dataset; its test split is opened once, at the very end, unless `test=False`
    recipe       a `Recipe`, or the name of one
    folder       where checkpoints go: after each epoch, and within one every `checkpoint_minutes` (or every
                 `checkpoint_steps`). Called again with the same arguments, a run killed at any moment goes on
                 where it was and ends with the same numbers, bit for bit on the same machine and versions.
                 `resume=False` begins anew. Without a folder nothing is kept.
    experiment   the name its record goes by; records: the folder for it (fields: gpc.train.schema.SCHEMA)
    on_epoch     called with one line an epoch, whose `.row` has the numbers; None for silence
    minutes      stop after about so long, with a checkpoint and status "paused"
    name, options  how the record calls the model (default: the model's own name)

    Raises ValueError where model, data and recipe do not fit, or the folder holds a checkpoint of another
    run, naming what differs; OSError where the folder cannot be written; Diverged where the loss is lost
    before the first epoch is over. In the main thread and with a folder, Ctrl-C and SIGTERM save a checkpoint
    before KeyboardInterrupt.
    """
    recipe = named_recipe(recipe) if isinstance(recipe, str) else recipe
    if not isinstance(recipe, Recipe):
        raise TypeError(f"recipe={recipe!r} must be a Recipe or the name of one")
    about = {"experiment": experiment, "name": name, "options": options, "deterministic": deterministic}
    store = None if folder is None else Checkpoints(folder)
    try:
        run = Training(model, data, recipe, seed=seed, store=store, say=_saying(on_epoch), about=about)
        run.every = (60 * checkpoint_minutes, checkpoint_steps)
        run.deadline = None if minutes is None else time.monotonic() + 60 * minutes
        return run.go(resume=resume, records=records, test=test)
    finally:
        if store is not None:
            store.close()


def _saying(on_epoch):
    """Where lines go; in silence what must be known still comes as a warning."""

    def say(line):
        if on_epoch is not None:
            on_epoch(line)
        elif line.startswith("warning: "):
            warnings.warn(line.removeprefix("warning: "), stacklevel=2)

    return say
