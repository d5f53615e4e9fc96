"""Points in a plane as a small picture for `gpc.show.explorer`: axes, spreads, names, an arrow."""

import math
from dataclasses import dataclass

from gpc.show.colours import palette
from gpc.show.panels import WIDTH, near, panel, words

_LEFT, _TOP, _ROOM = 44, 46, 230
_SHORT = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))


@dataclass(frozen=True)
class Axis:
    """One axis: its words, its ends, whether it is logarithmic, how many marks it may have.

    Raises ValueError where low is not below high, or a logarithmic axis begins at 0 or below.
    """

    label: str
    low: float
    high: float
    log: bool = False
    most: int = 7

    def __post_init__(self):
        if not self.low < self.high:
            raise ValueError(f"an axis goes from low up to high; {self.label!r} goes {self.low} → {self.high}")
        if self.log and self.low <= 0:
            told = f"{self.label!r} begins at {self.low}"
            raise ValueError(f"a logarithmic axis begins above 0; {told}: leave log=True out, or raise low")

    def __str__(self):
        return f"{self.label}, log scale" if self.log else self.label

    def share(self, value):
        """Where a value stands, from 0 at the low end to 1 at the high one.

        >>> Axis("MACs", 1e3, 1e9, log=True).share(1e6)
        0.5
        """
        low, high, value = (math.log(v) if self.log else v for v in (self.low, self.high, value))
        return (value - low) / (high - low)

    def ticks(self):
        """Values worth a mark, `most` at most.

        >>> Axis("share", 0.31, 0.52).ticks(), Axis("MACs", 9e3, 2e6, log=True).ticks()
        ([0.35, 0.4, 0.45, 0.5], [10000.0, 30000.0, 100000.0, 300000.0, 1000000.0])
        """
        return _decades(self) if self.log else _steps(self)


def _decades(axis):
    powers = range(math.floor(math.log10(axis.low)), math.ceil(math.log10(axis.high)) + 1)
    for parts in ((1, 2, 5), (1, 3), (1,)):
        found = [part * 10.0**power for power in powers for part in parts]
        found = [value for value in found if axis.low <= value <= axis.high]
        if len(found) <= min(axis.most, 5):
            break
    every = math.ceil(len(found) / axis.most)
    return found[::every] if len(found) > 1 else _steps(axis)


def _steps(axis):
    power = 10.0 ** math.floor(math.log10(axis.high - axis.low))
    for part in (0.1, 0.2, 0.5, 1, 2, 5, 10):
        step = part * power
        first, last = math.ceil(axis.low / step - 1e-9), math.floor(axis.high / step + 1e-9)
        if last - first < axis.most:
            break
    return [round(i * step, 10) for i in range(first, last + 1)]


def short(value):
    """A number for an axis: 20 k, 1.5 M.

    >>> short(20_000), short(1.5e6), short(0.35), short(40.0)
    ('20 k', '1.5 M', '0.35', '40')
    """
    for size, letter in _SHORT:
        if value >= size:
            return f"{value / size:g} {letter}"
    return f"{value:g}"


@dataclass(frozen=True)
class Point:
    """A mark in the plane; `low` and `high` are the ends of its spread, a name stands beside it or above."""

    x: float
    y: float
    name: str = ""
    colour: str = "blue"
    low: float | None = None
    high: float | None = None
    hollow: bool = False
    faint: bool = False
    above: bool = False


def plane(title, points, x, y, *, places=None, line=(), way=()):
    """Points in a plane of two axes. The pictures of one figure have the same `places`, names or no.

    Args:
        title: a few words above the picture.
        points: the `Point`s, in the axes' own units.
        x, y: the `Axis` across and the one up.
        places: for how many points room is kept, where states have different numbers of them.
        line: [(x, y), …] joined by a thin line.
        way: two points (x, y), an arrow from the first to the second.

    Raises ValueError for more points than places, and for one outside the axes.
    """
    places = len(points) if places is None else places
    if len(points) > places:
        raise ValueError(f"{len(points)} points need as many places; got places={places}")
    for point in points:
        if not (0 <= x.share(point.x) <= 1 and 0 <= y.share(point.y) <= 1):
            raise ValueError(f"{point} lies outside {x!r} or {y!r}")
    at = [(_across(x, p.x), _up(y, p.y)) for p in points]
    path = "L".join(f"{near(_across(x, a))} {near(_up(y, b))}" for a, b in line) or "0 0"
    marks = [words(0, 16, title, bold=True, size=14), words(0, 36, f"↑ {y}", size=12, colour="muted")]
    marks += [*_grid(x, y), f'<path d="M{path}" fill="none" stroke="{palette.muted}" stroke-width="1.2"/>']
    marks += [_arrow([(_across(x, a), _up(y, b)) for a, b in way])]
    for i in range(places):
        marks += _mark(points[i], at[i], y) if i < len(points) else _mark(None, (0, 0), y)
    return panel(_TOP + _ROOM + 44, *marks, *_names(points, at, places))


def _across(axis, value):
    return _LEFT + (WIDTH - _LEFT - 10) * axis.share(value)


def _up(axis, value):
    return _TOP + _ROOM * (1 - axis.share(value))


def _grid(x, y):
    marks = [f'<path d="M{_LEFT} {_TOP}V{_TOP + _ROOM}H{WIDTH}" fill="none" stroke="{palette.muted}"/>']
    for axis, values in ((x, x.ticks()), (y, y.ticks())):
        for i in range(axis.most):
            shown = i < len(values)
            value = values[i] if shown else axis.low
            marks += _tick(axis is x, (_across if axis is x else _up)(axis, value), short(value), shown)
    middle = (_LEFT + WIDTH) / 2
    below = words(middle, _TOP + _ROOM + 38, f"{x} →", size=12, anchor="middle", colour="muted")
    return [*marks, below]


def _tick(upright, place, told, shown):
    ends = (place, place, _TOP, _TOP + _ROOM) if upright else (_LEFT, WIDTH, place, place)
    x1, x2, y1, y2 = map(near, ends)
    seen = "visible" if shown else "hidden"
    line = f'<line x1="{x1}" x2="{x2}" y1="{y1}" y2="{y2}" stroke="{palette.grid}" visibility="{seen}"/>'
    if upright:
        return [line, words(place, _TOP + _ROOM + 17, told, size=12, anchor="middle", shown=shown)]
    return [line, words(_LEFT - 6, place + 4, told, size=12, anchor="end", shown=shown)]


def _arrow(ends):
    if not ends:
        return f'<path d="M0 0" fill="none" stroke="{palette.ink}" stroke-width="2"/>'
    (a, b), (c, d) = ends
    long = math.hypot(c - a, d - b) or 1.0
    ux, uy = (c - a) / long, (d - b) / long
    a, b, c, d = a + 7 * ux, b + 7 * uy, c - 9 * ux, d - 9 * uy
    wings = [(c - 8 * ux + s * 4 * uy, d - 8 * uy - s * 4 * ux) for s in (1, -1)]
    path = f"M{near(a)} {near(b)}L{near(c)} {near(d)}" if long > 20 else "M0 0"
    head = "".join(f"M{near(p)} {near(q)}L{near(c)} {near(d)}" for p, q in wings) if long > 20 else ""
    return f'<path d="{path}{head}" fill="none" stroke="{palette.ink}" stroke-width="2"/>'


def _mark(point, at, y):
    """A line for the spread and a dot; hidden for none."""
    cx, cy = map(near, at)
    seen, hue = ("visible", getattr(palette, point.colour)) if point else ("hidden", palette.blue)
    ends = [at[1]] * 2
    if point and point.low is not None:
        ends = [_up(y, max(y.low, point.low)), _up(y, min(y.high, point.high))]
    faint = 0.35 if point and point.faint else 1
    fill = palette.paper if point and point.hollow else hue
    return [
        f'<line x1="{cx}" x2="{cx}" y1="{near(ends[0])}" y2="{near(ends[1])}" stroke="{hue}" '
        f'stroke-width="1.6" opacity="{faint}" visibility="{seen}"/>',
        f'<circle cx="{cx}" cy="{cy}" r="{4 if point and point.faint else 6}" fill="{fill}" stroke="{hue}" '
        f'stroke-width="2" opacity="{faint}" visibility="{seen}"/>',
    ]


def _names(points, at, places):
    """Names at the right of their points, at the left where the edge is near, pushed apart; or above."""
    from gpc.show.canvas import apart

    beside = [i for i, point in enumerate(points) if point.name and not point.above]
    beside.sort(key=lambda i: at[i][1])
    heights = dict(zip(beside, apart([at[i][1] for i in beside], 15), strict=True))
    marks = []
    for i in range(places):
        point, (x, y) = (points[i], at[i]) if i < len(points) else (Point(0, 0), (0, 0))
        x, y, anchor = _place(point, x, heights.get(i, y))
        look = {"anchor": anchor, "colour": point.colour, "shown": bool(point.name)}
        marks.append(words(x, y, point.name, size=12, **look))
    return marks


def _place(point, x, y):
    """Where a point's name begins, or ends, or has its middle; and which of them it is."""
    if point.above:
        return x, y - 11, "middle"
    if x + 11 + 6.8 * len(point.name) <= WIDTH:
        return x + 11, y + 4, "start"
    return x - 11, y + 4, "end"
