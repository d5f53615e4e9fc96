"""The built book on paper: a PDF of each page of the contents, and one of them all, printed by Chromium.

python tools/pdf.py                     every page and the whole book, into _build/pdf
python tools/pdf.py chapters/13_groups  these pages alone

Hints and solutions are open, figures stand still with their words beside them, formulas are text. The whole
book has its headings as bookmarks, and its links lead to its own pages.
"""

import base64
import html
import io
import sys
import time
from pathlib import Path
from urllib.parse import unquote, urlsplit

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]  # tests/browser.py finds Chromium and drives it

from tools import chapters  # noqa: E402  (found by the path above)

OUT = ROOT / "_build" / "pdf"
WHOLE = "book.pdf"
# Everything that folds is opened; a page in print has neither sidebars nor buttons (course.css).
OPEN = "document.querySelectorAll('details').forEach(one => { one.open = true })"
FOOT = (
    '<div style="font: 8px sans-serif; color: #57606a; width: 100%; margin: 0 16mm; display: flex;'
    ' justify-content: space-between"><span>{title}</span><span><span class="pageNumber"></span>'
    ' of <span class="totalPages"></span></span></div>'
)


def say(text, *, end="\n"):
    print(text, end=end, flush=True)


def refuse(reason):
    raise SystemExit(
        f"{reason}: printing needs Chromium and its driver (Debian: apt install chromium chromium-driver)"
    )


def listed(root=ROOT):
    """The pages of the book in the order of the contents, the first page first."""
    return ["book/intro", *chapters.contents(root)]


def printed(browser, page):
    """One built page as (its title, the bytes of its PDF)."""
    browser.open(page.as_uri())
    title = browser.driver.title.rpartition(" — ")[0] or browser.driver.title
    browser.driver.execute_script(OPEN)
    settings = {
        "printBackground": True,
        "preferCSSPageSize": True,
        "generateTaggedPDF": True,
        "generateDocumentOutline": True,
        "displayHeaderFooter": True,
        "headerTemplate": "<span></span>",
        "footerTemplate": FOOT.format(title=html.escape(title)),
    }
    return title, base64.b64decode(browser.driver.execute_cdp_cmd("Page.printToPDF", settings)["data"])


def led(annotation, folder):
    """The page of the book that a link leads to, as the contents name it; None where it leads elsewhere."""
    address = annotation.get("/A", {}).get("/URI", "")
    if urlsplit(address).scheme != "file":
        return None
    path = Path(unquote(urlsplit(address).path))
    return str(path.relative_to(folder).with_suffix("")) if path.is_relative_to(folder) else ""


def relinked(writer, folder, starts):
    """Links between pages lead to where a page begins in this file; to one not in it they are plain text."""
    from pypdf.generic import ArrayObject, DictionaryObject, NameObject

    for page in writer.pages:
        kept = ArrayObject()
        for entry in page.get("/Annots", ()):
            annotation = entry.get_object()
            name = led(annotation, folder)
            if name in starts:
                target = [writer.pages[starts[name]].indirect_reference, NameObject("/Fit")]
                goal = {NameObject("/S"): NameObject("/GoTo"), NameObject("/D"): ArrayObject(target)}
                annotation[NameObject("/A")] = DictionaryObject(goal)
            if name is None or name in starts:
                kept.append(entry)
        if "/Annots" in page:
            page[NameObject("/Annots")] = kept
    return writer


def joined(parts, folder, title):
    """Several pages, [(name, title, bytes)], as one PDF. → its bytes"""
    from pypdf import PdfReader, PdfWriter

    writer, starts = PdfWriter(), {}
    for name, heading, data in parts:
        starts[name] = len(writer.pages)
        writer.append(PdfReader(io.BytesIO(data)), outline_item=heading if len(parts) > 1 else None)
    writer.add_metadata({"/Title": title, "/Author": "the authors of the course"})
    relinked(writer, folder, starts)
    file = io.BytesIO()
    writer.write(file)
    return file.getvalue()


def printing(names, folder, browser):
    """Prints pages one by one; a page that cannot be printed is named. Yields (name, title, bytes)."""
    for number, name in enumerate(names, start=1):
        page = folder / f"{name}.html"
        if not page.is_file():
            raise SystemExit(f"there is no built page {page}: make book")
        started = time.monotonic()
        say(f"[{number}/{len(names)}] {name} …", end="")
        try:
            title, data = printed(browser, page)
        except Exception as error:  # whatever the driver raises, the reader wants to know of which page
            raise SystemExit(f"\n{name} could not be printed: {type(error).__name__}: {error}") from error
        say(f" {len(data) / 1e6:.1f} MB in {time.monotonic() - started:.0f} s")
        yield name, title, data


def main(names, folder=ROOT / "_build" / "html", out=OUT):
    """Prints pages, and the whole book where none is named. → the files written"""
    from browser import Browser

    folder, whole, files = folder.resolve(), not names, []
    browser = Browser(missing=refuse)
    try:
        browser.size(1000)
        parts = list(printing(names or listed(), folder, browser))
    finally:
        browser.close()
    for name, title, data in parts:
        files.append(out / f"{name}.pdf")
        files[-1].parent.mkdir(parents=True, exist_ok=True)
        files[-1].write_bytes(joined([(name, title, data)], folder, title))
    if whole:
        files.append(out / WHOLE)
        files[-1].write_bytes(joined(parts, folder, "Grouped pointwise convolutions"))
    say(f"{len(files)} files in {out}")
    return files


if __name__ == "__main__":
    main(sys.argv[1:])
