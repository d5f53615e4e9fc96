"""The front page: where to go from there, and its figures. And all pages made from tables, together."""

from tools import bibliography, chapters, command_line, course_map, cover, faq, pictures, timeline

# Pages and what one finds there; those that the contents don't have are left out.
PLACES = [
    ("chapters/00", "Quick start", "regroup a network, train it, save it, see where it looks: one page."),
    ("book/course_map", "Map of the course", "which idea needs which; start where you know the ground."),
    ("book/faq", "Frequent questions", "three sentences each, and the cell that proves them."),
    ("book/claims", "Claims, tested", "what popular articles say, and what came out."),
    ("book/results", "Results", "what has been trained so far, small networks first, drawn from its records."),
    ("book/timeline", "Timeline", "from LeNet to the k-models, counted."),
    ("book/for_instructors", "For instructors", "assignments with tests that grade them."),
]
KINDS = {"weights": "parameters", "multiplications": "macs"}
BAR = 0.55  # height of a bar, of the room between two


def page(root=chapters.ROOT):
    """Markdown: links to the places that the contents have."""
    listed = chapters.contents(root)
    lines = []
    for place, name, words in PLACES:
        file = next((file for file in listed if file.startswith(place)), None)
        if file:
            ending = "ipynb" if file.startswith("chapters/") else "md"
            lines.append(f"- [{name}](../{file}.{ending}): {words}")
    return "\n".join(lines) + "\n"


def clocked(executed):
    """What a training step of a grouped layer took beside the dense one: claim 3; None before it ran."""
    from tools import pages

    claims = [claim for notebook in executed for claim in pages.claims_in(notebook) if claim["number"] == 3]
    measured = [claim["numbers"] for claim in claims]
    return next((numbers for numbers in reversed(measured) if {"g", "ours", "stock"} <= set(numbers)), None)


def bars(executed, root=chapters.ROOT):
    """The bars of the figure, top to bottom: (words, value beside 1 for the original)."""
    kept = timeline.counts(root)["front"]
    before, after = kept["EfficientNetB0"], kept["kEfficientNetB0"]
    found = [(f"{kind} of EfficientNet-B0", after[key] / before[key]) for kind, key in KINDS.items()]
    times = clocked(executed)
    if times:
        layer = f"one layer in {times['g']} groups"
        found += [
            (f"multiplications of {layer}", 1 / times["g"]),
            ("its training step by this package", times["ours"]),
            ("its training step by Keras", times["stock"]),
        ]
    return found


def figure_of(executed, root=chapters.ROOT):
    """Markdown: the figure of the front page with its alternative text."""
    return pictures.figure("front.svg", *told(bars(executed, root)))


def picture(executed=(), root=chapters.ROOT):
    """What is left when pointwise layers are grouped, as bars from the dense original. → a Drawing"""
    from gpc.show import figure, headline, palette

    rows = bars(executed, root)
    drawn, axes = figure(7.5, 0.9 + 0.4 * len(rows))
    for place, (_, share) in enumerate(reversed(rows)):
        colour = palette.vermillion if share > 1 else palette.indigo
        axes.barh(place, share - 1, BAR, left=1, color=colour, zorder=3)
        aside = {"xytext": (5 if share > 1 else -5, 0), "textcoords": "offset points", "va": "center"}
        axes.annotate(said(share), (share, place), ha="left" if share > 1 else "right", **aside)
    axes.axvline(1, color=palette.ink, linewidth=1.4, zorder=4)
    axes.set_yticks(range(len(rows)), [words for words, _ in reversed(rows)])
    least, most = min(share for _, share in rows), max(1.0, *(share for _, share in rows))
    axes.set(xscale="log", xlim=(least / 3, most * 4), xlabel="beside the dense original, log scale")
    ticks = {2.0**n: f"{2**n}" if n >= 0 else f"1/{2**-n}" for n in range(-8, 9, 2)}
    shown = {place: text for place, text in ticks.items() if least / 3 < place < most * 4}
    axes.set_xticks(list(shown), list(shown.values()))
    axes.minorticks_off()
    axes.grid(visible=True, axis="x")
    axes.grid(visible=False, axis="y")
    axes.tick_params(axis="y", length=0)
    return headline(drawn, *told(rows))


def told(rows):
    """The figure's title and its description."""
    title = "Grouping saves weights; whether it saves time is up to the program"
    words = "; ".join(f"{name}: {said(share)}" for name, share in rows)
    return (title if len(rows) > 2 else "What grouping leaves of a network"), words


def said(share):
    """A share of the original in words: 16%, or 8.0 times."""
    return f"{share:.1f} times" if share > 1 else f"{share:.0%}"


def texts(executed, root=chapters.ROOT):
    """{file: text} of all that the pages made from tables include."""
    return {
        "front.md": f"{cover.figure(root)}\n{figure_of(executed, root)}",
        "front.svg": pictures.svg(picture(executed, root)),
        "start.md": page(root),
        "faq.md": faq.page(root),
        "map.md": course_map.page(root),
        "timeline.md": timeline.page(root),
        "timeline.svg": pictures.svg(timeline.picture(root)),
        "command_line.md": command_line.page(),
        "bibliography.md": bibliography.page(root),
    }
