"""The official layouts in small: a few pictures drawn from a seed, under the names the official sets use."""

import io
import json
import tarfile
import zipfile

import numpy as np
from PIL import Image

BREEDS = ("Abyssinian", "american_bulldog", "Bengal")


def png(array, kind="PNG", **options):
    """The bytes of a picture file with these pixels."""
    out = io.BytesIO()
    Image.fromarray(array).save(out, kind, **options)
    return out.getvalue()


def place(folder, files):
    """Writes {name: bytes} under a folder."""
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


def tarred(files, path):
    """A tar.gz of {name: bytes}."""
    with tarfile.open(path, "w:gz") as tar:
        for name, data in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            tar.addfile(entry, io.BytesIO(data))


def zipped(files, path):
    """A zip of {name: bytes}."""
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)


def blocks(random, height, width, colours=3):
    """A picture of flat 4×4 blocks, so that nearest pixels and JPEG leave its colours where they were."""
    small = random.integers(0, 256, (-(-height // 4), -(-width // 4), colours), dtype=np.uint8)
    return small.repeat(4, 0).repeat(4, 1)[:height, :width]


def pets(trainval=6, test=3, seed=0):
    """(files, {name: (picture, trimap)}): `trainval` + `test` pictures of each breed, sides of 24 and 32."""
    random = np.random.default_rng(seed)
    files, held, lists = {}, {}, {"trainval": [], "test": []}
    for label, breed in enumerate(BREEDS, start=1):
        for number in range(1, trainval + test + 1):
            name = f"{breed}_{number}"
            picture = blocks(random, 32, 24)
            trimap = np.full((32, 24), 2, np.uint8)
            trimap[4:20, 8:20], trimap[8:16, 12:16] = 3, 1
            files[f"images/{name}.jpg"] = png(picture)  # a PNG under this name, as some official files are
            files[f"annotations/trimaps/{name}.png"] = png(trimap)
            held[name] = picture, trimap
            lists["trainval" if number <= trainval else "test"].append(f"{name} {label} 1 {label}")
    for name, lines in lists.items():
        files[f"annotations/{name}.txt"] = "".join(f"{line}\n" for line in lines).encode()
    return files, held


def nuclei(pictures=12, seed=0):
    """(files, {id: (picture, label map)}): fields of 40×48 with three nuclei, dark, bright and coloured."""
    random = np.random.default_rng(seed)
    files, held = {}, {}
    for number in range(pictures):
        case = f"{number:064x}"
        grey = np.full((40, 48, 1), 20 if number % 3 == 0 else 220, np.uint8)
        picture = np.repeat(grey, 3, axis=-1)
        if number % 3 == 2:
            picture[..., 0] = 90
        labels = np.zeros((40, 48), np.uint8)
        for nucleus in range(3):
            top, left = 13 * nucleus + 1, int(random.integers(0, 30))
            labels[top : top + 9, left : left + 12] = nucleus + 1
            mask = (labels == nucleus + 1).astype(np.uint8) * 255
            files[f"{case}/masks/{nucleus:064x}.png"] = png(mask)
        opaque = np.concatenate([picture, np.full((40, 48, 1), 255, np.uint8)], axis=-1)
        files[f"{case}/images/{case}.png"] = png(opaque)
        held[case] = picture, labels
    return files, held


def plantdoc(pictures=40, seed=0):
    """(files, crops): photographs with one to three boxes, of two classes; one picture is there twice."""
    random = np.random.default_rng(seed)
    files, tables, crops = {}, {"train": [], "test": []}, []
    for number in range(pictures):
        part = "test" if number % 5 == 4 else "train"
        name = f"leaf%20{number}.jpg"
        photograph = blocks(random, 60, 80)
        files[f"{part.upper()}/{name}"] = png(photograph)
        for box in range(1 + number % 3):
            left, top = 4 * int(random.integers(0, 8)), 4 * int(random.integers(0, 6))
            row = (name, 80, 60, ("Apple leaf", "grape leaf")[number % 2], left, top, left + 24, top + 28)
            tables[part].append(row)
            crops.append((number, photograph[top : top + 28, left : left + 24]))
    files["TEST/again.jpg"] = files["TRAIN/leaf%200.jpg"]
    tables["test"].append(("again.jpg", 80, 60, "Apple leaf", 4, 4, 40, 40))
    tables["train"].append(("absent.jpg", 80, 60, "Apple leaf", 4, 4, 40, 40))
    tables["train"].append(("leaf%201.jpg", 80, 60, "grape leaf", 7, 9, 7, 30))  # no area
    for part, rows in tables.items():
        lines = ["filename,width,height,class,xmin,ymin,xmax,ymax"]
        lines += [",".join(map(str, row)) for row in rows]
        files[f"{part}_labels.csv"] = "".join(f"{line}\n" for line in lines).encode()
    return files, crops


def plantvillage(leaves=20, top="raw/color", seed=0):
    """Files of two classes in the 2016 repository's layout: two photographs of each leaf, and its map."""
    random = np.random.default_rng(seed)
    files, known = {}, {}
    for folder in ("Apple___healthy", "Corn_(maize)___Common_rust_"):
        for number in range(leaves):
            for shot in range(2):
                tag = f"RS_HL {2 * number + shot} {folder[:3]}"
                name = f"{top}/{folder}/{number:04x}-{shot}___{tag}.JPG"
                files[name] = png(blocks(random, 32, 32), "JPEG", quality=95)
                known[tag.lower()] = [f"{folder}:::{number}.0"]
    files["leaf-map.json"] = json.dumps(known).encode()
    return files
