"""Folding for inference, each time against the original: kinds of layers, what must stay, whole networks."""

import keras
import numpy as np
import pytest
from keras import layers, ops
from surgery_support import chain, conv_bn_relu, numbers, reloaded, run

from gpc import models
from gpc.layers import ChannelShuffle, GroupedPointwise, InterleavedPointwise
from gpc.surgery import FoldRow, fold, regroup
from gpc.surgery.fold import linear
from gpc.wiring import grouping


def stirred(model, seed=0):
    """The model with kernels, biases and statistics drawn anew, as if trained: no two channels alike."""
    random = np.random.default_rng(seed)
    for weight in model.weights:
        drawn = random.normal(size=weight.shape) * (0.1 + 0.5 / max(weight.shape, default=1) ** 0.5)
        positive = any(part in weight.path for part in ("variance", "gamma"))
        if "seed" not in weight.path:
            weight.assign(random.uniform(0.5, 1.5, weight.shape) if positive else drawn)
    return model


def folded(model, x=None):
    """(folded model, report), after its outputs have been found equal to 1e-5 of the largest."""
    x = numbers(2, *model.input_shape[1:]) if x is None else x
    wanted = run(stirred(model), x)
    new, report = fold(model)
    assert np.abs(wanted).max() > 0.01
    assert np.abs(run(new, x) - wanted).max() <= 1e-5 * np.abs(wanted).max()
    assert np.array_equal(run(model, x), wanted)
    return new, report


def kinds(model):
    """The classes of all layers and bare operations behind the input."""
    return [type(operation).__name__ for operation in model.operations[1:]]


IMAGE, LINE = (6, 6, 8), (6, 8)


# Compiled one by one, as JAX does it, these take a minute; the arithmetic behind them is NumPy.
@pytest.mark.tensorflow
@pytest.mark.parametrize(
    ("shape", "layer"),
    [
        (IMAGE, layers.Conv2D(5, 3, strides=2, padding="same")),
        (IMAGE, layers.Conv2D(6, 1, use_bias=False)),
        (IMAGE, layers.DepthwiseConv2D(3, depth_multiplier=2)),
        (IMAGE, layers.SeparableConv2D(5, 3, depth_multiplier=2, use_bias=False)),
        (IMAGE, layers.Conv2DTranspose(5, 3, strides=2)),
        (IMAGE, layers.Dense(5)),
        (IMAGE, GroupedPointwise(7, 3, strides=2, interleave=3, use_bias=False)),
        (IMAGE, GroupedPointwise(8, groups=4)),
        (LINE, layers.Conv1D(5, 3)),
        (LINE, layers.DepthwiseConv1D(3)),
        (LINE, layers.SeparableConv1D(5, 3)),
        ((8,), layers.Dense(5, use_bias=False)),
        ((4, 4, 4, 2), layers.Conv3D(3, 2)),
    ],
    ids=lambda value: getattr(value, "name", None),
)
def test_a_batch_norm_goes_into_the_weights_in_front_of_it(shape, layer):
    layer = layer.from_config(layer.get_config())
    model = chain(shape, layer, layers.BatchNormalization(epsilon=0.1), layers.ReLU())
    new, report = folded(model)
    assert isinstance(new.layers[1], type(layer)) and len(kinds(new)) == 1
    assert new.layers[1].activation is keras.activations.relu
    assert report.of("folded")[0].reason.startswith("with batch_normalization")
    assert (report.layers_before, report.layers_after) == (3, 1)


@pytest.mark.parametrize("options", [{"scale": False}, {"center": False}, {"scale": False, "center": False}])
def test_two_norms_with_and_without_scale_and_shift(options):
    norms = layers.BatchNormalization(**options), layers.BatchNormalization()
    assert kinds(folded(chain(IMAGE, layers.Conv2D(5, 3), *norms))[0]) == ["Conv2D"]


@pytest.mark.tensorflow  # JAX and PyTorch take channels first as well, but one backend shows the axes
def test_channels_first():
    steps = (
        GroupedPointwise(12, 4, data_format="channels_first"),
        layers.BatchNormalization(axis=1),
        ChannelShuffle(3, data_format="channels_first"),
        GroupedPointwise(6, 4, data_format="channels_first"),
        layers.BatchNormalization(axis=2),
    )
    new, report = folded(chain((8, 4, 3), *steps))
    assert kinds(new) == ["GroupedPointwise", "GroupedPointwise", "BatchNormalization"]
    assert "behind" in report.of("left")[0].reason


def test_what_only_training_needs_is_dropped():
    steps = (layers.GaussianNoise(0.1), layers.RandomFlip(), layers.Conv2D(4, 1), layers.Dropout(0.5),
             layers.BatchNormalization(), layers.SpatialDropout2D(0.5), layers.Activation("swish"),
             layers.Activation("linear"), layers.Identity())  # fmt: skip
    new, report = folded(chain(IMAGE, *steps))
    assert kinds(new) == ["Conv2D"] and new.layers[1].activation is keras.activations.silu
    assert len(report.of("dropped")) == 4
    assert report.of("folded")[0].reason.count(",") == 3


def test_activations_that_a_layer_can_take_and_those_it_cannot():
    for activation, kept in [
        (layers.ReLU(6.0), []),
        (layers.ReLU(3.0), ["ReLU"]),
        (layers.ReLU(negative_slope=0.1), ["ReLU"]),
        (layers.LeakyReLU(), ["LeakyReLU"]),
        (layers.Softmax(), ["Softmax"]),
        (ops.tanh, ["Tanh"]),
    ]:
        new, _ = folded(chain(IMAGE, layers.Conv2D(4, 1), layers.BatchNormalization(), activation))
        assert kinds(new) == ["Conv2D", *kept]


def test_what_must_stay_stays_and_says_why():
    x = keras.Input(IMAGE)
    shared = layers.Conv2D(8, 1, name="shared")
    twice = layers.BatchNormalization(name="n1")(shared(x)), layers.BatchNormalization(name="n2")(shared(x))
    read = layers.Conv2D(8, 1, name="read")(x)
    after = layers.BatchNormalization(name="n3")(read)
    total = layers.BatchNormalization(name="n4")(layers.Add(name="sum")([*twice, read, after]))
    active = layers.Conv2D(8, 1, activation="relu", name="active")(total)
    active = layers.BatchNormalization(name="n5")(active)
    mixed = layers.DepthwiseConv2D(3, name="depth")(ChannelShuffle(2, name="mix")(active))
    inside = InterleavedPointwise(8, 2, normalization="batch", name="inside")(mixed)
    trained = layers.BatchNormalization(name="n6")(layers.Conv2D(4, 1, name="last")(inside), training=True)
    _, report = fold(keras.Model(x, trained))
    assert {row.layer: row.reason for row in report.of("left")} == {
        "n1": "shared (Conv2D) is called several times",
        "n2": "shared (Conv2D) is called several times",
        "n3": "behind read (Conv2D), whose weights can't take it",
        "n4": "behind sum (Add), whose weights can't take it",
        "n5": "behind active (Conv2D), whose weights can't take it",
        "mix": "read by depth (DepthwiseConv2D), which can't read in another order",
        "inside": "its batch norms are inside it",
        "n6": "called with training=True",
    }


def test_an_activation_in_another_precision_stays_in_it():
    half = layers.Conv2D(4, 1, dtype="mixed_bfloat16")
    new, _ = fold(chain(IMAGE, half, layers.Activation("sigmoid", dtype="float32")))
    assert kinds(new) == ["Conv2D", "Activation"] and run(new, numbers(1, *IMAGE)).dtype == "float32"


@pytest.mark.parametrize(
    "reader",
    [
        GroupedPointwise(8, 4),
        GroupedPointwise(8, 2, activation="relu"),
        layers.Conv2D(5, 3, activation="relu"),
        layers.Dense(5),
    ],
    ids=lambda layer: type(layer).__name__,
)
@pytest.mark.parametrize("shuffle", [{"groups": 2}, {"step": 3}])
def test_a_shuffle_becomes_how_the_next_layer_reads(shuffle, reader):
    reader = reader.from_config(reader.get_config())
    new, report = folded(chain(IMAGE, ChannelShuffle(**shuffle), reader, layers.BatchNormalization()))
    active = reader.activation is not keras.activations.linear
    assert kinds(new) == [type(reader).__name__, *["BatchNormalization"] * active]
    assert "channel_shuffle" in report.of("folded")[0].reason


def linear_pair(filters, shape, **options):
    """A projection without activation, regrouped: K, batch norm, interleaving, L, batch norm, sum."""
    steps = (
        layers.Conv2D(filters, 1, use_bias=False, name="p", **options),
        layers.BatchNormalization(name="n"),
    )
    return regroup(chain(shape, *steps, layers.AveragePooling2D(1), layers.Conv2D(2, 1, name="end")), 4).model


def test_a_linear_pair_is_one_matrix_where_that_pays(monkeypatch):
    monkeypatch.setattr(GroupedPointwise, "chosen", lambda layer, shape: "block_diagonal")
    model = linear_pair(10, (3, 3, 18), strides=2)
    assert {"p_k", "p_interleave", "p_l", "p_add"} < {layer.name for layer in model.layers}
    new, report = folded(model)
    dense = new.get_layer("p_kl")
    assert kinds(new)[:2] == ["GroupedPointwise", "AveragePooling2D"] and dense.kernel.shape == (1, 1, 18, 10)
    assert report.of("merged")[0].reason.startswith("p_k and p_l are one matrix: 180 multiply-accumulates")


def test_a_linear_pair_that_is_quicker_as_two_stays_two(monkeypatch):
    monkeypatch.setattr(GroupedPointwise, "chosen", lambda layer, shape: "batched")
    new, report = folded(linear_pair(40, (3, 3, 96)))
    assert kinds(new)[:3] == ["GroupedPointwise", "GroupedPointwise", "Add"]
    assert new.get_layer("p_l").interleave == 10
    assert "3,840 multiply-accumulates a pixel instead of 320" in report.of("left")[0].reason


def test_a_pair_with_activations_between_stays():
    new, report = folded(regroup(chain((3, 3, 18), *conv_bn_relu(10), layers.Conv2D(2, 1)), 4).model)
    assert kinds(new)[:3] == ["GroupedPointwise", "GroupedPointwise", "Add"] and not report.of("merged")


def test_the_dense_matrix_is_the_papers():
    from surgery_support import dense_twin

    one = grouping(10, 7, channels_per_group=3)
    kernel = numbers(1, 1, one.channels_per_group, 7)
    np.testing.assert_allclose(linear.dense(kernel, one), dense_twin(kernel, one), rtol=1e-6)


def test_models_in_models_and_models_in_training():
    inner = chain(IMAGE, *conv_bn_relu(8, name="a"), name="inner")
    sequential = keras.Sequential([keras.Input(IMAGE), *conv_bn_relu(8, name="b")], name="sequential")
    x = keras.Input(IMAGE)
    model = keras.Model(x, sequential(inner(inner(x))))
    new, report = folded(model)
    assert [row.layer for row in report.of("folded")] == ["inner/a", "sequential/b"]
    assert new.get_layer("inner").layers[1].use_bias and (report.layers_before, report.layers_after) == (6, 2)
    trained = chain(IMAGE, *conv_bn_relu(8, name="c"), name="trained")
    _, report = fold(keras.Model(x, trained(x, training=True)))
    assert report.rows[0] == FoldRow(
        "trained/c_bn", "BatchNormalization", "left", "in a model that is called with training=True"
    )


def test_a_folded_model_is_saved_and_the_report_is_shown(tmp_path):
    model = chain(IMAGE, *conv_bn_relu(8), layers.Dropout(0.5), layers.GlobalAveragePooling2D())
    new, report = folded(model)
    x = numbers(2, *IMAGE)
    np.testing.assert_array_equal(run(reloaded(new, tmp_path), x), run(new, x))
    assert new.name == "net_folded" and new.count_params() == report.parameters_after
    lines = str(report).splitlines()
    assert lines[0].startswith("net: 1 folded, 1 dropped; layers 5 → 2") and "MACs 2,304 → 2,304" in lines[0]
    assert any("with point_bn, point_relu" in line for line in lines)
    assert "<caption><span>net: 1 folded" in report._repr_html_() and "dropped</td>" in report._repr_html_()


@pytest.mark.tensorflow  # the same graphs everywhere, and JAX takes minutes to build them
@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("kEfficientNetB0", {"skip_stride_cnt": 3}),
        ("kMobileNet", {}),
        ("kMobileNet", {"scheme": "divisible"}),
        ("kMobileNetV3Small", {}),
        ("kInceptionV3", {"input_shape": (43, 43, 3), "two_paths_first_block": True, "max_mix_idx": 3}),
    ],
)
def test_whole_networks(name, options):
    """Up to the classifier's softmax, which would hide what is wrong."""
    options = {"input_shape": (32, 32, 3)} | options
    model = models.build(name, classes=10, **options)
    last = next(layer for layer in reversed(model.layers) if getattr(layer, "activation", None))
    last.activation = keras.activations.linear
    x = np.random.default_rng(0).uniform(0, 1, (2, *options["input_shape"])).astype("float32")
    new, report = folded(model, x)
    assert report.layers_after < 0.65 * report.layers_before
    assert not any(isinstance(layer, (layers.BatchNormalization, layers.Dropout)) for layer in new.layers)


@pytest.mark.tensorflow
def test_a_k_densenet_keeps_the_norms_that_read_a_concatenation():
    model = models.kDenseNetBC100((8, 8, 3), 10, channels_per_group=12)
    model.layers[-1].activation = keras.activations.linear
    new, _ = folded(model)
    left = [layer.name for layer in new.layers if isinstance(layer, layers.BatchNormalization)]
    assert "dense2_3_1x1_bn" in left and not any(name.endswith(("_k_bn", "_l_bn")) for name in left)


@pytest.mark.tensorflow  # Keras quantizes alike everywhere
@pytest.mark.filterwarnings("ignore:Layer .* does not have a `quantize` method:UserWarning")
@pytest.mark.parametrize("mode", ["float8", "int8"])
def test_a_quantized_layer_keeps_its_weights(mode):
    model = chain((6,), layers.Dense(64), layers.BatchNormalization(), layers.Dropout(0.5), layers.Dense(5))
    x = numbers(2, 6)
    stirred(model).quantize(mode)
    new, _ = fold(model)
    np.testing.assert_allclose(run(new, x), run(model, x), atol=1e-6)
    assert kinds(new) == ["Dense", "BatchNormalization", "Dense"]
