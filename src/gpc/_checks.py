"""Checks of plain values, beneath every room: what was given, what is needed, the nearest that works."""

import difflib
import math
import operator
from numbers import Integral, Real

SEEDS = 2**32


def positive(name, value):
    """`value` as an int of at least 1, whatever integer type it came in.

    Raises TypeError for what is no integer, ValueError below 1.

    >>> positive("filters", 24)
    24
    """
    try:
        if isinstance(value, bool):
            raise TypeError
        number = operator.index(value)
    except TypeError:
        finite = isinstance(value, float) and math.isfinite(value)
        nearest = f"; nearest that works: {max(1, round(value))}" if finite else ""
        raise TypeError(f"{name}={value!r} must be an integer of at least 1{nearest}") from None
    if number < 1:
        raise ValueError(f"{name}={number} must be at least 1; nearest that works: 1")
    return number


def seed(name, value):
    """`value` as an int from 0 to 2³² − 1: what every generator of random numbers takes.

    Raises TypeError for what is no integer, ValueError outside.

    >>> seed("seed", 7)
    7
    """
    told = f"{name}={value!r} must be an integer from 0 to {SEEDS - 1}"
    if isinstance(value, bool) or not isinstance(value, Integral):
        raise TypeError(f"{told}; nearest that works: 0")
    if not 0 <= value < SEEDS:
        raise ValueError(f"{told}; nearest that works: {0 if value < 0 else SEEDS - 1}")
    return int(value)


def minutes(name, value):
    """`value`, a time in minutes, 0 or more.

    Raises ValueError for a negative one, and for what is no number or not finite.

    >>> minutes("minutes", 2.5)
    2.5
    """
    if not isinstance(value, Real) or not math.isfinite(value) or value < 0:
        raise ValueError(f"{name}={value!r} must be at least 0, and finite; nearest that works: 0")
    return value


def common_divisors(*numbers):
    """Every integer that divides all of `numbers`, smallest first.

    >>> common_divisors(12, 18)
    [1, 2, 3, 6]
    """
    return [d for d in range(1, min(numbers) + 1) if not any(n % d for n in numbers)]


def dividing(name, value, **numbers):
    """`value` as an int that divides every one of `numbers`.

    Raises ValueError naming the nearest divisors below and above, TypeError for what is no integer.

    >>> dividing("groups", 4, in_channels=8, filters=16)
    4
    >>> dividing("groups", 3, in_channels=8, filters=8)
    Traceback (most recent call last):
    ValueError: groups=3 must divide in_channels=8 and filters=8; nearest that does: 2 or 4
    """
    value = positive(name, value)
    if not any(n % value for n in numbers.values()):
        return value
    divisors = common_divisors(*numbers.values())
    near = [*[d for d in divisors if d < value][-1:], *[d for d in divisors if d > value][:1]]
    what = " and ".join(f"{key}={n}" for key, n in numbers.items())
    raise ValueError(f"{name}={value} must divide {what}; nearest that does: {' or '.join(map(str, near))}")


def nearest(word, known, most=1):
    """The `most` of `known` that are written most like `word`, whatever the case, the likest first.

    A list of texts, empty where none is much like it.

    >>> nearest("mobilnet", ["MobileNet", "VGG16"]), nearest("x", ["MobileNet", "VGG16"])
    (['MobileNet'], [])
    """
    # Of two that differ in case alone the first stands for both.
    texts = {text.lower(): text for text in reversed([str(one) for one in known])}
    return [texts[key] for key in difflib.get_close_matches(str(word).lower(), texts, most, 0.4)]


def hint(word, known):
    """The end of a message: the nearest of `known`, or nothing.

    >>> hint("crop", ["papers", "crop-flip"]), hint("x", ["papers"])
    ("; nearest: 'crop-flip'", '')
    """
    near = nearest(word, known)
    return f"; nearest: {near[0]!r}" if near else ""
