"""Regrouping models that are easy to get wrong: shared and nested, half precision, layers of one's own."""

import keras
import numpy as np
import pytest
from keras import layers, ops
from surgery_support import (
    arrays,
    chain,
    checked,
    conv_bn_relu,
    numbers,
    run,
    shaken,
    step_towards_zero,
)

from gpc.layers import GroupedPointwise
from gpc.surgery import change_layers, fold, regroup, separate, skip_strides, stride_levels

eager = pytest.mark.tensorflow  # what JAX has no type for, or compiles for many seconds


def decisions(report):
    return {row.layer: row.decision for row in report.rows}


# Models in models


@eager
def test_models_nested_twice_are_replaced_where_they_lie(tmp_path):
    inner = chain((6, 6, 64), *conv_bn_relu(64), name="inner")
    middle = chain((6, 6, 64), inner, *conv_bn_relu(48, name="next"), name="middle")
    new, report = checked(chain((6, 6, 64), middle, layers.Conv2D(3, 3)), tmp_path)
    assert decisions(report) == {"middle/inner/point": "K+L", "middle/next": "K+L"}
    assert "point_k" in [layer.name for layer in new.get_layer("middle").get_layer("inner").layers]


def same(layer):
    return layer


@pytest.mark.filterwarnings("ignore:.*passed an input with a mask:UserWarning")
def test_a_mask_that_enters_a_nested_model():
    inner = chain((4, 6), layers.Dense(4), layers.BatchNormalization(), layers.LSTM(3), name="inner")
    x = keras.Input((4,), dtype="int32")
    embedded = layers.Embedding(9, 6, mask_zero=True)(x)
    model = keras.Model(x, layers.Dense(2)(inner(embedded)))
    ids = np.array([[1, 2, 0, 0], [3, 4, 5, 6]])
    copies = [fold(model)[0], regroup(model)[0], skip_strides(model, 0), separate(model)]
    for new in [*copies, change_layers(model, same)]:
        np.testing.assert_allclose(run(new, ids), run(model, ids), atol=1e-6)
    assert stride_levels(model) == ()


@pytest.mark.parametrize("call", ["list", "dict", "keyword"])
def test_a_nested_model_of_two_inputs_called_in_every_way(call):
    one, two = keras.Input((8, 8, 3), name="second"), keras.Input((4, 4, 3), name="first")
    sizes = [layers.Flatten()(layers.BatchNormalization()(layers.Conv2D(4, 3)(x))) for x in (one, two)]
    inner = keras.Model([one, two], layers.Concatenate()(sizes), name="inner")
    x = [keras.Input((8, 8, 3)), keras.Input((4, 4, 3))]
    ways = {"list": lambda: inner(x), "dict": lambda: inner({"second": x[0], "first": x[1]})}
    model = keras.Model(x, ways.get(call, lambda: inner(inputs=x))())
    data = [numbers(2, 8, 8, 3), numbers(2, 4, 4, 3)]
    for new in (fold(model)[0], skip_strides(model, 0)):
        np.testing.assert_allclose(run(new, data), run(model, data), atol=1e-5)


def test_a_model_shared_by_two_models_costs_what_all_its_calls_cost():
    shared = chain((6, 6, 64), *conv_bn_relu(64), name="shared")
    once = chain((6, 6, 64), shared, layers.Conv2D(64, 3, padding="same"), name="once")
    twice = chain((6, 6, 64), shared, shared, name="twice")
    inputs = keras.Input((6, 6, 64))
    model = keras.Model(inputs, layers.Conv2D(3, 3)(layers.Add()([once(inputs), twice(inputs)])))
    new, report = checked(model)  # Keras loads no model of its own that two others share
    (row,) = report.rows
    assert (row.macs_before, row.macs_after) == (3 * 36 * 64 * 64, 3 * 36 * 2 * 16 * 64)
    first, second = (new.get_layer(name).get_layer("shared") for name in ("once", "twice"))
    assert first is second


def test_a_layer_called_outside_and_inside_a_model_is_one_layer_still():
    point = layers.Conv2D(64, 1, name="point")
    inner, inputs = chain((6, 6, 64), point, layers.ReLU(), name="inner"), keras.Input((6, 6, 64))
    new, report = checked(keras.Model(inputs, layers.Conv2D(3, 3)(inner(point(inputs)))))
    assert report.rows[0].macs_before == 2 * 36 * 64 * 64
    assert new.get_layer("point_k") is new.get_layer("inner").get_layer("point_k")


@eager
def test_models_with_dictionaries_in_and_out_called_on_their_own_outputs(tmp_path):
    a, b = keras.Input((6, 6, 64), name="a"), keras.Input((6, 6, 64), name="b")
    x = layers.Conv2D(64, 1, name="left")(a)
    ends = {"sum": layers.Add()([x, b]), "more": [layers.Conv2D(48, 1, name="right")(x)]}
    inner, inputs = keras.Model({"a": a, "b": b}, ends, name="inner"), keras.Input((6, 6, 64))
    first = inner({"a": inputs, "b": inputs})
    second = inner({"a": first["sum"], "b": inputs})
    outputs = [layers.Conv2D(3, 3)(first["sum"]), {"second": layers.Conv2D(3, 3)(second["more"][0])}]
    new, report = checked(keras.Model(inputs, outputs), tmp_path)
    assert decisions(report) == {"inner/left": "K+L", "inner/right": "K+L"}
    assert step_towards_zero(new, numbers(2, 6, 6, 64))


@eager
def test_a_model_of_any_size_called_at_two_sizes(tmp_path):
    inner, inputs = chain((None, None, 64), *conv_bn_relu(64), name="inner"), keras.Input((6, 6, 64))
    y = inner(layers.MaxPooling2D()(inner(inputs)))
    _, report = checked(keras.Model(inputs, layers.Conv2D(3, 3)(y)), tmp_path)
    assert report.rows[0].macs_before == (36 + 9) * 64 * 64


@eager
def test_inputs_unused_outputs_repeated_and_arguments_by_name(tmp_path):
    inputs, unused = keras.Input((6, 6, 64), name="point_k"), keras.Input((3,), name="unused")
    x = layers.Conv2D(64, 1, name="point")(inputs=inputs)
    x = layers.BatchNormalization(name="norm")(inputs=x, training=False)
    y = chain((6, 6, 64), *conv_bn_relu(48, name="deep"), name="inner")(inputs=x)
    model = keras.Model([inputs, unused], [x, x, {"y": layers.Conv2D(3, 3)(inputs=y)}])
    new, report = checked(model, tmp_path)
    assert set(decisions(report).values()) == {"K+L"}
    assert "point_k_2" in [layer.name for layer in new.layers]  # an input has that name already


@eager
def test_a_residual_loop_over_one_convolution_stays_a_loop(tmp_path):
    steps, inputs = conv_bn_relu(64), keras.Input((4, 4, 64))
    x = inputs
    for _ in range(4):
        y = x
        for step in steps:
            y = step(y)
        x = layers.Add()([x, y])
    new, report = checked(keras.Model(inputs, layers.Conv2D(3, 3)(x)), tmp_path)
    assert len(new.get_layer("point_k")._inbound_nodes) == 4
    assert report.rows[0].macs_after == 4 * 16 * 2 * 16 * 64


# Numbers of other kinds


@eager
@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16", "float64"])
def test_every_precision_is_kept_trained_and_reloaded(policy, tmp_path):
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        inner = chain((4, 4, 64), *conv_bn_relu(64, name="deep"), name="inner")
        model = chain((4, 4, 64), *conv_bn_relu(64), inner, layers.SeparableConv2D(48, 3), layers.Dense(3))
    finally:
        keras.config.set_dtype_policy(before)
    new, report = checked(model, tmp_path)
    assert len(report.replaced) == 3
    grouped = [layer for layer in new.layers if isinstance(layer, GroupedPointwise)]
    assert {layer.dtype_policy.name for layer in grouped} == {policy}
    assert new.output.dtype == model.output.dtype == policy.removeprefix("mixed_")
    assert step_towards_zero(new, numbers(2, 4, 4, 64))


@eager
def test_separable_layers_with_channels_first(tmp_path):
    first = {"data_format": "channels_first"}
    separable = layers.SeparableConv2D(64, 3, strides=2, padding="same", name="s", **first)
    point = layers.Conv2D(48, 1, activation="softmax", name="p", **first)
    slopes = layers.PReLU(shared_axes=[2, 3])
    model = chain((40, 6, 5), separable, layers.BatchNormalization(axis=1), slopes, point)
    new, report = checked(shaken(model), tmp_path, head=True, channels_per_group=8)
    assert decisions(report) == {"s": "K", "p": "K+L"} and new.output_shape == (None, 48, 3, 3)


# Layers that stay, and what they hold


@eager
def test_kernels_that_are_quantized_or_have_lora_weights_stay_as_they_are(tmp_path):
    model = chain(
        (6, 6, 64), layers.Conv2D(64, 1, name="lora"), layers.Dense(64, name="whole"), layers.Flatten(),
        layers.Dense(3, name="out"),
    )  # fmt: skip
    model.get_layer("lora").enable_lora(2)
    for weight in model.get_layer("lora").lora_kernel_a, model.get_layer("lora").lora_kernel_b:
        weight.assign(numbers(*weight.shape))
    model.get_layer("whole").quantize("int8")
    new, report = checked(model, tmp_path, per_pixel_dense=True)
    assert decisions(report) == {"lora": "kept", "whole": "kept"}
    assert {row.reason for row in report.rows} == {"its kernel is quantized or has LoRA weights beside it"}
    x = numbers(2, 6, 6, 64)
    np.testing.assert_allclose(run(new, x), run(model, x), rtol=1e-5, atol=1e-5)


@eager
def test_transposed_convolutions_are_listed_with_the_way_out(tmp_path):
    steps = [layers.Conv2DTranspose(40, 1, strides=stride, name=f"by_{stride}") for stride in (1, 2)]
    model = chain((4, 4, 64), *steps, layers.Conv2D(3, 3))
    new, report = checked(model, tmp_path)
    assert decisions(report) == {"by_1": "kept", "by_2": "kept"}
    assert report.rows[0].reason.startswith("Conv2DTranspose: transposed; at stride 1 a Conv2D")
    assert (report.rows[0].in_channels, report.rows[0].filters) == (64, 40)
    np.testing.assert_array_equal(run(new, numbers(2, 4, 4, 64)), run(model, numbers(2, 4, 4, 64)))


@eager
def test_convolutions_in_wrappers_stay_and_are_listed_once(tmp_path):
    steps = layers.TimeDistributed(layers.Conv2D(64, 1, name="c"), name="each")
    inner = chain((4, 4, 64), layers.SeparableConv2D(48, 3, name="s"), *conv_bn_relu(64), name="inner")
    inputs = keras.Input((3, 4, 4, 64))
    x = layers.TimeDistributed(inner, name="deep")(steps(steps(inputs)))
    x = layers.ConvLSTM2D(64, 1, name="recurrent")(x)
    x = layers.SpectralNormalization(layers.Conv2D(64, 1, name="c"), name="normed")(x)
    x = layers.Conv2D(3, 2)(layers.Conv2D(64, 1, name="plain")(x))
    new, report = checked(keras.Model(inputs, x), tmp_path)
    kept = {"each/c", "deep/s", "deep/point", "normed/c"}
    assert decisions(report) == {"plain": "K+L", **dict.fromkeys(kept, "kept")}
    assert step_towards_zero(new, numbers(2, 3, 4, 4, 64))


def wave(x):
    return ops.sin(x)


@eager
def test_functions_and_classes_of_ones_own_need_not_be_registered():
    class Own(layers.Conv2D):
        pass

    frames = keras.Input((2, 4, 4, 64))
    x = layers.TimeDistributed(Own(64, 1, activation=wave, name="own"))(frames)[:, 0]
    x = layers.Conv2D(48, 1, activation=wave, name="point")(x)
    x = layers.Conv2D(48, 1, activation=layers.LeakyReLU(0.3), name="leaky")(x)
    x = layers.Conv2D(48, 1, activation=layers.Softmax(), name="spread")(x)
    x = layers.Activation(wave)(layers.Conv2D(3, 3, activation=wave, name="spatial")(x))
    new, report = checked(keras.Model(frames, x))
    assert [row.decision for row in report.rows] == ["K+L"] * 3 + ["kept"]
    halves = {
        name: [new.get_layer(f"{name}_{half}").activation for half in "kl"] for name in ("point", "leaky")
    }
    assert halves["point"] == [wave, wave]
    assert isinstance(new.get_layer("spread_activation").activation, layers.Softmax)
    assert halves["leaky"][0] is not halves["leaky"][1] and halves["leaky"][0].negative_slope == 0.3


def test_a_lambda_inside_a_wrapper_says_what_to_do():
    inner = chain((4, 4, 64), layers.Lambda(lambda x: 2 * x), layers.Conv2D(64, 1))
    with pytest.raises(ValueError, match="'each'.*stops the copy.*enable_unsafe_deserialization"):
        regroup(chain((2, 4, 4, 64), layers.TimeDistributed(inner, name="each")))


@eager
def test_what_preprocessing_layers_learned_goes_along():
    words = layers.StringLookup(output_mode="one_hot")
    words.adapt(np.array([["leaf"], ["cell"], ["digit"]]))
    rare = layers.IntegerLookup(output_mode="tf_idf")
    rare.adapt(np.array([[5, 5, 7], [7, 9, 9]]))
    steps = layers.Discretization(num_bins=4)
    steps.adapt(numbers(50, 4, 4, 64))
    word, number = keras.Input((1,), dtype="string"), keras.Input((3,), dtype="int32")
    image = keras.Input((4, 4, 64))
    x = layers.Flatten()(layers.Conv2D(4, 3)(layers.Conv2D(64, 1)(ops.cast(steps(image), "float32"))))
    model = keras.Model([word, number, image], layers.Concatenate()([words(word), rare(number), x]))
    texts = ops.convert_to_tensor([["cell"], ["stone"]], dtype="string")
    given = [texts, *map(ops.convert_to_tensor, ([[5, 7, 1], [9, 9, 9]], numbers(2, 4, 4, 64)))]
    same, _ = checked(model, x=given, where=lambda layer: False)
    for one, other in zip(arrays(same(given)), arrays(model(given)), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)


# What was learned


@eager
def test_trained_layers_that_stay_keep_what_they_learned(tmp_path):
    spatial = layers.Conv2D(64, 3, padding="same", name="spatial")
    tower = chain((6, 6, 64), spatial, *conv_bn_relu(64), name="tower")
    model = chain((6, 6, 64), tower, layers.GlobalAveragePooling2D(), layers.Dense(3, name="head"))
    model.compile("adam", "mse", run_eagerly=True)
    untrained = [weight.copy() for weight in spatial.get_weights()]
    model.fit(numbers(8, 6, 6, 64), numbers(8, 3), epochs=2, verbose=0)
    new, _ = checked(model, tmp_path)
    kept = new.get_layer("tower").get_layer("spatial").get_weights()
    assert not np.array_equal(kept[0], untrained[0])
    for one, other in zip(kept, spatial.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_other_surgery_copies_the_same_models():
    shared = chain((8, 8, 64), *conv_bn_relu(64, strides=2), name="shared")
    first = layers.Conv2D(64, 3, activation=wave, padding="same")
    model = chain((8, 8, 64), first, shared, layers.Conv2D(3, 3))
    assert skip_strides(model, 1).output_shape == (None, 6, 6, 3)


# Counting


def test_a_fixed_batch_is_counted_for_one_image():
    x = keras.Input(batch_shape=(4, 8, 8, 32))
    y = layers.BatchNormalization()(layers.Conv2D(64, 1, name="point")(x))
    model = keras.Model(x, layers.Dense(3)(ops.reshape(y, (4, 64, 64))))
    report, macs = regroup(model, 8).report, 64 * (32 * 64 + 64 * 3)
    assert (report.macs_before, report.rows[0].macs_before) == (macs, 64 * 32 * 64)
    assert (report.macs_after, report.rows[0].macs_after) == (64 * (8 * 64 + 64 * 3), 64 * 8 * 64)
    assert fold(model).report.macs_before == fold(model).report.macs_after == macs


def test_what_cannot_be_counted_is_still_regrouped_and_folded():
    one, two = keras.Input(batch_shape=(4, 8)), keras.Input(batch_shape=(2, 4, 4, 64))
    y = layers.GlobalAveragePooling2D()(layers.BatchNormalization()(layers.Conv2D(48, 1)(two)))
    model = keras.Model([one, two], layers.Dense(3)(ops.concatenate([ops.reshape(one, (2, 16)), y], 1)))
    for report in (regroup(model).report, fold(model).report):
        assert report.macs_before is report.macs_after is None


@eager
def test_an_activation_with_weights_is_counted_and_saved(tmp_path):
    activation = layers.PReLU("normal", shared_axes=[1, 2])
    point = layers.Conv2D(24, 1, activation=activation, name="point")
    model = chain((6, 6, 48), point, layers.GlobalAveragePooling2D(), layers.Dense(3))
    run(model, numbers(2, 6, 6, 48))
    new, report = checked(model, tmp_path)
    assert report.replaced and report.parameters_after == new.count_params()  # now that it has been called
