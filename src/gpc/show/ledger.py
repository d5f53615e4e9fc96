"""Popular claims and what a chapter's own measurement says about them, kept for the book's list."""

import json
import os
from pathlib import Path

from gpc.show.numbers import plain
from gpc.show.page import Output, unmarked
from gpc.show.words import fill

VERDICTS = ("confirmed", "conditional", "wrong")
METADATA = "gpc_claim"


def claim(number, verdict, text, /, **numbers):
    """Shows what a chapter's measurement says about one of the numbered claims, and enters it in the ledger.

    Args:
        number: the claim's, an integer from 1.
        verdict: "confirmed", "conditional" or "wrong".
        text: a template as `say` takes it.
        **numbers: what its placeholders name.

    The ledger is the file that the environment's `GPC_CLAIMS` names, one JSON object a line; where it is
    unset, no ledger is written. The same object travels with the notebook's output, in its metadata as
    `gpc_claim`, so that a cached execution keeps it, too.

    Raises ValueError for another verdict, a number below 1, an empty text, or numbers that don't fit the
    template.

    >>> claim(21, "confirmed", "{share:.1%} of VGG16's parameters are in its dense head.",
    ...       share=0.894)
    Claim 21, confirmed: 89.4% of VGG16's parameters are in its dense head.
    """
    if verdict not in VERDICTS:
        raise ValueError(f"verdict={verdict!r} must be one of {', '.join(VERDICTS)}")
    if isinstance(number, bool) or not isinstance(number, int) or number < 1:
        raise ValueError(f"number={number!r} must be the claim's number, an integer from 1")
    filled = fill(text, numbers)
    if not filled.strip():
        raise ValueError(f"claim {number} needs a text that says what was measured")
    entry = {
        "number": number,
        "verdict": verdict,
        "text": filled,
        "numbers": {k: _json(v) for k, v in numbers.items()},
    }
    _append(entry)
    shown = f"Claim {number}, {verdict}: {unmarked(filled)}"
    Output(shown, markdown=f"**Claim {number}, {verdict}:** {filled}", metadata={METADATA: entry}).show()


def claims(path=None):
    """The ledger's entries by claim number, the last one of those that are equal in number and text.

    Args:
        path: the ledger; by default the file that `GPC_CLAIMS` names.

    Raises FileNotFoundError when there is none.
    """
    path = path or os.environ.get("GPC_CLAIMS")
    if not path or not Path(path).is_file():
        raise FileNotFoundError(
            f"no claims ledger at {path!r}; run the chapters with GPC_CLAIMS naming a file"
        )
    lines = Path(path).read_text(encoding="utf-8").splitlines()
    entries = {(e["number"], e["text"]): e for e in map(json.loads, filter(str.strip, lines))}
    return sorted(entries.values(), key=lambda e: (e["number"], e["text"]))


def _append(entry):
    path = os.environ.get("GPC_CLAIMS")
    if path:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        # One write of one line in append mode: chapters that run side by side cannot tear each other's
        # entries.
        with open(path, "a", encoding="utf-8") as file:
            file.write(json.dumps(entry, ensure_ascii=False, sort_keys=True) + "\n")


def _json(value):
    value = plain(value)
    return value if isinstance(value, (str, int, float, bool, type(None))) else str(value)
