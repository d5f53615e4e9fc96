"""Data sets by name: splits apart, a sealed test, the same numbers again, errors that help."""

import subprocess
import sys

import numpy as np
import pytest

import gpc
from gpc.data import Dataset, Split, load, names, stratified
from gpc.data.dataset import grouped

EMBEDDED = ("digits", "leaves", "cells")


@pytest.fixture(scope="module", params=EMBEDDED)
def small(request):
    return load(request.param, seed=3, count=60, size=24)


def rows(split):
    return {image.tobytes() for image in split.images}


def test_names_holds_the_embedded_and_the_downloaded():
    small = {"cifar10", "cifar100", "cifar100_coarse", "fashion_mnist"}
    kinds = ("", "_images", "_segmented", "_segmented_images", "_mendeley")
    plants = {f"plantvillage{kind}" for kind in kinds}
    pictures = {"oxford_pets", "plantdoc", "plantdoc_crops", "nuclei", *plants}
    assert set(names()) == {*EMBEDDED, *small, *pictures}


def test_splits_share_no_image(small):
    train, validation, test = rows(small.train), rows(small.validation), rows(small.open_test())
    assert len(train) + len(validation) + len(test) == 60
    assert not (train & validation or train & test or validation & test)


def test_shapes_and_types(small):
    for split in (small.train, small.validation, small.open_test()):
        assert split.images.dtype == np.uint8 and split.images.shape[1:] == small.input_shape
        assert split.labels.dtype == np.int64 and set(split.labels) <= set(range(len(small.classes)))
        for name, array in split.arrays().items():
            assert len(array) == len(split), name


def test_arrays_are_read_only(small):
    with pytest.raises(ValueError, match="read-only"):
        small.train.images[0] = 0


def test_the_same_arguments_give_the_same_content(small):
    again, other = (load(small.name, seed=seed, count=60, size=24) for seed in (3, 4))
    assert again.fingerprint == small.fingerprint != other.fingerprint
    assert rows(small.train) != rows(other.train)


def test_fingerprint_sees_one_pixel():
    first = load("digits", count=40)
    images = first.train.images.copy()
    images[5, 3, 3, 0] ^= 1
    train = Split(images, first.train.labels)
    parts = (train, first.validation, first._sealed, first.source, first.licence)
    assert Dataset("digits", first.classes, *parts).fingerprint != first.fingerprint


def test_openings_are_counted_and_looking_at_sizes_is_none(small):
    data = load(small.name, count=60, size=24)
    assert data.sizes["test"] > 0 and data.fingerprint and data.test_openings == 0
    first, second = data.open_test(), data.open_test()
    assert first is second and data.test_openings == 2


def test_digits_are_scikit_learns():
    from sklearn.datasets import load_digits

    data = load("digits", seed=1)
    every = [data.train, data.validation, data.open_test()]
    assert [len(split) for split in every] == [1167, 270, 360]
    ours = sorted(
        (image.tobytes(), int(label)) for split in every for image, label in zip(split.images, split.labels)
    )
    theirs = load_digits()
    sixteenths = np.rint(theirs.images * 255 / 16).astype(np.uint8)
    assert ours == sorted((image.tobytes(), int(label)) for image, label in zip(sixteenths, theirs.target))


def test_digits_splits_are_stratified():
    data = load("digits", seed=0)
    whole = sum(np.bincount(split.labels) for split in (data.train, data.validation, data.open_test()))
    for split in (data.train, data.validation, data.open_test()):
        assert np.abs(np.bincount(split.labels) - whole * len(split) / 1797).max() <= 1


def test_digits_splits_stay_what_they_are():
    """Published numbers rest on these splits: if this changes, every record on digits is void."""
    assert load("digits", seed=0).fingerprint.startswith("28310282c649c4d4266bfea138eb81ee")


@pytest.mark.parametrize("labels", [[0] * 90 + [1] * 10, list(range(10)) * 10, [0] * 99 + [1]])
def test_stratified_is_disjoint_and_in_proportion(labels):
    labels = np.array(labels)
    parts = stratified(labels, (50, 30, 15), seed=7)
    assert [len(part) for part in parts] == [50, 30, 15]
    assert len(set(np.concatenate(parts))) == 95
    share = np.bincount(labels) / len(labels)
    for part in parts:
        assert np.abs(np.bincount(labels[part], minlength=len(share)) - share * len(part)).max() <= 1


def test_size_scales_maps_and_boxes():
    small, large = (load("leaves", count=20, size=size).train for size in (32, 64))
    assert small.images.shape[1:3] == small.masks.shape[1:3] == (32, 32)
    assert np.abs(small.boxes * 2 - large.boxes).max() <= 4
    assert np.abs(small.objects.mean((1, 2)) - large.objects.mean((1, 2))).max() < 0.02


def test_digits_grow_to_a_size():
    data = load("digits", size=32, count=100)
    assert data.input_shape == (32, 32, 1) and sum(data.sizes.values()) == 100


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"name": "digit"}, "nearest: 'digits'"),
        ({"name": "imagenet"}, "'digits', 'leaves', 'cells'"),
        ({"name": ["digits"]}, "nearest: 'digits'"),
        ({"name": "digits", "seed": -1}, "seed=-1 must be an integer from 0 to 4294967295; nearest that works: 0"),
        ({"name": "digits", "count": 2000}, "nearest: 1797"),
        ({"name": "leaves", "count": 3}, "nearest that works: 10"),
        ({"name": "cells", "size": 3}, "size=3 is too small to draw cells; nearest that works: 16"),
    ],
)
def test_errors_name_what_would_work(arguments, words):
    with pytest.raises(ValueError, match=words):
        load(**arguments)


def test_options_that_a_set_does_not_have_are_named():
    with pytest.raises(TypeError, match=r"load\('digits'\) does not know the option 'split'; it takes none"):
        load("digits", split="crop")
    with pytest.raises(TypeError, match="folder=3 must be a path"):
        load("cifar10", folder=3)
    with pytest.raises(TypeError, match="it takes split, part"):
        load("plantdoc", crop=True)
    for seed in ("a", None, 1.5, True):
        with pytest.raises(TypeError, match=f"seed={seed!r} must be an integer from 0 to .*; nearest that works: 0"):
            load("digits", seed=seed)
    with pytest.raises(ValueError, match="labels='fin' must be one of 'fine', 'coarse'"):
        load("cifar100", labels="fin")


@pytest.mark.parametrize("parts", [(1, 1), (65, 15, 20), (9, 1)])
def test_grouped_parts_share_no_group_and_hold_every_row(parts):
    random = np.random.default_rng(0)
    groups = random.integers(0, 60, 200)
    labels = groups % 3
    found = grouped(labels, groups, parts, seed=5)
    assert sorted(np.concatenate(found)) == list(range(200)) and len(found) == len(parts)
    members = [set(groups[rows]) for rows in found]
    assert len(set().union(*members)) == sum(map(len, members))
    for rows, part in zip(members, parts):
        share = len(set(groups)) * part / sum(parts)
        each = np.bincount([group % 3 for group in rows], minlength=3)
        assert abs(len(rows) - share) <= 1 and np.ptp(each) <= 2


def test_grouped_by_single_images_is_stratified():
    labels = np.arange(100) % 4
    found = grouped(labels, np.arange(100), (65, 15, 20), seed=2)
    counts = [sorted(np.bincount(labels[rows])) for rows in found]
    assert counts == [[16, 16, 16, 17], [3, 4, 4, 4], [5, 5, 5, 5]]


def test_split_refuses_arrays_that_do_not_fit():
    images = np.zeros((4, 8, 8, 1), np.uint8)
    with pytest.raises(ValueError, match=r"labels must have shape \(4,\).*received \(3,\)"):
        Split(images, np.zeros(3, int))
    with pytest.raises(ValueError, match="uint8"):
        Split(images.astype(float), np.zeros(4, int))


def test_profile_follows_the_environment(monkeypatch):
    monkeypatch.setenv("GPC_PROFILE", "Full")
    assert gpc.profile() == gpc.data.profile() == "full"
    monkeypatch.setenv("GPC_PROFILE", "medium")
    with pytest.raises(ValueError, match="GPC_PROFILE='medium' must be 'quick' or 'full'"):
        gpc.profile()


@pytest.mark.parametrize(("gpu", "expected"), [(True, "full"), (False, "quick")])
def test_profile_else_follows_the_hardware(monkeypatch, gpu, expected):
    monkeypatch.delenv("GPC_PROFILE", raising=False)
    monkeypatch.setattr("gpc.data.profiles.sees_gpu", lambda: gpu)
    assert gpc.profile() == expected


def test_the_active_backend_is_asked_for_a_gpu(monkeypatch):
    import keras

    if keras.backend.backend() == "tensorflow":
        import tensorflow

        monkeypatch.setattr(tensorflow.config, "list_physical_devices", lambda kind: [kind])
    elif keras.backend.backend() == "jax":
        import jax

        monkeypatch.setattr(jax, "devices", lambda: [type("Device", (), {"platform": "gpu"})])
    else:
        import torch

        monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert gpc.data.profiles.sees_gpu()


def test_data_starts_no_backend():
    code = (
        "import sys, gpc; gpc.data.load('leaves', count=10, size=16); gpc.data.load('digits');"
        "print(*({'keras', 'tensorflow', 'jax', 'torch', 'matplotlib'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
