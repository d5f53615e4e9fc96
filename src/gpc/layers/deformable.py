"""`DeformableConv2D`: a convolution whose window bends to where the image says."""

import math

import keras
from keras import ops

from gpc.count import Cost
from gpc.layers import settings
from gpc.layers.arithmetic import biased

CORNERS = ((0, 0), (0, 1), (1, 0), (1, 1))


@keras.saving.register_keras_serializable(package="gpc")
class DeformableConv2D(keras.layers.Conv2D):
    """A convolution whose every tap reads beside its place on the grid, by an offset computed from the image.

    (B, H, W, in_channels) → `(B, H', W', filters)`, `H'` and `W'` as of `keras.layers.Conv2D`.
    Cost: with k² taps the convolution's k² · in_channels · filters weights and multiply-accumulates a pixel
    of output, those of the convolution that predicts the offsets, k² · in_channels · 2k² (3k² where
    modulated), and 4 multiply-accumulates for each of the k² · in_channels values read between four pixels.
    Biases add `filters` + 2k² (3k²) weights.

    The offsets start at zero, so that at first this is the ordinary convolution; a value read between pixels
    is bilinear in the four pixels around it, and zero outside the map. In half precision the offsets are as
    exact as that is, the places are computed in float32.

    Args:
        filters, kernel_size, strides, padding, dilation_rate, activation, use_bias: as in
            `keras.layers.Conv2D`, like all others but groups and data_format.
        modulated: whether each tap also has a weight between 0 and 1 computed from the image, 1/2 at first
            (version 2).

    Raises ValueError for groups, for channels first, and for what `keras.layers.Conv2D` refuses.
    Source: Dai et al., "Deformable Convolutional Networks", ICCV 2017; modulation: Zhu et al., "Deformable
    ConvNets V2", CVPR 2019. There the layer that predicts offsets learns at a tenth of the rate in version 2;
    here at the model's own.

    >>> import keras
    >>> layer = DeformableConv2D(16, 3, padding="same")
    >>> x = keras.ops.ones((1, 8, 8, 4))
    >>> layer(x).shape[-1], tuple(layer.offsets(x).shape), layer.count_params()
    (16, (1, 8, 8, 9, 2), 1258)
    """

    cost_kind = "deformable convolution"

    def __init__(self, filters, kernel_size, *, modulated=False, **options):
        kernel_size = settings.pair("kernel_size", kernel_size)
        super().__init__(settings.positive("filters", filters), kernel_size, **options)
        if self.groups != 1:
            raise ValueError(f"groups={self.groups}: a deformable convolution has none; what works: groups=1")
        if self.data_format != "channels_last":
            raise ValueError(
                "DeformableConv2D reads maps with channels last; received data_format='channels_first'. Put "
                "keras.layers.Permute((2, 3, 1)) in front and pass data_format='channels_last'"
            )
        self.modulated = bool(modulated)
        self.taps = math.prod(kernel_size)
        self.predictor = keras.layers.Conv2D(
            self.taps * (3 if self.modulated else 2),
            kernel_size,
            strides=self.strides,
            padding=self.padding,
            dilation_rate=self.dilation_rate,
            data_format="channels_last",
            kernel_initializer="zeros",
            dtype=self.dtype_policy,
            name="predictor",
        )

    def build(self, input_shape):
        """Make the weights of both convolutions."""
        settings.channels(self, input_shape)
        super().build(input_shape)
        self.predictor.build(input_shape)

    def call(self, inputs):
        """(B, H, W, in_channels) → (B, H', W', filters)."""
        offsets, modulation = self._predicted(inputs)
        batch, height, width = ops.shape(offsets)[:3]
        values = bilinear(inputs, self._places(inputs, offsets), modulation)
        values = ops.reshape(values, (-1, self.taps * inputs.shape[-1]))
        outputs = ops.matmul(values, ops.reshape(self.kernel, (values.shape[-1], self.filters)))
        outputs = ops.reshape(outputs, (batch, height, width, self.filters))
        if self.bias is not None:
            outputs = biased(outputs, self.bias, -1)
        return self.activation(outputs)

    def offsets(self, inputs):
        """By how many pixels each tap is moved: (B, H, W, in_channels) → `(B, H', W', k², 2)`.

        The last axis is (rows, columns). Tap t of the window stands at row t // k, column t % k of the kernel.
        """
        return self._predicted(self._read(inputs))[0]

    def modulation(self, inputs):
        """What a tap is multiplied by: (B, H, W, in_channels) → `(B, H', W', k²)`; ones if not modulated."""
        offsets, modulation = self._predicted(self._read(inputs))
        return ops.ones_like(offsets[..., 0]) if modulation is None else modulation

    def cost(self, input_shapes, output_shapes):
        """What `gpc.count` asks: both convolutions, and four products for each value read between pixels."""
        places = math.prod(output_shapes[0][:-1])
        window = self.taps * self.kernel.shape[2]
        convolutions = places * window * (self.filters + self.predictor.filters)
        kept = places * (window + self.predictor.filters + self.filters)  # values read, offsets, outputs
        return Cost(
            macs=convolutions + 4 * places * window,
            pointwise_macs=convolutions if self.taps == 1 else 0,
            activation_bytes=kept * settings.itemsize(self.compute_dtype),
        )

    def receptive_field(self):
        """What `gpc.count` asks, (kernel, stride, dilation): the window before any offset moves it."""
        return self.kernel_size, self.strides, self.dilation_rate

    def get_config(self):
        """What it takes to make this layer again."""
        return {**super().get_config(), "modulated": self.modulated}

    def _read(self, inputs):
        inputs = ops.convert_to_tensor(inputs, dtype=self.compute_dtype)
        if not self.built:
            self.build(inputs.shape)
        return inputs

    def _predicted(self, inputs):
        """The offsets (B, H', W', k², 2), and (B, H', W', k²) of modulation or None, in float32."""
        found = ops.cast(self.predictor(inputs), "float32")
        batch, height, width = ops.shape(found)[:3]
        if not self.modulated:
            return ops.reshape(found, (batch, height, width, self.taps, 2)), None
        offsets, weights = ops.split(found, [2 * self.taps], axis=-1)
        return ops.reshape(offsets, (batch, height, width, self.taps, 2)), ops.sigmoid(weights)

    def _places(self, inputs, offsets):
        """Where each tap reads: (B, H', W', k², 2) → (B, H', W', k², 2), in pixels of the input."""
        sizes, outputs = ops.shape(inputs)[1:3], ops.shape(offsets)[1:3]
        rows, columns = (self._grid(i, *pair) for i, pair in enumerate(zip(sizes, outputs, strict=True)))
        (height, width), (tall, wide) = outputs, self.kernel_size
        rows = ops.broadcast_to(ops.reshape(rows, (height, 1, tall, 1)), (height, width, tall, wide))
        columns = ops.broadcast_to(ops.reshape(columns, (1, width, 1, wide)), (height, width, tall, wide))
        grid = ops.reshape(ops.stack([rows, columns], axis=-1), (1, height, width, self.taps, 2))
        return ops.add(offsets, grid)

    def _grid(self, axis, size, outputs):
        """Along one axis, where each output's taps stand before any offset: (outputs, k)."""
        kernel, stride, dilation = self.kernel_size[axis], self.strides[axis], self.dilation_rate[axis]
        firsts = ops.expand_dims(ops.arange(outputs, dtype="float32") * stride, 1)
        taps = ops.expand_dims(ops.arange(kernel, dtype="float32") * dilation, 0)
        if self.padding == "valid":
            return ops.add(firsts, taps)
        around = ops.maximum((outputs - 1) * stride + (kernel - 1) * dilation + 1 - size, 0)
        return ops.subtract(ops.add(firsts, taps), ops.cast(around // 2, "float32"))


def bilinear(maps, places, weights=None):
    """Values between the pixels of maps, zero outside: (B, H, W, C), (B, …, 2) → (B, …, C), the places flat.

    `places` are (row, column) in pixels, float32; `weights` (B, …) multiply what is read there. One gather of
    whole pixels, four a place: (B, H, W, C), (B, P, 2) → (B, P, C).

    >>> import keras
    >>> maps = keras.ops.reshape(keras.ops.arange(4.0), (1, 2, 2, 1))
    >>> found = bilinear(maps, keras.ops.convert_to_tensor([[[0.5, 0.25], [1.5, 1.0]]]))
    >>> keras.ops.convert_to_numpy(found)[0, :, 0].tolist()
    [1.25, 1.5]
    """
    batch, height, width, channels = ops.shape(maps)
    rows, columns = ops.split(ops.reshape(places, (batch, -1, 2)), 2, axis=-1)
    (row_index, row_share), (column_index, column_share) = (
        _between(rows, height, 0),
        _between(columns, width, 1),
    )
    shares = ops.multiply(row_share, column_share)  # (B, P, 4)
    if weights is not None:
        shares = ops.multiply(shares, ops.reshape(weights, (batch, -1, 1)))
    image = ops.reshape(ops.arange(batch, dtype="int32"), (-1, 1, 1))
    index = (image * height + row_index) * width + column_index
    pixels = ops.take(ops.reshape(maps, (-1, channels)), ops.reshape(index, (-1,)), axis=0)
    pixels = ops.reshape(pixels, (batch, -1, len(CORNERS), channels))
    return ops.sum(ops.multiply(pixels, ops.expand_dims(ops.cast(shares, maps.dtype), -1)), axis=2)


def _between(places, size, axis):
    """Along one axis, the pixels at the four corners around each place and their shares, (B, P, 4) both.

    A corner outside has share zero. The shares are linear in the place, from each pixel to the next, also at
    the pixel itself: offsets that are zero have a gradient.
    """
    farther = ops.convert_to_tensor([[[float(corner[axis]) for corner in CORNERS]]], dtype="float32")
    last = ops.cast(size - 1, "float32")
    first = ops.floor(places)
    beyond = ops.subtract(places, first)
    shares = farther * beyond + (1 - farther) * (1 - beyond)
    corners = ops.add(first, farther)
    inside = ops.logical_and(corners >= 0, corners <= last)
    index = ops.cast(ops.clip(corners, 0.0, last), "int32")  # clipped first: a place may be beyond integers
    return index, ops.multiply(shares, ops.cast(inside, "float32"))
