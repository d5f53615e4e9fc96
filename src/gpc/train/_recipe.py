"""What a training run is told, in one frozen object."""

import math
from dataclasses import KW_ONLY, asdict, dataclass, fields, replace
from numbers import Real

from gpc._checks import hint, positive
from gpc.train.schedules import SCHEDULES, rates

OPTIMIZERS = ("rmsprop", "sgd", "adam", "adamw")
PRECISIONS = ("float32", "mixed_float16", "mixed_bfloat16")
SELECTIONS = ("best-validation", "best-validation-loss", "last")
TARGETS = ("labels", "masks", "objects")
SCORES = ("loss", "accuracy")
MAP_SCORES = (*SCORES, "dice", "iou")


@dataclass(frozen=True)
class Recipe:
    """How a model is trained, whole: two runs of one recipe, seed, model and data set are the same run.

    name                     what the recipe is called, in records too
    epochs, batch_size       passes over the training split, images a step
    optimizer                "rmsprop" | "sgd" | "adam" | "adamw"
    momentum                 of "sgd" (Nesterov's) and "rmsprop"; the other two take 0 alone
    learning_rate, schedule  the base of "constant", "cyclic" and "exponential", the peak of "cosine" and
                             "one-cycle"
    warmup                   epochs of linear rise to `learning_rate`. "cosine" and "one-cycle" begin after
                             them; "cyclic" and "exponential" count epochs from 0 all the same, so that the
                             rise stands in place of their first epochs
    cycle, decay, floor      "cyclic": epochs a cycle; "exponential": factor an epoch; no schedule goes below
                             `floor`
    weight_decay             decoupled, of kernels only: biases and normalisation are not decayed
    clip_norm                the gradient's global norm is cut to this; None leaves it
    label_smoothing          0 … 1 (1 excluded), the part of the target spread over all classes
    augmentation             a name of `gpc.data.AUGMENTATIONS`, or None
    size                     pixels on a side that images are brought to in each batch; None leaves them
    precision                "float32" | "mixed_float16" | "mixed_bfloat16"
    ema                      how much of the weights' running average stays at a step (0.999: about the last
                             1,000 steps count); the average is what is validated, selected and returned. 0:
                             none is kept
    target                   what is learned: "labels", or every pixel's class: "masks" or "objects"
    dice                     the weight of the soft Dice loss beside the cross-entropy, for maps
    select                   whose weights the run ends with: "best-validation" (accuracy, of maps Dice; the
                             first of equals), "best-validation-loss", or "last"
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
    ema: float = 0.0
    target: str = "labels"
    dice: float = 0.0
    select: str = "best-validation"
    subset: float = 1.0
    deviates: str = ""

    def __post_init__(self):
        for name in ("epochs", "batch_size", "cycle", *(["size"] if self.size is not None else [])):
            object.__setattr__(self, name, positive(name, getattr(self, name)))
        word("optimizer", self.optimizer, OPTIMIZERS)
        word("schedule", self.schedule, SCHEDULES)
        word("precision", self.precision, PRECISIONS)
        word("select", self.select, SELECTIONS)
        word("target", self.target, TARGETS)
        if self.augmentation is not None:
            from gpc.data import AUGMENTATIONS

            word("augmentation", self.augmentation, tuple(AUGMENTATIONS), also="or None")
        self._check_numbers()
        if not self.name or not isinstance(self.name, str):
            raise ValueError(f"name={self.name!r} must be a word that says which recipe this is")

    def _check_numbers(self):
        number("learning_rate", self.learning_rate, above=0)
        number("subset", self.subset, above=0, most=1)
        number("decay", self.decay, above=0, most=1)
        number("warmup", self.warmup, least=0, below=self.epochs)
        number("momentum", self.momentum, least=0, below=1)
        number("label_smoothing", self.label_smoothing, least=0, below=1)
        number("floor", self.floor, least=0, most=self.learning_rate)
        number("weight_decay", self.weight_decay, least=0)
        number("ema", self.ema, least=0, below=1)
        number("dice", self.dice, least=0)
        if self.clip_norm is not None:
            number("clip_norm", self.clip_norm, above=0)
        if self.momentum and self.optimizer not in ("sgd", "rmsprop"):
            raise ValueError(
                f"momentum={self.momentum} belongs to 'sgd' and 'rmsprop'; optimizer={self.optimizer!r}"
            )
        if self.dice and not self.maps:
            raise ValueError(f"dice={self.dice} belongs to target='masks' and 'objects'; target='labels'")

    @property
    def maps(self):
        """Whether every pixel has a class of its own."""
        return self.target != "labels"

    @property
    def scores(self):
        """What a run measures of each split, by name: the loss, then what is better when higher.

        >>> Recipe("mine", epochs=1, batch_size=8, target="masks").scores
        ('loss', 'accuracy', 'dice', 'iou')
        """
        return MAP_SCORES if self.maps else SCORES

    def input_shape(self, images):
        """What the model reads: (height, width, channels) of the `images`, at `size` where there is one.

        >>> from gpc.train import recipe
        >>> recipe("papers-224").input_shape((32, 32, 3)), recipe("papers-32").input_shape((32, 32, 3))
        ((224, 224, 3), (32, 32, 3))
        """
        height, width, channels = images
        return (self.size or height, self.size or width, channels)

    def outputs(self, data):
        """How many outputs, an image or a pixel, a model for this data set ends in.

        Its classes; of maps one where every pixel is 0 or 1, else the highest value in training and
        validation + 1. Raises ValueError where the data set does not have such maps.
        """
        if not self.maps:
            return len(data.classes)
        found = [getattr(split, self.target) for split in (data.train, data.validation)]
        if any(one is None for one in found):
            there = ", ".join(name for name in data.train.arrays() if name in TARGETS)
            raise ValueError(f"target={self.target!r}, and {data.name} has no {self.target}; it has {there}")
        highest = max(int(one.max()) for one in found)
        return 1 if highest <= 1 else highest + 1

    def learning_rates(self, steps_per_epoch):
        """The rate of every step, float32 (epochs · steps_per_epoch,)."""
        return rates(self, positive("steps_per_epoch", steps_per_epoch))

    def but(self, **changes):
        """This recipe with other values; its name tells which, so that it cannot pass for the named one.

        >>> from gpc.train import recipe
        >>> recipe("papers-32").but(epochs=1).name
        'papers-32, epochs=1'
        """
        known = [one.name for one in fields(self)]
        for name in changes:
            word("a recipe's field", name, tuple(known))
        changes = {name: value for name, value in changes.items() if value != getattr(self, name)}
        told = ", ".join(f"{name}={value}" for name, value in changes.items() if name != "name")
        return replace(self, **{"name": f"{self.name}, {told}" if told else self.name, **changes})

    def as_dict(self):
        """Every field by name, as a record keeps it."""
        return asdict(self)


def word(name, value, known, *, also=""):
    if value in known:
        return
    choices = " ".join([", ".join(map(repr, known)), also]).strip()
    raise ValueError(f"{name}={value!r} is not known; choose from {choices}{hint(value, known)}")


def number(name, value, *, least=None, above=None, most=None, below=None):
    if isinstance(value, bool) or not isinstance(value, Real):
        raise TypeError(f"{name}={value!r} must be a number")
    bounds = [
        (least, "at least", lambda limit: value >= limit),
        (above, "above", lambda limit: value > limit),
        (most, "at most", lambda limit: value <= limit),
        (below, "below", lambda limit: value < limit),
    ]
    said = [(f"{word} {limit}", holds(limit)) for limit, word, holds in bounds if limit is not None]
    if not math.isfinite(value):
        said.append(("finite", False))
    if not all(holds for _, holds in said):
        raise ValueError(f"{name}={value!r} must be {' and '.join(text for text, _ in said)}")
