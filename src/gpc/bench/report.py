"""What the clock said of the pointwise layers: the table, which bars hold, and where it was measured."""

from dataclasses import dataclass, field
from datetime import UTC, datetime

from gpc.bench.pointwise import BAR_LAYER, DENSE_BAR, KERAS_BAR, SIZES, WIDE_BAR

COLUMNS = ("layer", "map", "computed", "dense ms", "forward", "forward + backward", "Conv2D(groups) / ours")
WIDTHS = (11, 5, 15, 9, 18, 18, 24)


def header():
    """The columns' names."""
    return _line(COLUMNS)


def _line(cells):
    return "  ".join(f"{cell:<{width}}" for cell, width in zip(cells, WIDTHS, strict=True)).rstrip()


def provenance():
    """Versions, device, commit and time of a measurement."""
    from gpc.train import machine

    return {
        "versions": machine.versions(),
        "device": machine.device(),
        **machine.commit(),
        "measured": datetime.now(UTC).isoformat(timespec="seconds"),
    }


@dataclass(frozen=True)
class Bar:
    """A promise about time: what it is, what was measured, whether it holds (None: it was not measured)."""

    promise: str
    measured: str
    holds: bool | None

    def __str__(self):
        word = {True: "holds", False: "FAILS", None: "not measured"}[self.holds]
        return f"{word:<13} {self.promise}: {self.measured}"


@dataclass(frozen=True)
class Report:
    """The rows of `pointwise_layers`, how they were measured and where."""

    rows: tuple
    settings: dict
    provenance: dict = field(default_factory=provenance)

    @staticmethod
    def line(row):
        """One row of the table."""
        return _line(row.cells())

    @property
    def bars(self):
        """The promises, as `Bar`s: against dense, against wide dense layers, against Keras's grouped one."""
        wide = [row for row in self.rows if row.wide]
        keras = [row for row in self.rows if row.keras and (row.in_channels, row.filters) == BAR_LAYER]
        faster = keras[0].keras.ratios["Conv2D(groups)"] if keras else None
        return (
            Bar(f"forward + backward at most {DENSE_BAR} × dense", *_worst(self.rows, DENSE_BAR)),
            Bar(f"at 672→192 and wider at most {WIDE_BAR} × dense", *_worst(wide, WIDE_BAR)),
            Bar(
                f"at 672→192 at least {KERAS_BAR} times faster than Conv2D(groups)",
                f"{faster:.0f} times" if keras else "not timed",
                faster >= KERAS_BAR if keras else None,
            ),
        )

    def as_dict(self):
        """Plain numbers, for JSON."""
        bars = [{"promise": bar.promise, "measured": bar.measured, "holds": bar.holds} for bar in self.bars]
        rows = [row.as_dict() for row in self.rows]
        return {"settings": self.settings, "provenance": self.provenance, "bars": bars, "rows": rows}

    def __str__(self):
        versions, device = self.provenance["versions"], self.provenance["device"]
        backend = versions["backend"]
        about = [
            f"EfficientNet-B0's pointwise layers at {SIZES[self.settings['size']]}",
            f"{self.settings['channels_per_group']} channels a group, batch {self.settings['batch']}, "
            f"{self.settings['rounds']} rounds; median of ratios to the dense layer (quartiles)",
            f"{backend} {versions[backend]}, Keras {versions['keras']}; "
            f"{', '.join(device['gpu']) or device['cpu']}, {device['cores']} cores",
        ]
        return "\n".join([*about, "", header(), *map(self.line, self.rows), "", *map(str, self.bars)])


def _worst(rows, bar):
    """(what was measured, whether it holds) of the row with the largest ratio."""
    if not rows:
        return "no such layer timed", None
    ratio, row = max(((row.training.ratios["grouped"], row) for row in rows), key=lambda found: found[0])
    return f"worst {ratio:.2f} at {row.in_channels}→{row.filters}, {row.pixels}² pixels", ratio <= bar
