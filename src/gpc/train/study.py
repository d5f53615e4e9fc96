"""Several models, one recipe, several seeds: what a chapter runs at full size, and shows everywhere."""

from pathlib import Path

from gpc._checks import positive
from gpc.data import load, profile
from gpc.train import records as kept
from gpc.train.loop import fit
from gpc.train.recipes import recipe as named_recipe


def study(
    experiment, models, *, data, recipe, seeds=3, test=True, folder=None, on_epoch=print, **changes
):  # fmt: skip
    """The records of an experiment; in the full profile, what has none yet is trained first.

    experiment  its name in records and file names
    models      {name: function that builds the model}
    data        the name of a data set of `gpc.data`, loaded only where something is to be trained
    recipe      the name of a recipe; `changes` are its fields that differ (`epochs=30`)
    seeds       how many, counted from 0
    test        whether each run opens the test split at its end, or the names of the models whose runs do:
                the others are compared by their validation scores
    folder      where records lie (default: the nearest `data/records` at or above the working folder);
                checkpoints go to `checkpoints/` beside it, so a run that was cut goes on where it was

    In the quick profile nothing is trained, and what is there is shown whatever its recipe. Returns the
    experiment's records, a tuple, empty without any; where the course's folder is not at hand, those that
    came with the package.
    Raises ValueError for an unknown recipe or data set, for a name in `test` that no model has, and in the full profile where a file holds the record
    of another recipe, before anything is trained.
    """
    recipe = named_recipe(recipe, **changes)
    opened = set(models if test else ()) if isinstance(test, bool) else set(test)
    if unknown := sorted(opened - set(models)):
        raise ValueError(f"test={unknown} names no model of this experiment; there are {sorted(models)}")
    default, folder = folder is None, Path(folder) if folder else kept.home()
    files = {
        (name, seed): folder / kept.file_name(experiment, name, data, seed)
        for seed in range(positive("seeds", seeds))
        for name in models
    }
    missing = [run for run, path in files.items() if not path.exists()]
    full = profile() == "full"
    if full:
        for path in files.values():
            _check(path, recipe)
    if full and missing:
        dataset = load(data)
        for place, (name, seed) in enumerate(missing, 1):
            if on_epoch:
                on_epoch(f"{experiment}: {name}, seed {seed}, {place} of {len(missing)}")
            checkpoints = folder.parent / "checkpoints" / files[name, seed].stem
            fit(models[name], dataset, recipe, seed=seed, name=name, experiment=experiment, records=folder,
                folder=checkpoints, on_epoch=on_epoch, test=name in opened)  # fmt: skip
    shown = kept.shelf() if default else folder
    return kept.load(shown, experiment=experiment) if shown.is_dir() else ()


def _check(path, recipe):
    """Raises ValueError where the file holds the record of another recipe; what it is called is no matter."""
    if not path.exists():
        return
    there, here = kept.read(path)["recipe"], recipe.as_dict()
    if other := [name for name in here if name not in ("name", "deviates") and there[name] != here[name]]:
        told = ", ".join(f"{name} is {there[name]!r} there, {here[name]!r} here" for name in other)
        raise ValueError(
            f"{path} holds the record of another recipe: {told}; give another experiment name, "
            "or move that file away"
        )
