"""Tables that a screen reader can walk through, and that a terminal can print."""

import numbers
import re

from gpc.show.numbers import column, plain
from gpc.show.page import Output, card, escape, inline, squeeze, unmarked

_STYLE = squeeze("""
.gpc-table{overflow-x:auto;padding:.5rem .75rem;width:fit-content;max-width:100%}
.gpc.gpc-table table{border-collapse:collapse;border:0;margin:0;width:auto;table-layout:auto;display:table;
color:inherit;font-size:.95em;overflow-wrap:normal}
.gpc.gpc-table caption{caption-side:top;text-align:left;font-weight:600;
color:var(--ink);padding:.25rem 0;margin:0}
.gpc.gpc-table :is(tr,thead,tbody,tfoot){background:none;border:0}
.gpc.gpc-table :is(th,td){padding:.2rem .5rem;text-align:left;vertical-align:top;border:0;
border-bottom:1px solid var(--line);color:inherit;background:none;max-width:24rem;white-space:normal}
.gpc.gpc-table thead th{border-bottom:2px solid var(--soft);vertical-align:bottom}
.gpc.gpc-table tbody th{font-weight:400}
.gpc.gpc-table tfoot :is(th,td){border-top:2px solid var(--soft);font-weight:600}
.gpc.gpc-table .n{text-align:right;font-variant-numeric:tabular-nums}
.gpc.gpc-table :is(tbody,tfoot) .n{white-space:nowrap}
""")


class Table(Output):
    """What `table` makes: shows itself in a notebook; `str()` is the aligned text, `.html` the page's."""


def table(rows, caption, *, columns=None, headings=None, formats=None, total=None):
    """Rows as a table with a caption: HTML on a page, aligned text at a terminal.

    Args:
        rows: dicts (their keys are the columns), or tuples with `columns` naming them. The first column heads
            its row.
        caption: what stands above the table.
        columns: the columns' names, in their order.
        headings: column → what stands above it, by default the column's name with spaces.
        formats: column → Python format, for example `{"share": ".1%"}`; without one, numbers get equal
            decimals.
        total: one more row, dict or tuple, set apart at the foot.

    Raises ValueError for no rows, an empty caption, a row of another length or a format for a column that
    isn't there.

    >>> rows = [{"layer": "dense", "weights": 38400}, {"layer": "grouped", "weights": 2560}]
    >>> print(table(rows, "480 → 80 channels"))
    480 → 80 channels
    layer    weights
    -------  -------
    dense     38,400
    grouped    2,560
    """
    rows = list(rows)
    if not rows or not str(caption).strip():
        raise ValueError(f"a table needs rows and a caption; got {len(rows)} rows and caption={caption!r}")
    columns = _columns(rows, columns)
    headings, formats = dict(headings or {}), dict(formats or {})
    for name in (*headings, *formats):
        if name not in columns:
            raise ValueError(
                f"column {name!r} has a heading or format and is not in the table; columns: {columns}"
            )
    body = [_values(row, columns) for row in rows + ([total] if total is not None else [])]
    cells = [
        column(values, formats.get(name))
        for name, values in zip(columns, zip(*body, strict=True), strict=True)
    ]
    parts = {
        "caption": str(caption),
        "heads": [str(headings.get(name, str(name).replace("_", " "))) for name in columns],
        "numeric": [_numeric(values) for values in zip(*body, strict=True)],
        "lines": list(zip(*cells, strict=True)),
        "foot": total is not None,
    }
    return Table(_text(**parts), html=_html(**parts))


def _columns(rows, columns):
    if columns is not None:
        return list(columns)
    if not all(isinstance(row, dict) for row in rows):
        raise ValueError("rows that are not dicts need columns=[…], one name for each entry of a row")
    return list(dict.fromkeys(name for row in rows for name in row))


def _values(row, columns):
    if isinstance(row, dict):
        unknown = [name for name in row if name not in columns]
        if unknown:
            raise ValueError(f"a row has {unknown}, which is none of the columns {columns}")
        return [row.get(name) for name in columns]
    row = list(row)
    if len(row) != len(columns):
        raise ValueError(f"a row has {len(row)} entries and there are {len(columns)} columns: {row}")
    return row


def _numeric(values):
    known = [plain(v) for v in values if v is not None]
    figures = (isinstance(v, numbers.Number) and not isinstance(v, bool) or _share(v) for v in known)
    return bool(known) and all(figures)


def _share(value):
    """Whether this is a text that is a share already: "94%", "+0.5%"."""
    return isinstance(value, str) and re.fullmatch(r"[+−-]?[\d,.]+%", value) is not None


def _text(caption, heads, numeric, lines, foot):
    lines = [[unmarked(cell) for cell in line] for line in lines]
    widths = [max(map(len, texts)) for texts in zip(heads, *lines, strict=True)]

    def aligned(line):
        cells = zip(line, widths, numeric, strict=True)
        return "  ".join(c.rjust(w) if n else c.ljust(w) for c, w, n in cells).rstrip()

    rule = "  ".join("-" * width for width in widths)
    body = [aligned(line) for line in lines]
    if foot:
        body.insert(-1, rule)
    return "\n".join([unmarked(caption), aligned(heads), rule, *body])


def _html(caption, heads, numeric, lines, foot):
    def line(cells, first='th scope="row"'):
        tags = [first] + ["td"] * (len(cells) - 1)
        marks = [' class="n"' if n else "" for n in numeric]
        parts = [f"<{t}{m}>{inline(c)}</{t.split()[0]}>" for t, m, c in zip(tags, marks, cells, strict=True)]
        return f"<tr>{''.join(parts)}</tr>"

    marks = [' class="n"' if n else "" for n in numeric]
    head = "".join(f'<th scope="col"{m}>{inline(h)}</th>' for m, h in zip(marks, heads, strict=True))
    body = [line(cells) for cells in lines]
    foot = f"<tfoot>{body.pop()}</tfoot>" if foot else ""
    inside = f"<caption><span>{inline(caption)}</span></caption><thead><tr>{head}</tr></thead>"
    inside += f"<tbody>{''.join(body)}</tbody>{foot}"
    # Focusable, so that a table wider than a phone can be scrolled with the keyboard.
    region = f'role="region" tabindex="0" aria-label="{escape(unmarked(caption))}"'
    return card(f"<table>{inside}</table>", name="table", style=_STYLE, attributes=region)
