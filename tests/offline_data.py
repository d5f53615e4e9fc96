"""Real copies of the data sets on this machine, laid out as their official files, for the tests that read them.

The folder is the one GPC_OFFLINE_DATA names, else `../shared/data` beside the repository. It has a loader of
its own, `offline_data.py`; what it holds is laid out here under a temporary folder, and nothing enters the
repository. A test that needs what is not there is skipped, and says so.
"""

import csv
import importlib.util
import io
import os
import zipfile
from pathlib import Path

import cv2
import numpy as np
import pytest
from data_trees import place, png

ROOT = Path(__file__).resolve().parents[1]
PETS_BREEDS = 37


def offline(name):
    """The path of this file in the offline folder; skips the test where it is not."""
    folder = Path(os.environ.get("GPC_OFFLINE_DATA") or ROOT.parent / "shared" / "data")
    if not (folder / name).exists():
        pytest.skip(f"no real {name} in {folder}; GPC_OFFLINE_DATA names another folder")
    return folder / name


def packed(name):
    """(zip, the rows of its manifest) of one of the offline archives."""
    archive = zipfile.ZipFile(offline(name))
    return archive, list(csv.DictReader(io.StringIO(archive.read("manifest.csv").decode())))


def cifar10(home):
    """The six official pickles of CIFAR-10 under `home`, rebuilt byte for byte."""
    _loader("cifar10/cifar10_lossless.zip").rebuild_cifar(home, offline("."))
    return home


def cifar100(home):
    """`test` and `meta` of CIFAR-100, byte for byte, and the training images that are here: (files, images)."""
    module = _loader("cifar100/cifar100_lossless_1of3.zip")
    info, members, extra = module._cifar_parts(offline("cifar100"), ["cifar100_lossless_1of3.zip"])
    start, end, strips = members["test"]
    planes = module._pixels(strips, info["members"]["test"]["n"]).transpose(0, 3, 1, 2)
    files = {"test": start + planes.tobytes() + end, "meta": extra["meta"]}
    return files, module._pixels(members["train"][2], info["members"]["train"]["n"])


def _loader(needed):
    path = offline(needed).parents[1] / "offline_data.py"
    found = importlib.util.spec_from_file_location("offline_loader", path)
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return module


def pets(home):
    """Three breeds of Oxford-IIIT Pet in the official layout; the lists' other lines name breeds not here."""
    archive, rows = packed("oxford-pets-3breeds/oxford_pets_3breeds_224.zip")
    files, lists = {}, {"trainval": [], "test": []}
    for row in rows:
        name = Path(row["image"]).stem
        files[f"images/{name}.jpg"] = archive.read(row["image"])
        files[f"annotations/trimaps/{name}.png"] = archive.read(row["trimap"])
        lists[row["split"]].append(f"{name} {row['oxford_class_id']} 1 1")
    here = {int(row["oxford_class_id"]) for row in rows}
    others = [label for label in range(1, PETS_BREEDS + 1) if label not in here]
    for (part, lines), count, start in zip(lists.items(), (3680, 3669), (0, 1000)):
        for number in range(count - len(lines)):
            label = others[number % len(others)]
            tag = chr(96 + label % 26 + 1) + chr(97 + label // 26)
            lines.append(f"absent_{tag}_{start + number} {label} 1 1")
        files[f"annotations/{part}.txt"] = "".join(f"{line}\n" for line in lines).encode()
    place(home / "oxford-iiit-pet", files)
    return rows


def nuclei(home, every=6):
    """Every sixth picture of the 2018 Data Science Bowl at 128×128, a mask a connected part of its mask."""
    archive, rows = packed("dsb2018-nuclei/dsb2018_128.zip")
    for row in (rows := rows[::every]):
        picture, mask = (
            cv2.imdecode(np.frombuffer(archive.read(f"{what}/{row['id']}.png"), np.uint8), flag)
            for what, flag in (("images", cv2.IMREAD_COLOR), ("masks", cv2.IMREAD_GRAYSCALE))
        )
        _, parts = cv2.connectedComponents(mask)
        case = row["source_id"]
        numbers = range(1, parts.max() + 1)
        masks = {f"{case}/masks/{n:05d}.png": png((parts == n).astype(np.uint8) * 255) for n in numbers}
        masks = masks or {f"{case}/masks/none.png": png(np.zeros_like(mask))}
        files = {f"{case}/images/{case}.png": png(picture[..., ::-1].copy()), **masks}
        place(home / "BBBC038" / "stage1_train", files)
    return rows


def plantvillage(home):
    """The segmented apple leaves, at 128×128, in the layout of the 2016 repository."""
    archive, rows = packed("plantvillage-apple/plantvillage_apple_128.zip")
    for row in rows:
        path = f"raw/segmented/{row['class']}/{row['source_file']}"
        place(home / "PlantVillage-Dataset", {path: archive.read(row["file"])})
    return rows
