"""`gpc count`: what a model costs."""

import json

from gpc.cli import _common


def add(commands):
    """Tells argparse about the command."""
    found = _common.command(
        commands,
        "count",
        run,
        short="parameters, multiply-accumulates and activations of a model",
        text=(
            "Counts a model exactly: parameters, multiply-accumulates (MACs; FLOPs are twice as many) and "
            "activation bytes of one image, summed over kinds of layers, or layer by layer. Weights are "
            "random, nothing is downloaded. A layer whose arithmetic is not known is named, never counted "
            "as nothing."
        ),
        examples=[
            "gpc count EfficientNetB0",
            "gpc count kEfficientNetB0 --input 32 --classes 10 --skip-strides 3",
            "gpc count EfficientNetB0 --by layer        every layer, the costliest first",
            "gpc count my_model.keras --json            for a program to read",
        ],
    )
    _common.add_model(found)
    _common.add_shape(found)
    found.add_argument(
        "--by", choices=("kind", "layer"), default="kind", help="one row for each (default: kind)"
    )
    found.add_argument("--json", action="store_true", help="print JSON instead of a table")


def run(asked):
    """Counts and prints."""
    _common.start_keras()
    from gpc import count

    shape = _common.shape(asked)
    options = _common.options(asked, asked.model, shape=shape, classes=asked.classes)
    model = _common.build(asked.model, options, skip_strides=asked.skip_strides)
    given = shape if any(side is None for side in model.input_shape[1:]) else None
    cost = count.cost(model, input_shape=given)
    print(json.dumps(as_dict(model, cost, asked.by), indent=1) if asked.json else text(model, cost, asked.by))


def as_dict(model, cost, by):
    """The count as plain numbers."""
    rows = cost.by_layer() if by == "layer" else cost.by_kind()
    return {
        "model": model.name,
        "input_shape": list(model.input_shape[1:]),
        **_numbers(cost),
        "pointwise_share": cost.pointwise_share,
        f"by_{by}": {name: _numbers(one) for name, one in rows.items()},
    }


def _numbers(cost):
    return {name: getattr(cost, name) for name in ("parameters", "trainable", "macs", "activation_bytes")}


def text(model, cost, by):
    """The count as an aligned table."""
    rows = cost.by_layer() if by == "layer" else cost.by_kind()
    heads = (by, "parameters", "trainable", "MACs", "of all", "activations, bytes")
    lines = [_line(name, one, cost) for name, one in rows.items()]
    lines.append(_line("together", cost.total, cost))
    widths = [max(len(line[place]) for line in [heads, *lines]) for place in range(len(heads))]

    def drawn(line):
        return "  ".join([line[0].ljust(widths[0]), *(c.rjust(w) for c, w in zip(line[1:], widths[1:]))])

    rule = "─" * len(drawn(heads))
    shape = "×".join("?" if side is None else str(side) for side in model.input_shape[1:])
    head = f"{model.name}, one image of {shape}; {cost.pointwise_share:.1%} of its MACs in 1×1 convolutions"
    return "\n".join([head, "", drawn(heads), rule, *map(drawn, lines[:-1]), rule, drawn(lines[-1])])


def _line(name, one, whole):
    share = f"{one.macs / whole.macs:.1%}" if whole.macs else "–"
    return (
        name,
        f"{one.parameters:,}",
        f"{one.trainable:,}",
        f"{one.macs:,}",
        share,
        f"{one.activation_bytes:,}",
    )
