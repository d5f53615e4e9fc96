"""`GroupedConv2D`: a grouped convolution with a window, in the arithmetic that works here."""

import math

import keras
from keras import backend, ops

from gpc._checks import dividing
from gpc.count import Cost
from gpc.layers import settings
from gpc.layers.arithmetic import biased
from gpc.layers.choice import device, native_gradient_works, worth_compiling


@keras.saving.register_keras_serializable(package="gpc")
class GroupedConv2D(keras.layers.Conv2D):
    """`keras.layers.Conv2D(groups=g)` that TensorFlow's CPU computes without compiling at each call.

    (B, H, W, in_channels) → `(B, H', W', filters)`, `H'` and `W'` as of `keras.layers.Conv2D`.
    Cost: kernel height · width · in_channels / groups · filters weights, and as many multiply-accumulates an
    output pixel; a bias adds `filters`.

    Arguments, kernel (height, width, in_channels / groups, filters) and result are those of
    `keras.layers.Conv2D`, so weights are copied over as they are. What differs is how TensorFlow computes it:
    Keras compiles every grouped convolution on a CPU by XLA inside the call, here the kernel of oneDNN runs
    directly, and where that cannot be differentiated (`layers.choice.native_gradient_works`) one dense
    convolution a group. JAX and PyTorch compute it as Keras does.

    Raises ValueError for groups that do not divide filters and channels, naming the nearest that do, and what
    `keras.layers.Conv2D` raises.
    Source: Krizhevsky, Sutskever, Hinton, "ImageNet classification with deep convolutional neural networks",
    2012, whose two GPUs were two groups.

    >>> import keras
    >>> layer = GroupedConv2D(128, 3, groups=32, padding="same", use_bias=False)
    >>> layer(keras.ops.ones((1, 8, 8, 128))).shape[-1], layer.count_params()
    (128, 4608)
    """

    cost_kind = "grouped convolution"

    def __init__(self, filters, kernel_size, *, groups=1, **options):
        filters = settings.positive("filters", filters)
        groups = dividing("groups", groups, filters=filters)
        super().__init__(filters, kernel_size, groups=groups, **options)
        self.supports_jit = worth_compiling()

    def build(self, input_shape):
        """Check that the groups divide these channels and make the weights."""
        channels = settings.channels(self, input_shape)
        dividing("groups", self.groups, in_channels=channels, filters=self.filters)
        super().build(input_shape)

    def call(self, inputs):
        """(B, H, W, in_channels) → (B, H', W', filters)."""
        outputs = self.convolution_op(inputs, self.kernel)
        if self.bias is not None:
            outputs = biased(outputs, self.bias, settings.axis(self))
        return self.activation(outputs)

    def convolution_op(self, inputs, kernel):
        """The convolution without bias and activation, in the first way that works here."""
        if backend.backend() != "tensorflow":
            return super().convolution_op(inputs, kernel)
        if device() == "cpu" and not native_gradient_works(self.compute_dtype):
            return self._group_by_group(inputs, kernel)
        if self.groups == 1:
            return super().convolution_op(inputs, kernel)
        import tensorflow as tf

        return tf.nn.conv2d(
            inputs,
            kernel,
            strides=self.strides,
            padding=self.padding.upper(),
            dilations=self.dilation_rate,
            data_format="NHWC" if self.data_format == "channels_last" else "NCHW",
        )

    def _group_by_group(self, inputs, kernel):
        """One dense convolution a group, side by side: (B, H, W, in_channels) → (B, H', W', filters)."""
        # Channels last in between: where grouped convolutions lack, TensorFlow's CPU has no others either.
        axis, groups = settings.axis(self), self.groups
        pairs = zip(
            ops.split(ops.moveaxis(inputs, axis, -1), groups, -1), ops.split(kernel, groups, -1), strict=True
        )
        options = {
            "padding": self.padding,
            "dilation_rate": self.dilation_rate,
            "data_format": "channels_last",
        }
        parts = [ops.conv(x, weights, strides=list(self.strides), **options) for x, weights in pairs]
        return ops.moveaxis(ops.concatenate(parts, -1), -1, axis)

    def cost(self, input_shapes, output_shapes):
        """What `gpc.count` asks: every output sums its window over the channels of its group."""
        macs = math.prod(output_shapes[0]) * math.prod(self.kernel.shape[:-1])
        return Cost(macs=macs, pointwise_macs=macs if set(self.kernel_size) == {1} else 0)

    def receptive_field(self):
        """What `gpc.count` asks: (kernel, stride, dilation), each (rows, columns)."""
        return self.kernel_size, self.strides, self.dilation_rate
