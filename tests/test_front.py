"""The pages around the chapters: questions, map, timeline, bibliography, commands, the front page."""

import json
import re
from itertools import combinations
from pathlib import Path

import chapter_rules
import pytest
import yaml

from tools import bibliography, chapters, command_line, course_map, faq, front, pages, pictures, timeline

ROOT = Path(__file__).resolve().parents[1]
QUESTIONS = [question for part in faq.parts(ROOT) for question in part["questions"]]
ROWS = bibliography.references(ROOT)
CHEAP = ("LeNet5", "NetworkInNetwork", "SqueezeNet10")


@pytest.fixture
def course(tmp_path):
    """A small course: three chapters in the contents, a fourth in the tables alone."""
    for folder in ("book", "chapters"):
        (tmp_path / folder).mkdir()
    names = ["01_one", "02_two", "03_three"]
    files = "".join(f"{{file: chapters/{name}}}, " for name in names)
    toc = f'root: book/intro\nparts: [{{caption: "Part I. All", chapters: [{files}]}}]\n'
    (tmp_path / "_toc.yml").write_text(toc)
    for name in names:
        title = {"cell_type": "markdown", "id": "title", "metadata": {}, "source": [f"# All of {name[3:]}\n"]}
        code = {"cell_type": "code", "id": "proof", "metadata": {}, "source": ["1 + 1"]}
        text = json.dumps({"cells": [title, code]})
        (tmp_path / "chapters" / f"{name}.ipynb").write_text(text)
    write_map(tmp_path, {1: [], 2: [1], 3: [1, 2], 4: [2]})
    return tmp_path


def write_map(root, needs):
    rows = [{"chapter": n, "needs": several, "idea": f"idea {n}"} for n, several in needs.items()]
    (root / "book" / "map.yml").write_text(yaml.safe_dump(rows))


def code_cells(number):
    """The ids of a chapter's code cells; None where there is no such chapter yet."""
    path = next((ROOT / "chapters").glob(f"{number:02d}_*.ipynb"), None)
    if path is None:
        return None
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return {cell["id"] for cell in cells if cell["cell_type"] == "code"}


# Questions


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question["ask"])
def test_an_answer_is_three_sentences_with_a_proof(question):
    answer = question["answer"].strip()
    assert len(re.findall(r"[.?!](?=\s|$)", answer)) == 3 and answer[-1] in ".?!"
    assert question["ask"].endswith("?") and len(answer) < 500
    places = [(code_cells(chapter), cell) for chapter, cell in question["proof"]]
    there = [(cells, cell) for cells, cell in places if cell and cells is not None]
    assert places and [cell for cells, cell in there if cell not in cells] == []


def test_answers_hold_no_number_that_no_cell_computed():
    text = "\n\n".join(question["answer"] for question in QUESTIONS)
    cell = {"cell_type": "markdown", "id": "faq", "metadata": {}, "source": [text]}
    assert chapter_rules.digits({"cells": [cell]}, None) == []


def test_no_question_is_asked_twice_and_every_chapter_proves_something():
    asked = [question["ask"] for question in QUESTIONS]
    assert len(asked) == len(set(asked)) > 30
    proved = {chapter for question in QUESTIONS for chapter, _ in question["proof"]}
    assert set(chapters.numbered(ROOT)) - {0} <= proved


def test_questions_without_their_chapter_are_left_out(course):
    proofs = {"Here?": "2#proof", "Not?": 9}
    asked = [{"ask": question, "answer": "A.", "proof": proof} for question, proof in proofs.items()]
    asked.append({"ask": "Both?", "answer": "B.", "proof": ["9#gone", 1]})
    (course / "book" / "faq.yml").write_text(yaml.safe_dump([{"part": "All", "questions": asked}]))
    text = faq.page(course)
    assert "[2. All of two](../chapters/02_two.ipynb#cell-proof)" in text and "### Not?" not in text
    assert text.count("*Computed in:*") == 2 and "gone" not in text and "[1. All of one]" in text


# Map


def test_the_map_has_every_chapter_drawn_linked_and_listed():
    rows, text = course_map.table(ROOT), course_map.page(ROOT)
    names = chapters.numbered(ROOT)
    assert sorted(rows) == sorted(names)
    drawing, _, listed = text.partition("\n\n")
    linked = re.findall(r'<a id="map-\d+" href="\.\./chapters/(\w+)\.html"', drawing)
    assert linked == [names[number] for number in rows]
    assert [name for name in names.values() if f"../chapters/{name}.ipynb)" not in listed] == []
    assert "\n" not in drawing and "<script" not in drawing


def test_lines_say_all_that_the_table_says():
    """What the drawing leaves out is what a longer way says; nothing is added."""
    rows = course_map.table(ROOT)
    drawn = course_map.lines(rows)
    alone = {number: {"needs": [a for a, b in drawn if b == number]} for number in rows}
    assert all(course_map.behind(number, rows) == course_map.behind(number, alone) for number in rows)
    assert len(drawn) == len(set(drawn))


def test_boxes_of_the_map_lie_apart_and_below_what_they_need():
    rows = course_map.table(ROOT)
    levels, ways = course_map.routed(rows)
    at, width = course_map.arranged(levels, ways)
    depth = course_map.depths(rows)
    for level in levels:
        boxes = [place for place in level if isinstance(place, int)]
        assert all(abs(at[a] - at[b]) >= course_map.BOX for a, b in combinations(boxes, 2))
        assert all(course_map.BOX / 2 <= at[box] <= width - course_map.BOX / 2 for box in boxes)
    words = [part.count("<tspan") for part in re.findall(r"<a id=.*?</a>", course_map.drawing(ROOT))]
    assert max(words) * course_map.LEADING < course_map.HEIGHT
    assert all(depth[need] < depth[number] for number, row in rows.items() for need in row["needs"])


def test_what_is_wrong_with_the_map_is_told(course):
    assert course_map.lines(course_map.table(course)) == [(1, 2), (2, 3)]
    write_map(course, {1: [], 2: [3], 3: []})
    with pytest.raises(ValueError, match=r"chapter 2 needs \[3\], not before it"):
        course_map.table(course)
    write_map(course, {1: [], 2: [2], 3: []})
    with pytest.raises(ValueError, match=r"chapter 2 needs \[2\], not before it"):
        course_map.table(course)
    write_map(course, {1: [], 3: [1]})
    with pytest.raises(ValueError, match=r"no row for chapters \[2\]"):
        course_map.table(course)


# Timeline


def test_the_timeline_is_in_order_and_every_network_counted():
    rows, kept = timeline.networks(ROOT), timeline.counts(ROOT)
    assert [row["year"] for row in rows] == sorted(row["year"] for row in rows)
    assert list(kept["networks"]) == [row["model"] for row in rows]
    assert re.fullmatch(r"[0-9a-f]{40}", kept["commit"])
    assert list(kept["versions"]) == list(timeline.COUNTED_WITH)
    assert all(row["cites"] in bibliography.works(ROOT) for row in rows)


@pytest.mark.parametrize("model", CHEAP)
def test_counts_of_the_timeline_come_out_again(model):
    row = next(row for row in timeline.networks(ROOT) if row["model"] == model)
    assert timeline.counted(row) == timeline.counts(ROOT)["networks"][model]


def test_counts_of_the_front_page_are_those_of_the_papers():
    """Beside the published network's 668,826 parameters there are the seven of Keras's own preprocessing."""
    golden = json.loads((ROOT / "tests" / "golden" / "golden.json").read_text(encoding="utf-8"))["models"]
    wanted = {"model": "kEfficientNetB0", "ktype": "D6v3_16ch", "variant": "skip_stride_cnt=-1"}
    wanted |= {"classes": 10, "input_shape": [224, 224, 3]}
    theirs = next(row for row in golden if wanted.items() <= row.items())
    ours = timeline.counts(ROOT)["front"]["kEfficientNetB0"]
    assert ours["parameters"] == theirs["params"] + 7 and ours["macs"] == theirs["macs"]


def test_the_timeline_is_drawn_the_same_every_time():
    drawn = pictures.svg(timeline.picture(ROOT))
    assert drawn == pictures.svg(timeline.picture(ROOT)) and drawn.count("<svg") == 1
    text = timeline.page(ROOT)
    for row in timeline.networks(ROOT):
        assert f"| {row['year']} | {row['name']} {{cite}}`{row['cites']}` |" in text


# Bibliography


def test_every_work_is_cited_and_every_reference_is_in_the_bibliography():
    known = bibliography.works(ROOT)
    listed = {one: bibliography.keys(one, known) for several in ROWS.values() for one in several}
    assert [one for one, keys in listed.items() if not keys] == []
    cited = {key for keys in listed.values() for key in keys}
    cited |= {row["cites"] for row in timeline.networks(ROOT)}
    assert set(known) - cited - waiting(known) == set()


def waiting(known):
    """Works that a chapter cites which is not in the contents yet."""
    drafts = set(ROOT.glob("chapters/*.ipynb")) - set(chapters.in_toc(ROOT))
    text = bibliography.plain(" ".join(path.read_text(encoding="utf-8") for path in drafts))
    return {key for key, (title, _) in known.items() if title in text}


def test_a_reference_is_known_by_title_number_or_address():
    known = bibliography.works(ROOT)
    assert bibliography.keys("M. Lin: *Network in network*, 2013.", known) == ["lin2013nin"]
    by_number = bibliography.keys("[EfficientNet](https://arxiv.org/abs/1905.11946). ICML", known)
    assert by_number == ["tan2019efficientnet"]
    assert bibliography.keys("[](https://doi.org/10.1145/1465482.1465560)", known) == ["amdahl1967"]
    assert bibliography.keys("Somebody: *A network in a network*, 2031.", known) == []


def test_the_marks_of_cells_have_one_name():
    """The links are written in one module and the marks set in another, which runs inside Sphinx."""
    extension = (ROOT / "book" / "_ext" / "cells.py").read_text(encoding="utf-8")
    assert f'PREFIX = "{chapters.CELL}"' in extension


def test_the_glossary_is_in_alphabetical_order_and_says_each_word_once():
    text = (ROOT / "book" / "glossary.md").read_text(encoding="utf-8")
    body = text.split(":::{glossary}\n")[1].split("\n:::")[0]
    terms = [re.sub(r"[^a-z0-9 ]", "", line.lower()) for line in body.splitlines() if re.match(r"\S", line)]
    assert terms == sorted(set(terms)) and len(terms) > 40


# Commands and the front page


def test_every_command_of_gpc_has_its_help_on_the_page():
    helps, text = command_line.helps(), command_line.page()
    listed = re.findall(r"^    (\w+) ", helps["gpc"], flags=re.MULTILINE)
    assert sorted(helps) == sorted(["gpc", *(f"gpc {name}" for name in listed)]) and len(listed) > 5
    assert all(f"## `{line}`" in text and f"usage: {line}" in text for line in helps)
    assert max(map(len, text.splitlines())) <= 110


def test_the_front_page_leads_to_what_there_is(course):
    assert front.page(course) == "\n"
    toc, more = course / "_toc.yml", "[{file: chapters/00_quick_start}, {file: book/faq}, {file: "
    toc.write_text(toc.read_text().replace("[{file: ", more))
    lines = front.page(course).splitlines()
    assert lines[0].startswith("- [Quick start](../chapters/00_quick_start.ipynb): ")
    assert lines[1].startswith("- [Frequent questions](../book/faq.md): ") and len(lines) == 2


def test_the_front_figure_is_drawn_from_counts_and_from_the_measured_claim():
    import nbformat

    numbers = {"g": 32, "ours": 0.25, "stock": 8.0}
    marks = {"number": 3, "verdict": "conditional", "text": "x", "numbers": numbers}
    output = nbformat.v4.new_output("display_data", {"text/plain": "x"}, metadata={pages.CLAIM: marks})
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("x", outputs=[output])])
    rows = front.bars([notebook], ROOT)
    assert [share for _, share in rows[2:]] == [1 / 32, 0.25, 8.0] and 0.1 < rows[0][1] < rows[1][1] < 0.5
    assert len(front.bars([], ROOT)) == 2
    assert "by Keras: 8.0 times" in front.figure_of([notebook], ROOT)
    assert pictures.svg(front.picture([notebook], ROOT)).count("<svg") == 1


def test_a_link_to_a_chapter_has_its_number_but_for_the_quick_start(course):
    (course / "chapters" / "00_start.ipynb").write_text((course / "chapters" / "01_one.ipynb").read_text())
    toc = course / "_toc.yml"
    toc.write_text(toc.read_text().replace("[{file: ", "[{file: chapters/00_start}, {file: ", 1))
    assert chapters.link(0, course) == "[All of one](../chapters/00_start.ipynb)"
    assert chapters.link(2, course, cell="proof") == "[2. All of two](../chapters/02_two.ipynb#cell-proof)"
    assert chapters.link(9, course) is None and chapters.link(3, course, text="3").startswith("[3](")
