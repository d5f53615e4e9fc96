"""The built book: every page there, every link good, no other host asked, a real browser content with it."""

import io
import re
import sys
from html import unescape
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import pages
import pytest
from browser import Server, elsewhere

from tools import book as builder
from tools import chapters, cover, pdf, timeline, trim

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "book" / "_ext"))
import formulas  # noqa: E402  (Sphinx's extensions lie there)

ROOT = Path(__file__).resolve().parents[1]
PAGES = ["book/intro", *chapters.contents(ROOT)]
SHOWN = ["book/intro", "chapters/01_price_of_a_dense_layer", "chapters/15_interleaved_grouped_pointwise"]
MODES = ["light", "dark"]
# A page is what the browser loads for it: its own text, style sheets, scripts, fonts, uncompressed. What a
# chapter's cells left, figures and tables, is beside that, with a bound of its own.
LIGHT, OUTPUTS = 1_000_000, 2_500_000


@pytest.fixture(scope="module")
def html():
    """The folder of pages, built now unless nothing changed since they were."""
    try:
        return builder.build(ROOT)
    except (chapters.ChapterFailed, SystemExit) as error:
        pytest.fail(f"the book does not build: {error}", pytrace=False)


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


def weights(html, addresses):
    """{file: bytes} of what was loaded from a folder of pages."""
    paths = {urlsplit(address).path.lstrip("/") for address in addresses if "127.0.0.1" in address}
    return {path: (html / path).stat().st_size for path in sorted(paths) if (html / path).is_file()}


def too_heavy(html, page, addresses, left):
    """What a page loads, where that is too much: totals, largest files. `left`: bytes of its outputs."""
    files = weights(html, addresses)
    assert f"{page}.html" in files, "the page's own request was not seen"
    pictures = sum(size for path, size in files.items() if path.startswith("_images/"))
    rest = sum(files.values()) - pictures - left
    largest = sorted(files.items(), key=lambda file: -file[1])[:6]
    told = f"{rest:,} bytes and {pictures + left:,} of outputs: {largest}"
    return told if rest >= LIGHT or pictures + left >= OUTPUTS else None


FRAME = (ROOT / "tests" / "page_frame.js").read_text(encoding="utf-8")
OUTPUT_BYTES = """
const outputs = [...document.querySelectorAll('.cell_output')];
const outer = outputs.filter(e => !e.parentElement.closest('.cell_output'));
return outer.reduce((sum, e) => sum + new Blob([e.outerHTML]).size, 0);
"""


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("page", PAGES)
def test_a_page_is_content_in_the_browser(browser, site, html, page, mode):
    """No request to another host, little to load, no error in the console, no violation of axe's rules."""
    browser.size(1440)
    browser.open(f"{site}/{page}.html", mode=mode)
    asked = browser.requests()
    assert browser.driver.execute_script("return document.documentElement.dataset.theme") == mode
    assert elsewhere(asked) == []
    assert too_heavy(html, page, asked, browser.driver.execute_script(OUTPUT_BYTES)) is None
    assert browser.console() == []
    assert browser.axe() == []
    assert browser.overflow() is None
    if mode == "light":
        assert browser.driver.execute_script(FRAME) == []


@pytest.mark.parametrize("page", PAGES)
def test_a_page_fits_a_telephone(browser, site, page):
    browser.size(390, 844)
    browser.open(f"{site}/{page}.html")
    assert browser.overflow() is None
    assert browser.axe() == []
    # Pictures that stand one below the other there fit: nothing of them goes on at the side.
    fading = "return document.querySelectorAll('.stage.more:has(.parts)').length"
    assert browser.driver.execute_script(fading) == 0


@pytest.mark.parametrize("width", [1440, 390])
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("page", SHOWN)
def test_screenshots(browser, site, page, mode, width):
    """Kept in _build/screenshots; each shows something, on a background of its mode."""
    from matplotlib.image import imread

    browser.size(width)
    browser.open(f"{site}/{page}.html", mode=mode)
    files = browser.screenshots(
        ROOT / "_build" / "screenshots" / f"{page.replace('/', '-')}-{mode}-{width}.png"
    )
    pixels = np.vstack([imread(file)[..., :3].mean(axis=-1) for file in files])
    assert pixels.shape[1] == width and pixels.shape[0] > 900
    assert pixels.shape[0] == browser.driver.execute_script("return document.documentElement.scrollHeight")
    assert np.median(pixels) > 0.8 if mode == "light" else np.median(pixels) < 0.3
    assert all(part.std() > 0.05 for part in np.array_split(pixels, len(files)))
    assert browser.console() == []


def test_the_contents_of_the_api_show_where_one_is(browser, site):
    """Functions of the module that is read are listed, and the one in sight is marked."""
    browser.size(1440)
    browser.open(f"{site}/book/api_layers.html")
    browser.driver.execute_script(
        "scrollTo({top: document.getElementById('gpc.layers.choose').getBoundingClientRect().top - 100 +"
        " scrollY, behavior: 'instant'})"
    )
    browser.driver.execute_async_script("setTimeout(arguments[0], 300)")
    marked = browser.driver.execute_script(
        "return [...document.querySelectorAll('.page-toc a.active')].filter(a => a.checkVisibility())"
        ".map(a => a.textContent)"
    )
    assert [name.split(":")[0] for name in marked] == ["gpc.layers", "choose()"]


def test_the_api_signs_layers_by_their_own_arguments(html):
    signed = [(html / f"{name}.html").read_text(encoding="utf-8") for name in PAGES if "/api_" in name]
    text = re.sub(r"<[^>]+>", "", "".join(signed))
    assert "GroupedPointwise(filters, channels_per_group=None" in " ".join(text.split())
    assert not re.search(r"\*args, \*\*kwargs|Alias for field|\|---", text)


@pytest.mark.parametrize("page", PAGES)
def test_a_page_opens_from_a_file(browser, html, page):
    """Without any server: no console error, formulas set, nobody asked."""
    browser.size(1440)
    browser.open((html / f"{page}.html").as_uri())
    assert browser.console() == []
    assert browser.other_hosts() == []
    drawn = browser.driver.execute_script(
        "return [...document.querySelectorAll('.math')].map(e =>"
        " e.querySelector('math')?.getBoundingClientRect().width ?? 0)"
    )
    assert min(drawn, default=1) > 0
    letters = browser.driver.execute_script("return document.fonts.check('1em \"Course Math\"')")
    assert letters or not drawn


@pytest.mark.parametrize("way", ["http", "file"])
def test_search_finds_a_word(browser, site, html, way):
    """Also without a server: the index is a script."""
    browser.size(1440)
    address = site if way == "http" else html.as_uri()
    browser.open(f"{address}/search.html?q=interleave")
    browser.driver.implicitly_wait(20)
    assert browser.driver.find_elements("css selector", "#search-results li a")
    browser.driver.implicitly_wait(0)
    assert browser.console() == []


def test_whatever_the_keyboard_reaches_shows_that_it_has_the_focus(browser, site):
    """One of each kind: an outline of two pixels or more, in a colour that stands out."""
    kinds = ["a", "button", "summary", "input[type=radio]", "input[type=range]", "[tabindex='0']", "select"]
    seen = {}
    for page in ("book/intro", "book/api_layers", *[name for name in SHOWN if name.startswith("chapters/")]):
        browser.size(1440)
        browser.open(f"{site}/{page}.html")
        browser.driver.find_element("css selector", "body").send_keys(
            "\ue004"
        )  # Tab: from now on by keyboard
        seen |= browser.driver.execute_script(
            "const found = {};"
            "for (const place of ['.bd-sidebar-primary', '.bd-header-article', 'article', '.page-toc'])"
            " for (const kind of arguments[0]) {"
            "  const all = [...document.querySelectorAll(`${place} ${kind}`)];"
            "  const e = all.find(e => e.offsetParent && !e.disabled);"
            "  if (!e) continue; e.focus(); if (document.activeElement !== e) continue;"
            "  const s = getComputedStyle(e);"
            "  found[`${place} ${kind}`] = [s.outlineStyle, parseFloat(s.outlineWidth), s.outlineColor];"
            " } return found",
            kinds,
        )
    faint = {where: outline for where, outline in seen.items() if outline[0] == "none" or outline[1] < 2}
    assert faint == {}
    assert {where.partition(" ")[2] for where in seen} >= {"a", "button", "summary", "input[type=radio]"}


def test_the_cover_moves_once_can_be_stopped_and_is_still_where_that_is_asked(browser, site):
    driver = browser.driver
    browser.size(1440)
    browser.open(f"{site}/book/intro.html")
    hand = driver.find_element("css selector", ".cover-hand")
    state = (
        "return document.getAnimations().filter(a => a.effect.target.closest('.cover')).map(a => a.playState)"
    )
    assert hand.text == "Pause" and set(driver.execute_script(state)) == {"running"}
    hand.click()
    assert hand.text == "Go on" and set(driver.execute_script(state)) == {"paused"}
    hand.click()
    driver.execute_async_script(
        "document.getAnimations().forEach(a => a.finish()); setTimeout(arguments[0], 200)"
    )
    assert hand.text == "Play again" and driver.execute_script(state) == []
    counts = timeline.counts(ROOT)["front"]
    shares = driver.execute_script(
        "return [...document.querySelectorAll('.cover-bar')].map(e => e.getBoundingClientRect().width)"
    )
    before, after = (counts[name]["parameters"] for name in ("EfficientNetB0", "kEfficientNetB0"))
    assert shares[1] / shares[0] == pytest.approx(after / before, abs=0.01)
    words = driver.find_element("css selector", ".cover").text
    assert f"{before:,}" in words and f"{after:,}" in words
    calm = {"features": [{"name": "prefers-reduced-motion", "value": "reduce"}]}
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", calm)
    try:
        browser.open(f"{site}/book/intro.html")
        assert driver.execute_script(state) == [] and not driver.find_elements(
            "css selector", ".cover-hand:not([hidden])"
        )
    finally:
        driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})


def test_the_cover_draws_every_wire_of_its_layer_and_says_how_many():
    plan, order = cover.layer()
    k, last = ([wire for group in cover.wires_of(one) for wire in group] for one in (plan.k, plan.l))
    assert cover.drawing().count("L") == plan.dense_parameters + len(k) + len(order) + len(last)
    assert len(k) == plan.k.kernel_parameters and len(last) == plan.l.kernel_parameters
    reached = {
        (a, c)
        for a, b in k
        for place, source in enumerate(order)
        for d, c in last
        if (source, d) == (b, place)
    }
    assert len(reached) == cover.CHANNELS**2  # "every output hears every input"


# Trimmed


def letters(file):
    """The code points that a font has."""
    from fontTools.ttLib import TTFont

    with TTFont(file) as font:
        return set(font.getBestCmap())


def test_icons_that_pages_show_are_in_their_fonts(browser, site, html):
    """Each icon of a page is a letter of the font that it asks for."""
    folder = html / "_static" / "vendor" / "fontawesome" / "webfonts"
    codes = {"900": letters(folder / "fa-solid-900.woff"), "400": letters(folder / "fa-brands-400.woff")}
    browser.size(1440)
    browser.open(f"{site}/{SHOWN[1]}.html")
    shown = browser.driver.execute_script(
        "return [...document.querySelectorAll('i[class*=fa]')].map(e => [e.className,"
        " getComputedStyle(e).fontWeight, getComputedStyle(e, '::before').content])"
    )
    assert len(shown) > 8
    absent = [icon for icon in shown if len(icon[2]) != 3 or ord(icon[2][1]) not in codes[icon[1]]]
    assert absent == []


def test_rules_for_what_scripts_draw_stay(browser, site):
    """The word beside a button of the bar at the top: Bootstrap's script makes its element, and its class."""
    browser.size(1440)
    browser.open(f"{site}/{SHOWN[0]}.html")
    browser.driver.find_element("css selector", ".theme-switch-button").send_keys("")
    browser.driver.implicitly_wait(10)
    arrow = browser.driver.find_element("css selector", ".bs-tooltip-auto .tooltip-arrow")
    browser.driver.implicitly_wait(0)
    widths = browser.driver.execute_script(
        "return getComputedStyle(arguments[0], '::before').borderWidth", arrow
    ).split()
    assert "0px" in widths and len(set(widths)) > 1  # a triangle; without its rule it would be a square


def test_every_letter_of_a_formula_is_in_the_font(html):
    """Browsers draw one letter alone slanted: another character, U+1D434 and on."""
    known = letters(html / "_static" / "fonts" / "course-math.woff")
    missing, count = set(), 0
    for path in pages.pages_in(html):
        for formula in re.findall(r"<math.*?</math>", path.read_text(encoding="utf-8"), flags=re.DOTALL):
            tokens = re.findall(r"<m[ino][^>]*>([^<]*)</m[ino]>", formula)
            text = unescape("".join(tokens))
            count += 1
            missing |= {letter for letter in text if ord(letter) not in known and not letter.isspace()}
            slanted = {
                0x210E if one == "h" else 0x1D44E + ord(one) - ord("a") for one in text if "a" <= one <= "z"
            }
            missing |= {chr(code) for code in slanted - known}
    assert missing == set() and count > 30


def test_rules_that_nothing_can_match_go_and_all_others_stay():
    sheet = (
        '@import "x.css";/* gone { } */.a{x:1}.b,.c:not(.z){y:url(data:a;b{c})}.d .a{z:2}'
        '@media print{.b{x:"}"}}@media screen{.a\\:b,#m{x:3}}@font-face{src:url(f.woff)}'
        ":is(.p,.q:not(.r)) .a{w:4}"
    )
    assert trim.used(sheet, {"a", "c", "a:b"}).splitlines() == [
        '@import "x.css";',
        ".a{x:1}",
        ".c:not(.z){y:url(data:a;b{c})}",
        "@media screen{.a\\:b{x:3}}",
        "@font-face{src:url(f.woff)}",
        ":is(.p,.q:not(.r)) .a{w:4}",
    ]


def test_a_page_loses_wrappers_and_repeated_styles_alone():
    page = (
        '<script src="../_static/scripts/fontawesome.js?digest=1"></script><style>a{}</style><p>x</p>'
        "<style>a{}</style><style>b{}</style>"
        '<code class="docutils literal notranslate"><span class="pre">f(x)</span></code>'
        '<dt class="sig sig-object"><span class="n"><span class="pre">g</span></span></dt>'
        '<span class="k">def</span><span class="w"> </span><span class="nf">h</span><span class="p">(</span>'
    )
    once = trim.squeezed(page)
    assert once == (
        '<style>a{}</style><p>x</p><style>b{}</style><code class="literal">f(x)</code>'
        '<dt class="sig sig-object">g</dt><span class="k">def</span> <span class="nf">h</span>('
    )
    assert trim.squeezed(once) == once


def test_a_trimmed_book_is_trimmed_to_the_same(html, tmp_path):
    import shutil

    shutil.copytree(html / "_static", tmp_path / "_static")
    for path in (*pages.pages_in(html), html / "searchindex.js"):
        target = tmp_path / path.relative_to(html)
        target.parent.mkdir(exist_ok=True)
        shutil.copy(path, target)
    trim.trim(tmp_path)
    files = [path for path in (html / "_static").rglob("*") if path.is_file()]
    assert [
        path.name for path in files if path.read_bytes() != (tmp_path / path.relative_to(html)).read_bytes()
    ] == []


def test_a_formula_keeps_its_tex_and_one_that_is_not_understood_is_told():
    drawn = formulas.mathml(r"K^2 < C")
    assert "<msup><mi>K</mi><mn>2</mn></msup>" in drawn
    assert '<annotation encoding="application/x-tex">K^2 &lt; C</annotation>' in drawn
    assert 'display="block"' in formulas.mathml("x", display="block")
    with pytest.raises(ValueError, match=r"commands that are not known: \\foo"):
        formulas.mathml(r"\foo x")
    with pytest.raises(ValueError, match="'x\\^{' is not understood: MissingSuperScriptOrSubscriptError"):
        formulas.mathml("x^{")


# On paper


def test_a_printed_chapter_has_its_solutions_and_no_empty_page(browser, html):
    from pypdf import PdfReader

    name = SHOWN[1]
    browser.size(1000)
    ((_, title, data),) = pdf.printing([name], html, browser)
    told = [page.extract_text() for page in PdfReader(io.BytesIO(data)).pages]
    assert len(told) > 5 and min(map(len, told)) > 100
    whole = re.sub(r"\W+", "", "".join(told))
    folded = [
        re.sub(r"\W+", "", line)
        for cell in chapters.kept(ROOT / f"{name}.ipynb").cells
        if cell.cell_type == "markdown" and "<summary>Solution</summary>" in cell.source
        for line in re.findall(r"^    \S.*$|^return .*$", cell.source, flags=re.MULTILINE)
    ]
    assert folded and [line for line in folded if line not in whole] == []
    assert title in told[0] and "1 of " in told[0]


def test_the_joined_book_has_bookmarks_and_its_links_stay_inside(browser, html):
    from pypdf import PdfReader

    browser.size(1000)
    names = ["book/intro", "book/notation"]
    parts = list(pdf.printing(names, html, browser))
    reader = PdfReader(io.BytesIO(pdf.joined(parts, html, "Both")))
    assert reader.metadata.title == "Both"
    heads = [entry.title for entry in reader.outline if not isinstance(entry, list)]
    assert heads == [title for _, title, _ in parts]
    begins = len(PdfReader(io.BytesIO(parts[0][2])).pages)
    links = [entry.get_object()["/A"] for page in reader.pages for entry in page.get("/Annots", ())]
    inside = [reader.pages.index(link["/D"][0].get_object()) for link in links if link.get("/S") == "/GoTo"]
    assert begins in inside
    assert [link["/URI"] for link in links if link.get("/URI", "").startswith(("file:", "http://127"))] == []


def test_a_page_that_is_not_built_is_named(browser, tmp_path):
    with pytest.raises(SystemExit, match=r"no built page .*book/none\.html: make book"):
        list(pdf.printing(["book/none"], tmp_path, browser))


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
