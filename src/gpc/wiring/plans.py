"""What replaces one dense 1×1 convolution: both published schemes, as integers."""

from dataclasses import dataclass

import numpy as np

from gpc._checks import common_divisors, positive
from gpc.wiring.groups import Grouping, grouping
from gpc.wiring.reach import chain, coverage, interleave

SCHEMES = ("interleaved", "divisible")


@dataclass(frozen=True)
class Plan:
    """What replaces one dense 1×1 convolution: k, an interleaving, l, and where they are added.

    (B, H, W, in_channels) → (B, H, W, filters). `kind` says which of three:
    "dense": nothing is replaced, `reason` says why. "K": the grouped convolution `k` alone; its output is
    interleaved where `shuffle_output` says so. "K+L": `k`, its output interleaved with step `shuffle` (None:
    left in order), `l` on that, and the sum of l's output and k's (k's in its own order). Make one with
    `plan`.

    >>> print(plan(256, 64))
    256 → 64: K 16 × 16 channels → 64; interleave 4; L 4 × 16 channels → 64; sum
    """

    in_channels: int
    filters: int
    channels_per_group: int
    scheme: str
    k: Grouping | None
    shuffle: int | None
    l: Grouping | None  # noqa: E741 - the paper's name
    reason: str

    @property
    def kind(self):
        """ "dense", "K" or "K+L"."""
        return "dense" if self.k is None else "K" if self.l is None else "K+L"

    @property
    def replaced(self):
        """Whether the dense convolution gives way."""
        return self.k is not None

    @property
    def shuffle_output(self):
        """Whether what leaves the block is interleaved: expansions of the divisible scheme only."""
        return self.kind == "K" and self.shuffle is not None

    @property
    def convolutions(self):
        """The ordinary grouped convolutions it is made of: ((in, filters, groups), …)."""
        if not self.replaced:
            return ((self.in_channels, self.filters, 1),)
        return self.k.convolutions + (self.l.convolutions if self.l else ())

    @property
    def dense_parameters(self):
        """Kernel parameters of the convolution it stands for: in_channels · filters."""
        return self.in_channels * self.filters

    @property
    def kernel_parameters(self):
        """Kernel parameters of k and l (of the dense convolution where it stays), bias left out."""
        if not self.replaced:
            return self.dense_parameters
        return self.k.kernel_parameters + (self.l.kernel_parameters if self.l else 0)

    @property
    def macs_per_pixel(self):
        """Multiply-accumulates at one pixel; the sum and the interleaving have none."""
        return self.kernel_parameters

    def connectivity(self, *, skip=True):
        """Zeros and ones of shape (in_channels, filters): 1 where an output depends on an input by any way.

        `skip=False` leaves out the sum with k: what the two grouped convolutions reach one after the other.
        """
        if not self.replaced:
            return np.ones((self.in_channels, self.filters), np.uint8)
        first = self.k.connectivity()
        order = interleave(self.filters, self.shuffle) if self.shuffle else np.arange(self.filters)
        if self.l is None:
            return first[:, order]
        reach = chain(first[:, order], self.l.connectivity())
        return reach | first if skip else reach

    @property
    def coverage(self):
        """Fraction of the (input, output) pairs that are connected, 1.0 for a dense convolution.

        >>> plan(256, 256).coverage, plan(1024, 1024).coverage
        (1.0, 0.26171875)
        """
        return coverage(self.connectivity())

    def __str__(self):
        head = f"{self.in_channels} → {self.filters}: "
        if not self.replaced:
            return head + f"dense, {self.reason}"
        parts = [f"K {self.k}"]
        parts += [f"interleave {self.shuffle}"] if self.shuffle else []
        parts += [f"L {self.l}", "sum"] if self.l else []
        return head + "; ".join(parts)


def plan(in_channels, filters, channels_per_group=16, *, scheme="interleaved", second=True):
    """How a dense 1×1 convolution is replaced by interleaved grouped ones, or why it is not.

    (B, H, W, in_channels) → (B, H, W, filters), m = channels_per_group.

    `scheme="interleaved"` (Entropy 2022) replaces where in_channels > 2m, or filters > in_channels > m; one
    filter stays dense. k has ⌈in_channels / m⌉ groups of m, never more groups than filters. Where in_channels
    ≥ filters, k is interleaved with step filters // m, and l follows in groups of m.
    Cost: m · filters parameters for k and as many for l, whatever divides (with fewer than in_channels / m
    filters k's groups are wider, with fewer than m filters l is dense).

    `scheme="divisible"` (MENDEL 2022) takes for the number of groups g the largest common divisor of
    in_channels and filters up to in_channels // m, and replaces where g > 1; the interleaving step is
    filters / g, l has the same g groups, and expansions leave interleaved.
    Cost: filters · in_channels / g parameters for k, filters² / g for l.

    `second=False` leaves k alone, neither interleaved nor followed by l, where either scheme would replace
    the convolution.

    Raises TypeError for what is no integer, ValueError below 1 or for an unknown scheme.

    >>> plan(1152, 320).kernel_parameters, 1152 * 320
    (10240, 368640)
    >>> plan(1152, 320, scheme="divisible").kernel_parameters
    7360
    >>> plan(1152, 320, second=False).kernel_parameters
    5120
    >>> print(plan(40, 240, 32, scheme="divisible").reason)
    in_channels=40 holds fewer than 2 groups of channels_per_group=32; nearest that splits: 20
    """
    sizes = positive("in_channels", in_channels), positive("filters", filters)
    width = positive("channels_per_group", channels_per_group)
    if scheme not in SCHEMES:
        raise ValueError(f"scheme={scheme!r} is unknown; it is one of {', '.join(map(repr, SCHEMES))}")
    build = _interleaved if scheme == "interleaved" else _divisible
    k, step, l, reason = build(*sizes, width)  # noqa: E741 - the paper's name
    if k and not second:
        step, l, reason = None, None, "K alone, without interleaving, as asked"  # noqa: E741
    return Plan(*sizes, width, scheme, k, step, l, reason)


def _interleaved(in_channels, filters, width):
    """(k, step, l, reason) of the Entropy scheme."""
    expands = filters > in_channels
    if filters == 1:
        return None, None, None, "one filter cannot be split into groups"
    if in_channels <= width * (1 if expands else 2):
        rule = f"in_channels={in_channels} is not above {'' if expands else '2 × '}channels_per_group={width}"
        fits = in_channels - 1 if expands else (in_channels - 1) // 2
        near = f"; nearest that splits: {fits}" if fits else "; too few channels to split"
        return None, None, None, rule + near
    k = grouping(in_channels, filters, channels_per_group=width)
    if expands:
        return k, None, None, "an expansion: K alone, no interleaving"
    step = filters // width
    second = grouping(filters, filters, channels_per_group=width)
    return k, step if step > 1 else None, second, _both(step)


def _divisible(in_channels, filters, width):
    """(k, step, l, reason) of the MENDEL scheme."""
    divisors = common_divisors(in_channels, filters)
    groups = max([d for d in divisors if d <= in_channels // width], default=1)
    if groups == 1:
        return None, None, None, _indivisible(in_channels, filters, width, divisors)
    k = grouping(in_channels, filters, groups=groups)
    step = filters // groups if filters > groups else None
    if in_channels < filters:
        return k, step, None, "an expansion: K alone, then interleaved"
    return k, step, grouping(filters, filters, groups=groups), _both(step)


def _both(step):
    """The reason text where k and l are both built."""
    return "K, interleave, L and sum" if step and step > 1 else "K, L and sum; too few filters to interleave"


def _indivisible(in_channels, filters, width, divisors):
    """Why the divisible scheme leaves a convolution dense, with the nearest width that would not."""
    if len(divisors) == 1:
        return (
            f"in_channels={in_channels} and filters={filters} have no common divisor but 1; "
            "scheme='interleaved' needs none"
        )
    near = f"; nearest that splits: {in_channels // divisors[1]}"
    if in_channels < 2 * width:
        return f"in_channels={in_channels} holds fewer than 2 groups of channels_per_group={width}" + near
    return (
        f"in_channels={in_channels} and filters={filters} share no divisor between 2 and "
        f"in_channels // channels_per_group={in_channels // width}" + near
    )
