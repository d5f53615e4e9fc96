"""What a training run is told, in one frozen object; and the recipes that have a name."""

import difflib
from dataclasses import KW_ONLY, asdict, dataclass, fields, replace
from numbers import Real

from gpc._checks import positive
from gpc.train.schedules import SCHEDULES, rates

OPTIMIZERS = ("rmsprop", "sgd", "adam", "adamw")
PRECISIONS = ("float32", "mixed_float16", "mixed_bfloat16")
SELECTIONS = ("best-validation", "best-validation-loss", "last")


@dataclass(frozen=True)
class Recipe:
    """How a model is trained, whole: two runs of one recipe, seed, model and data set are the same run.

    epochs, batch_size       passes over the training split, images a step
    optimizer                "rmsprop" | "sgd" (with Nesterov's momentum where `momentum` > 0) | "adam" |
                             "adamw"
    learning_rate, schedule  the base of "constant", "cyclic" and "exponential", the peak of "cosine" and
                             "one-cycle"
    warmup                   epochs of linear rise before the schedule begins
    cycle, decay, floor      "cyclic": epochs a cycle; "exponential": factor an epoch; no schedule goes below
                             `floor`
    weight_decay             decoupled, of kernels only: biases and normalisation keep theirs
    clip_norm                the gradient's global norm is cut to this; None leaves it
    label_smoothing          0…1, the part of the target spread over all classes
    augmentation             a name of gpc.data.AUGMENTATIONS, or None
    size                     pixels on a side that images are brought to in each batch; None leaves them
    precision                "float32" | "mixed_float16" | "mixed_bfloat16"
    select                   whose weights the run ends with: "best-validation" (accuracy; the first of
                             equals), "best-validation-loss", or "last"
    subset                   part of the training split used, classes in proportion
    deviates                 where a named recipe differs from its source

    Raises ValueError or TypeError naming the field, what it got and what it takes.

    >>> mine = Recipe("mine", epochs=4, batch_size=32, schedule="one-cycle", learning_rate=0.01)
    >>> mine.learning_rates(10).shape, round(float(mine.learning_rates(10).max()), 4)
    ((40,), 0.01)
    """

    name: str
    _: KW_ONLY
    epochs: int
    batch_size: int
    optimizer: str = "adam"
    learning_rate: float = 0.001
    schedule: str = "constant"
    warmup: float = 0.0
    cycle: int = 25
    decay: float = 0.99
    floor: float = 0.0
    momentum: float = 0.0
    weight_decay: float = 0.0
    clip_norm: float | None = None
    label_smoothing: float = 0.0
    augmentation: str | None = None
    size: int | None = None
    precision: str = "float32"
    select: str = "best-validation"
    subset: float = 1.0
    deviates: str = ""

    def __post_init__(self):
        for name in ("epochs", "batch_size", "cycle", *(["size"] if self.size is not None else [])):
            object.__setattr__(self, name, positive(name, getattr(self, name)))
        _word("optimizer", self.optimizer, OPTIMIZERS)
        _word("schedule", self.schedule, SCHEDULES)
        _word("precision", self.precision, PRECISIONS)
        _word("select", self.select, SELECTIONS)
        if self.augmentation is not None:
            from gpc.data import AUGMENTATIONS

            _word("augmentation", self.augmentation, tuple(AUGMENTATIONS), also="or None")
        self._check_numbers()
        if not self.name or not isinstance(self.name, str):
            raise ValueError(f"name={self.name!r} must be a word that says which recipe this is")

    def _check_numbers(self):
        _number("learning_rate", self.learning_rate, above=0)
        _number("subset", self.subset, above=0, most=1)
        _number("decay", self.decay, above=0, most=1)
        _number("warmup", self.warmup, least=0, below=self.epochs)
        _number("momentum", self.momentum, least=0, below=1)
        _number("label_smoothing", self.label_smoothing, least=0, below=1)
        _number("floor", self.floor, least=0, most=self.learning_rate)
        _number("weight_decay", self.weight_decay, least=0)
        if self.clip_norm is not None:
            _number("clip_norm", self.clip_norm, above=0)
        if self.momentum and self.optimizer not in ("sgd", "rmsprop"):
            raise ValueError(
                f"momentum={self.momentum} belongs to 'sgd' and 'rmsprop'; optimizer={self.optimizer!r}"
            )

    def input_shape(self, images):
        """What the model reads: (height, width, channels) of the `images`, at `size` where there is one.

        >>> recipe("papers-224").input_shape((32, 32, 3)), recipe("papers-32").input_shape((32, 32, 3))
        ((224, 224, 3), (32, 32, 3))
        """
        height, width, channels = images
        return (self.size or height, self.size or width, channels)

    def learning_rates(self, steps_per_epoch):
        """The rate of every step, float32 (epochs · steps_per_epoch,)."""
        return rates(self, positive("steps_per_epoch", steps_per_epoch))

    def but(self, **changes):
        """This recipe with other values; its name tells which, so that it cannot pass for the named one.

        >>> recipe("papers-32").but(epochs=1).name
        'papers-32, epochs=1'
        """
        known = [one.name for one in fields(self)]
        for name in changes:
            _word("a recipe's field", name, tuple(known))
        changes = {name: value for name, value in changes.items() if value != getattr(self, name)}
        told = ", ".join(f"{name}={value}" for name, value in changes.items() if name != "name")
        return replace(self, **{"name": f"{self.name}, {told}" if told else self.name, **changes})

    def as_dict(self):
        """Every field by name, as a record keeps it."""
        return asdict(self)


def _word(name, value, known, *, also=""):
    if value in known:
        return
    near = difflib.get_close_matches(str(value), known, n=1)
    hint = f"; nearest: {near[0]!r}" if near else ""
    choices = " ".join([", ".join(map(repr, known)), also]).strip()
    raise ValueError(f"{name}={value!r} is not known; choose from {choices}{hint}")


def _number(name, value, *, least=None, above=None, most=None, below=None):
    if isinstance(value, bool) or not isinstance(value, Real):
        raise TypeError(f"{name}={value!r} must be a number")
    bounds = [
        (least, "at least", lambda limit: value >= limit),
        (above, "above", lambda limit: value > limit),
        (most, "at most", lambda limit: value <= limit),
        (below, "below", lambda limit: value < limit),
    ]
    said = [(f"{word} {limit}", holds(limit)) for limit, word, holds in bounds if limit is not None]
    if not all(holds for _, holds in said):
        raise ValueError(f"{name}={value!r} must be {' and '.join(text for text, _ in said)}")


_PAPERS = Recipe(
    "papers-32",
    epochs=50,
    batch_size=64,
    optimizer="rmsprop",
    learning_rate=0.001,
    schedule="cyclic",
    augmentation="papers",
    deviates=(
        "float32 throughout (the papers' rows mix float32 and mixed_float16); the validation images are not "
        "augmented (theirs were); which images validate is drawn from the seed"
    ),
)

_NAMED = (
    _PAPERS,
    replace(_PAPERS, name="papers-224", batch_size=32, size=224),
    replace(_PAPERS, name="papers-180", epochs=180, cycle=30, floor=2.5245e-4, select="best-validation-loss"),
    Recipe("quick", epochs=8, batch_size=32, optimizer="adam", learning_rate=0.004, schedule="one-cycle"),
    Recipe(
        "modern",
        epochs=60,
        batch_size=128,
        optimizer="adamw",
        learning_rate=0.002,
        schedule="cosine",
        warmup=3,
        weight_decay=0.05,
        clip_norm=1.0,
        label_smoothing=0.1,
        augmentation="crop-flip",
        select="last",
    ),
)


def recipes():
    """The named recipes, by name.

    "papers-32": the kEffNet papers' CIFAR-10 runs at 32×32; "papers-224": the same at 224×224; "papers-180":
    the longer runs of the second paper; "quick": seconds on a laptop; "modern": AdamW, cosine, label
    smoothing, no choice by validation.

    >>> sorted(recipes())
    ['modern', 'papers-180', 'papers-224', 'papers-32', 'quick']
    """
    return {one.name: one for one in _NAMED}


def recipe(name, **changes):
    """The recipe of this name, with `changes` if there are any.

    Raises ValueError for a name that is not there.

    >>> papers = recipe("papers-32")
    >>> papers.optimizer, papers.epochs, papers.batch_size, round(float(papers.learning_rates(1)[24]), 6)
    ('rmsprop', 50, 64, 0.000252)
    """
    _word("recipe", name, tuple(recipes()))
    return recipes()[name].but(**changes)
