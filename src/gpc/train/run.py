"""What a run is to whoever asked for it, where it stands while it runs, and the ways it can end early."""

from dataclasses import dataclass, field
from pathlib import Path


@dataclass
class Progress:
    """Where a run stands, but for its arrays: what a checkpoint's header tells."""

    step: int = 0
    rows: list = field(default_factory=list)
    best_epoch: int | None = None
    seconds: float = 0.0
    epoch_seconds: float = 0.0
    resumed: int = 0
    test_openings: int = 0
    status: str = "running"
    reason: str = ""
    metrics: dict | None = None


@dataclass(frozen=True, repr=False)
class Run:
    """What `fit` returns: `model` with the weights the recipe selects, and how they came about.

    status     "finished", "paused" (its minutes are over: call `fit` again) or "diverged"
    reason     why it diverged, and when; else empty
    history    one dict an epoch: epoch, learning_rate, loss, accuracy, val_loss, val_accuracy, seconds; of
               maps dice, iou, val_dice and val_iou, too
    metrics    {"best_epoch", "train", "val", "test"}, each split {"loss", "accuracy"}, of maps "dice" and
               "iou", too; "test" is None where it was not opened. Empty while paused
    record     what is written to the run's folder and to the records folder; None while paused
    path       its file: the records folder's where there is one, else the run's own; None where neither was
               asked for, or that file could not be written
    """

    model: object
    status: str
    reason: str
    history: tuple
    metrics: dict
    record: dict | None
    path: Path | None

    def __repr__(self):
        test = self.metrics.get("test") or {}
        told = f", test accuracy {test['accuracy']:.4f}" if test else ""
        return f"Run({self.status}, {len(self.history)} epochs{told})"


class Paused(Exception):
    """Raised inside Keras's fit to leave it between two steps, when the state has been saved."""


class NotANumber(Exception):
    """Raised inside Keras's fit to leave it when the running loss is lost."""


class Diverged(ArithmeticError):
    """The loss is no number any more; raised out of `fit` only where no epoch was finished before."""
