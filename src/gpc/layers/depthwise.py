"""`FusedDepthwiseConv2D`: Keras's depthwise convolution, at inference in one kernel with what follows it."""

import keras
from keras import ops

from gpc.layers.arithmetic import biased
from gpc.layers.choice import fuses, native_on_cpu, worth_compiling


@keras.saving.register_keras_serializable(package="gpc")
class FusedDepthwiseConv2D(keras.layers.DepthwiseConv2D):
    """`keras.layers.DepthwiseConv2D`, same arguments, weights and numbers, fused at inference on TensorFlow.

    (B, H, W, C) → `(B, H', W', C · depth_multiplier)`.

    TensorFlow's graph optimizer computes a convolution, the bias or batch norm behind it and (where there is
    no batch norm) SiLU in one pass over the map, but for a depthwise convolution only ReLU and a bias. A
    depthwise convolution is a grouped one with a group a channel, and on a CPU as quick; so at inference it
    is computed as that. To see what that and the fused batch norm gain, give `gpc.bench.compare_models` two
    models that `gpc.surgery.regroup` made, one of them with `fused=False`. In training, on other backends and
    devices, with channels first or dilated, Keras's own call runs. `fused`, an attribute that can be set,
    says whether the grouped form may serve at all; it is no part of the configuration. `gpc.export` has it
    off, for LiteRT has routines for depthwise kernels.

    Raises what Keras's layer raises.
    Source: that a depthwise convolution is the grouped one with a group a channel is Chollet, "Xception: deep
    learning with depthwise separable convolutions", CVPR 2017.

    >>> import keras
    >>> layer = FusedDepthwiseConv2D(3, padding="same", depthwise_initializer="ones")
    >>> float(keras.ops.sum(layer(keras.ops.ones((1, 2, 2, 1)))))
    16.0
    """

    same_as_base = True  # for `gpc.count`: another way to compute, nothing else

    def __init__(self, *args, **options):
        super().__init__(*args, **options)
        self.fused = True
        self.supports_jit = worth_compiling()

    def call(self, inputs, training=None):
        """(B, H, W, C) → (B, H', W', C · depth_multiplier)."""
        if training or not self._is_fused():
            return super().call(inputs)
        import tensorflow as tf

        rows, columns, channels, each = self.kernel.shape
        kernel = ops.reshape(self.kernel, (rows, columns, 1, channels * each))
        outputs = tf.nn.conv2d(inputs, kernel, strides=self.strides, padding=self.padding.upper())
        outputs = biased(outputs, self.bias if self.use_bias else None, -1)
        if fuses(self.activation):
            return outputs * ops.sigmoid(outputs)
        return outputs if self.activation is None else self.activation(outputs)

    def _is_fused(self):
        plain = self.data_format == "channels_last" and tuple(self.dilation_rate) == (1, 1)
        return self.fused and plain and native_on_cpu(self.compute_dtype)
