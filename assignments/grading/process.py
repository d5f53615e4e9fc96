"""A submission graded in a process of its own: whatever it does to Python, its results so far are kept.

`python -m grading.process CHECKS NOTEBOOK EVENTS` is that process; `graded` starts it, waits, and reads what
it wrote.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

from grading.notebook import CELL_SECONDS, Unreadable, fresh, read, run
from grading.parts import Result, grade, load

TOTAL_SECONDS = 900
# A quiet log, pictures nowhere, the quick profile: the same on a laptop and on a build machine.
ENVIRONMENT = {"TF_CPP_MIN_LOG_LEVEL": "3", "MPLBACKEND": "Agg", "GPC_PROFILE": "quick"}


def seconds(name, usual):
    """A limit in seconds that the environment may set: GRADING_CELL_SECONDS, GRADING_TOTAL_SECONDS."""
    return float(os.environ.get(f"GRADING_{name}_SECONDS", usual))


def graded(checks, notebook):
    """The results of all parts for a notebook file, whatever it holds.

    What was not reached (Python ended, time was over) has no points and says where that was.
    """
    checks, parts = Path(checks).resolve(), load(checks)
    try:
        read(notebook)
    except Unreadable as error:
        return [Result(one.name, one.title, one.points, 0, str(error)) for one in parts]
    # On Windows what was ended may hold the file a moment longer: no reason to lose the points.
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        events = Path(folder) / "events"
        ending = _watched([str(checks), str(Path(notebook).resolve()), str(events)], cwd=_folder(checks))
        lines = events.read_text(encoding="utf-8").splitlines() if events.exists() else []
    return _results(parts, [json.loads(line) for line in lines], ending)


def _folder(checks):
    return checks if checks.is_dir() else checks.parent


def _watched(arguments, *, cwd):
    """Runs the process within its time. → how it ended, in words"""
    allowed = seconds("TOTAL", TOTAL_SECONDS)
    path = os.pathsep.join([str(Path(__file__).resolve().parents[1]), os.environ.get("PYTHONPATH", "")])
    environment = {**os.environ, **ENVIRONMENT, "PYTHONPATH": path, "PYTHONIOENCODING": "utf-8"}
    command = [sys.executable, "-m", "grading.process", *arguments]
    quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL}
    alone = {"start_new_session": True} if os.name == "posix" else {}
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(command, cwd=cwd, env=environment, stderr=log, **quiet, **alone)
        try:
            status = process.wait(allowed)
        except subprocess.TimeoutExpired:
            return f"the notebook and its checks took longer than {allowed:g} s"
        finally:
            _end(process)
        log.seek(0)
        said = log.read().decode("utf-8", "replace").strip().splitlines()
    last = f" ({said[-1][:200]})" if status == 1 and said else ""
    return f"Python itself ended with exit status {status}{last}"


def _end(process):
    """Ends the process and, where the system can, all that it started."""
    if os.name == "posix":
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
    elif process.poll() is None:
        process.kill()
    process.wait()


def _results(parts, events, ending):
    """The results that were written; for the parts that were not reached, why."""
    written = {event["name"]: Result(**event) for event in events if "name" in event}
    where = [event["at"] for event in events if "at" in event]
    missing = f"not graded: {ending}" + (f", in {where[-1]}" if where else "")
    return [
        written.get(one.name) or Result(one.name, one.title, one.points, 0, missing) for one in parts
    ]


def main(checks, notebook, events):
    """The process: cells, then parts; each line of the events file is one thing that happened."""
    with open(events, "a", encoding="utf-8", buffering=1) as file:

        def write(event):
            file.write(json.dumps(event) + "\n")

        parts, cells, namespace = load(Path(checks)), read(notebook), fresh()
        allowed = seconds("CELL", CELL_SECONDS)
        failures = run(cells, namespace, seconds=allowed, on_cell=lambda cell: write({"at": cell.name}))
        write({"at": "the checks"})
        sources = [cell.source for cell in cells]
        grade(parts, namespace, failures, sources, on_result=lambda result: write(vars(result)))
    os._exit(0)  # threads that a submission left behind must not hold the process


if __name__ == "__main__":
    main(*sys.argv[1:])
