"""Whole networks: the counts of others, every family of keras.applications, shares that claims rest on."""

import functools
import json
import math
from pathlib import Path

import keras
import pytest

from gpc import count

GOLDEN = json.loads((Path(__file__).parent / "golden" / "golden.json").read_text())
BASELINES = [row for row in GOLDEN["models"] if row["ktype"] == "baseline" and not row["variant"]]

# Graphs and counts are the same on every backend, building is slow on some: one network runs everywhere.
slow_to_build = pytest.mark.tensorflow

# One of each family that the reference counts below leave out, at about the smallest input it takes.
FAMILIES = {
    "ConvNeXtTiny": 32,
    "DenseNet121": 32,
    "EfficientNetV2B0": 32,
    "InceptionResNetV2": 75,
    "MobileNetV2": 32,
    "MobileNetV3Small": 32,
    "NASNetMobile": 32,
    "ResNet50": 32,
    "ResNet50V2": 32,
    "VGG16": 32,
    "Xception": 71,
}


def application(name, size, classes=10):
    return getattr(keras.applications, name)(weights=None, classes=classes, input_shape=(size, size, 3))


def size(variables):
    return sum(math.prod(variable.shape) for variable in variables)


@functools.cache
def at_224(name):
    """What a network of keras.applications with 10 classes costs; several tests ask for the same one."""
    return count.cost(application(name, 224))


@slow_to_build
@pytest.mark.parametrize("row", GOLDEN["keras_applications"], ids=lambda row: row["model"].rsplit(".", 1)[1])
def test_counts_of_others_to_the_unit(row):
    assert (row["input_shape"], row["classes"]) == ([224, 224, 3], 10)
    result = at_224(row["model"].rsplit(".", 1)[1])
    assert (result.parameters, result.trainable, result.macs) == (
        row["params"],
        row["trainable_params"],
        row["macs"],
    )


def test_mobilenet_on_every_backend():
    (row,) = (row for row in BASELINES if row["model"] == "MobileNet(cai)")
    result = at_224("MobileNet")
    assert (result.parameters, result.trainable, result.macs) == (
        row["params"],
        row["trainable_params"],
        row["macs"],
    )


@slow_to_build
def test_the_other_librarys_baselines():
    seen = 0
    for row in BASELINES:
        name = row["model"].removesuffix("(cai)")
        if not hasattr(keras.applications, name):
            continue
        result = at_224(name)
        # Keras counts its Normalization layer's mean, variance and count; that library has no such layer.
        normalization = 7 if name.startswith("EfficientNet") else 0
        assert (result.parameters - normalization, result.trainable) == (
            row["params"],
            row["trainable_params"],
        ), name
        assert result.macs == row["macs"], name
        seen += 1
    assert seen == 8


@slow_to_build
@pytest.mark.parametrize("name", FAMILIES)
def test_every_family_is_known(name):
    model = application(name, FAMILIES[name])
    result = count.cost(model)
    assert result.unknown == ()
    assert (result.parameters, result.trainable) == (model.count_params(), size(model.trainable_variables))
    assert result.macs > 0 and sum(result.by_kind().values()) == result.total


# Shares of the MACs in 1×1 convolutions, networks as published (1000 classes), to a percent.
SHARES = {
    "MobileNet": (224, 0.95),
    "MobileNetV2": (224, 0.89),
    "MobileNetV3Large": (224, 0.89),
    "EfficientNetB0": (224, 0.88),
    "DenseNet121": (224, 0.52),
    "ResNet50": (224, 0.49),
    "InceptionV3": (299, 0.22),
    "Xception": (299, 0.93),
}


@slow_to_build
@pytest.mark.parametrize("name", SHARES)
def test_the_share_of_pointwise_convolutions(name):
    pixels, share = SHARES[name]
    built = application(name, 75 if pixels == 299 else 32, classes=1000)
    result = count.cost(built, input_shape=(pixels, pixels, 3))
    assert round(result.pointwise_share, 2) == share


@slow_to_build
def test_vgg16_keeps_its_parameters_in_the_head_and_its_arithmetic_in_the_body():
    inputs = keras.Input((224, 224, 3))
    body = keras.applications.VGG16(weights=None, include_top=False, input_tensor=inputs)
    body_cost = count.cost(body)
    head = [count.dense_parameters(a, b, bias=True) for a, b in ((25088, 4096), (4096, 4096), (4096, 1000))]
    macs = [count.dense_macs(a, b) for a, b in ((25088, 4096), (4096, 4096), (4096, 1000))]
    assert body_cost.parameters + sum(head) == 138_357_544
    assert round(sum(head) / 138_357_544, 3) == 0.894
    assert round(sum(macs) / (body_cost.macs + sum(macs)), 3) == 0.008


# Another counter: TensorFlow's profiler


PROFILED = {"MobileNet": 64, "ResNet50": 32, "EfficientNetB0": 32, "VGG16": 32}


@pytest.mark.tensorflow
@pytest.mark.parametrize("name", PROFILED)
def test_tensorflows_profiler_counts_the_same_products(name):
    """Its convolutions and matrix products are ours times two, to the last digit.

    Its total is higher: it also counts biases, batch norm, activations, pooling and sums, operation by
    operation, where we count none. It does not look into the functions that Keras compiles grouped
    convolutions with, so only networks without any are compared.
    """
    model = application(name, PROFILED[name])
    products, total = profiled(model)
    ours = 2 * count.cost(model).macs
    assert products == ours
    assert ours < total < 1.2 * ours


def profiled(model):
    """(operations in convolutions and matrix products, all operations), as TensorFlow's profiler counts."""
    import tensorflow as tf

    call = tf.function(lambda x: model(x, training=False))
    graph = call.get_concrete_function(tf.TensorSpec((1, *model.input_shape[1:]), "float32")).graph
    builder = tf.compat.v1.profiler.ProfileOptionBuilder
    options = builder(builder.float_operation()).with_empty_output().build()
    run = tf.compat.v1.RunMetadata()
    by_node = tf.compat.v1.profiler.profile(graph, run_meta=run, cmd="scope", options=options)
    types = {operation.name: operation.type for operation in graph.get_operations()}
    operations = {"Conv2D", "DepthwiseConv2dNative", "MatMul"}

    def leaves(node):
        children = node.children
        return [leaf for child in children for leaf in leaves(child)] if children else [node]

    products = sum(leaf.total_float_ops for leaf in leaves(by_node) if types.get(leaf.name) in operations)
    return products, by_node.total_float_ops
