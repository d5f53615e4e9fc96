"""RGBToLab against CIE's formula written in float64, and against OpenCV."""

import cv2
import keras
import numpy as np
import pytest
from keras import ops
from layer_twins import with_gradients
from surgery_support import reloaded

from gpc import count
from gpc.layers import RGBToLab

LEVELS = np.linspace(0, 1, 17, dtype="float32")  # points of OpenCV's table, black and white among them
GRID = np.stack(np.meshgrid(LEVELS, LEVELS, LEVELS, indexing="ij"), -1).reshape(1, 17, -1, 3)


def drawn(*shape):
    return np.random.default_rng(0).random(shape).astype("float32")


def lab(layer, x):
    return ops.convert_to_numpy(ops.cast(layer(x), "float32"))


def linear(x):
    """sRGB's curve, value by value."""
    return np.array([v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in x.ravel()]).reshape(
        x.shape
    )


def by_formula(x):
    """CIE L*a*b* of sRGB pixels 0 … 1, in float64, from the definition."""
    r, g, b = np.moveaxis(linear(x.astype("float64")), -1, 0)
    weights = {"x": (0.412453, 0.357580, 0.180423), "y": (0.212671, 0.715160, 0.072169)}
    weights["z"] = (0.019334, 0.119193, 0.950227)
    f = {}
    for name, (of_r, of_g, of_b) in weights.items():
        t = (of_r * r + of_g * g + of_b * b) / (of_r + of_g + of_b)
        f[name] = np.where(t > 216 / 24389, np.cbrt(t), (24389 / 27 * t + 16) / 116)
    return np.stack([116 * f["y"] - 16, 500 * (f["x"] - f["y"]), 200 * (f["y"] - f["z"])], -1)


@pytest.mark.parametrize(
    "x", [drawn(2, 9, 7, 3), 0.05 * drawn(1, 9, 7, 3), GRID], ids=["any", "dark", "grid"]
)
def test_it_is_the_formula(x):
    np.testing.assert_allclose(lab(RGBToLab(), x), by_formula(x), atol=1e-3)


def test_it_is_opencvs_float_conversion():
    """At the points of OpenCV's table; elsewhere it interpolates, but not where it is given linear light."""
    wanted = cv2.cvtColor(GRID[0], cv2.COLOR_RGB2Lab)
    np.testing.assert_allclose(lab(RGBToLab(), GRID)[0], wanted, atol=1e-2)
    x = drawn(1, 30, 40, 3)
    wanted = cv2.cvtColor(linear(x[0]).astype("float32"), cv2.COLOR_LRGB2Lab)
    # Where root and line meet, OpenCV's constants are rounded.
    off = np.abs(lab(RGBToLab(), x)[0] - wanted)
    assert off.max() < 2e-2 and off.mean() < 1e-3
    assert np.abs(lab(RGBToLab(), x)[0] - cv2.cvtColor(x[0], cv2.COLOR_RGB2Lab)).max() < 0.6


def test_grey_has_no_colour_and_white_is_100():
    grey = np.repeat(np.linspace(0, 1, 11, dtype="float32")[None, None, :, None], 3, axis=-1)
    found = lab(RGBToLab(), grey)[0, 0]
    assert np.abs(found[:, 1:]).max() < 1e-3
    assert abs(found[0, 0]) < 1e-4 and abs(found[-1, 0] - 100) < 1e-3 and (np.diff(found[:, 0]) > 0).all()


def test_ranges_are_the_documented_ones():
    found = lab(RGBToLab(), GRID).reshape(-1, 3)
    np.testing.assert_allclose(found.min(0), [0, -86.2, -107.9], atol=0.1)
    np.testing.assert_allclose(found.max(0), [100, 98.3, 94.5], atol=0.1)
    unit = lab(RGBToLab(scale="unit"), GRID).reshape(-1, 3)
    np.testing.assert_allclose(unit, found / [100, 200, 200] + [0, 0.5, 0.5], atol=1e-5)
    assert -0.04 < unit.min() < -0.039 and 0.999 < unit.max() < 1.001


@pytest.mark.parametrize("pixels", [(0, 255), (-1, 1)])
def test_pixels_of_other_ranges(pixels):
    black, full = pixels
    wanted = lab(RGBToLab(), GRID)
    found = lab(RGBToLab(pixels=pixels), GRID * (full - black) + black)
    np.testing.assert_allclose(found, wanted, atol=1e-2)
    beyond = np.full((1, 1, 1, 3), full + 1.0, "float32")
    np.testing.assert_allclose(lab(RGBToLab(pixels=pixels), beyond)[0, 0, 0], [100, 0, 0], atol=1e-2)


def test_bytes_are_taken_as_they_are():
    x = (GRID * 255).round().astype("uint8")
    np.testing.assert_allclose(lab(RGBToLab(pixels=(0, 255)), x), by_formula(x / 255), atol=1e-2)


def test_gradients_are_finite_and_the_formulas():
    """At black and at the joints of both curves, too; elsewhere as differences say."""
    layer, ones = RGBToLab(), np.ones((1, 1, 3, 3), "float32")
    hard = np.array([[0, 0, 0], [0.04045, 0.5, 1], [1, 0, 0]], "float32")[None, None]
    layer.build(hard.shape)
    _, slope = with_gradients(layer, hard, ones)
    assert np.isfinite(slope).all()
    x = 0.1 + 0.8 * drawn(1, 1, 3, 3)
    _, slope = with_gradients(layer, x, ones)
    step = 1e-5 * np.eye(3)
    wanted = np.stack(
        [(by_formula(x + one).sum(-1) - by_formula(x - one).sum(-1)) / 2e-5 for one in step], -1
    )
    np.testing.assert_allclose(slope, wanted, rtol=1e-3, atol=0.05)


def test_half_precision_computes_in_whole():
    x = drawn(1, 4, 4, 3)
    y = RGBToLab(dtype="mixed_float16", scale="unit")(x)
    assert keras.backend.standardize_dtype(y.dtype) == "float16"
    np.testing.assert_allclose(
        ops.convert_to_numpy(ops.cast(y, "float32")), lab(RGBToLab(scale="unit"), x), atol=1e-3
    )


def test_a_model_with_it_counts_and_reloads_equal(tmp_path):
    inputs = keras.Input((8, 6, 3))
    y = keras.layers.Conv2D(4, 3)(RGBToLab(pixels=(0, 255), scale="unit", name="lab")(inputs))
    model = keras.Model(inputs, y)
    row = count.cost(model).by_layer()["lab"]
    assert row.parameters == 0 and row.macs == 18 * 8 * 6 and row.pointwise_macs == 0
    assert count.receptive_field_of(model)["lab"].window(2, 3) == (2, 2, 3, 3)
    x = 255 * drawn(2, 8, 6, 3)
    again = reloaded(model, tmp_path)
    assert np.array_equal(lab(again, x), lab(model, x))
    assert again.get_layer("lab").pixels == (0, 255) and again.get_layer("lab").scale == "unit"


def test_bad_arguments_and_images_are_named():
    with pytest.raises(ValueError, match="scale='hsv' must be one of 'cie', 'unit'"):
        RGBToLab(scale="hsv")
    with pytest.raises(ValueError, match=r"pixels=\(1, 1\) must be two different values"):
        RGBToLab(pixels=(1, 1))
    with pytest.raises(ValueError, match=r"needs RGB images.*received shape \(None, 8, 8, 1\)"):
        RGBToLab().build((None, 8, 8, 1))
    with pytest.raises(ValueError, match="needs RGB images"):
        RGBToLab().build((None, 3))
