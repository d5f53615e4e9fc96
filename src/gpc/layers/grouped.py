"""`GroupedPointwise`: a grouped 1×1 convolution for any channels, in the arithmetic fastest here."""

import keras
from keras import activations, constraints, initializers, regularizers

from gpc import wiring
from gpc.count import Cost
from gpc.layers import settings
from gpc.layers.arithmetic import grouped_pointwise
from gpc.layers.choice import IMPLEMENTATIONS, choose, fuses, on_tensorflow_cpu, worth_compiling


@keras.saving.register_keras_serializable(package="gpc")
class GroupedPointwise(keras.layers.Layer):
    """A 1×1 convolution in groups: each filter multiplies the channels of its own group only.

    (B, H, W, in_channels) → (B, ⌈H / stride⌉, ⌈W / stride⌉, filters).
    Cost: channels_per_group · filters weights, and as many multiply-accumulates a pixel; a bias adds
    `filters`.

    Any channel counts: where groups do not divide them, the last group (or several) reads on from the first
    channels, and the first filters % groups groups own one filter more; those come last in the output
    (`wiring.Grouping`, kept in `layer.grouping` once built). Where they divide, this is
    `keras.layers.Conv2D(filters, 1, groups=groups)`: same kernel, (1, 1, channels_per_group, filters), same
    output, so weights are copied over as they are.

    Args:
        filters: how many output channels.
        channels_per_group: how wide a group is, 16 where neither this nor `groups` is given.
        groups: how many groups instead. One is an ordinary dense convolution.
        strides: one integer for both directions, or a pair.
        use_bias, activation, kernel_initializer, bias_initializer, kernel_regularizer, bias_regularizer,
            activity_regularizer, kernel_constraint, bias_constraint, data_format: as in
            `keras.layers.Conv2D`.
        interleave: read the input interleaved with this step, as if `ChannelShuffle(step=interleave)` stood
            before; folded into the arithmetic where that is cheaper.
        implementation: "auto", which asks `gpc.layers.choose` about backend, device and size, or one of
            "native", "batched", "block_diagonal". The result is the same to rounding.

    Raises ValueError for an argument out of range, TypeError for one of the wrong type or for both
    `channels_per_group` and `groups`.
    Source: the grouped convolution without divisibility constraints of Schwarz Schuler et al., Entropy 24(9),
    2022, which runs two convolutions where filters do not divide; here it is one, and the order of the output
    the same.

    >>> import keras
    >>> layer = GroupedPointwise(320, channels_per_group=16)
    >>> layer(keras.ops.ones((1, 7, 7, 1152))).shape[-1], layer.count_params()
    (320, 5440)
    >>> layer.grouping.groups
    72
    """

    cost_kind = "grouped pointwise"

    def __init__(
        self,
        filters,
        channels_per_group=None,
        *,
        groups=None,
        strides=1,
        use_bias=True,
        activation=None,
        kernel_initializer="glorot_uniform",
        bias_initializer="zeros",
        kernel_regularizer=None,
        bias_regularizer=None,
        activity_regularizer=None,
        kernel_constraint=None,
        bias_constraint=None,
        interleave=None,
        data_format=None,
        implementation="auto",
        **kwargs,
    ):
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        self.filters = settings.positive("filters", filters)
        self.channels_per_group, self.groups = settings.width_or_groups(channels_per_group, groups, filters)
        self.strides = settings.pair("strides", strides)
        self.use_bias = use_bias
        self.activation = activations.get(activation)
        self.kernel_initializer = initializers.get(kernel_initializer)
        self.bias_initializer = initializers.get(bias_initializer)
        self.kernel_regularizer = regularizers.get(kernel_regularizer)
        self.bias_regularizer = regularizers.get(bias_regularizer)
        self.kernel_constraint = constraints.get(kernel_constraint)
        self.bias_constraint = constraints.get(bias_constraint)
        self.interleave = None if interleave is None else settings.positive("interleave", interleave)
        self.data_format = settings.data_format(data_format)
        self.implementation = settings.one_of("implementation", implementation, ("auto", *IMPLEMENTATIONS))
        self.grouping = self.bias = None
        self.supports_jit = worth_compiling()

    def build(self, input_shape):
        """Work out the grouping of these channels and make the weights."""
        channels = settings.channels(self, input_shape)
        if self.interleave:
            wiring.interleave(channels, self.interleave)  # raises for a step beyond the channels
        self.grouping = wiring.grouping(
            channels, self.filters, channels_per_group=self.channels_per_group, groups=self.groups
        )
        self.input_spec = keras.layers.InputSpec(ndim=4, axes={settings.axis(self): channels})
        self.kernel = self.add_weight(
            name="kernel",
            shape=(1, 1, self.grouping.channels_per_group, self.filters),
            initializer=self.kernel_initializer,
            regularizer=self.kernel_regularizer,
            constraint=self.kernel_constraint,
        )
        if self.use_bias:
            self.bias = self.add_weight(
                name="bias",
                shape=(self.filters,),
                initializer=self.bias_initializer,
                regularizer=self.bias_regularizer,
                constraint=self.bias_constraint,
            )
        if isinstance(self.activation, keras.Layer) and not self.activation.built:  # from a file it is
            self.activation.build(self.compute_output_shape(input_shape))

    def call(self, inputs, training=None):
        """(B, H, W, in_channels) → (B, ⌈H / stride⌉, ⌈W / stride⌉, filters)."""
        written_out = not training and fuses(self.activation)
        fused = written_out or (not training and self._expects_norm(inputs.shape))
        outputs = grouped_pointwise(
            inputs,
            self.kernel,
            self.grouping,
            implementation=self.chosen(inputs.shape),
            strides=self.strides,
            data_format=self.data_format,
            step=self.interleave,
            bias=self.bias,
            fused=fused,
        )
        return outputs * keras.ops.sigmoid(outputs) if written_out else self.activation(outputs)

    def _expects_norm(self, shape):
        """Whether a batch norm is likely to be next, which TensorFlow takes into a convolution: there is no
        bias and no activation. A map of one pixel is a gate's, and the convolution takes longer there."""
        alone = self.bias is None and self.activation is keras.activations.linear
        return alone and on_tensorflow_cpu() and settings.pixels(self, shape) != 1

    def chosen(self, input_shape):
        """The implementation that computes an input of this shape: (B, H, W, in_channels) → its name."""
        if self.implementation != "auto":
            return self.implementation
        return choose(
            self.grouping,
            pixels=settings.pixels(self, self.compute_output_shape(input_shape)),
            strides=self.strides,
            dtype=self.compute_dtype,
            data_format=self.data_format,
        )

    def compute_output_shape(self, input_shape):
        """(B, H, W, in_channels) → (B, ⌈H / stride⌉, ⌈W / stride⌉, filters); unknown sizes stay so."""
        return settings.strided_shape(self, input_shape)

    def cost(self, input_shapes, output_shapes):
        """What `gpc.count` asks: the groups' multiply-accumulates, whatever zeros are multiplied too."""
        macs = settings.positions(self, output_shapes[0]) * self.grouping.macs_per_pixel
        return Cost(macs=macs, pointwise_macs=macs)

    def get_config(self):
        """What it takes to make this layer again."""
        return {
            **super().get_config(),
            "filters": self.filters,
            "channels_per_group": self.channels_per_group,
            "groups": self.groups,
            "strides": self.strides,
            "use_bias": self.use_bias,
            "activation": activations.serialize(self.activation),
            "kernel_initializer": initializers.serialize(self.kernel_initializer),
            "bias_initializer": initializers.serialize(self.bias_initializer),
            "kernel_regularizer": regularizers.serialize(self.kernel_regularizer),
            "bias_regularizer": regularizers.serialize(self.bias_regularizer),
            "activity_regularizer": regularizers.serialize(self.activity_regularizer),
            "kernel_constraint": constraints.serialize(self.kernel_constraint),
            "bias_constraint": constraints.serialize(self.bias_constraint),
            "interleave": self.interleave,
            "data_format": self.data_format,
            "implementation": self.implementation,
        }
