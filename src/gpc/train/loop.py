"""`fit`: a recipe followed to its record, through kills, full disks and losses that diverge."""

import time
import warnings
from dataclasses import replace

from gpc._checks import minutes as checked, seed as checked_seed
from gpc.data import profile
from gpc.train import setup
from gpc.train.checkpoints import Checkpoints
from gpc.train.devices import chosen
from gpc.train.recipes import Recipe, recipe as named_recipe
from gpc.train.training import Training


def fit(
    model, data, recipe, *, seed=0, folder=None, experiment=None, records=None, resume=True, on_epoch=print,
    minutes=None, name=None, options=None, test=True, deterministic=True, devices=1,
    checkpoint_minutes=5.0, checkpoint_steps=None,
):  # fmt: skip
    """Trains `model` on `data` as `recipe` says and returns the `Run`.

    model        a built Keras model, trained in place, or a function that builds one: called after seeding
                 and under the recipe's precision, so that the same seed gives the same initial weights
    data         a `gpc.data.Dataset`; its test split is opened once, at the very end, unless `test=False`
    recipe       a `Recipe`, or the name of one
    seed         of first weights (where `model` is a function), order of images, augmentation and subset;
                 from 0 to 2³² − 1
    folder       where checkpoints go: after each epoch, and within one every `checkpoint_minutes` (or every
                 `checkpoint_steps`). Called again with the same arguments, a run killed at any moment goes on
                 where it was and ends with the same numbers, bit for bit on the same machine and versions.
                 `resume=False` begins anew. Without a folder nothing is kept.
    experiment   the name its record goes by, "run" by default
    records      the folder for the record (fields: `gpc.train.schema.SCHEMA`)
    on_epoch     called with one line an epoch, whose `.row` has the numbers; None for silence
    minutes      stop after about so long, with a checkpoint and status "paused"; 0 or more
    name         how the record calls the model (default: the model's own name)
    options      the model's options as the record keeps them, a dict; nothing is built from them
    test         False leaves the test split closed; with a folder, the same call with True later opens it and
                 adds its scores
    deterministic  whether TensorFlow is asked for deterministic kernels, for the rest of the process;
                 nothing is asked of other backends
    devices      how many the batches are split among: 1, "auto" for all there are, a number, or their names
                 ("gpu:0"). Several take a function that builds the model, and a batch size they divide;
                 images that do not split wait for another epoch. Losses, batch norms and scores are those of
                 one device to rounding. The model returned is an ordinary one, of one device.

    Raises TypeError where `model` is neither a model nor a function that builds one, `recipe` neither a
    `Recipe` nor a name, `seed` no integer, or `devices` neither a number nor names; ValueError where model,
    data and recipe do not fit, the seed is out of range, the folder holds a checkpoint of another run, naming
    what differs, or `GPC_PROFILE` is no profile; `OSError` where a folder cannot be written; `Diverged` where
    the loss is lost before the first epoch is over. In the main thread and with a folder, Ctrl-C and SIGTERM
    save a checkpoint before `KeyboardInterrupt`.
    """
    recipe = named_recipe(recipe) if isinstance(recipe, str) else recipe
    if not isinstance(recipe, Recipe):
        raise TypeError(f"recipe={recipe!r} must be a Recipe or the name of one")
    seed = checked_seed("seed", seed)
    profile()  # its record has it: a wrong one is refused now, not after the training
    checked("checkpoint_minutes", checkpoint_minutes)
    deadline = None if minutes is None else time.monotonic() + 60 * checked("minutes", minutes)
    about = {"experiment": experiment, "name": name, "options": options, "deterministic": deterministic}
    among = chosen(devices)
    if among.count > 1 and hasattr(model, "weights"):
        told = f"devices={devices!r} is more than one, and this model was built for one"
        raise ValueError(f"{told}; give fit a function that builds the model")
    store = None if folder is None else Checkpoints(folder)
    kept = {"store": store, "say": _saying(on_epoch), "about": about, "devices": among}
    try:
        with among.scope():
            run = Training(model, data, recipe, seed=seed, **kept)
            run.every = (60 * checkpoint_minutes, checkpoint_steps)
            run.deadline = deadline
            done = run.go(resume=resume, records=records, test=test)
        return done if among.count == 1 else _of_one_device(done, model, recipe)
    finally:
        if store is not None:
            store.close()


def _of_one_device(run, model, recipe):
    """The run with its model built once more where nothing is spread, and given the weights."""
    plain = setup.built(model, recipe)
    plain.set_weights(run.model.get_weights())
    return replace(run, model=setup.compiled(plain, recipe, recipe.learning_rate))


def _saying(on_epoch):
    """Where lines go; in silence what must be known still comes as a warning."""

    def say(line):
        if on_epoch is not None:
            on_epoch(line)
        elif line.startswith("warning: "):
            warnings.warn(line.removeprefix("warning: "), stacklevel=2)

    return say
