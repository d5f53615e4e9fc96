"""PlantVillage: 38 classes of healthy and ill leaves, each photographed on a table, several times over.

Source: D. Hughes, M. Salathé, An open access repository of images on plant health, 2015 (arXiv:1511.08060);
S. Mohanty, D. Hughes, M. Salathé, Using Deep Learning for Image-Based Plant Disease Detection, 2016, whose
repository has the pictures in colour and segmented and says which are of one leaf; G. Geetharamani,
J. Arun Pandian, 2019, whose archive at Mendeley Data has the pictures in colour under new names.
"""

import json

import numpy as np

from gpc.data.dataset import Split
from gpc.data.real import places, trees
from gpc.data.real.album import Album
from gpc.data.real.pets import chosen_classes
from gpc.data.real.pictures import complete, decoded, each, squared
from gpc.data.real.sources import PLANTVILLAGE_MENDELEY
from gpc.data.real.store import kept

FOLDER = "PlantVillage-Dataset"
PAGE = "https://github.com/spMohanty/PlantVillage-Dataset"
COMMIT = "40789680ba2e6382608dba47b397688fcbd0d04a"
LEAVES = "leaf-map.json"
MENDELEY_FOLDER, MENDELEY_INSIDE = "plantvillage", "Plant_leave_diseases_dataset_without_augmentation"
MENDELEY_PAGE = "https://data.mendeley.com/datasets/tywbtsjrjv/1"
LICENCE = {"mendeley": "CC0 1.0", "color": "CC BY-SA 3.0", "segmented": "CC BY-SA 3.0"}
SIZE = 128
PARTS = (65, 15, 20)
SPLITS = ("leaf", "image")
TOLERANCE = 2  # pictures by which counts of a class differ between publications

# Pictures a class, in color: data/dataset.md of xml94/MAE_plant_disease, 54,305 in all. The paper and its
# repository say 54,306.
COUNTS = {
    "Apple___Apple_scab": 630,
    "Apple___Black_rot": 621,
    "Apple___Cedar_apple_rust": 275,
    "Apple___healthy": 1645,
    "Blueberry___healthy": 1502,
    "Cherry___Powdery_mildew": 1052,
    "Cherry___healthy": 854,
    "Corn___Cercospora_leaf_spot Gray_leaf_spot": 513,
    "Corn___Common_rust": 1192,
    "Corn___Northern_Leaf_Blight": 985,
    "Corn___healthy": 1162,
    "Grape___Black_rot": 1180,
    "Grape___Esca_(Black_Measles)": 1383,
    "Grape___Leaf_blight_(Isariopsis_Leaf_Spot)": 1076,
    "Grape___healthy": 423,
    "Orange___Haunglongbing_(Citrus_greening)": 5507,
    "Peach___Bacterial_spot": 2297,
    "Peach___healthy": 360,
    "Pepper,_bell___Bacterial_spot": 997,
    "Pepper,_bell___healthy": 1478,
    "Potato___Early_blight": 1000,
    "Potato___Late_blight": 1000,
    "Potato___healthy": 152,
    "Raspberry___healthy": 371,
    "Soybean___healthy": 5090,
    "Squash___Powdery_mildew": 1835,
    "Strawberry___Leaf_scorch": 1109,
    "Strawberry___healthy": 456,
    "Tomato___Bacterial_spot": 2127,
    "Tomato___Early_blight": 1000,
    "Tomato___Late_blight": 1909,
    "Tomato___Leaf_Mold": 952,
    "Tomato___Septoria_leaf_spot": 1771,
    "Tomato___Spider_mites Two-spotted_spider_mite": 1676,
    "Tomato___Target_Spot": 1404,
    "Tomato___Tomato_Yellow_Leaf_Curl_Virus": 5357,
    "Tomato___Tomato_mosaic_virus": 373,
    "Tomato___healthy": 1591,
}


def read(home, *, size=SIZE, variant="color", split=None, classes=None, say=None):
    """The album of one variant, or of the classes in `classes` alone.

    variant   "color" or "segmented" (the leaf on black) of the 2016 repository; "mendeley", in colour, one
              archive with a published sum
    split     "leaf": no leaf has pictures in two splits (the default; not for "mendeley", whose file names no
              longer say which leaf it was); "image": picture by picture

    Raises ValueError for a class whose count is not the published one, FileNotFoundError where the set can
    neither be found nor fetched.
    """
    split = split or ("image" if variant == "mendeley" else "leaf")
    _check(variant, split)
    tree, top = _tree(home, variant, say)
    chosen = chosen_classes(classes, tuple(COUNTS), "plantvillage")
    names = _pictures(tree, top, chosen)
    rows = [(name, label) for label, one in enumerate(chosen) for name in names[one]]
    groups = _leaves(tree, rows, chosen) if split == "leaf" else None
    depends = (size, variant, rows, tree.stamp(top))
    arrays = kept(home, f"plantvillage-{variant}", depends, lambda: _decoded(tree, rows, size))
    pool = Split(arrays["images"], np.array([label for _, label in rows], np.int64), groups=groups)
    usual = split == ("image" if variant == "mendeley" else "leaf")
    name = f"plantvillage{'' if variant == 'color' else '_' + variant}{'' if usual else '_images'}"
    page = MENDELEY_PAGE if variant == "mendeley" else PAGE
    return Album(name, pool, chosen, page, LICENCE[variant], PARTS, whole=len(chosen) == len(COUNTS))


def _check(variant, split):
    if variant not in LICENCE:
        raise ValueError(f"variant={variant!r} must be one of {', '.join(map(repr, LICENCE))}")
    if split not in SPLITS:
        raise ValueError(f"split={split!r} must be one of {', '.join(map(repr, SPLITS))}")
    if variant == "mendeley" and split == "leaf":
        raise ValueError(
            "split='leaf' cannot be had for variant='mendeley': its files were renamed, and no longer say "
            "which leaf they show; nearest that works: variant='color'"
        )


def _tree(home, variant, say):
    """What holds the pictures, and the folder in it that holds a folder for each class."""
    if variant == "mendeley":
        folder = home / MENDELEY_FOLDER
        found = places.archived("plantvillage", PLANTVILLAGE_MENDELEY, folder, MENDELEY_INSIDE, say=say)
        return trees.tree(folder if found.is_dir() else found), MENDELEY_INSIDE
    top = f"raw/{variant}"
    path = home / FOLDER
    if path.is_dir() and not (path / top).is_dir():
        all_of_it = f"git -C {path} sparse-checkout disable"
        raise ValueError(f"{path}: holds no {top}/; `{all_of_it}` fetches everything")
    return trees.tree(places.cloned("plantvillage", PAGE, COMMIT, path, only=(f"/{top}/", f"/{LEAVES}"))), top


def canonical(folder):
    """The class that a folder of either source stands for.

    >>> canonical("Corn_(maize)___Common_rust_")
    'Corn___Common_rust'
    """
    return folder.replace("_(including_sour)", "").replace("_(maize)", "").rstrip("_")


def _pictures(tree, top, chosen):
    """{class: its pictures' names}, each class with as many as published, or nearly."""
    found = {one: [] for one in chosen}
    for name in tree.names(top):
        where, _, file = name.removeprefix(f"{top}/").rpartition("/")
        if canonical(where) in found and file.lower().endswith((".jpg", ".jpeg", ".png")):
            found[canonical(where)].append(name)
    for one, names in found.items():
        if abs(len(names) - COUNTS[one]) > TOLERANCE:
            raise ValueError(
                f"{tree.path}: {top}/ has {len(names):,} pictures of {one!r}, published are {COUNTS[one]:,}; "
                "a folder that holds some of the classes is read with classes=(…)"
            )
    return found


def _leaves(tree, rows, chosen):
    """int64 (N,): a number for each leaf, as the repository's map knows it; unknown pictures stand alone."""
    held = dict(tree.read([LEAVES]))
    complete(tree.path, held, [LEAVES], instead="; without it, split='image'")
    try:
        known = json.loads(held[LEAVES])
    except ValueError as error:
        raise ValueError(f"{tree.path / LEAVES}: not JSON ({error})") from None
    if not isinstance(known, dict) or not all(isinstance(value, list) for value in known.values()):
        raise ValueError(f"{tree.path / LEAVES}: not a map from pictures to lists of leaves")
    leaves = [leaf(name, chosen[label], known) for name, label in rows]
    numbers = {one: number for number, one in enumerate(dict.fromkeys(leaves))}
    return np.array([numbers[one] for one in leaves], np.int64)


def leaf(name, label, known):
    """The leaf a picture shows: its entry in the map, the one of its class if there are more, else its name.

    >>> leaf("raw/color/x/0123___RS_HL 7.JPG", "Tomato___healthy", {"rs_hl 7": ["Tomato___healthy:::2.0"]})
    'Tomato___healthy:::2.0'
    """
    key = name.rpartition("/")[2].rpartition(".")[0].rpartition("___")[2].removesuffix("_final_masked")
    entries = known.get(key.lower().strip(), [])
    entries = entries if len(entries) == 1 else [one for one in entries if canonical(one).startswith(label)]
    return str(entries[0]) if entries else name


def _decoded(tree, rows, size):
    place = {name: index for index, (name, _) in enumerate(rows)}
    images = np.empty((len(rows), size, size, 3), np.uint8)
    found = []

    def picture(name, data):
        images[place[name]] = squared(decoded(data, name), size)
        found.append(name)

    each(tree.read(place), picture)
    complete(tree.path, found, place)
    return {"images": images}
