"""The gradient of a scalar by a nudge of zeros, on the active backend."""

import keras
from keras import ops


def gradient(function, like, tensor):
    """Slope of `function(nudge)` at a nudge of zeros shaped as `like`; in float32.

    Raises ValueError naming the tensor's layer where the function doesn't depend on it.
    """
    nudge, backend = ops.zeros(ops.shape(like), dtype="float32"), keras.backend.backend()
    if backend not in _BACKENDS:
        raise ValueError(
            f"the {backend!r} backend has no gradients here; {', '.join(sorted(_BACKENDS))} have, and "
            "gpc.explain.cam and occlusion need none"
        )
    found = _BACKENDS[backend](function, nudge)
    if found is None:
        name = tensor._keras_history.operation.name
        raise ValueError(f"the score doesn't depend on layer {name!r}: choose one on the way to the output")
    return found


def _tensorflow(function, nudge):
    import tensorflow as tf

    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(nudge)
        value = function(nudge)
    return tape.gradient(value, nudge)


def _jax(function, nudge):
    import jax

    # Layers at inference change none of their variables, so their values are constants here.
    return jax.grad(function)(nudge)


def _torch(function, nudge):
    import torch

    with torch.enable_grad():
        nudge = nudge.detach().requires_grad_(True)
        value = function(nudge)
        return torch.autograd.grad(value, nudge, allow_unused=True)[0] if value.requires_grad else None


_BACKENDS = {"tensorflow": _tensorflow, "jax": _jax, "torch": _torch}
