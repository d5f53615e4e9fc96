"""Near copies and leaks between splits, planted and counted."""

import cv2
import numpy as np
import pytest

from gpc.data import Dataset, Split, duplicates, leaks, load
from gpc.data import quality
from gpc.data.dataset import Sealed


def scenes(count, seed, size=32):
    """Smooth random colour pictures: coarse noise, grown."""
    coarse = np.random.default_rng(seed).integers(0, 256, (count, 6, 6, 3), dtype=np.uint8)
    return np.stack([cv2.resize(one, (size, size), interpolation=cv2.INTER_CUBIC) for one in coarse])


def dataset(train, validation, test, groups=None):
    groups = groups or [None] * 3
    splits = [
        Split(images, np.zeros(len(images), np.int64), groups=group)
        for images, group in zip((train, validation, test), groups)
    ]
    return Dataset("tiny", ("a",), *splits[:2], Sealed(splits[2]), "drawn", "none")


COPIES = {
    "the same": lambda image: image,
    "brighter": lambda image: np.clip(image * 0.7 + 60, 0, 255).astype(np.uint8),
    "less contrast": lambda image: (128 + (image.astype(float) - 128) * 0.4).astype(np.uint8),
    "as a bad JPEG": lambda image: cv2.imdecode(cv2.imencode(".jpg", image, [1, 40])[1], cv2.IMREAD_COLOR),
    "blurred": lambda image: cv2.GaussianBlur(image, (3, 3), 0),
    "mirrored": lambda image: image[:, ::-1],
    "mirrored and brighter": lambda image: np.clip(image[:, ::-1] * 0.8 + 40, 0, 255).astype(np.uint8),
}


@pytest.mark.parametrize("what", COPIES)
def test_planted_copies_are_found_and_nothing_else(what):
    train, validation, test = scenes(700, 1), scenes(60, 2), scenes(600, 3)
    test[5], test[590] = COPIES[what](train[42]), COPIES[what](train[699])
    test[7], validation[3] = COPIES[what](validation[11]), COPIES[what](train[1])
    data = dataset(train, validation, test)
    found = duplicates(data)
    assert [overlap.rows.tolist() for overlap in found] == [[[5, 42], [590, 699]], [[7, 11]], [[3, 1]]]
    assert [(overlap.first, overlap.second) for overlap in found] == list(quality.PAIRS)
    assert found[0].share == 2 / 600 and repr(found[0]) == "Overlap(2 of 600 test images nearly in train)"
    assert all(0.95 <= overlap.similarities.min() <= 1 for overlap in found)
    assert data.test_openings == 0


def test_mirrored_copies_are_left_out_if_asked():
    train, validation, test = scenes(50, 1), scenes(20, 2), scenes(40, 3)
    test[5] = train[42, :, ::-1]
    assert len(duplicates(dataset(train, validation, test), mirrored=False)[0].rows) == 0


def test_a_similarity_of_one_is_equality():
    train, validation, test = scenes(50, 1), scenes(20, 2), scenes(40, 3)
    test[5], test[6] = train[42], train[7]
    test[6, 0, 0, 0] ^= 1
    assert [5, 42] in duplicates(dataset(train, validation, test), similarity=1.0)[0].rows.tolist()
    flat = np.stack([np.full((32, 32, 3), level, np.uint8) for level in (10, 90, 200)])
    found = duplicates(dataset(flat, flat[:1] + 1, flat[1:2]))
    assert [overlap.rows.tolist() for overlap in found] == [[[0, 1]], [], []]


def test_the_number_is_the_correlation():
    first, second = scenes(1, 1), scenes(1, 2)
    second[0] = (0.9 * first[0] + 0.1 * second[0]).astype(np.uint8)
    (overlap, *_) = duplicates(dataset(first, scenes(1, 9), second), similarity=0.5, mirrored=False)
    expected = np.corrcoef(first.ravel(), second.ravel())[0, 1]
    np.testing.assert_allclose(overlap.similarities, [expected], atol=1e-5)


def test_grey_images_of_any_size():
    train, validation, test = (scenes(20, seed, size=50)[..., :1] for seed in (1, 2, 3))
    test[4] = train[9]
    assert duplicates(dataset(train, validation, test))[0].rows.tolist() == [[4, 9]]


@pytest.mark.parametrize("similarity", [0, -1, 1.01])
def test_similarities_that_are_none_are_refused(similarity):
    with pytest.raises(ValueError, match="must be above 0 and at most 1"):
        duplicates(load("digits"), similarity=similarity)


def test_leaks_counts_images_of_shared_groups():
    images = [scenes(count, 1) for count in (5, 2, 4)]
    groups = [np.array(one) for one in ([1, 1, 2, 3, 4], [5, 2], [1, 9, 5, 1])]
    data = dataset(*images, groups=groups)
    assert leaks(data) == {("test", "train"): 2, ("test", "validation"): 1, ("validation", "train"): 1}
    assert data.test_openings == 0
    with pytest.raises(ValueError, match="digits does not say which of its images belong together"):
        leaks(load("digits"))
