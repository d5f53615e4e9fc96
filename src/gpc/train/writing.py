"""A run's record: its place made sure of before the run, composed and written after it."""

import json
import math
import os
import statistics
from datetime import datetime, timezone
from pathlib import Path

from gpc._files import write_atomically
from gpc.train.records import file_name, flat, read, validate
from gpc.train.schema import VERSION, at


def reserve(folder, training):
    """Where the run's record will go, made sure of before anything is computed.

    Raises OSError where the folder cannot be written, ValueError where the name holds another run's record.
    """
    folder = Path(folder)
    about = training.about
    path = folder / file_name(
        about["experiment"] or "run", about["name"] or training.model.name, training.data.name, training.seed
    )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / f".{path.name}.{os.getpid()}.tmp"
        probe.touch()
        probe.unlink()
    except OSError as error:
        told = f"records cannot be written to {folder} ({error.strerror}); give another folder"
        raise type(error)(error.errno, told) from None
    if path.exists():
        _refuse_to_replace(path, training)
    return path


def _refuse_to_replace(path, training):
    there = read(path)
    here = {"recipe": training.recipe.as_dict(), "dataset.fingerprint": training.data.fingerprint}
    here["model.signature"] = training.identity["model"]
    old, new = (
        flat({field: at(one, field) if one is there else here[field] for field in here})
        for one in (there, here)
    )
    if differs := [name for name in new if new[name] != old.get(name)]:
        raise ValueError(
            f"{path} holds the record of another run: {', '.join(differs)} differs; "
            "give another experiment name, or move that file away"
        )


def keep(training, target):
    """(record, path): the run's record composed, checked and written to its folder and to `target`, where
    given.

    A disk that is full costs the files, not the record: it is returned whatever happens, and the line says
    so.
    """
    folder = training.store.folder if training.store is not None else None
    record = _earlier(folder, training) or validate(compose(training))
    content = (json.dumps(record, indent=1, ensure_ascii=False, allow_nan=False) + "\n").encode()
    written = None
    for path in (folder and folder / "record.json", target):
        try:
            if path is not None:
                write_atomically(path, content)
                written = path
        except OSError as error:
            told = f"the record could not be written to {path} ({error.strerror or error})"
            training.say(f"warning: {told}; it is in run.record")
            written = None
    return record, written


def _earlier(folder, training):
    """The record of this very run if its folder has it: a run asked for again after its end is not dated
    anew."""
    if folder is None or not training.progress.resumed or not (folder / "record.json").exists():
        return None
    try:
        found = read(folder / "record.json")
    except ValueError:
        return None
    same = found["experiment"] == (training.about["experiment"] or "run")
    return found if same and found["metrics"] == _finite(training.progress.metrics) else None


def compose(training):
    """The record of a run that has ended."""
    from gpc.data import profile
    from gpc.train import machine

    now, data, about = training.progress, training.data, training.about
    sizes = {**data.sizes, "train": len(training.train)}
    return _finite(
        {
            "schema": VERSION,
            "experiment": about["experiment"] or "run",
            "status": now.status,
            "reason": now.reason,
            "model": _model(training),
            "dataset": {
                "name": data.name,
                "fingerprint": data.fingerprint,
                "seed": data.seed,
                "input_shape": [int(side) for side in data.input_shape],
                "classes": len(data.classes),
                **{name: int(size) for name, size in sizes.items()},
            },
            "recipe": training.recipe.as_dict(),
            "seed": training.seed,
            "profile": profile(),
            "deterministic": about["deterministic"],
            **machine.commit(),
            "versions": machine.versions(),
            "device": {**machine.device(), "used": training.devices.count},
            "curve": now.rows,
            "metrics": now.metrics,
            "wall_seconds": now.seconds,
            "epoch_seconds": statistics.median(row["seconds"] for row in now.rows),
            "resumed": now.resumed,
            "test_openings": now.test_openings,
            "date": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        }
    )


def _model(training):
    model = training.model
    return {
        "name": training.about["name"] or model.name,
        "options": training.about["options"] or {},
        "parameters": int(model.count_params()),
        "trainable": sum(math.prod(one.shape) for one in model.trainable_weights),
        "macs": _macs(model, training.recipe.input_shape(training.data.input_shape)),
        "signature": training.identity["model"],
        "initial": training.initial,
    }


def _macs(model, input_shape):
    from gpc import count

    try:
        return int(count.cost(model, input_shape=tuple(input_shape)).macs)
    except (
        ValueError
    ):  # a layer whose cost nobody has told: null says "not known", where a sum would say too little
        return None


def _finite(value):
    """The same with null for every number that JSON does not have."""
    if isinstance(value, dict):
        return {name: _finite(one) for name, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(one) for one in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
