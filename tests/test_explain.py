"""Maps of where a network looks: exact ones against the score, approximate ones against the exact ones."""

import keras
import numpy as np
import pytest
from keras import layers, ops
from surgery_support import numbers, run

from gpc import explain, models
from gpc.layers import GroupedPointwise
from gpc.surgery import fold, regroup

SIDE, CLASSES = 16, 5


def small(*top, channels=12, pooling=layers.GlobalAveragePooling2D, activation=None, seed=0):
    """Two convolutions, the pooling, and then the layers of `top` or a dense classifier."""
    keras.utils.set_random_seed(seed)
    x = inputs = keras.Input((SIDE, SIDE, 3))
    x = layers.Conv2D(8, 3, strides=2, padding="same", activation="relu", name="first")(x)
    x = layers.Conv2D(channels, 3, padding="same", activation="relu", name="maps")(x)
    x = pooling(name="pool")(x) if pooling else x
    dense = layers.Dense(CLASSES, bias_initializer="random_normal", activation=activation, name="classes")
    for layer in top or [dense]:
        x = layer(x)
    return keras.Model(inputs, x)


def kept(**options):
    return layers.GlobalAveragePooling2D(keepdims=True, **options)


def conv(filters, **options):
    return layers.Conv2D(filters, 1, bias_initializer="random_normal", **options)


def norm():
    return layers.BatchNormalization(
        moving_mean_initializer="random_normal", gamma_initializer="random_normal"
    )


def images(model, count=3):
    return numbers(count, *model.input_shape[1:]) * 40


def logits(model, x):
    """The scores before the last activation, found without gpc: a softmax's by their differences."""
    out = run(model, x)
    last = next(layer for layer in reversed(model.layers) if not isinstance(layer, layers.Flatten))
    own = getattr(last, "activation", None)
    softmax = own is keras.activations.softmax or isinstance(last, layers.Softmax)
    return np.log(out.astype("float64")) if softmax else out


def exact(model, x, within=1e-5):
    """The property: mean over positions of each class's map, and its bias, is the class's score."""
    end, wanted = explain.head(model), logits(model, x)
    found = np.stack(
        [explain.cam(model, x, target=c).mean((1, 2)) + end.bias[c] for c in range(wanted.shape[1])], 1
    )
    if np.allclose(run(model, x).sum(1), 1, atol=1e-4):  # probabilities: scores are known up to one number
        found, wanted = (a - a.mean(1, keepdims=True) for a in (found, wanted))
    assert np.abs(wanted).max() > 1e-3
    assert np.abs(found - wanted).max() <= within * max(1, np.abs(wanted).max())
    assert np.array_equal(found.argmax(1), wanted.argmax(1))


HEADS = {
    "dense": lambda: small(),
    "softmax inside": lambda: small(activation="softmax"),
    "softmax behind": lambda: small(layers.Dropout(0.5), layers.Dense(CLASSES), layers.Softmax()),
    "1x1, reshaped": lambda: small(
        layers.Dropout(0.5), conv(CLASSES), layers.Reshape((CLASSES,)), layers.Activation("softmax"),
        pooling=kept,
    ),
    "1x1, flattened": lambda: small(conv(CLASSES, activation="sigmoid"), layers.Flatten(), pooling=kept),
    "two linear layers": lambda: small(layers.Dense(7), norm(), layers.Dense(CLASSES)),
    "no weights behind the pooling": lambda: small(layers.Softmax(), channels=CLASSES),
    "whole-map average": lambda: small(
        layers.Flatten(), layers.Dense(CLASSES), pooling=lambda name: layers.AveragePooling2D(8, name=name)
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", HEADS)
def test_the_mean_of_a_map_is_the_score(name):
    model = HEADS[name]()
    if name == "1x1, flattened":
        x, end = images(model), explain.head(model)
        wanted = run(model, x).astype("float64")
        means = [explain.cam(model, x, c).mean((1, 2)) + end.bias[c] for c in range(CLASSES)]
        assert np.allclose(1 / (1 + np.exp(-np.stack(means, 1))), wanted, atol=1e-5)
    else:
        exact(model, images(model))


def test_a_mean_written_as_an_operation():
    x = keras.Input((SIDE, SIDE, 3))
    maps = layers.Conv2D(6, 3)(x)
    model = keras.Model(x, layers.Dense(CLASSES)(ops.mean(maps, axis=(1, 2))))
    exact(model, images(model))
    columns = keras.Model(x, layers.Dense(CLASSES)(layers.Flatten()(ops.mean(maps, axis=1))))
    with pytest.raises(ValueError, match="flatten.*every position for itself|Mean"):
        explain.cam(columns, images(columns))


def test_models_inside_models():
    inner = small(layers.Dense(9))
    x = keras.Input((SIDE, SIDE, 3))
    model = keras.Model(x, layers.Dense(CLASSES)(inner(layers.Rescaling(1 / 40)(x))))
    exact(model, images(model))
    assert explain.head(model).pooling.endswith("/pool")
    backbone = keras.Model(inner.inputs, inner.get_layer("maps").output)
    sequence = keras.Sequential(
        [keras.Input((SIDE, SIDE, 3)), backbone, layers.GlobalAveragePooling2D(), layers.Dense(CLASSES)]
    )
    exact(sequence, images(sequence))


NETWORKS = {
    "EfficientNetB0": {"weights": None},
    "kEfficientNetB0": {},
    "MobileNet": {"weights": None},
    "MobileNetV2": {"weights": None},
    "DenseNet121": {"weights": None},
    "InceptionV3": {"weights": None, "input_shape": (75, 75, 3)},
    "SqueezeNet10": {},
}


def enlarged(model, x):
    """The model with a classifier drawn anew, so that its scores are of size 1 with weights never trained."""
    end, random = explain.head(model), np.random.default_rng(0)
    if not end.linear:
        return model
    size = np.abs(end.features(x).mean((1, 2))).max() * len(end.kernel) ** 0.5
    for weight in model.get_layer(end.linear[-1]).weights:
        weight.assign(random.normal(size=weight.shape) * (1 / size if len(weight.shape) > 1 else 1))
    return model


@pytest.mark.tensorflow
@pytest.mark.parametrize("name", NETWORKS)
def test_whole_networks(name):
    options = {"input_shape": (32, 32, 3), "classes": CLASSES, **NETWORKS[name]}
    keras.utils.set_random_seed(0)
    model = models.build(name, **options)
    brightest = 1 if name == "SqueezeNet10" else 255
    x = np.random.default_rng(0).uniform(0, brightest, (2, *options["input_shape"])).astype("float32")
    exact(enlarged(model, x), x)


@pytest.mark.tensorflow
def test_the_k_version_of_a_small_network():
    keras.utils.set_random_seed(0)
    model = models.build("EfficientNetB0", variant="small", classes=CLASSES, input_shape=(16, 16, 3))
    smaller, _ = regroup(model, 8)
    x = images(model, 2)
    exact(enlarged(smaller, x), x)


@pytest.mark.tensorflow
def test_a_grouped_classifier():
    """One grouped convolution is a matrix with zeros in it; K + L is a sum of two ways and refused."""
    model = small(conv(16, use_bias=True), layers.Flatten(), channels=48, pooling=kept)
    only_k, _ = regroup(model, 8, head=True, second=False)
    exact(only_k, images(only_k))
    assert (explain.head(only_k).kernel == 0).mean() > 0.8
    both, _ = regroup(model, 8, head=True)
    with pytest.raises(ValueError, match="joins 2 tensors behind the maps.*grad_cam"):
        explain.cam(both, images(both))
    assert explain.grad_cam(both, images(both)).shape == (3, 8, 8)


@pytest.mark.tensorflow
def test_a_grouped_classifier_with_its_activation_inside():
    """`fold` puts a softmax into the layer before it: the same network, the same maps."""
    top = conv(16), layers.Activation("softmax"), layers.Flatten()
    apart = regroup(small(*top, channels=48, pooling=kept), 8, head=True, second=False).model
    inside = fold(apart).model
    assert isinstance(inside.layers[-2], GroupedPointwise)
    assert inside.layers[-2].activation is keras.activations.softmax
    x = images(apart)
    for method, options in ((explain.cam, {}), (explain.grad_cam, {"relu": False})):
        one, other = (method(model, x, 1, **options) for model in (apart, inside))
        assert np.abs(one).max() > 1e-3 and np.allclose(one, other, atol=1e-5 * np.abs(one).max())
    one, other = (explain.occlusion(model, x[0], 1) for model in (apart, inside))
    assert np.abs(one).max() > 1e-3 and np.allclose(one, other, atol=1e-4 * np.abs(one).max())


@pytest.mark.parametrize("settings", [{"groups": 1, "interleave": 4}, {"channels_per_group": 5}])
def test_a_grouped_layer_s_own_activation_is_left_out(settings):
    grouped = GroupedPointwise(CLASSES, bias_initializer="random_normal", activation="softmax", **settings)
    model = small(grouped, layers.Flatten(), pooling=kept)
    exact(model, images(model))


REFUSED = {
    "a hidden layer": (
        lambda: small(layers.Dense(6, activation="relu"), layers.Dense(CLASSES)),
        r"'dense\w*' \(Dense\) has an activation \(relu\) before the last weights",
    ),
    "an activation between": (
        lambda: small(layers.Dense(6), layers.ReLU(name="bent"), layers.Dense(CLASSES)),
        r"'bent' \(ReLU\) is not linear",
    ),
    "maximum": (lambda: small(pooling=layers.GlobalMaxPooling2D), "'pool'.*keeps one position a channel"),
    "whole-map maximum": (
        lambda: small(
            layers.Flatten(), layers.Dense(CLASSES), pooling=lambda name: layers.MaxPooling2D(8, name=name)
        ),
        "'pool'.*keeps one position a channel",
    ),
    "no pooling": (
        lambda: small(layers.Flatten(name="flat"), layers.Dense(CLASSES), pooling=None),
        "'flat' .Flatten. hands on every position.*GlobalAveragePooling2D",
    ),
    "scores as a map": (lambda: small(conv(CLASSES, name="last"), pooling=None), "'last'.*as a map"),
    "a layer of one's own": (
        lambda: small(layers.LayerNormalization(name="own"), layers.Dense(CLASSES)),
        r"'own' \(LayerNormalization\) is none of the layers known to be linear",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_has_no_exact_map_is_named(name):
    build, message = REFUSED[name]
    with pytest.raises(ValueError, match=f"(?s){message}.*grad_cam"):
        explain.cam(build(), np.zeros((SIDE, SIDE, 3)))


@pytest.mark.tensorflow
def test_mobilenet_v3_has_a_hidden_layer_behind_its_pooling():
    model = models.build("MobileNetV3Small", input_shape=(32, 32, 3), classes=CLASSES)
    x = np.random.default_rng(0).uniform(0, 255, (2, 32, 32, 3))
    with pytest.raises(ValueError, match="is not linear.*grad_cam"):
        explain.cam(model, x)
    assert explain.grad_cam(model, x, layer="conv_2").shape == (2, 1, 1)
    assert explain.grad_cam(model, x).shape[1] > 1


@pytest.mark.parametrize("name", ["dense", "softmax inside", "1x1, reshaped", "no weights behind the pooling"])
def test_grad_cam_is_the_exact_map_divided_by_the_positions(name):
    model = HEADS[name]()
    x = images(model)
    for target in (0, [4, 2, 2]):
        whole = explain.cam(model, x, target)
        found = explain.grad_cam(model, x, target, relu=False) * 64
        assert np.abs(whole).max() > 1e-3
        assert np.allclose(found, whole, atol=1e-5 * np.abs(whole).max())
        positive = explain.grad_cam(model, x, target, layer="maps") * 64
        assert np.allclose(positive, np.maximum(whole, 0), atol=1e-5 * np.abs(whole).max())


def test_grad_cam_at_a_layer_is_what_a_nudge_of_it_does():
    """A hidden layer behind the pooling; the slope by central differences, the sum over channels by hand."""
    model = small(layers.Dense(6, activation="tanh"), layers.Dense(CLASSES, activation="softmax"))
    x = images(model, 1) / 40
    front = keras.Model(model.input, model.get_layer("first").output)
    rest = keras.Sequential([keras.Input((8, 8, 8)), *model.layers[2:-1]])
    last = model.layers[-1]
    maps = run(front, x).astype("float64")

    def score(values):
        hidden = run(rest, values.astype("float32"))
        return (hidden @ ops.convert_to_numpy(last.kernel))[:, 3].astype("float64")

    step, slopes = 1e-2, []
    for channel in range(8):
        nudge = np.zeros_like(maps)
        nudge[..., channel] = step  # all positions at once: the sum of their slopes
        slopes.append((score(maps + nudge) - score(maps - nudge)) / (2 * step) / 64)
    wanted = maps[0] @ np.stack(slopes)[:, 0]
    found = explain.grad_cam(model, x, 3, layer="first", relu=False)[0]
    assert np.abs(wanted).max() > 1e-5
    assert np.abs(found - wanted).max() < 0.02 * np.abs(wanted).max()


def test_grad_cam_with_a_shortcut_around_the_layer_and_inside_a_nested_model():
    keras.utils.set_random_seed(0)
    x = keras.Input((8, 8, 4))
    around = layers.add([x, layers.Conv2D(4, 3, padding="same", name="branch")(x)])
    block = keras.Model(x, around, name="block")
    image = keras.Input((8, 8, 4))
    pooled = layers.GlobalAveragePooling2D()(block(image))
    model = keras.Model(image, layers.Dense(3, name="classes")(pooled))
    picture = numbers(2, 8, 8, 4)
    branch = run(keras.Model(x, block.get_layer("branch").output), picture)
    wanted = branch @ ops.convert_to_numpy(model.get_layer("classes").kernel)[:, 2] / 64
    for name in ("branch", "block/branch"):
        found = explain.grad_cam(model, picture, 2, layer=name, relu=False)
        assert np.allclose(found, wanted, atol=1e-6)


@pytest.mark.filterwarnings("ignore:.*passed an input with a mask:UserWarning")
def test_a_nested_model_that_is_called_with_a_mask():
    inner = small()
    x = keras.Input((SIDE, SIDE, 3))
    model = keras.Model(x, inner(layers.Masking()(x)))
    image = images(model, 1)
    found = explain.grad_cam(model, image, target=1, layer="maps")
    np.testing.assert_allclose(found, explain.grad_cam(inner, image, target=1, layer="maps"), atol=1e-5)


def test_grad_cam_of_positions_that_are_classes():
    """A softmax over all positions: each class's score is one number of the map, and so is its slope."""
    x = keras.Input((4, 4, 1))
    maps = layers.Conv2D(1, 1, kernel_initializer="ones", name="maps")(x)
    model = keras.Model(x, layers.Softmax()(layers.Flatten()(maps)))
    image = numbers(4, 4, 1)
    found = explain.grad_cam(model, image, 5, layer="maps", relu=False)
    assert np.allclose(found, image[..., 0] / 16, atol=1e-6)
    assert explain.occlusion(model, image, 5, patch=1, value=0)[1, 1] == pytest.approx(image[1, 1, 0], abs=1e-5)


def test_grad_cam_says_what_layer_it_cannot_use():
    model = small()
    x = images(model)
    with pytest.raises(ValueError, match="no layer 'map'.*the nearest are maps"):
        explain.grad_cam(model, x, layer="map")
    with pytest.raises(ValueError, match="gives .*no map.*'maps'"):
        explain.grad_cam(model, x, layer="classes")


def test_the_highest_class_is_the_default_and_contrast_takes_off_the_common_map():
    model = small()
    x = images(model)
    best = run(model, x).argmax(1)
    assert np.array_equal(explain.cam(model, x), explain.cam(model, x, best))
    every = np.stack([explain.cam(model, x, c) for c in range(CLASSES)])
    found = np.stack([explain.cam(model, x, c, contrast=True) for c in range(CLASSES)])
    assert np.allclose(found, every - every.mean(0), atol=1e-5)
    kernel = model.get_layer("classes").kernel
    kernel.assign(kernel + numbers(12, 1))
    moved = np.stack([explain.cam(model, x, c, contrast=True) for c in range(CLASSES)])
    assert np.allclose(moved, found, atol=1e-4)
    assert not np.allclose(explain.cam(model, x, 0), every[0], atol=1e-2)


def test_one_image_and_several():
    model = small()
    x = np.tile(images(model, 1), (70, 1, 1, 1)) * np.linspace(0.5, 2, 70)[:, None, None, None]
    for method in (explain.cam, explain.grad_cam):
        together = method(model, x, 1)
        assert together.shape == (70, 8, 8)
        assert np.allclose(method(model, x[69], 1), together[69], atol=1e-4 * np.abs(together).max())
    assert explain.cam(model, x[0], resize=True).shape == (SIDE, SIDE)
    assert explain.cam(model, x[:2], resize=(5, 9)).shape == (2, 5, 9)


@pytest.mark.parametrize(
    ("image", "target", "message"),
    [
        (np.zeros((SIDE, SIDE)), 0, "16 × 16 × 3.*add the channel"),
        (np.zeros((2, 8, SIDE, 3)), 0, r"16 × 16 × 3.*\(2, 8, 16, 3\)"),
        (np.zeros((0, SIDE, SIDE, 3)), 0, "one or a batch"),
        (np.zeros((SIDE, SIDE, 3)), 5, "target=5 must lie in 0 … 4; nearest: 4"),
        (np.zeros((SIDE, SIDE, 3)), -1, "nearest: 0"),
        (np.zeros((2, SIDE, SIDE, 3)), [1, 2, 3], "3 targets for 2 images"),
    ],
)
def test_images_and_targets_that_do_not_fit(image, target, message):
    model = small()
    for method in (explain.cam, explain.grad_cam):
        with pytest.raises(ValueError, match=message):
            method(model, image, target)
    if target == 0 and len(image):
        with pytest.raises(ValueError, match=message):
            explain.occlusion(model, image, target)


def test_what_is_no_classifier_of_one_image():
    with pytest.raises(TypeError, match="Keras model"):
        explain.cam("model", np.zeros((4, 4, 3)))
    one, two = keras.Input((4, 4, 3)), keras.Input((4, 4, 3))
    pooled = layers.GlobalAveragePooling2D()(layers.add([one, two]))
    with pytest.raises(ValueError, match="2 inputs"):
        explain.cam(keras.Model([one, two], pooled), np.zeros((4, 4, 3)))
    with pytest.raises(TypeError, match="a class's number"):
        explain.cam(small(), np.zeros((SIDE, SIDE, 3)), "cat")


def bilinear(map, size, shift=0.0):
    """Every pixel's value from the four middles of tiles around it, one at a time."""
    made = np.empty(size)
    for row, column in np.ndindex(*size):
        at = [
            np.clip((pixel + 0.5 - shift) * have / to - 0.5, 0, have - 1)
            for pixel, have, to in zip((row, column), map.shape, size)
        ]
        (r, c), (dr, dc) = np.floor(at).astype(int), np.mod(at, 1)
        down, right = min(r + 1, map.shape[0] - 1), min(c + 1, map.shape[1] - 1)
        top = map[r, c] * (1 - dc) + map[r, right] * dc
        made[row, column] = top * (1 - dr) + (map[down, c] * (1 - dc) + map[down, right] * dc) * dr
    return made


@pytest.mark.parametrize(("have", "to"), [((4, 4), (16, 16)), ((3, 5), (7, 31)), ((1, 2), (4, 4))])
@pytest.mark.parametrize("shift", [0.0, 1.5, -2.25])
def test_resizing_is_bilinear_between_the_middles_of_tiles(have, to, shift):
    map = np.random.default_rng(0).normal(size=have)
    found = explain.resized(map, to, shift=shift)
    assert np.abs(found - bilinear(map, to, shift)).max() < 0.03 * np.ptp(map)  # OpenCV's steps of 1/32
    assert np.array_equal(explain.resized(np.stack([map, -map]), to, shift=shift)[0], found)


def test_a_size_is_two_numbers():
    with pytest.raises(ValueError, match=r"size=5 must be \(height, width\); nearest that works: \(2, 3\)"):
        explain.resized(np.zeros((2, 3)), 5)


def test_resizing_before_or_after_the_classifier_is_the_same():
    model = small()
    x, end = images(model), explain.head(model)
    maps = np.moveaxis(explain.head(model).features(x), -1, 1)
    large = np.stack([explain.resized(one, (SIDE, SIDE)) for one in maps])
    assert np.allclose(
        np.einsum("bchw,c->bhw", large, end.kernel[:, 1]),
        explain.cam(model, x, 1, resize=True),
        atol=1e-3,
    )


def test_an_overlay_is_grey_where_the_map_is_low_and_coloured_where_it_is_high():
    image = np.full((8, 8, 3), 100, np.uint8)
    map = np.zeros((8, 8))
    map[2, 3] = 1
    laid = explain.overlay(image, map, opacity=1.0)
    assert laid.dtype == np.uint8 and (laid[0, 0] == 100).all()
    red, green, blue = laid[2, 3].astype(int)
    assert red > 200 > green - 40 and blue < 80  # viridis ends in yellow: RGB, not OpenCV's BGR
    assert np.array_equal(explain.overlay(image, map, opacity=0.0), image)
    assert np.array_equal(explain.overlay(image[..., :1] / 255, map), explain.overlay(image, map))
    with pytest.raises(ValueError, match="opacity=1.5.*nearest: 1"):
        explain.overlay(image, map, opacity=1.5)
    with pytest.raises(ValueError, match="one image .* one map"):
        explain.overlay(image[None], map)


def test_scores_of_maps_against_masks():
    mask = np.zeros((2, 4, 4), np.uint8)
    mask[0, 1:3, 1:3] = 1
    exact_map = mask.astype(float) + np.linspace(0, 0.1, 16).reshape(4, 4)
    assert explain.pointing_game(exact_map, mask).tolist() == [True, False]
    assert explain.iou(exact_map, mask).tolist() == [1.0, 1.0]
    assert explain.iou(exact_map[0], mask[0], quantile=0.5) == 4 / 8
    assert explain.iou(exact_map[0], mask[0], threshold=0.5) == 1
    assert explain.iou(np.zeros((4, 4)), mask[0], threshold=0.5) == 0
    assert explain.energy(mask[0] * 2.0 - 1, mask[0]) == 1
    assert explain.energy(np.ones((4, 4)), mask[0]) == 0.25
    assert explain.energy(-np.ones((4, 4)), mask[0]) == 0
    with pytest.raises(ValueError, match="resized"):
        explain.iou(np.zeros((2, 2)), mask[0])
    with pytest.raises(ValueError, match="one of threshold and quantile"):
        explain.iou(mask[0], mask[0], threshold=0.5, quantile=0.5)


def test_rank_correlation_is_spearmans():
    from scipy.stats import spearmanr

    random = np.random.default_rng(0)
    first = random.integers(0, 6, (5, 6, 7))  # with ties
    second = first + random.integers(0, 6, first.shape)
    wanted = [spearmanr(a.ravel(), b.ravel()).statistic for a, b in zip(first, second)]
    assert np.allclose(explain.rank_correlation(first, second), wanted)
    assert explain.rank_correlation(np.ones((2, 2)), first[0, :2, :2]) == 0


def test_occlusion_finds_what_a_linear_model_sees():
    """A model that sums one quarter of the image: covering it costs its sum, covering the rest nothing."""
    x = keras.Input((8, 8, 1))
    corner = layers.Cropping2D(((0, 4), (4, 0)))(x)
    dense = layers.Dense(2, use_bias=False, kernel_initializer="ones")
    model = keras.Model(x, layers.Softmax()(dense(layers.Flatten()(corner))))
    found = explain.occlusion(model, np.ones((8, 8, 1)), 1, patch=4, stride=4, value=0)
    wanted = np.zeros((8, 8))
    wanted[:4, 4:] = 16
    assert np.allclose(found, wanted, atol=1e-4)
    uneven = explain.occlusion(model, np.ones((8, 8, 1)), 1, patch=3, stride=2, value=0)
    assert uneven[0, 7] > uneven[0, 3] > uneven[7, 0] == 0
    assert np.allclose(explain.occlusion(model, np.ones((8, 8, 1)), 1), 0, atol=1e-4)  # by the mean: no change
    with pytest.raises(ValueError, match="nearest that do: patch=8, stride=4"):
        explain.occlusion(model, np.ones((8, 8, 1)), 1, patch=9, stride=4)
    with pytest.raises(ValueError, match="without gaps; nearest that do: patch=2, stride=2"):
        explain.occlusion(model, np.ones((8, 8, 1)), 1, patch=2, stride=3)
    with pytest.raises(ValueError, match="takes one image"):
        explain.occlusion(model, np.ones((1, 8, 8, 1)), 1)


def in_format(data_format, *top):
    """An uneven network all of whose layers are made with this data format."""
    before, size = keras.config.image_data_format(), (SIDE, 20)
    keras.config.set_image_data_format(data_format)
    try:
        x = inputs = keras.Input((3, *size) if data_format == "channels_first" else (*size, 3))
        x = layers.Conv2D(9, 3, strides=2, padding="same", activation="relu")(x)
        x = layers.BatchNormalization(axis=1 if data_format == "channels_first" else -1)(x)
        for layer in top:
            x = layer()(x)
        return keras.Model(inputs, x)
    finally:
        keras.config.set_image_data_format(before)


TOPS = {
    "dense": (layers.GlobalAveragePooling2D, lambda: layers.Dense(CLASSES)),
    "1x1": (kept, lambda: conv(CLASSES, activation="softmax"), layers.Flatten),
    "grouped": (kept, lambda: GroupedPointwise(CLASSES, groups=2, activation="softmax"), layers.Flatten),
    "global pooling in between": (
        lambda: layers.Activation("relu"), layers.GlobalMaxPooling2D, lambda: layers.Dense(CLASSES)
    ),
}


@pytest.mark.skipif(keras.backend.backend() == "tensorflow", reason="its CPU has no channels first")
@pytest.mark.parametrize("name", TOPS)
def test_channels_first_gives_the_same_maps(name):
    last, first = (in_format(layout, *TOPS[name]) for layout in ("channels_last", "channels_first"))
    first.set_weights(last.get_weights())
    x = images(last, 2)
    turned = np.moveaxis(x, -1, 1)
    methods = [(explain.grad_cam, {}), (explain.grad_cam, {"resize": True})]
    if "between" not in name:
        methods += [(explain.cam, {}), (explain.cam, {"resize": True})]
    for method, options in methods:
        wanted, found = method(last, x, 1, **options), method(first, turned, 1, **options)
        assert wanted.shape[1:] == ((SIDE, 20) if options else (SIDE // 2, 10))
        assert np.abs(wanted).max() > 1e-3 and np.allclose(found, wanted, atol=1e-4 * np.abs(wanted).max())
    wanted, found = explain.occlusion(last, x[0], 1), explain.occlusion(first, turned[0], 1)
    assert wanted.shape == (SIDE, 20) and np.allclose(found, wanted, atol=1e-4 * np.abs(wanted).max())


def test_layers_of_both_data_formats_are_named():
    x = keras.Input((4, 6, 4))
    maps = layers.Conv2D(3, 1, data_format="channels_last", name="one")(x)
    pooled = layers.GlobalAveragePooling2D(data_format="channels_first", name="other")(maps)
    model = keras.Model(x, layers.Dense(2)(pooled))
    for method in (explain.cam, explain.grad_cam, explain.occlusion):
        with pytest.raises(ValueError, match="channels_last in 'one' and channels_first in 'other'.*nearest"):
            method(model, np.zeros((4, 6, 4)), 1, **({"patch": 2} if method is explain.occlusion else {}))


def test_randomised_shuffles_the_last_layers_and_leaves_the_model_alone():
    model = small()
    x, before = images(model), [weight.copy() for weight in model.get_weights()]
    for last, changed in ((1, {"classes"}), (2, {"classes", "maps"}), (None, {"classes", "maps", "first"})):
        copy = explain.randomised(model, last, seed=1)
        for old, new in zip(model.layers, copy.layers, strict=True):
            for a, b in zip(old.get_weights(), new.get_weights(), strict=True):
                assert np.array_equal(np.sort(a, axis=None), np.sort(b, axis=None))
                assert np.array_equal(a, b) == (old.name not in changed or len(np.unique(a)) == 1)
    assert all(np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True))
    assert np.array_equal(run(explain.randomised(model, seed=1), x), run(copy, x))
    with pytest.raises(ValueError, match="last=4: 3 layers have weights; nearest: 3"):
        explain.randomised(model, 4)


def test_the_sanity_check_tells_a_map_of_the_weights_from_a_map_of_the_image():
    model = small()
    x = images(model, 6)
    found = explain.sanity_check(model, x)
    assert list(found) == [1, 2, 3] and max(map(abs, found.values())) < 0.8
    edges = explain.sanity_check(model, x, method=lambda model, x, target: np.asarray(x)[..., 0])
    assert edges == {1: 1.0, 2: 1.0, 3: 1.0}
    gradients = explain.sanity_check(model, x, 1, method=explain.grad_cam, steps=[1], relu=False)
    assert gradients[1] == pytest.approx(explain.sanity_check(model, x, 1, steps=[1])[1], abs=1e-6)


# -- a whole split judged


def test_judged_is_the_mean_of_the_scores_themselves():
    model = small()
    x, masks = images(model, 5), np.zeros((5, SIDE, SIDE), np.uint8)
    masks[:, 2:9, 4:11] = 1
    targets = [0, 1, 2, 3, 4]
    told = explain.judged(model, x, masks, targets)
    for name, method in (("cam", explain.cam), ("grad_cam", explain.grad_cam)):
        maps = method(model, x, targets, resize=True)
        assert told[name]["pointing"] == explain.pointing_game(maps, masks).mean()
        assert told[name]["iou"] == pytest.approx(explain.iou(maps, masks).mean())
    assert told["share"] == 49 / SIDE**2


def test_the_middle_knows_nothing_of_the_picture():
    masks = np.zeros((2, SIDE, SIDE), np.uint8)
    masks[0, 6:10, 6:10] = masks[1, :3, :3] = 1
    told = explain.judged(small(), images(small(), 2), masks, 0)["centre"]
    assert told["pointing"] == 0.5 and 0.4 < told["iou"] <= 0.5
    found = explain.centre_map(4, 6)
    assert np.argwhere(found == found.max()).tolist() == [[1, 2], [1, 3], [2, 2], [2, 3]]
    np.testing.assert_array_equal(found, found[::-1, ::-1])
