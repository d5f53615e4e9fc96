"""Figures with several controls: what is kept is what each state draws, and is drawn true to scale."""

import itertools
import json
import re

import numpy as np
import pytest
from test_show_words import Tree

from gpc import count, show
from gpc.show import frontier, panels, planes
from gpc.show.slots import fold, looked_up, slot

SIZES = {"side": [7, 14, 28], "channels": [32, 64], "kernel": {"one": 1, "three": 3}}
WORDS = {
    "title": "A layer's price",
    "description": "Two squares.",
    "caption": "`{k}` **{weights}** weights & {share:.1%}; {macs} MACs",
}


def price(side, channels, kernel):
    weights = count.conv_parameters(channels, channels, kernel)
    return weights, count.conv_macs(side, side, channels, channels, kernel)


def layer(side, channels, kernel):
    weights, macs = price(side, channels, kernel)
    pictures = [panels.squares("W", weights, 36_864), panels.squares("M", macs, 10**7, told="<less>")]
    return pictures, {"k": f"{kernel}<{kernel}", "weights": weights, "macs": macs, "share": weights / 36_864}


def figure(**new):
    return show.explorer(**{"state": layer, "controls": SIZES, **WORDS, **new})


def kept(html):
    """The numbers that a page holds, slots put where they are named."""
    data = json.loads(re.search(r"<script type=\"application/json\" data-all>(.*?)</script>", html)[1])
    slots = data["slots"]
    data["marks"] = [{name: slots[i] for name, i in mark.items()} for mark in data["marks"]]
    data["said"] = [slots[piece] if i % 2 else piece for i, piece in enumerate(data["said"])]
    return data


def states(controls=SIZES):
    """(positions, values) of every state."""
    values = [list(one.values()) if isinstance(one, dict) else one for one in controls.values()]
    for at in itertools.product(*(range(len(one)) for one in values)):
        yield at, [one[i] for one, i in zip(values, at, strict=True)]


def shown(html, at):
    """What the script makes of a page, the controls at `at`: [(tag, attributes, words)], the sentence."""
    data, sizes = kept(html), [len(one) for one in SIZES.values()]
    drawn = []
    for tag, attributes, words in re.findall(r"<(\w+)((?: [\w:-]+=\"[^\"]*\")*)/?>([^<]*)", html):
        attributes = dict(re.findall(r'([\w:-]+)="([^"]*)"', attributes))
        for name, one in data["marks"][int(attributes["data-v"])].items() if "data-v" in attributes else ():
            value = str(looked_up(one, at, sizes))
            words, attributes = (value, attributes) if not name else (words, attributes | {name: value})
        drawn.append((tag, attributes, words))
    said = [looked_up(one, at, sizes) if i % 2 else one for i, one in enumerate(data["said"])]
    return drawn, "".join(said)


def test_every_state_shows_its_numbers_and_squares_true_to_scale():
    html = figure().html
    for at, values in states():
        drawn, said = shown(html, at)
        weights, macs = price(*values)
        assert said == (
            f"<code>{values[2]}&lt;{values[2]}</code> <strong>{weights:,}</strong> weights &amp; "
            f"{weights / 36_864:.1%}; {macs:,} MACs"
        )
        assert [words for tag, _, words in drawn if tag == "text"].count(f"{weights:,}") == 1
        areas = [float(a["width"]) * float(a["height"]) for tag, a, _ in drawn if tag == "rect"]
        assert areas[0] / areas[1] == pytest.approx(weights / 36_864, rel=0.02)
        assert areas[2] / areas[3] == pytest.approx(macs / 10**7, rel=0.02)
        assert max(areas[:2]) == max(areas[2:]) == 220**2


def test_what_does_not_depend_on_a_control_is_kept_once():
    data = kept(figure().html)
    lengths = {len(one[1]) for mark in data["marks"] for one in mark.values()}
    assert lengths == {4, 12}  # weights: channels × kernel; multiply-accumulates: × side
    assert [one[0] for one in data["said"][1::2]] == [[2], [1, 2], [1, 2], [0, 1, 2]]
    assert len({json.dumps(one) for one in data["slots"]}) == len(data["slots"])


@pytest.mark.parametrize("sizes", [(2,), (3, 4), (2, 3, 4), (2, 2, 2, 2)])
def test_a_slot_gives_back_what_it_was_made_of(sizes):
    rng = np.random.default_rng(0)
    for axes in itertools.product([0, 1], repeat=len(sizes)):
        table = rng.integers(0, 9, [n if on else 1 for n, on in zip(sizes, axes, strict=True)])
        values = np.broadcast_to(table, sizes)
        made = slot(values.ravel().tolist(), sizes)
        assert len(made[1]) <= table.size
        for at in itertools.product(*map(range, sizes)):
            assert looked_up(made, at, sizes) == values[at]


def test_it_reads_without_scripts():
    tree = Tree(figure(start={"side": 28, "kernel": "three"}).html)
    assert "hidden" in next(d for d in tree.all("div") if "data-hands" in d["attributes"])["attributes"]
    assert tree.all("div", role="img")[0]["attributes"]["aria-label"] == "A layer's price. Two squares."
    live = tree.all("p", **{"aria-live": "polite"})[0]
    weights, macs = price(28, 64, 3)
    assert live["text"] == f"3<3 {weights:,} weights & {weights / 36_864:.1%}; {macs:,} MACs"
    lines = [one["text"] for one in tree.all("li")]
    assert len(lines) == 5 and lines[0].startswith("side 28, channels 64, kernel three [shown first]: 3<3")
    assert lines[1].startswith("side 7: 3<3") and f"{price(7, 64, 3)[1]:,} MACs" in lines[1]
    assert lines[4].startswith("kernel one: 1<1")
    squares = [float(r["attributes"]["width"]) for r in tree.all("rect")]
    assert squares[0] == pytest.approx(220 * min(1, weights / 36_864) ** 0.5, abs=0.01)


def test_controls_are_labelled_sliders_and_lists():
    tree = Tree(figure().html)
    names = [one["text"] for one in tree.all("b")]
    assert names == ["side", "channels", "kernel"]
    sliders = [one["attributes"] for one in tree.all("input", type="range")]
    given = [(one["max"], one["value"], one["aria-valuetext"]) for one in sliders]
    assert given == [("2", "1", "14"), ("1", "1", "64")]
    assert [one["text"] for one in tree.all("option")] == ["one", "three"]
    assert len(tree.all("label")) == 3


def test_the_same_arguments_give_the_same_bytes_and_others_another_key():
    assert figure().html == figure().html
    keys = {
        re.search(r'data-gpc-states="(\w+)"', figure(**new).html)[1]
        for new in ({}, {"title": "x"}, {"start": {"side": 7}}, {"controls": {**SIZES, "side": [7, 14]}})
    }
    assert len(keys) == 4


def test_no_script_can_be_smuggled_in_and_nothing_is_asked_for():
    html = figure(
        state=lambda *values: (layer(*values)[0], {"name": f"</script><b>{values[0]}"}),
        caption="{name} is {name}",
        controls=SIZES,
    ).html
    assert html.count("</script>") == 2 and "<b>7" not in html and "<b>14" not in html
    assert not re.search(r"https?:|\son\w+=|eval\(|Function\(|fetch|src=", html)
    for inside in ('<image href="https://example.org/x.png"/>', "<script>1</script>"):
        with pytest.raises(ValueError, match="must not"):
            figure(state=lambda *_: (panels.panel(9, inside), {}), caption="none")


@pytest.mark.parametrize("new, named", [
    ({"controls": {}}, "one to 4"),
    ({"controls": {name: [1, 2] for name in "abcde"}}, "got 5"),
    ({"controls": {**SIZES, "side": [7]}}, "'side' needs two"),
    ({"controls": {**SIZES, "side": [7, 7]}}, "labels differ"),
    ({"title": " "}, "empty: title"),
    ({"start": {"groups": 2}}, "start names 'groups'; the controls are 'side'"),
    ({"start": {"side": 8}}, "start=8 is none of the values of 'side': 7, 14, 28"),
    ({"caption": "{weights}"}, "given and not in the template: k, macs, share"),
    ({"caption": WORDS["caption"] + " {more}"}, "{more}"),
    ({"state": lambda *values: layer(*values)[0]}, "for side 7, channels 32, kernel one it was list"),
    ({"state": lambda *values: ([], layer(*values)[1])}, "one at least"),
    ({"state": lambda a, *b: (layer(a, *b)[0][: 1 + (a == 7)], layer(a, *b)[1])}, "equally many pictures"),
    ({"state": lambda a, *b: (panels.panel(9, "<g/>" * (a == 7)), layer(a, *b)[1])},
     "'side 7, channels 32, kernel one' has <g> where 'side 14"),
    ({"state": lambda a, *b: (panels.panel(9, f'<g class="{a}"/>'), layer(a, *b)[1])},
     "class='7' must not change"),
    ({"state": lambda a, *b: (panels.panel(9, f"<text>{a}<tspan>b</tspan></text>"), layer(a, *b)[1])},
     "an element of their own"),
    ({"state": lambda *values: (layer(*values)[0], layer(*values)[1] | {"k": "k" * 4000 * values[0]})},
     "too large for a page"),
])  # fmt: skip
def test_a_figure_that_is_none_is_refused(new, named):
    with pytest.raises(ValueError, match=re.escape(named)):
        figure(**new)


def test_pictures_of_matplotlib_fold_as_well():
    def drawn(height):
        drawing, axes = show.figure(4, 2)
        axes.set(ylim=(0, 4), xlim=(0, 2))
        axes.bar([1], [height])
        return drawing, {"height": height}

    words = {"title": "t", "description": "d", "caption": "{height}"}
    html = show.explorer(drawn, controls={"height": [1, 2, 3]}, **words).html
    assert len(html) < 30_000 and sum(map(len, kept(html)["marks"])) == 1


def test_marks_of_all_pictures_are_numbered_through():
    html = figure().html
    found = sorted(int(one) for one in re.findall(r'data-v="(\d+)"', html))
    assert found == list(range(len(kept(html)["marks"])))


def test_fold_finds_what_differs_and_nothing_else():
    pictures = [f'<svg><text x="1" fill="red">a {n}</text><g opacity="0.{n}"/></svg>' for n in (1, 2)]
    template, marks = fold(pictures, [2], 1, ["one", "two"])
    assert template == '<svg><text x="1" fill="red" data-v="0">a 2</text><g opacity="0.2" data-v="1"/></svg>'
    assert marks == [{"": [[0], ["a 1", "a 2"]]}, {"opacity": [[0], [0.1, 0.2]]}]


def test_bars_are_as_long_as_their_shares():
    rows = [("a", 0.25, "1", "blue"), ("b", None, "not measured", "green"), ("c", 1.2, "120%", "green")]
    source = panels.bars("t", rows)
    lengths = [float(w) for w in re.findall(r'<rect [^>]*?width="([\d.]+)"', source)]
    assert lengths == [360, 90, 360, 0, 360, 360]


def test_points_stand_where_their_numbers_are():
    x, y = planes.Axis("parameters", 1e3, 1e7, log=True), planes.Axis("accuracy", 0.5, 0.9)
    points = [planes.Point(1e5, 0.7, "a", low=0.6, high=0.9), planes.Point(1e7, 0.5, "b", hollow=True)]
    source = planes.plane("t", points, x, y, places=3)
    drawn = re.findall("<circle ([^>]*)/>", source)
    circles = [dict(re.findall(r'([\w-]+)="([^"]*)"', one)) for one in drawn]
    assert [(float(c["cx"]), float(c["cy"])) for c in circles[:2]] == [(197, 161), (350, 276)]
    assert [c["visibility"] for c in circles] == ["visible", "visible", "hidden"]
    assert (circles[0]["fill"], circles[1]["fill"]) == (show.palette.blue, show.palette.paper)
    spread = re.findall(r'<line x1="197" x2="197" y1="([\d.]+)" y2="([\d.]+)" stroke="#0B6BE8"', source)
    assert [tuple(map(float, one)) for one in spread] == [(218.5, 46)]
    for wrong in ([planes.Point(1e8, 0.7)], [planes.Point(1e5, 0.95)], points * 2):
        with pytest.raises(ValueError):
            planes.plane("t", wrong, x, y, places=3)


@pytest.mark.parametrize("most", [2, 3, 5, 7])
@pytest.mark.parametrize("ends", [(0, 1), (0.31, 0.52), (0, 9.9), (-3, 400)])
def test_an_axis_has_no_more_marks_than_it_may(ends, most):
    ticks = planes.Axis("x", *ends, most=most).ticks()
    assert len(ticks) <= most and all(ends[0] <= tick <= ends[1] for tick in ticks)
    assert len(ticks) >= most // 3


@pytest.mark.parametrize(
    "wrong, told",
    [
        ({"low": 1, "high": 1}, "from low up to high; 'MACs' goes 1 → 1"),
        ({"low": 0, "high": 9, "log": True}, "begins above 0; 'MACs' begins at 0"),
    ],
)
def test_an_axis_without_a_length_is_refused(wrong, told):
    with pytest.raises(ValueError, match=told):
        planes.Axis("MACs", **wrong)


def test_names_of_near_points_are_pushed_apart():
    x, y = planes.Axis("x", 0, 1), planes.Axis("y", 0, 1)
    source = planes.plane("t", [planes.Point(0.4, 0.5 + i / 100, f"name {i}") for i in range(4)], x, y)
    heights = [float(h) for h in re.findall(r'y="([\d.]+)" font-size="12"[^>]*>name', source)]
    assert len(heights) == 4 and min(-np.diff(heights)) >= 14.9


@pytest.mark.parametrize("ends", [(9e3, 2e6), (1, 10), (1e5, 9e9), (3e4, 7e4)])
def test_marks_on_a_log_axis_lie_on_it_and_are_few(ends):
    ticks = planes.Axis("x", *ends, log=True).ticks()
    assert 2 <= len(ticks) <= 7 and ends[0] <= min(ticks) and max(ticks) <= ends[1]


@pytest.mark.parametrize("ends", [(0, 1), (0.31, 0.52), (48.1, 49.3), (-3, 900)])
def test_marks_on_an_axis_lie_on_it_and_are_few(ends):
    ticks = planes.Axis("x", *ends).ticks()
    assert 3 <= len(ticks) <= 7 and ends[0] <= min(ticks) and max(ticks) <= ends[1]


def test_an_outline_goes_round_and_only_round():
    mask = np.zeros((4, 5), bool)
    mask[1:3, 1:4] = True
    mask[1, 2] = False
    path = re.search(r'd="([^"]*)"', panels.outline(mask))[1]
    edges = sum(int(n) for n in re.findall(r"[hv](\d+)", path))
    assert edges == 12 and panels.outline(~mask).count("h5") == 2


def test_images_hold_their_pixels():
    import base64
    import io

    from PIL import Image

    colours = np.array([[0, 0, 0], [255, 0, 0], [0, 0, 255]], "uint8")
    index = np.random.default_rng(0).integers(0, 3, (8, 6)).astype("uint8")
    for address in (panels.png(index, colours), panels.png(colours[index])):
        file = io.BytesIO(base64.b64decode(address.split(",")[1]))
        assert np.array_equal(np.asarray(Image.open(file).convert("RGB")), colours[index])
    values = np.arange(48.0).reshape(8, 6)
    found = re.search(r'href="([^"]*)" width="6" height="8" opacity="0.75"', panels.heat(values))
    assert found and panels.heat(np.zeros((2, 2)))


def test_a_histogram_puts_its_levels_in_place():
    values = np.array([-1.0, -0.5, 0.5, 1.0])
    source = panels.histogram("t", values, {-1.0: 0.25, 0.0: 0.5, 1.0: 0.25}, x="weight")
    lines = re.search(r'<path d="(M[^"]*)" stroke="#0B6BE8"', source)[1]
    assert lines == "M0 224v-95M180 224v-190M360 224v-95"


def rows(dataset, scores, enough=True):
    """Rows as `gpc.train.records.table` has them: {model: (parameters, MACs, scores)}."""
    return [
        {"experiment": "e", "dataset": dataset, "model": name, "recipe": "quick", "measure": "accuracy",
         "parameters": size, "macs": macs, "tests": tests, "test": float(np.mean(tests)), "enough": enough}
        for name, (size, macs, tests) in scores.items()
    ]  # fmt: skip


DIGITS = rows("digits", {"big": (70_000, 9_000_000, [0.9, 0.94]), "kNet": (20_000, 5_000_000, [0.8, 0.9, 0.91]),
                         "thin": (21_000, 4_000_000, [0.8])})  # fmt: skip
LEAVES = rows("leaves", {"big": (71_000, 9_000_000, [0.5]), "kNet": (19_000, 1_000_000, [0.6])}, enough=False)


def test_all_records_in_a_figure_with_spread_and_frontier():
    made = frontier.frontier(DIGITS + LEAVES, {("e", "digits"): "Digits, small"})
    assert "records of: Digits, small, e on leaves." in str(made)
    assert "kNet: 87.0% (80.0 to 91.0, 3 seeds) with 20,000 parameters; thin: 80.0% (one seed)" in str(made)
    assert str(made).count("Beaten by none with as few parameters: kNet, big.") == 1
    assert str(made).count("Beaten by none with as few parameters: kNet.") == 1
    data = kept(made.html)
    hollow = [one["fill"][1] for one in data["marks"] if "#FFFFFF" in one.get("fill", [0, []])[1]]
    assert hollow == [[show.palette.blue, "#FFFFFF"], [show.palette.green, "#FFFFFF"]] * 2
    hidden = [one["visibility"][1] for one in data["marks"] if "r" not in one and "visibility" in one]
    assert ["visible", "hidden"] in hidden


def test_the_frontier_is_what_nobody_beats_with_as_little():
    rng = np.random.default_rng(0)
    for _ in range(50):
        many = [{"test": t, "macs": m} for t, m in rng.integers(0, 9, (6, 2))]
        found = frontier.front(many, "macs")
        beaten = [
            any(o["macs"] <= one["macs"] and o["test"] > one["test"] for o in many)
            or any(o["macs"] < one["macs"] and o["test"] == one["test"] for o in many)
            for one in many
        ]
        wanted = {(one["test"], one["macs"]) for one, bad in zip(many, beaten, strict=True) if not bad}
        assert {(one["test"], one["macs"]) for one in found} == wanted


def test_without_a_choice_there_is_no_such_figure():
    assert frontier.frontier([]) is None and frontier.frontier(DIGITS) is None
    untested = [row | {"tests": []} for row in LEAVES]
    assert frontier.frontier(DIGITS + untested) is None
