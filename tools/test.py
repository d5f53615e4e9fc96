"""Every test, suite by suite, told as one: `make test` and `make test-torch`.

    python tools/test.py            all suites of the main environment
    python tools/test.py unit jax   some of them
    python tools/test.py torch      the unit suite on PyTorch (its own environment)

The last line is `N passed, N failed`; the exit status says the same.
"""

import os
import subprocess
import sys
import time
import xml.etree.ElementTree as ElementTree
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
HOUSE = ("architecture", "chapters", "book", "front", "tools", "words", "publishing")
BOOK = [f"tests/test_{name}.py" for name in HOUSE]
# What never touches Keras gives the same answer on every backend; a file not named here is run on each.
NO_KERAS = [
    "tests/test_wiring*.py",
    "tests/test_show*.py",
    "tests/test_data_archives.py",
    "tests/test_data_download.py",
    "tests/test_data_drawn.py",
    "tests/test_data_real.py",
]
# The terminal and plans start processes of their own, which say nothing of a backend that the rest does not.
NOT_ON_TORCH = ["tests/test_cli*.py", "tests/test_plans.py", "tests/test_assignments.py"]
QUIET = {"TF_CPP_MIN_LOG_LEVEL": "3", "JAX_PLATFORMS": "cpu", "GPC_PROFILE": "quick"}
WORKERS = ["-n", "2", "--dist", "worksteal"]


def unit_files(*patterns):
    """The unit suite's files: all tests but the house's and those of the patterns."""
    left_out = {ROOT / name for name in BOOK}
    left_out |= {path for pattern in patterns for path in ROOT.glob(pattern)}
    return [
        str(path.relative_to(ROOT))
        for path in sorted((ROOT / "tests").rglob("test_*.py"))
        if path not in left_out
    ]


def suites():
    """Name → (what it is, environment variables, pytest's arguments)."""
    return {
        "unit": (
            "unit suite and doctests on TensorFlow",
            {"KERAS_BACKEND": "tensorflow"},
            [*unit_files(), "src/gpc", "--doctest-modules", *WORKERS],
        ),
        "jax": (
            "unit suite on JAX",
            {"KERAS_BACKEND": "jax"},
            [*unit_files(*NO_KERAS), "-m", "not tensorflow", *WORKERS],
        ),
        "chapters": (
            "every chapter executed",
            {"KERAS_BACKEND": "tensorflow"},
            [
                "chapters",
                "--nbmake",
                "--nbmake-kernel=python3",
                "--nbmake-timeout=600",
                "-p",
                "tools.nbmake_keep",
                "-n",
                "2",
            ],
        ),
        "book": (
            "contract of the chapters, module diagram, book in a browser",
            {"KERAS_BACKEND": "tensorflow"},
            [*BOOK, "-n", "2", "--dist", "loadfile"],
        ),
        "torch": (
            "unit suite on PyTorch",
            {"KERAS_BACKEND": "torch"},
            [*unit_files(*NO_KERAS, *NOT_ON_TORCH), "-m", "not tensorflow", *WORKERS],
        ),
    }


def counted(report):
    """(passed, failed, skipped) of a JUnit report; a run that left none counts as one failure."""
    if not report.exists():
        return 0, 1, 0
    suite = ElementTree.parse(report).getroot().find("testsuite")
    tests, skipped = int(suite.get("tests")), int(suite.get("skipped"))
    failed = int(suite.get("failures")) + int(suite.get("errors"))
    return tests - failed - skipped, failed, skipped


def run(name):
    """One suite. → (passed, failed, skipped)"""
    what, variables, arguments = suites()[name]
    print(f"\n== {name}: {what}", flush=True)
    report = ROOT / "_build" / "tests" / f"{name}.xml"
    report.parent.mkdir(parents=True, exist_ok=True)
    report.unlink(missing_ok=True)
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-rs",
        "--durations=10",
        "--durations-min=5",
        f"--junitxml={report}",
        *arguments,
    ]
    status = subprocess.run(command, cwd=ROOT, env={**os.environ, **QUIET, **variables}).returncode
    passed, failed, skipped = counted(report)
    return passed, failed or int(status != 0), skipped


def main(names):
    unknown = [name for name in names if name not in suites()]
    if unknown:
        raise SystemExit(f"no suite {', '.join(unknown)}; there are {', '.join(suites())}")
    total, lines = [0, 0, 0], []
    for name in names or ["unit", "jax", "chapters", "book"]:
        started = time.monotonic()
        result = run(name)
        total = [sum(pair) for pair in zip(total, result, strict=True)]
        lines.append(
            "{:9} {:5} passed {:3} failed {:3} skipped  {:5.0f} s".format(
                name, *result, time.monotonic() - started
            )
        )
    print("\n" + "\n".join(lines) + f"\n{total[0]} passed, {total[1]} failed", flush=True)
    raise SystemExit(1 if total[1] or not total[0] else 0)


if __name__ == "__main__":
    main(sys.argv[1:])
