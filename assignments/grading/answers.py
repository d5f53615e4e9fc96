"""What a submission answered, name by name; what is missing or raises becomes a sentence to its author."""

import ast
import difflib
import functools

from grading.limits import TimeLimit
from grading.notebook import definition, told


class Wrong(Exception):
    """An answer is not right; the message says what is wrong and what to look at."""


def require(condition, message):
    """Raises Wrong(message) unless the condition holds."""
    if not condition:
        raise Wrong(message)


def close(given, wanted, *, relative=1e-6, absolute=1e-9):
    """Whether a given thing is a number and near the wanted one. Text, arrays and nothing are not."""
    try:
        value = float(given)
    except (TypeError, ValueError):
        return False
    return abs(value - wanted) <= max(absolute, relative * abs(wanted))


class Answers:
    """The names of an executed notebook, with what is known about those that are not there.

    answers["accuracy"]            the value; Wrong where it is missing or still `...`
    answers.function("share")      the function, which raises Wrong where its code raises or answers nothing
    answers.kind("results", list)  the value, of this type
    answers.uses("Layer", names)   which of the names the definition of a class or function mentions
    """

    def __init__(self, namespace, failures=(), sources=()):
        self.namespace, self.failures, self.sources = namespace, tuple(failures), tuple(sources)
        self.asked = set()

    def __getitem__(self, name):
        self.asked.add(name)
        if name not in self.namespace:
            raise Wrong(self._missing(name))
        value = self.namespace[name]
        if unanswered(value):
            state = "is still `...`" if value is ... else "is None" if value is None else "still holds `...`"
            raise Wrong(f"not answered yet: `{name}` {state}")
        return value

    def _missing(self, name):
        for failure in self.failures:
            if failure.concerns(name):
                return f"`{name}` is missing, since {failure}"
        own = [known for known in self.namespace if not known.startswith("_")]
        near = difflib.get_close_matches(name, own, n=1, cutoff=0.75)
        hint = f"; there is a `{near[0]}`: was it renamed?" if near else "; was its cell deleted or renamed?"
        first = f" The first cell that failed: {self.failures[0]}" if self.failures else ""
        return f"`{name}` is missing{hint}{first}"

    def also(self, message):
        """The message, and the first cell that stopped with a name that was asked for, unless it is told."""
        concerned = (one for one in self.failures if any(map(one.concerns, self.asked)))
        found = next(concerned, None)
        return message if found is None or str(found) in message else f"{message}. Besides, {found}"

    def kind(self, name, *kinds):
        """The value of this name, of one of these types."""
        value = self[name]
        if not isinstance(value, kinds):
            wanted = " or ".join(kind.__name__ for kind in kinds)
            raise Wrong(f"`{name}` is of type {type(value).__name__}; needed is {wanted}")
        return value

    def function(self, name, *, silent=False):
        """The function (or class) of this name, its errors turned into sentences.

        silent: it may return None, as a class's method or a check of its own may.
        """
        value = self[name]
        if not callable(value):
            raise Wrong(f"`{name}` is of type {type(value).__name__}, no function")

        @functools.wraps(value, updated=())
        def call(*args, **kwargs):
            result = shielded(f"`{_called(name, args, kwargs)}`", value, *args, **kwargs)
            if not silent and unanswered(result):
                raise Wrong(f"not answered yet: `{_called(name, args, kwargs)}` returns {result}")
            return result

        return call

    def raises(self, name, kind, *args, **kwargs):
        """The text of the error of this kind that the function raises for these arguments; Wrong for none."""
        function, called = self[name], f"`{_called(name, args, kwargs)}`"
        try:
            result = function(*args, **kwargs)
        except kind as error:
            return str(error)
        except NotImplementedError:
            raise Wrong(f"not answered yet: {called} raises NotImplementedError") from None
        except (Exception, SystemExit) as error:
            raise Wrong(f"{called} should raise {kind.__name__}; it raised {told(error)}") from None
        if unanswered(result):
            raise Wrong(f"not answered yet: {called} returns {result}")
        raise Wrong(f"{called} should raise {kind.__name__}; it returned {_short(result)}")

    def uses(self, name, names):
        """Those of the names that a class's or function's definition mentions, or its helpers', sorted."""
        nodes = (node for tree in definition(self.sources, name) for node in ast.walk(tree))
        words = {getattr(node, "attr", None) or getattr(node, "id", None) for node in nodes}
        return sorted(words & set(names))


def shielded(what, function, *args, **kwargs):
    """The function's result; what it raises as Wrong, beginning with `what`."""
    try:
        return function(*args, **kwargs)
    except NotImplementedError as error:
        if str(error):  # Keras's own, of a method that a layer needs
            raise Wrong(f"{what} raised {told(error)}") from None
        raise Wrong(f"not answered yet: {what} raises NotImplementedError") from None
    except (Wrong, TimeLimit):
        raise
    except (Exception, SystemExit) as error:
        raise Wrong(f"{what} raised {told(error)}") from None


def unanswered(value):
    """Whether a value is a stub's: None, `...`, or a list, tuple or dictionary that holds `...`."""
    if isinstance(value, (list, tuple)):
        return any(entry is ... for entry in value)
    if isinstance(value, dict):
        return any(entry is ... for entry in value.values())
    return value is None or value is ...


def _called(name, args, kwargs):
    """`share(model, groups=4)` with what has no short name left as its type."""
    parts = [_short(arg) for arg in args] + [f"{key}={_short(value)}" for key, value in kwargs.items()]
    return f"{name}({', '.join(parts)})"


def _short(value):
    """A value in a message: numbers and short texts as they are, all else by its type."""
    if getattr(value, "__name__", None):
        return value.__name__
    text = repr(value)
    plain = isinstance(value, (int, float, str, bool, tuple, type(None))) and len(text) <= 60
    return text if plain else f"<{type(value).__name__}>"
