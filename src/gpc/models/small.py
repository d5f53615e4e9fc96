"""Networks of keras.applications in small: the same boxes, fewer and thinner, for images of 32×32.

All batch norms have a momentum of 0.9, so that their averages settle in short runs.
"""

from keras import layers

from gpc.blocks._parts import NORM, convolved
from gpc.blocks.dense import dense_unit, transition
from gpc.blocks.inception import Step, branched
from gpc.blocks.inverted import inverted_residual
from gpc.blocks.residual import bottleneck
from gpc.blocks.separable import depthwise_separable, separable_residual
from gpc.models.boxes import Box
from gpc.models.table import Row

_TOP = (Row("avg_pool", "global"), Row("predictions", "classes", activation="softmax"))
_MOBILE = "takes images as they come: no rescaling inside"


def _stem(filters, activation="relu", name="conv1", of="32"):
    """The first convolution without its stride."""
    text = "no stride" if of == str(filters) else f"{filters} filters instead of {of}, 3×3, no stride"
    return Box(name, convolved, {"filters": filters, "kernel": 3, "activation": activation}, deviates=text)


def _vgg(block, convolutions, filters, of):
    """A block of VGG: 3×3 convolutions with a bias, then a pooling."""
    conv = {
        "kernel": 3,
        "activation": "relu",
        "padding": "same",
        "deviates": f"{filters} filters instead of {of}",
    }
    rows = [Row(f"block{block}_conv{n}", "conv", filters, **conv) for n in range(1, convolutions + 1)]
    text = "rounds up, so that images of any size pass"
    pool = Row(f"block{block}_pool", "max", kernel=2, stride=2, padding="same", deviates=text)
    return *rows, pool


_VGG16 = (
    *_vgg(1, 2, 8, 64),
    *_vgg(2, 2, 16, 128),
    *_vgg(3, 3, 32, 256),
    *_vgg(4, 3, 40, 512),
    *_vgg(5, 3, 40, 512),
    Row("fc1", "dense", 64, activation="relu", deviates="64 neurons instead of 4096"),
    Row("fc2", "dense", 64, activation="relu", deviates="64 neurons instead of 4096"),
    Row("predictions", "classes", activation="softmax"),
)


def _bottlenecks(name, filters, stride, repeats, text):
    options = {"filters": filters, "early": True}
    return Box(name, bottleneck, options, stride, repeats, deviates=text)


_RESNET50 = (
    _stem(16, of="64"),
    _bottlenecks("conv2", 48, 1, 1, "1 block to 48 channels instead of 3 to 256, no pooling before it"),
    _bottlenecks("conv3", 96, 2, 2, "2 blocks to 96 channels instead of 4 to 512"),
    _bottlenecks("conv4", 160, 2, 1, "1 block to 160 channels instead of 6 to 1024; no conv5"),
    *_TOP,
)


def _units(name, repeats, of):
    text = f"{repeats} units that grow by 8 instead of {of} by 32"
    return Box(name, dense_unit, {"growth": 8}, repeats=repeats, deviates=text)


_DENSENET121 = (
    Box("conv1", layers.Conv2D, {"filters": 16, "kernel_size": 3, "padding": "same", "use_bias": False},
        deviates="16 filters instead of 64, 3×3, no stride, no pooling behind it"),
    _units("conv2", 2, 6),
    Box("pool2", transition, {}),
    _units("conv3", 3, 12),
    Box("pool3", transition, {}),
    _units("conv4", 4, 24),
    Box("pool4", transition, {}),
    _units("conv5", 3, 16),
    Box("bn", layers.BatchNormalization, NORM),
    Box("relu", layers.Activation, {"activation": "relu"}),
    *_TOP,
)  # fmt: skip


def _xception(name, widths, stride, text, **options):
    return Box(name, separable_residual, {"widths": widths, **options}, stride, deviates=text)


_XCEPTION = (
    _stem(16, name="block1_conv1"),
    Box("block1_conv2", convolved, {"filters": 24, "kernel": 3}, deviates="24 filters instead of 64"),
    _xception("block2", (32, 32), 2, "32 filters instead of 128", first_relu=False),
    _xception("block3", (64, 64), 2, "64 filters instead of 256"),
    _xception("block5", (64, 64, 64), 1, "one middle block of 64 filters instead of eight of 728; no block4"),
    _xception("block13", (64, 96), 2, "96 filters instead of 1024"),
    Box("block14", convolved, {"filters": 160}, deviates="1×1 to 160, not separable to 1536 and 2048"),
    *_TOP,
)


def _separables(name, filters, stride, repeats, of):
    text = f"{repeats} of {filters} filters instead of {of}"
    return Box(name, depthwise_separable, {"filters": filters}, stride, repeats, deviates=text)


_MOBILENET = (
    _stem(16, "relu6"),
    _separables("block1", 24, 1, 1, "1 of 64"),
    _separables("block2", 48, 2, 2, "2 of 128"),
    _separables("block4", 96, 2, 2, "2 of 256"),
    _separables("block6", 160, 2, 2, "6 of 512 and 2 of 1024"),
    Row("avg_pool", "global"),
    Row("predictions", "classes", activation="softmax", deviates="dense, not a 1×1 convolution"),
)


def _inverted(name, filters, stride, repeats, text, **options):
    """Inverted residuals: `filters` at the ends, `expansion` times as many inside."""
    return Box(name, inverted_residual, {"filters": filters, **options}, stride, repeats, deviates=text)


def _v2(name, filters, stride, repeats, of, expansion=6):
    return _inverted(
        name,
        filters,
        stride,
        repeats,
        f"{repeats} of {filters} channels instead of {of}",
        expansion=expansion,
    )


_MOBILENETV2 = (
    _stem(16, "relu6"),
    _v2("block0", 8, 1, 1, "1 of 16", expansion=1),
    _v2("block1", 16, 2, 2, "2 of 24"),
    _v2("block3", 24, 2, 2, "3 of 32"),
    _v2("block6", 32, 1, 2, "4 of 64, 3 of 96, 3 of 160 and 1 of 320, two of them strided"),
    Box("conv_1", convolved, {"filters": 160, "activation": "relu6"}, deviates="160 filters instead of 1280"),
    *_TOP,
)


def _v3(name, filters, stride, expansion, text, *, kernel=3, gate=False, hard=True):
    """A block of MobileNetV3: gates squeeze to a quarter of what is inside."""
    options = {"expansion": expansion, "kernel": kernel, "activation": "hard_silu" if hard else "relu"}
    return _inverted(name, filters, stride, 1, text, squeeze=expansion / 4 if gate else 0.0, **options)


_V3_TOP = (
    Row("avg_pool", "global"),
    Row("conv_2", "dense", 128, activation="hard_silu", deviates="dense to 128, not 1×1"),
    Row("predictions", "classes", activation="softmax", deviates=f"as conv_2; {_MOBILE}"),
)

_V3_GATE = "gated by a sigmoid, not a hard one"

_MOBILENETV3LARGE = (
    _stem(16, "hard_silu", name="conv", of="16"),
    _v3("bneck1", 16, 1, 1, "", hard=False),
    _v3("bneck2", 16, 2, 4, "16 channels instead of 24", hard=False),
    _v3("bneck3", 24, 2, 3, f"24 channels instead of 40, {_V3_GATE}", kernel=5, gate=True, hard=False),
    _v3("bneck4", 32, 1, 4, "32 channels instead of 80, no stride"),
    _v3("bneck5", 40, 2, 6, f"40 channels instead of 112 and 160, {_V3_GATE}; 5 blocks in all instead of 15",
        kernel=5, gate=True),
    Box("conv_1", convolved, {"filters": 160, "activation": "hard_silu"}, deviates="160 filters, not 960"),
    *_V3_TOP,
)  # fmt: skip

_MOBILENETV3SMALL = (
    _stem(16, "hard_silu", name="conv", of="16"),
    _v3("bneck1", 16, 1, 1, f"no stride, {_V3_GATE}", gate=True, hard=False),
    _v3("bneck2", 16, 2, 4, "16 channels instead of 24", hard=False),
    _v3("bneck3", 24, 2, 4, f"24 channels instead of 40, {_V3_GATE}", kernel=5, gate=True),
    _v3("bneck4", 32, 2, 4, f"32 channels instead of 48 and 96, {_V3_GATE}; 4 blocks in all instead of 11",
        kernel=5, gate=True),
    Box("conv_1", convolved, {"filters": 128, "activation": "hard_silu"}, deviates="128 filters, not 576"),
    *_V3_TOP,
)  # fmt: skip


def _mbconv(name, filters, stride, repeats, of, *, kernel=3, expansion=6):
    options = {"expansion": expansion, "kernel": kernel, "squeeze": 0.25, "activation": "silu"}
    return _inverted(
        name, filters, stride, repeats, f"{repeats} of {filters} channels instead of {of}", **options
    )


_EFFICIENTNETB0 = (
    _stem(16, "silu", name="stem"),
    _mbconv("block1", 8, 1, 1, "1 of 16", expansion=1),
    _mbconv("block2", 16, 2, 1, "2 of 24"),
    _mbconv("block3", 24, 2, 2, "2 of 40", kernel=5),
    _mbconv("block4", 32, 1, 1, "3 of 80, strided, and 3 of 112"),
    _mbconv("block6", 40, 2, 1, "4 of 192 and 1 of 320; none is dropped at random", kernel=5),
    Box("top", convolved, {"filters": 160, "activation": "silu"}, deviates="160 filters instead of 1280"),
    Row("avg_pool", "global"),
    Row("predictions", "classes", activation="softmax", deviates=f"no dropout before it; {_MOBILE}"),
)


def _mixed(name, *branches, text):
    return Box(name, branched, {"branches": branches, "norm": NORM}, deviates=text)


_BOTH = [Step(24, (1, 3)), Step(24, (3, 1))]
_LONG = (Step(16, (7, 1)), Step(16, (1, 7)))

_INCEPTIONV3 = (
    _stem(16),
    Box("conv2", convolved, {"filters": 24, "kernel": 3}, deviates="for four convolutions to 192 filters"),
    Row("pool2", "max", kernel=3, stride=2, padding="same", deviates="one pooling instead of two"),
    _mixed(
        "mixed0",
        (Step(16),),
        (Step(12), Step(16, (5, 5))),
        (Step(16), Step(24, (3, 3)), Step(24, (3, 3))),
        ("average", Step(8)),
        text="one block to 64 channels instead of three to 256 and 288",
    ),
    _mixed(
        "mixed3",
        (Step(32, (3, 3), 2),),
        (Step(16), Step(24, (3, 3)), Step(24, (3, 3), 2)),
        ("max",),
        text="to 120 channels instead of 768; zeros around, so that images of any size pass",
    ),
    _mixed(
        "mixed4",
        (Step(24),),
        (Step(16), Step(16, (1, 7)), Step(24, (7, 1))),
        (Step(16), *_LONG, Step(16, (7, 1)), Step(24, (1, 7))),
        ("average", Step(24)),
        text="one block to 96 channels instead of four to 768",
    ),
    _mixed(
        "mixed8",
        (Step(24), Step(40, (3, 3), 2)),
        (Step(24), Step(24, (1, 7)), Step(24, (7, 1)), Step(24, (3, 3), 2)),
        ("max",),
        text="to 160 channels instead of 1280; zeros as mixed3",
    ),
    _mixed(
        "mixed9",
        (Step(32),),
        (Step(32), _BOTH),
        (Step(32), Step(32, (3, 3)), _BOTH),
        ("average", Step(24)),
        text="one block to 152 channels instead of two to 2048",
    ),
    *_TOP,
)

SMALL = {
    "DenseNet121": _DENSENET121,
    "EfficientNetB0": _EFFICIENTNETB0,
    "InceptionV3": _INCEPTIONV3,
    "MobileNet": _MOBILENET,
    "MobileNetV2": _MOBILENETV2,
    "MobileNetV3Large": _MOBILENETV3LARGE,
    "MobileNetV3Small": _MOBILENETV3SMALL,
    "ResNet50": _RESNET50,
    "VGG16": _VGG16,
    "Xception": _XCEPTION,
}
