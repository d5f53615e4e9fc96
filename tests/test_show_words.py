"""Sentences, tables, numbers, claims and colours: what a reader reads, and what is refused."""

import itertools
import json
import subprocess
import sys
from html.parser import HTMLParser

import numpy as np
import pytest

from gpc.show import claim, claims, number, palette, say, table
from gpc.show.numbers import column
from gpc.show.page import inline, key

VOID = {"input", "br", "img", "hr", "meta", "link"}


class Tree(HTMLParser):
    """Parses a fragment, insists that elements close in their order, keeps them with their text."""

    def __init__(self, fragment):
        super().__init__()
        self.open, self.elements = [], []
        self.feed(fragment)
        self.close()
        assert not self.open, f"never closed: {self.open}"

    def handle_starttag(self, tag, attrs):
        entry = {"tag": tag, "attributes": dict(attrs), "text": "", "inside": [e["tag"] for e in self.open]}
        self.elements.append(entry)
        if tag not in VOID:
            self.open.append(entry)

    def handle_startendtag(self, tag, attrs):
        self.elements.append({"tag": tag, "attributes": dict(attrs), "text": "", "inside": []})

    def handle_endtag(self, tag):
        assert self.open and self.open[-1]["tag"] == tag, f"</{tag}> closes {self.open[-1:]}"
        self.open.pop()

    def handle_data(self, data):
        for entry in self.open:
            entry["text"] += data

    def all(self, tag, **attributes):
        return [e for e in self.elements if e["tag"] == tag and attributes.items() <= e["attributes"].items()]


def test_a_start_without_matplotlib_and_without_any_backend():
    heavy = ("matplotlib", "keras", "IPython")
    code = f"import sys, gpc.show; gpc.show.check(1, 1); print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["✓ right", "[]"]


@pytest.mark.parametrize(
    "value, expected",
    [
        (1234567, "1,234,567"),
        (-12, "−12"),
        (0.5, "0.500"),
        (12.345, "12.3"),
        (1e-9, "1.00×10⁻⁹"),
        (2e16, "2.00×10¹⁶"),
        (np.int64(4096), "4,096"),
        (np.float32(0.25), "0.250"),
        (np.array(7), "7"),
        (True, "yes"),
        (None, "–"),
        (float("inf"), "∞"),
        (float("nan"), "not a number"),
        ("3×3", "3×3"),
        (0.0, "0"),
        (999.96, "1,000"),
    ],
)
def test_numbers_are_written_alike(value, expected):
    assert number(value) == expected


def test_a_column_has_equal_decimals_and_keeps_what_is_no_number():
    assert column([1.5, 20.25, float("nan"), None, "n/a"]) == ["1.50", "20.25", "not a number", "–", "n/a"]
    assert column([0.5, 1e-7]) == ["0.500", "1.00×10⁻⁷"]
    assert column([0.5, 0.25], ".0%") == ["50%", "25%"]


def test_say_prints_formats_and_strips_marks(capsys):
    say("**{share:.1%}** of {total}, `{name}`", share=0.894, total=np.int64(138357544), name="VGG16")
    assert capsys.readouterr().out == "89.4% of 138,357,544, `VGG16`\n"


@pytest.mark.parametrize(
    "template, given, named",
    [
        ("{share} of {total}", {"share": 1}, "total"),
        ("nothing", {"share": 1}, "share"),
        ("{}", {}, "name"),
        ("{0}", {}, "name"),
        ("{a:.{digits}f}", {"a": 1.0}, "digits"),
    ],
)
def test_say_names_what_is_missing_and_what_is_left_over(template, given, named):
    with pytest.raises(ValueError, match=named):
        say(template, **given)


def test_say_takes_fields_of_objects_nested_formats_and_braces(capsys):
    say("{{x}} {value:.{digits}f} {shape[0]}", value=1.25, digits=1, shape=(3, 4))
    assert capsys.readouterr().out == "{x} 1.2 3\n"


def test_inline_markup_escapes_first_and_leaves_code_alone():
    assert inline("<b> **a*b** `**x** <i>`") == "&lt;b&gt; <strong>a*b</strong> <code>**x** &lt;i&gt;</code>"
    assert inline("2*3*4 and *so*") == "2*3*4 and <em>so</em>"


def test_keys_repeat_and_differ():
    assert key("a", "b") == key("a", "b") != key("ab") and len(key("a")) == 10


ROWS = [
    {"layer": "fc1", "weights": 102760448, "share": 0.743},
    {"layer": "<conv>", "weights": 1728, "share": None},
]


def test_a_table_has_caption_headers_and_scopes():
    shown = table(
        ROWS,
        "VGG16 & its **head**",
        formats={"share": ".1%"},
        headings={"weights": "weights (float32)"},
        total={"layer": "all", "weights": 102762176, "share": 0.743},
    )
    tree = Tree(shown.html)
    assert [c["text"] for c in tree.all("caption")] == ["VGG16 & its head"]
    assert [h["text"] for h in tree.all("th", scope="col")] == ["layer", "weights (float32)", "share"]
    assert [h["text"] for h in tree.all("th", scope="row")] == ["fc1", "<conv>", "all"]
    assert [d["text"] for d in tree.all("td")] == [
        "102,760,448",
        "74.3%",
        "1,728",
        "–",
        "102,762,176",
        "74.3%",
    ]
    assert all(d["attributes"]["class"] == "n" for d in tree.all("td"))
    assert len(tree.all("tfoot")) == 1 and tree.all("div")[0]["attributes"]["tabindex"] == "0"


def test_a_table_as_text_lines_up():
    lines = str(table(ROWS, "two layers", formats={"share": ".1%"})).splitlines()
    assert lines[0] == "two layers" and len({len(line) for line in lines[1:]}) == 1
    assert lines[3].split() == ["fc1", "102,760,448", "74.3%"]


def test_a_table_of_tuples_needs_columns_and_equal_lengths():
    assert Tree(table([("a", 1)], "c", columns=["x", "y"]).html).all("td")[0]["text"] == "1"
    for bad in (
        dict(rows=[]),
        dict(rows=[("a",)]),
        dict(rows=[("a", 1)], columns=["x"]),
        dict(rows=ROWS, caption=" "),
        dict(rows=ROWS, formats={"shares": ".1%"}),
        dict(rows=ROWS, total={"sum": 1}),
    ):
        with pytest.raises(ValueError):
            table(**{"caption": "c", **bad})


def test_claims_are_shown_and_kept(capsys, tmp_path, monkeypatch):
    ledger = tmp_path / "new" / "claims.jsonl"
    monkeypatch.setenv("GPC_CLAIMS", str(ledger))
    claim(21, "confirmed", "{share:.1%} in the head", share=np.float32(0.5))
    claim(3, "wrong", "{ratio} times slower", ratio=17)
    claim(3, "conditional", "{ratio} times slower", ratio=17)
    assert capsys.readouterr().out.splitlines()[0] == "Claim 21, confirmed: 50.0% in the head"
    assert [json.loads(line)["number"] for line in ledger.read_text(encoding="utf-8").splitlines()] == [
        21,
        3,
        3,
    ]
    assert [(e["number"], e["verdict"]) for e in claims()] == [(3, "conditional"), (21, "confirmed")]
    assert claims(ledger)[1]["numbers"] == {"share": 0.5}


@pytest.mark.parametrize(
    "bad",
    [
        (1, "true", "text"),
        (0, "wrong", "text"),
        (True, "wrong", "text"),
        (1, "wrong", " "),
        ("1", "wrong", "text"),
        (1, "wrong", "{x}"),
    ],
)
def test_a_claim_that_is_none_is_refused_and_leaves_no_entry(bad, tmp_path, monkeypatch):
    monkeypatch.setenv("GPC_CLAIMS", str(tmp_path / "claims.jsonl"))
    with pytest.raises(ValueError):
        claim(*bad)
    assert not (tmp_path / "claims.jsonl").exists()
    with pytest.raises(FileNotFoundError, match="GPC_CLAIMS"):
        claims()


# Machado, Oliveira and Fernandes (2009), severity 1.0, on linear RGB.
SIGHT = {
    "normal": np.eye(3),
    "protanopia": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deuteranopia": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "tritanopia": [
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ],
}


def linear(colour):
    channels = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    return np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)


def contrast_on_white(colour):
    return 1.05 / (linear(colour) @ [0.2126, 0.7152, 0.0722] + 0.05)


def lab(rgb):
    xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]) @ np.clip(
        rgb, 0, 1
    )
    xyz = xyz / [0.9505, 1, 1.089]
    f = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def test_every_mark_and_every_text_has_its_contrast():
    for name in (*palette.names, "grey", "ink", "muted"):
        assert contrast_on_white(getattr(palette, name)) >= 3.0, name
        assert contrast_on_white(palette.text(name)) >= 4.5, name


@pytest.mark.parametrize("sight", SIGHT)
def test_any_two_colours_stay_apart_for_every_eye(sight):
    seen = {colour: lab(np.array(SIGHT[sight]) @ linear(colour)) for colour in palette.cycle}
    nearest = min(np.linalg.norm(a - b) for a, b in itertools.combinations(seen.values(), 2))
    assert len(seen) == 7 and nearest >= 20


def test_a_colour_by_value_by_kind_and_none():
    assert palette.text(palette.green) == palette.text("green") != palette.green
    with pytest.raises(ValueError, match="blue"):
        palette.text("red")
    with pytest.raises(ValueError, match="pointwise"):
        palette.kind("attention")


def test_a_notebook_gets_markdown_its_claim_and_figures_as_svg(tmp_path):
    nbformat, nbclient = pytest.importorskip("nbformat"), pytest.importorskip("nbclient")
    sources = [
        "from gpc.show import *\nsay('**{x}** weights', x=3)\nclaim(3, 'wrong', '{x}', x=2)",
        "import gpc\nwiring(gpc.wiring.plan(8, 8, 2))",
        "style()\nimport matplotlib.pyplot as plt\nplt.plot([1, 2]);",
        "def half(x):\n    return x / 0\npassed = check(half, lambda f: f(1) == 2)",
    ]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in sources])
    nbclient.NotebookClient(notebook, timeout=60, kernel_name="python3").execute()
    shown = [[output for output in cell.outputs if output.output_type != "stream"] for cell in notebook.cells]
    assert shown[0][0].data == {"text/plain": "3 weights", "text/markdown": "**3** weights"}
    assert shown[0][1].metadata["gpc_claim"]["verdict"] == "wrong"
    assert [sorted(shown[i][-1].data) for i in (1, 2)] == [["image/svg+xml", "text/plain"]] * 2
    assert (
        len(shown[1]) == 1
        and "dc:date" not in shown[1][0].data["image/svg+xml"] + shown[2][-1].data["image/svg+xml"]
    )
    assert shown[3][0].data["text/plain"].endswith("in half(), line 2: `return x / 0`")
