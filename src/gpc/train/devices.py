"""Several devices for one run: each batch is split among them, the weights are the same on all.

On JAX `keras.distribution.DataParallel`: one program over all devices. On TensorFlow
`tf.distribute.MirroredStrategy`: a program on each, gradients, losses and metrics added up. Both give the
numbers of one device to rounding, but for dropout on TensorFlow, which draws on each device for itself. On
PyTorch a run is of one device.
"""

import contextlib
from dataclasses import dataclass

from gpc._checks import positive


@dataclass(frozen=True)
class Devices:
    """The devices of a run by name; none named is the backend's own choice of one."""

    names: tuple = ()

    @property
    def count(self):
        """How many the batches are split among."""
        return max(1, len(self.names))

    def scope(self):
        """The context in which the model is built, compiled, trained and evaluated."""
        return _scope(self.names) if self.count > 1 else contextlib.nullcontext()

    def even(self, count):
        """The largest number up to `count` that splits among them.

        >>> Devices(("cpu:0", "cpu:1")).even(97)
        96
        """
        return count - count % self.count


def chosen(devices):
    """What `fit` was given as `devices`, made sure of: 1, "auto", a number, or a list of names → `Devices`.

    Raises ValueError for more devices than there are, unknown names, or several on PyTorch, naming what there
    is; TypeError for anything else.
    """
    if devices is None or (devices == 1 and not isinstance(devices, bool)):
        return Devices()
    there = present()
    if isinstance(devices, str):
        names = there if devices == "auto" else _known(devices.split(","), there)
    elif isinstance(devices, (list, tuple)):
        names = _known(devices, there)
    else:
        number = positive("devices", devices)
        if number > len(there):
            told = f"devices={number}, and there are {len(there)} ({', '.join(there)})"
            raise ValueError(f"{told}; nearest that works: {len(there)}")
        names = there[:number]
    return Devices(tuple(names)) if len(names) > 1 else Devices()


def present():
    """Names of the devices that a run can be spread over: GPUs or TPUs where there are any, else CPUs."""
    import keras

    backend = keras.backend.backend()
    if backend == "jax":
        return tuple(keras.distribution.list_devices())
    if backend == "tensorflow":
        import tensorflow as tf

        found = tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("CPU")
        return tuple(one.name.removeprefix("/device:").lower() for one in found)
    raise ValueError(
        f"devices: a run on {backend} is of one device; leave devices=1, or take KERAS_BACKEND=jax "
        "(or tensorflow)"
    )


def _known(names, there):
    names = [str(name).strip().lower() for name in names]
    wrong = [name for name in names if name not in there]
    if wrong or not names or len(set(names)) < len(names):
        raise ValueError(
            f"devices={','.join(names)!r} must be different ones of those there are: {', '.join(there)}"
        )
    return names


def synchronize(model):
    """Batch norms over the whole batch, where each device would see its part alone: on TensorFlow.

    Left to itself each device normalises by its own part and keeps moving statistics of its own; validation
    then runs with several models, and the first one's statistics are saved.
    """
    import keras

    if keras.backend.backend() == "tensorflow":
        for layer in model._flatten_layers():
            if isinstance(layer, keras.layers.BatchNormalization):
                layer.synchronized = True


def fitting(devices, *, batch_size, images):
    """Raises ValueError for a batch that does not split evenly, or fewer images than devices."""
    count = devices.count
    if batch_size % count:
        low, high = batch_size - batch_size % count, batch_size - batch_size % count + count
        near = f"{low} or {high}" if low else str(high)
        raise ValueError(
            f"batch_size={batch_size} must be a multiple of the {count} devices; nearest that is: {near}"
        )
    if images < count:
        raise ValueError(f"{images} training images cannot be split among {count} devices")


def _scope(names):
    import keras

    if keras.backend.backend() == "jax":
        return keras.distribution.DataParallel(devices=list(names)).scope()
    import tensorflow as tf

    # Named, since TensorFlow's default on several CPUs numbers its collective operations through the whole
    # process, and a second run then waits for members of the first.
    gpus = names[0].startswith("gpu")
    together = tf.distribute.NcclAllReduce() if gpus else tf.distribute.ReductionToOneDevice()
    return tf.distribute.MirroredStrategy([name.upper() for name in names], together).scope()
