"""The assignments: a reference gets every point, a stub none, a typical mistake loses its part and hears why.

Submissions are made of the reference by changing single cells, and graded in this process, so that Keras
starts once. What a submission may do to its process is tried on a small assignment without Keras, by the
students' own command.
"""

import ast
import csv
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import pytest

from tools import stamp

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "assignments"
sys.path.insert(0, str(FOLDER))

import grading  # noqa: E402 - stands beside the assignments, as students get it
from grading import limits, notebook, process  # noqa: E402
from handout import assignments, handout  # noqa: E402

NAMES = assignments()
SETUP = """\
# @title Set-up: the course's package, and what grades this notebook
import sys
COLAB = "google.colab" in sys.modules
if COLAB:
    %pip install -q --no-deps "git+{address}@main"
    !git clone -q --depth 1 --filter=blob:none --sparse {address} course
    !git -C course sparse-checkout set assignments/grading assignments/{name}
sys.path.insert(0, "course/assignments" if COLAB else "..")
import numpy as np, keras, gpc"""


def stub(name):
    return json.loads((FOLDER / name / "assignment.ipynb").read_text(encoding="utf-8"))


def reference(name):
    return json.loads((FOLDER / "solutions" / f"{name}.ipynb").read_text(encoding="utf-8"))


def source(book, cell):
    return "".join(next(one for one in book["cells"] if one["id"] == cell)["source"])


def graded(book, tmp_path, *, parts, known=(), **cells):
    """Names, and part → result, of a notebook with some cells rewritten; `known` are names it starts with."""
    assert set(cells) <= {cell["id"].replace("-", "_") for cell in book["cells"]}
    for cell in book["cells"]:
        cell["source"] = cells.get(cell["id"].replace("-", "_"), "".join(cell["source"]))
    path = tmp_path / "submission.ipynb"
    path.write_text(json.dumps(book), encoding="utf-8")
    read, namespace = grading.read(path), notebook.fresh() | dict(known)
    failures = grading.run(read, namespace)
    results = grading.grade(parts, namespace, failures, [cell.source for cell in read])
    return namespace, {one.name: one for one in results}


def lost(results):
    """Part → message of the parts without points."""
    return {name: one.message for name, one in results.items() if not one.got}


def score(results):
    return sum(one.got for one in results.values()), sum(one.points for one in results.values())


# Typical mistakes: what the author thought, the cells as a function of the reference's names, the parts lost
# with a piece of what is said about each.


def _trained(names):
    """Nothing is trained once more where the mistake is elsewhere."""
    return {"train": "fitted, accuracy = known_model, known_accuracy"}


COST = source(reference("1_budget"), "cost")
SHARE = source(reference("1_budget"), "share")
CONVERT = source(reference("1_budget"), "convert")
LAYER = source(reference("2_layer"), "layer")
RUN = source(reference("3_controls"), "run")
# Nine runs in seconds: a smaller network, an epoch.
SHORT = {
    "given": source(reference("3_controls"), "given")
    .replace("GROUP = 5, 32,", "GROUP = 1, 128,")
    .replace("in (64, 64):", "in (64,):")
}
RESULTS = source(reference("3_controls"), "results")
TABLE = RESULTS[RESULTS.index("scores = ") :]

BUDGET = [
    (
        "one pixel's multiply-accumulates, and groups forgotten in the weights",
        lambda names: _trained(names) | {"cost": COST.replace("height * width * weights", "weights")},
        {"macs": "one pixel"},
    ),
    (
        "every convolution counted as pointwise, errors without numbers",
        lambda names: _trained(names)
        | {
            "share": SHARE.replace(" and layer.kernel_size == (1, 1)", ""),
            "cost": re.sub(r'f"groups=.*"', '"these do not fit"', COST),
        },
        {"share": "look at `kernel_size`", "refuses": "name the numbers"},
    ),
    (
        "the narrowest groups, a budget that must not be used up, accuracy from elsewhere",
        lambda names: {
            "train": "fitted, accuracy = known_model, 1.0",
            "convert": CONVERT.replace("in WIDTHS", "in WIDTHS[::-1]"),
        },
        {"widest": "Try the widest first", "learned": "on the validation split `fitted` reaches"},
    ),
]
LAYERS = [
    (
        "Keras's grouped convolution does the work",
        lambda names: {
            "layer": re.sub(
                r"(?s)        sizes = .*?\n\n",
                "        return ops.conv(inputs, self.kernel) + self.bias\n\n",
                LAYER,
            )
        },
        dict.fromkeys(["numbers", "ends", "learns", "saves", "reaches"], "`MyGroupedPointwise` uses conv"),
    ),
    (
        "channels dealt to the groups like cards",
        lambda names: {
            "layer": LAYER.replace("(-1, self.groups, self.width)", "(-1, self.width, self.groups)").replace(
                "pgc,cgf->pgf", "pcg,cgf->pgf"
            )
        },
        {"numbers": "dealt like cards", "reaches": "of the pairs"},
    ),
    (
        "no check of the divisors, no bias, the shuffle's way back",
        lambda names: {
            "layer": LAYER.replace("if count % self.groups", "if False").replace(" + self.bias", ""),
            "interleave": source(reference("2_layer"), "interleave").replace(
                "groups, channels // groups))", "channels // groups, groups))"
            ),
        },
        {
            "numbers": "the bias is missing",
            "ends": "groups=1",
            "refuses": "ValueError",
            "learns": "leaves a weight as it was",
            "interleaves": "yours is the way back",
        },
    ),
]
CONTROLS = [
    (
        "a control with too many parameters",
        lambda names: {
            "builders": source(reference("3_controls"), "builders") + "\nWIDTH *= 1.3\n",
            "results": f"rows, best = {names['results']!r}, (1.0, known_model)\n"
            "results = [row for row in rows if row['network'] != 'thin']\n"
            "for seed in range(3):\n"
            "    model, accuracy = run(build_thin, seed)\n"
            "    results.append({'network': 'thin', 'seed': seed, 'parameters': model.count_params(),\n"
            "                    'accuracy': accuracy})\n"
            "builders = ('dense', 'grouped', 'thin')\n" + TABLE,
        },
        {"control": "more parameters explain"},
    ),
    (
        "the seed that is never used",
        lambda names: {"run": RUN.replace("random_seed(seed)", "random_seed(0)"), **_copied(names)},
        {"run": "is `seed` used at all"},
    ),
    (
        "population deviations, a verdict that was hoped for, the test split as a second validation",
        lambda names: _copied(names)
        | {
            "verdicts": f"verdicts = {hoped(names['verdicts'])!r}",
            "test": source(reference("3_controls"), "test") + "\ndata.open_test()",
        }
        | {"results": _copied(names)["results"].replace("ddof=1", "ddof=0")},
        {"summary": "divide by n - 1", "verdicts": "by the rule that is", "tested": "opened 2 times"},
    ),
]


def _copied(names):
    """The reference's runs, not run once more."""
    rows = f"results, best = {names['results']!r}, (1.0, known_model)\n"
    return {"results": rows + "builders = ('dense', 'grouped', 'thin')\n" + TABLE}


def hoped(verdicts):
    """The verdicts, the first one turned to what one would have liked."""
    first, *_ = verdicts
    return verdicts | {first: "better" if verdicts[first] != "better" else "cannot tell"}


AB, CD, EF = (source(reference("4_claims"), f"measure-{pair}") for pair in ("ab", "cd", "ef"))
CLAIMS = [
    (
        "biases counted, no shuffle",
        lambda names: {
            "measure_ab": AB.replace(", use_bias=False)\n    grouped", ")\n    grouped")
            .replace("groups=groups, use_bias=False)\n    return", "groups=groups)\n    return")
            .replace("second(shuffle(", "second((")
        },
        {"claim_a": "Are biases counted", "claim_b": "without a shuffle"},
    ),
    (
        "an experiment that cannot come out otherwise",
        lambda names: {
            "measure_ef": EF.replace("kernel, padding", "1, padding").replace(
                "middle, 1, activation=activation", "middle, 1"
            )
        },
        {"claim_e": "cannot come out otherwise", "claim_f": "cannot come out otherwise"},
    ),
    (
        "one claim found, a true one accused, a layer at which the claim holds",
        lambda names: {
            "judge": "verdicts = dict.fromkeys('ABCDEF', True) | {'B': False, 'E': False}\n"
            "counterexamples = {'B': {'channels': 64, 'groups': 8}, 'E': {}}"
        },
        {"both_found": "1 of them rightly", "counterexamples": "claim B holds"},
    ),
]
MISTAKES = dict(zip(NAMES, (BUDGET, LAYERS, CONTROLS, CLAIMS), strict=True))


@pytest.mark.tensorflow
@pytest.mark.parametrize("name", NAMES)
def test_reference_stub_and_typical_mistakes(name, tmp_path, monkeypatch):
    monkeypatch.setenv("GPC_PROFILE", "quick")
    parts = grading.load(FOLDER / name)
    short = SHORT if name == "3_controls" else {}
    names, results = graded(reference(name), tmp_path, parts=parts, **short)
    assert lost(results) == {} and score(results) == (10, 10)

    _, results = graded(stub(name), tmp_path, parts=parts)
    assert score(results) == (0, 10)
    said = [message for message in lost(results).values() if "not answered yet" not in message]
    assert len(said) <= 1, said

    known = {"known_model": names.get("fitted", names.get("chosen")), "known_accuracy": names.get("accuracy")}
    assert len(MISTAKES[name]) >= 3
    for thought, cells, expected in MISTAKES[name]:
        _, results = graded(reference(name), tmp_path, parts=parts, known=known, **short | cells(names))
        told = lost(results)
        assert set(told) == set(expected), (thought, told)
        for part, words in expected.items():
            assert words in told[part], (thought, part, told[part])


@pytest.mark.parametrize("name", NAMES)
def test_a_stub_is_its_reference_without_the_answers(name):
    """…so that neither drifts away: the same cells but for those tagged answer, and no outputs."""
    first, second = stub(name), reference(name)
    assert [cell["id"] for cell in first["cells"]] == [cell["id"] for cell in second["cells"]]
    for one, other in zip(first["cells"], second["cells"], strict=True):
        tags = one["metadata"].get("tags", [])
        assert ("answer" in tags) == (one["source"] != other["source"]), one["id"]
        assert not one.get("outputs") and not other.get("outputs") and one.get("execution_count") is None
    assert len({cell["id"] for cell in first["cells"]}) == len(first["cells"])
    assert (first["nbformat"], first["metadata"]["kernelspec"]["name"]) == (4, "python3")
    assert source(first, "setup") == SETUP.format(address=stamp.address(ROOT), name=name)
    assert f'here("{name}", globals())' in source(first, "grade")


@pytest.mark.parametrize("name", NAMES)
def test_the_rubric_states_the_parts_and_the_time(name):
    rubric = (FOLDER / name / "RUBRIC.md").read_text(encoding="utf-8")
    stated = re.findall(r"^\| `(\w+)` \| (\d+) \|", rubric, flags=re.M)
    parts = grading.load(FOLDER / name)
    assert stated == [(one.name, str(one.points)) for one in parts] and sum(one.points for one in parts) == 10
    (hours,) = re.findall(r"Expected time: (\w+ hours)", rubric)
    assert f"Expected time: {hours}" in source(stub(name), "title")


def test_two_claims_of_the_article_are_false():
    check = grading.load(FOLDER / "4_claims")[-1].check
    assert len(check.__globals__["false_claims"]()) == 2 == check.__globals__["FALSE_CLAIMS"]
    article = source(stub("4_claims"), "article")
    assert re.findall(r"^\*\*([A-Z])\.\*\*", article, flags=re.M) == list("ABCDEF")
    assert article.endswith("Two of the six are false.")


def test_what_is_handed_out_needs_nothing_of_this_repository():
    own = {"tools", "tests", "nbformat", "nbclient", "handout"}
    for path in [*FOLDER.glob("*/*.py"), FOLDER / "conftest.py"]:
        nodes = list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
        modules = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
        modules |= {node.module for node in nodes if isinstance(node, ast.ImportFrom)}
        assert not own & {module.split(".")[0] for module in modules}, path


def test_the_address_is_stamped_into_the_assignments(tmp_path):
    shutil.copytree(FOLDER, tmp_path / "assignments", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copyfile(ROOT / "_config.yml", tmp_path / "_config.yml")
    new = "https://github.com/me/my-course"
    changed = stamp.stamp(new, root=tmp_path)
    assert len(changed) == 2 * len(NAMES) + 2
    for name in NAMES:
        for path in (f"{name}/assignment.ipynb", f"solutions/{name}.ipynb"):
            book = json.loads((tmp_path / "assignments" / path).read_text(encoding="utf-8"))
            assert source(book, "setup") == SETUP.format(address=new, name=name)
    assert f"git+{new}@main" in (tmp_path / "assignments" / "requirements.txt").read_text(encoding="utf-8")
    address = stamp.address(ROOT)
    assert f"git+{address}@main" in (FOLDER / "requirements.txt").read_text(encoding="utf-8")


# What a submission can do to a grader, on an assignment that is done in milliseconds.

TOY = '''
from grading import part, require


@part(2, "The sum")
def adds(answers):
    require(answers.function("add")(2, 3) == 5, "two and three are five; add both numbers")


@part(1, "The number", seconds=1)
def number(answers):
    require(answers.kind("number", int) == 7, "seven is asked")


@part(2, "A refusal")
def refuses(answers):
    require("negative" in answers.raises("root", ValueError, -1), "the message should say what is wrong")
'''
RIGHT = ["def add(a, b):\n    return a + b", "number = 7", "def root(x):\n    raise ValueError('negative')"]


@pytest.fixture
def toy(tmp_path):
    """A folder as students get it, with the small assignment alone."""
    folder = handout([], tmp_path / "class")
    (folder / "toy").mkdir()
    (folder / "toy" / "checks.py").write_text(TOY, encoding="utf-8")
    return folder


def hand_in(path, *sources):
    """A notebook of these code cells."""
    cells = [{"cell_type": "code", "metadata": {}, "source": source.splitlines(True)} for source in sources]
    book = {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    path.write_text(json.dumps(book), encoding="utf-8")
    return path


def in_this_process(toy, *sources):
    """Part → message of what is lost, with a second for each cell."""
    cells, namespace = grading.read(hand_in(toy / "x.ipynb", *sources)), notebook.fresh()
    failures = grading.run(cells, namespace, seconds=1)
    return lost({one.name: one for one in grading.grade(grading.load(toy / "toy"), namespace, failures)})


@pytest.mark.parametrize(
    ("cells", "said"),
    [
        ([], dict.fromkeys(["adds", "number", "refuses"], "is missing")),
        (RIGHT, {}),
        (["%pip install x\n!ls\n%matplotlib inline\n" + RIGHT[0], "%%bash\nrm x", "len?", *RIGHT[1:]], {}),
        (["def add(a, b:\n    return a", *RIGHT[1:]],
         {"adds": r'cell 1 \(begins "def add.*SyntaxError.*line 1'}),
        # What a cell made before its time was over is there.
        ([RIGHT[0], "while True:\n    number = 7", RIGHT[2]], {}),
        ([RIGHT[0], "while True: pass\nnumber = 7", RIGHT[2]],
         {"number": "cell 2.*longer than 1 s; is there a loop"}),
        ([RIGHT[0], "import time\ntime.sleep(60)\nnumber = 7", RIGHT[2]], {"number": "longer than 1 s"}),
        ([RIGHT[0], "import sys\nsys.exit()\nnumber = 7", RIGHT[2]], {"number": "SystemExit"}),
        ([RIGHT[0], "nmber = 7", RIGHT[2]], {"number": "there is a `nmber`: was it renamed"}),
        ([RIGHT[0], "number = ...", RIGHT[2]], {"number": "not answered yet"}),
        ([RIGHT[0], "number = 'seven'", RIGHT[2]], {"number": "of type str; needed is int"}),
        ([RIGHT[0], "number = 8", RIGHT[2]], {"number": "seven is asked"}),
        (["def add(a, b):\n    return a - b", *RIGHT[1:]], {"adds": "add both numbers"}),
        (["def add(a, b):\n    ...", *RIGHT[1:]], {"adds": "not answered yet: `add\\(2, 3\\)` returns None"}),
        (["add = 5", *RIGHT[1:]], {"adds": "`add` is of type int, no function"}),
        (["def add(a, b):\n    return a / 0", *RIGHT[1:]],
         {"adds": r"`add\(2, 3\)` raised ZeroDivisionError: division by zero, line 2: return a / 0"}),
        (["def add(a, b):\n    while True: pass", *RIGHT[1:]], {"adds": "checking it took longer than"}),
        ([*RIGHT[:2], "def root(x):\n    return 0"], {"refuses": r"should raise ValueError; it returned 0"}),
        ([*RIGHT[:2], "def root(x):\n    raise KeyError(x)"],
         {"refuses": "should raise ValueError; it raised KeyError"}),
    ],
)  # fmt: skip
def test_whatever_a_cell_does_is_told_in_a_sentence(toy, cells, said, monkeypatch):
    checks = grading.load(toy / "toy")
    monkeypatch.setattr("grading.parts.limit", lambda seconds: limits.limit(min(seconds, 1)))
    assert len(checks) == 3
    told = in_this_process(toy, *(cells or ["pass"]))
    assert set(told) == set(said), told
    for part, pattern in said.items():
        assert re.search(pattern, told[part]) and "\n" not in told[part] and "Traceback" not in told[part]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "there is no file"),
        (b"", "is empty"),
        (b"My answer is seven.", "holds plain text, not a notebook"),
        (b"\xff\xfe\x00\x81", "is no text at all"),
        (b"[1, 2]", "has no cells"),
        (b'{"cells": [{"cell_type": "markdown", "source": ["seven"]}, 3]}', "has no code cell"),
    ],
)
def test_what_is_no_notebook_gets_nothing_and_is_told(toy, content, said):
    path = toy / "answer.ipynb"
    if content is not None:
        path.write_bytes(content)
    results = process.graded(toy / "toy", path)
    assert [one.got for one in results] == [0, 0, 0] and all(said in one.message for one in results)


def test_a_time_limit_outside_the_main_thread():
    """As on Windows and in some notebooks' kernels, where there is no signal."""
    ended = []

    def loop():
        try:
            with limits.limit(0.2):
                while True:
                    pass
        except limits.TimeLimit:
            ended.append(True)
        with limits.limit(30):
            ended.append("within its time")

    thread = threading.Thread(target=loop)
    thread.start()
    thread.join(30)
    assert ended == [True, "within its time"]


def pytest_of(folder, *arguments, **variables):
    """The students' command. → (exit status, what it said)"""
    command = [sys.executable, "-m", "pytest", "-p", "no:xdist", *arguments]
    ours = ("PYTEST_", "GITHUB_")
    environment = {key: value for key, value in os.environ.items() if not key.startswith(ours)} | variables
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=300)
    return done.returncode, done.stdout + done.stderr


def test_one_command_tells_points_reasons_and_the_score(toy):
    hand_in(toy / "toy" / "assignment.ipynb", RIGHT[0], "number = 8", "def root(x):\n    return 1 / 0")
    status, said = pytest_of(toy, "toy", "--report", "points.json", GITHUB_ACTIONS="true")
    assert status == 1 and "score: 2 / 5" in said.splitlines()
    assert "✗ 0/1  number: The number" in said and "seven is asked" in said
    assert "it raised ZeroDivisionError: division by zero, line 2: return 1 / 0" in said
    assert "Traceback" not in said and "process.py" not in said
    assert '::notice title=Autograding report::{"totalPoints":2,"maxPoints":5}' in said.splitlines()
    report = json.loads((toy / "points.json").read_text(encoding="utf-8"))
    assert (report["score"], report["points"]) == (2, 5)
    assert [one["got"] for one in report["parts"]["toy"]] == [2, 0, 0]

    hand_in(toy / "elsewhere.ipynb", *RIGHT)
    status, said = pytest_of(toy, "toy", "--submission", "elsewhere.ipynb")
    assert status == 0 and "score: 5 / 5" in said and "::notice" not in said


@pytest.mark.parametrize(
    ("cell", "limit", "said"),
    [
        ("import os\nos._exit(0)", "60", r"Python itself ended with exit status 0, in cell 2 \(begins"),
        (
            "import signal\nif hasattr(signal, 'SIGALRM'):\n"
            "    signal.signal(signal.SIGALRM, signal.SIG_IGN)\nwhile True: pass",
            "6",
            "longer than 6 s, in cell 2",
        ),
    ],
)
def test_a_submission_that_takes_python_along_gets_nothing(toy, cell, limit, said, monkeypatch):
    monkeypatch.setenv("GRADING_TOTAL_SECONDS", limit)
    monkeypatch.setenv("GRADING_CELL_SECONDS", "1")
    started = time.monotonic()
    results = process.graded(toy / "toy", hand_in(toy / "bad.ipynb", RIGHT[0], cell, *RIGHT[1:]))
    assert time.monotonic() - started < 60
    assert all(one.got == 0 and re.search(said, one.message) for one in results), results


def test_a_check_that_ends_python_costs_what_comes_after_it_alone(toy):
    path = hand_in(toy / "bad.ipynb", *RIGHT[:2], "def root(x):\n    import os\n    os._exit(3)")
    results = process.graded(toy / "toy", path)
    assert [one.got for one in results] == [2, 1, 0] and "exit status 3, in the checks" in results[-1].message


def test_points_outlive_a_file_that_cannot_be_removed(toy, monkeypatch, tmp_path):
    """As on Windows, where an ended process may have it open a moment longer."""
    remove = os.unlink

    def held(path, **how):
        if Path(os.fsdecode(path)).name == "events":
            raise PermissionError(13, "used by another process", path)
        remove(path, **how)

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with monkeypatch.context() as patch:
        patch.setattr(os, "unlink", held)
        results = process.graded(toy / "toy", hand_in(toy / "good.ipynb", *RIGHT))
    assert [one.got for one in results] == [2, 1, 2]


def test_many_submissions_in_one_table(toy, tmp_path):
    hand_in(toy / "ann.ipynb", *RIGHT)
    (toy / "bob.ipynb").write_text("seven", encoding="utf-8")
    command = [sys.executable, "-m", "grading", "toy", "ann.ipynb", "bob.ipynb", "--csv", "points.csv"]
    done = subprocess.run(command, cwd=toy, capture_output=True, text=True, timeout=120)
    told = ["  5 / 5  ann.ipynb", "  0 / 5  bob.ipynb  lost: adds; number; refuses"]
    assert done.stdout.splitlines() == told, done.stderr
    with open(toy / "points.csv", newline="", encoding="utf-8") as file:
        rows = list(csv.reader(file))
    assert rows[0] == ["notebook", "score", "adds", "number", "refuses", "messages"]
    assert rows[1] == ["ann.ipynb", "5", "2", "1", "2", ""] and "plain text" in rows[2][-1]


def test_many_submissions_named_as_on_windows(toy):
    """The pattern is not expanded by the shell, and what is printed goes to a file that takes Latin letters."""
    for name in ("bo", "žofie"):
        (toy / f"{name}.ipynb").write_text("seven", encoding="utf-8")
    command = [sys.executable, "-m", "grading", "toy", "*.ipynb", "none*.ipynb"]
    variables = {**os.environ, "PYTHONIOENCODING": "ascii"}
    done = subprocess.run(command, cwd=toy, env=variables, capture_output=True, text=True, timeout=120)
    names = [line.split()[3] for line in done.stdout.splitlines()]
    assert names == ["bo.ipynb", "?ofie.ipynb", "none*.ipynb"], done.stderr


def test_one_odd_notebook_loses_its_own_points_alone(toy):
    odd = [{"cell_type": "code", "source": None}, {"cell_type": "code", "source": [3]}, None, 7]
    (toy / "odd.ipynb").write_text(json.dumps({"cells": odd}), encoding="utf-8")
    (toy / "deep.ipynb").write_text("[" * 100_000, encoding="utf-8")
    right = json.loads(hand_in(toy / "right.ipynb", *RIGHT).read_text(encoding="utf-8"))
    right["cells"] += odd
    right["cells"][0]["metadata"] = {"tags": None}
    (toy / "right.ipynb").write_text(json.dumps(right), encoding="utf-8")
    names = ["odd.ipynb", "deep.ipynb", "none.ipynb", "right.ipynb"]
    command = [sys.executable, "-m", "grading", "toy", *names, "--csv"]
    done = subprocess.run([*command, "points.csv"], cwd=toy, capture_output=True, text=True, timeout=120)
    scores = [line[:7].strip() for line in done.stdout.splitlines()]
    assert scores == ["0 / 5"] * 3 + ["5 / 5"], done.stderr
    with open(toy / "points.csv", newline="", encoding="utf-8") as file:
        rows = list(csv.reader(file))
    assert [row[:2] for row in rows[1:]] == [*([name, "0"] for name in names[:3]), ["right.ipynb", "5"]]
    for row, words in zip(rows[1:], ["has no code cell", "nested too deeply", "there is no file", ""]):
        assert words in row[-1]
    done = subprocess.run([*command, "no/points.csv"], cwd=toy, capture_output=True, text=True, timeout=120)
    assert done.returncode == 1 and done.stdout == ""
    assert re.fullmatch(r"--csv no/points\.csv can't be written: .*; is its folder there\?", done.stderr.strip())


def test_a_notebook_asks_for_its_points_from_within(toy, monkeypatch, capsys):
    monkeypatch.setattr("grading.live.ASSIGNMENTS", toy)
    grading.here("toy", {"number": 7, "In": ["", "number = 7"]})
    said = capsys.readouterr().out.splitlines()
    assert said[-1] == "score: 1 / 5" and "✓ 1/1  number: The number" in said
    cell = {}
    exec(compile("def add(a, b):\n    return a / 0", "/tmp/ipykernel_7/42.py", "exec"), cell)
    grading.here("toy", cell)
    assert "`add(2, 3)` raised ZeroDivisionError: division by zero, line 2" in capsys.readouterr().out


def test_a_cell_that_asks_for_points_is_not_run_while_it_is_graded(toy):
    path = toy / "x.ipynb"
    hand_in(path, "number = 7", "1 / 0")
    book = json.loads(path.read_text(encoding="utf-8"))
    book["cells"][1]["metadata"] = {"tags": ["grade"]}
    path.write_text(json.dumps(book), encoding="utf-8")
    assert grading.run(grading.read(path), notebook.fresh()) == []


def test_the_handout_holds_no_solution(tmp_path):
    """By make's own command, and word by word."""
    whole = tmp_path / "all"
    command = [sys.executable, str(FOLDER / "handout.py"), "--to", str(whole)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0 and "without solutions" in done.stdout
    files = {path.relative_to(whole).as_posix() for path in whole.rglob("*") if path.is_file()}
    for name in NAMES:
        assert {f"{name}/assignment.ipynb", f"{name}/checks.py", f"{name}/RUBRIC.md"} <= files
    assert {"README.md", "requirements.txt", "conftest.py", ".github/workflows/classroom.yml"} <= files
    assert not any("solution" in file or "handout" in file for file in files)
    given = "\n".join((whole / file).read_text(encoding="utf-8") for file in sorted(files))
    for name in NAMES:
        for cell in reference(name)["cells"]:
            if "answer" in cell["metadata"].get("tags", []):
                text = json.dumps("".join(cell["source"]))[1:-1]
                assert text not in given and "".join(cell["source"]) not in given
    one = handout(["2_layer"], tmp_path / "one")
    assert [path.parent.name for path in one.glob("*/assignment.ipynb")] == ["2_layer"]


def test_the_workflow_has_the_names_that_classroom_asks_for():
    workflow = (FOLDER / "workflow.yml").read_text(encoding="utf-8")
    assert re.findall(r"^name: (.*)$", workflow, flags=re.M) == ["Autograding Tests"]
    assert re.findall(r"^  ([\w-]+):$", workflow.partition("jobs:")[2], flags=re.M) == ["run-autograding-tests"]


def test_the_example_for_instructors_grades(toy):
    """The page's own check: a right answer, and one that forgets the groups."""
    page = (ROOT / "book" / "for_instructors.md").read_text(encoding="utf-8")
    (check,) = re.findall(r"^```python\n(.*?)^```$", page, flags=re.M | re.S)
    (toy / "toy" / "checks.py").write_text(check, encoding="utf-8")
    assert in_this_process(toy, "def weights(c, f, g):\n    return c // g * f") == {}
    told = in_this_process(toy, "def weights(c, f, g):\n    return c * f")
    assert "4 groups of 64 channels: not 8192" in told["weights"]


@pytest.mark.tensorflow
def test_a_reference_gets_full_marks_by_the_students_own_command(tmp_path):
    """The whole way: handed out, filled in, graded in a process of its own, with Keras."""
    folder = handout(["4_claims"], tmp_path / "class")
    shutil.copyfile(FOLDER / "solutions" / "4_claims.ipynb", folder / "4_claims" / "assignment.ipynb")
    status, said = pytest_of(folder, "4_claims")
    assert status == 0 and "score: 10 / 10" in said, said
