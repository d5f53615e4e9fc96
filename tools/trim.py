"""What no page of the built book uses, taken out: icons, rules of style sheets, debuggers' maps, wrappers.

python tools/trim.py        trims _build/html and says what lies in it; `make book` does it by itself

The theme brings every icon there is as a script and as three fonts, and the rules of all of Bootstrap. A rule
stays where each class and mark it asks for is a word of some page or script; an icon stays where a rule that
stayed shows it. Trimmed again, or built anew, the same pages give the same files.
"""

import io
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
NEEDLESS = ["*.map", "*.po", "*.mo", "fontawesome.js*", "webpack-macros.html", "sphinx-thebe.*"]
COMPOSED = {"bs-tooltip-auto", "bs-popover-auto"}  # classes that Bootstrap's script puts together
ICON_SCRIPT = re.compile(r'\s*<script src="[^"]*fontawesome\.js[^"]*"></script>')
STYLE = re.compile(r"<style>.*?</style>", re.DOTALL)
# Sphinx wraps every word of code to keep it whole; course.css lets code break, wrappers say nothing more.
WHOLE_WORD = re.compile(r'<span class="pre">([^<>]*)</span>')
# Names, operators, brackets: course.css gives them the colour of the text, which needs no wrapper.
PLAIN_CODE = re.compile(r'<span class="(?:n|nn|o|p|pm|w)">([^<>]*)</span>')
WORD = re.compile(r"-?[A-Za-z_][\w-]*")
CSS = re.compile(
    r"\"(?:\\.|[^\"\\])*\"|'(?:\\.|[^'\\])*'|/\*.*?\*/|url\((?![\"'])[^)]*\)|\\.|[{};]|[^\"'/\\{};u]+|.",
    re.DOTALL,
)
ICON = re.compile(r"\\([ef][0-9a-f]{3})\b|([\ue000-\uf8ff])")  # as CSS writes them, or the letter itself


def squeezed(page):
    """The text of a page without the script of icons, wrappers around words of code, a style said twice."""
    page = PLAIN_CODE.sub(r"\1", WHOLE_WORD.sub(r"\1", ICON_SCRIPT.sub("", page)))
    page = page.replace('<code class="docutils literal notranslate">', '<code class="literal">')
    seen = set()  # each output brings its style along: in a notebook it may stand alone, here it does not

    def once(found):
        again = found.group() in seen
        seen.add(found.group())
        return "" if again else found.group()

    return STYLE.sub(once, page)


def blocks(sheet):
    """A style sheet's parts in order: (what stands before the braces, what in them; None: a statement)."""
    depth, head, text = 0, "", ""
    for token in CSS.findall(sheet):
        depth += (token == "{") - (token == "}")
        if token == "{" and depth == 1:
            head, text = text, ""
        elif token == "}" and depth == 0:
            yield head.strip(), text
            text = ""
        elif token == ";" and depth == 0:
            yield text.strip() + ";", None
            text = ""
        elif not token.startswith("/*"):
            text += token


def asked(selector):
    """The classes and marks that a selector asks of an element; not those inside :not(…) and :is(…)."""
    plain = re.sub(r"\[[^\]]*\]", "", selector)
    while (once := re.sub(r"\([^()]*\)", "", plain)) != plain:
        plain = once
    return [re.sub(r"\\(.)", r"\1", name) for name in re.findall(r"[.#]((?:\\.|[\w-])+)", plain)]


def selectors(head):
    """A rule's selectors: parted by the commas that stand outside brackets."""
    found, depth = [""], 0
    for letter in head:
        depth += (letter in "([") - (letter in ")]")
        if letter == "," and not depth:
            found.append("")
        else:
            found[-1] += letter
    return found


def used(sheet, words):
    """A style sheet without the rules of which no selector can mean anything on a page with these words."""
    kept = []
    for head, body in blocks(sheet):
        if body is None:
            kept.append(head)
        elif head.startswith(("@media", "@supports", "@layer", "@container")):
            inner = used(body, words)
            kept += [f"{head}{{{inner}}}"] if inner else []
        elif head.startswith("@"):
            kept.append(f"{head}{{{body}}}")
        else:
            meant = [one.strip() for one in selectors(head) if words.issuperset(asked(one))]
            kept += [f"{','.join(meant)}{{{body}}}"] if meant else []
    return "\n".join(kept)


def words_of(folder):
    """Every word of the pages and scripts, of which classes and marks are some."""
    sources = [path for ending in ("html", "js") for path in folder.rglob(f"*.{ending}")]
    return COMPOSED.union(*(WORD.findall(path.read_text(encoding="utf-8")) for path in sources))


def icons_in(sheets):
    """The code points of the icons that rules show."""
    return {int(code, 16) if code else ord(letter) for text in sheets for code, letter in ICON.findall(text)}


def smaller_font(file, codes):
    """A font with the icons of these code points alone, as WOFF; empty where it has none of them."""
    from fontTools import subset

    options = subset.Options(flavor="woff", hinting=False, layout_features=[], name_IDs=[0, 1, 2, 13, 14])
    with subset.load_font(str(file), options) as font:
        if not codes & set(font.getBestCmap()):
            return b""
        font.recalcTimestamp = False  # else the file holds the moment of trimming
        subsetter = subset.Subsetter(options)
        subsetter.populate(unicodes=codes)
        subsetter.subset(font)
        written = io.BytesIO()
        subset.save_font(font, written, options)
    return written.getvalue()


def theme_files():
    """The theme's own files, untrimmed."""
    import pydata_sphinx_theme

    return Path(pydata_sphinx_theme.__file__).parent / "theme" / "pydata_sphinx_theme" / "static"


def trim_fonts(static, sheets):
    """Write the fonts of icons anew with what the sheets show; a rule that names a font without any goes."""
    original, codes = theme_files() / "vendor" / "fontawesome" / "webfonts", icons_in(sheets.values())
    folder = static / "vendor" / "fontawesome" / "webfonts"
    for file in sorted(original.glob("*.ttf")):
        data = smaller_font(file, codes)
        for ending in (".ttf", ".woff2"):
            (folder / file.name).with_suffix(ending).unlink(missing_ok=True)
        if data:
            (folder / file.name).with_suffix(".woff").write_bytes(data)
        source = rf"src:url\([^)]*{file.stem}\.woff2\)[^}}]*"
        ours = f'src:url(../vendor/fontawesome/webfonts/{file.stem}.woff) format("woff")'
        for path in sheets:
            sheets[path] = re.sub(source, ours if data else "src:local(sans-serif)", sheets[path])


def trim(folder):
    """Trim a folder of built pages, in place."""
    static = folder / "_static"
    for pattern in NEEDLESS:
        for path in static.rglob(pattern):
            path.unlink()
    for path in folder.rglob("*.html"):
        text = path.read_text(encoding="utf-8")
        if (smaller := squeezed(text)) != text:
            path.write_text(smaller, encoding="utf-8")
    words = words_of(folder)
    theirs = {path.name: path for path in theme_files().rglob("*.css")}
    sheets = {}
    for path in sorted(static.rglob("*.css")):
        source = theirs.get(path.name, path).read_text(encoding="utf-8")
        sheets[path] = source if path.name == "course.css" else used(source, words)
    trim_fonts(static, sheets)
    for path, text in sheets.items():
        path.write_text(text, encoding="utf-8")
    for path in sorted(static.rglob("*"), reverse=True):
        if path.is_dir() and not any(path.iterdir()):
            path.rmdir()


def size(folder):
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def main(folder):
    if not (folder / "_static").is_dir():
        raise SystemExit(f"there is no built book in {folder}: make book")
    before = size(folder / "_static")
    trim(folder)
    print(f"{folder / '_static'}: {before:,} bytes before, {size(folder / '_static'):,} after")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "_build" / "html")
