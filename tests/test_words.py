"""All prose, read by a machine: spelling, one word for one idea, numbers alike. Then the readers, shown faults."""

import re

import pytest
import yaml

from tools import chapters, prose, spelling
from tools.prose import Piece

ROOT = prose.ROOT
FILES = prose.files(ROOT)
IDS = [path.relative_to(ROOT).as_posix() for path, _ in FILES]
OWN = {*spelling.own_words(ROOT), *spelling.bibliography(ROOT)}
TERMS = yaml.safe_load((ROOT / spelling.TERMS).read_text(encoding="utf-8"))


@pytest.mark.parametrize(("path", "reader"), FILES, ids=IDS)
def test_words_terms_and_numbers(path, reader):
    found = [finding for piece in prose.pieces(path, reader, ROOT) for finding in spelling.check(piece, OWN, ROOT)]
    assert not found, "\n" + "\n".join(map(str, found))


@pytest.mark.parametrize("chapter", chapters.in_toc(ROOT), ids=lambda path: path.stem)
def test_numbers_that_cells_wrote_into_sentences(chapter):
    """What `say` printed when the chapter last ran: the format is the cell's, the number the run's."""
    executed = chapters.kept(chapter, root=ROOT)
    if executed is None:
        pytest.skip("not executed as it now stands")
    said = [
        Piece(f"chapters/{chapter.name}", f"output of {cell.id}", prose.plain(output["data"]["text/markdown"]))
        for cell in executed.cells
        if cell.cell_type == "code"
        for output in cell.outputs
        if "text/markdown" in output.get("data", {})
    ]
    assert said and [str(finding) for piece in said for finding in spelling.numbers(piece)] == []


def test_the_word_list_is_sorted_and_each_word_is_needed():
    listed = spelling.own_words(ROOT)
    assert listed == sorted(set(listed), key=lambda word: (word.lower(), word))
    assert spelling.unused(prose.everything(ROOT), ROOT) == []


def test_the_check_reads_all_that_is_prose():
    """At least one piece of each kind of text, and every chapter."""
    read = {path.relative_to(ROOT).as_posix() for path, _ in FILES}
    assert {f"chapters/{path.name}" for path in chapters.in_toc(ROOT)} <= read
    assert {"README.md", "CONTRIBUTING.md", "data/README.md", "book/faq.yml", "src/gpc/layers/grouped.py"} <= read
    assert {"assignments/2_layer/assignment.ipynb", "assignments/1_budget/RUBRIC.md"} <= read


# The checks, shown faults.


def findings(text):
    return [(found.found, found.right) for found in spelling.check(Piece("page.md", "line 1", text), OWN, ROOT)]


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ("convolutoin", "convolution"),
        ("color", "colour"),
        ("behavior", "behaviour"),
        ("labeled", "labelled"),
        ("recieve", "receive"),
        ("channles", "channels"),
    ],
)
def test_a_word_that_is_misspelt_is_told_with_the_right_one(wrong, right):
    found = findings(f"A grouped {wrong} here.")
    assert [word for word, _ in found] == [wrong] and right in found[0][1]


def test_every_finding_names_file_cell_and_right_word():
    piece = Piece("chapters/02_one_by_one.ipynb", "cell 7 (idea)", "A point-wise layer.")
    told = [str(finding) for finding in spelling.terminology(piece, ROOT)]
    assert told == ["chapters/02_one_by_one.ipynb, cell 7 (idea): “point-wise” → pointwise"]


SECOND_NAMES = {
    "data set": "The dataset is small.",
    "multiply-accumulates (MACs)": "It does mult-adds.",
    "channels per group": "The group size is four.",
    "depthwise separable": "A depthwise-separable layer.",
    "the -ise of the rest: normalise, quantise, …": "It is then normalized.",
    "ResNet-50": "ResNet50 has more.",
    "Keras": "In keras it is one line.",
    "LiteRT": "A TFLite file.",
}


@pytest.mark.parametrize(("prefer", "text"), SECOND_NAMES.items(), ids=SECOND_NAMES)
def test_a_second_name_is_told_with_the_first(prefer, text):
    assert prefer in [right for _, right in findings(text)]


@pytest.mark.parametrize("row", TERMS, ids=lambda row: row["prefer"])
def test_a_preferred_term_passes_its_own_table(row):
    text = f"Of the {row['prefer']} here."
    assert spelling.terminology(Piece("page.md", "", text), ROOT) == []
    assert re.compile(row["instead_of"]) and set(row) <= {"prefer", "instead_of", "because"}


WRONG_NUMBERS = ["16384 weights", "90 % of it", "a 3x3 kernel", "a 3 x 3 kernel", "8x faster", "8× faster"]
WRONG_NUMBERS += ["from 5-10 layers", "in 12ms", "of 735MB", "by .5 more"]
RIGHT_NUMBERS = ["16,384 weights", "90% of it", "a 3×3 kernel", "8 times faster", "from 5–10 layers", "in 12 ms"]
RIGHT_NUMBERS += ["of 735 MB", "by 0.5 more", "in 2017", "CIFAR-10", "int8", "B0", "(1024, 3)", "`65536`"]


@pytest.mark.parametrize("text", WRONG_NUMBERS)
def test_a_number_in_another_style_is_told(text):
    assert spelling.numbers(Piece("page.md", "", f"It is {text} here.")) != []


@pytest.mark.parametrize("text", RIGHT_NUMBERS)
def test_a_number_in_the_course_s_style_passes(text):
    assert spelling.numbers(Piece("page.md", "", prose.plain(f"It is {text} here."))) == []


def test_code_quotations_and_references_keep_their_own_words():
    own = "“Depthwise-separable by 50x”, `group_size`, $colr$, <b>, https://x.org/dataset and [this](keras.md)."
    assert findings(prose.plain(own)) == []
    listed = Piece("chapters/01.ipynb", "cell 9 (references)", "*Datasets* of 100000, 9-10")
    assert spelling.terminology(listed, ROOT) == spelling.numbers(listed) == []


def test_what_is_code_in_a_page_and_a_docstring_is_not_read(tmp_path):
    (tmp_path / "a.md").write_text("One.\n```python\nbadd = 1\n```\nTwo `badd` and {term}`three`.\n")
    assert [(part, text.split()) for part, text in prose.of_page(tmp_path / "a.md")] == [
        ("line 1", ["One."]),
        ("line 5", ["Two", "¦", "and", "¦", "¦", "."]),
    ]
    (tmp_path / "a.py").write_text(
        '"""Head."""\n\n\ndef shown():\n    """Sentence.\n\n    Args:\n        badd: words.\n\n'
        '    >>> badd()\n    1\n    """\n\n\ndef _hidden():\n    """Badd."""\n'
    )
    read = dict(prose.of_module(tmp_path / "a.py"))
    assert set(read) == {"its head", "shown"} and "badd" not in read["shown"] and "words." in read["shown"]
