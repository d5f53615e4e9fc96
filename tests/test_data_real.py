"""The official files themselves, where GPC_DATA holds them; facts about them known from elsewhere."""

import os
from pathlib import Path

import numpy as np
import pytest

from gpc.data import load, real


def needs(name):
    source = real.SOURCES[name]
    folder = os.environ.get("GPC_DATA")
    there = folder and all((Path(folder) / source.folder / member.name).exists() for member in source.members)
    return pytest.mark.skipif(
        not there, reason=f"GPC_DATA does not hold {source.folder}/ with {name}'s official files"
    )


@pytest.fixture(scope="module")
def cifar10():
    return load("cifar10", seed=0)


@needs("cifar10")
def test_cifar10_splits_are_balanced_and_of_the_papers_sizes(cifar10):
    assert cifar10.sizes == {"train": 45000, "validation": 5000, "test": 10000}
    assert cifar10.classes[:3] == ("airplane", "automobile", "bird") and cifar10.input_shape == (32, 32, 3)
    for split, each in ((cifar10.train, 4500), (cifar10.validation, 500), (cifar10.open_test(), 1000)):
        assert np.bincount(split.labels).tolist() == [each] * 10


@needs("cifar10")
def test_cifar10_pixels_are_in_the_right_order(cifar10):
    """The channel means everybody normalises by, and the first file's first labels and pixels."""
    images = np.concatenate([cifar10.train.images, cifar10.validation.images])
    np.testing.assert_allclose(images.mean((0, 1, 2)) / 255, [0.4914, 0.4822, 0.4465], atol=1e-4)
    (raw, labels), _, _ = real.read(real.SOURCES["cifar10"])
    assert labels[:10].tolist() == [6, 9, 9, 4, 1, 1, 2, 7, 8, 3]
    assert raw[0, 0, 0].tolist() == [59, 62, 63] and raw[0, 0, 1].tolist() == [43, 46, 45]


@needs("cifar10")
def test_cifar10_splits_are_apart_and_follow_the_seed(cifar10):
    small, again, other = (load("cifar10", seed=seed, count=600) for seed in (0, 0, 1))
    assert small.fingerprint == again.fingerprint != other.fingerprint
    assert sum(small.sizes.values()) == 600 and np.bincount(small.train.labels).tolist() == [45] * 10
    train = {image.tobytes() for image in cifar10.train.images}
    assert not any(image.tobytes() in train for image in cifar10.validation.images)


@needs("cifar10")
def test_cifar10_is_reached_in_any_size():
    assert load("cifar10", count=100, size=48).train.images.shape == (75, 48, 48, 3)


@needs("fashion_mnist")
def test_fashion_mnist_is_what_it_is_known_to_be():
    data = load("fashion_mnist", seed=0)
    assert (
        data.sizes == {"train": 54000, "validation": 6000, "test": 10000} and data.classes[9] == "Ankle boot"
    )
    assert np.bincount(data.train.labels).tolist() == [5400] * 10
    images = np.concatenate([data.train.images, data.validation.images]) / np.float32(255)
    np.testing.assert_allclose(
        [images.mean(dtype=float), images.std(dtype=float)], [0.2860, 0.3530], atol=1e-4
    )


@needs("fashion_mnist")
def test_one_wrong_byte_in_an_official_file_is_found(tmp_path):
    source = real.SOURCES["fashion_mnist"]
    (tmp_path / source.folder).mkdir()
    for member in source.members:
        official = Path(os.environ["GPC_DATA"]) / source.folder / member.name
        (tmp_path / source.folder / member.name).symlink_to(official)
    damaged = tmp_path / source.folder / "t10k-labels-idx1-ubyte.gz"
    data = bytearray(damaged.read_bytes())
    damaged.unlink()
    data[2000] ^= 1
    damaged.write_bytes(data)
    with pytest.raises(
        ValueError, match="t10k-labels.*MD5 [0-9a-f]{32}, the official file has bb300cfdad3c16e7"
    ):
        load("fashion_mnist", folder=tmp_path)


@needs("cifar100")
def test_cifar100_is_balanced_and_named():
    data = load("cifar100", seed=0)
    assert len(data.classes) == 100 and data.classes[0] == "apple" and data.classes[99] == "worm"
    for split, each in ((data.train, 450), (data.validation, 50), (data.open_test(), 100)):
        assert np.bincount(split.labels).tolist() == [each] * 100
    images = np.concatenate([data.train.images, data.validation.images])
    np.testing.assert_allclose(images.mean((0, 1, 2)) / 255, [0.5071, 0.4865, 0.4409], atol=2e-4)
