"""`gpc look`: where a plan's trained networks look, scored against the data set's masks."""

import json
import sys
from datetime import datetime, timezone
from pathlib import Path

from gpc.cli import _common
from gpc.cli.train import RECORDS, RUNS

LOOKS = "data/looks"


def add(commands):
    """Tells argparse about the command."""
    found = _common.command(
        commands,
        "look",
        run,
        short="where a plan's trained networks look: their maps scored against masks",
        text=(
            "Takes the networks that `gpc run PLAN` saved beside its checkpoints, makes CAM and Grad-CAM of "
            "every test image for its right class, and scores them against the masks: how often the highest "
            "point lies on the mask, and how much the highest points, as many as the mask has, overlap with "
            "it. Beside them what the picture's middle scores, which no network is needed for. One file a "
            "run; what has one is not done again. Exit status: 1 where a model is missing, the others scored."
        ),
        examples=[
            "gpc look cpu-pets",
            "gpc look cpu-pets --mask masks       surely the pet, without its border",
        ],
    )
    found.add_argument("plan", metavar="PLAN", help="a name in data/plans, or a .toml file")
    found.add_argument(
        "--mask", choices=("objects", "masks"), default="objects", help="the object, or the evidence on it"
    )
    found.add_argument("--to", default=LOOKS, metavar="DIR", help=f"default: {LOOKS}")
    found.add_argument("--records", default=RECORDS, metavar="DIR", help=f"default: {RECORDS}")
    found.add_argument("--runs", default=RUNS, metavar="DIR", help=f"where the models lie (default: {RUNS})")
    found.add_argument(
        "--data-folder", metavar="DIR", help="where data lie (default: GPC_DATA, else a cache)"
    )


def run(asked):
    """Scores what has a record and no scores yet; prints the table of all."""
    from gpc.show import looks
    from gpc.train import plans

    plan = plans.read(asked.plan)
    _common.start_keras()
    from gpc.train import planning

    folder, data = Path(asked.to), {}
    there = [one for one in planning.states(plan, asked.records) if one.status == "there"]
    if not there:
        told = f"{plan.name}: no run has a record in {asked.records}"
        raise FileNotFoundError(f"{told}; `gpc run {asked.plan}` first")
    names = {state.path.name for state in there}
    _same_mask(looks.load(folder, names), asked)
    lacking = []
    for state in there:
        target = folder / state.path.name
        if target.exists():
            continue
        if not _model(state, asked).exists():
            lacking.append(_lacks(state, asked))
            continue
        print(f"{state.item} …", flush=True)
        _write(target, _looked(state, asked, data))
    if found := looks.load(folder, names):
        print(looks.text(looks.table(found)))
    print("".join(f"gpc look: {line}\n" for line in lacking), end="", file=sys.stderr)
    return 1 if lacking else 0


def _model(state, asked):
    return Path(asked.runs) / state.path.stem / "model.keras"


def _lacks(state, asked):
    """Which model is not there, and what makes it again."""
    path = _model(state, asked)
    if any(path.parent.glob("checkpoint-*.npz")):
        return f"no file {path}; `gpc run {asked.plan}` makes it again from its checkpoint"
    return f"no file {path}; move {state.path} away, and `gpc run {asked.plan}` trains it again"


def _same_mask(found, asked):
    """One folder holds scores against one mask: means of both kinds would be of neither."""
    others = sorted(one["run"] for one in found if one["mask"] != asked.mask)
    if others:
        told = f"{others[0]}.json" + (f" and {len(others) - 1} more" if others[1:] else "")
        raise ValueError(
            f"{asked.to} has scores of this plan against {found[0]['mask']!r} ({told}); "
            f"for --mask {asked.mask} choose another folder, --to {asked.to}-{asked.mask} for example"
        )


def _write(target, found):
    from gpc._files import write_atomically

    target.parent.mkdir(parents=True, exist_ok=True)
    content = json.dumps(found, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    write_atomically(target, content.encode())


def _looked(state, asked, loaded):
    """One run's scores, with where they come from."""
    from gpc.train import machine, records

    record = records.read(state.path)
    model = _common.opened(str(_model(state, asked)))
    if state.item.data not in loaded:
        loaded[state.item.data] = state.item.data.load(asked.data_folder)
    data = loaded[state.item.data]
    if data.fingerprint != record["dataset"]["fingerprint"]:
        told = "its fingerprint differs"
        raise ValueError(f"the {data.name} here is not what {state.path} was made of: {told}")
    told = _scores(model, data.open_test(), record, asked.mask)
    return {
        "run": state.path.stem,
        **{name: record[name] for name in ("experiment", "seed")},
        "model": record["model"]["name"],
        "dataset": record["dataset"]["name"],
        "test_accuracy": record["metrics"]["test"]["accuracy"],
        "mask": asked.mask,
        **told,
        **machine.commit(),
        "versions": machine.versions(),
        "device": machine.device(),
        "date": datetime.now(timezone.utc).isoformat(timespec="seconds"),
    }


def _scores(model, split, record, mask):
    """The maps' scores on all test images. Raises ValueError where the model does not score as its record."""
    import keras
    import numpy as np

    from gpc import explain
    from gpc.data import Batches
    from gpc.train import setup

    if getattr(split, mask) is None:
        raise ValueError(f"{record['dataset']['name']} has no {mask}; it has {', '.join(split.arrays())}")
    size = record["recipe"]["size"]
    ((images, masks),) = Batches(split, len(split), shuffle=False, size=size, target=mask)
    images = images * np.float32(setup.input_scale(model))
    parts = (images[start : start + 64] for start in range(0, len(images), 64))
    answers = [keras.ops.convert_to_numpy(model(part, training=False)) for part in parts]
    right = np.concatenate(answers).argmax(-1) == split.labels
    if abs(right.mean() - record["metrics"]["test"]["accuracy"]) > 1.5 / len(split):
        raise ValueError(
            f"{model.name} is right {right.mean():.4f} of the time, its record says "
            f"{record['metrics']['test']['accuracy']:.4f}: model.keras is not of that run"
        )
    found = explain.judged(model, images, masks, split.labels)
    return {"images": len(split), "size": list(images.shape[1:3]), **found}
