"""Colour operations against Pillow's own, TrivialAugment's set-up, and what masks see of it."""

import cv2
import numpy as np
import pytest
from PIL import Image, ImageEnhance, ImageOps

from gpc.data import AUGMENTATIONS, Split, Symmetries, Trivial, batches, colours
from gpc.data.augment import apply

EVERY = Trivial.MOVES + Trivial.COLOURS


def picture(seed=0, channels=3, size=(24, 20)):
    """Noise on a ramp: every value, every channel another."""
    random = np.random.default_rng(seed)
    ramp = np.linspace(20, 200, size[1])[None, :, None] * np.linspace(0.5, 1, channels)
    return np.clip(ramp + random.normal(0, 20, (*size, channels)), 0, 255).astype(np.uint8)


def drawn(name, strength, *, crop=0.5, flip=0.9, hole=(0.5, 0.5)):
    """The row of numbers that makes Trivial do this."""
    return np.array([crop, crop, flip, (EVERY.index(name) + 0.5) / len(EVERY), (strength + 1) / 2, *hole])


PILLOW = [
    (colours.brightness, 1.6, lambda image: ImageEnhance.Brightness(image).enhance(1.6)),
    (colours.brightness, 0.3, lambda image: ImageEnhance.Brightness(image).enhance(0.3)),
    (colours.contrast, 1.7, lambda image: ImageEnhance.Contrast(image).enhance(1.7)),
    (colours.saturation, 0.2, lambda image: ImageEnhance.Color(image).enhance(0.2)),
    (colours.saturation, 1.9, lambda image: ImageEnhance.Color(image).enhance(1.9)),
    (colours.sharpness, 0.1, lambda image: ImageEnhance.Sharpness(image).enhance(0.1)),
    (colours.sharpness, 1.9, lambda image: ImageEnhance.Sharpness(image).enhance(1.9)),
    (colours.posterize, 3, lambda image: ImageOps.posterize(image, 3)),
    (colours.solarize, 100, lambda image: ImageOps.solarize(image, 100)),
]


@pytest.mark.parametrize(("ours", "strength", "theirs"), PILLOW)
def test_colours_are_pillows(ours, strength, theirs):
    image = picture()
    found, wanted = ours(image, strength), np.asarray(theirs(Image.fromarray(image)))
    assert found.dtype == np.uint8 and found.shape == image.shape
    assert np.abs(found.astype(int) - wanted.astype(int)).max() <= 2  # both round, at other places
    assert np.abs(found.astype(int) - image.astype(int)).max() > 20


def test_autocontrast_is_pillows_and_equalize_nearly():
    image = picture(size=(300, 300))  # Pillow counts pixels a value in whole numbers: few pixels, few values
    wanted = np.asarray(ImageOps.autocontrast(Image.fromarray(image))).astype(int)
    assert np.abs(colours.autocontrast(image).astype(int) - wanted).max() <= 1
    # Of a value's pixels one takes the lower end of their share, the other the upper: no farther apart.
    share = max(np.bincount(image[..., channel].ravel()).max() for channel in range(3)) / 300**2
    apart = np.abs(
        colours.equalize(image).astype(int) - np.asarray(ImageOps.equalize(Image.fromarray(image))).astype(int)
    )
    assert apart.max() <= 1 + 255 * share and apart.mean() < 3
    flat = np.full((4, 4, 3), 7, np.uint8)
    np.testing.assert_array_equal(colours.autocontrast(flat), flat)


def test_a_factor_of_one_changes_nothing():
    for channels in (1, 3):
        image = picture(channels=channels)
        for name in ("brightness", "saturation", "contrast", "sharpness"):
            np.testing.assert_array_equal(getattr(colours, name)(image, 1.0), image)


@pytest.mark.parametrize("name", EVERY)
@pytest.mark.parametrize("channels", [1, 3])
def test_every_operation_keeps_shape_and_type(name, channels):
    image = picture(channels=channels, size=(16, 16))
    for strength in (-1, -0.4, 0, 0.4, 0.999):
        found = apply(Trivial(), image, drawn(name, strength))
        assert found.shape == image.shape and found.dtype == np.uint8


def test_the_square_is_half_the_side_in_the_mean_colour():
    image = picture(size=(16, 16))
    found = apply(Trivial(), image, drawn("none", 0))
    changed = (found != image).any(-1)
    assert changed[4:12, 4:12].mean() > 0.9 and not changed[:4].any() and not changed[12:].any()
    np.testing.assert_array_equal(found[5, 5], np.rint(image.mean((0, 1))))
    corner = apply(Trivial(), image, drawn("none", 0, hole=(0.0, 0.0)))
    assert (corner != image).any(-1).nonzero()[0].max() == 3


def test_moves_are_what_they_say():
    image = picture(size=(32, 32))
    hole = (0.99, 0.99)

    def moved(name, strength):
        return apply(Trivial(), image, drawn(name, strength, hole=hole))[:16, :16]

    np.testing.assert_array_equal(moved("shift x", 0.5), image[:16, 16:])
    np.testing.assert_array_equal(moved("shift y", 0.5), image[16:, :16])
    right_angle = moved("turn", 90 / 135).astype(int)
    assert np.abs(right_angle - np.rot90(image)[:16, :16].astype(int)).max() <= 2
    assert not np.array_equal(moved("shear x", 0.5), moved("shear y", 0.5))


def test_masks_move_with_their_images_and_lose_nothing():
    random = np.random.default_rng(0)
    masks = random.integers(0, 2, (60, 16, 16), dtype=np.uint8)
    split = Split(np.repeat(masks[..., None] * 255, 3, -1), np.arange(60), masks=masks)
    trivial = AUGMENTATIONS["trivial"]
    epoch = batches(split, 60, augment=trivial, target="masks", shuffle=False)
    images, moved = epoch[0]
    assert set(np.unique(moved)) == {0, 1} and moved.dtype == np.uint8
    exact = 0
    for image, mask, draws in zip(images, moved, epoch.draws, strict=True):
        name, _ = trivial.operation(draws)
        if name in ("none", "posterize", "autocontrast", "sharpness") and exact < 20:
            row, column = int(16 * draws[5]), int(16 * draws[6])
            outside = np.ones((16, 16), bool)
            outside[max(0, row - 4) : row + 4, max(0, column - 4) : column + 4] = False
            np.testing.assert_array_equal((image[..., 0] > 0.5)[outside], (mask == 1)[outside])
            exact += 1
    assert exact > 5


@pytest.mark.parametrize("shape", [(32, 32, 3), (28, 28, 1), (9, 14, 3), (3, 2, 1)])
def test_a_whole_batch_is_each_image_through_its_matrix(shape):
    """Copies instead of warps where nothing turns: the same images to the bit, and the same maps."""
    random, trivial = np.random.default_rng(0), Trivial()
    images = random.integers(0, 256, (120, *shape), dtype=np.uint8)
    maps = random.integers(0, 9, (120, *shape[:2]), dtype=np.uint16)
    draws = random.random((120, trivial.draws))

    def warped(image, row, way):
        matrix, sides = trivial.matrix(row, *shape[:2]), (shape[1], shape[0])
        flags = way | cv2.WARP_INVERSE_MAP
        found = cv2.warpAffine(image, matrix, sides, flags=flags, borderMode=trivial.border)
        return found.reshape(image.shape)

    moved_images, moved_maps = trivial.move_all(images, draws), trivial.move_all(maps, draws, False)
    for image, plain, row, found, moved in zip(
        images, maps, draws.tolist(), moved_images, moved_maps, strict=True
    ):
        wanted = warped(trivial.colour(image, row), row, cv2.INTER_LINEAR)
        place = [int(side * draw) for side, draw in zip(shape, row[5:])]
        colours.square(wanted, *place, min(shape[:2]) // 2, np.rint(wanted.mean((0, 1))))
        np.testing.assert_array_equal(found, wanted)
        np.testing.assert_array_equal(moved, warped(plain, row, cv2.INTER_NEAREST))
    names = {trivial.operation(row)[0] for row in draws}
    assert names == set(EVERY), "every operation was drawn"


def test_the_eight_symmetries_and_no_other():
    image = picture(size=(9, 9))
    eight = [np.rot90(side, turn) for side in (image, image[:, ::-1]) for turn in range(4)]
    seen = set()
    for draws in np.random.default_rng(0).random((60, 2)):
        found = apply(Symmetries(), image, draws)
        places = [place for place, one in enumerate(eight) if np.array_equal(one, found)]
        assert len(places) == 1
        seen.add(places[0])
    assert seen == set(range(8))


def test_an_oblong_image_is_turned_by_halves_only():
    image = picture(size=(6, 10))
    four = [image, image[::-1], image[:, ::-1], image[::-1, ::-1]]
    for draws in np.random.default_rng(0).random((20, 2)):
        assert any(np.array_equal(one, apply(Symmetries(), image, draws)) for one in four)
