"""What surgery did, layer by layer: a table for the terminal and one for a page."""

import csv
import io
from dataclasses import astuple, dataclass, fields
from html import escape

from gpc import count


@dataclass(frozen=True)
class Row:
    """One pointwise layer: what became of it, why, and its cost before and after.

    `parameters_*` count the layer and the batch norm and activation replaced with it; `macs_*` are
    multiply-accumulates of one image, None where the model's input has no fixed size or can't be followed.
    `decision` is "K+L", "K" or "kept".
    """

    layer: str
    decision: str
    reason: str
    in_channels: int
    filters: int
    parameters_before: int
    parameters_after: int
    macs_before: int | None
    macs_after: int | None


_HEADS = ("layer", "decision", "in", "filters", "parameters", "after", "MACs", "after", "reason")
_NUMBERS = range(2, 8)


@dataclass(frozen=True)
class Report:
    """All pointwise layers as rows, and the model's parameters and multiply-accumulates before and after.

    Printed, a table; in a notebook, an HTML table with its caption. `unknown` names layers whose
    multiply-accumulates `gpc.count` can't know; the numbers are without them.
    """

    model: str
    channels_per_group: int
    scheme: str
    rows: tuple
    parameters_before: int
    parameters_after: int
    trainable_before: int
    trainable_after: int
    macs_before: int | None
    macs_after: int | None
    unknown: tuple = ()

    @property
    def replaced(self):
        """The rows of layers that gave way."""
        return tuple(row for row in self.rows if row.decision != "kept")

    @property
    def kept(self):
        """The rows of pointwise layers left as they were."""
        return tuple(row for row in self.rows if row.decision == "kept")

    @property
    def caption(self):
        """One line: what was replaced and what it saved."""
        second = sum(row.decision == "K+L" for row in self.rows)
        text = (
            f"{self.model}, {self.channels_per_group} channels a group, {self.scheme}: "
            f"{len(self.replaced)} pointwise layers replaced ({second} with L), {len(self.kept)} kept; "
            f"parameters {self.parameters_before:,} → {self.parameters_after:,}"
        )
        if self.macs_before is None or self.macs_after is None:
            return text + "; MACs not counted, the input has no fixed size or a layer can't be called on it"
        unknown = f" (without {', '.join(self.unknown)}, unknown)" if self.unknown else ""
        return text + f", MACs {self.macs_before:,} → {self.macs_after:,}{unknown}"

    def csv(self):
        """The rows as comma-separated values, one line a layer under a line of names."""
        return separated(Row, self.rows)

    def __str__(self):
        cells = [
            _HEADS,
            *((*cells[:-1], short(cells[-1])) for cells in map(_cells, self.rows)),
            self._totals(),
        ]
        return aligned(self.caption, cells, _NUMBERS)

    def _totals(self):
        totals = (self.parameters_before, self.parameters_after, self.macs_before, self.macs_after)
        return ("whole model", "", "", "", *map(_number, totals), "")

    def _repr_html_(self):
        whole, _, _, _, *totals = self._totals()
        lines = [_HTML_HEADS, *map(_html_cells, self.rows), (whole, "", *totals)]
        return html_table(self.caption, lines, range(2, 6))


# A page is narrower than a terminal: channels share a column, and so do what was decided and why.
_HTML_HEADS = (
    "layer", "channels", "parameters before", "parameters after", "MACs before", "MACs after",
    "what became of it",
)  # fmt: skip


def separated(kind, rows):
    """Dataclass instances as comma-separated values, under a line with the names of `kind`'s fields."""
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(field.name for field in fields(kind))
    table.writerows(map(astuple, rows))
    return text.getvalue()


def aligned(caption, lines, numbers):
    """A text table of lines of cells, heads first and totals last; columns in `numbers` to the right."""
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    head, *body, totals = [
        "  ".join(
            cell.rjust(w) if i in numbers else cell.ljust(w)
            for i, (cell, w) in enumerate(zip(line, widths, strict=True))
        )
        for line in lines
    ]
    rule = "─" * min(110, sum(widths) + 2 * len(widths))
    return "\n".join(line.rstrip() for line in [caption, "", head, rule, *body, rule, totals])


def html_table(caption, lines, numbers):
    """The same as an HTML table: a caption, scoped heads, the totals at its foot."""
    heads, *body, totals = lines
    head = "".join(
        f'<th scope="col" style="{style}">{name}</th>'
        for style, name in zip(_html_styles(len(heads), numbers), heads, strict=True)
    )
    rows = "".join(_html_row(line, numbers) for line in body)
    return (
        f"<table><caption><span>{escape(caption)}</span></caption><thead><tr>{head}</tr></thead>"
        f"<tbody>{rows}</tbody><tfoot>{_html_row(totals, numbers)}</tfoot></table>"
    )


def short(reason, longest=60):
    """A reason that fits beside the numbers; the rows and the HTML table have all of it."""
    return reason if len(reason) <= longest else reason[: longest - 1] + "…"


def cost_of(model):
    """What the model costs for the batch it was built for, one image where it takes any number.

    None where its input has no fixed size, or where it can't be counted: a count never stops surgery.
    """
    if any(size is None for tensor in model.inputs for size in tensor.shape[1:]):
        return None
    batch = max((tensor.shape[0] or 1 for tensor in model.inputs), default=1)
    try:
        return count.cost(model, batch=batch, unknown="list")
    except Exception:
        return None


def _number(value):
    return "–" if value is None else f"{value:,}"


def _cells(row):
    """A row as strings in the order of the heads."""
    numbers = (row.in_channels, row.filters, row.parameters_before, row.parameters_after, row.macs_before)
    return (row.layer, row.decision, *map(_number, numbers), _number(row.macs_after), row.reason)


def _html_cells(row):
    """A row as strings in the order of the page's heads."""
    layer, decision, one, other, *numbers, reason = _cells(row)
    became = f"kept: {reason}" if decision == "kept" else reason
    return (layer, f"{one} → {other}", *numbers, became)


def _html_row(cells, numbers):
    name, *others = map(escape, cells)
    styles = _html_styles(len(cells), numbers)[1:]
    data = (f'<td style="{style}">{cell}</td>' for style, cell in zip(styles, others, strict=True))
    return f'<tr><th scope="row">{name}</th>{"".join(data)}</tr>'


def _html_styles(count, numbers):
    """A style for each column: numbers to the right, the last column wide enough for a few words a line."""
    sides = ("right" if i in numbers else "left" for i in range(count))
    styles = [f"padding: .2em .6em; text-align: {side}" for side in sides]
    return [*styles[:-1], f"{styles[-1]}; min-width: 11em"]
