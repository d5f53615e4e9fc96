"""`ChannelShuffle`: channels in another order, so that the next groups read from all of these."""

import keras

from gpc import wiring
from gpc.count import Cost
from gpc.layers import settings
from gpc.layers.arrange import interleave


@keras.saving.register_keras_serializable(package="gpc")
class ChannelShuffle(keras.layers.Layer):
    """Channels interleaved: every step-th, then every step-th from the next one on.

    (B, …, C) → (B, …, C), or (B, C, …) → (B, C, …) with `data_format="channels_first"`. No weights,
    no multiply-accumulates; one pass over memory.

    Args, exactly one of:
        groups: ShuffleNet's shuffle of the outputs of that many groups: reshape (groups, C / groups),
            transpose, flatten. The same as step = C / groups; must divide the channels.
        step: any step up to the channels, dividing them or not: `wiring.interleave(C, step)`.

    Raises TypeError for both or neither, ValueError for a step beyond the channels or groups that do not
    divide them.
    Source: Zhang et al., "ShuffleNet", CVPR 2018. The papers' own code, K-CAI, interleaves by `step` strided
    slices; the gradient of each is a tensor of full size, here it is one transpose.

    >>> import keras
    >>> layer = ChannelShuffle(groups=2)
    >>> shuffled = layer(keras.ops.arange(6.0)[None])
    >>> keras.ops.convert_to_numpy(shuffled)[0].astype(int).tolist()
    [0, 3, 1, 4, 2, 5]
    """

    cost_kind = "channel shuffle"

    def __init__(self, groups=None, *, step=None, data_format=None, **kwargs):
        super().__init__(**kwargs)
        if (groups is None) == (step is None):
            raise TypeError(f"give exactly one of groups and step; received groups={groups}, step={step}")
        self.groups = None if groups is None else settings.positive("groups", groups)
        self.step = None if step is None else settings.positive("step", step)
        self.data_format = settings.data_format(data_format)

    def build(self, input_shape):
        """Check that these channels can be taken in that order."""
        channels = settings.channels(self, input_shape, ndim=None)
        if self.groups:
            wiring.shuffle(channels, self.groups)
        else:
            wiring.interleave(channels, self.step)
        self.input_spec = keras.layers.InputSpec(min_ndim=2, axes={settings.axis(self): channels})

    def call(self, inputs):
        """(B, …, C) → (B, …, C)."""
        axis = settings.axis(self)
        return interleave(inputs, self.step or inputs.shape[axis] // self.groups, axis)

    def compute_output_shape(self, input_shape):
        """The input's."""
        return tuple(input_shape)

    def cost(self, input_shapes, output_shapes):
        """What `gpc.count` asks: no multiply-accumulates."""
        return Cost()

    def get_config(self):
        """What it takes to make this layer again."""
        return {
            **super().get_config(),
            "groups": self.groups,
            "step": self.step,
            "data_format": self.data_format,
        }
