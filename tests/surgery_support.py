"""What the tests of surgery share: small models, a training step, and replaced layers computed in NumPy."""

import json

import keras
import numpy as np
from keras import layers, ops

from gpc import count, wiring
from gpc.surgery import regroup


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

    TensorFlow and PyTorch are fastest at a single step if they compile none, JAX if it compiles all at once.
    """
    how = {"jit_compile": True} if keras.backend.backend() == "jax" else {"run_eagerly": True}
    model.compile(keras.optimizers.RMSprop(1e-5), "sparse_categorical_crossentropy", **how)
    return float(model.train_on_batch(x, y))


def reloaded(model, folder):
    """The model after a round trip through a .keras file."""
    path = folder / "model.keras"
    model.save(path)
    return keras.models.load_model(path)


def state(model):
    """All that must not change in an original: its configuration and its weights."""
    return json.dumps(model.get_config(), default=str, sort_keys=True), [
        w.copy() for w in model.get_weights()
    ]


def same_state(one, other):
    return one[0] == other[0] and all(np.array_equal(a, b) for a, b in zip(one[1], other[1], strict=True))


def checked(model, folder=None, x=None, **options):
    """(new model, report) of `regroup`, after all has been looked at that holds whatever the model is.

    `folder`: where the new model is saved and loaded again; None for what Keras itself can't save.
    """
    x = samples(model) if x is None else x
    before, answers = state(model), arrays(model(x, training=False))
    new, report = regroup(model, **options)
    assert same_state(before, state(model))
    assert all(map(np.array_equal, answers, arrays(model(x, training=False))))
    assert [tensor.shape for tensor in new.outputs] == [tensor.shape for tensor in model.outputs]
    assert_the_report_tells_the_truth(model, new, report)
    old = by_path(model)
    for path, layer in by_path(new).items():  # a path of the original's is a layer that was kept
        if path in old:
            for one, other in zip(layer.get_weights(), old[path].get_weights(), strict=True):
                np.testing.assert_array_equal(one, other, err_msg=path)
    found = arrays(new(x, training=False))
    assert all(np.isfinite(array).all() for array in found)
    if folder:
        again = arrays(reloaded(new, folder)(x, training=False))
        assert max(np.abs(a - b).max() for a, b in zip(found, again, strict=True)) <= 1e-6
    return new, report


def assert_the_report_tells_the_truth(model, new, report):
    """Its totals are the models' own counts, and its rows make up the difference between them."""
    assert (report.parameters_before, report.parameters_after) == (model.count_params(), new.count_params())
    saved = sum(row.parameters_before - row.parameters_after for row in report.rows)
    assert saved == report.parameters_before - report.parameters_after
    counted = [count.cost(net, unknown="list").macs for net in (model, new)]
    assert [report.macs_before, report.macs_after] == counted
    known = [row for row in report.rows if row.macs_before is not None]
    assert sum(row.macs_before - row.macs_after for row in known) == counted[0] - counted[1]


def by_path(model, path=""):
    """{path: layer} of all layers here and in nested models, the models themselves left out."""
    found = {}
    for layer in model.layers:
        inner = isinstance(layer, keras.Model)
        found |= by_path(layer, f"{path}{layer.name}/") if inner else {path + layer.name: layer}
    return found


def samples(model):
    """Two normal images for each input."""
    tensors = [numbers(2, *tensor.shape[1:], seed=seed) for seed, tensor in enumerate(model.inputs)]
    return keras.tree.pack_sequence_as(model.input, tensors)


def arrays(outputs):
    """All tensors of a structure as NumPy in float32."""
    return [ops.convert_to_numpy(ops.cast(tensor, "float32")) for tensor in keras.tree.flatten(outputs)]


def step_towards_zero(model, x):
    """One training step on the squares of all outputs; whether the loss and every weight stay finite."""
    squares = [ops.mean(ops.reshape(ops.cast(y, "float32") ** 2, (2, -1)), 1) for y in model.outputs]
    whole = keras.Model(model.input, ops.sum(ops.stack(squares), 0))
    whole.compile(keras.optimizers.RMSprop(1e-5), "mse", run_eagerly=keras.backend.backend() == "tensorflow")
    loss = whole.train_on_batch(x, np.zeros(2, "float32"))
    return bool(np.isfinite([loss, *(np.abs(weight).max() for weight in model.get_weights())]).all())


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
