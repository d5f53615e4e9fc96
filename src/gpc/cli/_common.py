"""What several commands share: options, models by name or file, and a backend that starts without chatter."""

import argparse
import contextlib
import os
import sys
import tempfile
import textwrap
import zipfile
from pathlib import Path

from gpc._checks import hint, positive

BACKENDS = ("tensorflow", "jax", "torch")


def command(commands, name, run, *, short, text, examples):
    """A subcommand with a help that teaches: what it does, then examples."""
    shown = "examples\n" + "\n".join(f"  {line}" for line in examples)
    found = commands.add_parser(
        name,
        help=short,
        description=textwrap.fill(text, 96),
        epilog=shown,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    found.set_defaults(run=run, command=name)
    return found


def add_model(parser):
    """MODEL, and how its pointwise layers are grouped."""
    parser.add_argument(
        "model", metavar="MODEL", help="a name (kEfficientNetB0, MobileNetV2, LeNet5, …) or a .keras file"
    )
    add_grouping(parser)


def add_grouping(parser):
    """Channels per group, scheme, skipped strides."""
    parser.add_argument("--channels-per-group", type=int, metavar="N", help="of a k-network (default: 16)")
    parser.add_argument(
        "--scheme",
        choices=("interleaved", "divisible"),
        help="of a k-network: the papers' second or first (default: interleaved)",
    )
    parser.add_argument(
        "--skip-strides", type=int, metavar="N", default=0, help="leave out the first N stride levels"
    )


def add_shape(parser):
    """What the model reads and says."""
    parser.add_argument("--input", type=int, metavar="PIXELS", help="image size (default: the model's own)")
    parser.add_argument("--channels", type=int, metavar="N", help="of the image (default: the model's own)")
    parser.add_argument("--classes", type=int, metavar="N", help="outputs (default: the model's own)")


def add_timing(parser, *, rounds):
    """How it is timed, and where the numbers go."""
    parser.add_argument("--batch-size", type=int, default=32, metavar="N", help="images a call (32)")
    parser.add_argument(
        "--rounds", type=int, default=rounds, metavar="N", help=f"pairs timed (default: {rounds})"
    )
    parser.add_argument("--json", metavar="FILE", help="write all numbers there")


def writable(*names):
    """Raises FileNotFoundError for a file given to write to whose folder is not there; None is no file."""
    for path in map(Path, filter(None, names)):
        if not path.resolve().parent.is_dir():
            raise FileNotFoundError(f"no folder {path.parent} to write {path.name} to; make it first")


def shape(asked):
    """(height, width, channels) of the command line; None where it says neither."""
    if asked.input is None and asked.channels is None:
        return None
    side = 224 if asked.input is None else positive("--input", asked.input)
    return (side, side, 3 if asked.channels is None else positive("--channels", asked.channels))


def options(asked, name, *, shape=None, classes=None, strict=True):
    """What `gpc.models.build` gets for the model `name`: of the command line what was given.

    Raises ValueError for a grouping of a model that has none, unless `strict` is False: of several models
    each takes what it knows.
    """
    if classes is not None:
        positive("--classes", classes)
    if asked.channels_per_group is not None:
        positive("--channels-per-group", asked.channels_per_group)
    found = {"input_shape": shape, "classes": classes}
    if name.startswith("k") and not from_file(name):
        found |= {"channels_per_group": asked.channels_per_group, "scheme": asked.scheme}
    elif strict and (asked.channels_per_group is not None or asked.scheme):
        raise ValueError(
            f"{name} has no groups to choose; `gpc regroup {name} --save FILE.keras` makes some, "
            "or take a k-network such as kEfficientNetB0"
        )
    return {option: value for option, value in found.items() if value is not None}


def from_file(name):
    """Whether MODEL is a file and no name."""
    return name.endswith((".keras", ".h5", ".hdf5")) or os.sep in name


def build(name, options, *, skip_strides=0):
    """The model of this name, built with `options`, or in this file; its first stride levels left out.

    Raises ValueError where the options ask of a file what it is not.
    """
    from gpc import models, surgery

    found = opened(name) if from_file(name) else models.build(name, **options)
    if from_file(name):
        _check_built(name, found, **options)
    return surgery.skip_strides(found, skip_strides) if skip_strides else found


def _check_built(name, model, *, input_shape=None, classes=None):
    reads, ends = model.input_shape[1:], model.output_shape[-1]
    if input_shape and any(side not in (None, asked) for side, asked in zip(reads, input_shape)):
        raise ValueError(f"{name} reads images of {reads}; asked was {tuple(input_shape)}")
    if classes and ends != classes:
        raise ValueError(f"{name} ends in {ends} classes; asked was {classes}")


def opened(name):
    """The model in a .keras file. Raises FileNotFoundError or ValueError saying what is wrong with it."""
    import keras

    import gpc.layers  # noqa: F401, so that Keras knows the layers that a regrouped model is made of

    path = Path(name)
    if path.is_dir():
        there = ", ".join(sorted(map(str, path.glob("*.keras")))[:5])
        raise ValueError(f"{name} is a folder, no .keras file" + (f"; in it are: {there}" if there else ""))
    if not path.is_file():
        near = ", ".join(sorted(map(str, path.parent.glob("*.keras")))[:5])
        raise FileNotFoundError(f"no file {name}" + (f"; there are: {near}" if near else ""))
    if path.suffix != ".keras":
        raise ValueError(f"{name} is no .keras file; save the model with model.save('{path.stem}.keras')")
    if not zipfile.is_zipfile(path):  # Keras would say that it is not there
        raise ValueError(f"{name} is no .keras file, or a damaged one: it is no zip archive; save it anew")
    try:
        return keras.saving.load_model(path, compile=False)
    except Exception as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise ValueError(f"{name} cannot be opened as a Keras model: {reason}") from error


@contextlib.contextmanager
def quiet():
    """Keeps what backends write to standard error while they start; it is shown if starting fails.

    TensorFlow's C++ writes there before any setting can reach it, a screenful about missing GPUs.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    sys.stderr.flush()
    kept = os.dup(2)
    with tempfile.TemporaryFile() as told:
        os.dup2(told.fileno(), 2)
        try:
            yield
        except BaseException:
            told.seek(0)
            os.write(kept, told.read())
            raise
        finally:
            with contextlib.suppress(OSError):  # Windows' stream for a console writes to nothing else
                sys.stderr.flush()
            os.dup2(kept, 2)
            os.close(kept)


def start_keras():
    """Imports Keras and its backend, with a word at the terminal, since it takes seconds.

    Raises ImportError naming what is missing, ValueError for a KERAS_BACKEND that there is not.
    """
    asked = os.environ.get("KERAS_BACKEND") or BACKENDS[0]
    if asked not in (*BACKENDS, "numpy", "openvino"):
        known = ", ".join(BACKENDS)
        raise ValueError(f"KERAS_BACKEND={asked!r} is no backend; choose from {known}{hint(asked, BACKENDS)}")
    waiting = sys.stderr.isatty() and "keras" not in sys.modules
    if waiting:
        print("starting Keras …", end="\r", file=sys.stderr, flush=True)
    with quiet():
        import keras

        keras.backend.backend()
        with contextlib.suppress(Exception):
            keras.ops.zeros(1)  # the device is looked for at the first operation, and told about at length
    if waiting:
        print(" " * 16, end="\r", file=sys.stderr, flush=True)
