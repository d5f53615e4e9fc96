"""Which arithmetic for which layer: one table, by backend, device and size."""

import functools
from dataclasses import dataclass

import numpy as np
from keras import activations, backend

IMPLEMENTATIONS = ("native", "batched", "block_diagonal")


@dataclass(frozen=True)
class Choice:
    """A row of the table: what computes wide and narrow layers on one engine, and where narrow ends.

    `narrow_below`: multiply-accumulates of the dense layer per number that the grouped one moves. Below,
    memory is the limit, so that multiplying by zeros costs nothing and a plain dense product, with nothing to
    rearrange, is the fastest. Each channel is moved once; where some are read twice, all of the input
    `repeating` times more, and where extra filters are put last, all of the output `reordering` times more.
    `one_pixel_below`: the same limit on maps of one pixel, if another.
    """

    wide: str
    narrow: str
    narrow_below: int
    one_pixel: str
    strided: str
    channels_first: str | None = None
    repeating: int = 0
    reordering: int = 0
    one_pixel_below: int | None = None

    def narrow_at(self, grouping, pixels):
        """Whether a layer is narrow: it moves much for what it multiplies."""
        moved = grouping.in_channels * (1 + (self.repeating if grouping.repeated else 0))
        moved += grouping.filters * (1 + (self.reordering if grouping.extra else 0))
        limit = self.one_pixel_below if pixels == 1 and self.one_pixel_below else self.narrow_below
        return grouping.in_channels * grouping.filters < limit * moved


TABLE = {
    ("tensorflow", "cpu"): Choice(
        "native",
        "block_diagonal",
        32,
        "block_diagonal",
        "native",
        "batched",
        repeating=2,
        reordering=4,
        one_pixel_below=64,
    ),
    ("jax", "cpu"): Choice("batched", "block_diagonal", 32, "batched", "batched"),
    ("torch", "cpu"): Choice("native", "block_diagonal", 48, "batched", "batched"),
}
ACCELERATOR = Choice("batched", "block_diagonal", 512, "block_diagonal", "block_diagonal")


def choose(
    grouping, *, pixels=None, strides=(1, 1), dtype="float32", data_format="channels_last", engine=None
):
    """Which implementation "auto" stands for: a `wiring.Grouping` and what is known of the call → its name.

    Args:
        grouping: the layer's channels, filters and groups.
        pixels: height · width of the output, None if unknown.
        strides: (rows, columns); "strided" are all but (1, 1).
        dtype: what is computed in, which decides whether TensorFlow's CPU can differentiate "native".
        data_format: "channels_first" asks the column of that name.
        engine: (backend, device), by default the running one.

    The first column that applies decides, from the right; where its cell is blank, those to its left do. Maps
    of one pixel have the narrow column's limit where no other is given.

    | engine | wide | narrow: in · out / moved below | narrow, 1×1 maps | channels first | strided |
    |---|---|---|---|---|---|
    | TensorFlow, CPU | native | block_diagonal: 32 | block_diagonal: 64 | batched | native |
    | JAX, CPU | batched | block_diagonal: 32 | batched | | batched |
    | PyTorch, CPU | native | block_diagonal: 48 | batched | | batched |
    | any, GPU or TPU | batched | block_diagonal: 512 | block_diagonal | | block_diagonal |

    `moved` is in + out; for TensorFlow's CPU it is in + out + 2 · in where groups read channels twice, and 4 ·
    out more where groups own extra filters, which have to be put last.

    The CPU rows were chosen on two AVX-512 cores with EfficientNet-B0's layers; `python -m gpc.bench` says
    how they do on yours. The last row is reasoning that no clock has checked: an accelerator does some
    hundreds of multiply-accumulates in the time it moves a number, so zeros are free there up to wider
    layers. On TensorFlow's CPU "native" gives way to "batched" where it cannot be
    differentiated (`native_gradient_works`). One group is a dense convolution: "native" is the backend's own,
    and "batched" becomes "block_diagonal", a plain matrix product.

    >>> from gpc.wiring import grouping
    >>> choose(grouping(672, 192, channels_per_group=16), engine=("jax", "cpu"))
    'batched'
    >>> choose(grouping(96, 24, channels_per_group=16), engine=("jax", "cpu"))
    'block_diagonal'
    """
    engine = engine or (backend.backend(), device())
    row = TABLE.get(engine, ACCELERATOR)
    chosen = row.wide
    if row.narrow_at(grouping, pixels):
        chosen = row.one_pixel if pixels == 1 else row.narrow
    if data_format == "channels_first" and row.channels_first:
        chosen = row.channels_first
    if tuple(strides) != (1, 1):
        chosen = row.strided
    if chosen == "native" and engine == ("tensorflow", "cpu") and _lacks_native(dtype):
        chosen = "batched"
    return "block_diagonal" if grouping.groups == 1 and chosen == "batched" else chosen


def _lacks_native(dtype):
    return backend.backend() == "tensorflow" and not native_gradient_works(dtype)


def native_on_cpu(dtype="float32"):
    """Whether this is TensorFlow's CPU with a grouped convolution of its own that can be differentiated."""
    return on_tensorflow_cpu() and native_gradient_works(dtype)


def on_tensorflow_cpu():
    """Whether TensorFlow computes, and on a processor."""
    return (backend.backend(), device()) == ("tensorflow", "cpu")


@functools.cache
def device():
    """Where the backend puts its tensors by default: "cpu", "gpu" or "tpu"."""
    name = backend.backend()
    if name == "tensorflow":
        import tensorflow as tf

        kinds = {found.device_type.lower() for found in tf.config.list_physical_devices()}
        return next((kind for kind in ("tpu", "gpu") if kind in kinds), "cpu")
    if name == "jax":
        import jax

        return {"cpu": "cpu", "tpu": "tpu"}.get(jax.default_backend(), "gpu")
    if name == "torch":
        import torch

        return "gpu" if torch.accelerator.is_available() else "cpu"
    return "cpu"


@functools.cache
def native_gradient_works(dtype="float32"):
    """Whether TensorFlow's CPU differentiates a grouped convolution in `dtype`: tried once a process.

    It does with oneDNN, TensorFlow's default on x86, in float32 and bfloat16. Without
    (TF_ENABLE_ONEDNN_OPTS=0, other processors, float16, float64) it raises.
    """
    import tensorflow as tf

    x, kernel, ones = ([1, 2, 3, 4], (1, 1, 1, 4)), (range(1, 9), (1, 1, 2, 4)), ([1] * 4, (1, 1, 1, 4))
    layout = {"strides": [1] * 4, "padding": "VALID"}
    # In init_scope to be tried at once where a graph is being built; it stops tapes, hence the bare
    # operations.
    with tf.init_scope(), tf.device("CPU:0"):
        x, kernel, ones = (
            tf.cast(tf.reshape(list(values), shape), dtype) for values, shape in (x, kernel, ones)
        )
        try:
            found = [
                tf.nn.conv2d(x, kernel, **layout),
                tf.raw_ops.Conv2DBackpropInput(
                    input_sizes=x.shape, filter=kernel, out_backprop=ones, **layout
                ),
                tf.raw_ops.Conv2DBackpropFilter(
                    input=x, filter_sizes=kernel.shape, out_backprop=ones, **layout
                ),
            ]
        except (tf.errors.InvalidArgumentError, tf.errors.UnimplementedError):
            return False
        found = [np.asarray(tf.cast(value, "int32")).ravel().tolist() for value in found]
    return found == [[11, 14, 37, 44], [3, 11, 7, 15], [1, 1, 3, 3, 2, 2, 4, 4]]


def worth_compiling():
    """False on TensorFlow's CPU.

    There a model compiled by XLA computes grouped convolutions and their gradients many times slower than
    TensorFlow's own kernels, and some versions of Keras compile whatever says that it can be
    (jit_compile="auto").
    """
    return not on_tensorflow_cpu()


def fuses(activation):
    """Whether writing this activation out makes it one pass with the convolution in front of it.

    TensorFlow's CPU (oneDNN) does so with convolution, bias and y · sigmoid(y) in an inference graph, but not
    with `tf.nn.silu`, whose gradient of its own hides what it computes.
    """
    return on_tensorflow_cpu() and activation is activations.silu
