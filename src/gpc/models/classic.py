"""Networks from before the pointwise convolution was grouped, each a table of its paper's rows."""

import keras
from keras import layers

from gpc.models.sides import at_least
from gpc.models.table import Row, image, one_of_variants, stacked

__all__ = ["LeNet5", "NetworkInNetwork"]


LENET5 = (
    Row(
        "C1",
        "conv",
        6,
        5,
        activation="tanh",
        deviates="tanh(x); the paper's is 1.7159 tanh(2x/3), everywhere",
    ),
    Row(
        "S2",
        "average",
        kernel=2,
        stride=2,
        deviates="no trained coefficient and bias (12 parameters), no squashing",
    ),
    Row(
        "C3",
        "conv",
        16,
        5,
        activation="tanh",
        deviates="reads all of S2: 2,416 parameters; by the paper's Table I 1,516",
    ),
    Row("S4", "average", kernel=2, stride=2, deviates="as S2 (32 parameters)"),
    Row("C5", "conv", 120, 5, activation="tanh"),
    Row("F6", "dense", 84, activation="tanh"),
    Row(
        "output",
        "classes",
        activation="softmax",
        deviates="850 trained; the paper's distances to fixed codes have none",
    ),
)

_LENET5_SMALL = tuple(
    row._replace(filters=filters, deviates=f"{filters} instead of {row.filters}")
    if (filters := {"C5": 48, "F6": 32}.get(row.name))
    else row._replace(deviates="")
    for row in LENET5
)

_NIN_CIFAR10 = (
    Row("conv1", "conv", 192, 5, activation="relu", padding="same"),
    Row("cccp1", "conv", 160, 1, activation="relu"),
    Row("cccp2", "conv", 96, 1, activation="relu"),
    Row("pool1", "max", kernel=3, stride=2, padding="same"),
    Row("drop1", "dropout"),
    Row("conv2", "conv", 192, 5, activation="relu", padding="same"),
    Row("cccp3", "conv", 192, 1, activation="relu"),
    Row("cccp4", "conv", 192, 1, activation="relu"),
    Row("pool2", "average", kernel=3, stride=2, padding="same"),
    Row("drop2", "dropout"),
    Row("conv3", "conv", 192, 3, activation="relu", padding="same"),
    Row("cccp5", "conv", 192, 1, activation="relu"),
    Row("cccp6", "classes", kernel=1, activation="relu"),
    Row("pool3", "global"),
    Row("softmax", "softmax"),
)

_NIN_SMALL = (
    Row(
        "conv1",
        "conv",
        48,
        3,
        activation="relu",
        padding="same",
        deviates="a quarter of the filters, 3×3, no dropout",
    ),
    Row("cccp1", "conv", 48, 1, activation="relu"),
    Row("cccp2", "conv", 48, 1, activation="relu"),
    Row("pool1", "max", kernel=3, stride=2, padding="same"),
    Row("conv2", "conv", 64, 3, activation="relu", padding="same"),
    Row("cccp3", "conv", 64, 1, activation="relu"),
    Row("cccp4", "conv", 64, 1, activation="relu"),
    Row("pool2", "average", kernel=3, stride=2, padding="same"),
    Row("conv3", "conv", 64, 3, activation="relu", padding="same"),
    Row("cccp5", "conv", 64, 1, activation="relu"),
    Row(
        "cccp6",
        "classes",
        kernel=1,
        deviates="no ReLU, under which a class that is once negative everywhere stays silent",
    ),
    Row("pool3", "global"),
    Row("softmax", "softmax"),
)

NIN = {"full": _NIN_CIFAR10, "small": _NIN_SMALL}

TABLES = {"LeNet5": {"full": LENET5, "small": _LENET5_SMALL}, "NetworkInNetwork": NIN}

_LENET_SIDE = 32


def LeNet5(input_shape=(32, 32, 1), classes=10, *, variant="full"):
    """LeNet-5 with a fully connected C3, average pooling and softmax: (B, 32, 32, 1) → (B, classes).

    C3 reads every map of S2, which makes the 61,706 parameters that most courses count; the paper's connects
    each map to three, four or six and has 60,000 in all. Smaller images are put in the middle of 32×32 zeros,
    as the paper does with its digits of 28×28. `variant="small"` has fewer neurons behind the convolutions,
    where most of the weights are. What differs from 1998: `gpc.models.deviations`.

    Raises ValueError for an unknown variant or images above 32×32, TypeError for sizes that are no integers.
    Source: LeCun, Bottou, Bengio, Haffner: Gradient-based learning applied to document recognition, 1998.

    >>> LeNet5((28, 28, 1)).count_params()
    61706
    """
    rows = one_of_variants(variant, TABLES["LeNet5"])
    height, width, _ = image(input_shape)
    if max(height, width) > _LENET_SIDE:
        raise ValueError(
            f"input_shape={tuple(input_shape)}: LeNet-5 reads at most 32×32; nearest that works: 32×32"
        )
    inputs = x = keras.Input(tuple(input_shape))
    if (height, width) != (_LENET_SIDE, _LENET_SIDE):
        sides = [(_LENET_SIDE - size) for size in (height, width)]
        x = layers.ZeroPadding2D([(left // 2, left - left // 2) for left in sides], name="field")(x)
    name = "lenet5" + ("" if variant == "full" else f"_{variant}")
    return keras.Model(inputs, stacked(x, rows, classes), name=name)


def NetworkInNetwork(input_shape=(32, 32, 3), classes=10, *, variant="full", dropout=0.5):
    """Network in Network: three blocks of a convolution and two 1×1 ones, then one map a class, averaged.

    (B, height, width, channels) → (B, classes). `variant="full"` is the net of the paper's CIFAR-10
    experiment with the sizes its authors published for Caffe; "small" a net of the same shape that trains in
    seconds. What differs: `gpc.models.deviations`. Initial values are He's normal ones, the authors' a normal
    of fixed width.

    Raises ValueError for an unknown variant or an image below 4×4, TypeError for sizes that are no integers.
    Source: Lin, Chen, Yan: Network in network, 2014.

    >>> NetworkInNetwork().count_params()
    966986
    """
    rows = one_of_variants(variant, NIN)
    at_least(input_shape, 4, "two poolings need")
    inputs = keras.Input(tuple(input_shape))
    outputs = stacked(inputs, rows, classes, dropout=dropout)
    return keras.Model(
        inputs, outputs, name="network_in_network" + ("" if variant == "full" else f"_{variant}")
    )
