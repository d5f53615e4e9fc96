"""Pages made from what ran: which claims hold; how long, on what and with what each chapter was executed; and
what the records of full runs say."""

import os
import platform
import re
import subprocess
from importlib import metadata
from pathlib import Path

import yaml

from tools.chapters import CELL

CLAIM = "gpc_claim"  # in the metadata of an output: Jupyter Book warns of unknown types of data
PACKAGES = (
    "tensorflow",
    "keras",
    "jax",
    "numpy",
    "matplotlib",
    "scikit-learn",
    "opencv-python-headless",
    "jupyter-book",
)
VERDICTS = {"confirmed": "Confirmed", "conditional": "Conditional", "wrong": "Wrong"}


def title_of(notebook):
    """The first heading of a notebook."""
    heading = re.search(r"^# (.+)$", notebook.cells[0].source, flags=re.MULTILINE)
    return heading.group(1).strip() if heading else "Untitled"


def claims_in(notebook):
    """What `gpc.show.claim` left in the outputs: dictionaries with number, verdict, text, numbers and cell."""
    return [
        {**output["metadata"][CLAIM], "cell": cell.id}
        for cell in notebook.cells
        if cell.cell_type == "code"
        for output in cell.outputs
        if CLAIM in output.get("metadata", {})
    ]


def cell(value):
    """A value as the text of one table cell."""
    return str(value).replace("|", r"\|").replace("\n", " ")


def table(head, rows):
    """A Markdown table from a row of headings and rows of values."""
    lines = ["| " + " | ".join(map(cell, row)) + " |" for row in (head, *rows)]
    return "\n".join([lines[0], "|" + "---|" * len(head), *lines[1:]])


def claims_page(executed, names, statements):
    """A Markdown table of every tested claim, in order of number. statements: number → what is claimed."""
    rows = []
    for notebook, name in zip(executed, names, strict=True):
        for claim in claims_in(notebook):
            link = f"[{title_of(notebook)}](../chapters/{name}.ipynb#{CELL}{claim['cell']})"
            if claim["number"] not in statements:
                raise ValueError(
                    f"chapters/{name} tests claim {claim['number']}, which book/claims.yml does not state"
                )
            rows.append(
                (
                    claim["number"],
                    statements[claim["number"]],
                    VERDICTS[claim["verdict"]],
                    claim["text"],
                    link,
                )
            )
    if not rows:
        return "No chapter has registered a claim yet.\n"
    counted = ", ".join(
        f"{sum(row[2] == shown for row in rows)} {verdict}" for verdict, shown in VERDICTS.items()
    )
    head = ("Nr", "The claim", "Verdict", "What we measured", "Chapter")
    claims = len({row[0] for row in rows})
    told = "tested" if claims == len(rows) else f"tested, some in several chapters; verdicts of {len(rows)} tests"
    return f"{claims} {told}: {counted}.\n\n" + table(head, sorted(rows)) + "\n"


def run_output(*command):
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=20, check=True).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return ""


def processor():
    """The processor's name as the system gives it, or its architecture."""
    info = Path("/proc/cpuinfo")
    if info.exists():
        named = re.search(r"^model name\s*:\s*(.+)$", info.read_text(errors="replace"), flags=re.MULTILINE)
        if named:
            return named.group(1)
    return run_output("sysctl", "-n", "machdep.cpu.brand_string") or platform.machine()


def memory_gib():
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    except (ValueError, OSError):
        return None


def commit(root, *, besides=()):
    """The short commit, marked where the working tree differs from it in more than the files `besides`."""
    revision = run_output("git", "-C", str(root), "rev-parse", "--short", "HEAD")
    if not revision:
        return "not a git checkout"
    others = [f":(exclude){file}" for file in besides]
    dirty = run_output("git", "-C", str(root), "status", "--porcelain", "--", ".", *others)
    return f"`{revision}`" + (" and changes not committed" if dirty else "")


def status_page(executed, names, root):
    """Markdown: run time of each chapter; the machine; the versions."""
    from tools import seeds  # which reads this module's commit()

    runs = [notebook.metadata["gpc_run"] for notebook in executed]
    moved = seeds.summary(root)
    rows = [
        (
            f"[{title_of(notebook)}](../chapters/{name}.ipynb)",
            f"{run['seconds']:.0f} s",
            run["profile"],
            run["when"],
            run.get("commit", "–"),
            moved.get(name, "–"),
        )
        for notebook, name, run in zip(executed, names, runs, strict=True)
    ]
    total = sum(run["seconds"] for run in runs)
    gib = memory_gib()
    machine = [
        ("Processor", processor()),
        ("Cores", os.cpu_count()),
        ("Memory", f"{gib:.0f} GiB" if gib else "unknown"),
        ("System", f"{platform.system()} {platform.machine()}"),
        ("Commit of these pages", commit(root)),
    ]
    versions = [("Python", platform.python_version()), *((name, metadata.version(name)) for name in PACKAGES)]
    return (
        "\n\n".join(
            [
                "## Chapters",
                table(("Chapter", "Run time", "Profile", "Executed", "Commit", "Other seeds"), rows),
                f"Together {total:.0f} s. *Other seeds*: of how many runs with all seeds moved every assert "
                "of the chapter held (`make seeds`, kept in `data/seeds.json`); *full*: in the full profile, too, "
                "but for the cells that train on a GPU.",
                "## Machine",
                table(("Part", "This build"), machine),
                "## Versions",
                table(("Package", "Version"), versions),
            ]
        )
        + "\n"
    )


def results_page(root, pictures):
    """Markdown of every record in data/records, by experiment and data set, and what was published beside it.

    pictures: a folder for the figures, which are written as SVG.
    """
    from gpc.show import evidence, frontier
    from gpc.train import plans, records

    folder = root / "data" / "records"
    found = records.load(folder) if folder.is_dir() else ()
    rows = records.table(found)
    whole = {(one["experiment"], one["dataset"]["name"]) for one in found if one["recipe"]["subset"] == 1}
    kinds = list(dict.fromkeys((row["experiment"], row["dataset"]) for row in rows))
    titles = {}
    for path in sorted((root / "data" / "plans").glob("*.toml")):
        plan = plans.read(path)
        titles |= {(plan.experiment, one.called): plan.title for one in plan.data}
    parts = ["No run has left a record yet."] if not rows else []
    moving = frontier.frontier(rows, titles)
    parts += [f"```{{raw}} html\n{moving.html}\n```"] if moving else []
    for kind in kinds:
        chosen = [row for row in rows if (row["experiment"], row["dataset"]) == kind]
        parts += _results(chosen, titles.get(kind, " on ".join(kind)), pictures)
        printed = evidence.published(root / "data" / "published.json", kind[1])
        if printed and kind in whole:  # beside runs on a part of the images they would say nothing
            parts += [PUBLISHED, evidence.published_table(printed)]
    parts += _looks(root / "data" / "looks", titles)
    return "\n\n".join(parts) + "\n"


PUBLISHED = (
    "**Published** on the same data, each in one run, with other code and mostly other image sizes: to "
    "compare with, no part of what was measured here."
)


LOOKS = (
    "**Where they look**: CAM and Grad-CAM at the last map, of {images} test images of {pixels} pixels, each "
    "for its right class, against the masks of the object, which covers {share:.0f}% of a picture: a "
    "point drawn anywhere is on it as often. Means and standard deviations (points) over the seeds. The "
    "overlap is that of as many highest points as the mask has. Made by `gpc look`."
)


def _looks(folder, titles):
    """What `gpc look` found, an experiment and data set at a time."""
    from gpc.show import evidence, looks

    parts, found = [], looks.load(folder) if folder.is_dir() else ()
    for kind in dict.fromkeys((one["experiment"], one["dataset"]) for one in found):
        own = [one for one in found if (one["experiment"], one["dataset"]) == kind]
        share = 100 * sum(one["share"] for one in own) / len(own)
        height, width = own[0]["size"]
        parts += [
            f"## {titles.get(kind, ' on '.join(kind))}: where they look",
            LOOKS.format(images=own[0]["images"], pixels=f"{height}×{width}", share=share),
            evidence.pipes(looks.HEADS, map(looks.cells, looks.table(own))),
        ]
    return parts


def _results(rows, title, pictures):
    """One experiment on one data set: its heading, figures, table and the machines it was run on."""
    from gpc.show import evidence

    parts = [f"## {title}"]
    # A processor that other programs keep busy tells no time worth drawing.
    known, timed = (all(row[name] for row in rows) for name in ("macs", "gpu"))
    shown = {"parameters": True, "macs": known, "ms": timed}
    for against, drawable in shown.items():
        if drawable and any(row["tests"] for row in rows):
            drawn = evidence.evidence(rows, against)
            name = f"results-{rows[0]['experiment']}-{rows[0]['dataset']}-{against}.svg".replace(" ", "-")
            drawn.save(pictures / name, metadata={"Date": None})
            alt = cell(drawn.description).replace("[", "(").replace("]", ")")
            parts.append(f"![{alt}](../_build/generated/{name})")
    few = [] if all(row["enough"] for row in rows) else ["○ fewer than three seeds: too few to judge by."]
    machines = "; ".join(sorted({one for row in rows for one in row["made_on"]}))
    return [*parts, evidence.markdown(rows), *few, f"Made on {machines}."]


def write(executed, root):
    """Write the generated parts; a file whose text did not change is not touched: its page is not rebuilt."""
    from tools import chapters, front, speed

    names = [chapter.stem for chapter in chapters.in_toc(root)]
    folder = root / "_build" / "generated"
    folder.mkdir(parents=True, exist_ok=True)
    statements = yaml.safe_load((root / "book" / "claims.yml").read_text(encoding="utf-8"))
    texts = {
        "claims.md": claims_page(executed, names, statements),
        "status.md": status_page(executed, names, root),
        "results.md": results_page(root, folder) + "\n" + speed.markdown(root) + "\n",
        **front.texts(executed, root),
    }
    for name, text in texts.items():
        path = folder / name
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
