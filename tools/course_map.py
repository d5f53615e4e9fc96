"""The map of the course, from book/map.yml: which chapter stands on which, drawn, and the same as a list.

Chapters lie in rows, each below all that it needs; a line is left out where a longer way says the same. The
drawing is SVG whose boxes are links: in the order of the chapters for the keyboard, and the lines of a box
show when it is pointed at or has the focus.
"""

import re
import textwrap

import yaml

from tools import chapters

BOX, HEIGHT, ROW, GAP, MARGIN = 152, 64, 110, 10, 6  # of the drawing, in its own units
LINE = 16  # the room that a line takes which passes a row
LEADING = 13  # from one line of words to the next


def table(root=chapters.ROOT):
    """book/map.yml for the chapters of the contents: {number: {"idea", "needs"}}, in order.

    Raises ValueError for a chapter of the contents without a row, and for a need that is no earlier row.
    """
    rows = yaml.safe_load((root / "book" / "map.yml").read_text(encoding="utf-8"))
    known = [row["chapter"] for row in rows]
    for place, row in enumerate(rows):
        late = set(row["needs"]) - set(known[:place])
        if late:
            raise ValueError(f"book/map.yml: chapter {row['chapter']} needs {sorted(late)}, not before it")
    there = chapters.numbered(root)
    if missing := sorted(set(there) - set(known)):
        raise ValueError(f"book/map.yml has no row for chapters {missing}")
    found = {row["chapter"]: {**row, "needs": list(row["needs"])} for row in rows if row["chapter"] in there}
    for row in found.values():
        row["needs"] = [need for need in row["needs"] if need in found]
    return found


def behind(number, rows):
    """All chapters that one stands on, by any way."""
    return set().union(*({need} | behind(need, rows) for need in rows[number]["needs"]))


def lines(rows):
    """(from, to) of the lines to draw: a need that another need implies is left out."""
    found = []
    for number, row in rows.items():
        implied = set().union(*(behind(need, rows) for need in row["needs"]))
        found += [(need, number) for need in row["needs"] if need not in implied]
    return found


def depths(rows):
    """{number: row of the drawing}: one below the lowest that it needs."""
    found = {}
    for number, row in rows.items():
        found[number] = 1 + max((found[need] for need in row["needs"]), default=-1)
    return found


def routed(rows):
    """Rows of the drawing as lists of places, and the ways of the lines through them.

    A place is a chapter's number, or (from, to, row) where a line passes a row. A way is a list of places.
    """
    depth = depths(rows)
    levels = [[number for number in rows if depth[number] == d] for d in range(max(depth.values()) + 1)]
    ways = []
    for start, end in lines(rows):
        passed = [(start, end, d) for d in range(depth[start] + 1, depth[end])]
        for place in passed:
            levels[place[2]].append(place)
        ways.append([start, *passed, end])
    return levels, ways


def arranged(levels, ways, rounds=24):
    """{place: its middle, from the left}: near what it is joined with, without overlap; and the width."""
    beside = {place: [] for level in levels for place in level}
    for way in ways:
        for one, other in zip(way, way[1:], strict=False):
            beside[one].append(other)
            beside[other].append(one)
    room = {place: BOX + GAP if isinstance(place, int) else LINE for place in beside}
    width = max(sum(room[place] for place in level) for level in levels)
    at = {place: width * (i + 0.5) / len(level) for level in levels for i, place in enumerate(level)}
    for turn in range(rounds):
        for level in levels if turn % 2 else levels[::-1]:
            wish = {p: sum(at[q] for q in beside[p]) / len(beside[p]) if beside[p] else at[p] for p in level}
            level.sort(key=lambda place: wish[place])
            at |= _apart(level, wish, room, width)
    return at, width


def _apart(level, wish, room, width):
    """Places of one row as near their wishes as their order and their rooms let them."""
    at, edge = {}, 0.0
    for place in level:
        at[place] = max(wish[place], edge + room[place] / 2)
        edge = at[place] + room[place] / 2
    edge = float(width)
    for place in reversed(level):
        at[place] = min(at[place], edge - room[place] / 2)
        edge = at[place] - room[place] / 2
    return at


def _box(number, x, y, title, part, address):
    """A chapter as a link: a box with a coloured edge, its number and its title."""
    from gpc.show.page import escape

    left, words = x - BOX / 2, textwrap.wrap(title, 15)
    first = y + HEIGHT / 2 - LEADING / 2 * (len(words) - 1) + 4
    text = " ".join(
        f'<tspan x="{left + 34:.0f}" y="{first + LEADING * i:.1f}">{escape(word)}</tspan>'
        for i, word in enumerate(words)
    )
    return (
        f'<a id="map-{number}" href="{address}">'
        f'<rect class="box" x="{left:.0f}" y="{y:.0f}" width="{BOX}" height="{HEIGHT}" rx="5"/>'
        f'<rect class="part-{part}" x="{left:.0f}" y="{y:.0f}" width="5" height="{HEIGHT}" rx="2"/>'
        f'<text class="number" x="{left + 19:.0f}" y="{y + HEIGHT / 2 + 5:.0f}">{number}</text> '
        f"<text>{text}</text></a>"
    )


def _line(way, at, depth):
    """A line from the lower edge of a box through the rows that it passes to the upper edge of another."""
    points = []
    for place in way:
        top = MARGIN + ROW * (depth[place] if isinstance(place, int) else place[2])
        points += [(at[place], top), (at[place], top + HEIGHT)]
    points = points[1:-1]
    path = f"M{points[0][0]:.0f} {points[0][1]:.0f}"
    for (x, y), (to_x, to_y) in zip(points, points[1:], strict=False):
        half = (to_y - y) / 2
        path += f"C{x:.0f} {y + half:.0f} {to_x:.0f} {to_y - half:.0f} {to_x:.0f} {to_y:.0f}"
    return f'<path class="need of-{way[0]} of-{way[-1]}" d="{path}"/>'


def drawing(root=chapters.ROOT):
    """The map as one SVG element whose boxes are links, without a line break."""
    rows = table(root)
    names, part = chapters.numbered(root), parts(root)
    levels, ways = routed(rows)
    at, width = arranged(levels, ways)
    depth = depths(rows)
    drawn = [_line(way, at, depth) for way in ways]
    for number, row in rows.items():
        address = f"../chapters/{names[number]}.html"
        title = chapters.title(names[number], root)
        y = MARGIN + ROW * depth[number]
        drawn.append(_box(number, at[number], y, title, part[number][0], address))
    shown = ",".join(f".course-map:has(#map-{n}:is(:hover,:focus)) .of-{n}" for n in rows)
    height = ROW * (len(levels) - 1) + HEIGHT + 2 * MARGIN
    style = f"<style>{shown}{{stroke:var(--map-ink);stroke-width:2.5}}</style>"
    return (
        f'<svg viewBox="0 0 {width:.0f} {height}" role="group" aria-label="Map of the course: each chapter '
        f'below those that it stands on; the list below says the same">{style}{"".join(drawn)}</svg>'
    )


def parts(root=chapters.ROOT):
    """{chapter: (number of its part, the part's caption)}; nought where the caption has no number."""
    toc = yaml.safe_load((root / "_toc.yml").read_text(encoding="utf-8"))
    found = {}
    for part in toc.get("parts", []):
        caption = part.get("caption", "Chapters")
        roman = re.match(r"Part (I{1,3}|IV)\b", caption)
        number = ["I", "II", "III", "IV"].index(roman[1]) + 1 if roman else 0
        for entry in part["chapters"]:
            if match := re.fullmatch(r"chapters/(\d\d)_\w+", entry.get("file", "")):
                found[int(match[1])] = (number, caption)
    return found


def listed(root=chapters.ROOT):
    """The map in words, part by part."""
    blocks, captions = [], parts(root)
    rows = table(root)
    for caption in dict.fromkeys(caption for _, caption in captions.values()):
        blocks.append(f"### {caption}")
        entries = []
        for number, row in rows.items():
            if captions[number][1] == caption:
                needs = [chapters.link(need, root, text=str(need)) for need in row["needs"]]
                stands = f" Stands on {' and '.join(needs)}." if needs else ""
                entries.append(f"- {chapters.link(number, root)}: {row['idea']}.{stands}")
        blocks.append("\n".join(entries))
    return "\n\n".join(blocks)


def page(root=chapters.ROOT):
    """The Markdown of the map: the drawing, and the list that says the same."""
    return f'<div class="course-map">{drawing(root)}</div>\n\n## The same as a list\n\n{listed(root)}\n'
