"""Weights carried from one model to another: what fits is copied, what does not is said."""

import keras
import numpy as np
import pytest
from keras import layers
from surgery_support import chain, conv_bn_relu, numbers, run, same_state, shaken, state

from gpc.surgery import regroup, transfer_weights


def network(classes=3, *, name="net", filters=64):
    """A stem, a tower of pointwise layers as a model inside the model, a head."""
    tower = chain((6, 6, 64), *conv_bn_relu(filters), layers.Conv2D(8, 3, name="spatial"), name="tower")
    stem = layers.Conv2D(64, 3, padding="same", name="stem")
    return chain(
        (6, 6, 3), stem, tower, layers.GlobalAveragePooling2D(), layers.Dense(classes, name="head"), name=name
    )


def by_layer(report):
    return {row.layer: row for row in report.rows}


def weights(model, path):
    for name in path.split("/"):
        model = model.get_layer(name)
    return model.get_weights()


def same_weights(one, other, path):
    return all(map(np.array_equal, weights(one, path), weights(other, path)))


@pytest.mark.tensorflow
def test_the_same_network_takes_everything_and_computes_the_same():
    source, target = shaken(network()), network(name="twin")
    before = state(source)
    report = transfer_weights(source, target)
    x = numbers(2, 6, 6, 3)
    np.testing.assert_array_equal(run(source, x), run(target, x))
    assert report.left == report.unused == () and len(report.complete) == 5
    assert report.copied == report.parameters == target.count_params()
    assert same_state(before, state(source))
    assert report.caption == (
        f"net → twin: {report.copied:,} of {report.copied:,} weights copied (100.0%), 5 layers whole, 0 not"
    )


def test_a_dense_network_gives_a_regrouped_one_all_but_its_pointwise_layers():
    target = regroup(network()).model
    source = shaken(network())
    before = weights(target, "tower/point_k")[0].copy()
    report = transfer_weights(source, target)
    assert [row.layer for row in report.complete] == ["stem", "tower/spatial", "head"]
    assert all(same_weights(source, target, path) for path in ("stem", "tower/spatial", "head"))
    assert {row.reason for row in report.left} == {"no layer of this name there"}
    parts = ("k", "k_bn", "l", "l_bn")
    assert {row.layer for row in report.left} == {f"tower/point_{part}" for part in parts}
    assert report.unused == ("tower/point", "tower/point_bn")
    assert np.array_equal(weights(target, "tower/point_k")[0], before)


def test_a_regrouped_network_gives_one_with_other_classes_all_but_the_head():
    source, target = shaken(regroup(network(3)).model), regroup(network(7)).model
    report = transfer_weights(source, target)
    (head,) = report.left
    assert (head.layer, head.copied, head.parameters, head.weights) == ("head", 0, 8 * 7 + 7, ())
    assert head.reason == "kernel: (8, 3) there, (8, 7) here; bias: (3,) there, (7,) here"
    assert report.unused == ("head",) and "1 layers of net_16ch not used" in report.caption
    x = numbers(2, 6, 6, 3)
    features = [keras.Model(net.input, net.get_layer("head").input) for net in (source, target)]
    np.testing.assert_array_equal(run(features[0], x), run(features[1], x))


@pytest.mark.tensorflow
def test_weight_by_weight_where_only_some_fit():
    steps = (layers.Conv2D(6, 3, use_bias=False, name="c"), layers.Dense(6, name="d"))
    source = shaken(chain((4, 4, 8), *steps))
    target = chain((4, 4, 8), layers.Conv2D(6, 3, name="c"), layers.Dense(5, use_bias=False, name="d"))
    report = transfer_weights(source, target)
    found = by_layer(report)
    assert (found["c"].weights, found["c"].copied) == (("kernel",), 9 * 8 * 6)
    assert found["c"].parameters == 9 * 8 * 6 + 6
    assert found["c"].reason == "bias: none there, (6,) here"
    reason = "kernel: (6, 6) there, (6, 5) here; bias: (6,) there, none here"
    assert found["d"].copied == 0 and found["d"].reason == reason
    assert np.array_equal(weights(source, "c")[0], weights(target, "c")[0])
    assert report.unused == ("d",)


@pytest.mark.tensorflow
def test_the_way_to_a_layer_counts_not_its_name_alone():
    spatial = layers.Conv2D(8, 3, name="spatial")
    source = chain((6, 6, 64), spatial, name="flat")
    deep = chain((6, 6, 64), layers.Conv2D(8, 3, name="spatial"), name="tower")
    report = transfer_weights(source, chain((6, 6, 64), deep))
    assert report.copied == 0 and by_layer(report)["tower/spatial"].reason == "no layer of this name there"


def test_a_shared_layer_is_copied_and_told_once():
    def siamese():
        tower = chain((4, 4, 3), layers.Conv2D(8, 3, name="c"), name="tower")
        a, b = keras.Input((4, 4, 3)), keras.Input((4, 4, 3))
        return keras.Model([a, b], layers.Add()([tower(a), tower(b)]))

    source, target = shaken(siamese()), siamese()
    report = transfer_weights(source, target)
    assert [row.layer for row in report.rows] == ["tower/c"] and same_weights(source, target, "tower/c")


@pytest.mark.tensorflow  # JAX would compile recurrence and attention four times
def test_layers_inside_layers_whatever_their_numbers():
    def sequence(units=4, heads=2, more=False):
        steps = layers.TimeDistributed(layers.Conv2D(8, 2, strides=2), name="each")
        x = layers.Reshape((2, 32))(steps(frames := keras.Input((2, 4, 4, 3))))
        x = layers.Bidirectional(layers.LSTM(units, return_sequences=True), name="ways")(x)
        x = layers.MultiHeadAttention(heads, 4, name="looks", use_bias=not more)(x, x)
        return keras.Model(frames, x)

    source, target = shaken(sequence()), sequence()
    report = transfer_weights(source, target)
    assert report.left == () and report.copied == target.count_params()
    x = numbers(1, 2, 4, 4, 3)
    np.testing.assert_array_equal(run(source, x), run(target, x))

    other = transfer_weights(source, sequence(more=True))
    assert other.left == ()  # attention without bias takes the kernels by the names of the layers inside
    assert set(by_layer(other)["looks"].weights) == {
        f"{part}/kernel" for part in ("query", "key", "value", "attention_output")
    }


@pytest.mark.tensorflow
def test_numbers_of_another_precision_are_converted_and_whole_numbers_are_not_mixed_in():
    source = shaken(chain((4, 4, 8), layers.Conv2D(6, 3, name="c"), layers.Dense(6, name="d")))
    target = chain(
        (4, 4, 8), layers.Conv2D(6, 3, name="c", dtype="bfloat16"), layers.Dense(6, name="d", dtype="float32")
    )
    target.get_layer("d").quantize("int8")
    report = transfer_weights(source, target)
    assert [row.layer for row in report.complete] == ["c"]
    kernel = target.get_layer("c").get_weights()[0].astype("float32")
    np.testing.assert_allclose(kernel, weights(source, "c")[0], rtol=2**-8)
    assert "kernel: float32 there, int8 here" in by_layer(report)["d"].reason


def test_what_a_layer_derives_from_its_weights_follows_them():
    learned = layers.Normalization(name="norm")
    learned.adapt(5 * numbers(20, 4, 4, 8) + 2)
    source = chain((4, 4, 8), learned)
    target = chain((4, 4, 8), layers.Normalization(name="norm"))
    transfer_weights(source, target)
    x = numbers(2, 4, 4, 8)
    np.testing.assert_allclose(run(source, x), run(target, x), rtol=1e-6)
    assert np.abs(run(target, x) - x).max() > 0.1


def test_adapters_are_added_to_a_kernel_without():
    def net():
        steps = layers.Embedding(9, 6, name="e"), layers.EinsumDense("abc,cd->abd", (None, 4), name="q")
        return chain((3,), *steps, layers.Dense(5, name="d"), dtype="int32")

    source, plain, adapted = net(), net(), net()
    for layer in (*source.layers[1:], *adapted.layers[1:]):
        layer.enable_lora(2)
    shaken(source)
    x = np.array([[1, 2, 3]])
    for target in (plain, adapted):
        report = transfer_weights(source, target)
        assert report.left == () and not any(row.reason for row in report.rows)
        np.testing.assert_allclose(run(target, x), run(source, x), rtol=1e-5)


def test_weights_that_the_target_has_no_place_for_are_told():
    def net(**options):
        return chain((4,), layers.BatchNormalization(name="n", **options), layers.Dense(2, name="d"))

    row = by_layer(transfer_weights(net(), net(scale=False)))["n"]
    assert row.copied == row.parameters == 12 and row.reason == "gamma: (4,) there, none here"


def test_training_one_afterwards_leaves_the_other_alone():
    source, target = network(), network()
    transfer_weights(source, target)
    before = state(source)
    target.compile("sgd", "mse")
    target.fit(numbers(4, 6, 6, 3), numbers(4, 3), verbose=0)
    assert same_state(before, state(source)) and not same_weights(source, target, "head")


def test_the_report_as_text_table_and_page():
    report = transfer_weights(network(3), network(7, name="<other>"))
    text = str(report).splitlines()
    assert text[0] == report.caption and text[2].split() == ["layer", "copied", "of", "why", "not"]
    body = (9 * 3 + 1) * 64 + 64 * 64 + 4 * 64 + (9 * 64 + 1) * 8
    assert text[-1].split() == ["whole", "model", f"{body:,}", f"{body + (8 + 1) * 7:,}"]
    assert any(line.startswith("head ") and "(8, 3) there" in line for line in text)
    assert all(len(line) <= 110 for line in text)
    html = report._repr_html_()
    assert html.count('scope="col"') == 4 and html.count('scope="row"') == 6 and "&lt;other&gt;" in html
    assert report.csv().splitlines()[0] == "layer,copied,parameters,weights,reason"


def test_what_is_no_model_or_holds_no_weights_is_named():
    model = network()
    with pytest.raises(TypeError, match="source must be a Keras model; received str: 'net'"):
        transfer_weights("net", model)
    with pytest.raises(ValueError, match="target 'lazy' is not built and holds no weights yet"):
        transfer_weights(model, keras.Sequential([layers.Dense(3)], name="lazy"))
