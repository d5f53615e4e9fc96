"""Every chapter as Google Colab would run it: `make test-colab`.

    python tools/colab.py            all chapters, with the Python of .venv-colab
    python tools/colab.py 00 15      some of them

Colab's versions (requirements-colab.txt) and nothing of the repository but the notebook: each chapter lies
alone in an empty folder, and the package comes from the set-up cell as it stands, its branch for Colab taken
and the repository's address replaced by the sources at hand. A last cell asks the kernel for the most memory it
ever held, which must leave room on a free machine. The last line is `N passed, N failed`.
"""

import os
import platform
import shutil
import subprocess
import sys
import tempfile
from importlib import metadata
from pathlib import Path

import nbformat

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tools import chapters  # noqa: E402  (the path above makes `tools` importable from anywhere)
from tools.stamp import ADDRESS, INSTALLED  # noqa: E402

# A free machine tells 12.7 GB of memory, of which its own programs hold 0.9 to 1.4 before the notebook starts:
# R. Mönchmeyer, "Google Colab, RAM, VRAM and GPU usage limits", linux-blog.anracom.com, 2023.
FREE_GB = 12.7
TAKEN_GB = 1.4
LIMIT_GB = FREE_GB - TAKEN_GB
IN_COLAB = 'import sys, types\nsys.modules["google.colab"] = types.ModuleType("google.colab")'
FROM = "import gpc, os\nprint(os.path.dirname(gpc.__file__))"
PEAK = """\
import resource, sys
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(peak / (1e9 if sys.platform == "darwin" else 1e9 / 1024))"""


def sources(folder, root=ROOT):
    """A copy of what the package is built from, so that nothing built earlier gets into it. → the folder"""
    folder.mkdir(parents=True)
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(root / name, folder)
    leave = shutil.ignore_patterns("__pycache__", "*.egg-info")
    for name in ("src", "data"):
        shutil.copytree(root / name, folder / name, ignore=leave)
    return folder


def as_in_colab(chapter, source):
    """A chapter's set-up with Colab's branch taken, installing from `source`. → a notebook of three cells"""
    setup = next(
        cell for cell in nbformat.read(chapter, as_version=4).cells if "setup" in cell.metadata.get("tags", [])
    )
    local, found = INSTALLED.subn(lambda _: str(source), setup.source)
    if found != 1:
        raise ValueError(f"the set-up cell of {chapter.name} must install from one address like {ADDRESS}@main")
    cells = [nbformat.v4.new_code_cell(code) for code in (IN_COLAB, local.replace("@main", ""), FROM)]
    return nbformat.v4.new_notebook(cells=cells)


def install(chapter, root=ROOT):
    """Runs the set-up cell as Colab would. → where the package then comes from"""
    with tempfile.TemporaryDirectory() as folder:
        alone = Path(folder) / chapter.name
        notebook = as_in_colab(chapter, sources(Path(folder) / "source", root))
        nbformat.write(notebook, alone)
        done, _ = chapters.execute(alone, notebook=notebook)
    return Path("".join(output.text for output in done.cells[-1].outputs).strip())


def run(chapter):
    """One chapter alone in an empty folder. → (seconds, the most gigabytes that its kernel held)"""
    notebook = nbformat.read(chapter, as_version=4)
    notebook.cells.append(nbformat.v4.new_code_cell(PEAK))
    with tempfile.TemporaryDirectory() as folder:
        done, seconds = chapters.execute(Path(folder) / chapter.name, notebook=notebook)
    return seconds, float(done.cells[-1].outputs[0].text)


def complaint(chapter, gigabytes, limit_gb=LIMIT_GB):
    """What is wrong with a peak of memory; None where it fits."""
    if gigabytes <= limit_gb:
        return None
    return (
        f"chapters/{chapter.name} held {gigabytes:.1f} GB; a free machine in Colab leaves {limit_gb:.1f} of its "
        f"{FREE_GB}"
    )


def chosen(names, root=ROOT):
    """Chapters whose names begin with one of the given texts; all without any. ValueError for one unknown."""
    found = [path for path in chapters.in_toc(root) if not names or path.stem.startswith(tuple(names))]
    unknown = [name for name in names if not any(path.stem.startswith(name) for path in found)]
    if unknown:
        raise ValueError(f"no chapter begins with {', '.join(unknown)}")
    return found


def told():
    """The line of versions at the top."""
    names = ("tensorflow", "keras", "numpy", "matplotlib", "scikit-learn", "ipython", "ipykernel")
    versions = ", ".join(f"{name} {metadata.version(name)}" for name in names)
    beside = "" if sys.version_info[:2] == (3, 13) else " (Colab has 3.13, which was not found)"
    return f"Python {platform.python_version()}{beside}, {versions}"


def main(names):
    os.environ.pop("PYTHONPATH", None)
    os.environ.update(chapters.environment())
    todo = chosen(names)
    print(told(), flush=True)
    # What an earlier run installed would hide that the set-up cell installs nothing.
    subprocess.run([sys.executable, "-m", "pip", "uninstall", "-q", "-y", "gpc"], check=True)
    failures = []
    try:
        home = install(todo[0])
    except chapters.ChapterFailed as failure:
        raise SystemExit(f"the set-up cell failed:\n{failure}\n\n0 passed, {len(todo)} failed") from None
    if ROOT in home.parents and Path(sys.prefix) not in home.parents:
        raise SystemExit(f"gpc comes from {home}, not from what the set-up cell installed")
    for chapter in todo:
        try:
            seconds, gigabytes = run(chapter)
        except chapters.ChapterFailed as failure:
            failures.append(str(failure))
            print(f"{chapter.stem:34} FAILED", flush=True)
            continue
        wrong = complaint(chapter, gigabytes)
        failures += [wrong] if wrong else []
        print(f"{chapter.stem:34} {seconds:4.0f} s  {gigabytes:4.1f} GB{'  FAILED' * bool(wrong)}", flush=True)
    print("\n\n".join(["", *failures]) + f"\n{len(todo) - len(failures)} passed, {len(failures)} failed")
    raise SystemExit(bool(failures))


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except ValueError as error:
        raise SystemExit(str(error)) from None
