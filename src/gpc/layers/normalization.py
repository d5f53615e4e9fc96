"""`FusedBatchNormalization`: Keras's batch normalisation on TensorFlow's own kernel, forward and back."""

import keras
from keras import ops

from gpc.count import Cost


@keras.saving.register_keras_serializable(package="gpc")
class FusedBatchNormalization(keras.layers.BatchNormalization):
    """`keras.layers.BatchNormalization`, same arguments, weights and numbers, in one kernel on TensorFlow.

    (B, H, W, C) → (B, H, W, C). No multiply-accumulates are counted, as for any other normalisation.

    Keras composes the layer out of a dozen operations, each of which walks over the whole map, and so does
    their gradient. TensorFlow has one kernel for images of four dimensions, channels last, and one for its
    gradient. To see what they and the fused depthwise layer gain, give `gpc.bench.compare_models` two
    models that `gpc.surgery.regroup` made, one of them with `fused=False`. Wherever the kernel does not serve
    (another backend, other dimensions, a mask, synchronised devices, renormalisation, float64) Keras's own
    call runs.

    Source: Ioffe, Szegedy, "Batch normalization: accelerating deep network training by reducing internal
    covariate shift", 2015. The kernel's running variance has Bessel's correction; Keras's has not, and
    neither has ours.

    >>> import keras
    >>> layer = FusedBatchNormalization()
    >>> x = keras.ops.reshape(keras.ops.arange(8.0), (2, 2, 2, 1))
    >>> print(f"{float(keras.ops.std(layer(x, training=True))):.3f}")
    1.000
    """

    cost_kind = "normalization"

    def call(self, inputs, training=None, mask=None):
        """(B, H, W, C) → (B, H, W, C); with `training`, by the batch's own mean and variance."""
        if not self._is_fused(inputs, mask):
            return super().call(inputs, training=training, mask=mask)
        if not (training and self.trainable):
            return self._normalized(inputs, self.moving_mean, self.moving_variance)[0]
        outputs, mean, variance = self._normalized(inputs)
        count = ops.cast(ops.prod(ops.shape(inputs)[:-1]), variance.dtype)
        variance = variance * ((count - 1) / count)
        for moving, now in ((self.moving_mean, mean), (self.moving_variance, variance)):
            moving.assign(moving * self.momentum + now * (1.0 - self.momentum))
        return outputs

    def _is_fused(self, inputs, mask):
        return (
            keras.backend.backend() == "tensorflow"
            and len(inputs.shape) == 4
            and self.axis in (-1, 3)
            and mask is None
            and not self.synchronized
            and not getattr(self, "renorm", False)
            and keras.backend.standardize_dtype(inputs.dtype) in ("float32", "float16", "bfloat16")
            and keras.backend.standardize_dtype(self.moving_mean.dtype) == "float32"
        )

    def _normalized(self, inputs, *moving):
        """The output, and the batch's mean and (corrected) variance where no moving ones are given."""
        import tensorflow as tf

        scale = self.gamma if self.scale else ops.ones_like(self.moving_mean)
        offset = self.beta if self.center else ops.zeros_like(self.moving_mean)
        scale, offset, *moving = map(tf.convert_to_tensor, (scale, offset, *moving))
        return tf.compat.v1.nn.fused_batch_norm(
            inputs, scale, offset, *moving, epsilon=self.epsilon, is_training=not moving
        )

    def cost(self, input_shapes, output_shapes):
        """What `gpc.count` asks: no multiply-accumulates."""
        return Cost()
