"""`gpc train`: a recipe followed to its record."""

import json
from pathlib import Path

from gpc._checks import seed
from gpc._files import save_atomically
from gpc.cli import _common

RUNS = "runs"
RECORDS = "data/records"
CHANGES = (
    "epochs", "batch_size", "learning_rate", "precision", "subset", "select", "size", "augmentation", "ema",
    "target",
)  # fmt: skip


def add(commands):
    """Tells argparse about the command."""
    found = _common.command(
        commands,
        "train",
        run,
        short="train a model by a named recipe, resume it, leave a record",
        text=(
            "Trains a model on a data set by a recipe and opens the test split once, at the end. Progress "
            "is kept: killed, stopped by Ctrl-C or out of --minutes, the same command line goes on where "
            "it was and ends with the numbers of a run that nobody disturbed. What was done is written "
            "down in a record. Exit status: 0 it is finished, 1 it diverged, 3 its minutes are over."
        ),
        examples=[
            "gpc train LeNet5 --data digits --size 32 --recipe quick",
            "gpc train kEfficientNetB0 --data cifar10 --recipe papers-32 --skip-strides 3 --epochs 1",
            "gpc train kEfficientNetB0 --data cifar10 --recipe papers-32 --skip-strides 3 --seed 1 \\",
            "    --experiment 17-do-they-learn       a run of the course: its record goes to data/records",
            "gpc train small.keras --data leaves --limit 600 --minutes 5",
        "gpc train UNet --data cells --recipe segmentation --epochs 5",
        ],
    )
    _common.add_model(found)
    _add_data(found)
    _add_recipe(found)
    _add_keeping(found)


def _add_data(parser):
    data = parser.add_argument_group("data")
    data.add_argument(
        "--data", required=True, metavar="NAME", help="digits, leaves, cells, cifar10, cifar100, …"
    )
    data.add_argument("--size", type=int, metavar="PIXELS", help="resize the images (default: as they are)")
    data.add_argument(
        "--limit", type=int, metavar="N", help="N images of all splits together, for a first try"
    )
    data.add_argument(
        "--data-folder", metavar="DIR", help="where its files lie (default: GPC_DATA, else a cache)"
    )
    data.add_argument("--data-seed", type=int, default=0, metavar="N", help="of the splits (default: 0)")


def _add_recipe(parser):
    recipe = parser.add_argument_group("recipe", "What is changed shows in the recipe's name in the record.")
    recipe.add_argument(
        "--recipe", default="quick", metavar="NAME", help="papers-32, modern, … (default: quick)"
    )
    recipe.add_argument("--seed", type=int, default=0, metavar="N", help="of all that is random (default: 0)")
    recipe.add_argument("--epochs", type=int, metavar="N")
    recipe.add_argument("--batch-size", type=int, metavar="N")
    recipe.add_argument("--learning-rate", type=float, metavar="X")
    recipe.add_argument("--precision", metavar="TYPE", help="float32, mixed_float16 or mixed_bfloat16")
    recipe.add_argument("--subset", type=float, metavar="PART", help="of the training images, 0…1")
    recipe.add_argument("--augmentation", metavar="NAME", help="papers, trivial, crop-flip, symmetries, …")
    recipe.add_argument("--ema", type=float, metavar="X", help="of the weights' average stays a step (0.999)")
    recipe.add_argument("--target", metavar="WHAT", help="labels, or a class a pixel: masks or objects")
    recipe.add_argument("--select", metavar="WHICH", help="best-validation, best-validation-loss or last")
    recipe.add_argument(
        "--nondeterministic",
        action="store_true",
        help="allow faster kernels; resuming is then no longer exact",
    )
    recipe.add_argument(
        "--devices", default="1", metavar="WHICH", help="a number, auto, or names: gpu:0,gpu:1 (default: 1)"
    )


def _add_keeping(parser):
    keeping = parser.add_argument_group("keeping")
    keeping.add_argument(
        "--folder", metavar="DIR", help=f"of checkpoints and model (default: {RUNS}/<the run>)"
    )
    keeping.add_argument("--fresh", action="store_true", help="begin anew, whatever the folder has")
    keeping.add_argument(
        "--minutes", type=float, metavar="N", help="stop after N minutes; go on some other time"
    )
    keeping.add_argument(
        "--checkpoint-minutes", type=float, default=5.0, metavar="N", help="between checkpoints (default: 5)"
    )
    keeping.add_argument(
        "--experiment", metavar="NAME", help="what it belongs to; its record goes to --records"
    )
    keeping.add_argument(
        "--records",
        metavar="DIR",
        help=f"for a second copy of the record (default: {RECORDS} with --experiment)",
    )
    keeping.add_argument("--no-test", action="store_true", help="leave the test split closed")


def run(asked):
    """Trains, saves the model beside its checkpoints, says where things are; 3 where its minutes are over."""
    from gpc.train import recipe

    for name, value in (("--seed", asked.seed), ("--data-seed", asked.data_seed)):
        seed(name, value)
    changes = {name: getattr(asked, name) for name in CHANGES if getattr(asked, name) is not None}
    followed = recipe(asked.recipe, **changes)
    data = _load(asked)
    built = _common.options(
        asked, asked.model, shape=followed.input_shape(data.input_shape), classes=followed.outputs(data)
    )
    sizes = " + ".join(f"{count:,} {split}" for split, count in data.sizes.items())
    print(f"{_name(asked)} on {data.name} ({sizes} images)")
    print(f"recipe {followed.name}, seed {asked.seed}; checkpoints in {_folder(asked)}", flush=True)
    _common.start_keras()
    done = _train(asked, data, followed, built=built)
    if done.status == "paused":
        return 3
    return _close(done, _folder(asked))


def _load(asked):
    from gpc import data

    return data.load(asked.data, seed=asked.data_seed, count=asked.limit, folder=asked.data_folder)


def _name(asked):
    """The model's name, or its file's without folder and ending."""
    return Path(asked.model).stem if _common.from_file(asked.model) else asked.model


def _folder(asked):
    from gpc.train.records import file_name

    name = file_name(asked.experiment or "run", _name(asked), asked.data, asked.seed)
    return Path(asked.folder or Path(RUNS) / name.removesuffix(".json"))


def _told(asked, built):
    """The options of the model that a record keeps: those that its images and classes do not say already."""
    found = {option: value for option, value in built.items() if option not in ("input_shape", "classes")}
    found |= {"skip_strides": asked.skip_strides} if asked.skip_strides else {}
    return found | ({"file": asked.model} if _common.from_file(asked.model) else {})


def _train(asked, data, followed, *, built):
    from gpc import train

    return train.fit(
        lambda: _common.build(asked.model, built, skip_strides=asked.skip_strides),
        data,
        followed,
        seed=asked.seed,
        folder=_folder(asked),
        experiment=asked.experiment,
        records=asked.records or (RECORDS if asked.experiment else None),
        resume=not asked.fresh,
        on_epoch=lambda line: print(line, flush=True),
        minutes=asked.minutes,
        checkpoint_minutes=asked.checkpoint_minutes,
        name=_name(asked),
        options=_told(asked, built),
        test=not asked.no_test,
        deterministic=not asked.nondeterministic,
        devices=int(asked.devices) if asked.devices.lstrip("-").isdigit() else asked.devices,
    )


def _close(done, folder):
    """Saves the model, says where things are. A disk that is full by now costs the files, not the record."""
    try:
        save_atomically(folder / "model.keras", done.model.save)
        print(f"model in {folder / 'model.keras'}")
    except OSError as error:
        print(f"warning: the model could not be saved ({error.strerror or error})")
    print(f"record in {done.path}" if done.path else json.dumps(done.record))
    return 1 if done.status == "diverged" else 0
