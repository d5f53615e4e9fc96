"""What boxes share: a convolution, dense, grouped or depthwise, with its batch norm and activation."""

from keras import initializers, layers

from gpc.layers import GroupedConv2D, GroupedPointwise

NORM = {"momentum": 0.9, "epsilon": 1e-5}


def convolved(x, filters, kernel=1, *, strides=1, groups=1, activation="relu", norm=NORM, name):
    """A convolution without bias, batch norm, activation.

    (B, H, W, C) → (B, ⌈H / strides⌉, ⌈W / strides⌉, filters), kernel² · C / groups · filters MACs a pixel.
    Initial values are He's normal ones.
    """
    shared = {"strides": strides, "use_bias": False, "kernel_initializer": "he_normal", "name": name}
    if groups == 1:
        x = layers.Conv2D(filters, kernel, padding="same", **shared)(x)
    elif kernel == 1:
        x = GroupedPointwise(filters, groups=groups, **shared)(x)
    else:
        x = GroupedConv2D(filters, kernel, groups=groups, padding="same", **shared)(x)
    return finished(x, activation=activation, norm=norm, name=name)


def filtered(x, kernel=3, *, strides=1, multiplier=1, activation="relu", norm=NORM, name):
    """A depthwise convolution without bias, batch norm, activation: each channel on its own.

    (B, H, W, C) → (B, ⌈H / strides⌉, ⌈W / strides⌉, multiplier · C), kernel² MACs a value.
    """
    # Keras takes a depthwise kernel's (k, k, C, 1) for k² · C inputs; each output has k², which is fan_out.
    start = initializers.VarianceScaling(2.0, "fan_out")
    x = layers.DepthwiseConv2D(
        kernel,
        strides=strides,
        padding="same",
        depth_multiplier=multiplier,
        use_bias=False,
        depthwise_initializer=start,
        name=name,
    )(x)
    return finished(x, activation=activation, norm=norm, name=name)


def finished(x, *, activation, norm, name):
    """Batch norm, then the activation if there is one: the shape stays."""
    x = layers.BatchNormalization(**norm, name=f"{name}_bn")(x)
    return layers.Activation(activation, name=f"{name}_{activation}")(x) if activation else x


def kept_shape(x, filters, strides):
    """Whether a box of this many filters and this stride gives back what it was given."""
    return strides == 1 and x.shape[-1] == filters
