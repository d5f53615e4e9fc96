"""The layers that take the place of one pointwise layer, its batch norm and its activation."""

import keras
import numpy as np
from keras import initializers, layers

from gpc.layers import ChannelShuffle, FusedDepthwiseConv2D, GroupedPointwise
from gpc.surgery.clones import clone, fresh, quickened


class Names:
    """Hands out layer names that no operation of the model has yet."""

    def __init__(self, taken):
        self.taken = set(taken)

    def __call__(self, wanted):
        name, number = wanted, 2
        while name in self.taken:
            name, number = f"{wanted}_{number}", number + 1
        self.taken.add(name)
        return name


class Replacement:
    """K, or K + interleave + L, for one pointwise layer; called like the layer it stands for.

    `parts` are the calls of the batch norm and of the activation behind it, which K and L each have their own
    of. (B, H, W, in_channels) → (B, ⌈H / stride⌉, ⌈W / stride⌉, filters). The new layers are named after the
    old one: `name_k`, `name_k_bn`, `name_k_activation`, `name_interleave`, `name_l`, …, `name_add`.
    """

    def __init__(self, found, plan, parts, *, names, fused=True, seed=None):
        self.found, self.plan, self.parts, self.name = found, plan, parts, found.layer.name
        self.names, self.fused, self.convolutions, self.weighing = names, fused, [], []
        self.policy = found.layer.dtype_policy
        self.data_format = getattr(found.layer, "data_format", "channels_last")
        self.depthwise = self._depthwise() if found.separable else None
        seeds = (None, None) if seed is None else map(int, np.random.SeedSequence(seed).generate_state(2))
        self.k, self.l = (
            self._branch(letter, grouping, own) if grouping else None
            for letter, grouping, own in zip("kl", (plan.k, plan.l), seeds, strict=True)
        )
        self.interleave = self._interleave() if plan.shuffle else None
        self.add = layers.Add(name=names(f"{self.name}_add"), dtype=self.policy) if plan.l else None
        self.last = self._last() if found.across else None

    def __call__(self, x):
        x = self.depthwise(x) if self.depthwise else x
        x = k = _through(self.k, x)
        if self.interleave:
            x = self.interleave(k)
        if self.l:
            x = self.add([k, _through(self.l, x)])
        return self.last(x) if self.last else x

    @property
    def parameters_before(self):
        """Of the pointwise layer and of what was replaced with it."""
        operations = [self.found.layer, *(calls[0].operation for calls in self.parts)]
        return sum(layer.count_params() for layer in operations if isinstance(layer, keras.Layer))

    @property
    def parameters_after(self):
        return sum(layer.count_params() for layer in self.weighing)

    def copy_depthwise(self):
        """A separable layer's depthwise half keeps its weights."""
        if self.depthwise:
            self.depthwise.set_weights(self.found.layer.get_weights()[:1])

    def _keep(self, layer, *, convolution=False):
        self.weighing.append(layer)
        if convolution:
            self.convolutions.append(layer)
        return layer

    def _branch(self, letter, grouping, seed):
        """One grouped convolution, its batch norm and activation: [(layer, options of its call), …]."""
        name = f"{self.name}_{letter}"
        branch = [(self._keep(self._grouped(name, grouping, letter, seed), convolution=True), {})]
        for calls in self.parts:
            old = calls[0].operation
            kind = "bn" if isinstance(old, layers.BatchNormalization) else "activation"
            new = (quickened if self.fused else clone)(old, name=self.names(f"{name}_{kind}"))
            if isinstance(new, keras.Layer):
                new.trainable = True
                self._keep(new)
            branch.append((new, calls[0].options))
        return branch

    def _grouped(self, name, grouping, letter, seed):
        """The grouped convolution itself, set up as the replaced layer was."""
        config, prefix = self.found.layer.get_config(), "pointwise" if self.found.separable else "kernel"
        same = ("use_bias", "bias_initializer", "bias_regularizer", "bias_constraint")
        width = {"groups": grouping.groups}
        if self.plan.scheme == "interleaved":
            width = {"channels_per_group": self.plan.channels_per_group}
        moved = letter == "l" or self.found.separable
        return GroupedPointwise(
            self.plan.filters,
            **width,
            strides=1 if moved else getattr(self.found.layer, "strides", 1),
            activation=None if self.found.across else fresh(self.found.layer.activation),
            kernel_initializer=initializers.GlorotUniform(seed=seed),
            kernel_regularizer=config[f"{prefix}_regularizer"],
            kernel_constraint=config[f"{prefix}_constraint"],
            activity_regularizer=self.found.layer.activity_regularizer,
            data_format=self.data_format,
            dtype=self.policy,
            name=self.names(name),
            **{key: config[key] for key in same},
        )

    def _interleave(self):
        name = self.names(f"{self.name}_interleave")
        return ChannelShuffle(
            step=self.plan.shuffle, data_format=self.data_format, name=name, dtype=self.policy
        )

    def _last(self):
        """Softmax, once, behind the sum: over half of a sum it would be no distribution."""
        activation = fresh(self.found.layer.activation)
        return layers.Activation(activation, name=self.names(f"{self.name}_activation"), dtype=self.policy)

    def _depthwise(self):
        """The first half of a separable convolution, as a layer of its own."""
        config = self.found.layer.get_config()
        same = ("kernel_size", "strides", "padding", "depth_multiplier", "data_format", "dilation_rate")
        same += ("depthwise_initializer", "depthwise_regularizer", "depthwise_constraint", "trainable")
        name = self.names(f"{self.name}_depthwise")
        settings = {key: config[key] for key in same}
        kind = FusedDepthwiseConv2D if self.fused else layers.DepthwiseConv2D
        return self._keep(kind(**settings, use_bias=False, name=name, dtype=self.policy), convolution=True)


def _through(branch, x):
    for layer, options in branch:
        x = layer(x, **options)
    return x
