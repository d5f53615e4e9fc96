"""Real bytes, where this machine has copies: the loaders' numbers beside what the sets are known to hold."""

import hashlib

import numpy as np
import offline_data
import pytest

from gpc.data import load, real
from gpc.data.real import pickles

APPLES = ("Apple___Apple_scab", "Apple___Black_rot", "Apple___Cedar_apple_rust", "Apple___healthy")


def parts(data):
    return [data.train, data.validation, data.open_test()]


def test_fashion_mnist():
    data = load("fashion_mnist", folder=offline_data.offline("fashion-mnist"))
    assert data.sizes == {"train": 54000, "validation": 6000, "test": 10000}
    assert np.bincount(data.open_test().labels).tolist() == [1000] * 10


def test_cifar10(tmp_path):
    data = load("cifar10", folder=offline_data.cifar10(tmp_path), count=3000)
    assert data.sizes == {"train": 2250, "validation": 250, "test": 500}
    assert np.bincount(data.open_test().labels).tolist() == [50] * 10


def test_cifar100s_test_images_fine_and_coarse(tmp_path):
    files, _ = offline_data.cifar100(tmp_path)
    source = real.SOURCES["cifar100"]
    official = {member.name: member.md5 for member in source.members}
    for name, data in files.items():
        assert hashlib.md5(data, usedforsecurity=False).hexdigest() == official[name]
    names = pickles.read(files["meta"])
    fine, coarse = tuple(names["fine_label_names"]), tuple(names["coarse_label_names"])
    assert (len(fine), len(coarse)) == (100, 20)
    assert fine[0] == "apple" and fine[99] == "worm" and coarse[0] == "aquatic_mammals"
    images, labels = real._batch(files["test"], "test", (10000, 3072), fine, "fine")
    again, groups = real._batch(files["test"], "test", (10000, 3072), coarse, "coarse")
    np.testing.assert_array_equal(images, again)
    assert np.bincount(labels).tolist() == [100] * 100 and np.bincount(groups).tolist() == [500] * 20
    assert all(len(set(groups[labels == label])) == 1 for label in range(100))
    apples = coarse[groups[labels == fine.index("apple")][0]]
    assert apples == "fruit_and_vegetables"


def test_three_breeds_of_pets(tmp_path):
    rows = offline_data.pets(tmp_path)
    with pytest.raises(ValueError, match="lacks 6,751 of 7,349 files"):
        load("oxford_pets", size=32, folder=tmp_path)
    data = load("oxford_pets", size=64, folder=tmp_path, classes=("Abyssinian", "Bengal", "american_bulldog"))
    assert data.classes == ("Abyssinian", "american_bulldog", "Bengal") and data.name == "oxford_pets_part"
    test = [row["breed"] for row in rows if row["split"] == "test"]
    expected = [test.count(breed) for breed in data.classes]
    assert np.bincount(data.open_test().labels).tolist() == expected == [98, 100, 100]
    assert np.bincount(data.validation.labels).tolist() == [15, 15, 15]
    for split in parts(data):
        top, left, bottom, right = split.boxes.T
        assert (top < bottom).all() and (left < right).all()
        cover = split.objects.mean((1, 2))
        assert 0.02 < cover.min() and 0.3 < cover.mean() < 0.6
        assert (split.masks <= split.objects).all() and (split.masks.sum((1, 2)) > 0).all()


def test_nuclei(tmp_path):
    rows = offline_data.nuclei(tmp_path)
    with pytest.raises(ValueError, match="holds 111 pictures, the official set 670"):
        load("nuclei", folder=tmp_path)
    data = load("nuclei", folder=tmp_path, size=128, part=True)
    kinds = [row["kind"] for row in rows]
    known = [kinds.count(kind) for kind in ("gray-dark", "gray-bright", "colour")]
    assert sum(np.bincount(split.labels, minlength=3) for split in parts(data)).tolist() == known
    coverage = np.concatenate([split.masks.mean((1, 2)) for split in parts(data)])
    assert abs(coverage.mean() - np.mean([float(row["coverage"]) for row in rows])) < 0.005
    assert max(int(split.instances.max()) for split in parts(data)) > 100


def test_the_segmented_apples_of_plantvillage(tmp_path):
    rows = offline_data.plantvillage(tmp_path)
    data = load("plantvillage_segmented", folder=tmp_path, split="image", classes=APPLES, size=64)
    assert data.sizes == {"train": 2061, "validation": 476, "test": 634}
    assert sum(data.sizes.values()) == len(rows)
    assert sum(np.bincount(split.labels) for split in parts(data)).tolist() == [630, 621, 275, 1645]
    black = np.mean([(split.images.max(-1) < 16).mean() for split in parts(data)])
    assert 0.3 < black < 0.8  # the background is gone
