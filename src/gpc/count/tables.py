"""A model's costs as text and as HTML."""

from html import escape

HEADERS = ("layer", "kind", "output", "parameters", "MACs", "share")


def text(model, rows=40):
    """Aligned text: a title, one line a layer, the total; numbers to the right."""
    body, left_out = _body(model, rows)
    lines = [HEADERS, *body, _total(model)]
    widths = [max(len(line[i]) for line in lines) for i in range(len(HEADERS))]
    rule = "  ".join("─" * width for width in widths)
    shown = ["  ".join(_cell(line, i, widths) for i in range(len(HEADERS))).rstrip() for line in lines]
    note = [left_out] if left_out else []
    return "\n".join([_caption(model), shown[0], rule, *shown[1:-1], *note, rule, shown[-1]])


def html(model, rows=40):
    """One `table` with a caption, scoped column headers, and each layer's name as the header of its row."""
    body, left_out = _body(model, rows)
    head = "".join(f'<th scope="col" style="{_align(i)}">{name}</th>' for i, name in enumerate(HEADERS))
    lines = "".join(_row(line) for line in body)
    if left_out:
        lines += f'<tr><td colspan="{len(HEADERS)}">{escape(left_out)}</td></tr>'
    return (
        f"<table><caption><span>{escape(_caption(model))}</span></caption><thead><tr>{head}</tr></thead>"
        f"<tbody>{lines}</tbody><tfoot>{_row(_total(model))}</tfoot></table>"
    )


def shape_text(shape):
    """A shape without its batch, as people write it.

    >>> shape_text((1, 112, 112, 32)), shape_text((1,))
    ('112×112×32', '1')
    """
    return "×".join(str(n) for n in shape[1:]) or "1"


def _body(model, rows):
    shown = model.layers
    if rows is not None and len(shown) > rows:
        costliest = sorted(range(len(shown)), key=lambda i: (-shown[i].macs, -shown[i].parameters))[:rows]
        shown = [model.layers[i] for i in sorted(costliest)]
    left = len(model.layers) - len(shown)
    macs = model.macs - sum(row.macs for row in shown)
    note = f"… and {left} more layers with {_share(macs, model.macs)} of the MACs" if left else ""
    return [_layer(row, model.macs) for row in shown], note


def _layer(row, macs):
    out = ", ".join(shape_text(s) for s in row.output_shapes)
    return row.path, row.kind, out, f"{row.parameters:,}", f"{row.macs:,}", _share(row.macs, macs)


def _total(model):
    return "total", "", "", f"{model.parameters:,}", f"{model.macs:,}", _share(model.macs, model.macs)


def _caption(model):
    images = "one image" if model.batch == 1 else f"a batch of {model.batch}"
    unknown = f"; not counted: {', '.join(model.unknown)}" if model.unknown else ""
    return (
        f"{model.name}: {model.parameters:,} parameters ({model.trainable:,} trainable), "
        f"{model.macs:,} multiply-accumulates and {model.activation_bytes:,} activation bytes "
        f"for {images}{unknown}"
    )


def _share(part, whole):
    return f"{part / whole:.1%}" if whole else "–"


def _cell(line, column, widths):
    return line[column].ljust(widths[column]) if column < 3 else line[column].rjust(widths[column])


def _align(column):
    return "text-align:left" if column < 3 else "text-align:right"


def _row(line):
    cells = "".join(f'<td style="{_align(i)}">{escape(cell)}</td>' for i, cell in enumerate(line) if i)
    return f'<tr><th scope="row" style="text-align:left">{escape(line[0])}</th>{cells}</tr>'
