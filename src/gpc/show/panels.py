"""Small pictures for figures with several controls: plain SVG as wide as a telephone, side by side at a desk.

Each function returns an SVG text with the same elements whatever the numbers are, so that `gpc.show.explorer`
can keep what differs. Amounts are drawn true to scale; a picture is 360 of its own units wide.
"""

import base64
import io

import numpy as np

from gpc.show.colours import palette
from gpc.show.numbers import number
from gpc.show.page import escape

WIDTH = 360


def panel(height, *marks):
    """An SVG of the panels' width around marks.

    >>> panel(9, words(0, 8, "a < b"))[:36]
    '<svg viewBox="0 0 360 9"><text x="0"'
    """
    return f'<svg viewBox="0 0 {WIDTH} {height}">{"".join(marks)}</svg>'


def near(value):
    """A length as a tidy number: two decimals at most.

    >>> near(2.0), near(1 / 3), near(-0.001)
    ('2', '0.33', '0')
    """
    return f"{round(float(value), 2) + 0:.2f}".rstrip("0").rstrip(".")


def words(x, y, text, *, size=13, anchor="start", bold=False, colour="ink", shown=True):
    """Words on the picture: a point on their line, and which end of them stands there."""
    weight = ' font-weight="bold"' if bold else ""
    return (
        f'<text x="{near(x)}" y="{near(y)}" font-size="{size}" text-anchor="{anchor}" '
        f'fill="{palette.text(colour)}" visibility="{"visible" if shown else "hidden"}"{weight}>'
        f"{escape(text)}</text>"
    )


def box(x, y, width, height, look):
    """A rectangle.

    Args:
        x, y: its upper left corner.
        width, height: its size.
        look: its other attributes, as SVG has them.
    """
    return f'<rect x="{near(x)}" y="{near(y)}" width="{near(width)}" height="{near(height)}" {look}/>'


def _colour(name):
    return getattr(palette, name, name)


def squares(title, amount, reference, *, unit="", told="", colour="blue"):
    """Two amounts as squares on one scale: yours filled, the reference in dashes; the larger fills the panel.

    Args:
        title: a few words above the squares.
        amount, reference: the two amounts, both above zero.
        unit: of the amount, written behind it.
        told: what the reference is.
        colour: of the filled square, a name of `gpc.show.palette`.

    Raises ValueError for amounts that are not above zero.
    """
    if not min(amount, reference) > 0:
        raise ValueError(f"an area needs an amount above zero; got {amount} and {reference}")
    largest, room = max(amount, reference), 220
    side, other = (room * (one / largest) ** 0.5 for one in (amount, reference))
    top = 58
    return panel(
        top + room + 34,
        words(0, 16, title, bold=True, size=14),
        words(0, 44, f"{number(amount)} {unit}".strip(), size=20, bold=True, colour=colour),
        box(1, top, side, side, f'fill="{_colour(colour)}" fill-opacity="0.85"'),
        box(1, top, other, other, f'fill="none" stroke="{palette.ink}" stroke-dasharray="5 4"'),
        words(0, top + room + 24, f"dashed: {told} {number(reference)}".replace("  ", " "), colour="muted"),
    )


def bars(title, rows):
    """Bars on one scale, true to it: rows of (name, amount, words at its right, colour); None is not drawn.

    A row's amount is a share of one, and one is as long as the panel; more fills it, and the words say how
    much.
    """
    marks = [words(0, 16, title, bold=True, size=14)]
    for i, (name, amount, said, colour) in enumerate(rows):
        top = 34 + 52 * i
        marks += [
            words(0, top + 12, name),
            words(WIDTH, top + 12, said, anchor="end", bold=True),
            box(0, top + 19, WIDTH, 16, f'fill="{palette.grid}" fill-opacity="0.6"'),
            box(0, top + 19, WIDTH * min(1, amount or 0), 16, f'fill="{_colour(colour)}"'),
        ]
    return panel(34 + 52 * len(rows), *marks)


def histogram(title, values, levels, *, x, told=("", ""), bins=60, room=190):
    """How values are spread, in grey, and where rounding puts them: a line at each level.

    Args:
        title: a few words above the picture.
        values: the values, an array.
        levels: {place: share of the values}, the height of its line.
        x: what the axis shows.
        told: words for the two ends of the axis.
        bins: how many bars.
        room: height of the tallest bar and line, in the picture's units.
    """
    low, high = float(np.min(values)), float(np.max(values))
    span = max(abs(low), abs(high))
    heights, _ = np.histogram(values, bins=bins, range=(-span, span))
    top, step = 34, WIDTH / bins
    tall = heights / heights.max() * room
    area = "".join(f"H{near(i * step)}V{near(top + room - h)}" for i, h in enumerate(tall))
    most = max(levels.values())
    lines = "".join(
        f"M{near(WIDTH / 2 * (1 + place / span))} {top + room}v-{near(max(2, share / most * room))}"
        for place, share in sorted(levels.items())
    )
    return panel(
        top + room + 46,
        words(0, 16, title, bold=True, size=14),
        f'<path d="M0 {top + room}{area}H{WIDTH}V{top + room}Z" fill="{palette.grid}"/>',
        f'<path d="{lines}" stroke="{palette.blue}" stroke-width="{near(min(3, max(1, 240 / len(levels))))}" '
        'fill="none"/>',
        f'<path d="M0 {top + room}H{WIDTH}" stroke="{palette.muted}"/>',
        words(0, top + room + 17, told[0], size=12),
        words(WIDTH / 2, top + room + 17, "0", size=12, anchor="middle"),
        words(WIDTH, top + room + 17, told[1], size=12, anchor="end"),
        words(WIDTH / 2, top + room + 38, x, anchor="middle", colour="muted"),
    )


def photograph(title, pixels, *layers, under=""):
    """An image across the panel, layers over it: (H, W, 3) bytes, then SVG marks in the image's own pixels.

    Args:
        title: a few words above the image.
        pixels: the image.
        *layers: what `heat` and `outline` return.
        under: a line of words below.
    """
    height, width = np.shape(pixels)[:2]
    scale, top = WIDTH / width, 30
    room = f'transform="translate(0 {top}) scale({near(scale)})"'
    shown = f'<image href="{png(pixels)}" width="{width}" height="{height}"/>'
    below = top + height * scale
    return panel(
        near(below + (28 if under else 4)),
        words(0, 16, title, bold=True, size=14),
        f"<g {room}>{shown}{''.join(layers)}</g>",
        words(0, below + 19, under) if under else "",
    )


def heat(values, *, opacity=0.75, steps=12):
    """A map (H, W) laid over an image: from nothing at its lowest to full colour at its highest, in steps."""
    values = np.asarray(values, float)
    span = np.ptp(values) or 1.0
    index = np.minimum((values - values.min()) / span * steps, steps - 1).astype("uint8")
    from matplotlib import colormaps

    colours = (colormaps["inferno"](np.linspace(0, 1, steps)) * 255).astype("uint8")
    height, width = values.shape
    shown = png(index, colours[:, :3])
    return f'<image href="{shown}" width="{width}" height="{height}" opacity="{opacity}"/>'


def outline(mask, *, colour="paper", width=0.5):
    """The edge of a mask (H, W) as one path along its pixels.

    >>> import numpy as np
    >>> outline(np.ones((1, 2)))[:33]
    '<path d="M0 0h2M0 1h2M0 0v1M2 0v1'
    """
    inside = np.pad(np.asarray(mask, bool), 1)
    rows = np.argwhere(inside[1:] != inside[:-1]) - [0, 1]
    columns = (np.argwhere(inside[:, 1:] != inside[:, :-1]) - [1, 0])[:, ::-1]
    path = "".join(f"M{x} {y}h{n}" for y, x, n in _runs(rows))
    path += "".join(f"M{x} {y}v{n}" for x, y, n in _runs(columns))
    return f'<path d="{path}" fill="none" stroke="{_colour(colour)}" stroke-width="{width}"/>'


def _runs(places):
    """(line, first, how many) of neighbours on one line."""
    found = []
    for line, place in sorted(map(tuple, places.tolist())):
        if found and found[-1][0] == line and sum(found[-1][1:]) == place:
            found[-1][2] += 1
        else:
            found.append([line, place, 1])
    return found


def png(pixels, colours=None):
    """An image as a data URL, a PNG inside: (H, W, 3) bytes in 64 colours, or indices (H, W) of `colours`."""
    from PIL import Image

    pixels = np.ascontiguousarray(pixels, dtype="uint8")
    if colours is None:
        image = Image.fromarray(pixels).quantize(64, dither=Image.Dither.NONE)
    else:
        image = Image.fromarray(pixels, mode="P") if pixels.ndim == 2 else Image.fromarray(pixels)
        image.putpalette(np.ascontiguousarray(colours, dtype="uint8").tobytes())
    file = io.BytesIO()
    image.save(file, "png", optimize=True)
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()
