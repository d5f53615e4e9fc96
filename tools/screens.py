"""Every page of the built book as a picture, to look at: wide and on a telephone, light and dark.

python tools/screens.py                     every page, into _build/screenshots
python tools/screens.py chapters/13_groups  these pages alone

A page too long for one picture goes on in others: `…-390-2.png`. A sheet a width and mode shows all pages
small, side by side: `sheet-1440-dark.png`.
"""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]  # tests/browser.py finds Chromium and drives it

from tools.pdf import listed, refuse  # noqa: E402  (found by the path above)

OUT = ROOT / "_build" / "screenshots"
WIDTHS = {1440: 0.5, 390: 1}  # of the window, and how much smaller its picture is kept
MODES = ("light", "dark")
SMALL, HIGH, COLUMNS = 360, 1200, 10  # of a page on a sheet: its width, its height at most; pages in a row


def pictured(browser, folder, names, out=OUT):
    """One picture a page, width and mode, more of a very long one. → {(width, mode): files}"""
    found = {}
    for width, scale in WIDTHS.items():
        for mode in MODES:
            for number, name in enumerate(names, start=1):
                browser.size(width)
                browser.open((folder / f"{name}.html").as_uri(), mode=mode)
                file = out / f"{name.replace('/', '-')}-{mode}-{width}.png"
                found.setdefault((width, mode), []).extend(browser.screenshots(file, scale=scale))
                print(f"[{width} {mode} {number}/{len(names)}] {name}", flush=True)
    return found


def sheet(files):
    """Pictures of pages side by side, all as wide as one another, cut at the same height."""
    from PIL import Image

    small = []
    for file in files:
        with Image.open(file) as picture:
            height = round(picture.height * SMALL / picture.width)
            small.append(picture.convert("RGB").resize((SMALL, height)).crop((0, 0, SMALL, HIGH)))
    rows = -(-len(small) // COLUMNS)
    whole = Image.new("RGB", (SMALL * min(COLUMNS, len(small)), HIGH * rows), "grey")
    for place, picture in enumerate(small):
        whole.paste(picture, (place % COLUMNS * SMALL, place // COLUMNS * HIGH))
    return whole


def main(names, folder=ROOT / "_build" / "html", out=OUT):
    from browser import Browser

    browser = Browser(missing=refuse)
    try:
        found = pictured(browser, folder, names or listed(), out)
    finally:
        browser.close()
    for (width, mode), files in found.items():
        sheet(files).save(out / f"sheet-{width}-{mode}.png")
    print(f"{sum(map(len, found.values()))} pictures and {len(found)} sheets in {out}")


if __name__ == "__main__":
    main(sys.argv[1:])
