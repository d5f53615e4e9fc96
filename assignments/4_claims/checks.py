"""Assignment 4, the false claims of an article: ten points.

The article's two false claims are found here as in the assignment: by trying each claim on many layers.
"""

import functools
import itertools

import numpy as np

from grading import Wrong, close, part, require

LETTERS = "ABCDEF"
FALSE_CLAIMS = 2
ROUNDING = 1e-4
VISIBLE = 1e-3


def random(*shape):
    """Random numbers, drawn anew at every grading."""
    return np.random.default_rng().normal(size=shape)


def joined(channels, groups):
    """The share of pairs that two grouped layers of `channels` and a shuffle between them join."""
    from gpc import wiring

    block = wiring.group_matrix(channels, channels, groups)
    return wiring.coverage(wiring.chain(block[:, wiring.shuffle(channels, groups)], block))


def separable_ratio(channels, filters):
    """Weights of a 3×3 layer over those of the depthwise separable one, biases left out."""
    return 9 * channels * filters / (9 * channels + channels * filters)


def a_holds(*, channels, filters, groups):
    if channels % groups or filters % groups:
        raise Wrong(f"there is no layer of {channels} channels, {filters} filters and {groups} groups")
    return channels * filters == groups * (channels // groups * filters)


def b_holds(*, channels, groups):
    return joined(channels, groups) == 1


def c_holds(*, height, width, channels, filters):
    image, kernel = random(height, width, channels), random(channels, filters)
    return np.allclose((image @ kernel).mean((0, 1)), image.mean((0, 1)) @ kernel)


def d_holds(*, channels, filters):
    return 8 <= separable_ratio(channels, filters) <= 9


def e_holds(*, height, width, channels, filters):
    pixels, kernel = random(height * width, channels), random(channels, filters)
    order = np.random.default_rng().permutation(height * width)
    return np.allclose(pixels[order] @ kernel, (pixels @ kernel)[order])


def f_holds(*, channels, middle, filters):
    image, first, second = random(5, channels), random(channels, middle), random(middle, filters)
    return np.allclose(image @ first @ second, image @ (first @ second))


HOLDS = dict(zip(LETTERS, (a_holds, b_holds, c_holds, d_holds, e_holds, f_holds), strict=True))
# Where each claim is tried: every combination of these sizes.
SIZES = {
    "A": {"channels": (12, 24), "filters": (12, 48), "groups": (2, 3, 12)},
    "B": {"channels": (16, 32, 64), "groups": (2, 4, 8)},
    "C": {"height": (1, 4), "width": (3, 5), "channels": (2, 6), "filters": (3, 8)},
    "D": {"channels": (3, 64), "filters": (3, 16, 256)},
    "E": {"height": (1, 4), "width": (3, 5), "channels": (2, 6), "filters": (3, 8)},
    "F": {"channels": (2, 6), "middle": (1, 4, 9), "filters": (3, 8)},
}


def combinations(letter):
    """Every combination of a claim's sizes, as keyword arguments."""
    names, values = SIZES[letter], SIZES[letter].values()
    return [dict(zip(names, chosen, strict=True)) for chosen in itertools.product(*values)]


@functools.cache
def false_claims():
    """The letters of the claims that fail somewhere."""
    return {letter for letter in LETTERS if not all(HOLDS[letter](**sizes) for sizes in combinations(letter))}


def measured(answers, name, **sizes):
    """A measuring function's result, a number."""
    given = answers.function(name)(**sizes)
    try:
        return float(given)
    except (TypeError, ValueError):
        raise Wrong(f"`{name}({told(sizes)})` returns {given!r}; one number is needed") from None


def told(sizes):
    """`channels=12, groups=3`"""
    return ", ".join(f"{name}={value!r}" for name, value in sizes.items())


def equals(answers, letter, right, hints):
    """Asks the measuring function of a claim for every combination and compares with `right(**sizes)`."""
    for sizes in combinations(letter):
        given, wanted = measured(answers, f"measure_{letter}", **sizes), right(**sizes)
        hint = next((text for text, slip in hints.items() if close(given, slip(**sizes), relative=1e-3)), "")
        require(
            close(given, wanted, relative=1e-4),
            f"`measure_{letter}({told(sizes)})` gives {given:g}, which is not what such layers have or do. "
            + (hint or "Build the layers, and count or change their inputs"),
        )


def distinguishes(answers, letter, name, other):
    """A difference that is rounding where the claim speaks, and more where it does not: `name=other`."""
    smallest, largest = combinations(letter)[0], combinations(letter)[-1]
    for sizes in (smallest, largest):
        given = measured(answers, f"measure_{letter}", **sizes)
        require(
            0 <= given <= ROUNDING,
            f"`measure_{letter}({told(sizes)})` gives {given:g}; both ways of computing should agree to "
            "rounding. Do they share their weights?",
        )
    changed = largest | {name: other}
    given = measured(answers, f"measure_{letter}", **changed)
    require(
        given >= VISIBLE,
        f"`measure_{letter}({told(changed)})` gives {given:g}: here the two ways do differ. An experiment "
        f"that cannot come out otherwise shows nothing: is `{name}` handed to the layer, and are its inputs "
        "random numbers?",
    )


@part(1, "Claim A is measured")
def claim_a(answers):
    hints = {
        "That is the ratio upside down": lambda channels, filters, groups: 1 / groups,
        "Are biases counted? The claim speaks of weights of the kernel": lambda channels, filters, groups: (
            (channels + 1) * filters / ((channels // groups + 1) * filters)
        ),
    }
    equals(answers, "A", lambda channels, filters, groups: groups, hints)


@part(1, "Claim B is measured")
def claim_b(answers):
    hints = {
        "That is one layer, or two without a shuffle between": lambda channels, groups: 1 / groups,
    }
    equals(answers, "B", joined, hints)


@part(1, "Claim C is measured, by an experiment that could refute it")
def claim_c(answers):
    distinguishes(answers, "C", "activation", "relu")


@part(1, "Claim D is measured")
def claim_d(answers):
    hints = {
        "That is the ratio upside down": lambda channels, filters: 1 / separable_ratio(channels, filters),
        "Are biases counted? The claim speaks of weights of the kernels": lambda channels, filters: (
            (9 * channels + 1) * filters / (9 * channels + (channels + 1) * filters)
        ),
        "That leaves out the pointwise half of the separable layer": lambda channels, filters: filters,
    }
    equals(answers, "D", separable_ratio, hints)


@part(1, "Claim E is measured, by an experiment that could refute it")
def claim_e(answers):
    distinguishes(answers, "E", "kernel", 3)


@part(1, "Claim F is measured, by an experiment that could refute it")
def claim_f(answers):
    distinguishes(answers, "F", "activation", "relu")


def accused(answers):
    """The claims that `verdicts` calls false, where all six have a verdict."""
    given = answers.kind("verdicts", dict)
    missing = [letter for letter in LETTERS if not isinstance(given.get(letter), (bool, np.bool_))]
    require(not missing, f"`verdicts` needs True or False for every claim; not so for {', '.join(missing)}")
    return {letter for letter in LETTERS if not given[letter]}


@part(1, "One of the false claims is found")
def one_found(answers):
    named = accused(answers)
    require(
        len(named) <= FALSE_CLAIMS,
        f"{len(named)} claims are called false; {FALSE_CLAIMS} are. Which measurement refutes which?",
    )
    found = named & false_claims()
    require(found, "no false claim is among those you call false; try smaller and larger layers")


@part(1, "Both are found, and no true one is accused")
def both_found(answers):
    named, right = accused(answers), len(accused(answers) & false_claims())
    require(
        named == false_claims(),
        f"{len(named)} claims are called false, {right} of them rightly; {FALSE_CLAIMS} are false. A claim "
        "that speaks of every layer falls with a single one; try small ones and large ones",
    )


@part(2, "A layer for each, at which the claim fails")
def counterexamples(answers):
    given = answers.kind("counterexamples", dict)
    for letter in accused(answers):
        require(letter in given, f"claim {letter} is called false; `counterexamples` has no layer for it")
    for letter, sizes in given.items():
        sound = letter in HOLDS and isinstance(sizes, dict)
        require(sound, "`counterexamples` is {letter: {argument: size}}")
        wanted = set(SIZES[letter])
        require(set(sizes) == wanted, f"a counterexample for {letter} has {', '.join(sorted(wanted))}")
        require(
            not HOLDS[letter](**sizes),
            f"with {told(sizes)} claim {letter} holds; a counterexample is a layer at which it fails",
        )
    require(false_claims() <= set(given), "a counterexample for each of the false claims is needed")
