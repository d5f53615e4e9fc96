"""`gpc regroup`: a model's pointwise layers replaced, and what that changes."""

from pathlib import Path

from gpc._checks import seed
from gpc._files import save_atomically
from gpc.cli import _common


def add(commands):
    """Tells argparse about the command."""
    found = _common.command(
        commands,
        "regroup",
        run,
        short="replace a model's pointwise convolutions by interleaved grouped ones",
        text=(
            "Replaces each pointwise (1×1) convolution of a model, with its batch norm and activation, by "
            "one or two grouped ones, and prints for each layer what became of it, why, and what it cost "
            "before and after. --save writes the new model, untrained where it is new, for your code or "
            "for `gpc train`."
        ),
        examples=[
            "gpc regroup EfficientNetB0 --classes 10",
            "gpc regroup MobileNetV2 --channels-per-group 32 --scheme divisible",
            "gpc regroup my_model.keras --where 'block[4-7]_' --save smaller.keras",
        ],
    )
    _common.add_model(found)
    _common.add_shape(found)
    found.add_argument("--where", metavar="REGEX", help="only layers whose path matches")
    found.add_argument("--head", action="store_true", help="replace a 1×1 classifier too")
    found.add_argument(
        "--per-pixel-dense",
        action="store_true",
        help="replace Dense layers applied at each pixel too (ConvNeXt)",
    )
    found.add_argument("--seed", type=int, default=0, help="of the new weights (default: 0)")
    found.add_argument("--csv", metavar="FILE", help="write the table as comma-separated values")
    found.add_argument("--save", metavar="FILE.keras", help="write the new model")


def run(asked):
    """Regroups, prints the report, saves."""
    _common.writable(asked.save, asked.csv)
    seed("--seed", asked.seed)
    if asked.save and not asked.save.endswith(".keras"):
        raise ValueError(f"--save {asked.save} must end in .keras; nearest: {Path(asked.save).stem}.keras")
    _common.start_keras()
    from gpc import surgery

    # Here the grouping is for the surgery: the model itself is built as it is.
    options = _common.options(
        asked, asked.model, shape=_common.shape(asked), classes=asked.classes, strict=False
    )
    model = _common.build(asked.model, options, skip_strides=asked.skip_strides)
    model, report = surgery.regroup(
        model,
        16 if asked.channels_per_group is None else asked.channels_per_group,
        scheme=asked.scheme or "interleaved",
        where=asked.where,
        per_pixel_dense=asked.per_pixel_dense,
        head=asked.head,
        seed=asked.seed,
    )
    print(report)
    if asked.csv:
        Path(asked.csv).write_text(report.csv(), encoding="utf-8")
    if asked.save:
        save_atomically(asked.save, model.save)
        print(f"\nsaved to {asked.save}; `gpc train {asked.save} --data …` trains it")
