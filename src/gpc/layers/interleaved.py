"""`InterleavedPointwise`: what stands for a dense 1×1 convolution in the papers, in one layer."""

import math

import keras
from keras import activations, constraints, initializers, ops, regularizers

from gpc import wiring
from gpc.count import Cost
from gpc.layers import settings
from gpc.layers.arrange import interleave
from gpc.layers.choice import IMPLEMENTATIONS, worth_compiling
from gpc.layers.grouped import GroupedPointwise
from gpc.layers.normalization import FusedBatchNormalization


@keras.saving.register_keras_serializable(package="gpc")
class InterleavedPointwise(keras.layers.Layer):
    """Two grouped 1×1 convolutions with their channels interleaved between them, in place of a dense one.

    (B, H, W, in_channels) → (B, ⌈H / stride⌉, ⌈W / stride⌉, filters): k = activation(norm(K(input))),
    output = k + activation(norm(L(interleaved k))). `wiring.plan` decides at build time what there is of it
    (`layer.plan`): K and L, K alone, or a dense convolution where splitting is refused. `layer.k` and
    `layer.l` (None without L) are the `GroupedPointwise` layers. No activation follows the sum.
    Cost: `layer.plan.macs_per_pixel` multiply-accumulates a pixel, in the interleaved scheme
    channels_per_group · filters for K and as many for L, whatever the input's channels.

    Args:
        filters: how many output channels.
        channels_per_group: how wide a group is; in the divisible scheme how wide at least.
        scheme: "interleaved" (Entropy 2022, any channel counts) or "divisible" (MENDEL 2022).
        strides: of K; L has none.
        activation: after K and after L, as in `keras.layers.Conv2D`.
        normalization: after K and after L, before the activation: None, "batch", a Keras layer of which each
            gets a copy, or a callable that returns such a layer.
        use_bias: of K and L; by default they have one where there is no normalisation.
        kernel_initializer, bias_initializer, kernel_regularizer, bias_regularizer, kernel_constraint,
            bias_constraint, data_format, implementation: of K and L, as in `GroupedPointwise`.

    Raises ValueError for an argument out of range, TypeError for one of the wrong type.
    Source: Schwarz Schuler et al., MENDEL 28(1), 2022, and Entropy 24(9), 2022. The interleaving is folded
    into how L reads its input, and filters that do not divide are one convolution, not two; the outputs are
    the papers'.

    >>> import keras
    >>> layer = InterleavedPointwise(320, channels_per_group=16, use_bias=False)
    >>> layer(keras.ops.ones((1, 7, 7, 1152))).shape[-1], layer.count_params(), 1152 * 320
    (320, 10240, 368640)
    """

    cost_kind = "interleaved pointwise"

    def __init__(
        self,
        filters,
        channels_per_group=16,
        *,
        scheme="interleaved",
        strides=1,
        activation=None,
        normalization=None,
        use_bias=None,
        kernel_initializer="glorot_uniform",
        bias_initializer="zeros",
        kernel_regularizer=None,
        bias_regularizer=None,
        kernel_constraint=None,
        bias_constraint=None,
        data_format=None,
        implementation="auto",
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.filters = settings.positive("filters", filters)
        self.channels_per_group = settings.positive("channels_per_group", channels_per_group)
        self.scheme = settings.one_of("scheme", scheme, wiring.SCHEMES)
        self.strides = settings.pair("strides", strides)
        self.activation = activations.get(activation)
        self.normalization = _template(normalization)
        self.use_bias = (normalization is None) if use_bias is None else use_bias
        self.kernel_initializer = initializers.get(kernel_initializer)
        self.bias_initializer = initializers.get(bias_initializer)
        self.kernel_regularizer = regularizers.get(kernel_regularizer)
        self.bias_regularizer = regularizers.get(bias_regularizer)
        self.kernel_constraint = constraints.get(kernel_constraint)
        self.bias_constraint = constraints.get(bias_constraint)
        self.data_format = settings.data_format(data_format)
        self.implementation = settings.one_of("implementation", implementation, ("auto", *IMPLEMENTATIONS))
        self.plan = self.k = self.l = self.k_norm = self.l_norm = None
        self.supports_jit = worth_compiling()

    def build(self, input_shape):
        """Plan for these channels, and make K and L accordingly."""
        channels = settings.channels(self, input_shape)
        self.input_spec = keras.layers.InputSpec(ndim=4, axes={settings.axis(self): channels})
        self.plan = plan = wiring.plan(channels, self.filters, self.channels_per_group, scheme=self.scheme)
        output_shape = self.compute_output_shape(input_shape)
        self.k = self._convolution("k", plan.k, strides=self.strides)
        self.k.build(input_shape)
        self.k_norm = self._norm("k_norm", output_shape)
        if plan.l:
            self.l = self._convolution("l", plan.l, interleave=plan.shuffle)
            self.l.build(output_shape)
            self.l_norm = self._norm("l_norm", output_shape)

    def _convolution(self, name, grouping, **options):
        """A grouped convolution of this grouping, a dense one for None, with initializers of its own."""
        place = ("k", "l").index(name)
        own = {
            key: _drawn_apart(getattr(self, key), place) for key in ("kernel_initializer", "bias_initializer")
        }
        shared = (
            "use_bias",
            "kernel_regularizer",
            "bias_regularizer",
            "kernel_constraint",
            "bias_constraint",
        )
        return GroupedPointwise(
            self.filters,
            **_how(grouping),
            **own,
            **{key: getattr(self, key) for key in (*shared, "data_format", "implementation")},
            **options,
            name=name,
            dtype=self.dtype_policy,
        )

    def _norm(self, name, shape):
        """A copy of the normalisation, built; None where there is none."""
        if self.normalization is None:
            return None
        if self.normalization == "batch":
            norm = FusedBatchNormalization(
                axis=settings.axis(self), name=name, dtype=self.dtype_policy
            )
        else:
            norm = type(self.normalization).from_config({**self.normalization.get_config(), "name": name})
        norm.build(shape)
        return norm

    def call(self, inputs, training=None):
        """(B, H, W, in_channels) → (B, ⌈H / stride⌉, ⌈W / stride⌉, filters)."""
        k = self._finished(self.k(inputs), self.k_norm)
        if self.l is None:
            return interleave(k, self.plan.shuffle, settings.axis(self)) if self.plan.shuffle_output else k
        return ops.add(self._finished(self.l(k), self.l_norm), k)

    def _finished(self, x, norm):
        """Normalised and activated. Keras hands `training` on to layers called inside this one."""
        return self.activation(x if norm is None else norm(x))

    def compute_output_shape(self, input_shape):
        """(B, H, W, in_channels) → (B, ⌈H / stride⌉, ⌈W / stride⌉, filters); unknown sizes stay so."""
        return settings.strided_shape(self, input_shape)

    def cost(self, input_shapes, output_shapes):
        """What `gpc.count` asks: multiply-accumulates of K and L, and bytes of all tensors they make."""
        macs = settings.positions(self, output_shapes[0]) * self.plan.macs_per_pixel
        each = 1 + (self.normalization is not None) + (self.activation is not activations.linear)
        tensors = 2 * each + 1 if self.l else each + self.plan.shuffle_output
        bytes_each = math.prod(output_shapes[0]) * settings.itemsize(self.compute_dtype)
        return Cost(macs=macs, pointwise_macs=macs, activation_bytes=tensors * bytes_each)

    def get_config(self):
        """What it takes to make this layer again."""
        kept = self.normalization
        return {
            **super().get_config(),
            "filters": self.filters,
            "channels_per_group": self.channels_per_group,
            "scheme": self.scheme,
            "strides": self.strides,
            "activation": activations.serialize(self.activation),
            "normalization": kept if kept in (None, "batch") else keras.saving.serialize_keras_object(kept),
            "use_bias": self.use_bias,
            "kernel_initializer": initializers.serialize(self.kernel_initializer),
            "bias_initializer": initializers.serialize(self.bias_initializer),
            "kernel_regularizer": regularizers.serialize(self.kernel_regularizer),
            "bias_regularizer": regularizers.serialize(self.bias_regularizer),
            "kernel_constraint": constraints.serialize(self.kernel_constraint),
            "bias_constraint": constraints.serialize(self.bias_constraint),
            "data_format": self.data_format,
            "implementation": self.implementation,
        }


def _how(grouping):
    """The arguments that make `grouping` again from its channels: how many groups, or how wide."""
    if grouping is None:
        return {"groups": 1}
    sizes = grouping.in_channels, grouping.filters
    if wiring.grouping(*sizes, groups=grouping.groups) == grouping:
        return {"groups": grouping.groups}
    return {"channels_per_group": grouping.channels_per_group}


def _drawn_apart(initializer, place):
    """A copy for K (place 0) or L (place 1).

    A fixed seed moves on: where both kernels have one shape, it would start them equal.
    """
    if not isinstance(initializer, initializers.Initializer):
        return initializer
    config = initializer.get_config()
    if isinstance(config.get("seed"), int):
        config["seed"] += place
    return type(initializer).from_config(config)


def _template(normalization):
    """None, "batch", or a Keras layer to make copies of."""
    if isinstance(normalization, dict):
        normalization = keras.saving.deserialize_keras_object(normalization)
    if normalization in (None, "batch") or isinstance(normalization, keras.layers.Layer):
        return normalization
    made = normalization() if callable(normalization) else normalization
    if not isinstance(made, keras.layers.Layer):
        raise TypeError(
            "normalization must be None, 'batch', a Keras layer or a callable that returns one; "
            f"received {normalization!r}" + (f", which returned {made!r}" if callable(normalization) else "")
        )
    return made
