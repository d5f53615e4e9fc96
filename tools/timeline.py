"""The journey from LeNet to the k-models: its table and its figure, and the command that counts the networks.

python tools/timeline.py        counts every network of book/timeline.yml into book/timeline.json (minutes)

Large networks take long to build, so their counts are kept, with commit and versions; a test counts some of
them anew.
"""

import json
import sys
from importlib import metadata
from math import floor, log10
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tools import chapters, pages, pictures  # noqa: E402  (found by the path above)

COUNTED_WITH = ("keras", "tensorflow")
FRONT = [{"model": name, "options": {"classes": 10}} for name in ("EfficientNetB0", "kEfficientNetB0")]


def networks(root=ROOT):
    """The rows of book/timeline.yml."""
    return yaml.safe_load((root / "book" / "timeline.yml").read_text(encoding="utf-8"))


def counts(root=ROOT):
    """What book/timeline.json holds: {"commit", "versions", "networks" and "front": {model: counts}}."""
    return json.loads((root / "book" / "timeline.json").read_text(encoding="utf-8"))


def counted(row):
    """The network of one row built, with the row's options, and counted."""
    import keras

    import gpc

    keras.backend.clear_session()
    cost = gpc.count.cost(built := gpc.models.build(row["model"], **row.get("options", {})))
    return {
        "parameters": cost.parameters,
        "macs": cost.macs,
        "reads": list(built.input_shape[1:]),
        "classes": built.output_shape[-1],
    }


def write(root=ROOT):
    """Counts all networks and writes book/timeline.json."""
    commit = pages.run_output("git", "-C", str(root), "rev-parse", "HEAD")
    kept = {"commit": commit, "versions": {name: metadata.version(name) for name in COUNTED_WITH}}
    for part, rows in {"networks": networks(root), "front": FRONT}.items():
        kept[part] = {row["model"]: counted(row) for row in rows}
    text = json.dumps(kept, indent=1) + "\n"
    (root / "book" / "timeline.json").write_text(text, encoding="utf-8")


def millions(value):
    """A count in millions with three digits, as in tables of papers; above a thousand all of them."""
    shown = value / 1e6
    return f"{shown:,.{max(0, 2 - floor(log10(shown)))}f}"


def page(root=ROOT):
    """The Markdown of the table, and what the numbers were counted with."""
    kept, rows = counts(root), []
    for row in networks(root):
        one = kept["networks"][row["model"]]
        height, width, channels = one["reads"]
        reads = f"{height}×{width}×{channels}, {one['classes']:,} class{'es' * (one['classes'] > 1)}"
        where = chapters.link(row["chapter"], root) or ""
        cells = (millions(one["parameters"]), millions(one["macs"]), reads, row["new"], where)
        rows.append((row["year"], f"{row['name']} {{cite}}`{row['cites']}`", *cells))
    head = ("Year", "Network", "Parameters, millions", "MACs, millions", "Reads", "What was new", "Chapter")
    versions = ", ".join(f"{name} {version}" for name, version in kept["versions"].items())
    provenance = f"Counted by `gpc.count` at commit `{kept['commit'][:7]}` with {versions}."
    return f"{pictures.figure('timeline.svg', *told(root))}\n{pages.table(head, rows)}\n\n{provenance}\n"


def picture(root=ROOT):
    """The figure: a row a network, the oldest on top, its place the parameters, its size the MACs. → a Drawing"""
    from gpc.show import figure, headline, palette, plain_marks

    kept, rows = counts(root)["networks"], networks(root)[::-1]
    drawn, axes = figure(7.5, 0.9 + 0.235 * len(rows))
    for place, row in enumerate(rows):
        one = kept[row["model"]]
        colour = palette.indigo if row["model"].startswith("k") else palette.blue
        size = 8 + one["macs"] ** 0.5 / 200
        axes.scatter(one["parameters"], place, size, color=colour, alpha=0.8, linewidth=0, zorder=3)
    names = [f"{row['name']}  {row['year']}" for row in rows]
    axes.set_yticks(range(len(rows)), names, fontsize=9)
    axes.tick_params(axis="y", length=0)
    axes.set(xscale="log", xlabel="parameters, log scale; a larger mark: more multiply-accumulates")
    plain_marks(axes)
    axes.margins(y=0.03)
    axes.grid(visible=True, axis="both")
    return headline(drawn, *told(root))


def told(root=ROOT):
    """The figure's title and its description, from the counts."""
    kept = counts(root)["networks"]
    first, wide, last = (kept[name]["parameters"] for name in ("LeNet5", "VGG16", "kEfficientNetB0"))
    title = "The weights rose with depth, and fell as each layer was taken apart"
    words = (
        f"Parameters of {len(kept)} networks, oldest first: {first:,} in LeNet-5, {wide:,} in VGG16, "
        f"{last:,} in kEfficientNet-B0. A mark grows with the multiply-accumulates."
    )
    return title, words


if __name__ == "__main__":
    write()
