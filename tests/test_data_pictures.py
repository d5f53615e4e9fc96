"""Sets of pictures of any size, from small trees in their official layouts: read, cut, kept, refused."""

import os
import stat
import subprocess
import warnings
import zipfile
import zlib
from dataclasses import replace

import numpy as np
import pytest
from data_support import described, serving
from data_trees import BREEDS, blocks, nuclei, pets, place, plantdoc, plantvillage, png, tarred, zipped

from PIL import Image

from gpc.data import load
from gpc.data.real import nuclei as nuclei_reader
from gpc.data.real import pets as pets_reader
from gpc.data.real import pictures, places, trees
from gpc.data.real import plantdoc as plantdoc_reader
from gpc.data.real import plantvillage as plantvillage_reader


CASE, SMALL = f"{3:064x}", png(np.zeros((4, 4), np.uint8))


@pytest.fixture
def tiny_pets(monkeypatch, tmp_path):
    monkeypatch.setattr(pets_reader, "LISTS", {"annotations/trainval.txt": 18, "annotations/test.txt": 9})
    monkeypatch.setattr(pets_reader, "BREEDS", 3)
    return *pets(), tmp_path


@pytest.fixture
def tiny_nuclei(monkeypatch, tmp_path):
    monkeypatch.setattr(nuclei_reader, "PICTURES", 12)
    return *nuclei(), tmp_path


@pytest.fixture
def tiny_plantdoc(monkeypatch, tmp_path):
    files, crops = plantdoc()
    rows = {name: files[name].count(b"\n") - 1 for name in ("train_labels.csv", "test_labels.csv")}
    tables = {name: (("TRAIN", "TEST")[name[:2] == "te"], count) for name, count in rows.items()}
    monkeypatch.setattr(plantdoc_reader, "TABLES", tables)
    monkeypatch.setattr(plantdoc_reader, "CROPS", len(crops) + 1)
    monkeypatch.setattr(plantdoc_reader, "PLANTS", 2)
    return files, crops, tmp_path


@pytest.fixture
def tiny_plantvillage(monkeypatch, tmp_path):
    monkeypatch.setattr(plantvillage_reader, "COUNTS", {"Apple___healthy": 40, "Corn___Common_rust": 40})
    return plantvillage(), tmp_path


def every(data):
    return [data.train, data.validation, data.open_test()]


def apart(data):
    """Whether no group of images is in two splits."""
    groups = [set(split.groups.tolist()) for split in every(data)]
    return not (groups[0] & groups[1] or groups[0] & groups[2] or groups[1] & groups[2])


# Oxford-IIIT Pet


def test_pets_have_their_pictures_trimaps_boxes_and_official_test_list(tiny_pets):
    files, held, home = tiny_pets
    place(home / "oxford-iiit-pet", files)
    data = load("oxford_pets", size=8, folder=home)
    assert data.name == "oxford_pets" and data.classes == BREEDS
    assert data.sizes == {"train": 15, "validation": 3, "test": 9}
    assert [np.bincount(split.labels).tolist() for split in every(data)] == [[5] * 3, [1] * 3, [3] * 3]
    expected = {
        pictures.squared(held[f"{breed}_{number}"][0], 8).tobytes()
        for breed in BREEDS
        for number in range(7, 10)
    }
    assert {image.tobytes() for image in data.open_test().images} == expected
    split = data.train
    assert (split.masks <= split.objects).all() and 0 < split.masks.sum() < split.objects.sum()
    assert set(map(tuple, split.boxes.tolist())) == {(1, 3, 5, 7)}  # rows 4…20 of 32, columns 8…20 of 24
    assert np.array_equal(split.objects[0, 1:5, 3:7], np.ones((4, 4)))


def test_pets_archives_are_checked_and_read_where_they_lie(tiny_pets, monkeypatch):
    files, _, home = tiny_pets
    folder = home / "oxford-iiit-pet"
    folder.mkdir()
    for name, row in (("images", "PETS_IMAGES"), ("annotations", "PETS_ANNOTATIONS")):
        path = folder / f"{name}.tar.gz"
        tarred({key: data for key, data in files.items() if key.startswith(name)}, path)
        monkeypatch.setattr(pets_reader, row, described(path.name, path.read_bytes()))
    archived = load("oxford_pets", size=8, folder=home)
    assert sorted(path.name for path in folder.iterdir()) == ["annotations.tar.gz", "images.tar.gz"]
    place(home / "unpacked" / "oxford-iiit-pet", files)
    assert archived.fingerprint == load("oxford_pets", size=8, folder=home / "unpacked").fingerprint
    monkeypatch.setattr(pets_reader, "PETS_IMAGES", described("images.tar.gz", b"other"))
    with pytest.raises(ValueError, match=r"images.tar.gz: [\d,]+ bytes, the official archive has 5"):
        load("oxford_pets", size=8, folder=home)


def test_some_breeds_are_a_part_that_must_be_asked_for(tiny_pets):
    files, _, home = tiny_pets
    place(home / "oxford-iiit-pet", {name: data for name, data in files.items() if "Bengal_" not in name})
    with pytest.raises(ValueError, match=r"lacks 9 of 27 files, 'Bengal_1' first; .*classes="):
        load("oxford_pets", size=8, folder=home)
    part = load("oxford_pets", size=8, folder=home, classes=["american_bulldog", "Abyssinian"])
    assert part.name == "oxford_pets_part" and part.classes == BREEDS[:2] and part.sizes["test"] == 6
    with pytest.raises(ValueError, match=r"classes=\('Beagle',\) of oxford_pets: there are 'Abyssinian'"):
        load("oxford_pets", size=8, folder=home, classes="Beagle")


def without(files, name):
    return {one: data for one, data in files.items() if one != name}


def list_with(files, old, new):
    return {**files, "annotations/test.txt": files["annotations/test.txt"].replace(old, new)}


PETS_WRONG = {
    "a trimap of another shape": (
        lambda files: {**files, "annotations/trimaps/Bengal_1.png": png(np.ones((3, 4), np.uint8))},
        r"trimaps/Bengal_1.png: a trimap is of its picture's shape \(32, 24\)",
    ),
    "a trimap of other values": (
        lambda files: {**files, "annotations/trimaps/Bengal_1.png": png(np.zeros((32, 24), np.uint8))},
        "values 1 to 3",
    ),
    "a picture that is cut": (
        lambda files: {**files, "images/Bengal_2.jpg": files["images/Bengal_2.jpg"][:-40]},
        "images/Bengal_2.jpg: not a whole picture",
    ),
    "a picture that is a page": (
        lambda files: {**files, "images/Bengal_2.jpg": b"<html>" * 9},
        "images/Bengal_2.jpg: not a whole picture",
    ),
    "no trimap": (
        lambda files: without(files, "annotations/trimaps/Bengal_3.png"),
        "lacks 1 of 27 files, 'annotations/trimaps/Bengal_3.png'",
    ),
    "a path in a list": (
        lambda files: list_with(files, b"Bengal_7 ", b"../Bengal_7 "),
        "the official list 9 of 'breed_number",
    ),
    "a short list": (lambda files: list_with(files, b"Bengal_7 3 1 3\n", b""), "8 lines, the official"),
    "two breeds of one class": (lambda files: list_with(files, b"_7 3 ", b"_7 1 "), "class 1 is Abyssinian"),
    "a picture twice": (lambda files: list_with(files, b"Bengal_7", b"Bengal_8"), "a picture twice"),
    "no list": (
        lambda files: without(files, "annotations/test.txt"),
        "lacks 1 of 2 files, 'annotations/test.txt' first",
    ),
}


@pytest.mark.parametrize("what", PETS_WRONG)
def test_pets_that_are_not_official_are_refused_and_nothing_is_kept(tiny_pets, what):
    files, _, home = tiny_pets
    change, words = PETS_WRONG[what]
    place(home / "oxford-iiit-pet", change(files))
    with pytest.raises(ValueError, match=words):
        load("oxford_pets", size=8, folder=home)
    assert not (home / "decoded").exists()


# Nuclei


@pytest.mark.parametrize("layout", ["folder", "zip", "zip with its folder"])
def test_nuclei_have_a_number_each(tiny_nuclei, monkeypatch, layout):
    files, held, home = tiny_nuclei
    if layout == "folder":
        place(home / "BBBC038" / "stage1_train", files)
    else:
        (home / "BBBC038").mkdir()
        inside = "stage1_train/" if "its folder" in layout else ""
        path = home / "BBBC038" / "stage1_train.zip"
        zipped({inside + name: data for name, data in files.items()}, path)
    data = load("nuclei", folder=home, size=40)
    assert data.name == "nuclei" and data.sizes == {"train": 8, "validation": 2, "test": 2}
    assert data.classes == ("grey on dark", "grey on bright", "colour")
    maps = [labels.astype(np.uint16) for _, labels in held.values()]
    known = {pictures.squared(one, 40, smooth=False).tobytes() for one in maps}
    for split in every(data):
        assert {one.tobytes() for one in split.instances} <= known
        np.testing.assert_array_equal(split.masks, split.instances > 0)
        assert split.instances.dtype == np.uint16
        for image, label in zip(split.images, split.labels):
            assert image[0, 0, 1] == (20, 220, 220)[label] and image[0, 0, 0] == (20, 220, 90)[label]


def test_numbers_stay_without_gaps_when_a_nucleus_vanishes():
    labels = np.zeros((40, 40), np.uint16)
    labels[0:20], labels[30, 31], labels[32:] = 1, 2, 3
    assert np.unique(nuclei_reader.numbered(labels, 8)).tolist() == [0, 1, 2]
    assert np.unique(nuclei_reader.numbered(labels[:16, :16], 8)).tolist() == [1]


def test_a_picture_without_a_mask_is_background(tiny_nuclei):
    files, _, home = tiny_nuclei
    bare = {name: data for name, data in files.items() if not name.startswith(f"{CASE}/masks/")}
    place(home / "BBBC038" / "stage1_train", bare)
    data = load("nuclei", folder=home, size=16)
    assert sorted(int(one.max()) for split in every(data) for one in split.instances) == [0] + [3] * 11


def test_a_part_of_the_nuclei_must_be_asked_for(tiny_nuclei):
    files, _, home = tiny_nuclei
    some = {name: data for name, data in files.items() if name[63] in "012345"}
    place(home / "BBBC038" / "stage1_train", some)
    with pytest.raises(ValueError, match=r"holds 6 pictures, the official set 12; load\('nuclei', part=True"):
        load("nuclei", folder=home)
    data = load("nuclei", folder=home, size=16, part=True)
    assert data.name == "nuclei_part" and sum(data.sizes.values()) == 6


NUCLEI_WRONG = {
    "a mask of another shape": ({f"{CASE}/masks/x.png": SMALL}, r"a mask of \(4, 4\)"),
    "two pictures": ({f"{CASE}/images/x.png": SMALL}, f"{CASE} has 2 pictures instead of one"),
    "no picture": ({"abc/masks/abc.png": SMALL}, "abc has 0 pictures instead of one"),
    "a broken mask": ({f"{CASE}/masks/x.png": b"\x89PNG"}, "masks/x.png: not a whole picture"),
}


@pytest.mark.parametrize("what", NUCLEI_WRONG)
def test_nuclei_that_are_not_official_are_refused(tiny_nuclei, what):
    files, _, home = tiny_nuclei
    extra, words = NUCLEI_WRONG[what]
    place(home / "BBBC038" / "stage1_train", {**files, **extra})
    with pytest.raises(ValueError, match=words):
        load("nuclei", folder=home)


def test_nuclei_are_downloaded_although_no_length_is_published(tiny_nuclei, monkeypatch):
    monkeypatch.setenv("no_proxy", "*")
    files, _, home = tiny_nuclei
    zipped(files, home / "served.zip")
    data = (home / "served.zip").read_bytes()
    with serving(data, ("cut", len(data) // 2), "whole") as (address, asked):
        row = replace(nuclei_reader.NUCLEI, address=address)
        monkeypatch.setattr(nuclei_reader, "NUCLEI", row)
        assert sum(load("nuclei", folder=home, size=16).sizes.values()) == 12
    assert asked[-1] == f"bytes={len(data) // 2}-"
    with serving(b"", 404) as (address, _):
        monkeypatch.setattr(nuclei_reader, "NUCLEI", replace(row, address=address))
        with pytest.raises(FileNotFoundError, match="404.*Put stage1_train.zip .length and sum not publ"):
            load("nuclei", folder=home / "elsewhere")


# PlantDoc


def test_plantdoc_keeps_a_photographs_crops_together(tiny_plantdoc):
    files, crops, home = tiny_plantdoc
    place(home / "PlantDoc-Object-Detection-Dataset", files)
    data = load("plantdoc", size=16, folder=home)
    assert data.name == "plantdoc" and data.classes == ("Apple leaf", "grape leaf") and apart(data)
    assert sum(data.sizes.values()) == len(crops) + 1
    found = sorted(image.tobytes() for split in every(data) for image in split.images)
    expected = [pictures.squared(crop, 16).tobytes() for _, crop in crops]
    assert len(set(found) & set(expected)) == len(set(expected))
    groups = np.concatenate([split.groups for split in every(data)])
    assert len(np.unique(groups)) == 40  # 41 files: one photograph lies there under two names


def test_plantdoc_crop_by_crop_is_the_papers_leak(tiny_plantdoc):
    files, crops, home = tiny_plantdoc
    place(home / "PlantDoc-Object-Detection-Dataset", files)
    data = load("plantdoc", size=16, folder=home, split="crop")
    count = len(crops) + 1
    assert data.name == "plantdoc_crops" and not apart(data)
    assert data.sizes == load("plantdoc_crops", size=16, folder=home).sizes
    assert abs(data.sizes["test"] - 0.2 * count) <= 1 and abs(data.sizes["train"] - 0.65 * count) <= 1


def test_a_photograph_is_turned_only_if_the_table_says_so():
    picture = blocks(np.random.default_rng(0), 32, 24)
    sideways = Image.Exif()
    sideways[0x0112] = 6  # orientation: a quarter turn
    noted = png(picture, "JPEG", quality=95, exif=sideways)
    assert pictures.decoded(noted, "a").shape == (32, 24, 3)
    assert pictures.decoded(noted, "a", upright=(32, 24)).shape == (32, 24, 3)
    assert pictures.decoded(noted, "a", upright=(24, 32)).shape == (24, 32, 3)


PLANTDOC_WRONG = {
    "a path upwards": (b"leaf%200.jpg", b"../leaf%200.jpg", "lies outside TRAIN/"),
    "another column": (b"xmin", b"left", "its columns are not filename,width"),
    "text for a number": (b",80,60,", b",wide,60,", "is not a row of filename"),
    "a row too short": (b",80,60,", b",60,", "is not a row of filename"),
    "a row too few": (b"absent.jpg,80,60,Apple leaf,4,4,40,40\n", b"", "rows, the official table has"),
    "a class more": (b"Apple leaf", b"Pear leaf", r"of 3 classes, the papers had \d+ of 2; load\('plantdoc'"),
}


@pytest.mark.parametrize("what", PLANTDOC_WRONG)
def test_plantdoc_tables_that_are_not_official_are_refused(tiny_plantdoc, what):
    files, _, home = tiny_plantdoc
    old, new, words = PLANTDOC_WRONG[what]
    changed = files["train_labels.csv"].replace(old, new, 1)
    assert changed != files["train_labels.csv"]
    place(home / "PlantDoc-Object-Detection-Dataset", {**files, "train_labels.csv": changed})
    with pytest.raises(ValueError, match=words):
        load("plantdoc", size=16, folder=home)


def test_a_part_of_plantdoc_must_be_asked_for(tiny_plantdoc):
    files, _, home = tiny_plantdoc
    some = {name: data for name, data in files.items() if not name.startswith("TEST/")}
    place(home / "PlantDoc-Object-Detection-Dataset", some)
    with pytest.raises(ValueError, match="the papers had"):
        load("plantdoc", size=16, folder=home)
    assert load("plantdoc", size=16, folder=home, part=True).name == "plantdoc_part"


# PlantVillage


def test_plantvillage_keeps_a_leafs_photographs_together(tiny_plantvillage):
    files, home = tiny_plantvillage
    place(home / "PlantVillage-Dataset", files)
    data = load("plantvillage", size=16, folder=home)
    assert data.name == "plantvillage" and apart(data)
    assert data.classes == ("Apple___healthy", "Corn___Common_rust")
    assert data.sizes == {"train": 52, "validation": 12, "test": 16}
    assert [np.bincount(split.labels).tolist() for split in every(data)] == [[26] * 2, [6] * 2, [8] * 2]
    by_image = load("plantvillage", size=16, folder=home, split="image")
    assert by_image.name == "plantvillage_images" and by_image.open_test().groups is None


def test_plantvillages_test_split_is_the_same_for_every_seed(tiny_plantvillage):
    files, home = tiny_plantvillage
    place(home / "PlantVillage-Dataset", files)
    first, second = (load("plantvillage", size=16, folder=home, seed=seed) for seed in (0, 1))
    np.testing.assert_array_equal(first.open_test().images, second.open_test().images)
    assert first.fingerprint != second.fingerprint
    first, second = (load("plantvillage", size=16, folder=home, seed=seed, count=40) for seed in (0, 1))
    np.testing.assert_array_equal(first.open_test().images, second.open_test().images)


def test_plantvillage_segmented_and_mendeley(tiny_plantvillage, monkeypatch):
    files, home = tiny_plantvillage
    segmented = {
        name.replace("raw/color", "raw/segmented").replace(".JPG", "_final_masked.jpg"): data
        for name, data in files.items()
    }
    place(home / "PlantVillage-Dataset", segmented)
    data = load("plantvillage_segmented", size=16, folder=home)
    assert data.name == "plantvillage_segmented" and apart(data) and len(np.unique(data.train.groups)) == 26
    with pytest.raises(ValueError, match="holds no raw/color/; `git -C .* sparse-checkout disable`"):
        load("plantvillage", size=16, folder=home)
    renamed, top = {}, plantvillage_reader.MENDELEY_INSIDE
    for name, held in files.items():
        if name.endswith("JPG"):
            folder = plantvillage_reader.canonical(name.split("/")[2])
            renamed[f"{top}/{folder}/image ({len(renamed)}).JPG"] = held
    renamed[f"{top}/Background_without_leaves/image (1).jpg"] = b"x"
    path = home / "plantvillage" / "tiny.zip"
    path.parent.mkdir()
    zipped(renamed, path)
    row = described("tiny.zip", path.read_bytes())
    monkeypatch.setattr(plantvillage_reader, "PLANTVILLAGE_MENDELEY", row)
    mendeley = load("plantvillage_mendeley", size=16, folder=home)
    assert mendeley.sizes == data.sizes and mendeley.licence == "CC0 1.0"
    with pytest.raises(ValueError, match="nearest that works: variant='color'"):
        load("plantvillage", size=16, folder=home, variant="mendeley", split="leaf")


def test_plantvillage_counts_are_held_and_some_classes_must_be_asked_for(tiny_plantvillage):
    files, home = tiny_plantvillage
    apples = [name for name in files if "Apple" in name]
    place(home / "PlantVillage-Dataset", {name: files[name] for name in (*apples, "leaf-map.json")})
    with pytest.raises(ValueError, match="has 0 pictures of 'Corn___Common_rust', published are 40"):
        load("plantvillage", size=16, folder=home)
    assert load("plantvillage", size=16, folder=home, classes="Apple___healthy").name == "plantvillage_part"
    for name in apples[:3]:
        (home / "PlantVillage-Dataset" / name).unlink()
    with pytest.raises(ValueError, match="has 37 pictures of 'Apple___healthy', published are 40"):
        load("plantvillage", size=16, folder=home, classes="Apple___healthy")


@pytest.mark.parametrize("held", [b"[1]", b"{", b'{"a": 1}'])
def test_a_leaf_map_that_is_none_is_refused(tiny_plantvillage, held):
    files, home = tiny_plantvillage
    place(home / "PlantVillage-Dataset", {**files, "leaf-map.json": held})
    with pytest.raises(ValueError, match="leaf-map.json: not "):
        load("plantvillage", size=16, folder=home)


def test_a_leaf_known_under_two_classes_is_the_one_of_its_class():
    known = {"rs 1": ["Apple___healthy:::1.0", "Corn___Common_rust:::9.0"], "rs 2": ["x:::1", "y:::2"]}
    names = [f"a/u___RS {number}.JPG" for number in (1, 2, 3)]
    found = [plantvillage_reader.leaf(name, "Corn___Common_rust", known) for name in names]
    assert found == ["Corn___Common_rust:::9.0", *names[1:]]


# What they share


def test_decoded_pictures_are_kept_and_follow_the_files(tiny_nuclei, monkeypatch):
    files, _, home = tiny_nuclei
    folder = home / "BBBC038" / "stage1_train"
    place(folder, files)
    first = load("nuclei", folder=home, size=16).fingerprint
    monkeypatch.setattr(nuclei_reader, "_decoded", None)
    assert load("nuclei", folder=home, size=16).fingerprint == first
    monkeypatch.undo()
    monkeypatch.setattr(nuclei_reader, "PICTURES", 12)
    other = f"{CASE}/images/{CASE}.png"
    (folder / other).write_bytes(png(np.full((40, 48, 3), 77, np.uint8)))
    assert load("nuclei", folder=home, size=16).fingerprint != first


def test_a_damaged_or_cut_store_is_made_anew(tiny_nuclei):
    files, _, home = tiny_nuclei
    place(home / "BBBC038" / "stage1_train", files)
    first = load("nuclei", folder=home, size=16).fingerprint
    (entry,) = (home / "decoded").iterdir()
    images = entry / "images.npy"
    for damaged in (b"\x93NUMPY", images.read_bytes()[:-5], b""):
        images.write_bytes(damaged)
        assert load("nuclei", folder=home, size=16).fingerprint == first
    (entry / "whole").unlink()
    assert load("nuclei", folder=home, size=16).fingerprint == first
    assert (entry / "whole").exists() and len(list((home / "decoded").iterdir())) == 1


def test_a_folder_that_cannot_be_written_is_read_all_the_same(tiny_nuclei, monkeypatch):
    files, _, home = tiny_nuclei
    place(home / "BBBC038" / "stage1_train", files)

    def refuse(*arguments, **options):
        raise PermissionError("read-only")

    monkeypatch.setattr("tempfile.mkdtemp", refuse)
    assert sum(load("nuclei", folder=home, size=16).sizes.values()) == 12
    assert not list((home / "decoded").iterdir())


def test_count_takes_from_every_split_in_proportion(tiny_plantvillage):
    files, home = tiny_plantvillage
    place(home / "PlantVillage-Dataset", files)
    data = load("plantvillage", size=16, folder=home, count=40)
    assert data.sizes == {"train": 26, "validation": 6, "test": 8} and apart(data)
    assert np.bincount(data.train.labels).tolist() == [13, 13]
    with pytest.raises(ValueError, match="count=81 is more than the 80 images there are"):
        load("plantvillage", size=16, folder=home, count=81)


def entry(name, kind=0o100644, data=b"x"):
    made = zipfile.ZipInfo(name)
    made.external_attr = kind << 16
    return made, data


HOSTILE = {
    "path upwards": (entry("a/../../escaped.png"), "lies outside the archive"),
    "absolute": (entry("/tmp/escaped.png"), "lies outside the archive"),
    "drive": (entry("C:escaped.png"), "lies outside the archive"),
    "link": (entry("a/link.png", 0o120777, b"/etc/passwd"), "neither a file nor a folder"),
    "twice": (entry("picture.png"), "holds a file twice"),
}


@pytest.mark.parametrize("what", HOSTILE)
def test_hostile_zips_are_refused(tmp_path, what):
    (made, data), words = HOSTILE[what]
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # zipfile's own, for the doubled name
        archive.writestr("picture.png", b"x")
        archive.writestr(made, data)
    with pytest.raises(ValueError, match=words):
        trees.tree(tmp_path / "a.zip")


def test_bombs_are_not_unpacked(tmp_path, monkeypatch):
    zipped({"a.png": bytes(3000), "b.png": bytes(3000)}, tmp_path / "a.zip")
    tarred({"a.png": bytes(3000), "b.png": bytes(3000)}, tmp_path / "a.tar.gz")
    monkeypatch.setattr(trees, "LARGEST_TREE_BYTES", 5000)
    for name in ("a.zip", "a.tar.gz"):
        with pytest.raises(ValueError, match="unpacks to more than 5,000 bytes"):
            list(trees.tree(tmp_path / name).read(["a.png", "b.png"]))
    monkeypatch.setattr(trees, "LARGEST_FILE_BYTES", 2000)
    place(tmp_path / "folder", {"a.png": bytes(3000)})
    for name in ("a.zip", "a.tar.gz", "folder"):
        with pytest.raises(ValueError, match="3,000 bytes.* is no picture"):
            list(trees.tree(tmp_path / name).read(["a.png"]))


def test_a_picture_of_too_many_pixels_is_not_decoded(monkeypatch):
    wide = png(np.zeros((1, 1), np.uint8))
    for side in (9000, 30000):  # below Pillow's own limit and above it
        sides = side.to_bytes(4, "big") * 2
        header = b"IHDR" + sides + wide[24:29]
        forged = wide[:12] + header + zlib.crc32(header).to_bytes(4, "big") + wide[33:]
        with pytest.raises(ValueError, match="wide: .*too many"):
            pictures.decoded(forged, "wide")


def test_damaged_archives_are_said(tmp_path):
    zipped({"a.png": b"pixels" * 100}, tmp_path / "a.zip")
    data = bytearray((tmp_path / "a.zip").read_bytes())
    data[60] ^= 1
    (tmp_path / "flipped.zip").write_bytes(data)
    (tmp_path / "cut.zip").write_bytes(data[:-30])
    with pytest.raises(ValueError, match="'a.png' cannot be unpacked"):
        list(trees.tree(tmp_path / "flipped.zip").read(["a.png"]))
    with pytest.raises(ValueError, match="not a whole zip file"):
        trees.tree(tmp_path / "cut.zip")
    tarred({"a.png": bytes(range(256)) * 200}, tmp_path / "a.tar.gz")
    (tmp_path / "cut.tar.gz").write_bytes((tmp_path / "a.tar.gz").read_bytes()[:-90])
    with pytest.raises(ValueError, match="not a whole tar.gz file"):
        list(trees.tree(tmp_path / "cut.tar.gz").read(["a.png"]))


# Repositories


def git(folder, *step):
    author = ["-c", "user.name=a", "-c", "user.email=a@b.c"]
    done = subprocess.run(["git", "-C", folder, *author, *step], check=True, capture_output=True, text=True)
    return done.stdout.strip()


@pytest.fixture
def repository(tmp_path):
    """A repository with two folders, a link out of it and a hook, and its commit."""
    try:
        subprocess.run(["git", "--version"], check=True, capture_output=True)
    except OSError:
        pytest.skip("no git on this machine")
    folder = tmp_path / "origin"
    place(folder, {"wanted/a.txt": b"a", "other/b.txt": b"b"})
    (folder / "wanted" / "link").symlink_to("/etc/passwd")
    git(folder, "init", "--quiet")
    git(folder, "add", "-A")
    git(folder, "commit", "--quiet", "-m", "first")
    git(folder, "config", "uploadpack.allowFilter", "true")
    git(folder, "config", "uploadpack.allowAnySHA1InWant", "true")
    return folder.as_uri(), git(folder, "rev-parse", "HEAD")


def test_a_repository_is_fetched_at_its_commit_and_its_links_stay_text(repository, tmp_path):
    address, commit = repository
    path = places.cloned("tiny", address, commit, tmp_path / "deep" / "clone")
    assert (path / "wanted" / "a.txt").read_bytes() == b"a" and (path / "other" / "b.txt").exists()
    assert not (path / "wanted" / "link").is_symlink() and git(path, "rev-parse", "HEAD") == commit
    assert sorted(one.name for one in (tmp_path / "deep").iterdir()) == ["clone"]


def test_what_git_says_in_another_code_page_is_told(tmp_path, monkeypatch):
    """As on Windows, whose own words for a failed connection come in its language and code page."""
    (tmp_path / "git").write_text("#!/bin/sh\nprintf 'fatal: Ger\\344t fehlt' >&2\nexit 128\n")
    (tmp_path / "git").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    with pytest.raises(FileNotFoundError, match="could not be fetched .* fatal: Ger.t fehlt"):
        places.cloned("tiny", "https://nowhere.invalid", "0" * 40, tmp_path / "clone")


def test_a_cut_fetch_begins_again_where_read_only_files_stay(repository, tmp_path, monkeypatch):
    """As on Windows, which removes no read-only file, and what git fetches is read-only."""
    address, commit = repository
    step, remove = places._git, os.unlink

    def cut(words):
        if "checkout" in words:
            raise subprocess.CalledProcessError(128, words, stderr="fatal: early EOF")
        step(words)

    def unlink(path, *, dir_fd=None):
        if not os.stat(path, dir_fd=dir_fd, follow_symlinks=False).st_mode & stat.S_IWUSR:
            raise PermissionError(13, "Access is denied", path)
        remove(path, dir_fd=dir_fd)

    monkeypatch.setattr(os, "unlink", unlink)
    with monkeypatch.context() as patch, pytest.raises(FileNotFoundError, match="early EOF"):
        patch.setattr(places, "_git", cut)
        places.cloned("tiny", address, commit, tmp_path / "clone")
    assert not (tmp_path / "clone.part").exists()
    assert (places.cloned("tiny", address, commit, tmp_path / "clone") / "wanted" / "a.txt").exists()


def test_a_repository_with_names_that_a_system_refuses_is_one_zip(tmp_path, repository):
    """Git refuses `git~1` everywhere as it refuses `leaf.jpg?w=300.jpg` on Windows."""
    folder, names = tmp_path / "origin", ["git~1/leaf.jpg?w=300.jpg", "wanted/a.txt"]
    (folder / "wanted" / "link").unlink()
    place(folder, {names[0]: b"leaf"})
    git(folder, "-c", "core.protectNTFS=false", "add", "-A")
    git(folder, "-c", "core.protectNTFS=false", "commit", "--quiet", "-m", "second")
    source = folder.as_uri(), git(folder, "rev-parse", "HEAD")
    with pytest.raises(FileNotFoundError, match="invalid path"):
        places.cloned("tiny", *source, tmp_path / "home" / "clone")
    path = places.cloned("tiny", *source, tmp_path / "home" / "clone", packed=True)
    assert [one.name for one in (tmp_path / "home").iterdir()] == ["clone.zip"]
    assert dict(trees.tree(path).read(names)) == {names[0]: b"leaf", names[1]: b"a"}
    assert places.cloned("tiny", "gone", source[1], tmp_path / "home" / "clone", packed=True) == path
    with pytest.raises(FileNotFoundError, match="git clone --bare gone .* archive .*none.zip"):
        places.cloned("tiny", "gone", source[1], tmp_path / "home" / "none", packed=True)


def test_plantdoc_is_read_from_a_zip(tiny_plantdoc, monkeypatch):
    files, _, home = tiny_plantdoc
    renamed = {name.replace("leaf%201.jpg", "leaf.jpg?w=1.jpg"): content for name, content in files.items()}
    renamed |= {
        name: content.replace(b"leaf%201.jpg", b"leaf.jpg?w=1.jpg")
        for name, content in files.items()
        if name.endswith(".csv")
    }
    place(home / "unpacked" / plantdoc_reader.FOLDER, renamed)
    zipped(renamed, home / f"{plantdoc_reader.FOLDER}.zip")
    monkeypatch.setattr(plantdoc_reader, "PACKED", True)
    found, wanted = (load("plantdoc", size=16, folder=one) for one in (home, home / "unpacked"))
    assert found.fingerprint == wanted.fingerprint


def test_a_part_of_a_repository_is_fetched(repository, tmp_path):
    address, commit = repository
    path = places.cloned("tiny", address, commit, tmp_path / "clone", only=("/wanted/",))
    assert (path / "wanted" / "a.txt").exists() and not (path / "other").exists()


@pytest.mark.parametrize("wrong", ["commit", "address"])
def test_what_cannot_be_fetched_is_said_and_nothing_is_left(repository, tmp_path, wrong):
    address, commit = repository
    if wrong == "commit":
        commit = "0" * 40
    else:
        address += "-not-there"
    with pytest.raises(FileNotFoundError) as caught:
        places.cloned("tiny", address, commit, tmp_path / "clone")
    for needed in (address, commit, "git clone", "git -C", "GPC_DATA", "'digits'"):
        assert needed in str(caught.value)
    assert not (tmp_path / "clone").exists() and not (tmp_path / "clone.part").exists()
