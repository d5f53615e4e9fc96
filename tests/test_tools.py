"""The commands behind make: executing, keeping, telling what failed, the generated pages, counting tests."""

import importlib.util
import json
import re
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import nbformat
import pytest
import yaml

from tools import book, chapters, gpu_cells, pages, seeds, speed
from tools import test as suites

ROOT = Path(__file__).resolve().parents[1]
MARKS = {"number": 3, "verdict": "conditional", "text": "4 times | in one place", "numbers": {}}


def load(name):
    """An extension of the book as a module, without Sphinx."""
    spec = importlib.util.spec_from_file_location(name, ROOT / "book" / "_ext" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def course(tmp_path):
    """A small copy of the house: one chapter, a package, a record."""
    for folder in ("chapters", "src/gpc", "data/records"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "src" / "gpc" / "room.py").write_text("one = 1\n")
    (tmp_path / "requirements.txt").write_text("keras==3\n")
    (tmp_path / "_toc.yml").write_text(
        "root: book/intro\nparts: [{chapters: [{file: chapters/01_toy}, {file: book/api}]}]\n"
    )
    write(tmp_path, "print(2 + 2)")
    return tmp_path


def write(course, *sources, prose="# Toy\n\nProse."):
    """The course's only chapter, made of these code cells."""
    cells = [nbformat.v4.new_markdown_cell(prose, id="title")]
    cells += [
        nbformat.v4.new_code_cell(s, id=f"c{i}", metadata={"tags": ["measured"]})
        for i, s in enumerate(sources)
    ]
    path = course / "chapters" / "01_toy.ipynb"
    nbformat.write(
        nbformat.v4.new_notebook(
            cells=cells, metadata={"kernelspec": {"name": "python3", "display_name": "p"}}
        ),
        path,
    )
    return path


def run(course, chapter):
    executed, seconds = chapters.execute(chapter)
    return chapters.keep(chapter, executed, seconds=seconds, root=course)


def test_an_executed_chapter_is_kept_until_its_code_changes(course):
    chapter = write(course, "print(2 + 2)")
    assert chapters.kept(chapter, root=course) is None
    run(course, chapter)
    kept = chapters.kept(chapter, root=course)
    assert kept.cells[1].outputs[0].text == "4\n" and kept.cells[1].metadata == {"tags": ["measured"]}
    assert kept.metadata["gpc_run"]["seconds"] >= 0 and kept.metadata["gpc_run"]["commit"]
    write(course, "print(2 + 2)", prose="# Toy\n\nOther prose.")
    assert chapters.kept(chapter, root=course) is not None
    write(course, "print(2 + 3)")
    assert chapters.kept(chapter, root=course) is None


@pytest.mark.parametrize("change", ["source", "record", "pins", "profile"])
def test_what_outputs_depend_on_changes_the_fingerprint(course, change, monkeypatch):
    monkeypatch.delenv("GPC_PROFILE", raising=False)
    before = chapters.fingerprint(course)
    assert chapters.fingerprint(course) == before
    if change == "profile":
        monkeypatch.setenv("GPC_PROFILE", "full")
    else:
        name = {"source": "src/gpc/room.py", "record": "data/records/a.json", "pins": "requirements.txt"}[
            change
        ]
        (course / name).write_text("two = 2\n")
    assert chapters.fingerprint(course) != before


def test_a_failure_names_chapter_and_cell(course):
    chapter = write(course, "a = 1", "assert a == 2, 'a is one'")
    with pytest.raises(chapters.ChapterFailed) as failure:
        chapters.execute(chapter)
    told = str(failure.value)
    assert "chapters/01_toy.ipynb, cell 3 of 3 (id c1, tagged measured) failed" in told
    assert "AssertionError: a is one" in told and "\x1b" not in told


def test_a_kernel_that_dies_is_told_with_its_last_words(course):
    chapter = write(course, "import os, sys\nos.write(2, b'out of memory')\nos._exit(1)")
    with pytest.raises(chapters.ChapterFailed, match="(?s)cell 2 of 2.*last words.*out of memory"):
        chapters.execute(chapter)


def test_a_cell_that_hangs_is_told(course):
    chapter = write(course, "import time\ntime.sleep(60)")
    with pytest.raises(chapters.ChapterFailed, match="cell 2 of 2"):
        chapters.execute(chapter, timeout_s=2)


def test_the_kernel_runs_in_the_chapters_folder_in_the_quick_profile(course, monkeypatch):
    monkeypatch.delenv("GPC_PROFILE", raising=False)
    chapter = write(course, "import os\nprint(os.path.basename(os.getcwd()), os.environ['GPC_PROFILE'])")
    assert run(course, chapter).cells[1].outputs[0].text == "chapters quick\n"


def test_a_chapter_in_the_contents_that_is_missing_is_told(course):
    (course / "chapters" / "01_toy.ipynb").unlink()
    with pytest.raises(FileNotFoundError, match="_toc.yml lists chapters/01_toy.ipynb"):
        chapters.in_toc(course)


def test_nbmake_keeps_what_it_runs_and_names_the_cell_that_fails(course):
    """The plugin of `make test`, in a copy of the house, as a person would start it."""
    shutil.copytree(ROOT / "tools", course / "tools")
    good, bad = write(course, "print(2 + 2)"), course / "chapters" / "02_bad.ipynb"
    bad.write_text(good.read_text(encoding="utf-8").replace("2 + 2", "1 / 0"), encoding="utf-8")
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-p",
        "tools.nbmake_keep",
        "--nbmake",
        "--nbmake-kernel=python3",
        "chapters",
    ]
    done = subprocess.run(command, cwd=course, capture_output=True, text=True, timeout=120)
    assert done.returncode == 1 and "1 failed, 1 passed" in done.stdout
    assert "02_bad.ipynb, cell 2 of 2 (id c0, tagged measured)" in done.stdout
    assert chapters.kept(good, root=course).cells[1].outputs[0].text == "4\n"
    assert chapters.kept(bad, root=course) is None
    assert nbformat.read(good, as_version=4).cells[1].outputs == []


def executed(*outputs):
    cells = [
        nbformat.v4.new_markdown_cell("# One by one\n\nWhat?"),
        nbformat.v4.new_code_cell("x", id="proof", outputs=list(outputs)),
    ]
    run = {"seconds": 12.3, "profile": "quick", "when": "2026-01-01 00:00 UTC", "commit": "`abc1234`"}
    return nbformat.v4.new_notebook(cells=cells, metadata={"gpc_run": run})


def test_claims_are_listed_with_verdict_and_chapter():
    output = nbformat.v4.new_output("display_data", {"text/plain": "x"}, metadata={"gpc_claim": MARKS})
    page = pages.claims_page([executed(output)], ["02_one_by_one"], {3: "g times faster"})
    assert "1 tested: 0 confirmed, 1 conditional, 0 wrong." in page
    assert (
        r"| 3 | g times faster | Conditional | 4 times \| in one place "
        "| [One by one](../chapters/02_one_by_one.ipynb#cell-proof) |"
    ) in page
    twice = pages.claims_page([executed(output)] * 2, ["02_one_by_one", "03_five_steps"], {3: "g times faster"})
    assert "1 tested, some in several chapters; verdicts of 2 tests: 0 confirmed, 2 conditional" in twice
    with pytest.raises(ValueError, match="02_one_by_one tests claim 3"):
        pages.claims_page([executed(output)], ["02_one_by_one"], {})


def test_a_claim_shown_in_a_kernel_reaches_the_page(course):
    """The whole way: gpc.show.claim in a cell, a kernel, the kept notebook, the table."""
    chapter = write(
        course,
        'from gpc.show import claim\nclaim(21, "confirmed", "{share:.1%} of the weights.", share=0.894)',
    )
    assert [claim["text"] for claim in pages.claims_in(run(course, chapter))] == ["89.4% of the weights."]


def test_status_tells_times_machine_and_versions():
    page = pages.status_page([executed(), executed()], ["01_a", "02_b"], ROOT)
    assert "| 12 s | quick | 2026-01-01 00:00 UTC |" in page and "Together 25 s." in page
    assert re.search(r"\| Commit of these pages \| (`[0-9a-f]{7,}`|not a git checkout)", page)
    assert "| keras | 3." in page and "| `abc1234` |" in page  # each chapter's own


def test_every_claim_is_stated_once():
    stated = yaml.safe_load((ROOT / "book" / "claims.yml").read_text(encoding="utf-8"))
    assert sorted(stated) == list(range(1, len(stated) + 1)) and all(
        isinstance(text, str) for text in stated.values()
    )


def test_suites_hold_every_test_file():
    """A test file that no suite runs would be silent; JAX leaves out what has no Keras, and the house."""
    everything = {str(path.relative_to(ROOT)) for path in (ROOT / "tests").rglob("test_*.py")}
    run_by = {name: set(arguments) & everything for name, (_, _, arguments) in suites.suites().items()}
    assert run_by["unit"] | run_by["book"] == everything and not run_by["unit"] & run_by["book"]
    assert run_by["torch"] <= run_by["jax"] < run_by["unit"]
    assert {"tests/test_layers.py", "tests/test_surgery.py"} & everything <= run_by["jax"]


def test_two_builds_wait_for_each_other(tmp_path, capsys):
    entered = threading.Event()

    def second():
        with book.alone(tmp_path):
            entered.set()

    with book.alone(tmp_path):
        waiting = threading.Thread(target=second)
        waiting.start()
        assert not entered.wait(0.3)
    waiting.join(timeout=10)
    assert entered.is_set() and "another build" in capsys.readouterr().out


def test_a_suite_without_a_report_counts_as_failed(tmp_path):
    assert suites.counted(tmp_path / "none.xml") == (0, 1, 0)
    report = '<testsuites><testsuite tests="9" failures="1" errors="1" skipped="2"/></testsuites>'
    (tmp_path / "some.xml").write_text(report)
    assert suites.counted(tmp_path / "some.xml") == (5, 2, 2)


def test_docstrings_become_what_they_look_like():
    rendered = load("docstrings").rendered
    lines = """One * and `code_`, x_i.

Args, one of:
    groups: how many; a | b,
        go on.
    step: any.

epochs, batch_size   passes
                     over the data
rate                 the base:
                     of all
Cost: `C` weights.
Source: somebody.

Args:
    filters, kernel_size,
        strides: as there,
    or otherwise.

Returns:
    `One(a, b)`. What is called
    stays as it is.

| engine | b_c: 32 |
|---|---|
| `x` | |

>>> a * b
6""".splitlines()
    assert (
        "\n".join(rendered(lines))
        == """One \\* and \\ ``code_``\\ , x\\_i.

Args, one of:

* ``groups``: how many; a \\| b, go on.
* ``step``: any.

* ``epochs``, ``batch_size``: passes over the data
* ``rate``: the base: of all

Cost: \\ ``C``\\  weights.

Source: somebody.

Args:

* ``filters``, ``kernel_size``, ``strides``: as there, or otherwise.

Returns:

\\ ``One(a, b)``\\ . What is called stays as it is.

.. list-table::
   :header-rows: 1

   * - engine
     - b\\_c: 32
   * - \\ ``x``\\ 
     - 

>>> a * b
6
"""
    )


def test_readme_and_makefile_name_the_same_commands():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), flags=re.M))
    assert set(re.findall(r"(?:`|^)make ([a-z-]+)", readme, flags=re.M)) <= targets


def test_notebook_metadata_of_one_machine_is_not_needed():
    for path in sorted((ROOT / "chapters").glob("*.ipynb")):
        assert set(json.loads(path.read_text(encoding="utf-8"))["metadata"]) <= {
            "kernelspec",
            "language_info",
            "accelerator",
            "colab",
        }


def test_make_bench_is_a_command_that_gpc_knows():
    """What `make bench` would run, up to its options."""
    recipe = subprocess.run(["make", "-n", "bench"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    words = recipe.split("bin/gpc ", 1)[1].split()
    told = subprocess.run([sys.executable, "-m", "gpc", *words, "--help"], capture_output=True, text=True)
    assert told.returncode == 0 and "forward + backward" in told.stdout


def test_seeds_are_moved_and_what_failed_is_told(course, capsys):
    """A real kernel: an assert that holds for one seed alone, as it stands and with the seed moved."""
    first = "keras.utils.set_random_seed(0)\ndrawn = np.random.random()"
    chapter = write(course, "import keras, numpy as np", f"{first}\nassert round(drawn, 4) == 0.5488, drawn")
    rows = seeds.run([], [0, 1], root=course)
    assert [(row["move"], row["held"]) for row in rows] == [(0, True), (1, False)]
    assert rows[1]["failed"].startswith("c1: AssertionError") and rows[0]["failed"] is None
    assert seeds.read(course) == rows and seeds.summary(course) == {"01_toy": "0 of 1"}
    assert "FAILED in c1" in capsys.readouterr().out
    assert seeds.run([], [0, 1], root=course) == [] == seeds.run(["02"], [2], root=course)
    nbformat.write(seeds.moved(nbformat.read(chapter, 4), 0), chapter)
    assert seeds.summary(course) == {}, "an outcome is of the code that ran"


def test_in_the_full_profile_seeds_are_tried_without_what_trains_on_a_gpu(course, monkeypatch):
    quick = seeds.run([], [1], root=course)
    monkeypatch.setenv("GPC_PROFILE", "full")
    tagged(course, "import os", "assert os.environ['GPC_PROFILE'] == 'full'", "1 / 0")
    rows = seeds.run([], [0, 1], root=course)
    assert [(row["profile"], row["held"]) for row in (*quick, *rows)] == [
        ("quick", True), ("full", True), ("full", True),
    ]  # fmt: skip
    assert seeds.summary(course) == {"01_toy": "1 of 1, full"}
    assert seeds.run([], [0, 1], root=course) == []
    monkeypatch.setenv("GPC_PROFILE", "quick")
    assert seeds.run([], [1], root=course) == [], "the quick profile is a part of the full one"


def tagged(course, *sources):
    """A chapter whose last cell is one for a GPU."""
    path = write(course, *sources)
    notebook = nbformat.read(path, 4)
    notebook.cells[-1].metadata["tags"] = ["gpu"]
    nbformat.write(notebook, path)
    return notebook


def test_a_cell_for_a_gpu_comes_with_what_it_takes_from_its_chapter(course):
    found = gpu_cells.script(
        tagged(
            course,
            "import keras\n%pip install it",
            "width = 3",
            "def net(x):\n    units = width\n    return keras.layers.Dense(units)(x)",
            "units = 99",
            "width = width + 1",
            "options = {}",
            "options['a'] = 1",
            "drawn = [net for net in 'abc']",
            "net(options)",
        )
    )
    assert re.findall("^# (.*)$", found, flags=re.M) == ["c0", "c1", "c2", "c4", "c5", "c6", "c8"]
    assert "\npass\n" in found and "%pip" not in found
    with pytest.raises(ValueError, match="no cell is tagged gpu"):
        gpu_cells.script(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("1")]))


@pytest.mark.parametrize("chapter", chapters.in_toc(ROOT), ids=lambda path: path.stem[:2])
def test_the_script_of_a_chapter_makes_every_name_that_it_takes(chapter):
    import builtins

    there = set(dir(builtins))
    for source in gpu_cells.needed(nbformat.read(chapter, as_version=4)).values():
        makes, _, takes, _ = gpu_cells.names(source)
        assert takes - makes <= there, takes - makes - there
        there |= makes


def test_a_rehearsal_trains_each_network_in_short_and_tells_what_fails(course):
    """Real processes: two networks through a recipe to their records, and a network that cannot be."""
    net = """
def net(units):
    x = keras.Input((32, 32, 3))
    y = keras.layers.GlobalAveragePooling2D()(keras.layers.Conv2D(units, 1)(x))
    return lambda: keras.Model(x, keras.layers.Dense(10)(y))
"""
    study = """
records = gpc.train.study("01-toy", {name: net(n) for name, n in NETS.items()}, data="cifar10", recipe="modern")
assert [record["recipe"]["epochs"] for record in records] == [1] * len(NETS) and gpc.profile() == "full"
"""
    first = "import keras, gpc", net, "NETS = {'two': 2, 'few': 3}"
    tagged(course, *first, study)
    said, error = gpu_cells.rehearse(course / "chapters" / "01_toy.ipynb")
    assert error == "" and "two: finished, 38 parameters" in said and "few: finished, 52 parameters" in said
    assert not list((course / "data" / "records").iterdir())
    tagged(course, *first, study.replace("net(n)", "nett(n)"))
    assert "nett" in gpu_cells.rehearse(course / "chapters" / "01_toy.ipynb")[1]


def test_a_commit_is_marked_where_files_besides_some_changed(course):
    def git(*words):
        who = ("-c", "user.name=a", "-c", "user.email=a@b")
        subprocess.run(["git", "-C", str(course), *who, *words], check=True, capture_output=True)

    assert pages.commit(course) == "not a git checkout"
    git("init")
    git("add", ".")
    git("commit", "-m", "one")
    clean = pages.commit(course)
    seeds.write([], course)
    assert "not committed" not in clean and pages.commit(course) == f"{clean} and changes not committed"
    assert pages.commit(course, besides=[seeds.FILE]) == clean
    (course / "src" / "gpc" / "room.py").write_text("one = 2\n")
    assert "not committed" in pages.commit(course, besides=[seeds.FILE])


def test_the_seeds_on_record_are_those_of_chapters():
    names = {chapter.stem for chapter in chapters.in_toc(ROOT)}
    for row in seeds.read():
        assert row["chapter"] in names and row["held"] == (row["failed"] is None)
        assert row["profile"] in ("quick", "full")


def test_a_network_is_timed_beside_its_dense_twin_and_its_file_told(tmp_path, monkeypatch):
    """A real process on a small image: four models, the dense one the measure."""
    small = ("--input", "32", "--classes", "2", "--batch-size", "1", "--inference")
    monkeypatch.setitem(speed.NETWORKS, "kMobileNet", small)
    assert speed.markdown(tmp_path) == ""
    file = speed.measure("kMobileNet", rounds=1, root=tmp_path)
    found = speed.read(tmp_path)["kMobileNet"]["inference"]
    names = ["kMobileNet, dense", "kMobileNet", "kMobileNet, dense, folded", "kMobileNet, folded"]
    assert list(found) == names and found[names[0]]["ratio"] == 1
    page = speed.markdown(tmp_path)
    line = next(line for line in page.splitlines() if line.startswith("| kMobileNet |"))
    cells = [cell.strip() for cell in line.strip("|").split("|")]
    assert cells[1:3] == ["32²", "1"] and cells[6] == "–"
    assert cells[3].startswith(f"{found['kMobileNet']['ratio']:.2f} (")
    assert "Keras" in page and "commit" in page and not list(file.parent.glob("*.part"))


@pytest.mark.parametrize("network", speed.NETWORKS)
def test_what_is_timed_is_what_gpc_bench_takes(network):
    from gpc.cli import parser

    asked = parser().parse_args(["bench", "model", network, "--fold", *speed.NETWORKS[network]])
    assert asked.fold and asked.classes == 10 and asked.input >= 32


def test_times_on_record_are_of_the_tables_settings():
    from gpc.cli import parser

    for network, found in speed.read().items():
        asked = parser().parse_args(["bench", "model", network, *speed.NETWORKS[network]])
        assert found["network"] == network and found["settings"]["batch"] == asked.batch_size
        assert found["provenance"]["commit"] and found["provenance"]["dirty"] is False
        assert ("training" in found) == (not asked.inference)
