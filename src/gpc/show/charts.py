"""Charts whose title is their conclusion: names beside what they name, units on the axes, spread drawn."""

import numpy as np
from matplotlib.ticker import LogFormatterSciNotation, MaxNLocator

from gpc.show.canvas import end_labels, figure, headline, styled
from gpc.show.colours import palette
from gpc.show.numbers import number

FEW = 3


def runs(values, middle=np.median):
    """(middle, low, high, how many) of runs, which are counted along the first axis.

    >>> [value.tolist() if hasattr(value, "tolist") else value for value in runs([[1.0, 2.0], [3.0, 2.0]])]
    [[2.0, 2.0], [1.0, 2.0], [3.0, 2.0], 2]
    """
    values = np.asarray(values, float)
    return middle(values, axis=0), values.min(axis=0), values.max(axis=0), len(values)


class Plain(LogFormatterSciNotation):
    """The marks of a log axis as numbers, 20,000 instead of 2 × 10⁴, where matplotlib would write at all."""

    def __call__(self, x, pos=None):
        if not super().__call__(x, pos):
            return ""
        return number(round(x)) if x > 0.99 else number(x, ".3g")


def plain_marks(axes):
    """Writes the marks of log axes as numbers, 20,000 and 0.05, for drawings made with matplotlib itself."""
    for axis in (axes.xaxis, axes.yaxis):
        if axis.get_scale() == "log":
            axis.set_major_formatter(Plain())
            axis.set_minor_formatter(Plain())


def _axes(axes, title, x, y, log, size):
    """The drawing and axes to draw on, labelled; a log axis says so."""
    if axes is None:
        drawn, axes = figure(*size)
        headline(drawn, title, "")
    else:
        drawn = axes.figure
        axes.set_title(title)
    for name, text in (("x", x), ("y", y)):
        if not str(text).strip():
            raise ValueError(f"the {name} axis needs its quantity and unit, e.g. {name}='time (ms)'")
        if name in log:
            getattr(axes, f"set_{name}scale")("log")
        axes.set(**{f"{name}label": f"{text}, log scale" if name in log else str(text)})
    plain_marks(axes)
    return drawn, axes


@styled
def lines(series, *, title, x, y, log="", colours=None, axes=None, size=(7.5, 3.6)):
    """Lines with their names at their ends: {name: (xs, ys)}.

    Args:
        series: {name: (xs, ys)}; ys is one row, exact, or a row for each run: then the median is drawn, the
            range of the runs as a band, and fewer than three runs hollow.
        title: the conclusion.
        x, y: the quantities with their units.
        log: which axes are logarithmic: "", "x", "y" or "xy".
        colours: name → colour.
        axes: where to draw; None makes a Drawing.
        size: its width and height in inches.

    Returns the Drawing (the axes' own figure where `axes` is given).
    Raises ValueError for lengths that differ, or an empty `x`, `y` or (without `axes`) title.
    """
    drawn, axes = _axes(axes, title, x, y, log, size)
    ends = []
    for (name, (xs, ys)), colour in zip(series.items(), series_colours(series, colours), strict=True):
        ys = np.asarray(ys, float)
        middle, low, high, count = runs(ys) if ys.ndim == 2 else (ys, ys, ys, FEW)
        if len(xs) != len(middle):
            raise ValueError(f"{name!r} has {len(xs)} places on x and {len(middle)} values")
        face = colour if count >= FEW else palette.paper
        marker = "o" if len(xs) <= 20 else None
        axes.plot(
            xs,
            middle,
            color=colour,
            marker=marker,
            markerfacecolor=face,
            markeredgewidth=1.6,
            linestyle="-" if count >= FEW else "--",
        )
        axes.fill_between(xs, low, high, color=colour, alpha=0.18, linewidth=0)
        ends.append((xs[-1], middle[-1], name, colour))
    if "x" not in log and all(float(x).is_integer() for xs, _ in series.values() for x in xs):
        axes.xaxis.set_major_locator(MaxNLocator("auto", integer=True))
    _describe(drawn, f"{title}. Lines: {', '.join(series)}.")
    drawn.draw_without_rendering()
    end_labels(axes, ends)
    return drawn


@styled
def scatter(points, *, title, x, y, log="", colours=None, axes=None, size=(7.5, 4.2), middle=np.median):
    """Points with their names beside them: {name: (x, y)}, each of the two a number or a list of runs.

    Runs are drawn as their median, or as what the function `middle` makes of them, with a line from the least
    to the largest; fewer than three of them hollow. A number alone is exact. Returns the Drawing.
    """
    drawn, axes = _axes(axes, title, x, y, log, size)
    axes.grid(axis="both")
    placed = []
    for (name, pair), colour in zip(points.items(), series_colours(points, colours), strict=True):
        (mx, lx, hx, nx), (my, ly, hy, ny) = (
            runs(v, middle) if np.ndim(v) else (v, v, v, FEW) for v in pair
        )
        face = colour if min(nx, ny) >= FEW else palette.paper
        axes.errorbar(
            [mx],
            [my],
            xerr=[[mx - lx], [hx - mx]],
            yerr=[[my - ly], [hy - my]],
            fmt="o",
            color=colour,
            markerfacecolor=face,
            markeredgewidth=1.8,
            elinewidth=1.4,
            capsize=0,
            markersize=8,
        )
        placed.append((mx, my, name, colour))
    axes.margins(0.12)
    _describe(drawn, f"{title}. Points: {', '.join(points)}.")
    drawn.draw_without_rendering()
    _beside(axes, placed)
    return drawn


def _describe(drawn, words):
    if hasattr(drawn, "description"):
        drawn.description = words


def series_colours(series, colours):
    cycle = iter(palette.cycle * (1 + len(series) // len(palette.cycle)))
    return [(colours or {}).get(name) or next(cycle) for name in series]


def _beside(axes, points):
    """Names right of their points, or on the first side where they cover no point, no name, no edge."""
    renderer = axes.figure._get_renderer()
    frame = axes.get_window_extent(renderer)
    dots = [axes.transData.transform((x, y)) for x, y, _, _ in points]
    taken = []
    for (x, y, text, colour), dot in zip(points, dots, strict=True):
        others = [d for d in dots if d is not dot]
        best = None
        for dx, dy, ha, va in _SIDES:
            label = axes.annotate(
                text,
                (x, y),
                xytext=(dx, dy),
                textcoords="offset points",
                ha=ha,
                va=va,
                color=palette.text(colour),
                annotation_clip=False,
            )
            box = label.get_window_extent(renderer).padded(2)
            rings = box.padded(6)  # a marker is as wide as that around its middle
            faults = sum(box.overlaps(t) for t in taken) + sum(rings.contains(*d) for d in others)
            faults += not (
                frame.x0 <= box.x0
                and box.x1 <= axes.figure.bbox.x1
                and frame.y0 <= box.y0
                and box.y1 <= frame.y1
            )
            if best is None or faults < best[0]:
                if best:
                    best[1].remove()
                best = (faults, label, box)
            else:
                label.remove()
            if faults == 0:
                break
        taken.append(best[2])


_SIDES = [
    (9, 0, "left", "center"),
    (-9, 0, "right", "center"),
    (0, 9, "center", "bottom"),
    (0, -9, "center", "top"),
    (8, 8, "left", "bottom"),
    (8, -8, "left", "top"),
    (-8, 8, "right", "bottom"),
    (-8, -8, "right", "top"),
]


@styled
def matrix(matrices, *, title, rows="input channel", columns="output channel", width=None):
    """Matrices of zeros and ones (or of small numbers, each its colour) side by side: {name: matrix}.

    One matrix may come without a name. Rows are inputs and columns outputs, as `gpc.wiring` has them; below
    each stands the share that isn't zero.
    """
    if not isinstance(matrices, dict):
        matrices = {"": matrices}
    count = len(matrices)
    drawn, axes = figure(width or min(8, 2.9 * count + 0.6), 3.5, columns=count, squeeze=False)
    for axis, (name, values) in zip(axes[0], matrices.items(), strict=True):
        paint(axis, values)
        axis.set_title(name, fontsize=10.5, fontweight="normal")
        shape = np.shape(values)
        share = np.count_nonzero(values) / (shape[0] * shape[1])
        axis.set_xlabel(
            f"{columns}\n{number(share, '.3g') if share < 0.001 else number(share, '.1%')} connected"
        )
    axes[0][0].set_ylabel(rows)
    words = [f"{n} {np.shape(m)}: {np.count_nonzero(m)} connected.".strip() for n, m in matrices.items()]
    return headline(drawn, title, " ".join(words))


def paint(axis, values):
    """One matrix on axes: white is zero, ones dark, other whole numbers in the order of the palette."""
    values = np.asarray(values)
    if values.ndim != 2 or not values.size:
        raise ValueError(f"a matrix has two dimensions and an entry at least; got shape {values.shape}")
    colours = np.array([_rgb(c) for c in (palette.paper, *palette.cycle)])
    index = np.where(values == 0, 0, (values.astype(int) - 1) % len(palette.cycle) + 1)
    axis.imshow(
        colours[index],
        interpolation="none",
        aspect="equal" if 0.4 < values.shape[0] / values.shape[1] < 2.5 else "auto",
    )
    axis.grid(False)
    axis.spines[:].set_visible(True)
    for name, size in (("x", values.shape[1]), ("y", values.shape[0])):
        getattr(axis, f"set_{name}ticks")([0, size - 1] if size > 1 else [0])


def _rgb(colour):
    return tuple(int(colour[i : i + 2], 16) for i in (1, 3, 5))
