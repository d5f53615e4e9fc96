"""Amounts one can compare by eye: bars cut into their parts, and squares whose areas are the numbers."""

import numpy as np
from matplotlib.patches import Rectangle

from gpc.show.canvas import figure, headline, styled
from gpc.show.colours import palette
from gpc.show.numbers import number

# What a letter needs in width, in inches, at the style's size of type: for deciding where words have room.
_LETTER = 0.088
_KINDS = {
    "depthwise": "depthwise",
    "grouped": "grouped",
    "pointwise": "pointwise",
    "1×1": "pointwise",
    "dense": "dense",
    "convolution": "convolution",
    "3×3": "convolution",
    "norm": "norm",
    "other": "other",
}


@styled
def stacked_bars(bars, *, title, unit="", share=True, colours=None, width=7.5):
    """Horizontal bars cut into their parts: {bar: {part: amount}}, parts also as [(part, amount), …].

    Args:
        bars: the amounts, none negative.
        title: the conclusion.
        unit: of the amounts, said below the axis where `share` is False.
        share: every bar is as long as the others and a part's length is its share of the bar (amounts of
            different units can then stand below each other); False draws the amounts on one axis.
        colours: part → colour; kinds of layers have their own.
        width: of the drawing, in inches.

    A part is named inside where it has room, above the bar with a line down to it where it has not.

    Raises ValueError for no bars, no parts, or amounts that are negative or all zero.
    """
    bars = {name: _pairs(parts, name) for name, parts in bars.items()}
    totals = {name: sum(amount for _, amount in parts) for name, parts in bars.items()}
    if not bars or not all(totals.values()):
        raise ValueError(f"every bar needs an amount above zero to be drawn; totals: {totals}")
    drawn, axes = figure(width, 0.75 + 0.95 * len(bars))
    end = 1.0 if share else max(totals.values())
    axes.set_yticks(range(len(bars)), [f"{name}\n{number(total)}" for name, total in totals.items()])
    axes.set(
        ylim=(len(bars) - 0.6, -0.8), xlim=(0, end), xticks=[], xlabel="" if share else f"length: {unit}"
    )
    axes.tick_params(left=False)
    axes.spines[["left", "bottom"]].set_visible(False)
    axes.grid(False)
    described = {n: ", ".join(f"{p} {number(a)}" for p, a in parts) for n, parts in bars.items()}
    headline(drawn, title, " ".join(f"{n}: {words}." for n, words in described.items()))
    # The room for words is known once everything else has its place, which then has to stay.
    drawn.draw_without_rendering()
    drawn.set_layout_engine("none")
    paints = _paints(bars, colours)
    for row, (name, parts) in enumerate(bars.items()):
        _bar(axes, row, parts, scale=1 / totals[name] if share else 1, shares=share, paints=paints)
    return drawn


def _pairs(parts, name):
    parts = [(str(p), a) for p, a in (parts.items() if isinstance(parts, dict) else parts)]
    if not parts or any(amount < 0 for _, amount in parts):
        raise ValueError(f"{name!r} needs parts with amounts of zero or more; got {parts}")
    return parts


def _paints(shapes, colours):
    """Part → colour for all shapes: as given, by kind of layer, or the next free hue of the palette."""
    names = list(dict.fromkeys(part for parts in shapes.values() for part, _ in parts))
    paints = {
        n: next((palette.kind(k) for word, k in _KINDS.items() if word in n.lower()), None) for n in names
    }
    paints.update(colours or {})
    free = [c for c in palette.cycle if c not in paints.values()] or list(palette.cycle)
    unnamed = [n for n in names if paints[n] is None]
    paints.update({n: free[i % len(free)] for i, n in enumerate(unnamed)})
    return {n: palette.text(c) for n, c in paints.items()}


def _bar(axes, row, parts, *, scale, shares, paints):
    left, lifted = 0.0, []
    for name, amount in parts:
        length = amount * scale
        axes.barh(
            row, length, left=left, height=0.55, color=paints[name], edgecolor=palette.paper, linewidth=1.2
        )
        words = f"{name} {length:.1%}" if shares else f"{name} {number(amount)}"
        style = {"color": palette.paper, "ha": "center", "va": "center", "fontweight": "bold"}
        inside = axes.text(left + length / 2, row, words, **style)
        if _length(axes, inside) > 0.96 * length:
            inside.remove()
            if amount:
                lifted.append((left + length / 2, words, paints[name]))
        left += length
    _lift(axes, row, lifted)


def _length(axes, text):
    """A text's width in the units of the x axis."""
    return text.get_window_extent().width / axes.bbox.width * axes.get_xlim()[1]


def _lift(axes, row, labels):
    """Names of parts too short for them: above the bar, side by side, each with a line to its part."""
    end, drawn = axes.get_xlim()[1], []
    gap = 0.15 / (axes.bbox.width / axes.figure.dpi) * end
    for x, words, colour in labels:
        line = {
            "arrowstyle": "-",
            "color": colour,
            "linewidth": 1.0,
            "shrinkA": 0,
            "shrinkB": 0,
            "relpos": (0.5, 0),
        }
        drawn.append(
            axes.annotate(
                words,
                (x, row - 0.275),
                xytext=(x, row - 0.45),
                textcoords="data",
                color=colour,
                ha="center",
                va="bottom",
                arrowprops=line,
            )
        )
    halves = [_length(axes, label) / 2 for label in drawn]
    free, middles = 0.0, []
    for (x, _, _), half in zip(labels, halves, strict=True):
        middles.append(max(x, free + half))
        free = middles[-1] + half + gap
    limit = end
    for label, middle, half in reversed(list(zip(drawn, middles, halves, strict=True))):
        middle = max(min(middle, limit - half), half)
        limit = middle - half - gap
        label.set_x(middle)


@styled
def areas(shapes, *, title, unit, colours=None, width=7.5):
    """Squares whose areas are the amounts, on one scale: {name: amount} or {name: {part: amount}}.

    Twice the number is twice the ink; parts, also as [(part, amount), …], are bands of their share. `unit`
    stands with each number.
    Raises ValueError for no shapes, or amounts that are negative or zero.
    """
    parts = {n: [("", a)] if np.isscalar(a) else _pairs(a, n) for n, a in shapes.items()}
    whole = {n: sum(a for _, a in p) for n, p in parts.items()}
    if not whole or min(whole.values()) <= 0:
        raise ValueError(f"every shape needs an amount above zero to have an area; got {whole}")
    sides = {n: a**0.5 for n, a in whole.items()}
    words = {n: f"{n}\n{number(a)} {unit}" for n, a in whole.items()}
    inch, widths = _inch(sides, words, width)
    height = max(sides.values()) / inch + 1.0
    drawn, axes = figure(width, height)
    axes.set_position([0.01, 0.01, 0.98, 0.98])
    drawn.set_layout_engine("none")
    paints = _paints({n: [(p or n, a) for p, a in pieces] for n, pieces in parts.items()}, colours)
    left = 0.0
    for name, pieces in parts.items():
        _square(axes, left, sides[name], [(p, a, paints[p or name]) for p, a in pieces])
        axes.text(left, -0.08 * inch, words[name], va="top", ha="left", linespacing=1.3)
        left += widths[name] + 0.25 * inch
    # One unit is as long upwards as sideways: squares are square.
    axes.set(xlim=(0, 0.98 * width * inch), ylim=(-0.55 * inch, (0.98 * height - 0.55) * inch))
    axes.set_axis_off()
    return headline(drawn, title, " ".join(f"{n}: {number(a)} {unit}." for n, a in whole.items()))


def _inch(sides, words, width):
    """How much one inch stands for, and each place's width: the wider one of square and words."""
    needs = {n: _LETTER * max(map(len, text.split("\n"))) for n, text in words.items()}
    low, high = 1e-9, max(sides.values()) * 1e3
    for _ in range(80):
        inch = (low * high) ** 0.5
        widths = {n: max(sides[n], needs[n] * inch) for n in sides}
        fits = (
            sum(widths.values()) + 0.25 * inch * len(sides) <= 0.98 * width * inch
            and max(sides.values()) <= 3.6 * inch
        )
        low, high = (low, inch) if fits else (inch, high)
    return high, {n: max(sides[n], needs[n] * high) for n in sides}


def _square(axes, left, side, parts):
    total, bottom = sum(amount for _, amount, _ in parts), 0.0
    for name, amount, paint in parts:
        height = side * amount / total
        axes.add_patch(
            Rectangle((left, bottom), side, height, facecolor=paint, edgecolor=palette.paper, linewidth=1)
        )
        inches = axes.figure.get_figheight() * height / (side * 2)
        if name and inches > 0.2:
            axes.text(
                left + side / 2, bottom + height / 2, name, color=palette.paper, ha="center", va="center"
            )
        bottom += height
