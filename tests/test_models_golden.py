"""The published k-networks, to the unit: parameters, trainable parameters and multiply-accumulates."""

import functools
import json
import math
from pathlib import Path

import pytest

from gpc import count, models
from gpc.surgery import regroup

GOLDEN = json.loads((Path(__file__).parent / "golden" / "golden.json").read_text())["models"]
SCHEMES = {"D6": "divisible", "D6v3": "interleaved"}
NAMES = {
    "kEfficientNetB0": "kEfficientNetB0",
    "kEfficientNetB2": "kEfficientNetB2",
    "kMobileNet": "kMobileNet",
    "kMobileNetV3Large": "kMobileNetV3Large",
    "kMobileNetV3Small": "kMobileNetV3Small",
    "two_path_inception_v3": "kInceptionV3",
}
FAITHFUL = ("kEfficientNetB0", "kEfficientNetB2", "kMobileNet", "kInceptionV3")


def options(row):
    """A golden row's options for `models.build`, None where it is of another scheme or has two paths."""
    family, _, width = row["ktype"].partition("_")
    name = NAMES.get(row["model"])
    if (
        name is None
        or (family not in SCHEMES and family != "k0")
        or (name == "kInceptionV3" and row["variant"] != "single path")
    ):
        return None
    found = {"name": name, "input_shape": tuple(row["input_shape"]), "classes": row["classes"]}
    found["channels_per_group"] = int(width.removesuffix("ch")) if width else None
    found["scheme"] = SCHEMES.get(family, "interleaved")
    if row["variant"].startswith("skip_stride_cnt="):
        found["skip_stride_cnt"] = int(row["variant"].split("=")[1])
    return found | ({"faithful": True} if name in FAITHFUL else {})


def trainable(net):
    return sum(math.prod(weight.shape) for weight in net.trainable_weights)


def shown(row):
    return f"{row['model']}-{row['ktype']}-{row['input_shape'][0]}-{row['variant'].rpartition('=')[2]}"


@functools.lru_cache(maxsize=2)
def dense(**chosen):
    """The network with every pointwise layer dense; rows that differ only in grouping share it."""
    return models.build(channels_per_group=None, **chosen)


ROWS = [row for row in GOLDEN if options(row)]
ROWS.sort(key=lambda row: (row["model"], row["input_shape"], row["variant"]))
# Counts know no backend: all rows are built on TensorFlow, which is fastest at it, MobileNet's on every one.
MARKED = [
    pytest.param(row, id=shown(row), marks=() if row["model"] == "kMobileNet" else pytest.mark.tensorflow)
    for row in ROWS
]


def test_the_rows_are_those_of_the_file():
    assert len(ROWS) == 55 and len({shown(row) for row in ROWS}) == len(ROWS)


def counts(chosen):
    """Parameters, trainable ones and MACs of a k-network, grouped from the shared dense one."""
    width, scheme = chosen.pop("channels_per_group"), chosen.pop("scheme")
    net = dense(**chosen)
    if not width:
        return net.count_params(), trainable(net), count.cost(net).macs
    report = regroup(net, width, scheme=scheme).report
    return report.parameters_after, report.trainable_after, report.macs_after


@pytest.mark.parametrize("row", MARKED)
def test_the_published_counts(row):
    chosen = options(row)
    if chosen["name"] == "kInceptionV3":  # which layers its constructor leaves dense is part of the count
        net = models.build(**chosen)
        found = (net.count_params(), trainable(net), count.cost(net).macs)
    else:
        found = counts(chosen)
    assert found == (row["params"], row["trainable_params"], row["macs"])


@pytest.mark.parametrize("scheme", ["interleaved", "divisible"])
def test_the_constructors_group_as_the_rows_above_do(scheme):
    chosen = {"input_shape": (32, 32, 3), "classes": 10, "skip_stride_cnt": 3, "faithful": True}
    net = models.kMobileNet(channels_per_group=32, scheme=scheme, **chosen)
    expected = regroup(dense(name="kMobileNet", **chosen), 32, scheme=scheme).report
    assert (net.count_params(), trainable(net), count.cost(net).macs) == (
        expected.parameters_after,
        expected.trainable_after,
        expected.macs_after,
    )
