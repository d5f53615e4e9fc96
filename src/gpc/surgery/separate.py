"""Convolutions with a window taken apart: space first, each channel alone, then channels at each pixel."""

from keras import layers

from gpc.surgery.change import change_layers


def separate(model):
    """The same network, each dense k×k convolution as a depthwise k×k and a 1×1 one, freshly drawn.

    A model to another of the same input and output; C · k² + C · F weights where C · F · k² were. Layers that
    read the image (at most 4 channels), that are grouped already or whose window is 1×1 stay, and keep
    their weights. Padding, strides, dilation and bias are taken over; the activation stands behind the 1×1.
    So a network without pointwise layers, such as U-Net, gets some for `regroup` to group.

    Raises TypeError for what is no Keras model.
    Source: L. Sifre, 2014, and Howard et al., "MobileNets", 2017; without their batch norm between the two.

    >>> import keras
    >>> net = keras.Sequential([keras.Input((8, 8, 32)), keras.layers.Conv2D(64, 3, padding="same")])
    >>> net.count_params(), separate(net).count_params()
    (18496, 2400)
    """
    return change_layers(model, _separated)


def _separated(layer):
    """The layer, or the two that stand in its place."""
    kernel = getattr(layer, "kernel_size", None)
    if type(layer) is not layers.Conv2D or kernel == (1, 1) or layer.groups > 1:
        return layer
    if layer.kernel.shape[-2] <= 4:
        return layer
    space = layers.DepthwiseConv2D(
        kernel,
        strides=layer.strides,
        padding=layer.padding,
        dilation_rate=layer.dilation_rate,
        data_format=layer.data_format,
        use_bias=False,
        name=f"{layer.name}_depthwise",
        dtype=layer.dtype_policy,
    )
    channels = layers.Conv2D(
        layer.filters,
        1,
        data_format=layer.data_format,
        activation=layer.activation,
        use_bias=layer.use_bias,
        kernel_initializer=type(layer.kernel_initializer).from_config(layer.kernel_initializer.get_config()),
        name=f"{layer.name}_pointwise",
        dtype=layer.dtype_policy,
    )
    return space, channels
