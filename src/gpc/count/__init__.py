"""What a network costs, exactly: closed forms for one layer, and a count over any built Keras model.

What is counted. Multiply-accumulates (MACs) of convolutions of every kind, dense layers, recurrences,
attention and matrix products; one MAC is two floating-point operations. Elementwise work (activations,
normalisation, sums, pooling, bias) has none, as is usual: it is a small part of the arithmetic, though not of
the time. Parameters are all weights, trainable ones those that training changes: batch norm's moving
statistics are parameters and not trainable. Activation bytes are those of every layer's output at
inference, one batch, in the type it is computed in; views (reshape, flatten) and what does nothing at
inference (dropout) hand on no new tensor and have none.

No backend is imported: layers are known by the names of their classes. A class of your own joins with a
method

    def cost(self, input_shapes, output_shapes):
        return Cost(macs=…, pointwise_macs=…)

called for every call of the built layer in the model. `input_shapes` is a tuple with one shape for each
tensor it is called on, in the order of its call's signature, `output_shapes` the same for what it returns;
every shape is a tuple of ints, batch first, in the layer's own data format. `macs` is for all of it, the
batch included. `pointwise_macs` is the part done by 1×1 convolutions. `activation_bytes` may be left 0, which
means the bytes of the outputs; a layer that keeps tensors in between says how many bytes in all. `parameters`
and `trainable` are left 0, as by gpc's own layers: `cost(model)` counts the weights themselves, each once. A
class attribute `cost_kind` (a few words, such as "grouped pointwise") says under which name the layer appears
in tables; without it that is the class's name. For receptive fields the layer counts as 1×1 with its
attribute `strides`, unless a method `receptive_field()` returns (kernel, stride, dilation).

>>> from gpc.count import pointwise_macs
>>> pointwise_macs(7, 7, 512, 4096)
102760448
"""

from gpc.count.costs import Cost, LayerCost, ModelCost
from gpc.count.fields import Field, receptive_field, receptive_field_of
from gpc.count.forms import (
    conv_macs,
    conv_parameters,
    dense_macs,
    dense_parameters,
    depthwise_macs,
    depthwise_parameters,
    pointwise_macs,
    pointwise_parameters,
    separable_macs,
    separable_parameters,
)
from gpc.count.walk import cost

__all__ = [
    "Cost",
    "Field",
    "LayerCost",
    "ModelCost",
    "conv_macs",
    "conv_parameters",
    "cost",
    "dense_macs",
    "dense_parameters",
    "depthwise_macs",
    "depthwise_parameters",
    "pointwise_macs",
    "pointwise_parameters",
    "receptive_field",
    "receptive_field_of",
    "separable_macs",
    "separable_parameters",
]
