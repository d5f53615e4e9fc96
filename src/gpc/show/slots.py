"""Many pictures of one shape kept as one picture and a table of what differs in it."""

import html
import itertools
import re

_PIECE = re.compile(r"(<[^>]*>)([^<]*)")
_ATTRIBUTE = re.compile(r'([\w:-]+)="([^"]*)"')
_NUMBER = re.compile(r"-?(0|[1-9]\d*)(\.\d*[1-9])?")
# What may differ from state to state: where a mark stands, how large it is, how it looks, what it shows.
_MAY_DIFFER = set(
    "x y width height r cx cy rx ry x1 y1 x2 y2 d points transform fill stroke opacity fill-opacity "
    "stroke-opacity stroke-width stroke-dasharray visibility href text-anchor font-weight".split()
)


def fold(pictures, sizes, first, names):
    """(the picture at position `first` with its marks numbered, what each mark shows in every state).

    pictures: SVG texts with the same elements, one for each state, the last control fastest. sizes: how many
    values each control has. names: each state in words, for errors. A mark is {attribute, "" for its text:
    slot}, see `slot`; the picture names it by data-v.

    Raises ValueError for pictures of other elements, or that differ in what a script must not set.

    >>> fold(['<svg><circle r="1"/></svg>', '<svg><circle r="3"/></svg>'], [2], 0, ["small", "large"])
    ('<svg><circle r="1" data-v="0"/></svg>', [{'r': [[0], [1, 3]]}])
    """
    pieces = [_PIECE.findall(source) for source in pictures]
    _same_elements(pieces, names)
    template, marks = [], []
    for position, (tag, words) in enumerate(pieces[first]):
        found = _differences([state[position] for state in pieces], sizes)
        if found:
            if "" in found and not pieces[first][position + 1][0].startswith("</"):
                raise ValueError(f"words that change need an element of their own; {tag} holds more")
            tag = re.sub(r"\s*(/?)>$", rf' data-v="{len(marks)}"\1>', tag)
            marks.append(found)
        template.append(tag + words)
    return "".join(template), marks


def _same_elements(pieces, names):
    shapes = [[(_name(tag), [a for a, _ in _ATTRIBUTE.findall(tag)]) for tag, _ in state] for state in pieces]
    for shape, name in zip(shapes, names, strict=True):
        if shape != shapes[0]:
            pairs = itertools.zip_longest(shapes[0], shape)
            one, other = next((a, b) for a, b in pairs if a != b)
            raise ValueError(
                "every state draws the same elements, hidden ones by visibility; "
                f"{names[0]!r} has {_told(one)} where {name!r} has {_told(other)}"
            )


def _name(tag):
    return re.match(r"<(/?[\w:!-]+)", tag)[1]


def _told(element):
    return "nothing more" if element is None else f"<{' '.join([element[0], *element[1]])}>"


def _differences(states, sizes):
    """{attribute: slot} of one element in all its states; the words behind its tag under ""."""
    columns = {name: [] for name, _ in _ATTRIBUTE.findall(states[0][0])} | {"": []}
    for tag, words in states:
        for name, value in _ATTRIBUTE.findall(tag):
            columns[name].append(value)
        columns[""].append(words)
    varied = {name: values for name, values in columns.items() if len(set(values)) > 1}
    for name, values in varied.items():
        if name and name not in _MAY_DIFFER:
            raise ValueError(f"{name}={values[0]!r} must not change between states: {states[0][0][:60]}")
    return {name: slot(list(map(_plain, values)), sizes) for name, values in varied.items()}


def _plain(value):
    """An attribute as a number where that is the same thing, and words without the marks of HTML."""
    value = html.unescape(value)
    if not _NUMBER.fullmatch(value):
        return value
    return float(value) if "." in value else int(value)


def slot(values, sizes):
    """[the controls that values depend on, the values for these alone]: what stays equal is kept once.

    >>> slot(["a", "b", "c", "a", "b", "c"], [2, 3])
    [[1], ['a', 'b', 'c']]
    """
    table = dict(zip(itertools.product(*map(range, sizes)), values, strict=True))
    needed = [
        axis
        for axis in range(len(sizes))
        if any(value != table[at[:axis] + (0,) + at[axis + 1 :]] for at, value in table.items())
    ]
    kept = itertools.product(*(range(size) if axis in needed else (0,) for axis, size in enumerate(sizes)))
    return [needed, [table[at] for at in kept]]


def looked_up(slot, at, sizes):
    """The value of a slot where the controls stand at the positions `at`, as the script finds it."""
    needed, values = slot
    place = 0
    for axis in needed:
        place = place * sizes[axis] + at[axis]
    return values[place]

