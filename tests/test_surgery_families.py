"""Surgery on the networks of keras.applications: counts, one training step, a file, strides."""

import functools

import keras
import numpy as np
import pytest
from surgery_support import numbers, reloaded, run, train

from gpc import count
from gpc.surgery import regroup, skip_strides, stride_levels

# name: size, parameters, after (16 channels a group, heads and per-pixel dense too), (replaced, with L, kept)
FAMILIES = {
    "EfficientNetB0": (32, 4_062_381, 668_833, (55, 30, 9)),
    "MobileNet": (32, 3_239_114, 265_022, (14, 9, 0)),
    "MobileNetV2": (32, 2_270_794, 334_346, (32, 16, 2)),
    "MobileNetV3Large": (32, 4_239_242, 406_296, (46, 23, 2)),
    "MobileNetV3Small": (32, 1_540_218, 229_078, (38, 19, 4)),
    "ResNet50": (32, 23_608_202, 11_922_762, (36, 16, 0)),
    "ResNet50V2": (32, 23_585_290, 11_896_074, (36, 16, 0)),
    "Xception": (71, 20_881_970, 1_177_202, (38, 28, 0)),
    "InceptionV3": (75, 21_823_274, 14_932_474, (40, 39, 0)),
    "DenseNet121": (32, 7_047_754, 2_615_882, (61, 59, 0)),
    "ConvNeXtTiny": (32, 27_827_818, 2_591_818, (36, 18, 0)),
    "EfficientNetV2B0": (32, 5_932_122, 983_994, (68, 36, 1)),
    "NASNetMobile": (32, 4_280_286, 1_024_110, (172, 172, 23)),
}
# On every backend; the others on TensorFlow, which compiles nothing for a single call.
LIGHT = ("MobileNet",)
# Many layers, no kind that the others lack; sweep_applications.py trains, saves and loads these too.
COUNTED_ONLY = ("NASNetMobile", "EfficientNetV2B0", "ResNet50V2", "MobileNetV3Small")


def marked(names):
    return [
        pytest.param(name, marks=() if name in LIGHT else pytest.mark.tensorflow, id=name) for name in names
    ]


families = marked(FAMILIES)
strided = marked(
    ("EfficientNetB0", "MobileNet", "MobileNetV3Large", "ResNet50", "Xception", "InceptionV3", "ConvNeXtTiny")
)


@functools.lru_cache(maxsize=2)
def network(name):
    """The original, shared by tests that follow each other: surgery leaves it as it is."""
    size = FAMILIES[name][0]
    return getattr(keras.applications, name)(weights=None, input_shape=(size, size, 3), classes=10)


@pytest.mark.parametrize("name", families)
def test_each_family_is_regrouped_trained_saved_and_loaded(name, tmp_path):
    size, before, after, decisions = FAMILIES[name]
    new, report = regroup(network(name), head=True, per_pixel_dense=True)
    assert (report.parameters_before, report.parameters_after) == (before, after)
    assert new.count_params() == after
    assert (
        len(report.replaced),
        sum(row.decision == "K+L" for row in report.rows),
        len(report.kept),
    ) == decisions
    saved = sum(row.macs_before - row.macs_after for row in report.rows)
    assert saved == report.macs_before - report.macs_after > 0 and report.unknown == ()
    if name in COUNTED_ONLY:
        return
    x = numbers(2, size, size, 3)
    assert np.isfinite(train(new, x, np.array([1, 2])))
    np.testing.assert_allclose(run(reloaded(new, tmp_path), x), run(new, x), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", strided)
def test_each_familys_first_strides_are_left_out(name):
    model = network(name)
    levels = stride_levels(model)
    assert levels == ((1, 4, 8, 16) if name == "ConvNeXtTiny" else (1, 2, 4, 8, 16))
    new = skip_strides(model, 2)
    outputs = keras.tree.flatten([layer.output for layer in new.layers])
    sizes = {output.shape[1] for output in outputs if len(output.shape) == 4}
    if FAMILIES[name][0] == 32:
        ends = [*levels, 32]
        assert min(sizes - {1}) == ends[2]  # what is left of 32 pixels, but for layers that pool all
    else:
        assert min(sizes - {1}) == {"Xception": 9, "InceptionV3": 8}[name]
    same = zip(model.get_weights(), new.get_weights(), strict=True)
    assert all(np.array_equal(a, b) for a, b in same)


@pytest.mark.tensorflow
@pytest.mark.parametrize(
    ("width", "trainable"), [(2, 311_994), (4, 354_818), (8, 444_346), (16, 623_226), (32, 950_650)]
)
def test_efficientnet_at_every_width_the_entropy_paper_prints(width, trainable):
    _, report = regroup(network("EfficientNetB0"), width)
    assert report.trainable_after == trainable


@pytest.mark.tensorflow
def test_the_classifiers_of_both_mobilenets_are_convolutions_and_stay():
    for name, classifier, after in (
        ("MobileNet", "conv_preds", 274_122),
        ("MobileNetV3Large", "logits", 417_706),
    ):
        new, report = regroup(network(name))
        kept = [row for row in report.kept if row.reason.startswith("the classifier")]
        assert [row.layer for row in kept] == [classifier] and new.count_params() == after


def test_skipped_and_regrouped_in_either_order_is_the_same_network():
    model = network("MobileNet")
    one = regroup(skip_strides(model, 3)).model
    two = skip_strides(regroup(model).model, 3)
    assert count.cost(one).macs == count.cost(two).macs
    assert one.count_params() == two.count_params() == 274_122
