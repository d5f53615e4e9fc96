"""`gpc` at the terminal: train, run, look, count, regroup, export, bench, records.

Each command is a module with `add(commands)`, which tells argparse about it, and a function that does it.
Keras is imported when a command needs it, so that help and mistakes in the command line are answered at once.
"""

import argparse
import os
import sys

from gpc.cli import bench, count, export, look, records, regroup, run, train

EPILOG = """\
examples
  gpc count EfficientNetB0                      what it costs, by kind of layer
  gpc regroup EfficientNetB0 --save small.keras its pointwise layers grouped, and what that saves
  gpc train kEfficientNetB0 --data cifar10 --recipe papers-32 --skip-strides 3 --epochs 1
  gpc run cifar10 --missing                     what a plan still lacks; without --missing, runs it
  gpc export small.keras --to small.tflite      for a telephone, in float or int8
  gpc records                                   what has been trained, as a table

gpc COMMAND --help explains one. KERAS_BACKEND=jax (or torch) chooses the backend, TensorFlow is the
default; GPC_DATA says where data sets lie, GPC_TRACEBACK=1 shows where an error came from.
"""


def parser():
    """The parser of the whole command line."""
    import gpc

    found = argparse.ArgumentParser(
        prog="gpc",
        description="Grouped pointwise convolutions in Keras: count, regroup, train, export, time.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    found.add_argument("--version", action="version", version=f"gpc {gpc.__version__}")
    commands = found.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for module in (count, regroup, train, run, look, export, bench, records):
        module.add(commands)
    return found


def main(arguments=None):
    """Runs one command line (default: the process's own) and returns its exit status.

    0: done; 1: a run diverged or failed, or something is missing; 2: something is wrong with what was asked,
    told in a line or two on standard error; 3: the minutes are over, the same command line goes on; 130:
    stopped by Ctrl-C.
    """
    if hasattr(sys.stdout, "reconfigure"):  # a terminal or pipe that has no × and no … gets ? for them
        sys.stdout.reconfigure(errors="replace")
    asked = parser().parse_args(arguments)
    try:
        return asked.run(asked) or 0
    except KeyboardInterrupt as stop:
        print(f"\ngpc {asked.command}: {str(stop) or 'stopped'}", file=sys.stderr)
        if asked.command in ("train", "run") and str(stop):
            print("the same command line goes on from there", file=sys.stderr)
        return 130
    except BrokenPipeError:  # `gpc count … | head`: the reader has had enough, which is no error
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except (ValueError, TypeError, OSError, ArithmeticError, ImportError) as error:
        if os.environ.get("GPC_TRACEBACK"):
            raise
        print(f"gpc {asked.command}: {_told(error)}", file=sys.stderr)
        return 2
    except Exception as error:  # nobody has foreseen it: no reason to frighten who only uses this
        if os.environ.get("GPC_TRACEBACK"):
            raise
        told = f"{type(error).__name__}: {_told(error)}"
        print(f"gpc {asked.command}: {told} (GPC_TRACEBACK=1 shows where)", file=sys.stderr)
        return 2


def _told(error):
    """The message in a line or two: a file's error as "message: file", nobody's errno."""
    if isinstance(error, OSError) and error.strerror:
        return f"{error.strerror}: {error.filename}" if error.filename else error.strerror
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= 600 else f"{text[:600]}… (GPC_TRACEBACK=1 shows all)"
