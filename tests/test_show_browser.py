"""What a browser makes of the outputs: guesses kept and judged, sliders that move, nobody asked."""

import pytest
from browser import served

import gpc.wiring
from gpc import show
from gpc.show.asking import Prediction
from gpc.show.checking import _STYLE
from gpc.show.page import card

EASY, HARD = Prediction("How many?", [2, "`four`", 8]), Prediction("Which?", ["K", "L"], guess="L")
PAGE = """<!doctype html><html lang="en" data-theme="{theme}"><head><meta charset="utf-8"><title>t</title>
<meta name="viewport" content="width=device-width"></head>
<body style="background:{ground}"><main><h1 style="color:{ink}">Outputs</h1>{body}</main></body></html>"""
FRAME = (
    "<!doctype html><title>t</title><iframe sandbox='allow-scripts' src='light.html' width=800 height=900>"
)


def page(theme="light"):
    rows = [{"layer": f"block {i} with a name too long for a telephone", "weights": 10**i} for i in range(3)]
    body = [
        EASY.output().html,
        HARD.output().html,
        show.table(rows, "Weights", total=("all", 111)).html,
        card(
            '<p class="bad">no</p><p class="good">yes</p><p class="soft">open</p>', name="check", style=_STYLE
        ),
        EASY.answered("`four`", "Because **two** and two.").html,
        HARD.answered("K").html,
        moving("First", play=True),
        moving("Second"),
    ]
    ground, ink = ("#121212", "#eee") if theme == "dark" else ("#fff", "#222")
    return PAGE.format(theme=theme, ground=ground, ink=ink, body="\n".join(body))


def moving(title, **options):
    plans = [gpc.wiring.plan(16, 16, width) for width in (2, 4, 8)]
    captions = [f"{plan.coverage:.1%} connected" for plan in plans]
    words = {"title": title, "description": "Channels and wires.", "control": "channels per group"}
    frames = [show.wiring(plan, levels=4) for plan in plans]
    return show.moving(
        frames, labels=["2", "4", "8"], captions=captions, start=1, pause_ms=40, **words, **options
    ).html


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    # Framed as a stranger's page may be, and as Colab frames outputs: a browser then refuses storage.
    pages = {"light": page("light"), "dark": page("dark"), "framed": FRAME}
    with served(tmp_path_factory.mktemp("site"), **pages) as address:
        yield address


@pytest.fixture
def light(browser, site):
    browser.size(1440)
    browser.open(f"{site}/light.html")
    browser.driver.execute_script("localStorage.clear()")
    browser.open(f"{site}/light.html")
    yield browser.driver
    assert browser.console() == [] and browser.other_hosts() == []


def verdicts(driver):
    return [e.text for e in driver.find_elements("css selector", "[data-verdict]")]


def test_a_guess_is_kept_judged_and_can_be_changed(light):
    assert verdicts(light) == ["", "✗ You guessed: L"]
    radios = light.find_elements("css selector", f"[data-gpc-ask='{EASY.key}'] input")
    radios[0].click()
    assert verdicts(light)[0] == "✗ You guessed: 2"
    light.refresh()
    assert verdicts(light)[0] == "✗ You guessed: 2"
    radios = light.find_elements("css selector", f"[data-gpc-ask='{EASY.key}'] input")
    assert [r.is_selected() for r in radios] == [True, False, False]
    radios[0].send_keys("\ue015")  # arrow down
    assert verdicts(light)[0] == "✓ Your guess was right."
    others = light.find_elements("css selector", f"[data-gpc-ask='{HARD.key}'] input")
    assert [r.is_selected() for r in others] == [False, True]


def test_without_storage_a_guess_lasts_as_long_as_the_page(browser, site):
    browser.open(f"{site}/framed.html")
    driver = browser.driver
    driver.switch_to.frame(0)
    driver.find_elements("css selector", f"[data-gpc-ask='{EASY.key}'] input")[1].click()
    assert verdicts(driver)[0] == "✓ Your guess was right."
    driver.switch_to.default_content()
    assert browser.console() == []


def state(driver, number=0):
    box = driver.find_elements("css selector", "[data-gpc-moving]")[number]
    shown = [i for i, f in enumerate(box.find_elements("css selector", "[data-frame]")) if f.is_displayed()]
    slider = box.find_element("css selector", "input")
    return shown, slider.get_attribute("aria-valuetext"), box.find_element("css selector", "[data-now]").text


def test_the_slider_moves_with_the_keyboard_and_alone(light):
    assert state(light) == state(light, 1) == ([1], "4", "100.0% connected")
    slider = light.find_elements("css selector", "[data-gpc-moving] input")[0]
    slider.send_keys("\ue012")  # arrow left
    assert state(light) == ([0], "2", "34.4% connected")
    slider.send_keys("\ue012")
    assert state(light)[0] == [0] and state(light, 1)[0] == [1]
    slider.send_keys("\ue010")  # end
    assert state(light)[:2] == ([2], "8")


def test_play_walks_to_the_end_and_stops_and_begins_anew(light):
    button = light.find_element("css selector", "[data-gpc-moving] button")
    click = "arguments[0].click(); return arguments[0].textContent"
    assert light.execute_script(click, button) == "Stop"
    ended = "const [button, done] = arguments; (function look() {"
    ended += "button.textContent === 'Play' ? done() : setTimeout(look, 9) })()"
    light.execute_async_script(ended, button)
    assert state(light)[:2] == ([2], "8")
    hidden = "arguments[0].click(); return [...document.querySelectorAll('[data-frame]')].map(f => f.hidden)"
    assert light.execute_script(hidden, button)[:3] == [False, True, True]
    assert light.execute_script(click, button) == "Play"


def test_readers_who_ask_for_less_motion_get_no_play_button(browser, site):
    media = {"features": [{"name": "prefers-reduced-motion", "value": "reduce"}]}
    browser.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", media)
    browser.open(f"{site}/light.html")
    assert not browser.driver.find_element("css selector", "[data-gpc-moving] button").is_displayed()
    browser.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})


def test_without_scripts_one_picture_and_all_words_are_there(browser, site):
    browser.driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    browser.driver.get(f"{site}/light.html")
    shown = [f.is_displayed() for f in browser.driver.find_elements("css selector", "[data-frame]")]
    hands = [h.is_displayed() for h in browser.driver.find_elements("css selector", "[data-hand]")]
    words = browser.driver.find_element("css selector", "[data-gpc-reveal]").text
    browser.driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})
    assert shown == [False, True, False] * 2 and hands == [False, False]
    assert "four" in words and "Because two and two." in words


@pytest.mark.parametrize("width", [390, 1440])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_outputs_fit_the_page_and_are_accessible(browser, site, theme, width):
    browser.size(width)
    browser.open(f"{site}/{theme}.html")
    assert browser.overflow() is None
    assert browser.axe() == []
