"""Colab, addresses, the manifest, workflows and release notes: what makes the course the same for everybody."""

import contextlib
import http.server
import json
import re
import shutil
import subprocess
import threading
import tomllib
from pathlib import Path
from types import SimpleNamespace

import chapter_rules
import nbformat
import pytest
import yaml

from tools import chapters, colab, links, manifest, stamp

ROOT = Path(__file__).resolve().parents[1]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
QUICK = {"tries": 2, "timeout_s": 0.5, "pause_s": 0}


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers by path: files of a folder, and every way in which an address can fail."""

    def do_HEAD(self):
        self.answer(body=False)

    def do_GET(self):
        self.answer(body=True)

    def answer(self, *, body):
        self.server.asked.append((self.command, self.path))
        name = self.path.strip("/")
        if name == "slow":
            self.server.free.wait(5)
        status = {"gone": 404, "moved": 301, "elsewhere": 302, "machines": 403, "broken": 500}.get(name, 200)
        if name == "no-head" and not body:
            status = 404
        if name == "shaky" and len(self.server.asked) < 3:
            status = 503
        content = self.server.files.get(name, b"fine")
        self.send_response(status)
        if status in (301, 302):
            self.send_header("Location", "/fine")
        self.send_header("Content-Length", str(len(content) if body else 0))
        self.end_headers()
        if body:
            with contextlib.suppress(OSError):  # whoever asked has stopped waiting
                self.wfile.write(content)

    def log_message(self, *_):
        pass


@pytest.fixture
def server():
    """A server of this machine. → its address, what it was asked, the files it has"""
    running = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    running.asked, running.files, running.free = [], {}, threading.Event()
    thread = threading.Thread(target=running.serve_forever, daemon=True)
    thread.start()
    yield SimpleNamespace(
        at=f"http://127.0.0.1:{running.server_port}", asked=running.asked, files=running.files
    )
    running.free.set()
    running.shutdown()
    running.server_close()
    thread.join()


# Addresses


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("fine", "ok"),
        ("gone", "dead"),
        ("broken", "dead"),
        ("slow", "dead"),
        ("moved", "moved"),
        ("elsewhere", "ok"),
        ("machines", "refuses"),
        ("no-head", "ok"),
        ("shaky", "ok"),
    ],
)
def test_what_an_address_answers(server, path, kind):
    answer = links.look(f"{server.at}/{path}", **QUICK)
    assert answer.kind == kind and answer.said
    assert answer.now == (f"{server.at}/fine" if kind == "moved" else "")


def test_an_address_that_is_gone_is_asked_once_more_by_get_and_no_further(server):
    links.look(f"{server.at}/gone", **QUICK)
    assert [method for method, _ in server.asked] == ["HEAD", "GET"]


def test_nobody_at_an_address_is_dead():
    assert links.look("http://127.0.0.1:9/", **QUICK).kind == "dead"


def test_the_report_says_where_a_dead_address_stands(server):
    found = {f"{server.at}/gone": ["book/faq.yml:7", "README.md:3"], f"{server.at}/fine": ["README.md:4"]}
    told = links.report(found, links.look_at_all(found, **QUICK))
    assert told.splitlines()[1:3] == ["        book/faq.yml:7", "        README.md:3"]
    assert told.startswith("dead ") and told.endswith("1 answer, 0 moved, 0 refuse machines, 1 dead")


def test_addresses_are_found_without_the_sentence_around_them(tmp_path):
    (tmp_path / "_config.yml").write_text("repository:\n  url: https://github.com/me/course\n")
    (tmp_path / "README.md").write_text(
        "See <https://a.org/x>, [b](https://b.org/y_(z)).\nOurs: https://github.com/me/course/issues, "
        "http://localhost:8000. Again https://a.org/x#part."
    )
    assert links.addresses(tmp_path) == {
        "https://a.org/x": ["README.md:1", "README.md:2"],
        "https://b.org/y_(z)": ["README.md:1"],
    }


def test_every_reference_with_an_address_is_among_them():
    found = links.addresses(ROOT)
    assert len(found) > 50 and all(places for places in found.values())
    assert any("arxiv.org" in address for address in found)


# The manifest


@pytest.fixture
def site(tmp_path):
    folder = tmp_path / "html"
    (folder / "book").mkdir(parents=True)
    (folder / "index.html").write_text("one")
    (folder / "book" / "ü.html").write_text("two")
    (folder / ".buildinfo").write_text("no page")
    return folder


def test_a_manifest_holds_until_a_file_changes(site):
    made = manifest.write(site)
    assert set(made) == {"commit", "time", "versions", "files"} and set(made["files"]) == {"index.html", "book/ü.html"}
    assert re.fullmatch(r"[0-9a-f]{40}\+?", made["commit"]) and made["time"].endswith("Z")
    assert manifest.check(site)[1] == []
    (site / "index.html").write_text("eno")
    (site / "book" / "ü.html").unlink()
    (site / "new.html").write_text("new")
    wrong = manifest.check(site, expected_commit="0" * 40)[1]
    assert [line.split(":")[0].split(" ")[0] for line in wrong] == ["made", "book/ü.html", "index.html", "new.html"]


def test_published_pages_are_fetched_and_summed(site, server):
    manifest.write(site)
    server.files.update({"manifest.json": (site / "manifest.json").read_bytes(), "index.html": b"one"})
    server.files["book/%C3%BC.html"] = b"two"
    patience = {"waits_s": (0, 0), "timeout_s": 2}
    assert manifest.check(server.at, **patience)[1] == []
    server.files["index.html"] = b"old"
    assert manifest.check(server.at + "/", **patience)[1] == ["index.html: 3 bytes instead of 3, or other ones"]


def test_a_folder_without_pages_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="make book"):
        manifest.write(tmp_path)


def test_the_command_says_what_is_wrong(site, capsys):
    manifest.main([str(site)])
    (site / "index.html").unlink()
    with pytest.raises(SystemExit) as stopped:
        manifest.main([str(site), "--check"])
    assert stopped.value.code == 1 and "index.html: missing" in capsys.readouterr().out


# Colab


def test_the_colab_set_up_installs_from_the_sources_at_hand():
    cells = [cell.source for cell in colab.as_in_colab(chapters.in_toc(ROOT)[0], "/there").cells]
    assert cells[0] == colab.IN_COLAB and '%pip install -q --no-deps "/there"' in cells[1] and "git+" not in cells[1]
    assert chapter_rules.SETUP.format(address=stamp.address()).splitlines()[-1] in cells[1]


def test_a_chapter_that_fails_or_takes_too_much_is_told(tmp_path):
    path = tmp_path / "01_toy.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("a = 1")]), path)
    seconds, gigabytes = colab.run(path)
    assert seconds > 0 and 0.01 < gigabytes < 2
    assert colab.complaint(path, gigabytes) is None
    assert colab.complaint(path, 12.0).startswith("chapters/01_toy.ipynb held 12.0 GB; a free machine")


def test_chapters_are_chosen_by_the_beginning_of_their_names():
    assert [path.stem[:2] for path in colab.chosen(["15", "02"])] == ["02", "15"]
    assert colab.chosen([]) == chapters.in_toc(ROOT)
    with pytest.raises(ValueError, match="no chapter begins with 99"):
        colab.chosen(["99"])


def test_the_package_admits_colab_s_versions():
    """Exact pins there, lower bounds here; the chapters need nothing that Colab's list does not have."""
    pins = dict(re.findall(r"^([\w-]+)==([\d.]+)", (ROOT / "requirements-colab.txt").read_text(), flags=re.M))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    bounds = [*project["dependencies"], *project["optional-dependencies"]["tensorflow"]]
    for name, least in (re.fullmatch(r"([\w-]+)>=([\d.]+)", bound).groups() for bound in bounds):
        numbers = [tuple(map(int, version.split("."))) for version in (least, pins[name])]
        assert numbers[0] <= numbers[1], f"{name} {pins[name]} is older than {least}"


@pytest.mark.parametrize("chapter", chapters.in_toc(ROOT), ids=lambda path: path.stem)
def test_a_chapter_with_a_gpu_cell_asks_colab_for_a_gpu(chapter):
    notebook = nbformat.read(chapter, as_version=4)
    if any("gpu" in cell.metadata.get("tags", []) for cell in notebook.cells):
        assert notebook.metadata["accelerator"] == "GPU" and notebook.metadata["colab"] == {"gpuType": "T4"}


def test_one_command_writes_the_address_into_badges_and_cells(tmp_path):
    """A copy of all that states it, stamped anew: no place keeps the old one."""
    old, new = stamp.address(ROOT).removeprefix("https://github.com/"), "somebody/course-of-hers"
    places = ["_config.yml", "README.md", "CONTRIBUTING.md", "assignments/requirements.txt"]
    places += [path.relative_to(ROOT).as_posix() for path in ROOT.glob("chapters/*.ipynb")]
    places += [path.relative_to(ROOT).as_posix() for path in ROOT.glob("assignments/*/*.ipynb")]
    for place in places:
        (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / place, tmp_path / place)
    stamp.stamp(f"https://github.com/{new}", root=tmp_path)
    texts = {place: (tmp_path / place).read_text(encoding="utf-8") for place in places}
    assert [place for place, text in texts.items() if old in text] == []
    readme = texts["README.md"]
    for badge in (f"github.com/{new}/actions/workflows/ci.yml/badge.svg", f"google.com/github/{new}/blob/main/chapters/"):
        assert badge in readme
    opened = re.search(r"blob/main/(chapters/\w+\.ipynb)", readme).group(1)
    assert (ROOT / opened).exists()


# Workflows and release notes


def commands(workflow):
    """The lines of shell that a workflow runs."""
    for job in workflow["jobs"].values():
        for step in job["steps"]:
            yield from filter(None, map(str.strip, step.get("run", "").splitlines()))


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_a_workflow_is_valid_and_its_commands_exist(path):
    workflow = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert workflow["permissions"] == {"contents": "read"} and (workflow.get("on") or workflow.get(True))
    for job in workflow["jobs"].values():
        assert job["timeout-minutes"] <= 120 and all(("uses" in step) != ("run" in step) for step in job["steps"])
    for line in commands(workflow):
        program, *rest = line.split()
        if program == "make":
            asked = subprocess.run(["make", "-n", *rest], cwd=ROOT, capture_output=True, text=True)
            assert asked.returncode == 0, asked.stderr
        elif program.endswith("python") or program == "python3":
            assert (ROOT / rest[0]).exists(), line
        else:
            assert (ROOT / program).exists(), line


def test_the_week_s_workflow_runs_chapters_and_addresses():
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "weekly.yml").read_text(encoding="utf-8"))
    assert list(commands(workflow)) == ["make test-colab", "make links"]
    minute, hour, day, month, weekday = workflow[True]["schedule"][0]["cron"].split()
    assert minute.isdigit() and hour.isdigit() and (day, month) == ("*", "*") and weekday.isdigit()


def test_release_notes_name_the_package_s_version():
    noted = re.findall(r"^## (\d+\.\d+\.\d+)", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), flags=re.M)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert noted[0] == project["version"] and noted == sorted(noted, reverse=True)


def test_the_manifest_of_the_built_book_is_valid_json_where_there_is_one():
    built = ROOT / "_build" / "html" / manifest.NAME
    if not built.exists():
        pytest.skip("no manifest was written here")
    assert set(json.loads(built.read_text(encoding="utf-8"))) == {"commit", "time", "versions", "files"}
