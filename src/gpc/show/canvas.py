"""Figures in the course's style: one look, and vector output that is the same in every run."""

import contextlib
import functools
import io
import itertools
import math
import re
import textwrap

import matplotlib
from matplotlib.figure import Figure

from gpc.show.colours import palette
from gpc.show.page import Output, in_notebook
from gpc.show.svg import tidy

_RC = {
    "axes.axisbelow": True,
    "axes.edgecolor": palette.muted,
    "axes.facecolor": palette.paper,
    "axes.grid": True,
    "axes.grid.axis": "y",
    "axes.labelcolor": palette.ink,
    "axes.prop_cycle": matplotlib.cycler(color=palette.cycle),
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlelocation": "left",
    "axes.titlesize": 11.5,
    "axes.titleweight": "bold",
    "axes.titlepad": 10,
    "figure.dpi": 110,
    "figure.facecolor": palette.paper,
    "figure.figsize": (7.5, 3.6),
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 10.5,
    "grid.color": palette.grid,
    "grid.linewidth": 0.8,
    "legend.frameon": False,
    "lines.linewidth": 2.0,
    "lines.markersize": 7,
    "savefig.facecolor": palette.paper,
    "svg.hashsalt": "gpc",
    "text.color": palette.ink,
    "xtick.color": palette.muted,
    "xtick.labelcolor": palette.ink,
    "ytick.color": palette.muted,
    "ytick.labelcolor": palette.ink,
}
_NO_DATE = {"Date": None, "Creator": None}


class _Style(contextlib.AbstractContextManager):
    """What `style()` returns: leave it alone to keep the style, or use it as a context."""

    def __init__(self):
        self._before = {name: matplotlib.rcParams[name] for name in _RC}
        matplotlib.rcParams.update(_RC)

    def __exit__(self, *error):
        matplotlib.rcParams.update(self._before)


def style():
    """Sets matplotlib to the course's look: palette, type, thin axes, vector figures.

    `style()` once at the top of a cell that draws with matplotlib itself; `with style():` to have it for a
    block only. The helpers of `gpc.show` bring it along and need no call.
    """
    if in_notebook():
        _vector_outputs()
    return _Style()


def _vector_outputs():
    """Makes a notebook show pyplot's figures as SVG without a date, as `Drawing` shows its own."""
    from IPython import get_ipython
    from matplotlib_inline.config import InlineBackend

    backend = InlineBackend.instance(parent=get_ipython())
    backend.print_figure_kwargs = {"bbox_inches": "tight", "metadata": _NO_DATE}
    backend.figure_formats = {"svg"}


def styled(function):
    """Runs a drawing function under the course's style, whatever the caller's own is."""

    @functools.wraps(function)
    def draw(*args, **kwargs):
        with matplotlib.rc_context(_RC):
            return function(*args, **kwargs)

    return draw


class Drawing(Figure):
    """A matplotlib Figure that shows itself as a vector picture and needs neither pyplot nor a window.

    `description` is its text at a terminal and for a screen reader; `svg()` its source, text as text;
    `save(path)` writes whatever matplotlib can write.
    """

    description = ""

    def svg(self, prefix=""):
        """The picture as an SVG element without a date; its ids begin with `prefix`, so that none clash."""
        return svg(self, prefix)

    @styled
    def save(self, path, **options):
        """Writes the picture; the ending of the name says as what."""
        self.savefig(path, **options)

    def _ipython_display_(self):
        Output(self.description or repr(self), data={"image/svg+xml": _source(self, "path")}).show()


def _source(figure, words):
    """matplotlib's own SVG: words as "path" for a file that stands alone, as "none" (text) inside a page."""
    file = io.StringIO()
    with matplotlib.rc_context({**_RC, "svg.fonttype": words}):
        figure.savefig(file, format="svg", metadata=_NO_DATE)
    return file.getvalue()


def svg(figure, prefix=""):
    """Any matplotlib figure as an SVG element for a page, see `gpc.show.svg.tidy`."""
    return tidy(_source(figure, "none"), prefix=prefix)


@styled
def side_by_side(figure):
    """A figure's pictures as SVG sources, from left to right, each with the part of the width that is its own.

    Axes in a single row without a common title can be cut apart between their words; any other figure is one
    picture. A page narrower than the figure can then set them one below the other.
    """
    figure.draw_without_rendering()
    boxes = [axes.get_tightbbox() for axes in figure.axes]
    if not _a_row(figure, boxes):
        return [_source(figure, "none")]
    to_points = 72 / figure.dpi
    cuts = [(one.x1 + other.x0) / 2 * to_points for one, other in itertools.pairwise(boxes)]
    edges, engine, found = [0, *cuts, figure.get_figwidth() * 72], figure.get_layout_engine(), []
    figure.set_layout_engine("none")  # hidden neighbours keep their room
    for alone, (left, right) in zip(figure.axes, itertools.pairwise(edges), strict=True):
        for axes in figure.axes:
            axes.set_visible(axes is alone)
        seen = f'viewBox="{left:.6g} 0 {right - left:.6g} '
        found.append(re.sub(r'viewBox="0 0 [\d.]+ ', seen, _source(figure, "none"), count=1))
    for axes in figure.axes:
        axes.set_visible(True)
    figure.set_layout_engine(engine)
    return found


def _a_row(figure, boxes):
    """Whether a figure is nothing but axes in one row, none of whose words reaches over another's."""
    places = [axes.get_subplotspec() for axes in figure.axes]
    alone = not (figure.get_suptitle() or figure.texts or figure.legends or figure.subfigs)
    return (
        alone
        and len(places) > 1
        and all(
            place is not None and place.get_gridspec().nrows == 1 and axes.get_visible()
            for place, axes in zip(places, figure.axes, strict=True)
        )
        and all(one.x1 <= other.x0 for one, other in itertools.pairwise(boxes))
    )


@styled
def figure(width=7.5, height=3.6, *, rows=1, columns=1, **options):
    """A Drawing and its axes (one, or an array of rows × columns), sizes in inches.

    Options go to matplotlib's `subplots`. `headline(drawing, title, description)` gives it its conclusion and
    its words. Raises ValueError above 8 inches, which no page of the book is wide enough for.
    """
    if not 0 < width <= 8:
        raise ValueError(f"width={width} inches must be above 0 and at most 8, the width of a page")
    drawn = Drawing(figsize=(width, height), layout="constrained")
    return drawn, drawn.subplots(rows, columns, **options)


def headline(drawn, title, description):
    """Puts the conclusion above the whole drawing, and both texts where a screen reader finds them.

    Returns the drawing. Raises ValueError for an empty title.
    """
    if not str(title).strip():
        raise ValueError("a figure needs a title that says its conclusion")
    shown = drawn.suptitle(title, x=0.012, ha="left", fontsize=11.5, fontweight="bold")
    share = shown.get_window_extent().width / (0.976 * drawn.bbox.width)
    if share > 1:  # it would be cut at the right: broken into lines of nearly equal length
        lines = math.ceil(share)
        shown.set_text("\n".join(textwrap.wrap(title, math.ceil(len(title) / lines * 1.08))))
    drawn.description = f"{title}. {description}".strip()
    return drawn


def end_labels(axes, labels, *, gap=1.25):
    """Names at the ends of lines instead of a legend: [(x, y, text, colour), …].

    Args:
        axes: where the lines end.
        labels: the names, each with its place in the axes' own units.
        gap: the least distance of two labels' middles, in lines of text.

    They are pushed apart where they would overlap. Call it when the axes have their final limits.
    """
    size = matplotlib.rcParams["font.size"]
    height = size * gap * axes.figure.dpi / 72
    to_pixels, from_pixels = axes.transData.transform, axes.transData.inverted().transform
    placed = sorted(
        ((*to_pixels((x, y)), text, colour) for x, y, text, colour in labels), key=lambda entry: entry[1]
    )
    heights = apart([entry[1] for entry in placed], height)
    for (x, _, text, colour), y in zip(placed, heights, strict=True):
        axes.annotate(
            text,
            from_pixels((x, y)),
            xytext=(8, 0),
            textcoords="offset points",
            va="center",
            ha="left",
            color=palette.text(colour),
            annotation_clip=False,
        )


def apart(values, gap):
    """Sorted values moved as little as it takes to be `gap` apart: neighbours share their middle."""
    blocks = []
    for value in values:
        blocks.append([value, 1])
        while len(blocks) > 1 and blocks[-1][0] - blocks[-2][0] < gap * (blocks[-1][1] + blocks[-2][1]) / 2:
            (a, n), (b, m) = blocks[-2:]
            blocks[-2:] = [[(a * n + b * m) / (n + m), n + m]]
    return [middle + gap * (i - (n - 1) / 2) for middle, n in blocks for i in range(n)]
