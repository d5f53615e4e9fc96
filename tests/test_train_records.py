"""Records: every field checked, the one at fault named, and the README beside them in step with the
schema."""

import copy
import json
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

from gpc.show.evidence import evidence
from gpc.train import machine, recipe, records
from gpc.train.schema import SCHEMA

SUM = "0123456789abcdef" * 4
ROOT = Path(__file__).resolve().parents[1]
README = ROOT / "data" / "records" / "README.md"


def record(seed=0, accuracy=0.75, **changes):
    """A valid record, written by hand."""
    row = {
        "learning_rate": 0.001,
        "loss": 1.0,
        "accuracy": 0.5,
        "val_loss": None,
        "val_accuracy": 0.6,
        "seconds": 2.0,
    }
    scores = {"loss": 1.0, "accuracy": accuracy}
    found = {
        "schema": 1,
        "experiment": "16-k-models",
        "status": "finished",
        "reason": "",
        "model": {
            "name": "kMobileNet",
            "options": {"channels_per_group": 16},
            "parameters": 265022,
            "trainable": 260000,
            "macs": 5_000_000,
            "signature": SUM,
            "initial": "built after seeding",
        },
        "dataset": {
            "name": "cifar10",
            "fingerprint": SUM,
            "seed": 0,
            "input_shape": [32, 32, 3],
            "classes": 10,
            "train": 45000,
            "validation": 5000,
            "test": 10000,
        },
        "recipe": recipe("quick", epochs=2).as_dict(),
        "seed": seed,
        "profile": "full",
        "deterministic": True,
        "commit": None,
        "dirty": None,
        "versions": {"python": "3.11.7", "backend": "jax"},
        "device": {"platform": "Linux", "cpu": None, "cores": 2, "gpu": [], "used": 1},
        "curve": [{"epoch": 1, **row}, {"epoch": 2, **row}],
        "metrics": {
            "best_epoch": 1,
            "train": {"loss": 1.0, "accuracy": 0.5},
            "val": {"loss": None, "accuracy": 0.6},
            "test": scores,
        },
        "wall_seconds": 4.5,
        "epoch_seconds": 2.0,
        "resumed": 0,
        "test_openings": 1,
        "date": "2026-11-20T11:11:21+00:00",
    }
    return {**found, **changes}


def put(folder, one, name=None):
    path = folder / (
        name
        or records.file_name(one["experiment"], one["model"]["name"], one["dataset"]["name"], one["seed"])
    )
    path.write_text(json.dumps(one), encoding="utf-8")
    return path


def parent(one, field):
    *way, last = field.split(".")
    for name in way:
        one = one[name]
    return one, last


def test_a_valid_record_is_valid():
    assert records.validate(record()) == record()


@pytest.mark.parametrize("field", [field for field, _, _ in SCHEMA])
def test_a_missing_field_is_named(field):
    broken = copy.deepcopy(record())
    inside, last = parent(broken, field)
    del inside[last]
    with pytest.raises(ValueError, match=f"field '{field}' is missing; it holds "):
        records.validate(broken)


@pytest.mark.parametrize("field", [field for field, _, _ in SCHEMA])
def test_a_wrong_value_is_named(field):
    broken = copy.deepcopy(record())
    inside, last = parent(broken, field)
    inside[last] = {"no": ["such", -1]} if field != "model.options" else "none"
    with pytest.raises(ValueError, match=f"field '{field}' is .*; it holds "):
        records.validate(broken)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("metrics.test", {"loss": 1.0, "accuracy": 75.0}),
        ("metrics.test", {"loss": 1.0}),
        ("seed", -1),
        ("dataset.train", 0),
        ("seed", True),
        ("date", "2026-11-20"),
        ("date", "yesterday"),
        ("dataset.fingerprint", "abc"),
        ("curve", []),
        ("recipe", {**recipe("quick").as_dict(), "epochs": 0}),
        ("recipe", {**recipe("quick").as_dict(), "epoch": 3}),
        ("status", "paused"),
    ],
)
def test_values_out_of_bounds(field, value):
    broken = copy.deepcopy(record())
    inside, last = parent(broken, field)
    inside[last] = value
    with pytest.raises(ValueError, match=f"field '{field}' is "):
        records.validate(broken)


def test_fields_nobody_knows():
    with pytest.raises(ValueError, match="field 'accuracy' is not known"):
        records.validate({**record(), "accuracy": 0.9})
    inner = copy.deepcopy(record())
    inner["device"]["host"] = "mine"
    with pytest.raises(ValueError, match="field 'device.host' is not known"):
        records.validate(inner)


@pytest.mark.parametrize(
    ("field", "value", "told"),
    [
        ("recipe.epochs", 3, "'curve' has 2 epochs; the recipe of a finished run says 3"),
        ("metrics.best_epoch", 3, "'metrics.best_epoch' is 3; the curve has 2"),
        ("metrics.val", {"loss": 1.0, "accuracy": 0.7}, "'metrics.val' is not the curve's row"),
        ("test_openings", 0, "'test_openings' is 0"),
    ],
)
def test_fields_that_contradict_each_other(field, value, told):
    broken = copy.deepcopy(record())
    inside, last = parent(broken, field)
    inside[last] = value
    with pytest.raises(ValueError, match=told):
        records.validate(broken)


def test_load_and_its_errors(tmp_path):
    put(tmp_path, record(seed=1))
    put(tmp_path, record(seed=0))
    (tmp_path / "README.md").write_text("no record")
    assert [one["seed"] for one in records.load(tmp_path)] == [0, 1]
    assert records.load(tmp_path, experiment="other") == ()
    with pytest.raises(FileNotFoundError, match="no folder .*nowhere of records"):
        records.load(tmp_path / "nowhere")
    path = put(tmp_path, {**record(), "seed": 9}, name="17--kMobileNet--cifar10--9.json")
    with pytest.raises(
        ValueError, match=f"{path.name}: its content is that of 16-k-models--kMobileNet--cifar10--9.json"
    ):
        records.load(tmp_path)
    path.write_text("{")
    with pytest.raises(ValueError, match=path.name):
        records.load(tmp_path)


def test_table():
    runs = [record(seed, accuracy) for seed, accuracy in enumerate((0.7, 0.8, 0.9))]
    other = record(accuracy=0.5)
    other["model"]["name"] = "MobileNet"
    first, second = records.table([*runs, other])
    assert (first["model"], second["model"]) == ("MobileNet", "kMobileNet")
    assert second["test_accuracy"] == pytest.approx(0.8) and second["spread"] == pytest.approx(0.1)
    assert second["enough"] and second["seeds"] == [0, 1, 2]
    assert not first["enough"] and first["spread"] is None and first["epoch_seconds"] == 2.0


def test_runs_on_other_images_are_not_averaged():
    smaller = record(seed=1)
    smaller["dataset"] |= {"input_shape": [28, 28, 3], "fingerprint": SUM[::-1]}
    rows = records.table(one for one in (record(), smaller))
    assert [row["seeds"] for row in rows] == [[0], [1]]
    name = record()["dataset"]["name"]
    assert [row["dataset"] for row in rows] == [f"{name} ({SUM[:8]})", f"{name} ({SUM[::-1][:8]})"]
    with pytest.raises(ValueError, match="one experiment on one data set is drawn at a time"):
        evidence(rows)
    elsewhere = smaller | {"experiment": "another"}
    assert {row["dataset"] for row in records.table([record(), elsewhere])} == {name}


def test_the_readme_has_every_field_as_the_schema_says():
    text = README.read_text(encoding="utf-8")
    for field, holds, _ in SCHEMA:
        assert f"| `{field}` | {holds.replace('|', chr(92) + '|')} |" in text, (
            f"data/records/README.md lacks {field}"
        )


def test_the_records_of_the_course_are_valid_and_of_a_known_commit():
    for one in records.load(README.parent):
        assert one["commit"] and one["dirty"] is False, one["model"]["name"]
        assert one["test_openings"] == 1


def test_away_from_the_course_the_records_that_came_with_the_package_are_read(tmp_path, monkeypatch):
    """A chapter opened by itself has no data/records beside it; what is trained there goes to a folder there."""
    patterns = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]
    carried = tmp_path / "installed"
    for place, names in patterns["data-files"].items():
        found = [path for name in names for path in ROOT.glob(name)]
        assert found, f"{names} are no files"
        (carried / place).mkdir(parents=True)
        for path in found:
            shutil.copy(path, carried / place)
    here = tmp_path / "notebooks"
    here.mkdir()
    monkeypatch.chdir(here)
    monkeypatch.setattr("sysconfig.get_path", lambda name: {"data": str(carried)}[name])
    assert records.load() == records.load(ROOT / "data" / "records") != ()
    assert (records.shelf().parent / "published.json").is_file()
    assert records.home() == here / "data" / "records"
    records.home().mkdir(parents=True)
    assert records.load() == ()


def test_dirty_is_said_of_the_sources_alone(tmp_path, monkeypatch):
    files = [tmp_path / name for name in ("src/gpc/train/__init__.py", "src/gpc/a.py", "data/b.json")]
    for file in files:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("1\n", encoding="utf-8")
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@b.c", "-C", str(tmp_path)]
    for command in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "all"]):
        subprocess.run([*git, *command], check=True)
    monkeypatch.setattr(machine, "__file__", str(files[0].with_name("machine.py")))
    files[2].write_text("2\n", encoding="utf-8")  # a file of results, being written anew
    assert len(machine.commit()["commit"]) == 40 and machine.commit()["dirty"] is False
    files[1].write_text("2\n", encoding="utf-8")
    assert machine.commit()["dirty"] is True
