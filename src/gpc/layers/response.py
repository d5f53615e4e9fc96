"""`LocalResponseNormalization`: a channel divided by how active its neighbours are, as before batch norms."""

import keras
import numpy as np
from keras import ops

from gpc.count import Cost
from gpc.layers import settings


@keras.saving.register_keras_serializable(package="gpc")
class LocalResponseNormalization(keras.layers.Layer):
    """`a_i / (k + alpha · Σ a_j²)^beta` over the `size` channels j around i, as many as there are of them.

    (B, H, W, C) → (B, H, W, C), or channels first. No weights; no multiply-accumulates are counted, as for
    any other normalisation.

    The sum over neighbours is one product with a C × C band of ones, whose gradient is another; in float32 at
    least, for in float16 the square of 256 is infinite.

    Args:
        size: how many neighbouring channels, itself included; odd.
        k, alpha, beta: the constants; Caffe's alpha is ours times `size`.
        data_format: as in `keras.layers.Conv2D`.

    Raises ValueError for an even size or constants that can divide by zero, TypeError for a size that is no
    integer.
    Source: Krizhevsky, Sutskever, Hinton, "ImageNet classification with deep convolutional neural networks",
    2012, section 3.3, whose constants are the defaults.

    >>> import keras
    >>> layer = LocalResponseNormalization(size=3, k=1.0, alpha=1.0, beta=1.0)
    >>> print(keras.ops.convert_to_numpy(layer(keras.ops.ones((1, 1, 1, 4))))[0, 0, 0])
    [0.33333334 0.25       0.25       0.33333334]
    """

    cost_kind = "normalization"

    def __init__(self, size=5, *, k=2.0, alpha=1e-4, beta=0.75, data_format=None, **kwargs):
        super().__init__(**kwargs)
        self.size = settings.positive("size", size)
        if self.size % 2 == 0:
            raise ValueError(
                f"size={size} must be odd, as many neighbours on either side; "
                f"nearest that works: {size - 1} or {size + 1}"
            )
        if k <= 0 or alpha < 0:
            raise ValueError(
                f"k={k} must be above 0 and alpha={alpha} at least 0; nearest that works: "
                f"k={k if k > 0 else 1.0}, alpha={max(alpha, 0.0)}"
            )
        self.k, self.alpha, self.beta = float(k), float(alpha), float(beta)
        self.data_format = settings.data_format(data_format)

    def build(self, input_shape):
        """Know the channels."""
        channels = settings.channels(self, input_shape)
        self.input_spec = keras.layers.InputSpec(ndim=4, axes={settings.axis(self): channels})

    def call(self, inputs):
        """(B, H, W, C) → (B, H, W, C)."""
        activity = ops.cast(inputs, keras.backend.result_type(self.compute_dtype, "float32"))
        if self.data_format == "channels_first":
            activity = ops.moveaxis(activity, 1, -1)
        band = ops.cast(self._band(activity.shape[-1]), activity.dtype)
        neighbours = ops.matmul(ops.square(activity), band)
        normalized = activity * ops.power(self.k + self.alpha * neighbours, -self.beta)
        if self.data_format == "channels_first":
            normalized = ops.moveaxis(normalized, -1, 1)
        return ops.cast(normalized, self.compute_dtype)

    def _band(self, channels):
        """Who is whose neighbour: (channels, channels) of ones and zeros."""
        place = np.arange(channels)
        return np.abs(place[:, None] - place) <= self.size // 2

    def compute_output_shape(self, input_shape):
        """The input's."""
        return tuple(input_shape)

    def cost(self, input_shapes, output_shapes):
        """What `gpc.count` asks: no multiply-accumulates."""
        return Cost()

    def get_config(self):
        """What it takes to make this layer again."""
        names = ("size", "k", "alpha", "beta", "data_format")
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}
