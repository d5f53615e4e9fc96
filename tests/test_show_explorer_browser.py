"""What a browser makes of figures with several controls: keys move them, they show what was counted."""

import pytest
from browser import served
from test_show_browser import FRAME, PAGE
from test_show_explorer import DIGITS, LEAVES, figure, price
from test_show_figures import dots

from gpc import show
from gpc.show import frontier, panels

LEFT, RIGHT, DOWN, UP, HOME, END = "\ue012", "\ue014", "\ue015", "\ue013", "\ue011", "\ue010"
START = [14, 64, 1]


def pictures(dot):
    """A figure whose second control changes an image."""
    leaf = [[[200, 30, 30], [30, 200, 30]], [[30, 30, 200], [90, 90, 90]]]
    heat = panels.heat([[0, 1], [2, 3]] if dot else [[3, 2], [1, 0]])
    return panels.photograph("Leaf", leaf, heat, panels.outline([[1, dot]])), {"dot": dot}


def page(theme):
    viewer = show.explorer(
        pictures, title="Viewer", description="An image.", caption="{dot} dots",
        controls={"which map": {"a plain one with a rather long name": 0, "a dotted one": 1}},
    )  # fmt: skip
    # A figure of `moving` further down brings its own rules for the same parts.
    body = [figure().html, figure(title="Another").html, viewer.html, frontier.frontier(DIGITS + LEAVES).html,
            show.moving(**dots()).html]  # fmt: skip
    ground, ink = ("#121212", "#eee") if theme == "dark" else ("#fff", "#222")
    return PAGE.format(theme=theme, ground=ground, ink=ink, body="\n".join(body))


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    pages = {"light": page("light"), "dark": page("dark"), "framed": FRAME}  # framed as by Colab
    with served(tmp_path_factory.mktemp("site"), **pages) as address:
        yield address


@pytest.fixture
def driver(browser, site):
    media(browser, "reduce")  # nothing glides, so that lengths can be measured at once
    browser.size(1440)
    browser.open(f"{site}/light.html")
    yield browser.driver
    media(browser, "no-preference")
    assert browser.console() == [] and browser.other_hosts() == []


def media(browser, motion, kind=""):
    features = [{"name": "prefers-reduced-motion", "value": motion}]
    browser.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": kind, "features": features})


def box(driver, number=0):
    return driver.find_elements("css selector", "[data-gpc-states]")[number]


def controls(driver, number=0):
    return box(driver, number).find_elements("css selector", "[data-control]")


def seen(driver, number=0):
    """(the sentence, the areas on the screen of the pictures' squares: weights, dashed, MACs, dashed)."""
    areas = driver.execute_script(
        "return [...arguments[0].querySelectorAll('rect')].map(r => {"
        " const at = r.getBoundingClientRect(), line = r.getAttribute('stroke-width') ? 1 : 0;"
        " return (at.width - line) * (at.height - line) })",
        box(driver, number),
    )
    return box(driver, number).find_element("css selector", "[data-now]").text, areas


def is_price_of(driver, values, number=0):
    weights, macs = price(*values)
    said, areas = seen(driver, number)
    wanted = f"{values[2]}<{values[2]} {weights:,} weights & {weights / 36_864:.1%}; {macs:,} MACs"
    true = [areas[0] / areas[1], areas[2] / areas[3]]
    scale = pytest.approx([weights / 36_864, macs / 10**7], rel=0.1)
    return said == wanted and true == scale


@pytest.mark.parametrize("control, keys, values", [
    (0, RIGHT, [28, 64, 1]), (0, LEFT, [7, 64, 1]), (0, END, [28, 64, 1]), (0, HOME, [7, 64, 1]),
    (0, LEFT + LEFT, [7, 64, 1]), (1, LEFT, [14, 32, 1]), (2, DOWN, [14, 64, 3]), (2, DOWN + UP, START),
])  # fmt: skip
def test_keys_move_each_control_and_what_is_seen_was_counted(driver, control, keys, values):
    assert is_price_of(driver, START)
    driver.execute_script("arguments[0].focus()", controls(driver)[control])
    driver.switch_to.active_element.send_keys(keys)
    assert is_price_of(driver, values)
    assert is_price_of(driver, START, number=1), "the other figure moved as well"


def test_every_state_can_be_reached_and_is_told(driver):
    side, channels, kernel = controls(driver)
    side.send_keys(HOME)
    channels.send_keys(HOME)
    for i, wide in enumerate((7, 14, 28)):
        side.send_keys(RIGHT * (i > 0))
        for j, many in enumerate((32, 64)):
            channels.send_keys(RIGHT if j else HOME)
            for size, key in ((3, DOWN), (1, UP)):
                kernel.send_keys(key)
                assert is_price_of(driver, [wide, many, size])
        assert side.get_attribute("aria-valuetext") == str(wide)
        assert box(driver).find_element("css selector", "output").text == str(wide)


def test_names_of_controls_are_read_out(driver):
    names = [one.accessible_name for one in controls(driver)]
    roles = [one.aria_role for one in controls(driver)]
    assert names == ["side", "channels", "kernel"] and roles == ["slider", "slider", "combobox"]
    live = box(driver).find_element("css selector", "[data-now]")
    assert live.get_attribute("aria-live") == "polite" and live.get_attribute("aria-atomic") == "true"


def test_images_change_as_well(driver):
    source = "return [...arguments[0].querySelectorAll('image')].map(i => i.getAttribute('href'))"
    before = driver.execute_script(source, box(driver, 2))
    controls(driver, 2)[0].send_keys(DOWN)
    after = driver.execute_script(source, box(driver, 2))
    assert before[0] == after[0] and before[1] != after[1]
    assert box(driver, 2).find_element("css selector", "[data-now]").text == "1 dots"


def test_words_stay_words_and_points_show_their_spread(driver):
    controls(driver, 3)[0].send_keys(DOWN)
    drawn = [one.text for one in box(driver, 3).find_elements("css selector", "text") if one.is_displayed()]
    assert {"big", "kNet"} <= set(drawn) and "thin" not in drawn
    hollow = box(driver, 3).find_elements("css selector", "circle[fill='#FFFFFF'][visibility=visible]")
    assert len(hollow) == 4


def test_it_glides_only_for_readers_who_like_motion(browser, driver):
    look = "return getComputedStyle(arguments[0].querySelector('rect')).transitionDuration"
    assert browser.driver.execute_script(look, box(driver)) == "0s"
    media(browser, "no-preference")
    assert browser.driver.execute_script(look, box(driver)) == "0.2s"


def test_on_paper_there_are_no_controls(browser, driver):
    assert controls(driver)[0].is_displayed()
    media(browser, "reduce", kind="print")
    shown = controls(driver)[0].is_displayed()
    media(browser, "reduce")
    assert not shown


def test_in_a_sandboxed_frame_it_moves_as_well(browser, site):
    browser.open(f"{site}/framed.html")
    browser.driver.switch_to.frame(0)
    controls(browser.driver)[0].send_keys(RIGHT)
    assert seen(browser.driver)[0].endswith(f"{price(28, 64, 1)[1]:,} MACs")
    browser.driver.switch_to.default_content()
    assert browser.console() == []


def test_without_scripts_the_start_and_the_main_states_are_there(browser, site):
    browser.driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    browser.driver.get(f"{site}/light.html")
    first = box(browser.driver)
    drawn = first.find_element("css selector", "svg").is_displayed()
    numbers = [one.text for one in first.find_elements("css selector", "svg text")]
    hands = first.find_element("css selector", "[data-hands]").is_displayed()
    first.find_element("css selector", "summary").click()
    words = [one.text for one in first.find_elements("css selector", "li")]
    browser.driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})
    assert drawn and not hands and f"{price(*START)[0]:,}" in numbers
    assert len(words) == 5 and words[2].startswith("side 28: 1<1")


@pytest.mark.parametrize("width", [390, 1440])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_figures_fit_the_page_and_are_accessible(browser, site, theme, width):
    browser.size(width)
    browser.open(f"{site}/{theme}.html")
    assert browser.overflow() is None
    assert browser.axe() == []
    outside = browser.driver.execute_script(
        "return [...document.querySelectorAll('.gpc-states :is(svg, svg text, .hands *)')].filter(t => {"
        " const b = t.getBoundingClientRect();"
        " const s = t.parentElement.closest('svg, .hands, .stage').getBoundingClientRect();"
        " return b.width && (b.left < s.left - 1 || b.right > s.right + 1) }).map(t => t.outerHTML)"
    )
    assert outside == []
    rows = browser.driver.execute_script(
        "return [...document.querySelectorAll('.gpc-states .hand')]"
        ".map(h => h.getBoundingClientRect().height)"
    )
    assert max(rows) < 45, "a control and its value stand on one line"
