"""What was published: manifest.json beside the pages, and whether a folder or an address still holds it.

    python tools/manifest.py                            write _build/html/manifest.json
    python tools/manifest.py --check                    compare _build/html with its manifest
    python tools/manifest.py --check https://…/course/  the published pages, each fetched and summed

The manifest has the commit, the time in UTC, the versions that the pages were made with, and size and SHA-256 of
every file. The exit status is 1 where something is missing, differs, or, in a folder, is there without being listed.
"""

import argparse
import hashlib
import json
import platform
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from datetime import datetime, timezone
from importlib import metadata
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
NAME = "manifest.json"
PACKAGES = ("keras", "tensorflow", "numpy", "matplotlib", "jupyter-book", "sphinx")
# Sphinx's own record of a build, of use to the next build alone; GitHub Pages leaves out what begins with a dot.
LEFT_OUT = {NAME, ".buildinfo", ".nojekyll"}
WAITS_S = (0, 5, 20)  # before each try: a deployment takes a moment to reach every server
TIMEOUT_S = 60


def sum_of(content):
    """Size and SHA-256 of some bytes.

    >>> sum_of(b"abc")["bytes"]
    3
    """
    return {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}


def files(folder):
    """{path below the folder: size and sum} of all that is published."""
    found = (path for path in sorted(folder.rglob("*")) if path.is_file())
    names = {path.relative_to(folder).as_posix(): path for path in found}
    return {name: sum_of(path.read_bytes()) for name, path in names.items() if name not in LEFT_OUT}


def commit(root=ROOT):
    """The commit of the sources, "+" behind it where they differ from it; None without git."""
    try:
        head = subprocess.run(["git", "rev-parse", "HEAD"], cwd=root, capture_output=True, text=True, check=True)
        changed = subprocess.run(["git", "diff", "--quiet", "HEAD"], cwd=root)
    except (OSError, subprocess.CalledProcessError):
        return None
    return head.stdout.strip() + "+" * (changed.returncode != 0)


def versions():
    """Python's version and those of the packages that make the pages, where they are installed."""
    found = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def write(folder, root=ROOT):
    """Writes the manifest of a folder of pages. → the manifest. FileNotFoundError without pages."""
    if not (folder / "index.html").exists():
        raise FileNotFoundError(f"{folder} has no index.html: make book builds the pages")
    when = datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    made = {"commit": commit(root), "time": when, "versions": versions(), "files": files(folder)}
    (folder / NAME).write_text(json.dumps(made, indent=1) + "\n", encoding="utf-8")
    return made


def fetch(address, *, waits_s=WAITS_S, timeout_s=TIMEOUT_S):
    """The bytes at an address, tried several times; OSError with the last reason."""
    for number, wait in enumerate(waits_s, start=1):
        time.sleep(wait)
        try:
            with urllib.request.urlopen(address, timeout=timeout_s) as answer:
                return answer.read()
        except OSError:
            if number == len(waits_s):
                raise
    raise ValueError("waits_s needs at least one try")


def reader(place, **tries):
    """A function from a path below a folder or an address to its bytes."""
    if str(place).startswith(("http://", "https://")):
        base = str(place).rstrip("/") + "/"
        return lambda name: fetch(base + urllib.parse.quote(name), **tries)
    return lambda name: (Path(place) / name).read_bytes()


def differences(listed, read):
    """What does not hold: a line for each file that is missing or differs."""
    wrong = []
    for name, expected in listed.items():
        try:
            found = sum_of(read(name))
        except OSError as error:
            wrong.append(f"{name}: missing ({error.strerror or error})")
            continue
        if found != expected:
            wrong.append(f"{name}: {found['bytes']} bytes instead of {expected['bytes']}, or other ones")
    return wrong


def check(place, *, expected_commit=None, **tries):
    """Compares a folder or an address with its own manifest. → (manifest, what does not hold)"""
    read = reader(place, **tries)
    made = json.loads(read(NAME))
    wrong = differences(made["files"], read)
    if not str(place).startswith("http"):
        there = {path.relative_to(place).as_posix() for path in Path(place).rglob("*") if path.is_file()}
        wrong += [f"{name}: not in the manifest" for name in sorted(there - set(made["files"]) - LEFT_OUT)]
    if expected_commit and made["commit"] != expected_commit:
        wrong.insert(0, f"made from commit {made['commit']}, not {expected_commit}")
    return made, wrong


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("place", nargs="?", default=str(ROOT / "_build" / "html"), help="folder or address")
    parser.add_argument("--check", action="store_true", help="compare instead of write")
    parser.add_argument("--commit", help="with --check: the commit that the pages must be made from")
    options = parser.parse_args(arguments)
    try:
        if not options.check:
            made = write(Path(options.place))
            print(f"{options.place}/{NAME}: {len(made['files'])} files, commit {made['commit']}, {made['time']}")
            return
        made, wrong = check(options.place, expected_commit=options.commit)
    except (OSError, ValueError) as error:
        raise SystemExit(f"{options.place}: {error}") from None
    print("\n".join(wrong) or f"{options.place} holds its {len(made['files'])} files of {made['time']}")
    raise SystemExit(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
