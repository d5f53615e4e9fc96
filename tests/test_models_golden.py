"""The published k-networks, to the unit: parameters, trainable parameters and multiply-accumulates."""

import functools
import json
import math
import re
from pathlib import Path

import pytest

from gpc import count, models
from gpc.surgery import regroup

GOLDEN = json.loads((Path(__file__).parent / "golden" / "golden.json").read_text())["models"]
SCHEMES = {"D6": "divisible", "D6v3": "interleaved", "kT3": "divisible", "kT3v3": "interleaved"}
NAMES = {"two_path_inception_v3": "kInceptionV3", "ksimple_densenet_L100": "kDenseNetBC100"}
BASELINES = {"baseline"}  # cai's dense nets have the counts of k0, the same builder with nothing replaced


def options(row):
    """A golden row's options for `models.build`."""
    family, _, width = row["ktype"].partition("_")
    name = NAMES.get(row["model"], row["model"])
    found = {"name": name, "input_shape": tuple(row["input_shape"]), "classes": row["classes"], "faithful": True}
    found["channels_per_group"] = int(width.removesuffix("ch")) if width else None
    found["scheme"], found["second"] = SCHEMES.get(family, "interleaved"), not family.startswith("kT3")
    return found | variant(row["variant"])


def variant(text):
    """The options that a golden row's variant names."""
    key, _, value = text.partition("=")
    if key == "skip_stride_cnt":
        return {"skip_stride_cnt": int(value)}
    if key == "interleave_at_transition":
        return {"has_interleave_at_transition": value == "True"}
    if text.startswith("full deep"):
        return {"two_paths_first_block": True, "two_paths_second_block": True, "deep_two_paths": True}
    if split := re.fullmatch(r"L(\d+)AB(\d+) first block, max_mix_idx=(\d+)", text):
        light, chroma, last = map(int, split.groups())
        ratios = {"l_ratio": light / 100, "ab_ratio": chroma / 100}
        return {"two_paths_first_block": True, "max_mix_idx": last} | ratios
    assert text in ("", "single path")
    return {}


def trainable(net):
    return sum(math.prod(weight.shape) for weight in net.trainable_weights)


def shown(row):
    text = re.sub(r"[^\w-]+", "_", row["variant"].removeprefix("skip_stride_cnt="))
    return f"{row['model']}-{row['ktype']}-{row['input_shape'][0]}-{text}"


@functools.lru_cache(maxsize=2)
def dense(**chosen):
    """The network with every pointwise layer dense; rows that differ only in grouping share it."""
    return models.build(channels_per_group=None, **chosen)


ROWS = [row for row in GOLDEN if row["ktype"] not in BASELINES]
ROWS.sort(key=lambda row: (row["model"], row["input_shape"], row["variant"]))
# Counts know no backend: all rows are built on TensorFlow, which is fastest at it, MobileNet's on every one.
MARKED = [
    pytest.param(row, id=shown(row), marks=() if row["model"] == "kMobileNet" else pytest.mark.tensorflow)
    for row in ROWS
]


def test_every_row_of_the_file_is_built():
    assert len(ROWS) == 104 and len({shown(row) for row in ROWS}) == len(ROWS)


@pytest.mark.tensorflow
def test_the_files_baselines_have_the_counts_of_the_builders_that_replace_nothing():
    def counts(row):
        return row["params"], row["trainable_params"], row["macs"]

    replaced_nothing = {counts(row) for row in ROWS if row["ktype"] == "k0"}
    left = [row for row in GOLDEN if row["ktype"] in BASELINES and counts(row) not in replaced_nothing]
    assert [row["model"] for row in left] == ["EfficientNetB2", "EfficientNetB4", "EfficientNetB6"]  # k0 only at 32×32
    for row in left:
        net = models.build("k" + row["model"], classes=10, channels_per_group=None, faithful=True)
        assert (net.count_params(), trainable(net), count.cost(net).macs) == counts(row)


def counts(chosen):
    """Parameters, trainable ones and MACs of a k-network, grouped from the shared dense one."""
    width, scheme, second = (chosen.pop(key) for key in ("channels_per_group", "scheme", "second"))
    net = dense(**chosen)
    if not width:
        return net.count_params(), trainable(net), count.cost(net).macs
    report = regroup(net, width, scheme=scheme, second=second).report
    return report.parameters_after, report.trainable_after, report.macs_after


@pytest.mark.parametrize("row", MARKED)
def test_the_published_counts(row):
    chosen = options(row)
    # Which layers kInceptionV3 leaves dense, and that MobileNetV3's momentum changes nothing, is part of the count.
    if chosen["name"] == "kInceptionV3" or chosen["name"].startswith("kMobileNetV3"):
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
