"""The parts that a wiring is drawn from: rows of channels, groups as blocks, weights as lines.

Places run from 0 to 1 along a row, levels count the rows from the bottom. Up to `DOTS` channels each is a dot
and each weight a line; more are a strip of colours with one block a group.
"""

from dataclasses import dataclass

import numpy as np
from matplotlib.patches import PathPatch
from matplotlib.path import Path

from gpc.show.colours import palette

DOTS = 64
_MOST_WEIGHTS = 300
_MOST_BLACK = 100
_BLACK = {"edgecolor": palette.ink, "zorder": 4}


@dataclass(frozen=True)
class Scene:
    """One drawing under way: its axes, and whether its channels are dots or strips."""

    axes: object
    dots: bool

    def patch(self, points, codes=None, **style):
        """A line or a shape through `points`; matplotlib's codes say which are curves."""
        self.axes.add_patch(PathPatch(Path(points, codes), **style))

    def words(self, place, level, text, *, soft=False, **style):
        """A few words, dark for rows of channels, softer for what lies between them."""
        style = {"va": "center", "ha": "left", "fontsize": 9.5, "linespacing": 1.25, **style}
        self.axes.text(place, level, text, color=palette.muted if soft else palette.ink, **style)


def places(count):
    """Where `count` channels stand along their row."""
    return (np.arange(count) + 0.5) / count


def bold(count):
    """How thick the black lines are: the more of them, the thinner."""
    return 1.6 if count <= 4 else 1.0 if count <= 16 else 0.6


def wires(scene, ends, top, bottom, *, curved=True, **style):
    """Wires from places on the level `top` to places on `bottom`, [(upper, lower), …], as one path."""
    codes, middle = [Path.MOVETO, Path.LINETO], (top + bottom) / 2
    points = [((a, top), (b, bottom)) for a, b in ends]
    if curved:
        codes = [Path.MOVETO, Path.CURVE4, Path.CURVE4, Path.CURVE4]
        points = [(start, (start[0], middle), (end[0], middle), end) for start, end in points]
    if points:
        scene.patch(np.concatenate(points), codes * len(points), fill=False, capstyle="round", **style)


def channels(scene, level, colours, filled, *, again=0):
    """A row of channels, those on the way full. The last `again` are the first ones read once more: small."""
    if not scene.dots:
        shades = [_shade(c, 1.0 if f else 0.3) for c, f in zip(colours, filled, strict=True)]
        extent = (0, 1, level - 0.07, level + 0.07)
        scene.axes.imshow([shades], extent=extent, aspect="auto", interpolation="none", zorder=5)
        return
    across, small = min(9.5, 195 / len(colours)), np.arange(len(colours)) >= len(colours) - again
    kinds = list(zip(colours, map(bool, filled), map(bool, small), strict=True))
    for kind in dict.fromkeys(kinds):
        colour, full, little = kind
        mine = [place for place, other in zip(places(len(kinds)), kinds, strict=True) if other == kind]
        style = {"color": colour, "markerfacecolor": colour if full else palette.paper, "zorder": 5}
        style |= {"markersize": across * (0.55 if little else 1), "markeredgewidth": min(1.3, across / 4)}
        scene.axes.plot(mine, [level] * len(mine), "o", **style)


def _shade(colour, strength):
    rgb = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    return 1 - strength * (1 - rgb)


def grouped(scene, grouping, top, bottom, colours, followed):
    """A grouped convolution between two levels, its groups in `colours`, the filters `followed` in black."""
    slots = grouping.groups * grouping.channels_per_group
    above, below = places(slots), places(grouping.filters)
    reads = np.arange(slots).reshape(grouping.groups, -1)
    over, under = (min(0.5 / n, 0.004) if scene.dots else 0.5 / n for n in (slots, grouping.filters))
    own = grouping.filters // grouping.groups
    block = {"edgecolor": palette.paper, "linewidth": 0.4, "alpha": 0.16 if scene.dots else 0.45}
    for g, colour in enumerate(colours):
        left, right = above[reads[g, 0]] - over, above[reads[g, -1]] + over
        first, last = below[g * own] - under, below[g * own + own - 1] + under
        corners = [(left, top), (right, top), (last, bottom), (first, bottom), (left, top)]
        scene.patch(corners, facecolor=colour, **block)
        if scene.dots and grouping.kernel_parameters <= _MOST_WEIGHTS:
            ends = [(above[i], below[o]) for o in np.flatnonzero(grouping.owners == g) for i in reads[g]]
            wires(scene, ends, top, bottom, curved=False, edgecolor=colour, linewidth=0.7, alpha=0.55)
    used = {o: above[reads[grouping.owners[o]]] for o in followed}
    ends = [(place, below[o]) for o, read in used.items() for place in read]
    if scene.dots and len(ends) <= _MOST_BLACK:
        wires(scene, ends, top, bottom, curved=False, linewidth=bold(len(ends) / 4), **_BLACK)
    else:
        _fans(scene, [((r[0] - over, top), (r[-1] + over, top), (below[o], bottom)) for o, r in used.items()])


def _fans(scene, corners):
    """All wires from one group's neighbouring channels to one filter, as one shape each, clear among dots."""
    style = {"alpha": min(0.22, 3 / len(corners)) if scene.dots else 0.9, "linewidth": 0.6}
    for three in corners:
        scene.patch([*three, three[0]], facecolor=palette.ink, **style, **_BLACK)


def sum_wire(scene, place, aside):
    """The way of the sum, dashed, from the row of k down to the output, `aside` of the row between."""
    points = [(place, 2), (place + aside, 1.6), (place + aside, 0.4), (place, 0)]
    for colour, width, dashes in ((palette.paper, 2.8, "-"), (palette.ink, 1.4, (0, (2, 1.5)))):
        style = {"edgecolor": colour, "linewidth": width, "linestyle": dashes, "zorder": 4.5}
        scene.patch(points, [Path.MOVETO, *[Path.CURVE4] * 3], fill=False, **style)


def sum_arrow(scene):
    """The bracket beside the rows which says that all of k is added to the output."""
    arrow = {"arrowstyle": "-|>", "color": palette.muted, "linewidth": 1.4, "shrinkA": 0, "shrinkB": 0}
    arrow |= {"connectionstyle": "bar,fraction=-0.06"}
    scene.axes.annotate("", (1.012, 0), (1.012, 2), arrowprops=arrow, annotation_clip=False)
    scene.words(1.07, 1, "+ K", soft=True, ha="center", backgroundcolor=palette.paper)
