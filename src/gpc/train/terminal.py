"""What a run says while it runs: one line an epoch, and on a terminal a line that moves within the epoch."""

import sys
import time


def span(seconds):
    """A length of time as a person says it.

    >>> span(7.04), span(192), span(5 * 3600 + 120)
    ('7.0 s', '3 min 12 s', '5 h 2 min')
    """
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60} min"


def _percent(part):
    return f"{100 * part:5.2f}%"


def score(scores, before=""):
    """What is better when higher, of scores whose names begin with `before`: Dice of maps, else accuracy.

    >>> score({"loss": 1.0, "accuracy": 0.5}), score({"val_accuracy": 0.9, "val_dice": 0.75}, "val_")
    ('50.00%', 'Dice 0.7500')
    """
    dice = scores.get(f"{before}dice")
    return _percent(scores[f"{before}accuracy"]) if dice is None else f"Dice {dice:.4f}"


class Line(str):
    """An epoch's line; `row` holds its numbers unrounded."""

    row = None


def epoch_line(row, epochs, *, left, best):
    """The line of one epoch, as a string that carries its row.

    >>> row = dict(epoch=3, learning_rate=0.002, loss=1.5, accuracy=0.45, val_loss=1.2, val_accuracy=0.5)
    >>> row["seconds"] = 61
    >>> print(epoch_line(row, 50, left=3600, best=True))
    epoch  3/50  lr 2.00e-03  train 1.5000 45.00%  val 1.2000 50.00% *  1 min 1 s  left 1 h 0 min
    """
    width = len(str(epochs))
    text = (
        f"epoch {row['epoch']:>{width}}/{epochs}  lr {row['learning_rate']:.2e}"
        f"  train {row['loss']:.4f} {score(row)}"
        + f"  val {row['val_loss']:.4f} {score(row, 'val_')}"
        + f"{' *' if best else '  '}  {span(row['seconds'])}"
        + (f"  left {span(left)}" if left > 0 else "")
    )
    found = Line(text.rstrip())
    found.row = row
    return found


class Bar:
    """A line on standard error, written over while an epoch runs; nothing where that is no terminal."""

    def __init__(self, stream=None):
        self.stream = sys.stderr if stream is None else stream
        self.live = bool(getattr(self.stream, "isatty", lambda: False)())
        self._next, self._shown = 0.0, 0

    def due(self):
        """Whether it is time to write again: at most four times a second."""
        return self.live and time.monotonic() >= self._next

    def show(self, epoch, step, steps, *, loss, accuracy, left):
        """Overwrites the line."""
        done = round(24 * step / steps)
        self._write(
            f"epoch {epoch}  [{'#' * done}{'.' * (24 - done)}] {step}/{steps}"
            f"  loss {loss:.4f}  {accuracy:.2%}  left {span(left)}"
        )
        self._next = time.monotonic() + 0.25

    def wait(self, text):
        """Says what takes so long before the first step."""
        if self.live:
            self._write(text)

    def clear(self):
        """Leaves an empty line for what is printed next."""
        if self._shown:
            self._write("")
            self.stream.write("\r")
            self.stream.flush()
            self._shown = 0

    def _write(self, text):
        self.stream.write("\r" + text.ljust(self._shown))
        self.stream.flush()
        self._shown = len(text)
