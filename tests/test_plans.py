"""Plans: slips named with file, row and field; every plan of the course read, its models counted."""

from pathlib import Path

import pytest
from test_train_records import record

from gpc import data
from gpc.train import plans
from gpc.train.planning import built, check_control, differs, kind, states

PLANS = Path(__file__).resolve().parents[1] / "data" / "plans"
TEXT = """
experiment = "a try"
data = "digits"
recipe = { name = "quick", epochs = 2 }
seeds = [0, 1]

[[models]]
name = "wide"
network = "LeNet5"

[[models]]
name = "thin"
network = "LeNet5"
width = 0.5
divisor = 1
"""


def plan(folder, text=TEXT):
    path = folder / "try.toml"
    path.write_text(text, encoding="utf-8")
    return plans.read(path)


# -- reading


def test_all_models_with_the_first_seed_come_before_the_second(tmp_path):
    found = [(one.row.name, one.seed, one.file) for one in plan(tmp_path).items()]
    assert [one[:2] for one in found] == [("wide", 0), ("thin", 0), ("wide", 1), ("thin", 1)]
    assert found[1][2] == "a-try--thin--digits--0.json"


def test_data_and_recipes_multiply(tmp_path):
    text = TEXT.replace('data = "digits"', 'data = ["digits", { name = "leaves", size = 32 }]')
    text = text.replace(
        '{ name = "quick", epochs = 2 }',
        '["quick", { name = "papers-32", augmentation = "none", as = "long" }]',
    )
    found = plan(tmp_path, text).items()
    assert len(found) == 2 * 2 * 2 * 2
    assert {one.data.size for one in found if one.data.name == "leaves"} == {32}
    assert {(one.name, one.recipe.epochs) for one in found if one.row.name == "thin"} == {
        ("thin", 8), ("thin long", 50),
    }  # fmt: skip
    assert found[-1].recipe.augmentation is None


@pytest.mark.parametrize(
    "old, new, told",
    [
        ("experiment =", "experimant =", r"try\.toml: the plan: field='experimant'.*nearest: 'experiment'"),
        ('data = "digits"', 'data = "digit"', r"data 1: name='digit' is not known.*nearest: 'digits'"),
        ('data = "digits"\n', "", "the plan: field 'data' is missing"),
        ('"digits"', '{ name = "digits", classes = "7" }', "data 1: classes='7' must be a list of some of the"),
        ('"quick"', '"quik"', "recipe 1: recipe='quik' is not known.*nearest: 'quick'"),
        ("epochs = 2", "epoch = 2", "recipe 1: a recipe's field='epoch'.*nearest: 'epochs'"),
        ("epochs = 2", "epochs = 0", "recipe 1: epochs=0"),
        ("width = 0.5", "widht = 0.5", r"model 2 \(thin\): field='widht'.*nearest: 'width'"),
        ("width = 0.5", "width = -1", r"model 2 \(thin\): width=-1 must be a number above 0"),
        (
            "width = 0.5",
            "recipe = { batchsize = 8 }",
            r"\(thin\): recipe: .*'batchsize'.*nearest: 'batch_size'",
        ),
        ("width = 0.5", 'control_of = "wid"', r"model 2 \(thin\): control_of='wid'.*nearest: 'wide'"),
        ("width = 0.5", 'time_of = "wide"', "time_of and like go together"),
        ('name = "thin"', 'name = "wide"', r"model 2 \(wide\): name='wide' is there twice"),
        ('name = "thin"\n', "", "model 2: field 'name' is missing"),
        ("[0, 1]", "[0, 0]", r"seeds=\[0, 0\] must be different"),
        ("[0, 1]", '["a"]', r"seeds=\['a'\] must be a list of whole numbers"),
        ("seeds =", "seeds = =", "no TOML"),
        (
            '{ name = "quick", epochs = 2 }',
            '["quick", "modern"]',
            "would both write a-try--wide--digits--0.json",
        ),
    ],
)
def test_slips_are_named(tmp_path, old, new, told):
    assert old in TEXT
    with pytest.raises(ValueError, match=told):
        plan(tmp_path, TEXT.replace(old, new, 1))


def test_a_plan_too_deep_is_told(tmp_path):
    with pytest.raises(ValueError, match=r"try.toml: (tables and lists stand in one another|no TOML)"):
        plan(tmp_path, "title = " + "[" * 5000)


def test_a_plan_that_is_not_there_names_those_that_are(monkeypatch):
    monkeypatch.chdir(PLANS.parents[1])
    with pytest.raises(FileNotFoundError, match="no plan 'cifar11'.*cifar10"):
        plans.find("cifar11")
    assert plans.find("cifar10").name == "cifar10.toml"
    with pytest.raises(FileNotFoundError, match="no plan 'nuclie'.*; nearest: 'nuclei'"):
        plans.find("nuclie")
    with pytest.raises(FileNotFoundError, match=r"no file data/plans/vg\.toml; .*; nearest: 'vgg\.toml'"):
        plans.find("data/plans/vg.toml")


def test_a_network_that_refuses_is_told_with_its_row(tmp_path):
    item = plan(tmp_path, TEXT.replace("width = 0.5", "options = { colour = 1 }")).items()[1]
    with pytest.raises(TypeError, match="model thin: LeNet5 takes no option 'colour'"):
        built(item, (32, 32, 1), 10)


def test_some_of_the_classes_are_a_part_of_the_set(tmp_path):
    text = TEXT.replace('"digits"', '{ name = "oxford_pets", classes = ["Bengal", "Sphynx"] }')
    item = plan(tmp_path, text).items()[0]
    assert item.data.classes == ("Bengal", "Sphynx") and str(item) == "wide on oxford_pets_part, seed 0"
    assert item.file == "a-try--wide--oxford_pets_part--0.json"


def test_the_pictures_that_are_there_are_a_part_of_the_set(tmp_path):
    text = TEXT.replace('"digits"', '{ name = "nuclei", size = 64, part = true }')
    item = plan(tmp_path, text).items()[0]
    assert item.data.part and str(item) == "wide on nuclei_part, seed 0"
    with pytest.raises(ValueError, match="part='yes' must be true or false"):
        plan(tmp_path, text.replace("true", '"yes"'))


# -- against records


def own(item, **changes):
    """A valid record of this item."""
    found = record(seed=item.seed, experiment=item.experiment)
    found["model"] |= {"name": item.name, "options": item.row.told()}
    found["dataset"] |= {"name": item.data.name}
    found["recipe"] = item.recipe.as_dict()
    rows = [{**found["curve"][0], "epoch": place} for place in range(1, item.recipe.epochs + 1)]
    return {**found, "curve": rows, **changes}


def put(folder, item, **changes):
    import json

    (folder / item.file).write_text(json.dumps(own(item, **changes)), encoding="utf-8")


def test_what_has_a_record_of_its_own_is_there(tmp_path):
    found = plan(tmp_path)
    first, second, *_ = found.items()
    put(tmp_path, first)
    put(tmp_path, second, recipe=second.recipe.but(learning_rate=0.5).as_dict())
    told = states(found, tmp_path)
    assert [one.status for one in told] == ["there", "in the way", "missing", "missing"]
    assert "recipe.learning_rate is 0.5 there, 0.004 in the plan" in told[1].reason


def test_a_record_with_other_options_is_not_the_runs_own(tmp_path):
    first, second, *_ = plan(tmp_path).items()
    assert differs(own(first), first) == ""
    assert "options.width" in differs({**own(second), "model": own(first)["model"]}, second)


@pytest.mark.parametrize(
    "data, told",
    [
        ("count = 59990", "data count is 60000 there, 59990 in the plan"),
        ("size = 28", "data size is 32 there, 28 in the plan"),
        ("seed = 1", "data seed is 0 there, 1 in the plan"),
        ('classes = ["cat", "dog"]', "data classes is 10 there, 2 in the plan"),
        ("count = 60000, size = 32", ""),
    ],
)
def test_a_record_of_other_data_is_not_the_runs_own(tmp_path, data, told):
    first, *_ = plan(tmp_path, TEXT.replace('"digits"', f'{{ name = "digits", {data} }}')).items()
    assert differs(own(first), first) == told


def test_of_a_part_of_the_training_images_the_count_is_not_known(tmp_path):
    text = TEXT.replace('"digits"', '{ name = "digits", count = 60 }')
    first, *_ = plan(tmp_path, text.replace("epochs", "subset = 0.5, epochs")).items()
    assert differs(own(first), first) == ""


def test_a_studys_record_tells_no_options_and_is_the_plans_by_its_name(tmp_path):
    """A study builds its models by functions; what it does tell, the recipe, still has to be the plan's."""
    _, second, *_ = plan(tmp_path).items()
    told = own(second)
    told["model"]["options"] = {}
    assert second.row.told() and differs(told, second) == ""
    told["recipe"] = second.recipe.but(learning_rate=0.5).as_dict()
    assert "recipe.learning_rate" in differs(told, second)


EQUAL = (
    TEXT.replace("epochs = 2", "epochs = 20")
    + '\n[[models]]\nname = "as long"\nlike = "wide"\ntime_of = "thin"\n'
)


def test_equal_time_waits_for_both_rows_and_follows_their_records(tmp_path):
    found = plan(tmp_path, EQUAL)
    items = found.items()
    for item in items:
        if item.row.time_of is None:
            put(tmp_path, item, epoch_seconds=3.0 if item.row.name == "thin" else 2.0)
    here = kind(record()["device"])
    last = [one for one in states(found, tmp_path, device=here) if one.item.row.time_of]
    assert [one.status for one in last] == ["missing", "missing"]
    assert {one.recipe.epochs for one in last} == {30}
    assert states(found, tmp_path, device="another machine")[2].status == "waits"
    (tmp_path / items[4].file).unlink()  # one seed of one row: not yet known
    assert states(found, tmp_path, device=here)[2].status == "waits"


def test_equal_time_keeps_what_its_row_is_like(tmp_path):
    rows = {one.name: one for one in plan(tmp_path, EQUAL).rows}
    assert rows["as long"].network == "LeNet5" and rows["as long"].width is None
    assert rows["as long"].time_of == "thin"


# -- the models of a plan


def test_a_control_too_large_is_refused(tmp_path):
    found = plan(tmp_path, TEXT + 'control_of = "wide"\n')
    check_control(found, {"wide": 100, "thin": 102})
    with pytest.raises(ValueError, match="thin has 103 parameters, wide 100: more than 2% apart"):
        check_control(found, {"wide": 100, "thin": 103})


# What each set's images and classes are, so that no data is needed to build for it; sizes as small as each
# network allows, for parameters do not depend on them (but VGG16's, which reads 32×32).
SETS = {
    "digits": ((8, 8, 1), 10),
    "fashion_mnist": ((28, 28, 1), 10),
    "leaves": ((32, 32, 3), 5),
    "cells": ((32, 32, 3), 4),
    "cifar10": ((32, 32, 3), 10),
    "cifar100": ((32, 32, 3), 100),
    "oxford_pets": ((32, 32, 3), 37),
    "plantvillage": ((96, 96, 3), 38),
    "nuclei": ((32, 32, 3), 1),
}
NAMES = sorted(path.stem for path in PLANS.glob("*.toml"))
GOLDEN = {
    ("cifar10", "EfficientNetB0"): 4_062_381,
    ("cifar10", "kEfficientNetB0-16ch"): 668_833,
    ("cifar10", "MobileNet"): 3_239_114,
    ("cifar10", "DenseNetBC100"): 793_150,
    ("vgg", "VGG16"): 33_638_218,
}


@pytest.mark.parametrize("name", NAMES)
def test_a_plan_of_the_course_reads(name):
    found = plans.read(PLANS / f"{name}.toml")
    assert found.seeds == (0, 1, 2) and found.experiment[:2].isdigit()
    assert len(found.items()) == 3 * len(found.rows)
    assert all(one.data.name in SETS and one.data.name in data.names() for one in found.items())


@pytest.mark.tensorflow  # JAX takes minutes to build them, to the same counts
def test_every_model_of_every_plan_is_built_and_controls_count_the_same():
    """Each network once: in other plans, with other classes, only what controls are held against."""
    seen = set()
    for name in NAMES:
        found = plans.read(PLANS / f"{name}.toml")
        held = {one for row in found.rows if row.control_of for one in (row.name, row.control_of)}
        counts = {}
        for item in found.items()[: len(found.rows)]:
            key = repr(sorted(item.row.told().items(), key=str))
            if key not in seen or item.row.name in held:
                counts[item.row.name] = built(item, *SETS[item.data.name]).count_params()
            seen.add(key)
        check_control(found, counts)
        assert held <= set(counts)
        for (where, row), count in GOLDEN.items():
            assert where != name or counts.get(row, count) == count


@pytest.mark.parametrize("name", NAMES)
def test_the_records_there_are_those_of_the_plan(name):
    found = plans.read(PLANS / f"{name}.toml")
    assert [one.reason for one in states(found, PLANS.parent / "records") if one.status == "in the way"] == []


def test_the_names_of_records_are_apart():
    files = [one.file for name in NAMES for one in plans.read(PLANS / f"{name}.toml").items()]
    assert len(set(files)) == len(files)
