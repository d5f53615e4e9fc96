"""What the layers must equal, as loops over plain numbers, and one way to ask any backend for gradients.

Nothing here uses `gpc`: the rules are read from the papers' text a second time.
"""

import math

import keras
import numpy as np
from hypothesis import settings
from hypothesis import strategies as st
from keras import ops

# JAX compiles every operation anew for every shape, so it gets fewer of them.
PROPERTY = settings(deadline=None, max_examples=8 if keras.backend.backend() == "jax" else 40)


def group_sizes(in_channels, filters, *, channels_per_group=None, groups=None):
    """(groups, inputs of each, how many own one filter more)."""
    if groups is None:
        groups = min(math.ceil(in_channels / channels_per_group), filters)
        width = max(channels_per_group, math.ceil(in_channels / groups))
    else:
        width = math.ceil(in_channels / groups)
    return (1, in_channels, 0) if groups == 1 else (groups, width, filters % groups)


def every_nth(channels, step):
    """Channel numbers 0, step, 2·step, …, 1, 1+step, …"""
    return [place for start in range(step) for place in range(start, channels, step)]


def connections(in_channels, filters, step=None, **how):
    """(input channel, row of the kernel, filter) of every weight."""
    groups, width, extra = group_sizes(in_channels, filters, **how)
    order = every_nth(in_channels, step) if step else list(range(in_channels))
    for o in range(filters):
        group = o // (filters // groups) if o < filters - extra else o - (filters - extra)
        for row in range(width):
            yield order[(group * width + row) % in_channels], row, o


def grouped_twin(x, kernel, bias, gradient, *, strides=(1, 1), step=None, **how):
    """One grouped 1×1 convolution weight by weight: output, gradients of input, kernel and bias."""
    x, kernel, gradient = (np.asarray(a, "float64") for a in (x, kernel, gradient))
    seen = x[:, :: strides[0], :: strides[1]]
    y = np.zeros(gradient.shape) + (0 if bias is None else bias)
    for_seen, for_kernel = np.zeros(seen.shape), np.zeros(kernel.shape)
    for i, row, o in connections(x.shape[-1], kernel.shape[-1], step, **how):
        y[..., o] += seen[..., i] * kernel[0, 0, row, o]
        for_seen[..., i] += gradient[..., o] * kernel[0, 0, row, o]
        for_kernel[0, 0, row, o] += (gradient[..., o] * seen[..., i]).sum()
    for_x = np.zeros(x.shape)
    for_x[:, :: strides[0], :: strides[1]] = for_seen
    return y, for_x, for_kernel, gradient.sum((0, 1, 2))


def output(layer, x):
    """The layer's output as an array; on JAX compiled as one, for there each operation is compiled too."""
    if keras.backend.backend() != "jax":
        return ops.convert_to_numpy(layer(x))
    import jax

    layer.build(x.shape)
    state = [[w.value for w in group] for group in (layer.trainable_variables, layer.non_trainable_variables)]
    return np.asarray(jax.jit(lambda state, x: layer.stateless_call(*state, x)[0])(state, x))


def with_gradients(layer, x, gradient):
    """A layer's output, and for a gradient of it those of its input and trainable weights, as arrays."""
    x, gradient = ops.convert_to_tensor(x), ops.convert_to_tensor(gradient)
    weights = [w.value for w in layer.trainable_variables]
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        with tf.GradientTape() as tape:
            tape.watch(x)
            y = layer(x)
        found = tape.gradient(y, [x, *weights], output_gradients=gradient)
    elif keras.backend.backend() == "jax":
        import jax

        @jax.jit
        def step(weights, x, gradient):
            fixed = [w.value for w in layer.non_trainable_variables]
            y, back = jax.vjp(lambda weights, x: layer.stateless_call(weights, fixed, x)[0], weights, x)
            return y, back(gradient)

        y, (for_weights, for_x) = step(weights, x, gradient)
        found = [for_x, *for_weights]
    else:
        import torch

        x.requires_grad_(True)
        y = layer(x)
        found = torch.autograd.grad(y, [x, *weights], gradient)
    return [ops.convert_to_numpy(value) for value in (y.detach() if hasattr(y, "detach") else y, *found)]


@st.composite
def groupings(draw, largest=40):
    """(in_channels, filters, how): how is {"channels_per_group": …} or {"groups": …}."""
    in_channels, filters = draw(st.integers(1, largest)), draw(st.integers(1, largest))
    if draw(st.booleans()):
        return in_channels, filters, {"groups": draw(st.integers(1, min(in_channels, filters)))}
    return in_channels, filters, {"channels_per_group": draw(st.integers(1, largest))}


def swap(x, data_format):
    """Channels-last data as the layer wants it."""
    return x if data_format == "channels_last" else np.ascontiguousarray(np.moveaxis(x, -1, 1))


def swap_back(y, data_format):
    """The layer's data, channels last."""
    return y if data_format == "channels_last" else np.moveaxis(y, 1, -1)
