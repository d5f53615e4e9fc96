"""Build the book: execute chapters that changed, write generated pages, run Jupyter Book, warnings as errors, trim.

python tools/book.py            the whole book, in _build/html
python tools/book.py execute    the chapters only
"""

import argparse
import contextlib
import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import nbformat
import yaml

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tools import chapters, pages, trim  # noqa: E402  (the path above makes `tools` importable from anywhere)


def say(text, *, end="\n"):
    print(text, end=end, flush=True)


def progress(label):
    """A callback that shows the cell being run, on one line where a person watches, silent in a log."""
    if not sys.stdout.isatty():
        say(f"{label} …")
        return lambda position, total: None
    return lambda position, total: say(f"\r{label}  cell {position} of {total} ", end="")


def execute_all(root=ROOT, *, again=False):
    """Execute every chapter without valid outputs; all failures are told at the end. → executed notebooks"""
    folder, todo, failures = chapters.store(root), chapters.in_toc(root), []
    back = "\r" if sys.stdout.isatty() else ""  # over the line that counts the cells, where there is one
    say(f"{len(todo)} chapters, profile {chapters.profile()}")
    for number, chapter in enumerate(todo, start=1):
        label = f"[{number}/{len(todo)}] {chapter.stem}"
        if not again and chapters.kept(chapter, folder=folder):
            say(f"{label}  unchanged")
            continue
        try:
            executed, seconds = chapters.execute(chapter, on_cell=progress(label))
        except chapters.ChapterFailed as failure:
            failures.append(str(failure))
            say(f"{back}{label}  FAILED{' ' * len(back) * 20}")
        else:
            chapters.keep(chapter, executed, seconds=seconds, folder=folder)
            say(f"{back}{label}  {seconds:.0f} s{' ' * len(back) * 20}")
    if failures:
        raise chapters.ChapterFailed("\n\n".join(failures))
    return [chapters.kept(chapter, folder=folder) for chapter in todo]


def fill_cache(executed, todo, cache_folder):
    """Put executed notebooks where Jupyter Book looks before it executes anything itself."""
    from jupyter_cache import get_cache
    from jupyter_cache.base import CacheBundleIn

    cache = get_cache(cache_folder)
    for notebook, chapter in zip(executed, todo, strict=True):
        notebook = nbformat.from_dict({**notebook, "metadata": dict(notebook.metadata)})
        seconds = notebook.metadata.pop("gpc_run")["seconds"]
        bundle = CacheBundleIn(notebook, str(chapter), data={"execution_seconds": seconds})
        cache.cache_notebook_bundle(bundle, overwrite=True)
        cache.match_cache_notebook(
            nbformat.read(chapter, nbformat.NO_CONVERT)
        )  # KeyError: it would be executed again


def write_config(root, cache_folder):
    """_config.yml with what depends on sources and machine: the folder of executed notebooks. → its path"""
    config = yaml.safe_load((root / "_config.yml").read_text(encoding="utf-8"))
    config["execute"]["cache"] = str(cache_folder)
    extensions = config["sphinx"].get("local_extensions", {})
    extensions.update(
        {name: str(root / folder) for name, folder in extensions.items()}
    )  # relative to this other file
    path = root / "_build" / "config" / "_config.yml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump(config, sort_keys=False, allow_unicode=True), encoding="utf-8")
    return path


def jupyter_book(root, config):
    """Jupyter Book with every warning an error. → (exit status, what it said)"""
    command = [
        sys.executable,
        "-c",
        "from jupyter_book.cli.main import main; main()",
        "build",
        str(root),
        "--path-output",
        str(root),
        "--config",
        str(config),
        "-W",
        "-n",
        "--keep-going",
        "-q",
    ]
    result = subprocess.run(
        command,
        env={**os.environ, **chapters.environment()},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    noise = re.compile(r"^(I0000 |WARNING: All log messages before absl).*\n", flags=re.MULTILINE)
    return result.returncode, noise.sub("", chapters.plain(result.stdout))


def build_pages(root, config):
    """Jupyter Book; SystemExit where it warned."""
    status, said = jupyter_book(root, config)
    if status:
        shutil.rmtree(
            root / "_build" / ".doctrees", ignore_errors=True
        )  # Sphinx warns of a page once, reading it
        say(said)
        raise SystemExit("the book's pages were built with warnings, each an error here: see above")


@contextlib.contextmanager
def alone(root):
    """One build at a time: two would tear each other's files."""
    folder = root / "_build"
    folder.mkdir(exist_ok=True)
    with open(folder / ".lock", "w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("another build of this book is running; waiting for it …")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def build(root=ROOT, *, again=False):
    """Everything, in order. → the folder of pages. Raises ChapterFailed or SystemExit with the reason."""
    started = time.monotonic()
    with alone(root):
        executed = execute_all(root, again=again)
        pages.write(executed, root)
        # Named by the outputs, too: Sphinx reads chapters again when its configuration changes, not a cache.
        outputs = hashlib.sha256("".join(map(nbformat.writes, executed)).encode()).hexdigest()[:16]
        cache_folder = root / "_build" / ".jupyter_cache" / f"{chapters.fingerprint(root)}-{outputs}"
        fill_cache(executed, chapters.in_toc(root), cache_folder)
        say("pages …")
        build_pages(root, write_config(root, cache_folder))
        html = root / "_build" / "html"
        trim.trim(html)
        chapters.forget_old(root)
    say(f"the book is built in {time.monotonic() - started:.0f} s: {(html / 'index.html').as_uri()}")
    return html


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", nargs="?", choices=["book", "execute"], default="book")
    parser.add_argument("--again", action="store_true", help="execute every chapter, changed or not")
    options = parser.parse_args()
    try:
        execute_all(again=options.again) if options.what == "execute" else build(again=options.again)
    except (chapters.ChapterFailed, FileNotFoundError) as error:
        raise SystemExit(f"\n{error}") from None


if __name__ == "__main__":
    main()
