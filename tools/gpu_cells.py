"""The cells for a GPU, each with what it needs of its chapter: rehearsed here, or printed to be run elsewhere.

    python tools/gpu_cells.py                  every chapter's, in short
    python tools/gpu_cells.py 07 12
    python tools/gpu_cells.py 07 --print       a script for a machine without Jupyter: GPC_PROFILE=full python …

A rehearsal builds every network at its full size and takes it through its own recipe, in one epoch of two
steps on a few drawn images of the right size, to a record in a folder that is thrown away; what the cell does
with records is done with these. So a cell that is to run for hours is known to run. KERAS_BACKEND says on what.
The exit status is 1 where a cell failed.
"""

import argparse
import ast
import os
import re
import subprocess
import symtable
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import nbformat

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tools import chapters  # noqa: E402  (the path above makes `tools` importable from anywhere)

TAG, IMAGES = "gpu", 40
DOWNLOADED = {  # how large an image of a set is, on a side, and how many classes there are
    "cifar10": (32, 10),
    "cifar100": (32, 100),
    "oxford_pets": (128, 37),
    "plantvillage": (128, 38),
    "nuclei": (256, 3),
}
START = """\
import sys
sys.path.insert(0, {root!r})
from tools.gpu_cells import rehearsing
rehearsing({folder!r})
"""


def needed(notebook):
    """{id: source} of the chapter's cells tagged gpu, and of those before that they take names from, in order.

    A cell is taken for a name that it assigns, imports or defines, or whose item or attribute it sets.
    """
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    sources = [_without_magic(cell.source) for cell in cells]
    wanted = {place for place, cell in enumerate(cells) if TAG in cell.metadata.get("tags", [])}
    if not wanted:
        raise ValueError(f"no cell is tagged {TAG}")
    told, late, before = [names(source) for source in sources], set(), None
    while before != wanted:  # a function takes names when it is called: what any cell makes of them counts
        before, still = set(wanted), set()
        for place in range(max(wanted), -1, -1):
            makes, changes, takes, inside = told[place]
            if place in wanted or place == 0 or (makes | changes) & (still | late):
                wanted.add(place)
                still, late = still - makes | takes, late | inside - makes
    return {cells[place].id: sources[place] for place in sorted(wanted)}


def script(notebook):
    """The same as one Python program."""
    return "\n\n".join(f"# {name}\n{source}" for name, source in needed(notebook).items()) + "\n"


def _without_magic(source):
    return re.sub(r"^(\s*)%.*$", r"\1pass", source, flags=re.M)


def names(source):
    """(names that a cell makes, names whose item or attribute it sets, names that it takes from before, names
    that its functions take)"""
    makes, takes, inside = set(), set(), set()
    tables = [symtable.symtable(source, "cell", "exec")]
    for symbol in tables[0].get_symbols():
        if symbol.is_assigned() or symbol.is_imported() or symbol.is_namespace():
            makes.add(symbol.get_name())
    while tables:
        table = tables.pop()
        tables += table.get_children()
        module = table.get_type() == "module"
        found = {s.get_name() for s in table.get_symbols() if s.is_referenced() and (s.is_global() or module)}
        takes |= found
        inside |= set() if module else found
    tree = ast.parse(source)
    own = {name for name in makes & takes if not _before(name, tree)}
    sets = (ast.Attribute, ast.Subscript)
    changes = {
        inner.id
        for node in ast.walk(tree)
        if isinstance(node, sets) and not isinstance(node.ctx, ast.Load)
        for inner in ast.walk(node.value)
        if isinstance(inner, ast.Name)
    }
    return makes, changes, takes - own, inside


def _before(name, tree):
    """Whether a cell that makes a name may take what it was before: the first statement that mentions it says."""
    for statement in tree.body:
        seen = [node for node in ast.walk(statement) if isinstance(node, ast.Name) and node.id == name]
        if isinstance(statement, (ast.Import, ast.ImportFrom)):
            if name in {(one.asname or one.name).split(".")[0] for one in statement.names}:
                return False
        elif isinstance(statement, (ast.FunctionDef, ast.ClassDef)):  # runs when it is called
            if statement.name == name:
                return False
        elif isinstance(statement, ast.AugAssign) and seen:
            return True
        elif isinstance(statement, ast.Assign) and seen:
            return any(node.id == name for node in ast.walk(statement.value) if isinstance(node, ast.Name))
        elif seen:
            return all(isinstance(node.ctx, ast.Load) for node in seen)
    return False


def rehearsing(folder):
    """From here on runs are short, on drawn images, and leave their records in `folder`."""
    import gpc
    from gpc.train.following import SHORTEST

    study, long, whole = sys.modules["gpc.train.study"], gpc.train.fit, gpc.train.study

    def fit(model, data, recipe, **options):
        options |= {"folder": None, "on_epoch": None, "records": folder if options.get("records") else None}
        run = long(model, data, SHORTEST.recipe(recipe), **options)
        print(f"{options.get('name') or run.model.name}: {run.status}, {run.model.count_params():,} parameters")
        return run

    load = gpc.data.load
    gpc.data.load = study.load = lambda name, **options: drawn(load, name, **options)
    gpc.train.fit = study.fit = fit
    gpc.train.study = lambda *given, **options: whole(*given, **options | {"seeds": 1, "folder": folder})


def drawn(load, name, *, size=None, **options):
    """A few images of a data set; in the stead of a downloaded one drawn ones, as large as those, with maps,
    and with names for as many classes."""
    if name not in DOWNLOADED:
        return load(name, size=size, **options | {"count": IMAGES})
    side, classes = DOWNLOADED[name]
    found = load("cells" if name == "nuclei" else "leaves", size=size or side, count=IMAGES)
    return replace(found, name=name, classes=tuple(f"class {i}" for i in range(classes)))


def rehearse(chapter, timeout_s=1800):
    """Runs what `script` makes of a chapter, in short, in a process of its own. → (what it said, its error)"""
    with tempfile.TemporaryDirectory() as folder:
        records, file = Path(folder) / "records", Path(folder) / f"{chapter.stem}.py"
        records.mkdir()
        start = START.format(root=str(ROOT), folder=str(records))
        file.write_text(start + "\n" + script(nbformat.read(chapter, as_version=4)), encoding="utf-8")
        ran = subprocess.run(
            [sys.executable, str(file)],
            cwd=chapter.parent,
            env={**os.environ, "GPC_PROFILE": "full", "TF_CPP_MIN_LOG_LEVEL": "3", "MPLBACKEND": "agg"},
            capture_output=True,
            text=True,
            timeout=timeout_s,
        )
    return ran.stdout, "" if ran.returncode == 0 else ran.stderr.strip()


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("chapters", nargs="*", help="numbers, 07 say; all without")
    parser.add_argument("--print", action="store_true", help="the scripts instead of a rehearsal")
    asked = parser.parse_args()
    known = chapters.in_toc()
    unknown = [one for one in asked.chapters if not any(path.stem.startswith(one) for path in known)]
    if unknown:
        there = ", ".join(path.stem for path in known)
        raise SystemExit(f"no chapter begins with {', '.join(unknown)}; there are {there}")
    chosen = [path for path in known if not asked.chapters or path.stem.startswith(tuple(asked.chapters))]
    if asked.print:
        print("\n\n".join(script(nbformat.read(path, as_version=4)) for path in chosen), end="")
        return
    failed = []
    for place, path in enumerate(chosen, 1):
        print(f"[{place}/{len(chosen)}] {path.stem} …", flush=True)
        started = time.monotonic()
        said, error = rehearse(path)
        runs = [line for line in said.splitlines() if re.search(r": \w+, [\d,]+ parameters$", line)]
        failed += [path.stem] if error else []
        print(*(f"    {line}" for line in runs), sep="\n")
        last = error.splitlines()[-1] if error else f"{len(runs)} run{'s' * (len(runs) != 1)}"
        print(f"    {'FAILED: ' if error else ''}{last}, {time.monotonic() - started:.0f} s", flush=True)
    raise SystemExit(f"{len(failed)} failed: {', '.join(failed)}" if failed else 0)


if __name__ == "__main__":
    main()
