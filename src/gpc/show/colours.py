"""One palette for the whole course, chosen for readers who see fewer colours and for dark pages, too.

Seven hues, for marks on white paper, which figures keep on dark pages. Seen normally or with protanopia,
deuteranopia or tritanopia (Machado, Oliveira and Fernandes 2009, full severity), any two of them stay at
least 20 CIE76 units apart; every one has a contrast of 3:1 or more on white as a mark, and
`palette.text(name)` is the same hue at 4.5:1 or more, for words. A test computes all of this.
"""

from dataclasses import dataclass, field

_MARKS = {
    "blue": "#0B6BE8",
    "vermillion": "#E0620D",
    "green": "#07A26F",
    "purple": "#C369B9",
    "indigo": "#352B78",
    "olive": "#66500F",
    "brown": "#4A170C",
}
_TEXTS = {"vermillion": "#B54B00", "green": "#067A54", "purple": "#A0459A", "blue": "#0A5FD0"}
_KINDS = {
    "convolution": "blue",
    "dense": "vermillion",
    "pointwise": "green",
    "depthwise": "purple",
    "grouped": "indigo",
    "norm": "olive",
    "other": "grey",
}


@dataclass(frozen=True)
class Palette:
    """Colours by name (`palette.blue`), in order (`.cycle`), by kind of layer (`.kind("dense")`).

    >>> palette.cycle[0] == palette.blue, palette.kind("pointwise") == palette.green
    (True, True)
    """

    blue: str = _MARKS["blue"]
    vermillion: str = _MARKS["vermillion"]
    green: str = _MARKS["green"]
    purple: str = _MARKS["purple"]
    indigo: str = _MARKS["indigo"]
    olive: str = _MARKS["olive"]
    brown: str = _MARKS["brown"]
    grey: str = "#6B7076"
    ink: str = "#1B1F24"
    muted: str = "#57606A"
    grid: str = "#D8DEE4"
    paper: str = "#FFFFFF"
    names: tuple = field(default=tuple(_MARKS), repr=False)

    @property
    def cycle(self):
        """The seven hues in the order in which series take them."""
        return tuple(_MARKS.values())

    def text(self, colour):
        """The shade of `colour` (a name, or one of the cycle's values) that words on white may have.

        Raises ValueError for a colour that is not in the palette.
        """
        for name in (*self.names, "grey", "ink", "muted"):
            if colour in (name, getattr(self, name)):
                return _TEXTS.get(name, getattr(self, name))
        raise ValueError(
            f"colour={colour!r} is not in the palette; it has {', '.join(self.names)}, grey, ink, muted"
        )

    def kind(self, name):
        """The colour of one kind of layer on every page: convolution, dense, pointwise, depthwise, …"""
        if name not in _KINDS:
            raise ValueError(f"kind={name!r} has no colour of its own; these have: {', '.join(_KINDS)}")
        return getattr(self, _KINDS[name])


palette = Palette()
