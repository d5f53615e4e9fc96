"""Reads the CIFAR pickles without unpickling: the official files' opcodes, and no others.

A pickle is a program, and `pickle.load` runs it. The official files need dictionaries, lists, strings, small
numbers and one kind of array of bytes; that is all this reader does. It looks up no name, calls nothing and
builds nothing but NumPy arrays of uint8. Whatever else a file asks for is refused before it has any effect.

Source: Python's pickletools for the opcodes; the opcodes of the six CIFAR-10 and three CIFAR-100 files.
"""

import io
import math
import pickletools

import numpy as np

_RECONSTRUCT, _ARRAY, _DTYPE = "numpy.core.multiarray _reconstruct", "numpy ndarray", "numpy dtype"
_BYTES_STATE = (3, "|", None, None, None, -1, -1, 0)  # a dtype of one byte: no byte order, no fields
_VALUES = {"BINSTRING", "SHORT_BINSTRING", "BININT", "BININT1", "BININT2"}
_CONSTANTS = {"NONE": None, "NEWFALSE": False}
_SKIPPED = {"PROTO", "BINPUT", "LONG_BINPUT"}  # notes to refer back to; the official files never do


class _Name(str):
    """A name the file mentions: compared, never looked up."""


class _Made:
    """What a REDUCE stands for until BUILD fills it: an array or a dtype, as inert data."""

    def __init__(self, kind):
        self.kind, self.value = kind, None


def read(data, *, name="pickle"):
    """The dictionary in the bytes of an official CIFAR file: keys str, values str, int, list or uint8 arrays.

    Raises ValueError, naming the file and the opcode, for anything the official files do not contain.

    >>> read(b"\\x80\\x02}(U\\x05cellsK\\x2au.")
    {'cells': 42}
    >>> read(b"cos\\nsystem\\n(S'echo'\\ntR.")
    Traceback (most recent call last):
    ValueError: pickle: asks for 'os system', which no official file does; nothing was run
    """
    stack, stream = [], io.BytesIO(data)
    try:
        while (code := _next(stream)) != "STOP":
            _step(stack, code, _argument(code, stream))
        return _finished(stack, stream)
    except _Refused as refusal:
        raise ValueError(f"{name}: {refusal}; nothing was run") from None
    except (ValueError, IndexError, TypeError, KeyError) as error:
        raise ValueError(f"{name}: broken or not a CIFAR file ({error}); nothing was run") from None


class _Refused(Exception):
    """The file asks for something the official files do not."""


_MARK = object()


def _next(stream):
    """The next opcode's name, refused before its argument is looked at unless the official files have it."""
    byte = stream.read(1)
    if not byte:
        raise ValueError("it ends in the middle")
    opcode = pickletools.code2op.get(byte.decode("latin-1"))
    if opcode is None or opcode.name not in _KNOWN:
        raise _Refused(f"uses opcode {opcode.name if opcode else byte.hex()}, which no official file does")
    return opcode.name


def _argument(code, stream):
    if code == "GLOBAL":  # read here: pickletools would undo escapes first
        return b" ".join(stream.readline().rstrip(b"\n") for _ in range(2)).decode("latin-1")
    return _READERS[code](stream) if code in _READERS else None


def _step(stack, code, argument):
    if code == "GLOBAL":
        if argument not in (_RECONSTRUCT, _ARRAY, _DTYPE):
            raise _Refused(f"asks for {argument!r}, which no official file does")
        stack.append(_Name(argument))
    elif code in _VALUES or code in _CONSTANTS:
        stack.append(_CONSTANTS.get(code, argument))
    elif code not in _SKIPPED:
        _ACTIONS[code](stack)


def _finished(stack, stream):
    if len(stack) != 1 or not isinstance(stack[0], dict) or stream.read(1):
        raise ValueError("what it holds is not one dictionary")
    return {key: value.value if isinstance(value, _Made) else value for key, value in stack[0].items()}


def _since_mark(stack):
    start = len(stack) - 1 - stack[::-1].index(_MARK)
    items = stack[start + 1 :]
    del stack[start:]
    return items


def _tuple(stack, count):
    items = tuple(stack[len(stack) - count :])
    if len(items) != count or any(item is _MARK for item in items):
        raise ValueError("a tuple of things that are not there")
    stack[len(stack) - count :] = [items]


def _append_all(stack):
    items = _since_mark(stack)
    _of_type(stack[-1], list).extend(items)


def _set_all(stack):
    items = _since_mark(stack)
    _of_type(stack[-1], dict).update(zip(items[::2], items[1::2], strict=True))


def _of_type(value, kind):
    if type(value) is not kind:
        raise ValueError(f"a {kind.__name__} was needed, {type(value).__name__} stands there")
    return value


def _reduce(stack):
    arguments, called = stack.pop(), stack.pop()
    if called == _RECONSTRUCT and arguments == (_ARRAY, (0,), "b"):
        stack.append(_Made("array"))
    elif called == _DTYPE and arguments == ("u1", 0, 1):
        stack.append(_Made("dtype"))
    else:
        raise _Refused(f"calls {str(called)[:60]!r} in a way no official file does")


def _build(stack):
    state = stack.pop()
    made = _of_type(stack[-1], _Made)
    if made.kind == "dtype":
        if state != _BYTES_STATE:
            raise _Refused("describes a type of number other than bytes")
        return
    _, shape, dtype, by_columns, raw = _of_type(state, tuple)
    if _of_type(dtype, _Made).kind != "dtype" or by_columns is not False:
        raise _Refused("describes an array no official file has")
    if not all(type(side) is int and side >= 0 for side in _of_type(shape, tuple)):
        raise ValueError(f"an array of shape {shape}")
    if len(_of_type(raw, str)) != math.prod(shape):
        raise ValueError(f"an array of shape {shape} in {len(raw)} bytes")
    made.value = np.frombuffer(raw.encode("latin-1"), np.uint8).reshape(shape)


_ACTIONS = {
    "MARK": lambda stack: stack.append(_MARK),
    "EMPTY_DICT": lambda stack: stack.append({}),
    "EMPTY_LIST": lambda stack: stack.append([]),
    "TUPLE": lambda stack: stack.append(tuple(_since_mark(stack))),
    "TUPLE1": lambda stack: _tuple(stack, 1),
    "TUPLE2": lambda stack: _tuple(stack, 2),
    "TUPLE3": lambda stack: _tuple(stack, 3),
    "APPENDS": _append_all,
    "SETITEMS": _set_all,
    "REDUCE": _reduce,
    "BUILD": _build,
}
_KNOWN = {"GLOBAL", "STOP", *_VALUES, *_CONSTANTS, *_SKIPPED, *_ACTIONS}
_READERS = {
    opcode.name: opcode.arg.reader for opcode in pickletools.opcodes if opcode.arg and opcode.name in _KNOWN
}
