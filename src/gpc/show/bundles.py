"""The wiring of a 1×1 layer drawn: K in its groups, the interleaving, L in its groups, the sum; and one filter followed back.

Channels stand in rows, inputs on top. Up to 64 of them each is a dot and each weight a line; more are drawn as strips of
colour with one block a group. A channel keeps the colour of the K group that made it, so that a mixture is seen as one.
"""

from dataclasses import dataclass, field

import numpy as np
from matplotlib.patches import PathPatch
from matplotlib.path import Path

from gpc.show.canvas import figure, headline, styled
from gpc.show.colours import palette
from gpc.show.numbers import number

DOTS = 64
_WEIGHTS = 300
_WIRES = 128


@dataclass
class _Scene:
    """One drawing under way: its axes, whether channels are dots, and the wires and channels on the followed way."""

    axes: object
    dots: bool
    wires: list = field(default_factory=list)


def _hues(groups):
    return [palette.cycle[g % len(palette.cycle)] for g in range(groups)]


def _places(count):
    return (np.arange(count) + 0.5) / count


def _wires(scene, starts, ends, top, bottom, *, curved=True, **style):
    """Wires from the places `starts` on the level `top` to `ends` on `bottom`, all in one path."""
    codes, middle = [Path.MOVETO, Path.LINETO], (top + bottom) / 2
    points = [((a, top), (b, bottom)) for a, b in zip(starts, ends, strict=True)]
    if curved:
        codes = [Path.MOVETO, Path.CURVE4, Path.CURVE4, Path.CURVE4]
        points = [(start, (start[0], middle), (end[0], middle), end) for start, end in points]
    if points:
        path = Path(np.concatenate(points), codes * len(points))
        scene.axes.add_patch(PathPatch(path, **{"fill": False, "capstyle": "round", **style}))


def _block(scene, left, right, top, bottom, colour, alpha):
    """One group: a shape from its inputs' span on `top` to its filters' span on `bottom`."""
    corners = [(left[0], top), (left[1], top), (right[1], bottom), (right[0], bottom), (left[0], top)]
    style = {"facecolor": colour, "alpha": alpha, "edgecolor": palette.paper, "linewidth": 0.4}
    scene.axes.add_patch(PathPatch(Path(corners), **style))


def _channels(scene, level, colours, filled, *, again=0):
    """A row of channels: dots, or a strip. The last `again` of them are the first ones read once more: small dots."""
    places = _places(len(colours))
    if scene.dots:
        across, first = min(9.5, 195 / len(colours)), len(colours) - again
        kinds = list(zip(colours, map(bool, filled), np.arange(len(colours)) >= first, strict=True))
        for colour, full, small in dict.fromkeys(kinds):
            mine = [place for place, kind in zip(places, kinds, strict=True) if kind == (colour, full, small)]
            face, size = colour if full else palette.paper, across * (0.55 if small else 1)
            scene.axes.plot(
                mine,
                [level] * len(mine),
                "o",
                color=colour,
                markerfacecolor=face,
                markersize=size,
                markeredgewidth=min(1.3, across / 4),
                zorder=5,
            )
        return
    shades = np.array([_shade(c, 1.0 if f else 0.3) for c, f in zip(colours, filled, strict=True)])
    scene.axes.imshow(
        shades[None], extent=(0, 1, level - 0.07, level + 0.07), aspect="auto", interpolation="none", zorder=5
    )


def _shade(colour, strength):
    rgb = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    return 1 - strength * (1 - rgb)


def _grouped(scene, grouping, top, bottom, colours, followed):
    """A grouped convolution between two levels. followed: the filters on the way."""
    slots = grouping.groups * grouping.channels_per_group
    above, below = _places(slots), _places(grouping.filters)
    reads = np.arange(slots).reshape(grouping.groups, -1)
    over, under = (min(0.5 / n, 0.004) if scene.dots else 0.5 / n for n in (slots, grouping.filters))
    own = grouping.filters // grouping.groups
    for g, colour in enumerate(colours):
        span = above[reads[g, 0]] - over, above[reads[g, -1]] + over
        filters = below[g * own] - under, below[g * own + own - 1] + under
        _block(scene, span, filters, top, bottom, colour, 0.16 if scene.dots else 0.45)
        if scene.dots and grouping.kernel_parameters <= _WEIGHTS:
            mine = np.flatnonzero(grouping.owners == g)
            pairs = [(above[i], below[o]) for o in mine for i in reads[g]]
            _wires(
                scene,
                *zip(*pairs, strict=True),
                top,
                bottom,
                curved=False,
                edgecolor=colour,
                linewidth=0.7,
                alpha=0.55,
            )
    used = {o: reads[grouping.owners[o]] for o in followed}
    if scene.dots:
        pairs = [(above[i], below[o]) for o, slot in used.items() for i in slot]
        style = {"edgecolor": palette.ink, "linewidth": _bold(len(pairs) / 4), "zorder": 4}
        _wires(scene, *zip(*pairs, strict=True), top, bottom, curved=False, **style)
    else:
        spans = [
            ((above[s[0]] - over, top), (above[s[-1]] + over, top), (below[o], bottom))
            for o, s in used.items()
        ]
        _fans(scene, spans)


def _fans(scene, corners):
    """All wires from the neighbouring channels of one group to one filter, as one black shape each."""
    codes = [Path.MOVETO, Path.LINETO, Path.LINETO, Path.CLOSEPOLY]
    path = Path(np.concatenate([(*c, c[0]) for c in corners]), codes * len(corners))
    scene.axes.add_patch(
        PathPatch(path, facecolor=palette.ink, edgecolor=palette.ink, linewidth=0.5, alpha=0.9, zorder=4)
    )


def _bold(count):
    return 1.6 if count <= 4 else 1.0 if count <= 16 else 0.6


@dataclass(frozen=True)
class _Way:
    """What one output depends on, level by level from the end: slots of L, channels of k, slots of K, input channels."""

    l_slots: np.ndarray
    k_filters: np.ndarray
    inputs: np.ndarray


def way(plan, output, *, skip=True):
    """The channels that the plan's filter `output` depends on: of L's inputs, of k, of the input.

    >>> import gpc
    >>> way(gpc.wiring.plan(8, 8, 2), 0).inputs.tolist(), way(gpc.wiring.plan(8, 8, 2), 0, skip=False).inputs.tolist()
    ([0, 1, 4, 5], [0, 1, 4, 5])
    """
    from gpc.wiring import interleave

    if not plan.replaced:
        return _Way(np.array([], int), np.array([output]), np.arange(plan.in_channels))
    order = interleave(plan.filters, plan.shuffle) if plan.shuffle else np.arange(plan.filters)
    if plan.l is None:
        slots, filters = np.array([], int), np.array([order[output]])
    else:
        slots = plan.l.reads[plan.l.owners[output]]
        filters = np.union1d(order[slots], [output] if skip else [])
    inputs = np.unique(plan.k.reads[plan.k.owners[filters.astype(int)]])
    return _Way(slots, filters.astype(int), inputs)


@styled
def wiring(plan, *, follow=None, reach=True, title=None, levels=None):
    """K, the interleaving, L and the sum of one `gpc.wiring.plan`, drawn from the inputs (top) to the filters (bottom).

    follow: the filter whose way back to the inputs is drawn in black, the middle one by default; the inputs it reaches
    are full, the others empty. reach: the matrix of all inputs and filters beside it, dark where connected. levels: rows
    to leave room for, where several pictures shall be equally high.
    Returns the Drawing. Raises ValueError for a filter that isn't there.
    """
    follow = plan.filters // 2 if follow is None else follow
    if follow not in range(plan.filters):
        raise ValueError(f"follow={follow} is no filter of the plan; it has 0 … {plan.filters - 1}")
    drawn, diagram, beside = _room(levels or _levels(plan), reach)
    scene = _Scene(diagram, max(plan.in_channels, plan.filters) <= DOTS)
    _draw(scene, plan, follow, _levels(plan))
    # Pictures of one moving figure are equally high, whatever their plan needs: the rows begin at the top in all of them.
    diagram.set(
        xlim=(-0.42, 1.12), ylim=(_levels(plan) - (levels or _levels(plan)) - 0.42, _levels(plan) - 0.78)
    )
    if reach:
        _reach(beside, plan)
    return headline(drawn, title or _conclusion(plan), _described(plan, follow))


def _levels(plan):
    return 4 if plan.l else 3 if plan.shuffle_output else 2


def _room(levels, reach):
    """The drawing with its two axes at fixed places, so that nothing jumps between the pictures of a moving figure."""
    height = 0.55 + 1.02 * (levels - 1 + 0.64)
    drawn, diagram = figure(7.5, height)
    drawn.set_layout_engine("none")
    free = 1 - 0.42 / height
    diagram.set_position([0.012, 0.01, 0.975 if not reach else 0.755, free])
    if not reach:
        return drawn, diagram, None
    side = min(2.2, height - 1.65)
    return drawn, diagram, drawn.add_axes([0.85, free - (side + 0.5) / height, 0.135, side / height])


def _draw(scene, plan, follow, levels):
    from gpc.wiring import grouping, interleave

    axes = scene.axes
    k = plan.k or grouping(plan.in_channels, plan.filters, groups=1)
    hues = _hues(k.groups) if plan.replaced else [palette.grey]
    back = way(plan, follow)
    made = [hues[g] for g in k.owners]
    slots = np.arange(k.groups * k.channels_per_group)
    ins = [hues[s // k.channels_per_group] for s in slots]
    bottom = levels - 2
    _grouped(scene, k, levels - 1, bottom, hues, back.k_filters)
    _channels(scene, levels - 1, ins, np.isin(slots % plan.in_channels, back.inputs), again=k.repeated)
    _channels(scene, bottom, made, np.isin(np.arange(plan.filters), back.k_filters))
    _say(
        axes,
        levels - 1,
        f"{number(plan.in_channels)} channels" + (f"\n+ {k.repeated} read again" if k.repeated else ""),
    )
    _say(axes, levels - 1.5, _named("K" if plan.replaced else "dense", k), soft=True)
    if levels > 2:
        order = interleave(plan.filters, plan.shuffle) if plan.shuffle else np.arange(plan.filters)
        _interleaved(scene, plan, order, made, back, bottom, follow)
        _say(
            axes,
            bottom - 0.5,
            f"interleave, step {plan.shuffle}" if plan.shuffle else "no interleaving",
            soft=True,
        )
    if plan.l:
        _second(scene, plan, made, follow)
    _say(axes, 0, f"{number(plan.filters)} filters" + (" = L + K" if plan.l else ""))
    words = f"black: filter {follow} followed back to the {number(len(back.inputs))} of {number(plan.in_channels)} inputs it sees"
    axes.text(-0.415, -0.2, words, va="top", ha="left", fontsize=9.5, color=palette.ink)
    axes.set_axis_off()


def _interleaved(scene, plan, order, made, back, top, follow):
    """The wires of the permutation, and the row they lead to: L's slots, or the output of an interleaved expansion."""
    count = plan.l.groups * plan.l.channels_per_group if plan.l else plan.filters
    slots = np.arange(count)
    source = order[slots % plan.filters]
    starts, ends = _places(plan.filters)[source], _places(count)
    if count <= _WIRES:
        for colour in dict.fromkeys(made):
            mine = np.array([made[s] == colour for s in source])
            _wires(scene, starts[mine], ends[mine], top, top - 1, edgecolor=colour, linewidth=0.9, alpha=0.6)
    used = back.l_slots if plan.l else np.array([follow])
    taken = np.isin(slots, used)
    _wires(
        scene,
        starts[taken],
        ends[taken],
        top,
        top - 1,
        edgecolor=palette.ink,
        linewidth=_bold(taken.sum()),
        zorder=4,
    )
    _channels(scene, top - 1, [made[s] for s in source], taken, again=plan.l.repeated if plan.l else 0)


def _second(scene, plan, made, follow):
    axes = scene.axes
    _grouped(scene, plan.l, 1, 0, [palette.grey] * plan.l.groups, [follow])
    _channels(scene, 0, [palette.ink] * plan.filters, np.arange(plan.filters) == follow)
    _say(axes, 0.5, _named("L", plan.l), soft=True)
    # Filter o of k stands right above filter o of the sum: a wire straight down, past the row between.
    place, aside = (
        _places(plan.filters)[follow],
        max(0.67 / (plan.l.groups * plan.l.channels_per_group), 0.03),
    )
    curve = Path(
        [(place, 2), (place + aside, 1.6), (place + aside, 0.4), (place, 0)],
        [Path.MOVETO, *[Path.CURVE4] * 3],
    )
    for colour, width, dashes in ((palette.paper, 3.4, "-"), (palette.ink, 1.4, (0, (2, 1.5)))):
        style = {"edgecolor": colour, "linewidth": width, "linestyle": dashes, "zorder": 6}
        axes.add_patch(PathPatch(curve, fill=False, **style))
    arrow = {
        "arrowstyle": "-|>",
        "color": palette.muted,
        "linewidth": 1.4,
        "shrinkA": 0,
        "shrinkB": 0,
        "connectionstyle": "bar,fraction=-0.06",
    }
    axes.annotate("", (1.012, 0), (1.012, 2), arrowprops=arrow, annotation_clip=False)
    axes.text(
        1.07,
        1,
        "+ K",
        color=palette.muted,
        ha="center",
        va="center",
        backgroundcolor=palette.paper,
        fontsize=9.5,
    )


def _named(name, grouping):
    many = (
        f"{grouping.groups} groups of {grouping.channels_per_group}" if grouping.groups > 1 else "all see all"
    )
    return f"{name}: {many}\n{number(grouping.kernel_parameters)} weights"


def _say(axes, level, words, soft=False):
    axes.text(
        -0.415,
        level,
        words,
        va="center",
        ha="left",
        color=palette.muted if soft else palette.ink,
        fontsize=9.5,
        linespacing=1.25,
    )


def _reach(axes, plan):
    from gpc.show.charts import paint

    paint(axes, plan.connectivity())
    axes.set_anchor("N")
    axes.set_title(
        f"{number(plan.coverage, '.1%')} of pairs\nare connected",
        fontsize=9.5,
        fontweight="normal",
        pad=6,
        loc="center",
    )
    axes.set_xlabel("filter", fontsize=9.5)
    axes.set_ylabel("input channel", fontsize=9.5)
    axes.tick_params(labelsize=9)


def _conclusion(plan):
    saved = plan.kernel_parameters / plan.dense_parameters
    if not plan.replaced:
        return f"{_ends(plan)} stays dense: {number(plan.dense_parameters)} weights"
    return (
        f"{_ends(plan)} in groups of {plan.channels_per_group}: "
        f"{number(plan.kernel_parameters)} weights instead of {number(plan.dense_parameters)}, {number(saved, '.0%')}"
    )


def _ends(plan):
    return f"{number(plan.in_channels)} → {number(plan.filters)}"


def _described(plan, follow):
    reached = len(way(plan, follow).inputs)
    return (
        f"{plan}. Filter {follow} depends on {reached} of {plan.in_channels} inputs; "
        f"{number(plan.coverage, '.1%')} of all pairs of input and filter are connected."
    )


def wiring_explorer(
    in_channels,
    filters,
    channels_per_group=(2, 4, 8, 16, 32),
    *,
    scheme="interleaved",
    start=None,
    follow=None,
):
    """The wiring of in_channels → filters as a figure that moves: a slider over channels_per_group.

    channels_per_group: the positions. start: the value shown first, by default the one nearest to the middle. Every caption
    says the groups, the weights and the coverage, from `gpc.wiring.plan`. Returns what `gpc.show.moving` returns.
    """
    from gpc.show.motion import moving
    from gpc.wiring import plan

    widths = list(channels_per_group)
    plans = [plan(in_channels, filters, width, scheme=scheme) for width in widths]
    start = widths[len(widths) // 2] if start is None else start
    if start not in widths:
        raise ValueError(f"start={start} is none of channels_per_group={widths}")
    return moving(
        [wiring(p, follow=follow, levels=max(map(_levels, plans))) for p in plans],
        title=f"Wider groups cost more and reach further: {number(in_channels)} → {number(filters)}",
        description="Rows of channels from the inputs at the top to the filters at the bottom: the groups of K, the interleaving, "
        "the groups of L and the sum, with one filter followed back to the inputs it depends on; beside it the matrix of all "
        "inputs and filters, dark where they are connected.",
        control="channels per group",
        labels=[str(width) for width in widths],
        captions=[_caption(p, follow) for p in plans],
        start=widths.index(start),
    )


def _caption(plan, follow):
    share = number(plan.kernel_parameters / plan.dense_parameters, ".1%")
    if not plan.replaced:
        return f"Not replaced: {plan.reason}. {number(plan.dense_parameters)} weights, every filter sees every input."
    groups = f"K has {plan.k.groups} groups" + (f", L has {plan.l.groups}" if plan.l else ", there is no L")
    follow = plan.filters // 2 if follow is None else follow
    return (
        f"{groups}. **{number(plan.kernel_parameters)}** weights, {share} of the dense layer's {number(plan.dense_parameters)}. "
        f"**{number(plan.coverage, '.1%')}** of all pairs of input and filter are connected; "
        f"the filter followed here sees {len(way(plan, follow).inputs)} of {plan.in_channels} inputs."
    )
