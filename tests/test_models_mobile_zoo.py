"""MnasNet, ShuffleNet, GhostNet and interleaved group convolutions against their references' numbers."""

import functools
import math

import numpy as np
import pytest
from surgery_support import numbers, run

from gpc import count, models
from gpc.layers import GroupedPointwise
from gpc.models.igc import TABLES as IGC

# JAX compiles an initializer for each new shape: one of these takes it half a minute to build. It sees their
# boxes in test_blocks_mobile.py.
big = pytest.mark.tensorflow


@functools.cache
def full(name, **options):
    """The full network, built once for all tests that look at it."""
    return models.build(name, **options)


def last_of(net, prefix):
    """Shape of the map that the last layer of this name's beginning gives."""
    return next(layer for layer in reversed(net.layers) if layer.name.startswith(prefix)).output.shape[1:]


# Trained parameters and multiply-accumulates of convolutions and dense layers at 224×224, both counted in the
# references by running them: pytorchcv 0.0.74 (shufflenet_g1_w1 … g8_w1; its README prints the same
# parameters), torchvision 0.29.2 (shufflenet_v2_x0_5 … x2_0, mnasnet1_0; its documentation prints the same)
# and timm 1.0.31 (ghostnet_050 … 130, semnasnet_100, mnasnet_100). With their weights in these networks, the
# outputs agree to 1e-6 of their size on images of 97×97, where both pad alike.
REFERENCES = {
    "MnasNetA1": [({}, 3_887_038, 311_579_072)],
    "MnasNetB1": [({}, 4_383_312, 314_415_872)],
    "ShuffleNetV1": [
        ({"groups": 1}, 1_531_936, 143_078_976),
        ({"groups": 2}, 1_733_848, 140_836_512),
        ({"groups": 3}, 1_865_728, 137_460_672),
        ({"groups": 4}, 1_968_344, 134_339_776),
        ({"groups": 8}, 2_434_768, 138_365_952),
    ],
    "ShuffleNetV2": [
        ({"width": 0.5}, 1_366_792, 40_476_448),
        ({"width": 1.0}, 2_278_604, 144_907_992),
        ({"width": 1.5}, 3_503_624, 295_759_392),
        ({"width": 2.0}, 7_393_996, 583_253_464),
    ],
    "GhostNet": [
        ({"width": 0.5}, 2_587_292, 42_328_152),
        ({"width": 1.0}, 5_182_508, 141_150_512),
        ({"width": 1.3}, 7_358_820, 227_003_256),
    ],
}
CASES = [(name, *case) for name, cases in REFERENCES.items() for case in cases]


@big
@pytest.mark.parametrize(("name", "options", "trained", "macs"), CASES, ids=str)
def test_full_networks_count_as_their_references(name, options, trained, macs):
    cost = count.cost(full(name, **options))
    assert (cost.trainable, cost.macs, cost.unknown) == (trained, macs, ())


def test_the_papers_figures_are_these_counts_rounded():
    macs = {(name, *options.values()): macs for name, options, _, macs in CASES}
    # Tan et al., 2019, Table 1: 312M; Han et al., 2020, Table 8: 141M.
    assert round(macs["MnasNetA1",] / 1e6) == 312 and round(macs["GhostNet", 1.0] / 1e6) == 141
    # Zhang et al., 2018, Table 1, which leaves the classifier out: four times stage 2's width, 1000 classes.
    widths = {1: 144, 2: 200, 3: 240, 4: 272, 8: 384}
    papers = [round((macs["ShuffleNetV1", g] - 4 * width * 1000) / 1e6) for g, width in widths.items()]
    assert papers == [143, 140, 137, 133, 137]
    # torchvision's `_ops` in 10⁹.
    giga = [macs["ShuffleNetV2", width] / 1e9 for width in (0.5, 1.0, 1.5, 2.0)]
    assert [round(giga[0], 2), *(round(number, 3) for number in giga[1:])] == [0.04, 0.145, 0.296, 0.583]
    assert round(macs["MnasNetB1",] / 1e9, 3) == 0.314


@big
def test_mnasnets_maps_row_by_row():
    net = full("MnasNetA1")
    rows = ("stem", "sep", "mb2", "mb3", "mb4", "mb5", "mb6", "mb7", "head")
    assert [last_of(net, row) for row in rows] == [
        (112, 112, 32), (112, 112, 16), (56, 56, 24), (28, 28, 40), (14, 14, 80), (14, 14, 112),
        (7, 7, 160), (7, 7, 320), (7, 7, 1280),
    ]  # fmt: skip
    kernels = {row: net.get_layer(f"{row}_1_depthwise").kernel_size[0] for row in rows[1:-1]}
    assert [row for row, size in kernels.items() if size == 5] == ["mb3", "mb6"]
    gates = [layer.filters for layer in net.layers if layer.name.endswith("_gate_reduce")]
    assert gates == [6, 10, 10, 20, 28, 28, 40, 40]  # a quarter of what the block reads
    assert net.get_layer("stem_bn").momentum == 0.99 and net.get_layer("top_dropout").rate == 0.2


@big
def test_shufflenets_maps_row_by_row():
    net = full("ShuffleNetV1", groups=8)
    assert [last_of(net, row) for row in ("conv1", "pool1", "stage2", "stage3", "stage4")] == [
        (112, 112, 24), (56, 56, 24), (28, 28, 384), (14, 14, 768), (7, 7, 1536)
    ]  # fmt: skip
    grouped = [layer for layer in net.layers if isinstance(layer, GroupedPointwise)]
    assert len(grouped) == 2 * (4 + 8 + 4) - 1 and {layer.groups for layer in grouped} == {8}
    assert not isinstance(net.get_layer("stage2_1_compress"), GroupedPointwise)
    net = full("ShuffleNetV2", width=1.0)
    assert [last_of(net, row) for row in ("stage2", "stage3", "stage4", "conv5")] == [
        (28, 28, 116), (14, 14, 232), (7, 7, 464), (7, 7, 1024)
    ]  # fmt: skip


@big
def test_ghostnets_maps_row_by_row():
    net = full("GhostNet", width=1.0)
    maps = [last_of(net, f"ghost{number}_") for number in range(1, 17)]
    assert [side for side, _, _ in maps] == [112] + 2 * [56] + 2 * [28] + 6 * [14] + 5 * [7]
    assert [filters for *_, filters in maps] == [16] + 2 * [24] + 2 * [40] + 4 * [80] + 2 * [112] + 5 * [160]
    assert last_of(net, "conv17") == (7, 7, 960) and last_of(net, "fc18") == (1280,)
    assert net.get_layer("top_dropout").rate == 0.2


# Interleaved group convolutions


def kernels(net):
    return sum(math.prod(weight.shape) for weight in net.weights if weight.name == "kernel")


@big
def test_igc_l100m2_has_the_authors_parameters_and_multiply_accumulates():
    """github.com/hellozting/InterleavedGroupConvolutions, README: IGC-L100M2+Ident., 8.61 M and 1.3 · 10⁹."""
    net = models.IGCNet((224, 224, 3), 1000, variant="imagenet")
    assert round(kernels(net) / 1e6, 2) == 8.61
    assert round(count.cost(net).macs / 1e9, 1) == 1.3
    assert [last_of(net, row) for row in ("pool1", "stage1", "stage2", "stage3", "stage4")] == [
        (56, 56, 100), (56, 56, 200), (28, 28, 400), (14, 14, 800), (7, 7, 1600)
    ]  # fmt: skip


def kernels_by_the_table(rows, classes):
    """Kernels of a residual IGC network: 9 · C · F / L + F² / M a convolution, C · F / L a new shortcut."""
    channels = rows[0].filters
    total = 27 * channels
    for row in rows[1:]:
        own = row.filters // row.primary
        for block in range(row.blocks):
            first = row.entry if row.entry and block == 0 else own
            for read, secondary in ((channels, first), (row.filters, own)):
                total += 9 * read * row.filters // row.primary + row.filters**2 // secondary
            total += channels * row.filters // row.primary if channels != row.filters else 0
            channels = row.filters
    return total + channels * classes


@big
@pytest.mark.parametrize("variant", ["small", "full"])
def test_igc_for_cifar_has_the_kernels_its_table_says(variant):
    net = models.IGCNet(variant=variant)
    assert kernels(net) == kernels_by_the_table(IGC["IGCNet"][variant], 10)
    assert [last_of(net, row) for row in ("conv1", "stage1", "stage2", "stage3")] == [
        (32, 32, 48), (32, 32, 48), (16, 16, 96), (8, 8, 192)
    ]  # fmt: skip
    assert all(net.get_layer(f"stage{n}_1_second_primary").groups == 24 for n in (1, 2, 3))


# Small variants and what is refused; tests/test_models_every.py trains, regroups and saves each.


@big
@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("MnasNetA1", {}),
        ("MnasNetB1", {"dropout": 0.0}),
        ("ShuffleNetV1", {"groups": 1}),
        ("ShuffleNetV1", {"groups": 4}),
        ("ShuffleNetV1", {"groups": 8}),
        ("ShuffleNetV2", {"width": 0.5}),
        ("GhostNet", {"width": 0.5}),
        ("IGCNet", {}),
    ],
)
def test_small_variants_read_small_grey_images(name, options):
    net = models.build(name, input_shape=(8, 8, 1), classes=3, variant="small", **options)
    assert net.count_params() < 150_000 and net.name == f"{name.lower()}_small"
    np.testing.assert_allclose(run(net, numbers(2, 8, 8, 1)).sum(-1), 1, rtol=1e-5)


@pytest.mark.parametrize(
    ("name", "options", "says"),
    [
        ("ShuffleNetV1", {"groups": 5}, "groups=5 must be one of 1, 2, 3, 4, 8; nearest that works: 4"),
        ("ShuffleNetV2", {"width": 1.2}, "width=1.2 must be one of 0.5, 1.0, 1.5, 2.0; nearest .*: 1.0"),
        ("ShuffleNetV2", {"width": "1x"}, "width='1x' must be one of 0.5"),
        ("GhostNet", {"width": 0}, "width=0 must be above 0"),
        ("IGCNet", {"variant": "cifar"}, "'cifar' is unknown; it is one of 'full', 'imagenet', 'small'"),
        ("MnasNetA1", {"input_shape": (32, 32)}, "must be .height, width, channels."),
        ("MnasNetB1", {"classes": 0}, "classes=0 must be at least 1"),
    ],
)
def test_what_there_is_not_is_named(name, options, says):
    options = {"input_shape": (8, 8, 3), "classes": 2, "variant": "small", **options}
    with pytest.raises(ValueError, match=says):
        models.build(name, **options)
