"""How this course writes a number: alike in sentences, tables, captions and on axes."""

import math
import numbers

_SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_MINUS = "−"


def plain(value):
    """A Python value from a NumPy scalar or a one-element array or tensor; anything else as it is."""
    if isinstance(value, (str, bytes, bool, int, float, list, tuple, dict)) or value is None:
        return value
    if getattr(value, "shape", None) == () and hasattr(value, "__array__"):
        import numpy as np

        return np.asarray(value).item()
    return value


def decimals(size):
    """Digits after the point that leave a number of this size about three digits to read."""
    if size >= 1000 or size == 0:
        return 0
    return max(0, 2 - math.floor(math.log10(size)))


def number(value, spec=None):
    """A number as the course writes it; anything that is no number as `str` has it, None as an en dash.

    Integers with thousands commas, other numbers with three digits or down to the unit, the very small and
    the very large as a power of ten. `spec`, where given, is Python's own format and is obeyed, its minus and
    its power of ten written as the others.

    >>> number(102760448), number(0.08437), number(1234.56), number(3.2e-7), number(0.894, ".1%")
    ('102,760,448', '0.0844', '1,235', '3.20×10⁻⁷', '89.4%')
    >>> number(2e-7, ".0e"), number(0.0, ".0e"), number(-12.34, "+.1f")
    ('2×10⁻⁷', '0', '−12.3')
    """
    value = plain(value)
    if value is None:
        return "–"
    if spec:
        return _typeset(format(value, spec)) if isinstance(value, numbers.Number) else format(value, spec)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, numbers.Integral):
        return f"{int(value):,}".replace("-", _MINUS)
    if isinstance(value, numbers.Real):
        return _real(float(value))
    return str(value)


def _typeset(text):
    """What Python's format gives, as the course writes it: 2e-07 → 2×10⁻⁷, -12.3 → −12.3."""
    mantissa, mark, exponent = text.partition("e")
    if mark and exponent.lstrip("+-").isdigit():
        if not float(mantissa):
            return "0"
        text = f"{mantissa}×10{str(int(exponent)).translate(_SUPERSCRIPT)}"
    return text.replace("-", _MINUS)


def _real(value):
    if math.isnan(value):
        return "not a number"
    if math.isinf(value):
        return "∞" if value > 0 else f"{_MINUS}∞"
    size = abs(value)
    if size and (size < 1e-4 or size >= 1e15):
        mantissa, exponent = f"{value:.2e}".split("e")
        return f"{mantissa}×10{str(int(exponent)).translate(_SUPERSCRIPT)}".replace("-", _MINUS)
    return f"{value:,.{decimals(size)}f}".replace("-", _MINUS)


def column(values, spec=None):
    """A table's column: all its numbers with equal decimals, enough to read the smallest by.

    >>> column([1.5, 20.25, 300]), column([0.5, 0.25]), column([3, 4000, None])
    (['1.50', '20.25', '300.00'], ['0.500', '0.250'], ['3', '4,000', '–'])
    """
    values = [plain(value) for value in values]
    reals = [v for v in values if isinstance(v, numbers.Real) and not isinstance(v, (bool, numbers.Integral))]
    finite = [abs(v) for v in reals if math.isfinite(v) and v]
    if spec or not finite or min(finite) < 1e-4 or max(finite) >= 1e15:
        return [number(v, spec if isinstance(v, numbers.Number) else None) for v in values]
    places = max(decimals(max(finite)), min(decimals(min(finite)), 2 if max(finite) >= 1 else 4))
    spec = f",.{places}f"
    kept = [isinstance(v, numbers.Real) and not isinstance(v, bool) and math.isfinite(v) for v in values]
    return [
        format(v, spec).replace("-", _MINUS) if keep else number(v)
        for v, keep in zip(values, kept, strict=True)
    ]
