"""The running average of a run's weights: kept beside the model, lent to it to be scored, its own at the end.

Not the optimizers' `use_ema`: Keras writes that average over the weights at the end of every `fit`, of which
a run has one an epoch, and knows nothing of batch norm's statistics, which would stay those of weights that
the average is not.

Source: Polyak and Juditsky, 1992; the statistics averaged along and the rise of the first steps,
min(ema, (1 + t) / (10 + t)), as in EfficientNet's training (Tan and Le, 2019, and TensorFlow's
ExponentialMovingAverage); taken every few steps, as TorchVision's reference training does.
"""

import contextlib
import math

import numpy as np

from gpc.train import state

EVERY = 16  # steps: the average moves by hundredths between two of them, and each costs a pass over the weights


def staying(ema, step, steps):
    """How much of the average stays over the last `steps` steps up to `step`: the product over each of them.

    >>> staying(0.999, 1, 1) == 2 / 11, round(staying(0.999, 90_000, 16), 4)
    (True, 0.9841)
    """
    return math.prod(min(ema, (1 + one) / (10 + one)) for one in range(step - steps + 1, step + 1))


class Average:
    """The average of all floating weights, batch norm's statistics among them; of others the newest."""

    def __init__(self, ema):
        self.ema, self.values, self._mix = ema, None, None

    def due(self, done):
        """Whether it is taken after this step of an epoch, the last one aside."""
        return done % EVERY == 0

    def take(self, model, step, done):
        """Moves towards the model's weights after `step` steps in all, `done` of them in this epoch."""
        import keras

        if self.values is None:
            self.values = [keras.ops.convert_to_tensor(state.array(one)) for one in _floating(model)]
            return
        self._mix = self._mix or _compiled(_mixed)
        moves = 1 - staying(self.ema, step, (done - 1) % EVERY + 1)
        newest = [keras.ops.convert_to_tensor(one) for one in _floating(model)]
        self.values = list(self._mix(self.values, newest, np.float32(moves)))

    def arrays(self):
        """What a checkpoint keeps of it: {key: array}."""
        import keras

        found = [keras.ops.convert_to_numpy(one) for one in self.values or ()]
        return {f"ema/{place:04d}": np.array(one) for place, one in enumerate(found)}

    def restore(self, arrays):
        """Puts back what `arrays` gave."""
        import keras

        self.values = [keras.ops.convert_to_tensor(arrays[key]) for key in sorted(arrays)] or None

    def put(self, model):
        """The model takes the average for its weights."""
        # Copies through NumPy: JAX gives a step's buffers away, and these are needed for the next average.
        for one, array in zip(_floating(model), self.arrays().values(), strict=True):
            one.assign(array)

    @contextlib.contextmanager
    def lent(self, model):
        """Within the block the model has the average for its weights; after it, its own again."""
        own = [state.array(one) for one in _floating(model)]
        self.put(model)
        try:
            yield
        finally:
            for one, array in zip(_floating(model), own, strict=True):
                one.assign(array)


def _floating(model):
    return [one for one in model.weights if "float" in str(one.dtype)]


def _mixed(average, newest, moves):
    # Not (1 - moves) · average + moves · newest: what does not change stays as it is, to the last bit.
    return [one + moves * (new - one) for one, new in zip(average, newest, strict=True)]


def _compiled(function):
    """One program over hundreds of weights, where the backend has such."""
    import keras

    backend = keras.backend.backend()
    if backend == "jax":
        import jax

        return jax.jit(function)
    if backend == "tensorflow":
        import tensorflow

        return tensorflow.function(function, reduce_retracing=True)
    return function
