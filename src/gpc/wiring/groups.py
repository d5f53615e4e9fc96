"""One grouped 1×1 convolution over any channel counts: what a group reads, what it owns."""

from dataclasses import dataclass

import numpy as np

from gpc._checks import positive


@dataclass(frozen=True)
class Grouping:
    """One grouped 1×1 convolution, whether or not the groups divide the channels.

    (B, H, W, in_channels) → (B, H, W, filters). With c = channels_per_group, group j reads channels j·c …
    (j+1)·c−1, counted on past the end from channel 0 again (`repeated` channels are so read twice), and owns
    filters // groups filters. The first `extra` groups own one filter more; these come last in the output,
    after all the others.
    Cost: filters · channels_per_group kernel parameters, and as many multiply-accumulates a pixel.

    Make one with `grouping`, which checks the numbers.

    >>> grouping(1020, 250, channels_per_group=16)
    Grouping(in_channels=1020, filters=250, groups=64, channels_per_group=16, repeated=4, extra=58)
    """

    in_channels: int
    filters: int
    groups: int
    channels_per_group: int
    repeated: int = 0
    extra: int = 0

    @property
    def kernel_parameters(self):
        """Weights of the kernel, (1, 1, channels_per_group, filters), bias left out."""
        return self.filters * self.channels_per_group

    @property
    def macs_per_pixel(self):
        """Multiply-accumulates at one pixel: each filter multiplies the channels of its group."""
        return self.kernel_parameters

    @property
    def convolutions(self):
        """The ordinary grouped convolutions it is made of: ((in, filters, groups), …).

        One, or a second for the extra filters where groups does not divide filters.

        >>> grouping(144, 40, channels_per_group=16).convolutions
        ((144, 36, 9), (64, 4, 4))
        """
        width = self.channels_per_group
        main = (self.groups * width, self.filters - self.extra, self.groups)
        return (main, (self.extra * width, self.extra, self.extra)) if self.extra else (main,)

    @property
    def reads(self):
        """Which input channels each group reads: ints of shape (groups, channels_per_group)."""
        shape = (self.groups, self.channels_per_group)
        return np.arange(self.groups * self.channels_per_group).reshape(shape) % self.in_channels

    @property
    def owners(self):
        """Which group each filter belongs to, in the order of the output: ints of shape (filters,).

        >>> grouping(6, 5, groups=3).owners.tolist()
        [0, 1, 2, 0, 1]
        """
        main = np.repeat(np.arange(self.groups), self.filters // self.groups)
        return np.concatenate([main, np.arange(self.extra)])

    def connectivity(self):
        """Zeros and ones of shape (in_channels, filters): 1 where the filter reads the channel.

        >>> grouping(4, 4, groups=2).connectivity().tolist()
        [[1, 1, 0, 0], [1, 1, 0, 0], [0, 0, 1, 1], [0, 0, 1, 1]]
        """
        by_group = np.zeros((self.in_channels, self.groups), np.uint8)
        by_group[self.reads.T, np.arange(self.groups)] = 1
        return by_group[:, self.owners]

    def __str__(self):
        extra = f", one more in {_counted(self.extra, 'group')}" if self.extra else ""
        again = f", {_counted(self.repeated, 'channel')} read again" if self.repeated else ""
        return f"{self.groups} × {self.channels_per_group} channels → {self.filters}{extra}{again}"


def _counted(number, noun):
    return f"{number} {noun}{'s' * (number != 1)}"


def grouping(in_channels, filters, *, channels_per_group=None, groups=None):
    """A grouped 1×1 convolution over any channel counts, given how wide or how many the groups are.

    `channels_per_group=m` makes min(⌈in_channels / m⌉, filters) groups of m inputs, wider only where filters
    are fewer than the groups asked for; one group is an ordinary dense convolution. `groups=g` makes g groups
    of ⌈in_channels / g⌉ inputs. Neither needs to divide: see `Grouping` for what happens to the rest.

    Raises TypeError unless exactly one of the two is given, as an integer; ValueError below 1, or for more
    groups than channels or filters.
    Source: the grouped convolution without divisibility constraints of the Entropy 2022 paper.

    >>> grouping(512, 512, groups=16).kernel_parameters, 512 * 512
    (16384, 262144)
    """
    in_channels, filters = positive("in_channels", in_channels), positive("filters", filters)
    if (channels_per_group is None) == (groups is None):
        raise TypeError(
            "give exactly one of channels_per_group and groups; "
            f"received channels_per_group={channels_per_group}, groups={groups}"
        )
    if groups is None:
        width = positive("channels_per_group", channels_per_group)
        groups = min(-(-in_channels // width), filters)
    else:
        width, groups = 0, positive("groups", groups)
        if groups > min(in_channels, filters):
            raise ValueError(
                f"groups={groups} is more than in_channels={in_channels} and filters={filters} can fill; "
                f"nearest that works: {min(in_channels, filters)}"
            )
    if groups == 1:
        return Grouping(in_channels, filters, 1, in_channels)
    if groups * width < in_channels:
        width = -(-in_channels // groups)
    return Grouping(in_channels, filters, groups, width, groups * width - in_channels, filters % groups)
