"""The recipes that have a name, and one made to take as long as another."""

from dataclasses import replace

from gpc.train._recipe import Recipe, number, word

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

# Vryniotis, "How to train state-of-the-art models using TorchVision's latest primitives", PyTorch blog, 2021:
# its parts at a tenth of its 600 epochs.
_MODERN = Recipe(
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
    augmentation="trivial",
    ema=0.999,
    select="last",
    deviates=(
        "of TorchVision's recipe of 2021: a tenth of the epochs, AdamW and a clipped gradient instead of SGD, "
        "no mixup, CutMix, repeated augmentation or larger test images; the square that is cut out is "
        "TrivialAugment's"
    ),
)

# Isensee et al., nnU-Net, Nature Methods 2021: cross-entropy + Dice, turned and mirrored images.
_SEGMENTATION = Recipe(
    "segmentation",
    epochs=60,
    batch_size=16,
    optimizer="adamw",
    learning_rate=0.001,
    schedule="cosine",
    warmup=2,
    weight_decay=0.01,
    clip_norm=1.0,
    augmentation="symmetries",
    ema=0.99,
    target="masks",
    dice=1.0,
    deviates=(
        "of nnU-Net: AdamW and cosine instead of SGD and a polynomial, quarter turns and mirror alone, "
        "no deep supervision, whole images instead of patches"
    ),
)

_NAMED = (
    _PAPERS,
    replace(_PAPERS, name="papers-224", batch_size=32, size=224),
    replace(_PAPERS, name="papers-180", epochs=180, cycle=30, floor=2.5245e-4, select="best-validation-loss"),
    Recipe("quick", epochs=8, batch_size=32, optimizer="adam", learning_rate=0.004, schedule="one-cycle"),
    _MODERN,
    _SEGMENTATION,
)


def recipes():
    """The named recipes, by name.

    "papers-32": the CIFAR-10 runs at 32×32 of the two papers on kEffNet (MENDEL and Entropy, 2022),
    EfficientNet with grouped pointwise layers, here `kEfficientNetB0` and its kin; "papers-224": the same at
    224×224; "papers-180": the longer runs of the second paper; "quick": seconds on a laptop; "modern": AdamW,
    cosine, label smoothing, TrivialAugment, averaged weights, no choice by validation; "segmentation": a
    class for every pixel by cross-entropy and Dice.

    >>> sorted(recipes())
    ['modern', 'papers-180', 'papers-224', 'papers-32', 'quick', 'segmentation']
    """
    return {one.name: one for one in _NAMED}


def recipe(name, **changes):
    """The recipe of this name, with `changes` if there are any.

    Raises ValueError for a name that is not there.

    >>> papers = recipe("papers-32")
    >>> papers.optimizer, papers.epochs, papers.batch_size
    ('rmsprop', 50, 64)
    >>> round(float(papers.learning_rates(1)[24]), 6)
    0.000252
    """
    word("recipe", name, tuple(recipes()))
    return recipes()[name].but(**changes)


def equal_time(recipe, *, seconds, reference):
    """The recipe for a model of `seconds` an epoch to train as long as one of `reference` seconds does by it.

    The control for "it is better because it had more time". Epochs are scaled by reference / seconds and
    rounded, at least one; warm-up, decay and the length of a cycle along with them, so that the rate takes
    the same way (whole cycles stay whole). Both numbers are a record's `epoch_seconds`, of one machine; what
    was measured stands in `deviates`, and so in the record. The same recipe and numbers give the same one.

    Raises TypeError or ValueError unless both are positive numbers.

    >>> slower = equal_time(recipe("papers-32"), seconds=30.0, reference=24.0)
    >>> slower.name, slower.cycle, slower.deviates[-51:]
    ('papers-32, equal time, epochs=40', 20, 'equal time: 30.00 s an epoch, 24.00 s the reference')
    """
    number("seconds", seconds, above=0)
    number("reference", reference, above=0)
    ratio = reference / seconds
    told = f"equal time: {seconds:.2f} s an epoch, {reference:.2f} s the reference"
    changes = {"epochs": max(1, round(recipe.epochs * ratio))}
    if recipe.warmup:
        changes["warmup"] = recipe.warmup * changes["epochs"] / recipe.epochs
    if recipe.schedule == "exponential":
        changes["decay"] = recipe.decay ** (1 / ratio)
    if recipe.schedule == "cyclic":
        cycles, rest = divmod(recipe.epochs, recipe.cycle)
        changes["cycle"] = max(1, round(recipe.cycle * ratio))
        if cycles and not rest:
            changes["epochs"] = cycles * changes["cycle"]
    deviates = "; ".join(part for part in (recipe.deviates, told) if part)
    name = f"{recipe.name}, equal time, epochs={changes['epochs']}"
    return replace(recipe, name=name, deviates=deviates, **changes)
