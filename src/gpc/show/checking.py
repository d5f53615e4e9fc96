"""Exercises that answer back: not answered yet, not yet and why, or right, whatever a learner writes."""

import functools
import linecache
import numbers
import sysconfig
import traceback
import types

from gpc.show.numbers import number, plain
from gpc.show.page import Output, card, inline, unmarked

_STYLE = ".gpc-check{padding:.5rem 1rem}"
_MARKS = {"right": ("✓ right", "good"), "wrong": ("✗ not yet", "bad"), "open": ("… not answered yet", "soft")}
_RELATIVE = 1e-5


def check(answer, test, *, hint="", name=None):
    """Judges an exercise's answer, says how it stands and returns whether it is right.

    Args:
        answer: what the learner wrote: a value, or a function.
        test: a function of the answer that returns True, or False, or what is wrong as text, or asserts (and
            returns nothing); or the expected value: integers and text must be equal, other numbers agree to
            1e-5, arrays in their shape, too.
        hint: shown with what is not right yet.
        name: what the exercise is called.

    An answer of None or `...`, and a function that returns nothing but these, is "not answered yet". What the
    learner's code raises is shown in one line with its place, never raised.

    >>> check(38_400, 480 * 80, name="weights")
    weights: ✓ right
    True
    >>> check(..., 480 * 80)
    … not answered yet
    False
    >>> check(lambda c, f: c + f, lambda f: f(480, 80) == 38_400,
    ...       hint="Every filter weighs every input.")
    ✗ not yet
    Every filter weighs every input.
    False
    """
    state, message = _judge(answer, test)
    mark, colour = _MARKS[state]
    head = f"{name}: {mark}" if name else mark
    if message:
        head += f": {message}"
    hint = hint if hint and state == "wrong" else ""
    body = f'<p class="{colour}">{inline(head)}</p>' + (f"<p>{inline(hint)}</p>" if hint else "")
    text = unmarked(f"{head}\n{hint}" if hint else head)
    Output(text, html=card(body, name="check", style=_STYLE, attributes='role="status"')).show()
    return state == "right"


def _judge(answer, test):
    if _blank(answer):
        return "open", ""
    returned = []
    watched = _watched(answer, returned)
    try:
        verdict = test(watched) if callable(test) else _equal(answer, test)
        state, message = _verdict(verdict)
    except NotImplementedError:
        return "open", ""
    except AssertionError as error:
        state, message = "wrong", _one_line(error.args[0] if error.args else "")
    except (Exception, SystemExit) as error:
        state, message = "wrong", _where(error)
    # A test too kind to notice must not pass a function that never returned anything.
    if returned and all(returned):
        return "open", ""
    return state, message


def _blank(value):
    if isinstance(value, (list, tuple)):
        return any(entry is ... for entry in value)
    if isinstance(value, dict):
        return any(entry is ... for entry in value.values())
    return value is None or value is ...


def _watched(answer, returned):
    """The learner's function, noting at every call whether it returned nothing; anything else as it is."""
    if not isinstance(answer, (types.FunctionType, types.MethodType)):
        return answer

    @functools.wraps(answer)
    def call(*args, **kwargs):
        value = answer(*args, **kwargs)
        returned.append(_blank(value))
        return value

    return call


def _verdict(verdict):
    if isinstance(verdict, str):
        return "wrong", _one_line(verdict)
    if verdict is None:
        return "right", ""
    if getattr(verdict, "shape", ()) not in ((), None):
        return "wrong", f"an array of shape {tuple(verdict.shape)} where one value is needed"
    return ("right" if bool(verdict) else "wrong"), ""


def _equal(answer, expected):
    """True, or what is wrong with the answer, without giving the expected value away."""
    import numpy as np

    answer, expected = plain(answer), plain(expected)
    if isinstance(expected, (str, bytes, bool, dict, set)) or expected is None:
        return answer == expected
    wanted = np.asarray(expected)
    if wanted.dtype.kind not in "biufc":
        return bool(np.array_equal(np.asarray(answer), wanted))
    given = np.asarray(answer)
    if given.dtype.kind not in "biufc":
        return f"{type(answer).__name__} where a number is needed"
    if given.shape != wanted.shape:
        return (
            f"shape {given.shape} given, {wanted.shape} needed"
            if wanted.shape
            else f"one number needed, {given.shape} given"
        )
    if _close(given, wanted, np):
        return True
    return _distance(answer, given, wanted, np)


def _close(given, wanted, np):
    if wanted.dtype.kind in "biu":
        return bool(np.array_equal(given, wanted))
    scale = float(np.max(np.abs(wanted))) if wanted.size else 0.0
    return bool(np.allclose(given, wanted, rtol=_RELATIVE, atol=1e-8 * (scale or 1.0), equal_nan=True))


def _distance(answer, given, wanted, np):
    if wanted.shape:
        same = given == wanted if wanted.dtype.kind in "biu" else np.isclose(given, wanted, rtol=_RELATIVE)
        wrong = int(np.sum(~same))
        return f"{number(wrong)} of {number(wanted.size)} values differ"
    if isinstance(answer, numbers.Real) and isinstance(wanted.item(), numbers.Real) and answer == answer:
        return f"{number(answer)} is too {'large' if answer > wanted else 'small'}"
    return f"{number(answer)} is not it"


def _one_line(message, limit=300):
    text = " · ".join(line.strip() for line in str(message).splitlines() if line.strip())
    return text if len(text) <= limit else text[: limit - 1] + "…"


def _where(error):
    """`ZeroDivisionError: division by zero, in share(), line 3: return a / b`, the learner's last line."""
    library = (__file__, "site-packages", "dist-packages", sysconfig.get_path("stdlib"))
    frames = traceback.extract_tb(error.__traceback__)
    own = [f for f in frames if not any(place in f.filename for place in library)]
    text = _one_line(f"{type(error).__name__}: {error}" if str(error) else type(error).__name__)
    if not own:
        return text
    place = own[-1]
    source = linecache.getline(place.filename, place.lineno).strip() if place.lineno else ""
    name = "" if place.name in ("<lambda>", "<module>") else f"in {place.name}(), "
    return f"{text}, {name}line {place.lineno}" + (f": `{source}`" if source else "")
