"""Random networks regrouped: whatever they are made of, the same things hold."""

import keras
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from keras import layers, ops
from surgery_support import arrays, checked, samples, step_towards_zero

from gpc.surgery import skip_strides

WIDTHS = st.sampled_from([8, 12, 20, 32, 48])
ENDINGS = st.sampled_from(["", "bn", "bn relu", "relu", "silu", "bn frozen", "prelu", "dropout bn"])
ACTIVATIONS = st.sampled_from([None, "relu", "swish", "softmax"])
KINDS = """
    point point point spatial separable depthwise dense
    shared residual gate concatenate nested sequential pool
"""
STEPS = st.tuples(
    st.sampled_from(KINDS.split()),
    st.fixed_dictionaries(
        {
            "filters": WIDTHS,
            "activation": ACTIVATIONS,
            "ending": ENDINGS,
            "strides": st.sampled_from([1, 1, 1, 2]),
            "use_bias": st.booleans(),
            "back": st.integers(0, 3),
        }
    ),
)
NETWORKS = st.fixed_dictionaries(
    {
        "steps": st.lists(STEPS, min_size=2, max_size=7),
        "policy": st.sampled_from(["float32", "float32", "mixed_bfloat16", "mixed_float16"]),
        "outputs": st.sampled_from(["pooled", "map", "two"]),
    }
)
CHOICES = st.fixed_dictionaries(
    {
        "channels_per_group": st.sampled_from([2, 4, 8, 16]),
        "scheme": st.sampled_from(["interleaved", "divisible"]),
        "head": st.booleans(),
        "per_pixel_dense": st.booleans(),
        "seed": st.integers(0, 9),
    }
)


class Network:
    """A functional model grown step by step; `maps` are those so far, the last one to go on from."""

    def __init__(self):
        self.inputs = keras.Input((5, 4, 12))
        self.maps = [self.inputs]

    @property
    def last(self):
        return self.maps[-1]

    def grow(self, kind, settings):
        """One step more."""
        self.maps.append(getattr(self, kind)(self.last, **settings))

    def ended(self, x, ending):
        """What follows a convolution: layers, and one bare operation."""
        for part in ending.split():
            if part == "frozen":
                x = layers.BatchNormalization()(x, training=False)
            else:
                x = {
                    "bn": layers.BatchNormalization, "relu": layers.ReLU, "silu": lambda: ops.silu,
                    "prelu": layers.PReLU, "dropout": lambda: layers.Dropout(0.5),
                }[part]()(x)  # fmt: skip
        return x

    def point(self, x, *, filters, activation, ending, strides, use_bias, back):
        x = layers.Conv2D(filters, 1, strides=strides, activation=activation, use_bias=use_bias)(x)
        return self.ended(x, ending)

    def spatial(self, x, *, filters, activation, ending, strides, use_bias, back):
        x = layers.Conv2D(filters, 3, strides=strides, padding="same", activation=activation)(x)
        return self.ended(x, ending)

    def separable(self, x, *, filters, activation, ending, strides, use_bias, back):
        x = layers.SeparableConv2D(
            filters, 3, strides=strides, padding="same", activation=activation, use_bias=use_bias
        )(x)
        return self.ended(x, ending)

    def depthwise(self, x, *, filters, activation, ending, strides, use_bias, back):
        return self.ended(layers.DepthwiseConv2D(3, strides=strides, padding="same")(x), ending)

    def dense(self, x, *, filters, activation, ending, strides, use_bias, back):
        return self.ended(layers.Dense(filters, activation=activation, use_bias=use_bias)(x), ending)

    def shared(self, x, *, filters, activation, ending, strides, use_bias, back):
        point, norm = layers.Conv2D(x.shape[-1], 1, activation=activation), layers.BatchNormalization()
        x = norm(point(x))
        return norm(point(x)) if back % 2 else point(x)

    def joined(self, x, join, back):
        other = self.maps[-1 - back % len(self.maps)]
        if other.shape[1:3] != x.shape[1:3]:
            other = layers.GlobalAveragePooling2D(keepdims=True)(other)
        if join is layers.Concatenate:
            other = other if other.shape[1:3] == x.shape[1:3] else layers.UpSampling2D(x.shape[1:3])(other)
        elif other.shape[-1] != x.shape[-1]:
            other = layers.Conv2D(x.shape[-1], 1)(other)
        return join()([x, other])

    def residual(self, x, *, back, **others):
        return self.joined(self.point(x, back=back, **others), layers.Add, back)

    def gate(self, x, *, back, **others):
        gate = self.point(x, back=back, **{**others, "activation": "sigmoid"})
        return self.joined(gate, layers.Multiply, back)

    def concatenate(self, x, *, back, **others):
        return self.joined(x, layers.Concatenate, back)

    def nested(self, x, *, back, **others):
        inside = keras.Input(x.shape[1:])
        y = self.point(inside, back=back, **{**others, "strides": 1, "filters": x.shape[-1]})
        model = keras.Model(inside, y)
        return model(model(x)) if back % 2 else model(x, training=False)

    def sequential(self, x, *, filters, activation, ending, strides, use_bias, back):
        point = layers.Conv2D(filters, 1, activation=activation, use_bias=use_bias)
        steps = [keras.Input(x.shape[1:]), point, layers.BatchNormalization(), layers.ReLU()]
        return keras.Sequential(steps)(x)

    def pool(self, x, **others):
        return layers.MaxPooling2D(2, padding="same")(x)


def network(steps, policy, outputs):
    """The model of drawn steps."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        net = Network()
        for kind, how in steps:
            net.grow(kind, how)
        ends = {"map": net.last, "pooled": layers.Dense(3)(layers.GlobalAveragePooling2D()(net.last))}
        ends["two"] = [ends["pooled"], net.maps[-2]] if len(net.maps) > 2 else ends["pooled"]
        return keras.Model(net.inputs, ends[outputs], name="random")
    finally:
        keras.config.set_dtype_policy(before)


@pytest.mark.tensorflow
@settings(deadline=None, max_examples=30, derandomize=True, suppress_health_check=list(HealthCheck))
@given(drawn=NETWORKS, choices=CHOICES)
def test_whatever_is_regrouped_counts_trains_and_reloads(drawn, choices, tmp_path_factory):
    model = network(**drawn)
    new, report = checked(model, tmp_path_factory.mktemp("random"), **choices)
    assert report.unknown == () and len(report.rows) >= sum(kind == "point" for kind, _ in drawn["steps"])
    assert step_towards_zero(new, samples(model))


@pytest.mark.tensorflow
@settings(deadline=None, max_examples=20, derandomize=True, suppress_health_check=list(HealthCheck))
@given(drawn=NETWORKS)
def test_nothing_selected_is_the_same_function(drawn, tmp_path_factory):
    model = network(**drawn)
    x = samples(model)
    wanted = arrays(model(x))
    for same in (checked(model, where=lambda layer: False)[0], skip_strides(model, 0)):
        for one, other in zip(arrays(same(x)), wanted, strict=True):
            np.testing.assert_array_equal(one, other)
