"""Learning rates, one a step, in closed form: a schedule is a function of the epoch, a recipe says which.

Source: `cyclic` is the schedule of the kEffNet papers' notebooks; `one-cycle` is L. N. Smith and N. Topin,
Super-Convergence, 2019, with the cosine legs and the divisors that fastai and PyTorch made usual.
"""

import math

import numpy as np

PER_EPOCH = ("constant", "cyclic", "exponential")
PER_STEP = ("cosine", "one-cycle")
SCHEDULES = (*PER_EPOCH, *PER_STEP)

_RISE_EPOCHS, _RISE, _FALL = 7, 0.5, 0.85
_ONE_CYCLE_RISE, _ONE_CYCLE_START, _ONE_CYCLE_END = 0.3, 25.0, 1e4


def cyclic(epoch, *, base=0.001, cycle=25):
    """The papers' rate in `epoch` (from 0): seven epochs up to 4 × base, then 0.85 of it an epoch, every
    `cycle` anew.

    e = epoch mod cycle;  e < 7: base · (1 + e / 2);  else 4 · base · 0.85^(e − 7).

    >>> [round(cyclic(epoch), 6) for epoch in (0, 6, 7, 24, 25)]
    [0.001, 0.004, 0.004, 0.000252, 0.001]
    """
    place = epoch % cycle
    if place < _RISE_EPOCHS:
        return base * (1 + _RISE * place)
    return base * (1 + _RISE * (_RISE_EPOCHS - 1)) * _FALL ** (place - _RISE_EPOCHS)


def _between(start, end, part):
    """Half a cosine from `start` (part 0) to `end` (part 1)."""
    return end + (start - end) * 0.5 * (1 + math.cos(math.pi * part))


def _one_cycle(part, peak):
    if part < _ONE_CYCLE_RISE:
        return _between(peak / _ONE_CYCLE_START, peak, part / _ONE_CYCLE_RISE)
    return _between(peak, peak / _ONE_CYCLE_END, (part - _ONE_CYCLE_RISE) / (1 - _ONE_CYCLE_RISE))


def rate(recipe, epoch):
    """The rate that `recipe` asks for at `epoch`, a float counted from 0: 2.5 is the middle of the third
    epoch."""
    whole, base = math.floor(epoch), recipe.learning_rate
    if epoch < recipe.warmup:
        return base * epoch / recipe.warmup
    part = (epoch - recipe.warmup) / (recipe.epochs - recipe.warmup)
    found = {
        "constant": lambda: base,
        "cyclic": lambda: cyclic(whole, base=base, cycle=recipe.cycle),
        "exponential": lambda: base * recipe.decay**whole,
        "cosine": lambda: _between(base, recipe.floor, part),
        "one-cycle": lambda: _one_cycle(part, base),
    }[recipe.schedule]()
    return max(found, recipe.floor)


def rates(recipe, steps_per_epoch):
    """Every step's rate: float32 (epochs · steps_per_epoch,).

    While the rate warms up, and in the schedules that move within an epoch, a step takes the rate of its
    own middle, so that none is taken at rate zero; otherwise all steps of an epoch take the epoch's.
    """
    moving = recipe.schedule in PER_STEP
    found = np.empty(recipe.epochs * steps_per_epoch, np.float32)
    for step in range(len(found)):
        middle = (step + 0.5) / steps_per_epoch
        found[step] = rate(recipe, middle if moving or middle < recipe.warmup else step // steps_per_epoch)
    return found
