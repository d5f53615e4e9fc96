"""A notebook in, points out: what grades the assignments, and what a check of your own is written with.

    from grading import part, require

    @part(2, "The weights of a grouped layer")
    def weights(answers):
        count = answers.function("weights")
        require(count(64, 128, 4) == 2048, "each of the 128 filters reads 64 / 4 channels")

A check gets the `Answers` of an executed notebook, returns where all is right, and says by `require` or
`Wrong` what is not. Standard library alone, so that it starts at once and stands beside any version of Keras.
"""

from grading.answers import Answers, Wrong, close, require
from grading.live import here
from grading.notebook import Unreadable, read, run
from grading.parts import Part, Result, grade, load, part, text

__all__ = [
    "Answers",
    "Part",
    "Result",
    "Unreadable",
    "Wrong",
    "close",
    "grade",
    "here",
    "load",
    "part",
    "read",
    "require",
    "run",
    "text",
]
