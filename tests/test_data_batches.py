"""Batches by number: the same again, each image once, maps moved with their images, the papers' augmentation
exact.
"""

import time

import cv2
import numpy as np
import pytest

from gpc.data import AUGMENTATIONS, Affine, CropFlip, Shift, Split, batches, throughput
from gpc.data.augment import apply

NAMES = (None, *AUGMENTATIONS)


@pytest.fixture(scope="module")
def split():
    """50 images whose first channel repeats the mask, so that a mask that moves otherwise than its image
    shows.
    """
    random = np.random.default_rng(0)
    masks = random.integers(0, 2, (50, 16, 16), dtype=np.uint8)
    images = np.stack([masks * 255, *random.integers(0, 256, (2, 50, 16, 16), dtype=np.uint8)], axis=-1)
    return Split(images, np.arange(50), masks=masks)


@pytest.mark.parametrize("augment", NAMES)
def test_the_same_epoch_again_and_from_the_middle(split, augment):
    once = list(batches(split, 8, seed=1, epoch=2, augment=augment))
    again = batches(split, 8, seed=1, epoch=2, augment=augment)
    assert len(once) == len(again) == 7
    for step in (6, 2, 0, -1):
        for first, second in zip(once[step], again[step]):
            np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize("augment", NAMES)
def test_other_epochs_and_seeds_differ(split, augment):
    images = [batches(split, 50, seed=s, epoch=e, augment=augment)[0][0] for s, e in ((0, 0), (0, 1), (1, 0))]
    assert not np.array_equal(images[0], images[1]) and not np.array_equal(images[0], images[2])


def test_every_image_once_each_epoch(split):
    labels = np.concatenate([targets for _, targets in batches(split, 8, epoch=5)])
    assert sorted(labels) == list(range(50)) and list(labels) != list(range(50))


def test_without_shuffle_the_order_is_the_splits(split):
    images, labels = batches(split, 64, shuffle=False)[0]
    np.testing.assert_array_equal(labels, split.labels)
    np.testing.assert_array_equal(images, split.images.astype(np.float32) / 255)
    assert images.dtype == np.float32


@pytest.mark.parametrize("augment", AUGMENTATIONS)
def test_an_images_augmentation_does_not_depend_on_its_batch(split, augment):
    few = batches(split, 7, seed=4, epoch=1, augment=augment)
    many = batches(split, 50, seed=4, epoch=1, augment=augment, shuffle=False)[0][0]
    for images, labels in few:
        np.testing.assert_array_equal(images, many[labels])


@pytest.mark.parametrize("augment", ["crop-flip", "shift", "symmetries"])
def test_masks_move_with_their_images(split, augment):
    for images, masks in batches(split, 16, augment=augment, target="masks"):
        np.testing.assert_array_equal(images[..., 0], masks)


def test_masks_keep_their_values_when_they_turn(split):
    images, masks = batches(split, 50, augment="papers", target="masks", shuffle=False)[0]
    assert set(np.unique(masks)) == {0, 1} and masks.dtype == np.uint8
    assert np.corrcoef(images[..., 0].ravel(), masks.ravel())[0, 1] > 0.8


def test_crop_flip_is_padding_cropping_and_mirroring(split):
    """Each result must be one of the 2 × 9 × 9 windows of the padded image and its mirror."""
    seen = set()
    for index, image in enumerate(batches(split, 50, augment="crop-flip", shuffle=False)[0][0]):
        padded = np.pad(split.images[index], ((4, 4), (4, 4), (0, 0)))
        found = np.rint(image * 255).astype(np.uint8)
        windows = {
            (top, left, flip): padded[top : top + 16, left : left + 16][:, ::flip]
            for top in range(9) for left in range(9) for flip in (1, -1)
        }  # fmt: skip
        matches = [key for key, window in windows.items() if np.array_equal(window, found)]
        assert matches
        seen.add(matches[0])
    assert {flip for *_, flip in seen} == {1, -1} and len({top for top, *_ in seen}) == 9


@pytest.mark.parametrize("shape", [(32, 32, 3), (5, 9, 1), (3, 2, 3), (12, 7)])
@pytest.mark.parametrize("pad", [0, 1, 4, 9])
def test_crop_flips_copy_is_the_warp_of_its_matrix(shape, pad):
    random = np.random.default_rng(0)
    crop = CropFlip(pad)
    for _ in range(60):
        image, draws = random.integers(0, 256, shape, dtype=np.uint8), random.random(3).tolist()
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        matrix, sides = crop.matrix(draws, *shape[:2]), (shape[1], shape[0])
        warped = cv2.warpAffine(image, matrix, sides, flags=flags, borderMode=crop.border).reshape(shape)
        np.testing.assert_array_equal(apply(crop, image, draws), warped)


def test_throughput_counts_images_and_takes_its_time(split):
    start = time.perf_counter()
    found = throughput(split, 8, augment="papers", seconds=0.05)
    passed = time.perf_counter() - start
    assert passed >= 0.05 and 8 <= found * passed * 1.01
    with pytest.raises(ValueError, match="seconds=0 must be above 0"):
        throughput(split, seconds=0)


def test_shift_repeats_the_edge():
    image = np.arange(16, dtype=np.uint8).reshape(4, 4)
    moved = apply(
        Shift(1), image, [0.0, 0.99]
    )  # down draw −1, right draw +1: reads one row up, one column right
    np.testing.assert_array_equal(moved, image[[0, 0, 1, 2]][:, [1, 2, 3, 3]])


def test_shift_of_nothing_changes_nothing(split):
    np.testing.assert_array_equal(apply(Shift(0), split.images[0], [0.3, 0.9]), split.images[0])


@pytest.mark.filterwarnings("ignore:.*scipy.ndimage.interpolation:DeprecationWarning")  # Keras's, not ours
def test_the_papers_affine_is_keras_image_data_generators():
    """Peer: Keras's own (legacy) affine transform with the same numbers, on a smooth image."""
    from keras.src.legacy.preprocessing.image import apply_affine_transform

    rows, columns = np.meshgrid(np.linspace(0, 3, 32), np.linspace(0, 2, 32), indexing="ij")
    smooth = (127 + 60 * np.sin(rows * 1.7 + 0.4) + 60 * np.cos(columns * 2.3 + rows)).astype(np.uint8)
    image = np.stack([smooth, smooth[::-1], smooth.T], axis=-1)
    ours = Affine(flip=False, shear=8.0)
    for seed in range(12):
        draws = np.random.default_rng(seed).random(ours.draws)
        turn, right, down, lean = (2 * draw - 1 for draw in draws[:4])
        theirs = apply_affine_transform(
            image.astype(np.float32), theta=20 * turn, tx=9.6 * right, ty=9.6 * down, shear=8 * lean,
            zx=0.7 + 0.6 * draws[4], zy=0.7 + 0.6 * draws[5], row_axis=0, col_axis=1, channel_axis=2,
            fill_mode="nearest", order=1,
        )  # fmt: skip
        assert np.abs(apply(ours, image, draws).astype(float) - theirs).max() < 6


def test_the_papers_numbers_are_the_default():
    assert AUGMENTATIONS["papers"] == Affine(rotation=20, shift=0.3, shear=0.2, zoom=0.3, flip=True)
    assert AUGMENTATIONS["crop-flip"] == CropFlip(pad=4)


def test_size_grows_images_and_maps_on_their_way_out(split):
    images, masks = batches(split, 5, size=32, target="masks", augment="crop-flip")[0]
    assert images.shape == (5, 32, 32, 3) and masks.shape == (5, 32, 32) and set(np.unique(masks)) <= {0, 1}


def test_slices_are_lists_of_batches(split):
    some = batches(split, 8)[1:3]
    assert len(some) == 2 and some[0][0].shape == (8, 16, 16, 3)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"augment": "mixup"}, "'papers', 'crop-flip', 'shift', 'trivial', 'symmetries', or None"),
        ({"target": "instances"}, "nearest that is: labels, masks"),
        ({"target": "images"}, "nearest that is: labels, masks"),
    ],
)
def test_errors_name_what_would_work(split, arguments, words):
    with pytest.raises(ValueError, match=words):
        batches(split, 8, **arguments)


def test_batch_size_and_step_are_checked(split):
    with pytest.raises(ValueError, match="batch_size=0"):
        batches(split, 0)
    with pytest.raises(IndexError, match="batch 7 of an epoch of 7"):
        batches(split, 8)[7]
