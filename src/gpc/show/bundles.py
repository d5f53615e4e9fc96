"""The wiring of a 1×1 layer drawn: K in its groups, the interleaving, L in its groups, the sum.

Channels stand in rows, inputs on top. A channel keeps the colour of the K group that made it, so that a
mixture is seen as one; one filter is followed back to the inputs in black.
"""

from dataclasses import dataclass

import numpy as np

from gpc.show.canvas import figure, headline, styled
from gpc.show.charts import paint
from gpc.show.colours import palette
from gpc.show.numbers import number
from gpc.show.wires import DOTS, Scene, bold, channels, grouped, places, sum_arrow, sum_wire, wires

_MOST_WIRES = 128
_LEFT = -0.415


@dataclass(frozen=True)
class Way:
    """What one filter of a plan depends on: slots of L, filters of k, input channels (arrays of ints)."""

    l_slots: np.ndarray
    k_filters: np.ndarray
    inputs: np.ndarray


def way(plan, output):
    """The channels that filter `output` of the plan depends on, row by row, the sum included.

    >>> import gpc
    >>> way(gpc.wiring.plan(8, 8, 2), 4).k_filters.tolist(), way(gpc.wiring.plan(8, 8, 2), 4).inputs.tolist()
    ([2, 4, 6], [2, 3, 4, 5, 6, 7])
    """
    none = np.array([], int)
    if not plan.replaced:
        return Way(none, np.array([output]), np.arange(plan.in_channels))
    order = _order(plan)
    slots = plan.l.reads[plan.l.owners[output]] if plan.l else none
    filters = np.union1d(order[slots], [output]) if plan.l else order[[output]]
    return Way(slots, filters, np.unique(plan.k.reads[plan.k.owners[filters]]))


def _order(plan):
    from gpc.wiring import interleave

    return interleave(plan.filters, plan.shuffle) if plan.shuffle else np.arange(plan.filters)


def _levels(plan):
    return 4 if plan.l else 3 if plan.shuffle_output else 2


@styled
def wiring(plan, *, follow=None, reach=True, title=None, levels=None):
    """K, the interleaving, L and the sum of one `gpc.wiring.plan`, from the inputs (top) to the filters.

    Args:
        plan: what `gpc.wiring.plan` returns.
        follow: the filter whose way back to the inputs is drawn in black, the middle one by default; the
            channels it sees are full, the others empty.
        reach: the matrix of all inputs and filters beside it, blue where connected.
        title: the conclusion, by default what the plan saves.
        levels: rows to leave room for, where several pictures shall be equally high.

    Returns the Drawing. Raises ValueError for a filter that isn't there.
    """
    follow = plan.filters // 2 if follow is None else follow
    if follow not in range(plan.filters):
        raise ValueError(f"follow={follow} is no filter of the plan; it has 0 … {plan.filters - 1}")
    own = _levels(plan)
    drawn, diagram, beside = _room(levels or own, reach)
    scene = Scene(diagram, max(plan.in_channels, plan.filters) <= DOTS)
    _rows(scene, plan, follow, own)
    # Where the picture is higher than this plan needs, its rows begin at the top.
    diagram.set(xlim=(-0.42, 1.12), ylim=(own - (levels or own) - 0.42, own - 0.78))
    diagram.set_axis_off()
    if reach:
        _reach(beside, plan)
    return headline(drawn, title or _conclusion(plan), _described(plan, follow))


def _room(levels, reach):
    """The drawing with its axes at fixed places: nothing jumps between the pictures of a moving figure."""
    height = 0.55 + 1.02 * (levels - 1 + 0.64)
    drawn, diagram = figure(7.5, height)
    drawn.set_layout_engine("none")
    free = 1 - 0.42 / height
    diagram.set_position([0.012, 0.01, 0.755 if reach else 0.975, free])
    if not reach:
        return drawn, diagram, None
    side = min(2.2, height - 1.65)
    return drawn, diagram, drawn.add_axes([0.85, free - (side + 0.5) / height, 0.135, side / height])


def _rows(scene, plan, follow, levels):
    """All rows of a plan: inputs, k, its interleaved channels and the output, as far as the plan has them."""
    from gpc.wiring import grouping

    k, back = plan.k or grouping(plan.in_channels, plan.filters, groups=1), way(plan, follow)
    hues = [palette.cycle[g % 7] if plan.replaced else palette.grey for g in range(k.groups)]
    made, slots = [hues[g] for g in k.owners], np.arange(k.groups * k.channels_per_group)
    grouped(scene, k, levels - 1, levels - 2, hues, back.k_filters)
    full = np.isin(slots % plan.in_channels, back.inputs)
    channels(scene, levels - 1, [hues[s // k.channels_per_group] for s in slots], full, again=k.repeated)
    channels(scene, levels - 2, made, np.isin(np.arange(plan.filters), back.k_filters))
    again = f"\n+ {k.repeated} read again" if k.repeated else ""
    scene.words(_LEFT, levels - 1, f"{number(plan.in_channels)} channels{again}")
    scene.words(_LEFT, levels - 1.5, _named("K" if plan.replaced else "dense", k), soft=True)
    if levels > 2:
        _interleaved(scene, plan, made, back.l_slots if plan.l else [follow], levels - 2)
    if plan.l:
        _second(scene, plan, follow)
    scene.words(_LEFT, 0, f"{number(plan.filters)} filters" + (" = L + K" if plan.l else ""))
    seen = f"{number(len(back.inputs))} of {number(plan.in_channels)}"
    scene.words(_LEFT, -0.28, f"black: filter {follow} followed back to the {seen} inputs it sees")


def _interleaved(scene, plan, made, used, top):
    """The wires of the permutation and the row they lead to: L's slots, or an expansion's output."""
    count = plan.l.groups * plan.l.channels_per_group if plan.l else plan.filters
    source = _order(plan)[np.arange(count) % plan.filters]
    ends = np.stack([places(plan.filters)[source], places(count)], axis=1)
    colours = np.array([made[s] for s in source])
    for colour in dict.fromkeys(made) if count <= _MOST_WIRES else ():
        wires(scene, ends[colours == colour], top, top - 1, edgecolor=colour, linewidth=0.9, alpha=0.6)
    taken = np.isin(np.arange(count), used)
    wires(scene, ends[taken], top, top - 1, edgecolor=palette.ink, linewidth=bold(taken.sum()), zorder=4)
    channels(scene, top - 1, colours.tolist(), taken, again=plan.l.repeated if plan.l else 0)
    words = f"interleave, step {plan.shuffle}" if plan.shuffle else "no interleaving"
    scene.words(_LEFT, top - 0.5, words, soft=True)


def _second(scene, plan, follow):
    """L, its output and the sum."""
    grouped(scene, plan.l, 1, 0, [palette.grey] * plan.l.groups, [follow])
    channels(scene, 0, [palette.ink] * plan.filters, np.arange(plan.filters) == follow)
    scene.words(_LEFT, 0.5, _named("L", plan.l), soft=True)
    slots = plan.l.groups * plan.l.channels_per_group
    sum_wire(scene, places(plan.filters)[follow], max(0.67 / slots, 0.03))
    sum_arrow(scene)


def _named(name, grouping):
    wide = f"{grouping.groups} groups of {grouping.channels_per_group}"
    many = wide if grouping.groups > 1 else "all see all"
    return f"{name}: {many}\n{number(grouping.kernel_parameters)} weights"


def _reach(axes, plan):
    paint(axes, plan.connectivity())
    axes.set_anchor("N")
    words = f"{number(plan.coverage, '.1%')} of pairs\nare connected"
    axes.set_title(words, fontsize=9.5, fontweight="normal", pad=6, loc="center")
    axes.set_xlabel("filter", fontsize=9.5)
    axes.set_ylabel("input channel", fontsize=9.5)
    axes.tick_params(labelsize=9)


def _conclusion(plan):
    ends, dense = f"{number(plan.in_channels)} → {number(plan.filters)}", number(plan.dense_parameters)
    if not plan.replaced:
        return f"{ends} stays dense: {dense} weights"
    share = number(plan.kernel_parameters / plan.dense_parameters, ".0%")
    weights = f"{number(plan.kernel_parameters)} weights instead of {dense}, {share}"
    return f"{ends} in groups of {plan.channels_per_group}: {weights}"


def _described(plan, follow):
    seen = f"Filter {follow} depends on {len(way(plan, follow).inputs)} of {plan.in_channels} inputs"
    return f"{plan}. {seen}; {number(plan.coverage, '.1%')} of all pairs of input and filter are connected."


def wiring_explorer(
    in_channels, filters, channels_per_group=(2, 4, 8, 16), *, scheme="interleaved", start=None, follow=None
):
    """The wiring of `in_channels` → `filters` as a figure that moves: a slider over `channels_per_group`.

    Args:
        in_channels, filters, scheme: what `gpc.wiring.plan` takes.
        channels_per_group: the positions of the slider.
        start: the position shown first, by default the middle one.
        follow: the filter followed back to the inputs, as `wiring` has it.

    Every caption says the groups, the weights and the coverage, all from `gpc.wiring.plan`. Returns what
    `gpc.show.moving` returns: the cell's last value, or `.show()`.
    Raises ValueError for a start that is none of the positions, or for fewer than two of them.
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
        description="Rows of channels from the inputs at the top to the filters at the bottom: the groups of "
        "K, the interleaving, the groups of L and the sum, with one filter followed back to the inputs it "
        "depends on; beside it the matrix of all inputs and filters, blue where they are connected.",
        control="channels per group",
        labels=[str(width) for width in widths],
        captions=[_caption(p, p.filters // 2 if follow is None else follow) for p in plans],
        start=widths.index(start),
    )


def _caption(plan, follow):
    dense = number(plan.dense_parameters)
    if not plan.replaced:
        return f"Not replaced: {plan.reason}. {dense} weights, every filter sees every input."
    share = number(plan.kernel_parameters / plan.dense_parameters, ".1%")
    second = f"L has {plan.l.groups}" if plan.l else "there is no L"
    seen = f"{number(len(way(plan, follow).inputs))} of {number(plan.in_channels)}"
    return (
        f"K has {plan.k.groups} groups, {second}. **{number(plan.kernel_parameters)}** weights, {share} of "
        f"the dense layer's {dense}. **{number(plan.coverage, '.1%')}** of all pairs of input and filter are "
        f"connected; the filter followed here sees {seen} inputs."
    )
