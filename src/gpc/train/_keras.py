"""The Keras classes a run needs: a module of their own, since defining them takes Keras."""

from concurrent.futures import ThreadPoolExecutor

import keras
import numpy as np

from gpc.train.machine import cores

AHEAD = 4, 16  # batches made while the model works, at least and at most: as many as cores, few enough to hold


class Feed(keras.utils.PyDataset):
    """A sequence of (images, targets) from batch `start` on, as Keras's fit takes it; made ahead in threads.

    float32 (B, H, W, C) in 0…1 and integers → the images times `scale` and what `encode` makes of those.
    Threads of ours, since Keras makes PyDataset batches ahead on some backends only, and OpenCV and NumPy let
    go of the GIL.
    """

    def __init__(self, batches, *, encode, scale, start=0):
        super().__init__(workers=1)
        self.batches, self.encode, self.scale, self.start = batches, encode, scale, start
        least, most = AHEAD
        self._ahead = max(least, min(most, cores() - 1))
        self._threads = ThreadPoolExecutor(max(1, min(self._ahead, cores() - 1)))
        self._made = {}

    def __len__(self):
        return len(self.batches) - self.start

    def __getitem__(self, place):
        for old in [one for one in self._made if one < place - 1]:  # Keras asks for batches 0 and 1 twice
            del self._made[old]
        for one in range(place, min(place + self._ahead, len(self))):
            if one not in self._made:
                self._made[one] = self._threads.submit(self._make, one)
        return self._made[place].result()

    def _make(self, place):
        images, targets = self.batches[self.start + place]
        if self.scale != 1:
            images = images * np.float32(self.scale)
        return images, self.encode(targets)

    def close(self):
        """Ends the threads; batches not yet begun are never made."""
        self._threads.shutdown(wait=False, cancel_futures=True)


class Rates(keras.optimizers.schedules.LearningRateSchedule):
    """A table of learning rates, one a step, inside the compiled step on every backend."""

    def __init__(self, table):
        self.table = np.asarray(table, np.float32)

    def __call__(self, step):
        place = keras.ops.minimum(keras.ops.cast(step, "int32"), len(self.table) - 1)
        return keras.ops.take(keras.ops.convert_to_tensor(self.table), place)


def summing(kind):
    """An optimizer of this class that adds up the devices' gradients before it clips them, on TensorFlow."""

    class Summing(kind):
        def _clip_gradients(self, gradients):
            import tensorflow as tf

            together = tf.distribute.get_replica_context()
            return super()._clip_gradients(together.all_reduce(tf.distribute.ReduceOp.SUM, gradients))

        def _all_reduce_sum_gradients(self, gradients_and_variables):
            return gradients_and_variables  # done above

    return Summing


class Pulse(keras.callbacks.Callback):
    """Calls `begin(model)` when an epoch's metrics are reset, `first()` right before its first step here,
    `tick(model, step)` before each later one.

    Before a step and not after it: Keras reads a step's loss for every callback that asks to be called after
    one, and so would make a GPU wait for the terminal at each step.
    """

    def __init__(self, begin, first, tick):
        super().__init__()
        self._begin, self._first, self._tick = begin, first, tick

    def on_epoch_begin(self, epoch, logs=None):
        self._begin(self._model)

    def on_train_batch_begin(self, batch, logs=None):
        # A function, since on JAX reading `model` fetches its state from the device: only where needed.
        if batch:
            self._tick(lambda: self.model, batch)
        else:
            self._first()
