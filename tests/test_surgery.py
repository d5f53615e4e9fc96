"""Regrouping models made by hand, the nasty ones first."""

import dataclasses
import re

import keras
import numpy as np
import pytest
from keras import layers, ops
from surgery_support import (
    chain,
    conv_bn_relu,
    numbers,
    reloaded,
    replaced_in_numpy,
    run,
    same_state,
    shaken,
    state,
    train,
)

from gpc import count, wiring
from gpc.layers import ChannelShuffle, GroupedPointwise
from gpc.surgery import Report, change_layers, regroup


def rows(report):
    return {row.layer: row for row in report.rows}


def names(model):
    return [layer.name for layer in model.layers]


# What is computed


SIZES = [(96, 64, 16), (64, 64, 16), (48, 96, 16), (102, 25, 8), (40, 24, 4), (33, 7, 4), (60, 90, 10)]
PLANS = [wiring.plan(*size, scheme=scheme) for scheme in wiring.SCHEMES for size in SIZES]
PLANS = [plan for plan in PLANS if plan.replaced]


@pytest.mark.parametrize("plan", PLANS, ids=lambda plan: f"{plan.in_channels}-{plan.filters}-{plan.scheme}")
def test_the_replaced_layer_is_the_papers_formula_written_in_numpy(plan):
    channels, filters, width, scheme = plan.in_channels, plan.filters, plan.channels_per_group, plan.scheme
    new, report = regroup(chain((3, 2, channels), *conv_bn_relu(filters)), width, scheme=scheme)
    x = numbers(2, 3, 2, channels)
    expected = replaced_in_numpy(x, shaken(new), "point", plan)
    np.testing.assert_allclose(run(new, x), expected, rtol=2e-4, atol=2e-4)
    assert rows(report)["point"].decision == plan.kind


def test_a_stride_is_taken_by_k_and_only_by_k():
    new, _ = regroup(chain((5, 5, 64), *conv_bn_relu(64, strides=2)))
    x = numbers(1, 5, 5, 64)
    plan = wiring.plan(64, 64)
    expected = replaced_in_numpy(x[:, ::2, ::2], shaken(new), "point", plan)
    np.testing.assert_allclose(run(new, x), expected, rtol=2e-4, atol=2e-4)
    assert (new.get_layer("point_k").strides, new.get_layer("point_l").strides) == ((2, 2), (1, 1))


def test_the_names_tell_what_was_replaced():
    new, _ = regroup(chain((4, 4, 64), *conv_bn_relu(48)))
    assert names(new)[1:] == [
        "point_k", "point_k_bn", "point_k_activation", "point_interleave",
        "point_l", "point_l_bn", "point_l_activation", "point_add",
    ]  # fmt: skip
    assert new.name == "net_16ch"


def test_a_name_already_taken_gets_a_number():
    model = chain((4, 4, 64), layers.Conv2D(48, 1, name="a"), layers.ReLU(name="a_k"), layers.Conv2D(3, 3))
    assert "a_k_2" in names(regroup(model).model)


# Which layers, and with what


def test_what_follows_is_replaced_only_where_nothing_else_reads_it():
    inputs = keras.Input((4, 4, 64))
    x = layers.Conv2D(48, 1, use_bias=False, name="point")(inputs)
    y = layers.BatchNormalization(name="point_bn")(x)
    out = layers.Concatenate()(
        [layers.ReLU(name="act")(y), x]
    )  # x is read twice: the batch norm stays outside
    new, report = regroup(keras.Model(inputs, layers.Conv2D(5, 3)(out)))
    assert {"point_bn", "act"} <= set(names(new)) and "point_k_bn" not in names(new)
    assert rows(report)["point"].decision == "K+L"

    z = layers.Add()([layers.ReLU(name="act")(y), y])  # y is read twice: the activation stays outside
    new, _ = regroup(keras.Model(inputs, layers.Conv2D(5, 3)(z)))
    assert {"point_k_bn", "point_l_bn", "act"} <= set(names(new)) and "point_bn" not in names(new)


def test_a_batch_norm_behind_two_convolutions_stays_outside():
    norm, inputs = layers.BatchNormalization(name="shared_bn"), keras.Input((4, 4, 64))
    a, b = (norm(layers.Conv2D(48, 1, name=name)(inputs)) for name in "ab")
    new, _ = regroup(keras.Model(inputs, layers.Conv2D(5, 3)(layers.Add()([a, b]))))
    assert "shared_bn" in names(new) and not any(name.endswith("_k_bn") for name in names(new))


def test_one_activation_layer_called_everywhere_is_taken_along_everywhere():
    relu, inputs = layers.ReLU(name="relu"), keras.Input((4, 4, 64))
    x = relu(layers.Conv2D(64, 1, name="a")(inputs))
    x = relu(layers.Conv2D(64, 3, padding="same", name="spatial")(x))
    x = relu(layers.Conv2D(64, 1, name="b")(x))
    new, _ = regroup(keras.Model(inputs, layers.Conv2D(5, 3)(x)))
    assert {"a_k_activation", "a_l_activation", "b_l_activation", "relu"} <= set(names(new))
    assert len(new.get_layer("relu")._inbound_nodes) == 1


def test_activations_that_hold_weights_or_are_bare_functions():
    prelu = chain((4, 4, 64), layers.Conv2D(48, 1, name="c"), layers.PReLU(), layers.Conv2D(5, 3))
    new, report = regroup(prelu)
    assert sum(isinstance(layer, layers.PReLU) for layer in new.layers) == 2
    assert (
        rows(report)["c"].parameters_after - wiring.plan(64, 48).kernel_parameters == 2 * 48 + 2 * 4 * 4 * 48
    )

    bare = chain((4, 4, 64), layers.Conv2D(48, 1, name="c"), ops.silu, layers.Conv2D(5, 3))
    new, _ = regroup(bare)
    assert sum(type(op).__name__ == "Silu" for op in new.operations) == 2
    x = numbers(1, 4, 4, 64)
    assert np.isfinite(run(new, x)).all() and np.array_equal(run(bare, x), run(bare, x))


def test_softmax_stays_behind_the_sum_so_that_it_is_a_distribution():
    inside = chain((4, 4, 64), layers.Conv2D(32, 1, activation="softmax", name="c"))
    behind = chain((4, 4, 64), layers.Conv2D(32, 1, name="c"), layers.Softmax())
    named = chain((4, 4, 64), layers.Conv2D(32, 1, name="c"), layers.Activation("softmax"))
    for model in (inside, behind, named):
        new, report = regroup(model, head=True)
        assert rows(report)["c"].decision == "K+L"
        np.testing.assert_allclose(run(new, numbers(2, 4, 4, 64)).sum(-1), 1, rtol=1e-5)


def test_settings_of_the_layer_are_carried_over():
    layer = layers.Conv2D(
        48, 1, activation="tanh", name="c", kernel_regularizer=keras.regularizers.L2(0.1),
        bias_initializer="ones", bias_regularizer="l1", kernel_constraint=keras.constraints.MaxNorm(3),
        bias_constraint="non_neg", activity_regularizer=keras.regularizers.L1(1e-4), dtype="float64",
    )  # fmt: skip
    if keras.backend.backend() == "jax":
        layer = layers.Conv2D.from_config({**layer.get_config(), "dtype": "bfloat16"})
    new, _ = regroup(chain((4, 4, 64), layer, layers.Conv2D(5, 3)))
    for half in (new.get_layer("c_k"), new.get_layer("c_l")):
        assert isinstance(half, GroupedPointwise) and half.activation is keras.activations.tanh
        assert (
            float(half.kernel_regularizer.l2) == pytest.approx(0.1) and half.kernel_constraint.max_value == 3
        )
        assert isinstance(half.kernel_initializer, keras.initializers.GlorotUniform)
        assert half.bias_constraint is not None and half.bias_regularizer is not None
        assert float(half.activity_regularizer.l1) == pytest.approx(1e-4)
        assert half.dtype_policy.name == layer.dtype_policy.name
        assert np.array_equal(half.get_weights()[1].astype("float32"), np.ones(48))


def test_what_stands_behind_an_activation_of_the_layers_own_stays_behind_the_sum():
    own = layers.Conv2D(48, 1, activation="relu", name="c")
    new, _ = regroup(chain((4, 4, 64), own, layers.BatchNormalization(name="bn"), layers.Conv2D(5, 3)))
    assert names(new)[1:6] == ["c_k", "c_interleave", "c_l", "c_add", "bn"]
    assert new.get_layer("c_k").activation is keras.activations.relu


def test_k_alone_without_interleaving_where_asked():
    new, report = regroup(chain((4, 4, 64), *conv_bn_relu(48), layers.Conv2D(5, 3)), second=False)
    assert names(new)[1:4] == ["point_k", "point_k_bn", "point_k_activation"]
    row = rows(report)["point"]
    assert (row.decision, row.macs_after) == ("K", 16 * 16 * 48)


def test_bias_only_where_there_was_one():
    new, _ = regroup(chain((4, 4, 64), layers.Conv2D(48, 1, use_bias=False, name="c"), layers.Conv2D(5, 3)))
    assert new.get_layer("c_k").bias is None and len(new.get_layer("c_l").weights) == 1


def test_a_seed_makes_the_new_kernels_repeat_and_differ_from_each_other():
    model = chain((4, 4, 64), *conv_bn_relu(64, name="a"), *conv_bn_relu(64, name="b"))
    one, two, other = (regroup(model, seed=seed).model for seed in (7, 7, 8))
    assert all(np.array_equal(a, b) for a, b in zip(one.get_weights(), two.get_weights(), strict=True))
    kernels = [
        net.get_layer(name).get_weights()[0] for net in (one, other) for name in ("a_k", "a_l", "b_k", "b_l")
    ]
    assert len({kernel.tobytes() for kernel in kernels}) == 8


def test_separable_convolutions_keep_their_depthwise_half():
    separable = layers.SeparableConv2D(
        48,
        3,
        strides=2,
        padding="same",
        depth_multiplier=2,
        activation="relu",
        name="s",
        bias_initializer="ones",
    )
    model = shaken(chain((7, 7, 40), separable, layers.Conv2D(5, 3)))
    new, report = regroup(model)
    depthwise = new.get_layer("s_depthwise")
    assert np.array_equal(depthwise.get_weights()[0], separable.get_weights()[0])
    assert depthwise.output.shape == (None, 4, 4, 80) and new.output_shape == model.output_shape
    row = rows(report)["s"]
    assert (row.in_channels, row.filters, row.decision) == (80, 48, "K+L")
    assert row.parameters_before - row.parameters_after == 80 * 48 + 48 - 2 * 16 * 48 - 2 * 48
    assert row.macs_before == 4 * 4 * (9 * 80 + 80 * 48)
    assert "kept whole" not in str(report) and rows(regroup(model, 64).report)["s"].decision == "kept"


def test_dense_layers_on_maps_only_when_asked():
    model = chain(
        (4, 4, 64),
        layers.Dense(48, activation="relu", name="d"),
        layers.Flatten(),
        layers.Dense(3, name="out"),
    )
    kept, replaced = regroup(model).report, regroup(model, per_pixel_dense=True).report
    assert list(rows(kept)) == list(rows(replaced)) == ["d"]
    assert "per_pixel_dense=True" in rows(kept)["d"].reason and rows(replaced)["d"].decision == "K+L"


def test_which_layers_are_listed_and_why_they_are_kept():
    class Own(layers.Conv2D):
        pass

    inputs = keras.Input((4, 4, 64))
    x = layers.Conv2D(64, 1, groups=4, name="grouped")(inputs)
    x = Own(64, 1, name="own")(x)
    x = layers.Conv2D(12, 1, name="narrow")(x)
    x = layers.Conv2D(24, 1, name="few")(x)
    x = layers.Conv2D(64, 1, activation="glu", name="halved")(x)
    x = layers.TimeDistributed(layers.Conv1D(32, 1), name="wrapped")(x)
    x = layers.Reshape((16, 32))(x)
    x = layers.Conv1D(64, 1, name="line")(x)
    x = layers.Conv1D(10, 3)(x)
    _, report = regroup(keras.Model(inputs, x))
    found = {name: row.reason for name, row in rows(report).items() if row.decision == "kept"}
    assert found["grouped"] == "grouped already: groups=4"
    assert found["own"].startswith("Own is a subclass")
    assert found["few"].startswith("stays dense: in_channels=12")
    assert "glu" in found["halved"] and found["line"].startswith("Conv1D: only two-dimensional")
    assert rows(report)["narrow"].decision == "K+L" and len(report.kept) == 5


def test_pointwise_layers_inside_a_layer_of_ones_own_are_named_not_overlooked():
    @keras.saving.register_keras_serializable(package="tests")
    class Block(layers.Layer):
        def __init__(self, **options):
            super().__init__(**options)
            self.inner = layers.Conv2D(64, 1, name="inner")

        def build(self, shape):
            self.inner.build(shape)

        def call(self, x):
            return self.inner(x)

        def compute_output_shape(self, shape):
            return (*shape[:-1], 64)

    model = chain((4, 4, 64), Block(name="block"), *conv_bn_relu(48), layers.Conv2D(5, 3))
    new, report = regroup(model)
    assert rows(report)["block/inner"].reason.startswith("inside block (Block)")
    assert np.array_equal(new.get_layer("block").get_weights()[0], model.get_layer("block").get_weights()[0])


def test_where_by_function_by_pattern_and_by_mistake():
    model = chain(
        (4, 4, 64), *conv_bn_relu(64, name="early"), *conv_bn_relu(64, name="late"), layers.Conv2D(5, 3)
    )
    for where in ("^late$", lambda layer: layer.name == "late"):
        report = regroup(model, where=where).report
        assert [row.decision for row in report.rows] == ["kept", "K+L"]
        assert rows(report)["early"].reason == "not selected by where"
    with pytest.raises(
        ValueError, match=re.escape("where='lat$' matches no pointwise layer; the nearest names are late")
    ):
        regroup(model, where="lat$")
    with pytest.raises(ValueError, match="where='[(]' is no regular expression"):
        regroup(model, where="(")
    with pytest.raises(
        TypeError, match="where must be a function of a layer or a regular expression; received 3"
    ):
        regroup(model, where=3)


# Heads


def test_the_classifier_is_kept_unless_asked():
    endings = {
        "map": (),
        "pooled": (layers.ReLU(), layers.GlobalAveragePooling2D(), layers.Softmax()),
        "reshaped": (layers.Dropout(0.1), layers.Flatten(), layers.Activation("softmax")),
    }
    for ending in endings.values():
        model = chain((4, 4, 64), *conv_bn_relu(64), layers.Conv2D(10, 1, name="classes"), *ending)
        kept, replaced = (rows(regroup(model, head=head).report)["classes"] for head in (False, True))
        assert (
            kept.decision == "kept"
            and kept.reason.startswith("the classifier")
            and replaced.decision == "K+L"
        )


def test_a_squeeze_excite_layer_and_a_features_convolution_are_no_classifiers():
    inputs = keras.Input((4, 4, 64))
    s = layers.GlobalAveragePooling2D(keepdims=True)(inputs)
    s = layers.Conv2D(64, 1, activation="sigmoid", name="gate")(s)
    x = layers.Multiply()([inputs, s])
    x = chain((4, 4, 64), *conv_bn_relu(64, name="features"), name="inner")(x)
    _, report = regroup(keras.Model(inputs, x))
    assert [row.decision for row in report.rows] == ["K+L", "K+L"]


def test_a_head_inside_a_nested_model_is_seen_from_outside():
    head = chain(
        (4, 4, 64), layers.Conv2D(10, 1, name="classes"), layers.GlobalAveragePooling2D(), name="head"
    )
    last = chain((4, 4, 64), head, layers.Softmax())
    first = chain((4, 4, 64), head, layers.Dense(3))
    assert rows(regroup(last).report)["head/classes"].decision == "kept"
    assert rows(regroup(first).report)["head/classes"].decision == "K+L"


# Models of every shape


def test_sequential_models_nested_and_lazy():
    block = keras.Sequential([keras.Input((8, 8, 64)), *conv_bn_relu(48)], name="block")
    plain = keras.Sequential([keras.Input((8, 8, 48)), layers.Dropout(0.2), layers.ReLU()], name="plain")
    model = keras.Sequential([keras.Input((8, 8, 64)), block, plain, layers.Flatten(), layers.Dense(3)])
    new, report = regroup(model)
    assert (
        list(rows(report)) == ["block/point"]
        and rows(report)["block/point"].macs_after == 8 * 8 * 2 * 16 * 48
    )
    assert isinstance(new.get_layer("plain"), keras.Sequential) and "point_k" in names(new.get_layer("block"))
    untouched = keras.Sequential([keras.Input((8,)), layers.Dense(4), layers.Dense(3)])
    copy, report = regroup(untouched)
    assert isinstance(copy, keras.Sequential) and report.rows == ()
    x = numbers(2, 8)
    np.testing.assert_array_equal(run(copy, x), run(untouched, x))
    with pytest.raises(
        ValueError, match="model 'lazy' is sequential and has no input shape yet: begin it with keras.Input"
    ):
        regroup(keras.Sequential([layers.Conv2D(8, 1)], name="lazy"))


def test_a_model_called_twice_is_replaced_once_and_stays_shared():
    tower = chain((6, 6, 64), *conv_bn_relu(64), layers.GlobalAveragePooling2D(), name="tower")
    left, right = keras.Input((6, 6, 64), name="left"), keras.Input((6, 6, 64), name="right")
    joined = layers.Concatenate()([tower(left), tower(right)])
    model = keras.Model({"left": left, "right": right}, {"score": layers.Dense(2)(joined), "code": joined})
    new, report = regroup(model)
    x = {"left": numbers(2, 6, 6, 64), "right": numbers(2, 6, 6, 64, seed=1)}
    found = new(x)
    assert set(found) == {"score", "code"} and found["code"].shape == (2, 128)
    swapped = new({"left": x["right"], "right": x["left"]})["code"]
    code = ops.convert_to_numpy(found["code"])
    np.testing.assert_allclose(np.roll(code, 64, 1), ops.convert_to_numpy(swapped), rtol=1e-5)
    assert new.count_params() == report.parameters_after == 2 * 16 * 64 + 8 * 64 + 129 * 2
    assert rows(report)["tower/point"].macs_after == 2 * 6 * 6 * 2 * 16 * 64


def test_a_convolution_called_twice_is_one_k_and_one_l():
    point, inputs = layers.Conv2D(64, 1, use_bias=False, name="point"), keras.Input((4, 4, 64))
    x = layers.ReLU(name="one")(point(inputs))
    y = layers.BatchNormalization(name="two")(point(x))
    new, report = regroup(keras.Model(inputs, layers.Conv2D(3, 3)(y)))
    assert {"one", "two", "point_k", "point_l"} <= set(names(new))  # followers differ: they stay outside
    assert len(new.get_layer("point_k")._inbound_nodes) == 2
    assert rows(report)["point"].macs_before == 2 * 16 * 64 * 64

    bn, relu = layers.BatchNormalization(), layers.ReLU()
    x = relu(bn(point(inputs)))
    x = relu(bn(point(x)))
    new, _ = regroup(keras.Model(inputs, layers.Conv2D(3, 3)(x)))
    assert "point_l_bn" in names(new) and bn.name not in names(new)  # followers are the same: they go along


def test_the_modes_that_layers_were_called_in_are_kept():
    inputs = keras.Input((4, 4, 64))
    x = layers.Conv2D(64, 1, name="point")(inputs)
    x = layers.BatchNormalization(name="frozen")(x, training=False)
    inner = chain((4, 4, 64), layers.Dropout(0.9), *conv_bn_relu(64, name="deep"), name="inner")
    new, _ = regroup(keras.Model(inputs, layers.Conv2D(3, 3)(inner(x, training=False))))
    nodes = {
        layer["name"]: layer["inbound_nodes"][0]
        for layer in new.get_config()["layers"]
        if layer["inbound_nodes"]
    }
    for name in ("point_k_bn", "point_l_bn", "inner"):
        assert nodes[name]["kwargs"]["training"] is False
    assert "training" not in nodes["point_k"]["kwargs"]


def test_lambda_bare_operations_constants_and_named_inputs_stay():
    factor = np.float32(3)
    inputs = keras.Input((4, 4, 64), name="image")
    x = layers.Lambda(lambda x: ops.square(x) * factor, output_shape=(4, 4, 64), name="own_code")(inputs)
    x = layers.Conv2D(64, 3, padding="same")(x)
    x = (x + 3.0) * ops.flip(ops.relu6(x)[:, :], axis=2)
    x = layers.Conv2D(48, 1, name="point")(x)
    outputs = ops.mean(x, axis=(1, 2))
    model = keras.Model(inputs, outputs)
    new, report = regroup(model, where=lambda layer: False)
    x = numbers(2, 4, 4, 64)
    np.testing.assert_allclose(run(new, x), run(model, x), rtol=1e-5)
    assert new.inputs[0].name == "image" and report.rows[0].decision == "kept"
    assert new.get_layer("own_code") is not model.get_layer("own_code")


def test_frozen_and_adapted_layers_keep_what_they_hold():
    adapted = layers.Normalization(axis=-1)
    adapted.adapt(5 * numbers(20, 4, 4, 64) + 2)
    spatial = layers.Conv2D(64, 3, padding="same", name="spatial", trainable=False)
    model = chain((4, 4, 64), adapted, spatial, *conv_bn_relu(48), layers.Conv2D(5, 3))
    model.get_layer("point").trainable = model.get_layer("point_bn").trainable = False
    new, _ = regroup(model)
    x = numbers(2, 4, 4, 64)
    before, after = (keras.Model(net.input, net.get_layer("spatial").output) for net in (model, new))
    np.testing.assert_allclose(run(before, x), run(after, x), rtol=1e-5)
    assert not new.get_layer("spatial").trainable
    assert new.get_layer("point_k").trainable and new.get_layer("point_l_bn").trainable  # they start anew


def test_mixed_precision_goes_along():
    model = chain(
        (4, 4, 64), layers.Conv2D(48, 1, dtype="mixed_bfloat16", name="point"),
        layers.BatchNormalization(dtype="mixed_bfloat16"), layers.Flatten(), layers.Dense(3),
    )  # fmt: skip
    new, _ = regroup(model)
    added = new.get_layer("point_add")
    for layer in (
        new.get_layer("point_k"),
        new.get_layer("point_interleave"),
        new.get_layer("point_l"),
        added,
    ):
        assert layer.dtype_policy.name == "mixed_bfloat16"
    assert added.output.dtype == "bfloat16" and new.get_layer("point_k").kernel.dtype == "float32"
    assert np.isfinite(run(new, numbers(2, 4, 4, 64))).all()


def test_channels_first():
    point = layers.Conv2D(48, 1, data_format="channels_first", use_bias=False, name="point")
    model = chain((64, 5, 4), point, layers.BatchNormalization(axis=1), layers.ReLU())
    new, report = regroup(model, head=True)
    assert new.output_shape == (None, 48, 5, 4)
    assert rows(report)["point"].macs_after == 5 * 4 * 2 * 16 * 48
    x = numbers(2, 64, 5, 4)
    last = shaken(regroup(chain((5, 4, 64), *conv_bn_relu(48)), head=True).model)
    new.set_weights(last.get_weights())
    np.testing.assert_allclose(
        run(new, x), np.moveaxis(run(last, np.moveaxis(x, 1, -1)), -1, 1), rtol=1e-4, atol=1e-4
    )


def test_an_input_of_any_size_is_regrouped_and_its_macs_left_open():
    new, report = regroup(
        chain((None, None, 64), *conv_bn_relu(48), layers.GlobalAveragePooling2D(), layers.Dense(3))
    )
    assert run(new, numbers(1, 3, 9, 64)).shape == (1, 3)
    assert report.macs_before is report.macs_after is report.rows[0].macs_before is None
    assert "MACs not counted, the input has no fixed size" in str(report) and "–" in str(report)


def test_a_class_of_ones_own_is_kept_with_its_methods():
    class Trainer(keras.Model):
        def answer(self):
            return 42

    x = keras.Input((4, 4, 64))
    new, _ = regroup(Trainer(inputs=x, outputs=layers.Conv2D(3, 3)(layers.Conv2D(64, 1)(x))))
    assert new.answer() == 42

    class Builder(keras.Model):
        def __init__(self, width, **options):
            x = keras.Input((4, 4, width))
            super().__init__(x, layers.Conv2D(3, 3)(layers.Conv2D(64, 1)(x)), **options)

    new, report = regroup(Builder(64))
    assert len(report.replaced) == 1 and new.output_shape == (None, 2, 2, 3)


# Refused


def test_subclassed_models_are_refused_by_name():
    class Mystery(keras.Model):
        def __init__(self, **options):
            super().__init__(**options)
            self.inner = layers.Conv2D(64, 1)

        def call(self, x):
            return self.inner(x)

        def compute_output_shape(self, shape):
            return (*shape[:-1], 64)

    with pytest.raises(
        ValueError, match=r"model 'alone' is a subclassed model \(Mystery\).*keras.Model\(inputs, outputs\)"
    ):
        regroup(Mystery(name="alone"))
    inner = chain((4, 4, 64), Mystery(name="riddle"), name="inner")
    with pytest.raises(ValueError, match=r"layer 'inner/riddle' is a subclassed model \(Mystery\)"):
        regroup(chain((4, 4, 64), inner, layers.Conv2D(3, 3)))


def test_a_layer_without_configuration_is_named():
    class Secret(layers.Layer):
        def __init__(self, array, **options):
            super().__init__(**options)
            self.array = array

        def call(self, x):
            return x

    with pytest.raises(ValueError, match=r"layer 'secret' \(Secret\) stops the copy.*get_config"):
        regroup(chain((4, 4, 64), Secret(np.ones(3), name="secret"), layers.Conv2D(3, 1)))


def test_bad_arguments_are_refused_even_if_nothing_would_be_replaced():
    model = chain((4,), layers.Dense(3))
    for wrong, message in (
        ({"channels_per_group": 0}, "channels_per_group=0 must be at least 1"),
        ({"scheme": "v2"}, "scheme='v2' is unknown"),
    ):
        with pytest.raises(ValueError, match=message):
            regroup(model, **wrong)
    with pytest.raises(TypeError, match="model must be a Keras model; received str: 'net'"):
        regroup("net")


# The original, the report, the file


def test_the_original_is_untouched_by_the_surgery_and_by_training_what_comes_of_it():
    inner = chain((6, 6, 48), *conv_bn_relu(64, name="deep"), name="inner")
    model = chain(
        (6, 6, 64), layers.Conv2D(64, 3, padding="same", name="spatial"), *conv_bn_relu(48), ops.silu, inner,
        layers.GlobalAveragePooling2D(), layers.Dense(3, activation="softmax"),
    )  # fmt: skip
    before, x = state(model), numbers(4, 6, 6, 64)
    answer = run(model, x)
    new, _ = regroup(model)
    kept = ("spatial",)
    for name in kept:
        pairs = zip(new.get_layer(name).get_weights(), model.get_layer(name).get_weights(), strict=True)
        assert all(np.array_equal(a, b) for a, b in pairs)
    assert same_state(before, state(model))
    old = [weight.copy() for weight in new.get_weights()]
    assert np.isfinite(train(new, x, np.array([0, 1, 2, 0])))
    assert any(not np.array_equal(a, b) for a, b in zip(old, new.get_weights(), strict=True))
    assert same_state(before, state(model)) and np.array_equal(run(model, x), answer)
    assert not {id(v) for v in new.variables} & {id(v) for v in model.variables}
    assert len(model.layers[1]._inbound_nodes) == 1 and not model.compiled


def test_the_new_model_is_saved_and_loaded(tmp_path):
    inner = chain((6, 6, 102), *conv_bn_relu(25, name="deep"), name="inner")
    model = chain(
        (6, 6, 102), inner, *conv_bn_relu(90), layers.SeparableConv2D(40, 3, name="s"), layers.Flatten()
    )
    new = shaken(regroup(model, 8).model)
    x = numbers(2, 6, 6, 102)
    np.testing.assert_array_equal(run(reloaded(new, tmp_path), x), run(new, x))


def test_the_reports_rows_add_up_to_its_totals():
    inner = chain((6, 6, 48), *conv_bn_relu(64, name="deep"), name="inner")
    model = chain(
        (6, 6, 64), *conv_bn_relu(48), inner, layers.SeparableConv2D(96, 3, name="s"), layers.Conv2D(3, 1),
        layers.GlobalAveragePooling2D(),
    )  # fmt: skip
    new, report = regroup(model)
    assert isinstance(report, Report) and [row.decision for row in report.rows] == ["K+L", "K", "K", "kept"]
    saved = sum(row.parameters_before - row.parameters_after for row in report.rows)
    assert (
        saved
        == report.parameters_before - report.parameters_after
        == model.count_params() - new.count_params()
    )
    saved = sum(row.macs_before - row.macs_after for row in report.rows)
    assert saved == report.macs_before - report.macs_after == count.cost(model).macs - count.cost(new).macs
    assert report.trainable_after == count.cost(new).trainable
    assert len(report.replaced) == 3 and len(report.kept) == 1


def test_the_report_as_text_table_and_page():
    _, report = regroup(chain((4, 4, 64), *conv_bn_relu(48), layers.Conv2D(3, 1, name="<out>"), name="net"))
    text = str(report).splitlines()
    assert text[0] == (
        "net, 16 channels a group, interleaved: 1 pointwise layers replaced (1 with L), 1 kept; "
        "parameters 3,411 → 2,067, MACs 51,456 → 26,880"
    )
    assert re.search(r"^point +K\+L +64 +48 +3,264 +1,920 +49,152 +24,576 +K 4 × 16 channels", text[4])
    assert text[-1].split()[:4] == ["whole", "model", "3,411", "2,067"]
    assert report.kept[0].reason.endswith("head=True replaces it") and text[5].endswith("…")
    html = report._repr_html_()
    assert "<caption><span>net, 16" in html and html.count('scope="col"') == 7 and html.count('scope="row"') == 3
    assert ">64 → 48</td>" in html and ">kept: the classifier" in html
    assert "&lt;out&gt;" in html and "<out>" not in html
    assert (
        report.csv().splitlines()[0].startswith("layer,decision,reason,in_channels,filters,parameters_before")
    )
    assert len(report.csv().splitlines()) == 3


def test_layers_whose_arithmetic_is_unknown_are_named_in_the_report(monkeypatch):
    model = chain((4, 4, 64), layers.Dropout(0.1, name="riddle"), *conv_bn_relu(48), layers.Conv2D(5, 3))
    assert regroup(model).report.unknown == ()
    known = count.cost
    monkeypatch.setattr(
        count, "cost", lambda *a, **k: dataclasses.replace(known(*a, **k), unknown=("riddle",))
    )
    report = regroup(model).report
    assert report.unknown == ("riddle",) and "(without riddle, unknown)" in report.caption


# Layers exchanged


def test_change_layers_drops_exchanges_and_keeps():
    model = chain(
        (4, 4, 8),
        layers.Rescaling(1 / 255),
        layers.Conv2D(8, 3, name="c"),
        layers.ReLU(name="r"),
        layers.Flatten(),
    )

    def change(layer):
        if isinstance(layer, layers.Rescaling):
            return None
        return (layers.Activation("tanh"), layers.Dropout(0.5)) if layer.name == "r" else layer

    new = change_layers(model, change)
    assert [type(layer).__name__ for layer in new.layers] == [
        "InputLayer",
        "Conv2D",
        "Activation",
        "Dropout",
        "Flatten",
    ]
    x = numbers(2, 4, 4, 8)
    expected = np.tanh(run(model.get_layer("c"), x))
    np.testing.assert_allclose(run(new, x), expected.reshape(2, -1), rtol=1e-4, atol=1e-5)
    inputs = keras.Input((4,))
    with pytest.raises(ValueError, match="layer 'sum' takes 2 tensors: it can't be left out"):
        joined = layers.Add(name="sum")([inputs, layers.ReLU()(inputs)])
        change_layers(keras.Model(inputs, joined), lambda layer: None if layer.name == "sum" else layer)


def test_what_decides_wrongly_is_named():
    model = chain((4, 4, 64), *conv_bn_relu(64), layers.Conv2D(5, 3))
    with pytest.raises(TypeError, match="change must be a function of a layer; received str: 'x'"):
        change_layers(model, "x")
    for seed, error in (("a", TypeError), (1.5, TypeError), (-1, ValueError), (2**32, ValueError)):
        with pytest.raises(error, match=f"seed={seed!r} must be an integer from 0 to 4294967295; nearest"):
            regroup(model, seed=seed)


def test_regrouping_twice_leaves_grouped_layers_grouped():
    once = regroup(chain((4, 4, 64), *conv_bn_relu(64), layers.Conv2D(5, 3))).model
    twice, report = regroup(once, 8)
    assert report.rows == () and twice.count_params() == once.count_params()
    assert sum(isinstance(layer, ChannelShuffle) for layer in twice.layers) == 1
