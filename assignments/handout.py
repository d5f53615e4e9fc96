"""What students get: the assignments without the solutions, as the folder that becomes their repository.

    python assignments/handout.py                        all of them, in _build/handout
    python assignments/handout.py 2_layer --to FOLDER    one of them, elsewhere

Nothing is handed out but what is named here. Plain Python, nothing to install.
"""

import argparse
import shutil
from pathlib import Path

HERE = Path(__file__).resolve().parent
USUAL = HERE.parent / "_build" / "handout"
COMMON = {
    "README.md": "README.md",
    "requirements.txt": "requirements.txt",
    "pytest.ini": "pytest.ini",
    "conftest.py": "conftest.py",
    "workflow.yml": ".github/workflows/classroom.yml",
}
OF_EACH = ("assignment.ipynb", "checks.py", "RUBRIC.md")
IGNORED = ".venv/\n__pycache__/\n.ipynb_checkpoints/\n"


def assignments():
    """The names of the assignments: folders with checks."""
    return sorted(path.parent.name for path in HERE.glob("*/checks.py"))


def handout(names, to):
    """Copies these assignments to a folder; what lies there stays, unless it has the same name."""
    files = {HERE / name: to / place for name, place in COMMON.items()}
    files |= {path: to / "grading" / path.name for path in (HERE / "grading").glob("*.py")}
    files |= {HERE / name / file: to / name / file for name in names for file in OF_EACH}
    for source, target in files.items():
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)
    (to / ".gitignore").write_text(IGNORED, encoding="utf-8")
    return to


def main(arguments=None):
    as_written = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=as_written)
    parser.add_argument("names", nargs="*", help=f"which ones: {', '.join(assignments())}")
    parser.add_argument("--to", type=Path, help="the folder (default: _build/handout, made anew)")
    given = parser.parse_args(arguments)
    unknown = sorted(set(given.names) - set(assignments()))
    if unknown:
        raise SystemExit(f"no assignment {', '.join(unknown)}; there are {', '.join(assignments())}")
    if given.to is None:
        shutil.rmtree(USUAL, ignore_errors=True)
    folder = handout(given.names or assignments(), given.to or USUAL)
    print(f"{', '.join(given.names or assignments())}: in {folder}, without solutions")


if __name__ == "__main__":
    main()
