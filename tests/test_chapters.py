"""The contract of the chapters, and for each of its rules a notebook that breaks it."""

import copy
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import chapter_rules
import pytest
from chapter_rules import RULES, SETUP, START_RULES, is_start, rules_of, tags

from tools import chapters, stamp

ROOT = Path(__file__).resolve().parents[1]
CHAPTERS = sorted((ROOT / "chapters").glob("*.ipynb"))
ADDRESS = stamp.address(ROOT)


def read(path):
    return json.loads(path.read_text(encoding="utf-8"))


KEPT = [(rule, chapter) for chapter in CHAPTERS for rule in rules_of(chapter.stem)]


@pytest.mark.parametrize(
    ("rule", "chapter"), KEPT, ids=[f"{rule.__name__}-{path.stem}" for rule, path in KEPT]
)
def test_chapter_keeps(rule, chapter):
    assert rule(read(chapter), ADDRESS) == []


def test_the_table_of_contents_lists_every_chapter():
    """in_toc raises where a listed one is missing."""
    assert chapters.in_toc(ROOT) == CHAPTERS
    assert all(re.fullmatch(r"\d\d_[a-z0-9_]+", chapter.stem) for chapter in CHAPTERS)


def run_exercises(path):
    environment = {**os.environ, **chapters.environment(), "GPC_PROFILE": "quick"}
    command = [sys.executable, str(Path(__file__).with_name("run_exercises.py")), str(path)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])


def complaints_of(results):
    """What is wrong with the outcomes of stubs and solutions."""
    complaints = []
    for number, result in enumerate(results, start=1):
        (left, said), (solved, printed) = result["stub"], result["solution"]
        if left is not False or "not answered yet" not in said:
            complaints.append(f"exercise {number}: the untouched stub gives {left!r}: {said}")
        if solved is not True:
            complaints.append(f"exercise {number}: the solution gives {solved!r}: {printed}")
    return complaints


NUMBERED = [path for path in CHAPTERS if not is_start(path.stem)]


@pytest.mark.parametrize("chapter", NUMBERED, ids=lambda path: path.stem)
def test_stubs_fail_and_solutions_pass(chapter):
    results = run_exercises(chapter)
    assert len(results) >= 2
    assert complaints_of(results) == []


# The rules themselves.


def cell(kind, identity, tag, source, **metadata):
    made = {
        "cell_type": kind,
        "id": identity,
        "metadata": {"tags": tag.split(), **metadata} if tag else {**metadata},
        "source": source.splitlines(keepends=True),
    }
    return {**made, "outputs": [], "execution_count": None} if kind == "code" else made


def exercise(number):
    code = f"```python\nanswer{number} = {number}\n```"
    solution = f"<details><summary>Solution</summary>\n\n{code}\n\nCounted.\n\n</details>"
    return [
        cell("markdown", f"task-{number}", "exercise", "## Exercise\n\nSet the answer."),
        cell("code", f"stub-{number}", "exercise-stub", f"answer{number} = ..."),
        cell(
            "code",
            f"check-{number}",
            "exercise-check hide-input",
            f"passed = check(answer{number}, {number})",
        ),
        cell("markdown", f"solution-{number}", "solution", solution),
    ]


def good():
    """A notebook that keeps every rule."""
    cells = [
        cell(
            "markdown",
            "title",
            "title",
            "# One by one\n\n**What can a filter do that sees one pixel?**\n\nYou will say it.\n",
        ),
        cell("code", "setup", "setup hide-input", SETUP.format(address=ADDRESS)),
        cell("code", "guess", "predict", 'guess = predict("How many?", [1, 2])'),
        cell(
            "code",
            "picture",
            "picture hide-input",
            "figure = gpc.show.palette",
            mystnb={"image": {"alt": "A column of pixels times a matrix gives a column of filters"}},
        ),
        cell(
            "markdown",
            "idea",
            "",
            "A 1×1 layer of VGG16, at $C = 512$, in `float32`; see chapter 2.\n\n1. One list, [45 %](x.md).",
        ),
        cell("code", "smallest", "", "weights = 2 * 3"),
        cell("code", "live", "experiment", "model = None"),
        cell(
            "code",
            "gpu",
            "gpu",
            'if gpc.profile() == "full":\n    print(1)',
            gpu={"experiment": "vgg-heads", "minutes": 12},
        ),
        cell("markdown", "measured", "measured", "## What we measured"),
        cell(
            "code",
            "numbers",
            "measured",
            'assert weights == 6\nsay("{w} weights", w=weights)\nguess.reveal(1)',
        ),
        cell("markdown", "limits", "limits", "## Where it stops being true\n\nOn a stem."),
        *exercise(1),
        *exercise(2),
        cell(
            "markdown",
            "references",
            "references",
            "## References\n\n- Lin: [Network In Network](https://arxiv.org/abs/1312.4400), 2013.",
        ),
    ]
    metadata = {
        "kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"},
        "accelerator": "GPU",
    }
    return {"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}


def at(notebook, identity):
    return next(cell for cell in notebook["cells"] if cell["id"] == identity)


def rewrite(identity, source):
    """A fault: the cell's source replaced."""
    return lambda notebook: at(notebook, identity).update(source=source.splitlines(keepends=True))


def drop(identity):
    return lambda notebook: notebook["cells"].remove(at(notebook, identity))


def swap(one, other):
    def fault(notebook):
        cells = notebook["cells"]
        a, b = cells.index(at(notebook, one)), cells.index(at(notebook, other))
        cells[a], cells[b] = cells[b], cells[a]

    return fault


def change(identity, **values):
    return lambda notebook: at(notebook, identity).update(values)


FAULTS = [
    ("order", drop("live")),
    ("order", drop("smallest")),
    ("order", swap("gpu", "live")),
    ("order", swap("guess", "picture")),
    ("order", swap("references", "limits")),
    ("title", rewrite("title", "# One by one\n\nWhat can a filter do?")),
    ("title", rewrite("title", "# One\n\n**It can.**")),
    ("title", rewrite("title", "# One\n\n**Can it?**\n\na\n\nb\n\nc\n\nd")),
    ("setup", rewrite("setup", SETUP.format(address="https://github.com/somebody/else"))),
    ("setup", drop("setup")),
    ("setup", lambda notebook: tags(at(notebook, "setup")).remove("hide-input")),
    ("short_cells", rewrite("smallest", "a = 1\n" * 16)),
    ("short_cells", rewrite("check-1", "a = 1\n" * 16)),
    ("narrow_code", rewrite("smallest", "a = " + "1" * 93)),
    ("narrow_code", rewrite("picture", "a = " + "1" * 93)),
    ("narrow_code", rewrite("solution-1", "```python\nanswer1 = " + "1" * 87 + "\n```")),
    ("prediction", rewrite("guess", "guess = 1")),
    ("pictures", lambda notebook: at(notebook, "picture")["metadata"].pop("mystnb")),
    ("pictures", drop("picture")),
    ("gpu", lambda notebook: at(notebook, "gpu")["metadata"].pop("gpu")),
    ("gpu", rewrite("gpu", "print(1)")),
    ("gpu", drop("gpu")),
    ("gpu", lambda notebook: notebook["metadata"].pop("accelerator")),
    ("gpu", rewrite("gpu", 'gpc.show.results(gpc.train.study("other", {}, data="digits", recipe="quick"))')),
    ("gpu", rewrite("gpu", 'gpc.train.study("vgg-heads", {}, data="digits", recipe="quick")')),
    ("measured", rewrite("numbers", 'say("{w}", w=weights)\nguess.reveal(1)')),
    ("measured", rewrite("numbers", "assert weights == 6\nprint(weights)\nguess.reveal(1)")),
    ("measured", rewrite("numbers", 'assert weights == 6\nsay("{w}", w=weights)')),
    ("measured", rewrite("measured", "## Numbers")),
    ("claims", rewrite("smallest", 'gpc.show.claim(1, "wrong", "no")')),
    ("limits", rewrite("limits", "## Limits\n\nNone.")),
    ("limits", rewrite("limits", "## Where it stops being true\n")),
    ("exercises", drop("task-2")),
    ("exercises", drop("solution-1")),
    ("exercises", drop("check-1")),
    ("exercises", swap("stub-1", "check-1")),
    ("exercises", rewrite("check-1", "check(answer1, 1)")),
    ("exercises", rewrite("check-1", "passed = check(other, 1)")),
    ("exercises", rewrite("solution-1", "answer1 = 1")),
    (
        "exercises",
        rewrite("solution-1", "<details><summary>Solution</summary>\n\n```python\nx = 1\n```\n\n</details>"),
    ),
    ("clean", change("smallest", execution_count=3)),
    ("clean", change("smallest", outputs=[{"output_type": "stream"}])),
    ("clean", change("smallest", id="setup")),
    ("clean", lambda notebook: notebook["metadata"]["kernelspec"].update(name="conda")),
    ("clean", lambda notebook: notebook.update(nbformat_minor=4)),
    ("digits", rewrite("idea", "It saves 90 % of the weights.")),
    ("digits", rewrite("limits", "Below 16 channels.")),
    ("digits", rewrite("idea", "Images of 32×32 pixels.")),
    ("digits", rewrite("idea", "VGG16 has 138 million.")),
    ("plain_markdown", rewrite("idea", "```{note}\nRaw.\n```")),
    ("plain_markdown", rewrite("idea", "See {ref}`there`.")),
    ("plain_markdown", rewrite("idea", ":::{note}\nRaw.\n:::")),
    ("plain_markdown", rewrite("idea", "(label)=\n## Here")),
    ("quiet_training", rewrite("live", "model.fit(x, y, epochs=2)")),
    ("quiet_training", rewrite("live", "model.evaluate(x, y, verbose=1)")),
    ("portable", rewrite("live", 'open("/home/me/data.npz")')),
]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_a_good_notebook_passes(rule):
    assert rule(good(), ADDRESS) == []


def test_a_line_may_fill_the_page():
    notebook = good()
    rewrite("smallest", "weights = " + "1" * 86)(notebook)
    rewrite("idea", "words " * 40 + "end here, in one line.")(notebook)
    address = "https://github.com/" + "long" * 20
    rewrite("setup", SETUP.format(address=address))(notebook)
    assert chapter_rules.narrow_code(notebook, address) == []


def test_a_study_asks_for_the_profile_itself():
    notebook = good()
    rewrite("gpu", 'gpc.show.results(gpc.train.study("vgg-heads", {}, data="digits", recipe="quick"))')(
        notebook
    )
    assert chapter_rules.gpu(notebook, ADDRESS) == []


@pytest.mark.parametrize(("name", "fault"), FAULTS, ids=[f"{name}-{i}" for i, (name, _) in enumerate(FAULTS)])
def test_a_broken_notebook_is_caught(name, fault):
    notebook = copy.deepcopy(good())
    fault(notebook)
    assert getattr(chapter_rules, name)(notebook, ADDRESS)


def test_every_rule_is_shown_a_fault():
    assert {rule.__name__ for rule in RULES} == {name for name, _ in FAULTS}


def start():
    """A quick start that keeps every rule for one."""
    notebook = good()
    notebook["cells"] = [at(notebook, name) for name in ("title", "setup", "picture", "idea", "smallest")] + [
        cell(
            "code",
            "gpu",
            "gpu",
            'full = gpc.profile() == "full"\nrun = gpc.train.fit(model, data, recipe, minutes=10)',
            gpu={"minutes": 10},
        ),
        cell("code", "numbers", "measured", 'assert weights == 6\nsay("{w} weights", w=weights)'),
        cell("markdown", "on", "", "On to\n\n- [a](01_a.ipynb)\n- [b](15_b.ipynb)\n- [c](18_c.ipynb)"),
    ]
    return notebook


START_FAULTS = [
    ("start_order", drop("setup")),
    ("start_order", drop("picture")),
    ("start_order", drop("numbers")),
    ("start_order", rewrite("on", "- [a](01_a.ipynb)\n- [b](15_b.ipynb)\n- [c](https://a.org/18_c.ipynb)")),
    ("start_gpu", lambda notebook: at(notebook, "gpu")["metadata"]["gpu"].update(minutes=60)),
    ("start_gpu", lambda notebook: at(notebook, "gpu")["metadata"]["gpu"].update(experiment="00-start")),
    ("start_gpu", lambda notebook: at(notebook, "gpu")["metadata"].pop("gpu")),
    ("start_gpu", rewrite("gpu", "gpc.profile()\nrun = gpc.train.fit(model, data, recipe)")),
    ("start_gpu", rewrite("gpu", "run = gpc.train.fit(model, data, recipe, minutes=10)")),
    ("start_gpu", lambda notebook: notebook["metadata"].pop("accelerator")),
    ("said_and_held", rewrite("numbers", 'say("{w} weights", w=weights)')),
    ("title", rewrite("title", "# Quick start\n\n**A tool.**")),
    ("digits", rewrite("idea", "It saves 90 % of the weights.")),
    ("pictures", lambda notebook: at(notebook, "picture")["metadata"].pop("mystnb")),
]


@pytest.mark.parametrize("rule", START_RULES, ids=lambda rule: rule.__name__)
def test_a_good_start_passes(rule):
    assert rule(start(), ADDRESS) == []


@pytest.mark.parametrize(
    ("name", "fault"), START_FAULTS, ids=[f"{name}-{i}" for i, (name, _) in enumerate(START_FAULTS)]
)
def test_a_broken_start_is_caught(name, fault):
    notebook = copy.deepcopy(start())
    fault(notebook)
    assert getattr(chapter_rules, name)(notebook, ADDRESS)


def test_a_notebook_is_judged_by_its_name():
    assert rules_of("00_quick_start") is START_RULES and rules_of("10_who_chose") is RULES
    own = {rule.__name__ for rule in START_RULES} - {rule.__name__ for rule in RULES}
    assert own <= {name for name, _ in START_FAULTS}, "a rule of its own is shown a fault"


def test_exercises_that_do_not_hold_are_caught(tmp_path):
    """One real run: a sound exercise, a stub that already passes, a solution that is wrong."""
    notebook = good()
    notebook["cells"] += exercise(3)
    rewrite("stub-2", "answer2 = 2")(notebook)
    rewrite(
        "solution-3", "".join(at(notebook, "solution-3")["source"]).replace("answer3 = 3", "answer3 = 4")
    )(notebook)
    path = tmp_path / "toy.ipynb"
    path.write_text(json.dumps(notebook), encoding="utf-8")
    results = run_exercises(path)
    assert [complaint.split(" gives")[0] for complaint in complaints_of(results)] == [
        "exercise 2: the untouched stub",
        "exercise 3: the solution",
    ]


def test_the_address_is_stamped_everywhere(tmp_path):
    (tmp_path / "chapters").mkdir()
    notebook = json.dumps(good(), indent=1).replace(ADDRESS, "https://github.com/OWNER/REPO")
    (tmp_path / "chapters" / "01_toy.ipynb").write_text(notebook, encoding="utf-8")
    (tmp_path / "_config.yml").write_text(
        "repository:\n  url: https://github.com/OWNER/REPO   # here\n", encoding="utf-8"
    )
    (tmp_path / "README.md").write_text(
        "[tests](https://github.com/OWNER/REPO/actions) ![](https://img.shields.io/github/actions/workflow/status/OWNER/REPO/ci.yml)\n"
        "https://colab.research.google.com/github/OWNER/REPO/blob/main/chapters/01_toy.ipynb\n"
        'pip install "git+https://github.com/OWNER/REPO"\nmore by https://github.com/OWNER/REPOSITORY\n',
        encoding="utf-8",
    )
    changed = stamp.stamp("https://github.com/me/course.git", root=tmp_path)
    assert {path.name for path in changed} == {"_config.yml", "01_toy.ipynb", "README.md"}
    assert stamp.address(tmp_path) == "https://github.com/me/course"
    assert (
        chapter_rules.setup(read(tmp_path / "chapters" / "01_toy.ipynb"), "https://github.com/me/course")
        == []
    )
    readme = (tmp_path / "README.md").read_text(encoding="utf-8")
    assert readme.count("me/course") == 4 and readme.count("OWNER") == 1
    assert stamp.stamp("https://github.com/me/course", root=tmp_path) == []
    with pytest.raises(ValueError, match="must be like https://github.com/owner/name"):
        stamp.stamp("git@github.com:me/course.git", root=tmp_path)


def test_readme_states_the_address_of_the_configuration():
    stated = set(
        re.findall(r"https://github\.com/[\w.-]+/[\w-]+", (ROOT / "README.md").read_text(encoding="utf-8"))
    )
    ours = {address for address in stated if address.endswith(("/REPO", "/" + ADDRESS.rsplit("/", 1)[1]))}
    assert ours == {ADDRESS}
