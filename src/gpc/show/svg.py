"""SVG that can stand inside a page: small, without ids that clash, asking nobody for anything."""

import re

_REFERENCE = re.compile(r"""url\(['"]?#([^)'"]+)['"]?\)|href=["']#([^"']+)["']""")
_GEOMETRY = re.compile(r'(?<= )(d|x|y|x1|x2|y1|y2|cx|cy|points|transform)="([^"]*)"')
_MARKS = re.compile(r'(?:<use [^>]*? style="([^"]*)"/>)(?:\s*<use [^>]*? style="\1"/>)+')
_FONTS = "'DejaVu Sans',Verdana,Geneva,sans-serif"
# Matplotlib's own rule for lines, which inside a page would hold for every other picture as well: said once,
# on the root.
_LINES = 'stroke-linejoin="round" stroke-linecap="butt"'


def tidy(source, *, prefix=""):
    """An `<svg>` element fit for a page: no metadata, no style for the whole page, ids of its own.

    Ids that nothing refers to are dropped, the others become prefix + number in their order, so that many
    pictures on one page don't take each other's clip paths. The size is left to the page: the viewBox stays,
    width and height go. Coordinates keep a tenth.

    Raises ValueError for what is no SVG, contains a script, or refers to another file or address.
    """
    start = source.find("<svg")
    if start < 0 or "</svg>" not in source:
        raise ValueError(f"a picture must be an SVG element, <svg …>…</svg>; got {source[:40]!r}…")
    source = source[start : source.rindex("</svg>") + 6]
    source = re.sub(r"<!--.*?-->|<metadata>.*?</metadata>", "", source, flags=re.S)
    source = re.sub(r"<style[^>]*>\s*\*\s*\{[^}]*\}\s*</style>|<defs>\s*</defs>|<defs/>", "", source)
    _refuse(source)
    source = _ids(_size(source), prefix)
    source = _GEOMETRY.sub(lambda m: f'{m[1]}="{_rounded(m[2], path=m[1] == "d")}"', source)
    source = re.sub(r' style="[^"]*"', lambda m: re.sub(r"([;:]) +", r"\1", m[0]), source)
    source = _MARKS.sub(_together, source)
    source = re.sub(r"font(-family)?:([^;\"]*?)'DejaVu Sans'[^;\"]*", _font, source)
    return re.sub(r">\s*\n\s*<", "><", source).strip()


def _refuse(source):
    if re.search(r"<script|\son\w+=", source, flags=re.I):
        raise ValueError("a picture must not contain scripts")
    for address in re.findall(r"""href=["']([^"']*)["']|url\(['"]?([^)'"]*)""", source):
        address = "".join(address)
        if not address.startswith(("#", "data:image/")):
            raise ValueError(
                f"a picture must not refer to {address!r}; only to its own parts and to data: images"
            )


def _size(source):
    head, rest = source.split(">", 1)
    if "viewBox" not in head:
        size = [re.search(rf'\b{side}="([\d.]+)', head) for side in ("width", "height")]
        if not all(size):
            raise ValueError("a picture needs a viewBox, or a width and a height to make one from")
        head += f' viewBox="0 0 {size[0][1]} {size[1][1]}"'
    head = re.sub(r'\s(width|height|version|role|aria-\w+)="[^"]*"', "", head)
    head = re.sub(r"\s+", " ", head)
    return f'{head} {_LINES} font-family="{_FONTS}" focusable="false" aria-hidden="true">{rest}'


def _ids(source, prefix):
    used = [a or b for a, b in _REFERENCE.findall(source)]
    names = {name: f"{prefix}{i}" for i, name in enumerate(dict.fromkeys(used))}

    def rename(match):
        return f' id="{names[match[1]]}"' if match[1] in names else ""

    source = re.sub(r'\sid="([^"]*)"', rename, source)
    for_one = _REFERENCE.sub(lambda m: m[0].replace(f"#{m[1] or m[2]}", f"#{names[m[1] or m[2]]}"), source)
    return re.sub(r"<g>\s*</g>", "", for_one)


def _rounded(numbers, path=False):
    # Scales and matrices keep their digits: there a hundredth is not small.
    if "scale" in numbers or "matrix" in numbers:
        return numbers
    short = re.sub(r"-?\d*\.\d+", _short, numbers)
    short = re.sub(r"\s+", " ", short).strip()
    return re.sub(r" ?([A-Za-z]) ?", r"\1", short) if path else short


def _short(match):
    """A coordinate to a tenth, below ten to a hundredth: less than anyone sees of a picture 500 wide."""
    value = float(match[0])
    return f"{value:.{1 if abs(value) >= 10 else 2}f}".rstrip("0").rstrip(".")


def _together(match):
    """Marks that look the same, with their look said once."""
    return f'<g style="{match[1]}">' + match[0].replace(f' style="{match[1]}"', "") + "</g>"


def _font(match):
    return "font-family:inherit" if match[1] else f"font:{match[2]}'DejaVu Sans',Verdana,sans-serif"
