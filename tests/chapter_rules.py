"""What a chapter must be, as functions: a notebook (a dictionary) goes in, complaints come out.

Each rule is tried on every chapter and, in test_chapters.py, on a notebook that breaks it.
"""

import ast
import re
from collections import Counter

ORDER = [
    "title",
    "setup",
    "predict",
    "picture",
    "experiment",
    "gpu",
    "measured",
    "limits",
    "exercise",
    "references",
]
EXERCISE = ["exercise", "exercise-stub", "exercise-check", "solution"]
LONGEST_CELL = 15
WIDEST_LINE = 96
SHORTEST_ALT = 25
SETUP = """\
# @title Set-up: the course's package and its packages
import sys
if "google.colab" in sys.modules:
    %pip install -q --no-deps "git+{address}@main"
import numpy as np, keras, gpc
from gpc.show import say, predict, check"""

# Digits that are part of a name and state no measurement.
NAMES = [
    r"VGG-?1[169]",
    r"LeNet-?5",
    r"CIFAR-?100?",
    r"ResNe[Xx]?t-?\d+",
    r"DenseNet-?\d+",
    r"k?Inception-?[Vv]\d",
    r"L100",
    r"k?MobileNet-?V\d",
    r"k?Eff(?:icient)?Net-?[BV]?\d",
    r"\bB[0-7]\b",
    r"\bV[1-4]\b",
    r"DSB-2018",
    r"ILSVRC-?\d+",
    r"\b\d+×\d+\b(?! ?(?:pixels|images))",
    r"\b(?:bfloat|float|u?int)\d+\b",
    r"\b[Cc]hapters? \d+(?:(?:,| and|–) \d+)*",
    r"[Cc]laims? \d+",
    r"\bParts? [IVX\d]+",
    r"\b[123]-?D\b",
    r"\b[Ii]n (?:19|20)\d\d\b",
    r"Keras 3",
    r"Python 3(?:\.\d+)?",
    r"TensorFlow 2(?:\.\d+)?",
    r"D6\w*",
    r"\bT4\b",
    r"\bL[12]\b",
]
MYST = [
    (re.compile(r"^\s*(?:`{3,}|:{3,}|~{3,})\{[\w:-]+\}", re.M), "a MyST directive"),
    (re.compile(r"^:{3,}", re.M), "a MyST fence"),
    (re.compile(r"\{[\w:-]+\}`[^`]+`"), "a MyST role"),
    (re.compile(r"^\([\w-]+\)=\s*$", re.M), "a MyST label"),
    (re.compile(r"^%\s", re.M), "a MyST comment"),
]


def text(cell):
    """A cell's source as one string."""
    return "".join(cell["source"])


def tags(cell):
    return cell["metadata"].get("tags", [])


def code(notebook, tag=None):
    """Code cells, all or those with a tag, each with its position."""
    return [
        (i, c)
        for i, c in enumerate(notebook["cells"])
        if c["cell_type"] == "code" and (tag is None or tag in tags(c))
    ]


def prose(notebook, tag=None):
    return [
        (i, c)
        for i, c in enumerate(notebook["cells"])
        if c["cell_type"] == "markdown" and (tag is None or tag in tags(c))
    ]


def name_of(position, cell):
    return f"cell {position + 1} ({cell.get('id', '?')})"


def python(source):
    """Source without the notebook's own commands, so that Python can parse it."""
    return re.sub(r"^(\s*)[%!].*$", r"\1pass", source, flags=re.M)


def defined(source):
    """Names that a piece of code gives at its top level, imports left out."""
    names = set()
    for node in ast.parse(python(source)).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.add(node.name)
        for target in getattr(node, "targets", [getattr(node, "target", None)]):
            names |= (
                {n.id for n in ast.walk(target) if isinstance(n, ast.Name)} if target is not None else set()
            )
    return names


def calls(source):
    """The text of every function called in a piece of code: `say`, `guess.reveal`, `plt.subplots`."""
    return {
        ast.unparse(node.func) for node in ast.walk(ast.parse(python(source))) if isinstance(node, ast.Call)
    }


def order(notebook, address):
    first = {}
    for position, cell in enumerate(notebook["cells"]):
        for tag in tags(cell):
            if (
                tag != "measured" or cell["cell_type"] == "markdown"
            ):  # numbers may be measured, and asserted, on the way
                first.setdefault(tag, position)
    complaints = [f"no cell is tagged {tag}" for tag in ORDER if tag not in first]
    present = [tag for tag in ORDER if tag in first]
    complaints += [
        f"{later} stands before {earlier}"
        for earlier, later in zip(present, present[1:], strict=False)
        if first[later] <= first[earlier]
    ]
    if [tags(cell)[:1] for cell in notebook["cells"][:2]] != [["title"], ["setup"]]:
        complaints.append("the first two cells are the title and the set-up")
    if "references" not in tags(notebook["cells"][-1]):
        complaints.append("the references come last")
    if not complaints:
        between = range(first["picture"] + 1, first["experiment"])
        if not any(position in between for position, _ in code(notebook)):
            complaints.append("between picture and experiment stands the smallest code that shows the idea")
    return complaints


def title(notebook, address):
    cell = text(notebook["cells"][0])
    if not (found := re.match(r"# [^\n]+\n+\*\*([^*]+)\*\*", cell)):
        return ["the first cell is `# Title`, then the question in bold"]
    after = [line for line in cell[found.end() :].splitlines() if line.strip()]
    complaints = [] if found.group(1).strip().endswith("?") else ["the sentence in bold is no question"]
    return complaints + ([f"{len(after)} lines follow the question; at most three"] if len(after) > 3 else [])


def setup(notebook, address):
    cells = code(notebook, "setup")
    if len(cells) != 1 or text(cells[0][1]).strip() != SETUP.format(address=address):
        return ["the set-up cell is not the one that all chapters share, with the address of _config.yml"]
    return [] if "hide-input" in tags(cells[0][1]) else ["the set-up cell is tagged hide-input"]


def short_cells(notebook, address):
    drawn = [
        i
        for i, c in code(notebook)
        if "hide-input" in tags(c) and not {"exercise-check", "measured"} & set(tags(c))
    ]
    lengths = [
        (i, c, len([line for line in text(c).splitlines() if line.strip()]))
        for i, c in code(notebook)
        if i not in drawn
    ]
    return [
        f"{name_of(i, c)} has {n} lines; at most {LONGEST_CELL}" for i, c, n in lengths if n > LONGEST_CELL
    ]


def narrow_code(notebook, address):
    """A page shows code of this width without scrolling sideways; folded cells and solutions open there.

    The set-up cell is left out: its width is that of the repository's address.
    """
    complaints = []
    for position, cell in enumerate(notebook["cells"]):
        fenced = re.findall(r"^```\w*\n(.*?)^```$", text(cell), flags=re.M | re.S)
        shown = fenced if cell["cell_type"] == "markdown" else [] if "setup" in tags(cell) else [text(cell)]
        wide = [line for source in shown for line in source.splitlines() if len(line) > WIDEST_LINE]
        complaints += [
            f"{name_of(position, cell)}: {len(line)} columns, at most {WIDEST_LINE}: {line.strip()[:40]}…"
            for line in wide
        ]
    return complaints


def prediction(notebook, address):
    asked = [
        ast.unparse(node)
        for _, cell in code(notebook, "predict")
        for node in ast.parse(python(text(cell))).body
    ]
    return (
        []
        if any(line.startswith("guess = predict(") for line in asked)
        else ["the prediction is `guess = predict(…)`"]
    )


def pictures(notebook, address):
    found = code(notebook, "picture")
    complaints = [] if found else ["there is no picture made by a code cell"]
    for position, cell in found:
        alt = cell["metadata"].get("mystnb", {}).get("image", {}).get("alt", "")
        if len(alt) < SHORTEST_ALT:
            complaints.append(
                f"{name_of(position, cell)}: the picture's alt text ({alt!r}) does not say what it shows"
            )
    return complaints


def gpu(notebook, address):
    complaints = (
        [] if notebook["metadata"].get("accelerator") == "GPU" else ["the notebook's metadata ask for a GPU"]
    )
    for position, cell in code(notebook, "gpu"):
        stated = cell["metadata"].get("gpu", {})
        if not (isinstance(stated.get("experiment"), str) and isinstance(stated.get("minutes"), int | float)):
            complaints.append(
                f"{name_of(position, cell)}: metadata gpu has experiment (text) and minutes (number)"
            )
        made = calls(text(cell))
        if "gpc.train.study" in made:
            complaints += _study(position, cell, stated)
        elif not any(call.split(".")[-1] == "profile" for call in made):
            complaints.append(
                f"{name_of(position, cell)} runs in the full profile alone: gpc.train.study or gpc.profile()"
            )
    return complaints if code(notebook, "gpu") else [*complaints, "there is no code cell tagged gpu"]


def _study(position, cell, stated):
    """gpc.train.study asks for the profile itself; its experiment is the one stated, its records shown."""
    run = next(
        node
        for node in ast.walk(ast.parse(python(text(cell))))
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "gpc.train.study"
    )
    name, said = getattr(run.args[0], "value", None) if run.args else None, stated.get("experiment")
    complaints = [] if name == said else [f"{name_of(position, cell)} runs {name!r} and states {said!r}"]
    shown = "gpc.show.results" in calls(text(cell))
    return (
        complaints
        if shown
        else [*complaints, f"{name_of(position, cell)} shows its records by gpc.show.results"]
    )


def measured(notebook, address):
    complaints = []
    if not any(re.match(r"#+ What we measured", text(cell)) for _, cell in prose(notebook, "measured")):
        complaints.append("a Markdown cell tagged measured has the heading 'What we measured'")
    cells = code(notebook, "measured")
    for position, cell in [*cells, *(c for c in code(notebook, "claim") if "measured" not in tags(c[1]))]:
        if not any(isinstance(node, ast.Assert) for node in ast.walk(ast.parse(python(text(cell))))):
            complaints.append(f"{name_of(position, cell)} states what nothing asserts")
    made = set().union(*(calls(text(cell)) for _, cell in cells)) if cells else set()
    if not made & {"say", "gpc.show.say"}:
        complaints.append("no measured number is printed by say()")
    return (
        complaints
        if "guess.reveal" in made
        else [*complaints, "the guess is not revealed in a measured cell"]
    )


def claims(notebook, address):
    """What registers a claim is tagged, so that it is asserted."""
    return [
        f"{name_of(i, c)} registers a claim and is tagged neither measured nor claim"
        for i, c in code(notebook)
        if {"claim", "gpc.show.claim", "show.claim"} & calls(text(c))
        and not {"measured", "claim"} & set(tags(c))
    ]


def limits(notebook, address):
    headed = [
        re.match(r"#+ Where it stops being true\s+\S", text(cell)) for _, cell in prose(notebook, "limits")
    ]
    return (
        []
        if any(headed)
        else ["a Markdown cell tagged limits has the heading 'Where it stops being true' and a text"]
    )


def exercises_of(notebook):
    """Each exercise as a dictionary: its cells by tag."""
    found = []
    for cell in notebook["cells"]:
        here = [tag for tag in EXERCISE if tag in tags(cell)]
        if "exercise" in here:
            found.append({})
        for tag in here if found else []:
            found[-1].setdefault(tag, cell)
    return found


def solution_code(cell):
    """The Python of a folded solution; None where there is not exactly one block of it."""
    blocks = re.findall(r"^```python\n(.*?)^```$", text(cell), flags=re.M | re.S)
    return blocks[0] if len(blocks) == 1 else None


def exercises(notebook, address):
    found = exercises_of(notebook)
    complaints = [] if 2 <= len(found) <= 4 else [f"{len(found)} exercises; there are two to four"]
    for number, cells in enumerate(found, start=1):
        missing = [tag for tag in EXERCISE if tag not in cells]
        if missing or list(cells) != EXERCISE:
            complaints.append(
                f"exercise {number} is task, stub, check, solution; missing: {missing or 'none'}"
            )
            continue
        folded = text(cells["solution"]).strip()
        if not re.fullmatch(r"<details><summary>Solution</summary>\n\n.*\n\n</details>", folded, flags=re.S):
            complaints.append(f"exercise {number}: the solution is folded, blank lines inside <details>")
        solution, last = (
            solution_code(cells["solution"]),
            ast.parse(python(text(cells["exercise-check"]))).body[-1],
        )
        if not ast.unparse(last).startswith("passed = check("):
            complaints.append(f"exercise {number}: the check's last line is `passed = check(…)`")
        wanted = {n.id for n in ast.walk(last) if isinstance(n, ast.Name)} & defined(
            text(cells["exercise-stub"])
        )
        if not wanted:
            complaints.append(f"exercise {number}: the check looks at no name of the stub")
        if solution is None or not wanted <= defined(solution):
            complaints.append(
                f"exercise {number}: one block of Python in the solution defines {', '.join(sorted(wanted))}"
            )
    return complaints


def clean(notebook, address):
    complaints = []
    for position, cell in code(notebook):
        if cell.get("outputs") or cell.get("execution_count") is not None:
            complaints.append(f"{name_of(position, cell)} holds outputs or an execution count")
    kernel = notebook["metadata"].get("kernelspec", {}).get("name")
    complaints += [] if kernel == "python3" else [f"the kernel is {kernel!r}, not python3"]
    ids = Counter(cell.get("id") for cell in notebook["cells"])
    complaints += [
        f"{count} cells have the id {name!r}" for name, count in ids.items() if count > 1 or not name
    ]
    version = (notebook.get("nbformat"), notebook.get("nbformat_minor"))
    return (
        complaints
        if version == (4, 5)
        else [*complaints, f"notebook format {version}, not (4, 5): cell ids need it"]
    )


def running_text(source):
    """Prose alone: no code, maths, links, headings, list numbers or HTML tags."""
    for pattern in (
        r"^(```|~~~).*?^\1\s*$",
        r"\$\$.*?\$\$",
        r"`[^`]*`",
        r"\$[^$\n]+\$",
        r"!?\[[^\]]*\]\([^)]*\)",
        r"<https?://[^>]*>",
        r"https?://\S+",
        r"<[^>]+>",
        r"^#+ .*$",
        r"^\s*\d+[.)] ",
    ):
        source = re.sub(
            pattern, " ", source, flags=re.M | re.S if "```" in pattern or r"\$\$" in pattern else re.M
        )
    return source


def digits(notebook, address):
    complaints = []
    for position, cell in prose(notebook):
        if "references" in tags(cell):
            continue
        left = re.sub("|".join(NAMES), " ", running_text(text(cell)))
        for found in re.finditer(r"\S*\d\S*", left):
            complaints.append(
                f"{name_of(position, cell)}: '{found.group()}' is a number that no cell computed; use say()"
            )
    return complaints


def plain_markdown(notebook, address):
    complaints = []
    for position, cell in prose(notebook):
        outside = re.sub(r"^```python\n.*?^```$", "", text(cell), flags=re.M | re.S)
        complaints += [
            f"{name_of(position, cell)}: {what}, which Colab shows raw"
            for pattern, what in MYST
            if pattern.search(outside)
        ]
    return complaints


def quiet_training(notebook, address):
    """Keras's progress bars are hundreds of lines on a page: fit, evaluate and predict say verbose=0 or 2."""
    complaints = []
    for position, cell in code(notebook):
        for node in ast.walk(ast.parse(python(text(cell)))):
            if not (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and node.func.attr in ("fit", "evaluate")
            ):
                continue
            if ast.unparse(node.func) in ("gpc.train.fit", "train.fit"):
                continue
            said = {kw.arg: getattr(kw.value, "value", None) for kw in node.keywords}
            if said.get("verbose") not in (0, 2):
                complaints.append(
                    f"{name_of(position, cell)}: {ast.unparse(node.func)} says verbose=0 or verbose=2"
                )
    return complaints


def portable(notebook, address):
    own = re.compile(r"(?<![\w.])/(?:home|root|tmp|work|Users|content)/")
    return [
        f"{name_of(i, c)} names a path of one machine"
        for i, c in enumerate(notebook["cells"])
        if own.search(text(c))
    ]


RULES = [
    order,
    title,
    setup,
    short_cells,
    narrow_code,
    prediction,
    pictures,
    gpu,
    measured,
    claims,
    limits,
    exercises,
    clean,
    digits,
    plain_markdown,
    quiet_training,
    portable,
]


# The quick start is no chapter of the course: it shows the tool on one screen, asks for no guess, sets no
# exercise, and its training on a GPU is stopped by the clock and leaves no record.
WAYS_ON = 3


def is_start(stem):
    """Whether a notebook's name is that of a quick start, not of a numbered chapter."""
    return stem.startswith("00_")


def start_order(notebook, address):
    """Title, set-up, a picture, numbers that are measured, and at the end the ways into the course."""
    complaints = []
    if [tags(cell)[:1] for cell in notebook["cells"][:2]] != [["title"], ["setup"]]:
        complaints.append("the first two cells are the title and the set-up")
    there = {tag for cell in notebook["cells"] for tag in tags(cell)}
    complaints += [f"no cell is tagged {tag}" for tag in ("picture", "gpu", "measured") if tag not in there]
    last = notebook["cells"][-1]
    ways = set(re.findall(r"\]\((\d\d_\w+\.ipynb)\)", text(last))) if last["cell_type"] == "markdown" else ()
    if len(ways) != WAYS_ON:
        complaints.append(f"the last cell leads to {len(ways)} chapters beside this one; to {WAYS_ON}")
    return complaints


def start_gpu(notebook, address):
    """The cell for a GPU asks the profile, says how long it takes, and keeps to that."""
    complaints = (
        [] if notebook["metadata"].get("accelerator") == "GPU" else ["the notebook's metadata ask for a GPU"]
    )
    for position, cell in code(notebook, "gpu"):
        stated = cell["metadata"].get("gpu", {})
        kept = [
            getattr(kw.value, "value", None)
            for node in ast.walk(ast.parse(python(text(cell))))
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "gpc.train.fit"
            for kw in node.keywords
            if kw.arg == "minutes"
        ]
        if kept != [stated.get("minutes")] or kept == [None]:
            complaints.append(f"{name_of(position, cell)} calls gpc.train.fit(…, minutes=) as metadata gpu say")
        if "experiment" in stated:
            complaints.append(f"{name_of(position, cell)} states an experiment; a run cut short has no record")
    if not any("gpc.profile" in calls(text(cell)) for _, cell in code(notebook)):
        complaints.append("no cell asks gpc.profile()")
    return complaints


def said_and_held(notebook, address):
    """A cell that says a number asserts it."""
    return [
        f"{name_of(i, c)} states what nothing asserts"
        for i, c in code(notebook)
        if {"say", "gpc.show.say"} & calls(text(c))
        and not any(isinstance(node, ast.Assert) for node in ast.walk(ast.parse(python(text(c)))))
    ]


START_RULES = [
    start_order,
    start_gpu,
    said_and_held,
    title,
    setup,
    short_cells,
    narrow_code,
    pictures,
    clean,
    digits,
    plain_markdown,
    quiet_training,
    portable,
]


def rules_of(stem):
    """What a notebook of this name must keep."""
    return START_RULES if is_start(stem) else RULES
