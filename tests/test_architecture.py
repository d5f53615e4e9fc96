"""The house: who may import whom, what `import gpc` starts, how long a module may be. Imports are parsed."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1] / "src" / "gpc"

# The module diagram, from its top to its bottom. A room may import every room on a line below its own.
DIAGRAM = [
    {"cli"},
    {"show"},
    {"explain", "bench", "export", "train", "data"},
    {"models"},
    {"blocks", "surgery"},
    {"layers"},
    {"count", "wiring"},
]
# Two rooms on one line, and why the first may know the second.
NEIGHBOURS = {
    ("train", "data"): "a run is of a model on a data set",
    ("bench", "train"): "a measurement carries the provenance a run's record carries",
    ("bench", "export"): "what is timed is what export wrote, run by the same interpreter",
}
LIGHT = ["wiring", "count", "data", "show", "train", "export", "cli"]  # rooms that start no backend when imported
HEAVY = ["tensorflow", "keras", "jax", "torch", "matplotlib"]
LONGEST_MODULE = 300


def level(room):
    """The line of the diagram that a room stands on, counted from the top; None for what is no room."""
    return next((line for line, rooms in enumerate(DIAGRAM) if room in rooms), None)


def imports(source, module):
    """Absolute names of all that a source imports, inside functions too. `module` is its dotted name."""
    names = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            above = module.split(".")[: -node.level] if node.level else []
            origin = ".".join([*above, *([node.module] if node.module else [])])
            names |= {f"{origin}.{alias.name}" for alias in node.names} if origin == "gpc" else {origin}
        elif isinstance(node, ast.Call) and ast.unparse(node.func) in (
            "importlib.import_module",
            "import_module",
        ):
            names |= {arg.value for arg in node.args[:1] if isinstance(arg, ast.Constant)}
    return names


def rooms_used(source, module):
    """The rooms of gpc that a module imports, its own left out."""
    own = module.split(".")[1] if "." in module else ""
    used = {name.split(".")[1] for name in imports(source, module) if name.startswith("gpc.")}
    return {room for room in used if level(room) is not None} - {own}


def forbidden(source, module):
    """The imports of a module that the diagram does not allow: `room → other`."""
    own = module.split(".")[1]
    wrong = [
        other
        for other in sorted(rooms_used(source, module))
        if level(own) is None or (level(other) <= level(own) and (own, other) not in NEIGHBOURS)
    ]
    return [f"{own} → {other}" for other in wrong]


def modules():
    """(dotted name, path) of every module of the package; a package's name stands for its __init__."""
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
        # An __init__ keeps the name `package.__init__`: its relative imports resolve as a module's do.
        yield ".".join(parts), path


MODULES = list(modules())
ROOM_MODULES = [(name, path) for name, path in MODULES if level(name.split(".")[1]) is not None]


@pytest.mark.parametrize(("module", "path"), ROOM_MODULES, ids=[name for name, _ in ROOM_MODULES])
def test_imports_point_down(module, path):
    assert forbidden(path.read_text(encoding="utf-8"), module) == []


@pytest.mark.parametrize(("module", "path"), MODULES, ids=[name for name, _ in MODULES])
def test_only_show_imports_matplotlib(module, path):
    roots = {name.split(".")[0] for name in imports(path.read_text(encoding="utf-8"), module)}
    assert "matplotlib" not in roots or module.startswith("gpc.show")


@pytest.mark.parametrize(("module", "path"), MODULES, ids=[name for name, _ in MODULES])
def test_a_module_is_short(module, path):
    lines = path.read_text(encoding="utf-8").count("\n")
    assert lines <= LONGEST_MODULE, f"{module} has {lines} lines; make it a package of the same name"


def test_everything_in_the_package_has_its_place():
    """Each room stands in the diagram; what is no room is private and imports none, but for the doors."""
    for module, path in MODULES:
        own = module.split(".")[1]
        if level(own) is None:
            assert own.startswith("_"), f"{module} is neither a room of the diagram nor private"
            if own not in ("__init__", "__main__"):
                assert rooms_used(path.read_text(encoding="utf-8"), module) == set()


def test_the_rooms_offered_are_the_rooms_there():
    import gpc

    there = {module.split(".")[1] for module, _ in MODULES if level(module.split(".")[1]) is not None}
    assert set(gpc.ROOMS) == there


@pytest.mark.parametrize("statement", ["import gpc", *(f"import gpc.{room}" for room in LIGHT)])
def test_import_starts_no_backend(statement):
    """Seen in a fresh process by what was loaded, not by the clock."""
    code = f"{statement}\nimport sys\nprint(*sorted(set({HEAVY!r}) & set(sys.modules)))"
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=dict(os.environ), check=True
    )
    assert result.stdout.split() == []


# The rules, each shown something that breaks it.


def test_an_arrow_that_points_up_is_caught():
    assert forbidden("from gpc.show import table\n", "gpc.layers.grouped") == ["layers → show"]
    assert forbidden("import gpc.models\n", "gpc.wiring.plans") == ["wiring → models"]
    assert forbidden("def late():\n    from gpc import train\n", "gpc.surgery.graph") == ["surgery → train"]
    assert forbidden("from ..cli import main\n", "gpc.bench.steps") == ["bench → cli"]
    assert forbidden("import importlib\nimportlib.import_module('gpc.show')\n", "gpc.data.paint") == [
        "data → show"
    ]


def test_an_arrow_between_neighbours_is_caught():
    assert forbidden("from gpc.bench import latency\n", "gpc.train.loop") == ["train → bench"]
    assert forbidden("from gpc.data import load\n", "gpc.train.loop") == []


def test_arrows_that_point_down_pass():
    assert (
        forbidden("from gpc import wiring\nfrom gpc.layers import GroupedPointwise\n", "gpc.surgery.regroup")
        == []
    )
    assert forbidden("from .plans import plan\nfrom gpc._checks import positive\n", "gpc.wiring.groups") == []


def test_matplotlib_inside_a_function_is_seen():
    assert "matplotlib.pyplot" in imports(
        "def draw():\n    import matplotlib.pyplot as plt\n", "gpc.train.loop"
    )
