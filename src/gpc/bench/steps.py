"""Compiled calls of a layer or model, on any backend: forward, and forward with gradients.

A step hands out the output too: a linear layer's gradient does not need it, and a compiler leaves out what
nobody asks for. The output's gradient is drawn at random, for the same reason. An optimizer's update is no
part of a step.
"""

import numpy as np


def forward(model, x):
    """A callable that runs a layer or model on `x`, compiled where the backend compiles: → output."""
    import keras

    x = keras.ops.convert_to_tensor(x)
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        compiled = tf.function(
            lambda x: model(x, **_mode(model, False)), autograph=False
        ).get_concrete_function(x)
        return lambda: compiled(x)
    if keras.backend.backend() == "jax":
        import jax

        state = [
            [v.value for v in group] for group in (model.trainable_variables, model.non_trainable_variables)
        ]
        compiled = jax.jit(lambda state, x: model.stateless_call(*state, x, **_mode(model, False))[0])
        return lambda: compiled(state, x)

    import torch

    def infer():
        with torch.no_grad():
            return model(x, **_mode(model, False))

    return infer


def forward_backward(model, x, *, of_input=True):
    """A callable that runs `model` on `x` as in training, and its backward pass: → (output, gradients).

    Gradients of all trainable weights, and with `of_input` of `x`, as a layer inside a network has to give
    it.
    """
    import keras

    x = keras.ops.convert_to_tensor(x)
    if not model.built:
        model(x[:1])
    shape = model.compute_output_shape(tuple(x.shape))
    gradient = np.random.default_rng(0).normal(size=shape).astype("float32")
    gradient = keras.ops.convert_to_tensor(gradient, dtype=model.compute_dtype)
    make = {"tensorflow": _tensorflow, "jax": _jax, "torch": _torch}[keras.backend.backend()]
    return make(model, x, gradient, of_input)


def _mode(model, training):
    """The `training` argument, for what takes one."""
    return {"training": training} if model._call_has_training_arg else {}


def _tensorflow(model, x, gradient, of_input):
    import tensorflow as tf

    @tf.function(autograph=False)
    def step(x, gradient):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = model(x, **_mode(model, True))
        wanted = [v.value for v in model.trainable_variables] + [x] * of_input
        return y, tape.gradient(y, wanted, output_gradients=gradient)

    compiled = step.get_concrete_function(x, gradient)
    return lambda: compiled(x, gradient)


def _jax(model, x, gradient, of_input):
    import jax

    weights, fixed = (
        [v.value for v in group] for group in (model.trainable_variables, model.non_trainable_variables)
    )

    @jax.jit
    def step(weights, fixed, x, gradient):
        def run(weights, x):
            return model.stateless_call(weights, fixed, x, **_mode(model, True))

        if of_input:
            y, back, fixed_now = jax.vjp(run, weights, x, has_aux=True)
        else:
            y, back, fixed_now = jax.vjp(lambda weights: run(weights, x), weights, has_aux=True)
        return y, back(gradient), fixed_now

    return lambda: step(weights, fixed, x, gradient)


def _torch(model, x, gradient, of_input):
    import torch

    x.requires_grad_(of_input)
    wanted = [v.value for v in model.trainable_variables] + [x] * of_input

    def step():
        y = model(x, **_mode(model, True))
        return y, torch.autograd.grad(y, wanted, gradient)

    return step
