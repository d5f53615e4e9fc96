"""Leaves and cells: masks, boxes and instances that are true, and nothing but lesions and shapes that tells
the class.
"""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from gpc.data import cells, leaves

SETS = {"leaves": leaves, "cells": cells}


@pytest.fixture(scope="module")
def drawn():
    return {name: (module.make(500, seed=5, size=32), module.make(250, seed=5, stream=1, size=32))
            for name, module in SETS.items()}  # fmt: skip


def linear_accuracy(train, validation, features):
    """Validation accuracy of a logistic regression on what `features` makes of a split."""
    model = make_pipeline(StandardScaler(), LogisticRegression(C=0.001, max_iter=300))
    model.fit(features(train), train.labels)
    return model.score(features(validation), validation.labels)


def border(split):
    images = split.images
    edges = (images[:, :2], images[:, -2:], images[:, :, :2], images[:, :, -2:])
    return np.concatenate([edge.reshape(len(split), -1) for edge in edges], axis=1) / 255


def whereabouts(split):
    return np.c_[split.boxes, split.objects.sum((1, 2))]


def crowd(split):
    return np.c_[split.instances.max((1, 2)), split.masks.sum((1, 2))]


@pytest.mark.parametrize(
    ("name", "features"), [("leaves", border), ("leaves", whereabouts), ("cells", border), ("cells", crowd)]
)
def test_border_place_size_and_number_do_not_tell_the_class(drawn, name, features):
    """Chance is 1/classes; 250 images put three standard deviations at 0.08."""
    chance = 1 / len(SETS[name].CLASSES)
    assert linear_accuracy(*drawn[name], features) < chance + 0.1


@pytest.mark.parametrize("name", SETS)
def test_classes_are_balanced_and_any_beginning_is(drawn, name):
    train = drawn[name][0]
    for length in (20, 101, 500):
        counts = np.bincount(train.labels[:length], minlength=len(SETS[name].CLASSES))
        assert counts.max() - counts.min() <= 1


@pytest.mark.parametrize("name", SETS)
def test_a_longer_split_begins_with_the_shorter(drawn, name):
    few = SETS[name].make(7, seed=5, size=32)
    for key, array in few.arrays().items():
        np.testing.assert_array_equal(array, drawn[name][0].arrays()[key][:7])


@pytest.mark.parametrize("name", SETS)
def test_streams_and_seeds_give_other_images(drawn, name):
    train, validation = drawn[name]
    other = SETS[name].make(250, seed=6, size=32)
    pictures = [{image.tobytes() for image in one.images} for one in (train, validation, other)]
    assert [len(one) for one in pictures] == [500, 250, 250]
    assert not (pictures[0] & pictures[1] or pictures[0] & pictures[2] or pictures[1] & pictures[2])


def test_ill_leaves_have_lesions_and_healthy_ones_none(drawn):
    train = drawn["leaves"][0]
    share = train.masks.sum((1, 2)) / train.objects.sum((1, 2))
    healthy = train.labels == leaves.CLASSES.index("healthy")
    assert (share[healthy] == 0).all() and share[~healthy].min() > 0.02
    assert (train.masks <= train.objects).all()


def test_boxes_are_the_leaves(drawn):
    train = drawn["leaves"][0]
    for leaf, (top, left, bottom, right) in zip(train.objects, train.boxes):
        assert leaf[top:bottom, left:right].sum() == leaf.sum() > 0
        assert leaf[top].any() and leaf[bottom - 1].any() and leaf[:, left].any() and leaf[:, right - 1].any()


@pytest.mark.parametrize("disease", [name for name in leaves.CLASSES if name != "healthy"])
def test_a_disease_changes_its_lesions_and_nothing_else(disease):
    """The same leaf ill and well: far from the blade the pixels are equal, in the lesions they differ."""
    changed = []
    for index in range(20):
        ill, lesions, blade = leaves.leaf(index, disease, seed=1)
        well, _, same = leaves.leaf(index, "healthy", seed=1)
        np.testing.assert_array_equal(blade, same)
        difference = np.abs(ill.astype(int) - well).max(axis=-1)
        rows, columns = np.nonzero(blade)
        far = np.ones_like(blade, bool)
        far[max(rows.min() - 5, 0) : rows.max() + 6, max(columns.min() - 5, 0) : columns.max() + 6] = False
        assert not difference[far].any()
        changed.append(difference[lesions == 1].mean())
    assert np.mean(changed) > 20 and min(changed) > 4


def test_instances_are_numbered_without_gaps_and_masks_are_theirs(drawn):
    train = drawn["cells"][0]
    for instances, mask in zip(train.instances, train.masks):
        numbers = np.unique(instances)
        np.testing.assert_array_equal(numbers, np.arange(numbers.max() + 1))
        np.testing.assert_array_equal(instances > 0, mask == 1)
        assert numbers.max() >= 1


def test_some_cells_touch(drawn):
    instances = drawn["cells"][0].instances.astype(int)
    beside = (
        (instances[:, :, 1:] != instances[:, :, :-1]) & (instances[:, :, 1:] > 0) & (instances[:, :, :-1] > 0)
    )
    assert 0.3 < beside.any((1, 2)).mean() < 1


def test_cells_differ_from_their_surroundings(drawn):
    """The masks lie on the picture: inside and ring around differ in nearly every image."""
    import cv2

    train = drawn["cells"][0]
    contrast = []
    for image, mask in zip(train.images, train.masks):
        ring = cv2.dilate(mask, np.ones((5, 5), np.uint8)) - cv2.dilate(mask, np.ones((3, 3), np.uint8))
        grey = image.mean(-1)
        contrast.append(abs(grey[mask == 1].mean() - grey[ring == 1].mean()))
    assert np.mean(np.array(contrast) > 5) > 0.95


def test_the_same_scene_at_another_size():
    import cv2

    large, lesions, _ = leaves.leaf(3, "blight", size=64)
    small, less, _ = leaves.leaf(3, "blight", size=32)
    shrunk = cv2.resize(large, (32, 32), interpolation=cv2.INTER_AREA)
    assert np.corrcoef(shrunk.ravel(), small.ravel())[0, 1] > 0.97
    assert abs(lesions.mean() - less.mean()) < 0.02
