"""What the tests of surgery share: small models, a training step, and replaced layers computed in NumPy."""

import keras
import numpy as np
from keras import layers

from gpc import wiring


def numbers(*shape, seed=0):
    """Normal numbers in float32."""
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def run(model, x):
    """The model's output at inference as NumPy."""
    return keras.ops.convert_to_numpy(model(x, training=False))


def shaken(model, seed=1):
    """The model with every weight drawn anew, positive where it must be: no identity hides a mistake."""
    random = np.random.default_rng(seed)
    model.set_weights([random.uniform(0.2, 0.9, weight.shape) for weight in model.get_weights()])
    return model


def train(model, x, y):
    """One step with a rate small enough that no batch norm over two images blows up.

    TensorFlow is fastest at a single step if it compiles none, JAX if it compiles all at once.
    """
    how = {"run_eagerly": True} if keras.backend.backend() == "tensorflow" else {"jit_compile": True}
    model.compile(keras.optimizers.RMSprop(1e-5), "sparse_categorical_crossentropy", **how)
    return float(model.train_on_batch(x, y))


def reloaded(model, folder):
    """The model after a round trip through a .keras file."""
    path = folder / "model.keras"
    model.save(path)
    return keras.models.load_model(path)


def chain(shape, *steps, name="net", **options):
    """A functional model of one operation after the other."""
    inputs = x = keras.Input(shape, **options)
    for step in steps:
        x = step(x)
    return keras.Model(inputs, x, name=name)


def conv_bn_relu(filters, *, kernel=1, strides=1, name="point"):
    """Conv2D without bias, batch norm, ReLU, as three layers."""
    return (
        layers.Conv2D(filters, kernel, strides=strides, padding="same", use_bias=False, name=name),
        layers.BatchNormalization(name=f"{name}_bn"),
        layers.ReLU(name=f"{name}_relu"),
    )


def dense_twin(kernel, grouping):
    """The dense (in, filters) matrix of a grouped kernel (1, 1, c, filters), filled filter by filter."""
    matrix = np.zeros((grouping.in_channels, grouping.filters))
    each = grouping.filters // grouping.groups
    for filter_ in range(grouping.filters):
        main = filter_ < grouping.filters - grouping.extra
        group = filter_ // each if main else filter_ - (grouping.filters - grouping.extra)
        for row in range(grouping.channels_per_group):
            channel = (group * grouping.channels_per_group + row) % grouping.in_channels
            matrix[channel, filter_] += kernel[0, 0, row, filter_]
    return matrix


def normalized(x, layer):
    """A batch norm at inference."""
    gamma, beta, mean, variance = layer.get_weights()
    return gamma * (x - mean) / np.sqrt(variance + layer.epsilon) + beta


def replaced_in_numpy(x, model, name, plan):
    """What should stand for `name`, a convolution with batch norm and ReLU, computed by the papers' rule."""

    def branch(x, letter, grouping):
        convolution = model.get_layer(f"{name}_{letter}")
        y = x @ dense_twin(convolution.get_weights()[0], grouping)
        return np.maximum(normalized(y, model.get_layer(f"{name}_{letter}_bn")), 0)

    k = branch(x, "k", plan.k)
    u = k[..., wiring.interleave(plan.filters, plan.shuffle)] if plan.shuffle else k
    if plan.l:
        return branch(u, "l", plan.l) + k
    return u if plan.shuffle_output else k
