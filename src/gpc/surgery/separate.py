"""Convolutions with a window taken apart: space first, each channel alone, then channels at each pixel."""

from keras import layers

from gpc.surgery.change import change_layers
from gpc.surgery.clones import fresh
from gpc.surgery.graph import read
from gpc.surgery.replacement import Names


def separate(model):
    """The same network, each dense k×k convolution as a depthwise k×k and a 1×1 one, freshly drawn.

    A model to another of the same input and output; C · k² + C · F weights where C · F · k² were. Layers that
    read the image (at most 4 channels), that are grouped already or whose window is 1×1 stay, and keep
    their weights. Padding, strides, dilation, bias, regularizers and constraints are taken over, those of the
    kernel by both; the activation stands behind the 1×1.
    So a network without pointwise layers, such as U-Net, gets some for `regroup` to group.

    Raises TypeError for what is no Keras model.
    Source: L. Sifre, 2014, and Howard et al., "MobileNets", 2017; without their batch norm between the two.

    >>> import keras
    >>> convolution = keras.layers.Conv2D(64, 3, padding="same")
    >>> net = keras.Sequential([keras.Input((8, 8, 32)), convolution])
    >>> net.count_params(), separate(net).count_params()
    (18496, 2400)
    """
    names = Names(read(model).names())
    return change_layers(model, lambda layer: _separated(layer, names))


def _separated(layer, names):
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
        depthwise_regularizer=layer.kernel_regularizer,
        depthwise_constraint=layer.kernel_constraint,
        name=names(f"{layer.name}_depthwise"),
        dtype=layer.dtype_policy,
    )
    channels = layers.Conv2D(
        layer.filters,
        1,
        data_format=layer.data_format,
        activation=fresh(layer.activation),
        use_bias=layer.use_bias,
        kernel_initializer=_again(layer.kernel_initializer),
        bias_initializer=_again(layer.bias_initializer),
        kernel_regularizer=layer.kernel_regularizer,
        bias_regularizer=layer.bias_regularizer,
        activity_regularizer=layer.activity_regularizer,
        kernel_constraint=layer.kernel_constraint,
        bias_constraint=layer.bias_constraint,
        name=names(f"{layer.name}_pointwise"),
        dtype=layer.dtype_policy,
    )
    return space, channels


def _again(initializer):
    """An initializer of its own for one more layer; a function as it is."""
    known = hasattr(initializer, "get_config")
    return type(initializer).from_config(initializer.get_config()) if known else initializer
