"""The built book: every page there, every link good, no other host asked, a real browser content with it."""

import re
from pathlib import Path

import numpy as np
import pages
import pytest
import yaml
from browser import Browser, Server

from tools import book as builder
from tools import chapters

ROOT = Path(__file__).resolve().parents[1]
TOC = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))
PAGES = [TOC["root"], *(entry["file"] for part in TOC["parts"] for entry in part["chapters"])]
SHOWN = ["book/intro", "chapters/01_price_of_a_dense_layer", "chapters/15_interleaved_grouped_pointwise"]
MODES = ["light", "dark"]


@pytest.fixture(scope="module")
def html():
    """The folder of pages, built now unless nothing changed since they were."""
    try:
        return builder.build(ROOT)
    except (chapters.ChapterFailed, SystemExit) as error:
        pytest.fail(f"the book does not build: {error}", pytrace=False)


@pytest.fixture(scope="module")
def browser():
    opened = Browser()
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def site(html):
    server = Server(html)
    yield server.address
    server.close()


def test_every_page_of_the_contents_is_built(html):
    assert [name for name in PAGES if not (html / f"{name}.html").is_file()] == []


def test_no_page_loads_from_another_host(html):
    assert pages.asked_elsewhere(html) == []


def test_links_and_marks_lead_somewhere(html):
    assert pages.broken_links(html) == []


def test_pictures_say_what_they_show(html):
    """An alt text of words, not the file's name that Sphinx puts where there is none."""
    found = [(path.name, *image) for path in pages.pages_in(html) for image in pages.read(path).images]
    silent = [image for image in found if not image[2] or not re.search(r"\w+ \w+", image[2])]
    assert [image for image in silent if "logo" not in image[1]] == []


def test_chapters_show_what_was_executed(html):
    """Outputs are there, errors are not: a notebook that raised would still make a page."""
    for chapter in chapters.in_toc(ROOT):
        source = (html / "chapters" / f"{chapter.stem}.html").read_text(encoding="utf-8")
        assert "cell_output" in source and "Traceback (most recent call last)" not in source


def test_cells_with_an_alt_text_show_a_picture(html):
    """A figure that is not the cell's last value, or ends in a semicolon, is described and not seen."""
    unseen = []
    for chapter in chapters.in_toc(ROOT):
        for cell in chapters.kept(chapter).cells:
            alt = cell.metadata.get("mystnb", {}).get("image", {}).get("alt")
            shown = {kind for one in cell.get("outputs", []) for kind in one.get("data", {})}
            if alt and not shown & {"image/svg+xml", "image/png", "text/html"}:
                unseen.append((chapter.name, cell.id))
    assert unseen == []


def test_generated_pages_list_every_chapter(html):
    status = pages.read(html / "book" / "status.html").links
    assert [
        chapter.stem for chapter in chapters.in_toc(ROOT) if f"../chapters/{chapter.stem}.html" not in status
    ] == []


def test_every_code_cell_has_a_mark_to_link_to(html):
    for chapter in chapters.in_toc(ROOT):
        cells = chapters.kept(chapter).cells
        marks = pages.read(html / "chapters" / f"{chapter.stem}.html").anchors
        assert {f"cell-{cell.id}" for cell in cells if cell.cell_type == "code"} <= marks


def test_the_index_has_the_glossary(html):
    """Every term leads from the index to its entry."""
    terms = {mark for mark in pages.read(html / "book" / "glossary.html").anchors if mark.startswith("term-")}
    links = pages.read(html / "genindex.html").links
    assert len(terms) > 40 and {f"book/glossary.html#{mark}" for mark in terms} <= set(links)


def test_the_map_is_walked_by_the_keyboard(browser, site):
    """From box to box in the order of the chapters; the lines of the one in focus stand out."""
    browser.size(1440)
    browser.open(f"{site}/book/course_map.html")
    driver, numbers = browser.driver, sorted(chapters.numbered(ROOT))
    driver.execute_script(f"document.getElementById('map-{numbers[0]}').focus()")
    for number in numbers[1:]:
        driver.switch_to.active_element.send_keys("\ue004")  # Tab
        assert driver.switch_to.active_element.get_attribute("id") == f"map-{number}"
    strokes = driver.execute_script(
        "const width = e => getComputedStyle(e).strokeWidth;"
        "return [...document.querySelectorAll('.need')].map(e => [e.classList.contains('of-%d'), width(e)])"
        % numbers[-1]
    )
    assert {width for own, width in strokes if own} == {"2.5px"} and len({width for _, width in strokes}) == 2
    driver.switch_to.active_element.send_keys("\ue007")  # Enter
    browser.driver.implicitly_wait(10)
    assert driver.find_elements("css selector", "body")
    assert chapters.numbered(ROOT)[numbers[-1]] in driver.current_url


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("page", PAGES)
def test_a_page_is_content_in_the_browser(browser, site, page, mode):
    """No request to another host, no error in the console, no violation of axe's rules."""
    browser.size(1440)
    browser.open(f"{site}/{page}.html", mode=mode)
    assert browser.driver.execute_script("return document.documentElement.dataset.theme") == mode
    assert browser.other_hosts() == []
    assert browser.console() == []
    assert browser.axe() == []
    assert browser.overflow() is None


@pytest.mark.parametrize("page", PAGES)
def test_a_page_fits_a_telephone(browser, site, page):
    browser.size(390, 844)
    browser.open(f"{site}/{page}.html")
    assert browser.overflow() is None
    assert browser.axe() == []


@pytest.mark.parametrize("width", [1440, 390])
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("page", SHOWN)
def test_screenshots(browser, site, page, mode, width):
    """Kept in _build/screenshots; each shows something, on a background of its mode."""
    from matplotlib.image import imread

    browser.size(width)
    browser.open(f"{site}/{page}.html", mode=mode)
    file = browser.screenshot(
        ROOT / "_build" / "screenshots" / f"{page.replace('/', '-')}-{mode}-{width}.png"
    )
    pixels = imread(file)[..., :3].mean(axis=-1)
    assert pixels.shape[1] == width and pixels.shape[0] > 900
    assert np.median(pixels) > 0.8 if mode == "light" else np.median(pixels) < 0.3
    assert pixels.std() > 0.05
    assert browser.console() == []


@pytest.mark.parametrize("page", SHOWN)
def test_a_page_opens_from_a_file(browser, html, page):
    """Without any server: no console error, formulas set, nobody asked."""
    browser.size(1440)
    browser.open((html / f"{page}.html").as_uri())
    assert browser.console() == []
    assert browser.other_hosts() == []
    formulas = browser.driver.execute_script(
        "return [document.querySelectorAll('.math').length,"
        " document.querySelectorAll('mjx-container').length]"
    )
    assert formulas[1] >= formulas[0]


def test_search_finds_a_word(browser, site):
    browser.size(1440)
    browser.open(f"{site}/search.html?q=interleave")
    browser.driver.implicitly_wait(20)
    assert browser.driver.find_elements("css selector", "#search-results li a")
    browser.driver.implicitly_wait(0)
    assert browser.console() == []


# The checks themselves, each shown something that breaks it.


def test_loads_from_elsewhere_are_caught(tmp_path):
    (tmp_path / "a.html").write_text(
        '<script src="https://cdn.example.org/x.js"></script>'
        '<link rel="stylesheet" href="//cdn.example.org/x.css">'
        "<style>@import 'https://fonts.example.org/f.css';</style>"
        "<p style=\"background: url('https://img.example.org/i.png')\">"
        '<script>fetch("https://api.example.org/")</script>'
        '<a href="https://fine.example.org/">fine</a><link rel="canonical" href="https://a.b/">'
    )
    (tmp_path / "b.css").write_text(
        "a { background: url(https://img.example.org/b.png) } b { background: url(c.png) }"
    )
    (tmp_path / "c.js").write_text('import("https://cdn.example.org/m.js"); // see https://fine.example.org/')
    assert [line.split("//")[1].split("/")[0] for line in pages.asked_elsewhere(tmp_path)] == [
        "cdn.example.org",
        "cdn.example.org",
        "fonts.example.org",
        "img.example.org",
        "api.example.org",
        "img.example.org",
        "cdn.example.org",
    ]


def test_broken_links_are_caught(tmp_path):
    (tmp_path / "a.html").write_text(
        '<p id="here"></p><a href="#here">1</a><a href="#gone">2</a><a href="b.html#x">3</a>'
        '<a href="c.html">4</a><img src="i.png"><a href="https://example.org/none">5</a>'
    )
    (tmp_path / "b.html").write_text("<p>no mark</p>")
    assert len(pages.broken_links(tmp_path)) == 4


def test_the_browser_sees_requests_errors_and_violations(browser, tmp_path):
    (tmp_path / "index.html").write_text(
        '<!doctype html><html data-theme="light"><title>x</title><body style="margin: 0">'
        '<img src="https://example.org/x.png">'
        "<script>missing()</script><main><div style='width: 3000px'>wide</div></main>"
    )
    server = Server(tmp_path)
    browser.size(1440)
    browser.open(f"{server.address}/index.html")
    assert browser.other_hosts() == ["https://example.org/x.png"]
    assert any("missing is not defined" in message for message in browser.console())
    violations = {violation.split(":")[0] for violation in browser.axe()}
    assert {"html-has-lang", "image-alt"} <= violations
    assert browser.overflow().startswith("1560 px")
    server.close()
