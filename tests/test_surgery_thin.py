"""The controls: a network with a share of its filters, and one with its windows taken apart."""

import pytest

from gpc import models
from gpc.surgery import matching_width, separate, thin


def test_thin_and_its_width_by_counting():
    net = models.build("LeNet5")
    half = thin(net, 0.5, divisor=1)
    assert half.output_shape == net.output_shape
    width, count = matching_width(net, half.count_params(), divisor=1, steps=8)
    assert abs(count - half.count_params()) < 0.02 * half.count_params() and abs(width - 0.5) < 0.03
    with pytest.raises(ValueError, match="width=0 must be a number above 0"):
        thin(net, 0)
    with pytest.raises(ValueError, match="parameters=99999 is more than the 61706"):
        matching_width(net, 99999)


def test_thin_keeps_the_shapes_of_gates_and_sums():
    net = models.build("EfficientNetB0", variant="small", classes=10)
    found = thin(net, 0.5, divisor=2)
    assert found.output_shape == (None, 10)
    assert 0.2 < found.count_params() / net.count_params() < 0.4


def test_separate_takes_windows_apart():
    net = models.build("UNet", variant="small", input_shape=(32, 32, 3))
    found = separate(net)
    inside = [layer for layer in found.layers if getattr(layer, "kernel_size", None) == (3, 3)]
    assert [type(one).__name__ for one in inside].count("Conv2D") == 1  # the one that reads the image
    assert found.output_shape == net.output_shape and found.count_params() < 0.4 * net.count_params()
