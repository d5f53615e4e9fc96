"""Figures draw the numbers they are given; what goes into a page is small, stable and its own."""

import re
import subprocess
import sys

import numpy as np
import pytest
from matplotlib.collections import PolyCollection
from matplotlib.patches import PathPatch, Rectangle
from test_show_words import Tree

import gpc.wiring
from gpc import show
from gpc.show.bundles import way
from gpc.show.svg import tidy

WORDS = {"title": "Two dots", "description": "A dot moves.", "control": "place"}
DOT = '<svg viewBox="0 0 9 9"><clipPath id="c"/><circle cx="{}" cy="5" r="3" clip-path="url(#c)"/></svg>'


def dots(count=3):
    frames, labels = [DOT.format(x) for x in range(count)], [f"place {x}" for x in range(count)]
    return {
        "frames": frames,
        "labels": labels,
        "captions": [f"**{x}** & more" for x in range(count)],
        **WORDS,
    }


def test_a_moving_figure_reads_without_scripts_and_starts_where_it_is_told():
    tree = Tree(show.moving(**dots(), start=1).html)
    assert ["hidden" in d["attributes"] for d in tree.all("div") if "data-frame" in d["attributes"]] == [
        1,
        0,
        1,
    ]
    assert [s["text"] for s in tree.all("strong") if "data-label" in s["attributes"]] == [
        f"place {x}" for x in range(3)
    ]
    assert tree.all("p", **{"aria-live": "polite"})[0]["text"] == "1 & more"
    assert tree.all("div", role="img")[0]["attributes"]["aria-label"] == "Two dots. A dot moves."
    slider = tree.all("input", type="range")[0]["attributes"]
    assert (
        slider | {"min": "0", "max": "2", "value": "1", "aria-label": "place", "aria-valuetext": "place 1"}
        == slider
    )
    hand = [d for d in tree.all("div") if "data-hand" in d["attributes"]][0]
    assert "hidden" in hand["attributes"] and not tree.all("button")
    assert [b["text"] for b in Tree(show.moving(**dots(), play=True).html).all("button")] == ["Play"]


def test_ids_of_all_pictures_on_a_page_differ_and_are_found():
    page = show.moving(**dots()).html + show.moving(**{**dots(), "title": "Other dots"}).html
    ids, used = re.findall(r' id="([^"]*)"', page), re.findall(r"url\(#([^)]*)\)", page)
    assert len(ids) == 6 == len(set(ids)) and used == ids


def test_the_same_arguments_give_the_same_bytes_and_others_another_key():
    first = show.moving(**dots()).html
    assert first == show.moving(**dots()).html
    keys = {
        re.search(r'data-gpc-moving="(\w+)"', show.moving(**{**dots(), **new}).html)[1]
        for new in ({}, {"title": "x"}, {"frames": dots()["frames"][::-1]}, {"start": 2})
    }
    assert len(keys) == 4


@pytest.mark.parametrize("bad, named", [
    ({"frames": dots()["frames"][:2]}, "2 frames"), ({"captions": ["a", " ", "c"]}, r"captions\[1\]"),
    ({"title": ""}, "title"),
    ({"start": 3}, "0 to 2"), ({"start": -1}, "0 to 2"), ({"frames": ["<p>", *dots()["frames"][1:]]}, "<svg"),
    ({"frames": [3, *dots()["frames"][1:]]}, "int"),
])  # fmt: skip
def test_a_moving_figure_that_is_none_is_refused(bad, named):
    with pytest.raises(ValueError, match=named):
        show.moving(**{**dots(), **bad})


@pytest.mark.parametrize("inside", [
    '<image href="https://example.org/x.png"/>', "<script>1</script>", '<use xlink:href="other.svg#a"/>',
    '<rect fill="url(http://example.org/a)"/>', '<rect onload="x()"/>',
])  # fmt: skip
def test_a_picture_that_asks_or_runs_anything_is_refused(inside):
    with pytest.raises(ValueError, match="must not"):
        tidy(f'<svg viewBox="0 0 1 1">{inside}</svg>')


def test_a_picture_is_made_small_and_keeps_its_shape():
    source = (
        '<?xml version="1.0"?><!-- made by --><svg width="10pt" height="5.5pt" id="top">'
        "<metadata>today</metadata>"
        "<defs><style>*{stroke-linejoin: round}</style></defs><path id='n' d='M 1 2'/>"
        '<path id="a" d="M 1.23456 2.0001 L 3 4"/>'
        '<use xlink:href="#a" transform="scale(0.015625 -0.015625)"/></svg>'
    )
    small = tidy(source, prefix="p")
    assert (
        'viewBox="0 0 10 5.5"' in small
        and "today" not in small
        and "<style" not in small
        and "made by" not in small
    )
    assert 'id="p0" d="M1.23 2L3 4"' in small and 'href="#p0"' in small and 'id="top"' not in small
    assert "scale(0.015625 -0.015625)" in small
    with pytest.raises(ValueError, match="viewBox"):
        tidy("<svg></svg>")


def test_matplotlib_figures_are_text_dateless_and_equal_in_another_process():
    code = (
        "import hashlib, gpc.wiring, gpc.show as s; f = s.wiring(gpc.wiring.plan(12, 10, 4)).svg('x');"
        "print(hashlib.sha256(f.encode()).hexdigest())"
    )
    command = [sys.executable, "-c", code]
    runs = [subprocess.run(command, capture_output=True, text=True, check=True).stdout for _ in range(2)]
    assert runs[0] == runs[1]
    picture = show.wiring(gpc.wiring.plan(12, 10, 4)).svg("x")
    assert ">interleave, step 2</text>" in picture and "<metadata" not in picture
    assert "DejaVu Sans" in picture.split(">")[0] and picture.count("DejaVu Sans") == picture.count("Verdana")


def paths_of_matrix(plan, output):
    return np.flatnonzero(plan.connectivity()[:, output]).tolist()


@pytest.mark.parametrize("scheme", ["interleaved", "divisible"])
@pytest.mark.parametrize(
    "sizes", [(8, 8, 2), (12, 10, 4), (96, 24, 16), (24, 48, 4), (40, 10, 2), (20, 20, 16), (1020, 250, 16)]
)
def test_the_way_back_is_what_the_plan_connects(sizes, scheme):
    plan = gpc.wiring.plan(*sizes, scheme=scheme)
    for output in {0, plan.filters // 2, plan.filters - 1}:
        assert way(plan, output).inputs.tolist() == paths_of_matrix(plan, output)


@pytest.mark.parametrize(
    "sizes", [(8, 8, 2), (14, 10, 4), (20, 20, 16), (24, 48, 4), (480, 80, 16), (1152, 320, 16), (3, 2, 1)]
)
@pytest.mark.parametrize("scheme", ["interleaved", "divisible"])
def test_every_kind_of_plan_can_be_drawn_and_says_its_numbers(sizes, scheme):
    plan = gpc.wiring.plan(*sizes, scheme=scheme)
    drawn = show.wiring(plan, follow=0)
    words = " ".join(text.get_text() for axes in drawn.axes for text in axes.texts)
    seen = len(paths_of_matrix(plan, 0))
    assert f"{show.number(seen)} of {show.number(plan.in_channels)} inputs" in words
    assert (
        f"{plan.dense_parameters:,}" in drawn.get_suptitle()
        and f"{plan.kernel_parameters:,}" in drawn.get_suptitle()
    )
    shown = drawn.axes[1].images[0].get_array()
    assert shown.shape[:2] == plan.connectivity().shape
    assert np.array_equal(shown[..., 0] < 255, plan.connectivity() == 1)


def test_a_block_for_every_group_and_a_line_for_every_weight():
    plan = gpc.wiring.plan(16, 16, 4)
    patches = [p for p in show.wiring(plan, reach=False).axes[0].patches if isinstance(p, PathPatch)]
    blocks = [p for p in patches if p.get_alpha() == 0.16]
    lines = sum(len(p.get_path().codes) // 2 for p in patches if p.get_alpha() == 0.55)
    assert (len(blocks), lines) == (plan.k.groups + plan.l.groups, plan.kernel_parameters)


def test_a_filter_that_is_not_there_cannot_be_followed():
    with pytest.raises(ValueError, match="0 … 7"):
        show.wiring(gpc.wiring.plan(8, 8, 2), follow=8)


def test_the_explorer_says_what_the_plans_say_and_stays_small():
    figure = show.wiring_explorer(480, 80, (8, 16, 64), start=16)
    tree = Tree(figure.html)
    captions = [s["text"] for s in tree.all("span") if "data-caption" in s["attributes"]]
    for caption, width in zip(captions, (8, 16, 64), strict=True):
        plan = gpc.wiring.plan(480, 80, width)
        assert (
            f"K has {plan.k.groups} groups, L has {plan.l.groups}. {plan.kernel_parameters:,} weights"
            in caption
        )
        assert f"{plan.coverage:.1%} of all pairs" in caption
    boxes = {s["attributes"]["viewbox"] for s in tree.all("svg")}
    assert len(boxes) == 1 and len(figure.html) < 150_000
    with pytest.raises(ValueError, match="start=3"):
        show.wiring_explorer(8, 8, (2, 4), start=3)


def widths(axes):
    return [round(bar.get_width(), 6) for bar in axes.patches if isinstance(bar, Rectangle)]


VGG = {
    "parameters": {"convolution": 14_714_688, "dense": 123_642_856},
    "MACs": [("convolution", 99.2), ("dense", 0.8)],
}


def test_bars_are_as_long_as_their_shares_and_words_that_do_not_fit_stand_outside():
    drawn = show.stacked_bars(VGG, title="VGG16")
    assert widths(drawn.axes[0]) == [0.106353, 0.893647, 0.992, 0.008]
    words = {text.get_text(): text.get_color() for text in drawn.axes[0].texts}
    assert words["dense 89.4%"] == show.palette.paper and words["dense 0.8%"] == show.palette.text(
        "vermillion"
    )
    right = drawn.axes[0].get_window_extent().x1
    assert all(t.get_window_extent().x1 <= right + 1 for t in drawn.axes[0].texts)
    amounts = show.stacked_bars({"a": {"x": 3}, "b": {"x": 1, "y": 1}}, title="t", unit="ms", share=False)
    assert widths(amounts.axes[0]) == [3, 1, 1]


def test_areas_are_true():
    drawn = show.areas({"a": 400, "b": {"1×1": 75, "3×3": 25}}, title="t", unit="weights")
    boxes = [(r.get_width() * r.get_height()) for r in drawn.axes[0].patches]
    assert np.allclose(boxes, [400, 75, 25])
    (x0, y0), (x1, y1) = drawn.axes[0].transData.transform([(0, 0), (20, 20)])
    assert abs((x1 - x0) - (y1 - y0)) < 0.5
    edge = drawn.axes[0].transData.transform((0, 20))[1]
    assert edge < drawn.bbox.y1 - 25


@pytest.mark.parametrize("make, shapes", [
    (show.stacked_bars, {}), (show.stacked_bars, {"a": {}}), (show.stacked_bars, {"a": {"x": 0}}),
    (show.stacked_bars, {"a": {"x": -1, "y": 3}}), (show.areas, {}), (show.areas, {"a": 0}),
    (show.areas, {"a": {"x": -1}}),
])  # fmt: skip
def test_amounts_that_are_none_are_refused(make, shapes):
    with pytest.raises(ValueError):
        make(shapes, title="t", unit="weights")


def test_few_runs_are_hollow_many_are_full_with_their_spread():
    series = {
        "two": ([1, 2], [[1, 2], [3, 4]]),
        "three": ([1, 2], [[1, 5], [2, 6], [4, 9]]),
        "exact": ([1, 2], [0, 1]),
    }
    axes = show.lines(series, title="t", x="epoch", y="loss").axes[0]
    assert [line.get_markerfacecolor() for line in axes.lines] == [
        show.palette.paper,
        *show.palette.cycle[1:3],
    ]
    assert axes.lines[1].get_ydata().tolist() == [2, 6]
    bands = [c for c in axes.collections if isinstance(c, PolyCollection)]
    assert bands[1].get_paths()[0].get_extents().extents.tolist() == [1, 1, 2, 9]
    assert {text.get_text() for text in axes.texts} == set(series)
    heights = sorted(t.get_window_extent().y0 for t in axes.texts)
    assert min(np.diff(heights)) > 10
    with pytest.raises(ValueError, match="two"):
        show.lines({"two": ([1, 2, 3], [1, 2])}, title="t", x="epoch", y="loss")


def test_names_of_lines_that_end_together_are_pushed_apart_in_their_order():
    series = {
        name: ([1, 2], [0, end]) for name, end in (("b", 1.0), ("a", 0.999), ("c", 1.001), ("far", 0.2))
    }
    axes = show.lines(series, title="t", x="epoch", y="accuracy").axes[0]
    boxes = sorted((text.get_window_extent() for text in axes.texts), key=lambda box: box.y0)
    assert all(lower.y1 <= upper.y0 + 1 for lower, upper in zip(boxes, boxes[1:], strict=False))
    middle = {text.get_text(): text.get_window_extent().y0 for text in axes.texts}
    assert sorted(middle, key=middle.get) == ["far", "a", "b", "c"]
    assert abs(axes.transData.transform((2, 1))[1] - middle["b"]) < 12


def test_points_have_their_names_apart_and_their_spread():
    near = {f"model {i}": (1e6 * (1 + i / 50), [0.9, 0.91, 0.92 + i / 1000]) for i in range(4)}
    axes = show.scatter(
        {**near, "few": (2e6, [0.8, 0.9])}, title="t", x="parameters", y="accuracy", log="x"
    ).axes[0]
    boxes = [text.get_window_extent() for text in axes.texts]
    assert len(boxes) == 5 and not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[:i])
    assert [line.get_markerfacecolor() == show.palette.paper for line in axes.lines] == [False] * 4 + [True]
    assert axes.get_xlabel() == "parameters, log scale" and axes.get_xscale() == "log"
    with pytest.raises(ValueError, match="y axis"):
        show.scatter(near, title="t", x="parameters", y=" ")


def test_matrices_are_painted_as_they_are():
    values = np.array([[0, 1, 2], [1, 0, 9]])
    drawn = show.matrix({"a": values, "b": np.eye(3)}, title="t")
    painted = drawn.axes[0].images[0].get_array()
    assert painted[0, 0].tolist() == [255, 255, 255] and painted[0, 1].tolist() != painted[0, 2].tolist()
    assert painted[0, 2].tolist() == painted[1, 2].tolist()
    assert [axes.get_xlabel().splitlines()[1] for axes in drawn.axes] == [
        "66.7% connected",
        "33.3% connected",
    ]
    for bad in (np.zeros(3), np.zeros((0, 3))):
        with pytest.raises(ValueError, match="dimensions"):
            show.matrix(bad, title="t")


def test_the_style_comes_and_goes_and_no_page_is_wider_than_a_page():
    import matplotlib

    before = matplotlib.rcParams["axes.spines.top"], matplotlib.rcParams["font.size"]
    with show.style():
        assert not matplotlib.rcParams["axes.spines.top"]
    assert (matplotlib.rcParams["axes.spines.top"], matplotlib.rcParams["font.size"]) == before
    show.matrix(np.eye(2), title="t")
    assert matplotlib.rcParams["font.size"] == before[1]
    for width in (0, 8.5):
        with pytest.raises(ValueError, match="width"):
            show.figure(width)
    with pytest.raises(ValueError, match="title"):
        show.matrix(np.eye(2), title=" ")


def test_a_title_wider_than_its_drawing_is_broken_into_lines_that_fit():
    short, long = "A short one", "A conclusion that needs more words than the drawing is wide, " * 2
    for title in (short, long.strip(", ")):
        drawn, _ = show.figure(7.5, 3)
        show.headline(drawn, title, "Nothing.")
        (shown,) = drawn.texts
        assert shown.get_window_extent().width <= drawn.bbox.width
        assert shown.get_text().replace("\n", " ") == title and ("\n" in shown.get_text()) == (title != short)
        assert drawn.description == f"{title}. Nothing."


def test_axes_in_one_row_are_pictures_of_their_own():
    from gpc.show import canvas

    drawn, (left, right) = show.figure(8, 3, columns=2, width_ratios=[1, 2])
    left.plot([1, 2], [1, 2], label="left")
    left.set_title("on the left")
    right.set_title("on the right")
    one, other = canvas.side_by_side(drawn)
    assert "on the left" in one and "on the right" not in one
    assert "on the right" in other and "on the left" not in other
    (start, _, width, height), (next_start, _, next_width, _) = (
        [float(n) for n in re.search(r'viewBox="([^"]*)"', part)[1].split()] for part in (one, other)
    )
    assert start == 0 and width == pytest.approx(next_start) and next_width > width and height == 3 * 72
    assert width + next_width == pytest.approx(8 * 72)
    # Nothing is left of the cut: the drawing is what it was.
    assert left.get_visible() and right.get_visible() and len(canvas.side_by_side(drawn)) == 2


def test_what_is_no_row_stays_one_picture():
    from gpc.show import canvas

    alone, _ = show.figure()
    grid, _ = show.figure(rows=2, columns=2)
    titled, _ = show.figure(columns=2)
    show.headline(titled, "Both together", "")
    reaching, (left, _) = show.figure(columns=2)
    left.annotate("over to the other", (0.9, 0.5), (1.6, 0.5), xycoords="axes fraction", annotation_clip=False)
    assert [len(canvas.side_by_side(one)) for one in (alone, grid, titled, reaching)] == [1, 1, 1, 1]


def test_a_frame_of_several_pictures_is_a_row_that_wraps():
    def frame(i):
        drawn, axes = show.figure(8, 3, columns=3, width_ratios=[2, 1, 1])
        for axis in axes:
            axis.plot([0, 1], [0, i])
        return drawn

    words = {"title": "Three", "description": "Lines.", "control": "slope", "labels": "ab", "captions": "xy"}
    made = show.moving([frame(0), frame(1)], **words).html
    assert made.count("<svg") == 6 and made.count('class="parts"') == 2
    widths = [int(w) for w in re.findall(r"1 (\d+)px;max-width", made)]
    assert sum(widths[:3]) <= 690 and widths[0] > 1.5 * widths[1]  # side by side at a desk, in their shares
    assert len(set(re.findall(r' id="([^"]+)"', made))) == len(re.findall(r' id="([^"]+)"', made))


def test_marks_of_a_log_axis_are_numbers_and_epochs_whole():
    drawn = show.lines({"a": ([200, 3000, 20000], [1, 2, 3])}, title="t", x="weights", y="y", log="x")
    drawn.draw_without_rendering()
    marks = [label.get_text() for label in drawn.axes[0].get_xticklabels(which="both") if label.get_text()]
    assert "1,000" in marks and not any("10^" in mark or "mathdefault" in mark for mark in marks)
    shares = show.lines({"a": ([0.01, 0.1, 1], [1, 2, 3])}, title="t", x="share", y="y", log="x")
    shares.draw_without_rendering()
    assert {"0.01", "0.1", "1"} <= {label.get_text() for label in shares.axes[0].get_xticklabels()}
    epochs = show.lines({"a": ([1, 2, 3], [1, 2, 3])}, title="t", x="epoch", y="y")
    assert all(float(place).is_integer() for place in epochs.axes[0].get_xticks())
