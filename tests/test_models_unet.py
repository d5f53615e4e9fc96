"""U-Net and its ghost: counts derived from the table, maps level by level, and a shape that is learned."""

import functools

import keras
import numpy as np
import pytest
from surgery_support import numbers, reloaded, run, train

from gpc import count, models
from gpc.models.unet import TABLES

big = pytest.mark.tensorflow


@functools.cache
def full(name):
    """The full network with its own arguments, built once: thirty million random numbers take their time."""
    return models.build(name)


def plain(read, filters):
    """Weights of a 3×3 convolution with a bias."""
    return 9 * read * filters + filters


def ghost(read, filters):
    """Weights of a Ghost module: 3×3 to half of the filters, 3×3 depthwise of those, and two batch norms."""
    half = filters // 2
    return 9 * read * half + 9 * half + 2 * 4 * half


def derived(rows, channels, classes, weights):
    """Parameters of a U-Net in closed form, its convolutions' by `weights(read, filters)`."""
    total, again = 0, []
    for row in rows:
        filters = row.filters
        if row.kind == "up":
            total += 4 * channels * filters + filters
            channels = filters + again.pop()
        total += weights(channels, filters) + weights(filters, filters)
        channels = filters
        if row.kind == "down":
            again.append(filters)
    return total + channels * classes + classes


@big
def test_unet_has_the_parameters_of_its_references():
    """31,030,593 for one channel and one class, as summaries of padded versions without batch norm print.

    Keras's much-copied one with a 3×3 convolution to two maps before the last has 1,092 more: 31,031,685.
    """
    net = full("UNet")
    assert net.count_params() == derived(TABLES["UNet"]["full"], 1, 1, plain) == 31_030_593
    before_last = plain(64, 2) + (2 + 1) - (64 + 1)
    assert net.count_params() + before_last == 31_031_685
    # "In total the network has 23 convolutional layers", Ronneberger et al., 2015, section 2.
    convolutions = (keras.layers.Conv2D, keras.layers.Conv2DTranspose)
    assert sum(isinstance(layer, convolutions) for layer in net.layers) == 23
    shapes = {row.name: net.get_layer(f"{row.name}_conv2").output.shape[1:] for row in TABLES["UNet"]["full"]}
    assert shapes == {
        "down1": (256, 256, 64), "down2": (128, 128, 128), "down3": (64, 64, 256), "down4": (32, 32, 512),
        "bottom": (16, 16, 1024),
        "up4": (32, 32, 512), "up3": (64, 64, 256), "up2": (128, 128, 128), "up1": (256, 256, 64),
    }  # fmt: skip
    assert net.output_shape == (None, 256, 256, 1)


@big
def test_the_ghost_counts_as_its_table_says():
    net = full("GhostUNet")
    assert net.count_params() == derived(TABLES["GhostUNet"]["full"], 1, 1, ghost) == 16_955_553
    cost, unets = count.cost(net), count.cost(full("UNet"))
    assert 0.5 < cost.macs / unets.macs < 0.55 and not cost.unknown


@big
def test_where_a_unet_drops():
    dropped = [row.name for row in TABLES["UNet"]["full"] if row.dropped]
    assert dropped == ["down4", "bottom"]
    net = models.UNet((8, 8, 1), variant="small", dropout=0.25)
    assert net.get_layer("bottom_dropout").rate == 0.25
    assert not any("dropout" in layer.name for layer in models.UNet((8, 8, 1), variant="small").layers)


@big
@pytest.mark.parametrize(("name", "weights"), [("UNet", plain), ("GhostUNet", ghost)])
def test_small_variants(name, weights, tmp_path):
    net = models.build(name, input_shape=(8, 12, 3), classes=1, variant="small")
    # A batch norm has four numbers a channel, a bias one.
    more = sum(2 * 3 * row.filters for row in TABLES[name]["small"]) if weights is plain else 0
    assert net.count_params() == derived(TABLES[name]["small"], 3, 1, weights) + more
    x = numbers(2, 8, 12, 3)
    y = run(net, x)
    assert y.shape == (2, 8, 12, 1) and 0 < y.min() and y.max() < 1
    np.testing.assert_allclose(run(reloaded(net, tmp_path), x), y, rtol=1e-5, atol=1e-6)
    several = models.build(name, input_shape=(8, 8, 1), classes=3, variant="small")
    np.testing.assert_allclose(run(several, numbers(2, 8, 8, 1)).sum(-1), 1, rtol=1e-5)


@big
def test_a_small_net_is_trained_on_classes_for_every_pixel():
    net = models.UNet((8, 8, 3), 3, variant="small")
    assert np.isfinite(train(net, numbers(2, 8, 8, 3), np.random.default_rng(0).integers(0, 3, (2, 8, 8))))


def squares(images, random):
    """Bright squares somewhere in noise, and where they are."""
    x, y = random.normal(0, 1, (images, 16, 16, 1)), np.zeros((images, 16, 16, 1))
    for image, (row, column) in enumerate(random.integers(0, 11, (images, 2))):
        x[image, row : row + 6, column : column + 6] += 1.5
        y[image, row : row + 6, column : column + 6] = 1
    return x.astype("float32"), y.astype("float32")


@big
@pytest.mark.parametrize("name", ["UNet", "GhostUNet"])
def test_a_square_in_noise_is_found_better_than_by_its_brightness(name):
    keras.utils.set_random_seed(1)
    random = np.random.default_rng(0)
    net = models.build(name, input_shape=(16, 16, 1), classes=1, variant="small")
    net.compile(keras.optimizers.Adam(1e-2), "binary_crossentropy", jit_compile=False)
    net.fit(*squares(128, random), batch_size=16, epochs=4, verbose=0)
    x, y = squares(64, random)
    right = ((run(net, x) > 0.5) == (y > 0.5)).mean()
    brightness = max(((x > at) == (y > 0.5)).mean() for at in np.linspace(0, 4, 41))
    assert right > brightness + 0.03


@pytest.mark.parametrize(
    ("shape", "variant", "says"),
    [
        ((250, 256, 1), "full", "must be multiples of 16; nearest that works: 256×256"),
        ((8, 8, 1), "full", "must be multiples of 16; nearest that works: 16×16"),
        ((33, 30, 3), "small", "must be multiples of 4; nearest that works: 32×32"),
        ((32, 32, 3), "tiny", "variant='tiny' is unknown; it is one of 'full', 'small'"),
    ],
)
@pytest.mark.parametrize("build", [models.UNet, models.GhostUNet])
def test_sides_that_cannot_be_halved_are_named(build, shape, variant, says):
    with pytest.raises(ValueError, match=says):
        build(shape, variant=variant)
