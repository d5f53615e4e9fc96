"""`gpc look`: the networks of a plan, scored by where they look."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from gpc import cli, data, explain
from gpc.show import looks
from gpc.train import records

# JAX compiles a MobileNet for a minute; what is computed is gpc.explain's.
pytestmark = pytest.mark.tensorflow

TEXT = """
experiment = "where"
data = { name = "leaves", size = 16, count = 40 }
recipe = { name = "quick", epochs = 1, batch_size = 16 }
seeds = [0, 1]

[[models]]
name = "small"
network = "MobileNet"
options = { variant = "small" }
"""


@pytest.fixture(scope="module")
def followed(tmp_path_factory):
    """The folder of a plan whose runs have their records and models."""
    home = tmp_path_factory.mktemp("followed")
    (home / "data" / "plans").mkdir(parents=True)
    (home / "data" / "plans" / "try.toml").write_text(TEXT, encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(home)
        assert cli.main(["run", "try"]) == 0
    return home


@pytest.fixture
def here(followed, tmp_path, monkeypatch):
    """A copy of it to work in."""
    shutil.copytree(followed, tmp_path / "copy")
    monkeypatch.chdir(tmp_path / "copy")
    return tmp_path / "copy"


def test_each_run_leaves_its_scores(here, capsys):
    assert cli.main(["look", "try"]) == 0
    told = capsys.readouterr().out
    assert told.count("small  CAM") == 1 and "the picture's middle" in told and "0, 1" in told
    files = sorted((here / "data" / "looks").glob("*.json"))
    assert [one.name for one in files] == [f"where--small--leaves--{seed}.json" for seed in (0, 1)]
    found = json.loads(files[0].read_text(encoding="utf-8"))
    assert (found["images"], found["size"], found["mask"], found["seed"]) == (8, [16, 16], "objects", 0)

    from gpc.cli._common import opened

    split = data.load("leaves", size=16, count=40).open_test()
    model = opened("runs/where--small--leaves--0/model.keras")
    maps = explain.cam(model, split.images / np.float32(255), split.labels, resize=True)
    assert found["cam"]["pointing"] == explain.pointing_game(maps, split.objects).mean()
    written = [one.stat().st_mtime_ns for one in files]
    assert cli.main(["look", "try"]) == 0  # all there: nothing is computed again
    assert [one.stat().st_mtime_ns for one in files] == written and " …" not in capsys.readouterr().out


def test_means_and_spread_are_over_the_seeds():
    base = {"model": "m", **{method: {"pointing": 0.2, "iou": 0.1} for method in looks.METHODS}}
    other = {**base, "seed": 1, "cam": {"pointing": 0.4, "iou": 0.1}}
    rows = looks.table(({**base, "seed": 0}, other))
    assert [row["method"] for row in rows] == list(looks.METHODS.values())
    assert rows[0]["pointing"] == pytest.approx(0.3)
    assert rows[0]["pointing_spread"] == pytest.approx(0.2 / 2**0.5)
    assert looks.cells(rows[0])[2:] == ("0, 1", "30.0% ± 14.1", "10.0% ± 0.0")
    assert looks.table(({**base, "seed": 0},))[0]["iou_spread"] is None


def test_the_books_page_has_them(here, tmp_path):
    from tools import pages

    assert cli.main(["look", "try"]) == 0
    text = pages.results_page(here, tmp_path)
    rows = looks.table(looks.load("data/looks"))
    assert "## where: where they look" in text and "of 8 test images of 16×16 pixels" in text
    assert all("| " + " | ".join(looks.cells(row)) + " |" in text for row in rows)


def test_scores_against_another_mask_are_not_mixed_in(here, capsys):
    assert cli.main(["look", "try"]) == 0
    assert cli.main(["look", "try", "--mask", "masks"]) == 2
    told = capsys.readouterr().err
    assert "against 'objects' (where--small--leaves--0.json and 1 more)" in told
    assert "--to data/looks-masks" in told
    assert cli.main(["look", "try", "--mask", "masks", "--to", "data/looks-masks"]) == 0
    both = [looks.load(folder) for folder in ("data/looks", "data/looks-masks")]
    assert both[0][0]["share"] > both[1][0]["share"]  # the evidence lies on the object


def test_another_runs_model_is_refused(here, capsys):
    path = here / "data" / "records" / "where--small--leaves--0.json"
    record = json.loads(path.read_text(encoding="utf-8"))
    record["metrics"]["test"]["accuracy"] = 1 - record["metrics"]["test"]["accuracy"]
    path.write_text(json.dumps(record), encoding="utf-8")
    assert cli.main(["look", "try"]) == 2
    assert "model.keras is not of that run" in capsys.readouterr().err


def test_without_one_runs_model_the_others_are_scored(here, capsys):
    first = here / "runs" / "where--small--leaves--0" / "model.keras"
    before, told = first.read_bytes(), here / "data" / "records" / "where--small--leaves--0.json"
    first.unlink()
    written = told.stat().st_mtime_ns
    assert cli.main(["look", "try"]) == 1
    said = capsys.readouterr()
    assert [one.name for one in (here / "data" / "looks").iterdir()] == ["where--small--leaves--1.json"]
    assert "small  CAM" in said.out
    assert "model.keras; `gpc run try` makes it again from its checkpoint" in said.err
    assert cli.main(["run", "try"]) == 0
    said = capsys.readouterr().out
    assert "its model was missing, and is made again from its checkpoint" in said and "epoch 1" not in said
    assert told.stat().st_mtime_ns == written and abs(first.stat().st_size - len(before)) < 1000
    assert cli.main(["look", "try"]) == 0  # which holds the model's accuracy to the record's
    shutil.rmtree(first.parent)
    (here / "data" / "looks" / told.name).unlink()
    assert cli.main(["run", "try"]) == 0  # a record that came from elsewhere: nothing to make, nothing said
    assert capsys.readouterr().out.splitlines()[-1] == "try: 2 done, 0 failed, 0 left"
    assert not first.parent.exists() and cli.main(["look", "try"]) == 1
    assert f"move {told.relative_to(here)} away" in capsys.readouterr().err


def test_without_records_it_says_what_to_run(here, capsys):
    shutil.rmtree(here / "data" / "records")
    assert cli.main(["look", "try"]) == 2
    assert "no run has a record in data/records; `gpc run try` first" in capsys.readouterr().err
    assert cli.main(["look", "tri"]) == 2
    assert "no plan 'tri'" in capsys.readouterr().err


def test_the_courses_scores_are_of_its_records():
    home = Path(__file__).resolve().parents[1] / "data"
    found = looks.load(home / "looks")
    assert found
    for one in found:
        record = records.read(home / "records" / f"{one['run']}.json")
        assert one["test_accuracy"] == record["metrics"]["test"]["accuracy"]
        assert one["images"] == record["dataset"]["test"] and one["dirty"] is False
        scores = [score for method in looks.METHODS for score in one[method].values()]
        assert len(scores) == 6 and all(0 < score < 1 for score in [one["share"], *scores])
