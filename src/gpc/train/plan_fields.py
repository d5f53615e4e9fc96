"""The fields a plan may have, and what each takes: so that a slip is named before anything is computed."""

from gpc._checks import hint


class Wrong(ValueError):
    """What is wrong in a plan; says row and field, `gpc.train.plans.read` puts the file before it."""

    @classmethod
    def unless_known(cls, where, word, known):
        """Raises it for a word that is none of those known, naming the nearest."""
        if word in known:
            return
        there = ", ".join(map(str, known)) or "none"
        raise cls(f"{where}={word!r} is not known; there are {there}{hint(word, known)}")


def _whole(value, least=0):
    return isinstance(value, int) and not isinstance(value, bool) and value >= least


def _positive(value):
    return _whole(value, 1)


def _flag(value):
    return isinstance(value, bool)


def _text(value):
    return isinstance(value, str) and bool(value.strip())


def _table(value):
    return isinstance(value, dict)


def _share(value):
    return isinstance(value, (int, float)) and not isinstance(value, bool) and value > 0


def _seeds(value):
    return isinstance(value, list) and all(map(_whole, value))


def _texts(value):
    return isinstance(value, list) and bool(value) and all(map(_text, value))


def _tables(value):
    return isinstance(value, list) and bool(value) and all(map(_table, value))


def _named(value):
    return _text(value) or _table(value) or (isinstance(value, list) and value and all(map(_named, value)))


_TEXT = (_text, "a text")
_COUNT = (_positive, "a whole number from 1")
_NAMED = (_named, "a name, a table with a name, or a list of those")

# field: (test, what it takes, whether it must be there)
PLAN = {
    "experiment": (*_TEXT, True),
    "title": (*_TEXT, False),
    "data": (*_NAMED, True),
    "recipe": (*_NAMED, True),
    "seeds": (_seeds, "a list of whole numbers from 0", False),
    "models": (_tables, "tables, each [[models]]", True),
}
DATA = {
    "name": (*_TEXT, True),
    "seed": (_whole, "a whole number from 0", False),
    "size": (*_COUNT, False),
    "count": (*_COUNT, False),
    "classes": (_texts, "a list of some of the set's classes", False),
    "part": (_flag, "true or false", False),
}
# Beside a recipe's own fields: a name of its own, and what is put behind the models' names.
RECIPE = {"name": (*_TEXT, True), "called": (*_TEXT, False), "as": (*_TEXT, False)}
ROW = {
    "name": (*_TEXT, True),
    "network": (*_TEXT, False),
    "options": (_table, "a table of the constructor's options", False),
    "skip_strides": (_whole, "a whole number from 0", False),
    "separate": (_flag, "true or false", False),
    "width": (_share, "a number above 0, the share of the filters", False),
    "divisor": (*_COUNT, False),
    "regroup": (*_COUNT, False),
    "colours": (lambda value: value == "lab", "'lab', or is left out", False),
    "recipe": (_table, "a table of the recipe's fields that differ", False),
    "control_of": (*_TEXT, False),
    "time_of": (*_TEXT, False),
    "like": (*_TEXT, False),
}


def checked(table, fields, where, *, open=False):
    """The table, if every field is known and holds what it takes; with `open`, others are let through.

    Raises Wrong naming the field and the nearest that is known.
    """
    if not isinstance(table, dict):
        raise Wrong(f"{where} is {table!r}; it must be a table")
    label = f"{where} ({table['name']})" if where.startswith("model ") and "name" in table else where
    for name, value in table.items():
        if name not in fields:
            if open:
                continue
            Wrong.unless_known(f"{label}: field", name, tuple(fields))
        test, takes, _ = fields[name]
        if not test(value):
            raise Wrong(f"{label}: {name}={value!r} must be {takes}")
    for name, (_, takes, needed) in fields.items():
        if needed and name not in table:
            raise Wrong(f"{label}: field {name!r} is missing; it is {takes}")
    return dict(table)
