"""`RGBToLab`: red, green and blue as lightness and two colour differences, inside the network."""

import math

import keras
import numpy as np
from keras import ops

from gpc.count import Cost
from gpc.layers import settings

# Linear RGB to XYZ, primaries of ITU-R BT.709 and white D65, as OpenCV has them; each row is then divided by
# its sum, so that white is 1, 1, 1.
_XYZ = np.array([
    [0.412453, 0.357580, 0.180423],
    [0.212671, 0.715160, 0.072169],
    [0.019334, 0.119193, 0.950227],
])  # fmt: skip
_XYZ_OF_WHITE_1 = _XYZ / _XYZ.sum(1, keepdims=True)
# f(X), f(Y), f(Z) to L, a, b: 116 f(Y) − 16, 500 (f(X) − f(Y)), 200 (f(Y) − f(Z)).
_LAB = np.array([[0.0, 116.0, 0.0], [500.0, -500.0, 0.0], [0.0, 200.0, -200.0]])
_LINE = 6 / 29  # below its cube, CIE's cube root goes over into a straight line
# What L, a and b are divided by, and what is then added.
_RANGES = {"cie": ((1, 1, 1), (0, 0, 0)), "unit": ((100, 200, 200), (0, 0.5, 0.5))}


@keras.saving.register_keras_serializable(package="gpc")
class RGBToLab(keras.layers.Layer):
    """sRGB pixels as CIE L*a*b*: lightness, green to red, blue to yellow.

    (B, H, W, 3) → (B, H, W, 3), channels last. No weights; 18 · H · W multiply-accumulates, two 3×3 matrices
    a pixel; the powers between them are not counted. In float32 at least, for half precision cannot tell
    dark pixels apart.

    Args:
        pixels: the values of black and of full brightness in the input: (0, 1), (0, 255) or (−1, 1).
            What lies outside is clipped.
        scale: "cie" gives L in 0 … 100, a in −86.2 … 98.3 and b in −107.9 … 94.5 for sRGB.
            "unit" gives L / 100, a / 200 + ½, b / 200 + ½: 0 … 1, but for the deepest blue, whose b is
            −0.04; grey is ½, ½.

    Raises ValueError for an unknown scale, equal pixel values, or images that have not three channels last.
    Source: CIE 15:2004; sRGB from IEC 61966-2-1. "unit" is the input of Schwarz Schuler et al., "Color-aware
    two-branch DCNN for efficient plant disease classification", MENDEL 2022, who convert beforehand. OpenCV's
    `COLOR_RGB2Lab` interpolates in a table and is up to half a unit off between the table's points.

    >>> import keras
    >>> orange = keras.ops.convert_to_tensor([[[[255.0, 128.0, 0.0]]]])
    >>> lab = RGBToLab(pixels=(0, 255))(orange)
    >>> print(keras.ops.convert_to_numpy(lab).ravel().round(1))
    [67.1 42.8 74. ]
    """

    cost_kind = "colour"

    def __init__(self, *, pixels=(0.0, 1.0), scale="cie", **kwargs):
        super().__init__(**kwargs)
        self.pixels = tuple(float(value) for value in pixels)
        if len(self.pixels) != 2 or self.pixels[0] == self.pixels[1]:
            raise ValueError(
                f"pixels={tuple(pixels)} must be two different values, black's and full brightness's; "
                "nearest that works: (0, 1)"
            )
        self.scale = settings.one_of("scale", scale, tuple(_RANGES))

    def build(self, input_shape):
        """Check that these are images of three colours."""
        if len(input_shape) != 4 or input_shape[-1] != 3:
            raise ValueError(
                f"{self.name} needs RGB images, (batch, height, width, 3); "
                f"received shape {tuple(input_shape)}"
            )
        self.input_spec = keras.layers.InputSpec(ndim=4, axes={-1: 3})

    def call(self, inputs):
        """(B, H, W, 3) → (B, H, W, 3)."""
        rgb = ops.cast(inputs, keras.backend.result_type(self.compute_dtype, "float32"))
        black, full = self.pixels
        linear = _linear(ops.clip((rgb - black) / (full - black), 0.0, 1.0))
        share = ops.matmul(linear, ops.cast(_XYZ_OF_WHITE_1.T, linear.dtype))
        divided, added = (np.array(row) for row in _RANGES[self.scale])
        lab = ops.matmul(_root(share), ops.cast(_LAB.T / divided, linear.dtype))
        lab = lab + ops.cast(np.array([-16.0, 0.0, 0.0]) / divided + added, linear.dtype)
        return ops.cast(lab, self.compute_dtype)

    def compute_output_shape(self, input_shape):
        """The input's."""
        return tuple(input_shape)

    def cost(self, input_shapes, output_shapes):
        """What `gpc.count` asks: two fixed 3×3 matrices at every pixel."""
        return Cost(macs=18 * math.prod(output_shapes[0][:-1]))

    def get_config(self):
        """What it takes to make this layer again."""
        return {**super().get_config(), "pixels": self.pixels, "scale": self.scale}


def _linear(x):
    """sRGB 0 … 1 to light, 0 … 1. The power is kept away from the side where it is not asked for."""
    curve = ops.power((ops.maximum(x, 0.04045) + 0.055) / 1.055, 2.4)
    return ops.where(x <= 0.04045, x / 12.92, curve)


def _root(x):
    """CIE's cube root; kept above zero, where its slope would be infinite and the gradient not a number."""
    line = x / (3 * _LINE**2) + 4 / 29
    return ops.where(x <= _LINE**3, line, ops.power(ops.maximum(x, _LINE**3), 1 / 3))
