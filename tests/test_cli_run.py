"""`gpc run`: a plan followed through failures, cuts and kills; records as tables and figures."""

import errno
import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from gpc import cli
from gpc.show import evidence
from gpc.train import checkpoints, forecast, plans, records

TEXT = """
experiment = "a try"
data = { name = "digits", count = 100 }
recipe = { name = "quick", epochs = 2, batch_size = 16, size = 16 }
seeds = [0, 1]

[[models]]
name = "LeNet5"
options = { variant = "small" }

[[models]]
name = "refused"
network = "LeNet5"
options = { variant = "tiny" }

[[models]]
name = "thin"
network = "LeNet5"
options = { variant = "small" }
width = 0.5
divisor = 1
"""
WITHOUT = TEXT.replace('variant = "tiny"', 'variant = "small"').replace('"refused"', '"again"')


@pytest.fixture
def elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data" / "plans").mkdir(parents=True)
    return tmp_path


def put(folder, text=TEXT, name="try"):
    path = folder / "data" / "plans" / f"{name}.toml"
    path.write_text(text, encoding="utf-8")
    return plans.read(path)


def run(*arguments):
    return cli.main(["run", *arguments])


def names(folder):
    return sorted(path.name for path in (folder / "data" / "records").glob("*.json"))


def test_a_run_that_fails_is_told_and_the_rest_goes_on(elsewhere, capsys):
    put(elsewhere)
    assert run("try") == 1
    told = capsys.readouterr().out
    assert "[1/6] LeNet5 on digits, seed 0" in told and "[6/6] thin on digits, seed 1" in told
    assert "refused on digits, seed 1: FAILED: ValueError: model refused: variant='tiny' is unknown" in told
    assert "try: 4 done, 2 failed, 0 left" in told
    found = records.load("data/records")
    assert [(one["model"]["name"], one["seed"]) for one in found] == [
        ("LeNet5", 0), ("LeNet5", 1), ("thin", 0), ("thin", 1),
    ]  # fmt: skip
    assert found[2]["model"]["options"] == {
        "network": "LeNet5", "variant": "small", "width": 0.5, "divisor": 1,
    }  # fmt: skip
    assert (elsewhere / "runs" / "a-try--thin--digits--1" / "model.keras").is_file()
    written = {name: (elsewhere / "data" / "records" / name).stat().st_mtime_ns for name in names(elsewhere)}
    assert run("try", "--models", "LeNet5,thin") == 0  # all there: nothing is trained
    assert "epoch" not in capsys.readouterr().out
    again = {name: (elsewhere / "data" / "records" / name).stat().st_mtime_ns for name in names(elsewhere)}
    assert written == again


def test_another_runs_record_is_not_written_over(elsewhere, capsys):
    put(elsewhere, WITHOUT)
    assert run("try", "--models", "LeNet5", "--seeds", "1") == 0
    assert names(elsewhere) == ["a-try--LeNet5--digits--1.json"]
    put(elsewhere, WITHOUT.replace("epochs = 2", "epochs = 1"))
    assert run("try", "--models", "LeNet5", "--seeds", "1") == 1
    told = capsys.readouterr().out
    assert "holds another run's record: recipe.name is" in told and "or move that file away" in told
    (elsewhere / "data" / "records" / names(elsewhere)[0]).unlink()
    assert run("try", "--models", "LeNet5", "--seeds", "1") == 1
    told = capsys.readouterr().out
    assert "recipe.epochs is 2 there, 1 here" in told and "give another with --runs" in told


def test_a_folder_that_cannot_be_written_is_named_without_a_number(elsewhere, capsys):
    put(elsewhere, WITHOUT)
    (elsewhere / "file").touch()
    assert run("try", "--models", "LeNet5", "--seeds", "0", "--records", "file/records") == 1
    told = capsys.readouterr().out
    assert "FAILED: records cannot be written to file/records (Not a directory); give another" in told


def test_a_rehearsal_leaves_the_records_alone(elsewhere, capsys):
    put(elsewhere, WITHOUT)
    assert run("try", "--epochs", "1", "--limit", "60", "--seeds", "0") == 0
    assert "records only in runs/rehearsal" in capsys.readouterr().out
    assert names(elsewhere) == []
    (one,) = (elsewhere / "runs" / "rehearsal").glob("*thin*/record.json")
    found = records.read(one)
    assert len(found["curve"]) == 1 and found["dataset"]["train"] < 60
    assert run("try", "--missing") == 3


def test_the_shortest_rehearsal_takes_every_model_once_and_cuts_it(elsewhere, capsys):
    put(elsewhere)
    assert run("try", "--rehearse") == 1
    told = capsys.readouterr().out
    assert "[3/3] thin on digits, seed 0: record in runs/rehearsal" in told and "seed 1" not in told
    assert told.count("resumed after 0 epochs and 1 of 2 steps") == 2 == told.count("\nepoch 1/1")
    assert "try: 2 done, 1 failed, 0 left" in told and names(elsewhere) == []
    (one,) = (elsewhere / "runs" / "rehearsal").glob("*thin*/record.json")
    found = records.read(one)
    assert (found["resumed"], found["recipe"]["batch_size"], found["test_openings"]) == (1, 4, 1)
    assert sum(found["dataset"][split] for split in ("train", "validation", "test")) == 12


def test_a_rehearsal_takes_enough_images_of_a_part_of_them_too(elsewhere, capsys):
    put(elsewhere, WITHOUT.replace("size = 16 }", "size = 16, subset = 0.1 }"))
    assert run("try", "--rehearse", "--models", "thin") == 0
    assert "resumed after 0 epochs and 1 of 2 steps" in capsys.readouterr().out


def test_a_rehearsal_that_cannot_keep_a_checkpoint_fails(elsewhere, monkeypatch, capsys):
    def full(self, step, header, arrays):
        raise OSError(errno.ENOSPC, "No space left on device")

    put(elsewhere, WITHOUT)
    monkeypatch.setattr(checkpoints.Checkpoints, "save", full)
    with pytest.warns(UserWarning, match="no checkpoint could be written"):
        assert run("try", "--rehearse", "--models", "thin") == 1
    assert "FAILED: it began anew where it was to go on from its checkpoint" in capsys.readouterr().out


def test_minutes_are_for_the_whole_plan(elsewhere, capsys):
    put(elsewhere, WITHOUT)
    assert run("try", "--minutes", "0") == 3
    told = capsys.readouterr().out
    assert "0 done, 0 failed, 6 left" in told and "the same command line goes on from there" in told
    assert names(elsewhere) == []


def test_what_is_missing_and_how_long_it_takes(elsewhere, capsys):
    put(elsewhere, WITHOUT)
    assert run("try", "--missing") == 3
    told = capsys.readouterr().out
    assert told.count("time unknown") == 6 and "0 of 6 runs have records" in told and "--measure" in told
    assert run("try", "--models", "LeNet5", "--seeds", "0") == 0
    capsys.readouterr()
    assert run("try", "--dry-run", "--measure") == 3
    told = capsys.readouterr().out
    assert "LeNet5 on digits, seed 1  about" in told and "(1 record)" in told
    assert told.count("(5 steps timed)") == 4 and "1 of 6 runs have records; 5 of the 5 missing" in told


def test_a_time_by_records_is_epochs_times_their_seconds(elsewhere):
    found = put(elsewhere, WITHOUT)
    assert run("try", "--models", "LeNet5", "--seeds", "0") == 0
    (one,) = records.load("data/records")
    lines = forecast.forecast(found, "data/records", lambda item: item.row.name == "LeNet5")
    assert [line.seconds for line in lines] == [None, pytest.approx(2 * one["epoch_seconds"])]
    elsewhere_else = forecast.forecast(found, "data/records", device="another machine")
    assert [line.seconds for line in elsewhere_else] == [None] * 6


@pytest.mark.parametrize(
    "arguments, told",
    [
        (["tri"], "no plan 'tri'"),
        (
            ["try", "--models", "thinn"],
            "--models='thinn' is not known; there are LeNet5, refused, thin; nearest: 'thin'",
        ),
        (["try", "--minutes", "-3"], "--minutes=-3.0 must be at least 0"),
        (["try", "--limit", "0"], "--limit=0 must be at least 1"),
        (["try", "--epochs", "0"], "--epochs=0 must be at least 1"),
        (["try", "--minutes", "nan"], "--minutes=nan must be at least 0, and finite"),
        (["try", "--checkpoint-minutes", "-1"], "--checkpoint-minutes=-1.0 must be at least 0"),
        (["try", "--seeds", "7"], "--seeds='7' is not known; there are 0, 1"),
    ],
)
def test_mistakes_in_the_command_line(elsewhere, capsys, arguments, told):
    put(elsewhere)
    assert run(*arguments) == 2
    assert told in capsys.readouterr().err


def test_a_wrong_profile_is_told_once_and_nothing_is_trained(elsewhere, monkeypatch, capsys):
    put(elsewhere)
    monkeypatch.setenv("GPC_PROFILE", "ful")
    assert run("try") == 2
    said = capsys.readouterr()
    assert "GPC_PROFILE='ful' must be" in said.err and "FAILED" not in said.out and "epoch" not in said.out


def test_without_a_plan_it_lists_them(elsewhere, capsys):
    assert run() == 2
    put(elsewhere)
    assert run() == 0
    assert "try    6 runs  a try" in capsys.readouterr().out


def test_equal_time_runs_last_when_its_records_are_there(elsewhere, capsys):
    text = WITHOUT + '\n[[models]]\nname = "as long"\nlike = "LeNet5"\ntime_of = "thin"\n'
    put(elsewhere, text)
    assert run("try", "--models", "as long", "--seeds", "0") == 3
    assert "its epochs follow from records of thin and LeNet5" in capsys.readouterr().out
    assert run("try", "--models", "LeNet5,thin,as long") == 0
    (one, two) = [one for one in records.load("data/records") if one["model"]["name"] == "as long"]
    assert one["recipe"] == two["recipe"] and "equal time" in one["recipe"]["deviates"]
    assert run("try", "--models", "as long") == 0


KILLED = WITHOUT.replace("epochs = 2", "epochs = 40").replace("seeds = [0, 1]", "seeds = [0]")


def test_killed_and_continued_it_ends_with_the_same_numbers(elsewhere):
    """Killed with SIGKILL once an epoch is over; the same line goes on in the middle of a run."""
    put(elsewhere, KILLED)
    line = [sys.executable, "-m", "gpc", "run", "try", "--models", "thin"]
    whole = subprocess.run(
        [*line, "--records", "whole", "--runs", "r"], check=False, capture_output=True, env=os.environ
    )
    assert whole.returncode == 0, whole.stderr[-500:]
    child = subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    for said in child.stdout:
        if said.startswith("epoch 12/"):
            break
    child.send_signal(signal.SIGKILL)
    child.wait()
    child.stdout.close()
    assert names(elsewhere) == []
    assert run("try", "--models", "thin") == 0
    cut, uncut = (records.load(folder) for folder in ("data/records", "whole"))
    assert cut[0]["resumed"] == 1 and uncut[0]["resumed"] == 0
    assert list(map(records.numbers, cut)) == list(map(records.numbers, uncut))


MAPS = """
experiment = "maps"
data = { name = "cells", size = 16, count = 40 }
recipe = { name = "segmentation", batch_size = 8 }
seeds = [0]

[[models]]
name = "UNet-separate-16ch"
network = "UNet"
options = { variant = "small" }
separate = true
regroup = 16
"""


def test_a_plan_of_maps_in_rehearsal(elsewhere, capsys):
    put(elsewhere, MAPS)
    assert run("try", "--epochs", "1") == 0
    (one,) = (elsewhere / "runs" / "rehearsal").glob("*/record.json")
    found = records.read(one)
    assert set(found["metrics"]["test"]) == {"loss", "accuracy", "dice", "iou"}
    (row,) = records.table([found])
    assert row["measure"] == "iou" and row["test"] == found["metrics"]["test"]["iou"]
    assert "% IoU |" in evidence.markdown([row])


# -- records as tables and figures


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """The folder of a plan whose runs have their records."""
    home = tmp_path_factory.mktemp("made")
    (home / "data" / "plans").mkdir(parents=True)
    put(home, WITHOUT)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(home)
        assert run("try", "--models", "LeNet5,thin") == 0
    return home


def test_records_as_markdown_and_figure(made, monkeypatch, capsys):
    monkeypatch.chdir(made)
    figure = made / "sizes.svg"
    assert cli.main(["records", "--markdown", "--figure", str(figure)]) == 0
    told = capsys.readouterr().out
    (row, _) = records.table(records.load("data/records"))
    assert "**a try**, digits" in told and f"{100 * row['test']:.2f}%" in told
    assert "| LeNet5 ○ |" in told  # two seeds
    assert figure.stat().st_size > 2000
    assert cli.main(["records", "--json", "--figure", str(figure)]) == 0
    said = capsys.readouterr()
    assert len(json.loads(said.out)) == 2 and said.err == f"figure in {figure}\n"
    assert cli.main(["records", "--data", "cifar10", "--figure", "x.svg"]) == 2
    assert "none with a test score; choose with --experiment and --data" in capsys.readouterr().err


def rows(**changes):
    base = {"experiment": "e", "dataset": "digits", "recipe": "r", "measure": "accuracy", "enough": True,
            "macs": 10, "train_ms": 1.5, "seeds": [0, 1, 2],
            "epochs": 2, "epoch_seconds": 3.0, "spread": 0.01}  # fmt: skip
    wide = {**base, "model": "wide", "parameters": 4000, "tests": [0.80, 0.81, 0.82], "test": 0.81}
    thin = {**base, "model": "thin", "parameters": 1000, "tests": [0.79, 0.80, 0.83], "test": 0.807}
    return [wide, {**thin, **changes}]


def test_the_title_is_computed():
    assert evidence.conclusion(rows()) == (
        "The best: wide, 81.0%; within a point, with 4.0 times fewer parameters: thin"
    )
    assert evidence.conclusion(rows(test=0.7)) == "The best: wide, 81.0%"
    assert evidence.conclusion(rows(test=0.9)) == "The best: thin, 90.0%"


def test_fewer_than_three_seeds_are_hollow_and_spread_is_drawn():
    from gpc.show import palette

    drawn = evidence.evidence(rows(tests=[0.79, 0.80], enough=False), "parameters")
    axes = drawn.axes[0]
    faces = [line.get_markerfacecolor() for line in axes.lines if line.get_marker() == "o"]
    assert faces[0] != palette.paper and faces[1] == palette.paper
    assert axes.get_xscale() == "log" and "(2 of 3 seeds)" in drawn.description
    spans = [segment for one in axes.collections for segment in one.get_segments()]
    heights = sorted(round(float(abs(end[1] - start[1])), 6) for start, end in spans)
    assert heights[-2:] == [1.0, 2.0]  # from the worst seed to the best, in points


@pytest.mark.parametrize(
    "changes, against", [({"dataset": "leaves"}, "macs"), ({}, "weight"), ({"measure": "iou"}, "ms")]
)
def test_what_cannot_be_drawn_together(changes, against):
    with pytest.raises(ValueError, match="one experiment on one data set|choose from 'parameters'"):
        evidence.evidence(rows(**changes), against)


def test_published_numbers_stand_apart_with_their_source():
    path = Path(__file__).resolve().parents[1] / "data" / "published.json"
    found = evidence.published(path, "cifar10")
    assert {one["dataset"] for one in found} == {"cifar10"} and len(found) > 20
    assert all(one["source"] and 0 < one["test_accuracy"] < 1 for one in found)
    text = evidence.published_table(found)
    assert "| kEffNet-B0 V2 16ch | 32 | 50 | 623,226 | 92.61% | Entropy 2022" in text
    assert evidence.published(path, "digits") == [] == evidence.published(path / "none", "cifar10")


def test_the_books_page_of_results(made, tmp_path):
    from tools import pages

    text = pages.results_page(made, tmp_path)
    (row, other) = records.table(records.load(made / "data" / "records"))
    assert f"{100 * row['test']:.2f}%" in text and f"{100 * other['test']:.2f}%" in text
    assert "## a try" in text and "○ fewer than three seeds" in text and "with Keras" in text
    for picture in re.findall(r"generated/(.+?\.svg)\)", text):
        assert (tmp_path / picture).is_file() and " " not in picture
    assert "No run has left a record yet." in pages.results_page(tmp_path / "empty", tmp_path)


def test_a_rehearsal_on_other_images_where_the_plan_s_own_are_not_at_hand(elsewhere, capsys):
    put(elsewhere, WITHOUT.replace('"digits"', '"oxford_pets"', 1))
    assert run("try", "--rehearse", "--models", "thin", "--on", "leaves") == 0
    told = capsys.readouterr().out
    assert "a rehearsal on leaves: records only in runs/rehearsal" in told and names(elsewhere) == []
    (one,) = (elsewhere / "runs" / "rehearsal").glob("*thin--oxford_pets*/record.json")
    assert records.read(one)["dataset"]["name"] == "leaves"


def test_only_a_rehearsal_is_on_other_images(elsewhere, capsys):
    put(elsewhere, WITHOUT)
    assert run("try", "--on", "leaves") == 2
    assert "--on leaves is for a rehearsal; add --rehearse" in capsys.readouterr().err
    assert run("try", "--rehearse", "--on", "leafs") == 2
    assert "nearest: 'leaves'" in capsys.readouterr().err
