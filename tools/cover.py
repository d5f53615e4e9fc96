"""The figure that opens the book: one 1×1 layer gives up its wires, a network five sixths of its weights.

Drawn from the same plan and the same counts as the chapters. It moves for ten seconds, once, and can be
stopped; still (less motion asked for, no scripts, on paper) it is its last moment, every step in words.
"""

from tools import timeline

CHANNELS, GROUP = 16, 4  # of the layer that is drawn; channels of a group
STEP, EDGE = 42, 25  # from one channel to the next; before the first
ROWS = {"input": 12, "k": 100, "between": 160, "output": 248}


def layer():
    """The drawn layer's plan, and where the interleaving takes each channel from."""
    import gpc
    from gpc.wiring import reach

    plan = gpc.wiring.plan(CHANNELS, CHANNELS, channels_per_group=GROUP)
    return plan, reach.interleave(CHANNELS, plan.shuffle)


def wires_of(convolution):
    """The wires of a grouped convolution: for each group its (from, to)."""
    reads, owners = convolution.reads.tolist(), convolution.owners.tolist()
    return [
        [(source, channel) for channel, owner in enumerate(owners) if owner == group for source in channels]
        for group, channels in enumerate(reads)
    ]


def across(channel):
    return EDGE + STEP * channel


def path(wires, top, bottom, classes):
    """Wires between two rows as one path."""
    way = "".join(f"M{across(a)} {ROWS[top]}L{across(b)} {ROWS[bottom]}" for a, b in wires)
    return f'<path class="{classes}" d="{way}"/>'


def dots(row, groups, classes=""):
    """The channels of one row, each in the colour of its group."""
    return "".join(
        f'<circle class="group-{group} {classes}" cx="{across(channel)}" cy="{ROWS[row]}" r="5"/>'
        for channel, group in enumerate(groups)
    )


def drawing():
    """The layer dense and grouped, one over the other, as SVG; the style sheet says which is seen."""
    plan, order = layer()
    groups = [channel // GROUP for channel in range(CHANNELS)]
    moved = [groups[source] for source in order]
    dense = [(a, b) for a in range(CHANNELS) for b in range(CHANNELS)]
    parts = [path(dense, "input", "output", "dense")]
    parts += [path(wires, "input", "k", f"k group-{g}") for g, wires in enumerate(wires_of(plan.k))]
    parts += [
        path([(source, place)], "k", "between", f"shuffle group-{groups[source]}")
        for place, source in enumerate(order)
    ]
    # A wire of L has the colour of the group of K that it brings: each output gets all of them.
    for group in range(CHANNELS // GROUP):
        wires = [(a, b) for several in wires_of(plan.l) for a, b in several if moved[a] == group]
        parts.append(path(wires, "between", "output", f"l group-{group}"))
    parts += [dots("input", groups), dots("k", groups, "k"), dots("between", moved, "shuffle")]
    parts.append(dots("output", ["all"] * CHANNELS))
    size = f"{2 * EDGE + STEP * (CHANNELS - 1)} {ROWS['output'] + ROWS['input']}"
    return f'<svg viewBox="0 0 {size}" role="img" aria-labelledby="cover-drawn">{"".join(parts)}</svg>'


def steps():
    """What happens, step by step, with the counts of the layer drawn."""
    plan, _ = layer()
    last = plan.l.kernel_parameters
    return [
        ("A 1×1 layer", f"every output reads every input: {plan.dense_parameters} weights."),
        ("K", f"{plan.k.groups} groups, each to itself: {plan.k.kernel_parameters} weights."),
        ("Interleave", "the groups trade places; this costs no weight."),
        ("L", f"{plan.l.groups} groups again, {last} weights: every output hears every input."),
    ]


def figure(root=timeline.ROOT):
    """The figure as HTML on one line, as Markdown takes it."""
    counts = timeline.counts(root)["front"]
    before, after = (counts[name]["parameters"] for name in ("EfficientNetB0", "kEfficientNetB0"))
    words = "".join(f"<li><strong>{name}:</strong> {text}</li>" for name, text in steps())
    share = after / before
    bars = "".join(
        f'<p class="cover-{kind}"><span class="cover-bar" style="--share: {part:.4f}"></span>'
        f"<span><strong>{count:,}</strong> parameters{more}: {name}</span></p>"
        for kind, part, count, more, name in (
            ("before", 1, before, "", "EfficientNet-B0"),
            ("after", share, after, f", {share:.0%}", "kEffNet-B0, the same network with its 1×1 layers so"),
        )
    )
    return (
        '<figure class="cover">'
        '<p class="cover-title" id="cover-drawn">Sixteen channels to sixteen: the wires of a 1×1 layer, '
        "dense, then grouped, interleaved and grouped again</p>"
        f"{drawing()}<figcaption><ol>{words}</ol>{bars}</figcaption>"
        '<button type="button" class="cover-hand" hidden>Pause</button></figure>\n'
    )
