"""Sentences whose numbers come from the cell that computed them."""

import string

from gpc.show.numbers import number
from gpc.show.page import Output, unmarked


class _Formatter(string.Formatter):
    """Python's own template language; a placeholder without a format gets the course's way with numbers."""

    def __init__(self):
        self.used = set()

    def get_value(self, name, args, given):
        if not isinstance(name, str):
            raise ValueError("a placeholder needs a name, as in {share:.1%}; {} and {0} have none")
        if name not in given:
            raise ValueError(
                f"{{{name}}} is in the template and no {name}=… was given; given: {_listed(given)}"
            )
        self.used.add(name)
        return given[name]

    def get_field(self, field_name, args, kwargs):
        if field_name == "":
            raise ValueError("a placeholder needs a name, as in {share:.1%}; {} has none")
        return super().get_field(field_name, args, kwargs)

    def format_field(self, value, spec):
        return number(value, spec)


def _listed(names):
    return ", ".join(sorted(names)) or "none"


def fill(template, numbers):
    """The template with its numbers in it.

    Raises ValueError naming a placeholder without its number and a number without its placeholder.

    >>> fill("{share:.1%} of {total}", {"share": 0.894, "total": 138357544})
    '89.4% of 138,357,544'
    """
    formatter = _Formatter()
    text = formatter.vformat(template, (), numbers)
    unused = set(numbers) - formatter.used
    if unused:
        raise ValueError(
            f"given and not in the template: {_listed(unused)}; its placeholders: {_listed(formatter.used)}"
        )
    return text


def say(template, /, **numbers):
    """Shows a sentence of Markdown with computed numbers in it: `say("{share:.1%} of all", share=0.894)`.

    Every placeholder has to be given and everything given has to be used; integers get thousands commas,
    other numbers three digits, unless the placeholder has a format of its own (`{share:.1%}`,
    `{time_ms:.1f}`). Plain text at a terminal.

    Raises ValueError naming the placeholder or the number that is left over.

    >>> say("The head holds **{share:.1%}** of {total} parameters.", share=0.8936, total=138357544)
    The head holds 89.4% of 138,357,544 parameters.
    """
    text = fill(template, numbers)
    Output(unmarked(text), markdown=text).show()
