"""Assignment 2, a grouped pointwise layer from scratch: ten points."""

import tempfile
from pathlib import Path

import numpy as np

from grading import Wrong, part, require
from grading.answers import shielded

# What would do the arithmetic instead of the student.
READY_MADE = (
    "Conv1D Conv2D Conv3D DepthwiseConv2D SeparableConv2D GroupedPointwise InterleavedPointwise "
    "GroupedConv2D conv conv2d depthwise_conv separable_conv grouped_pointwise"
).split()


def made(answers, filters, groups, shape, *, seed=0):
    """The student's layer, built for this shape, with random weights."""
    import keras

    maker = answers.function("MyGroupedPointwise")
    layer = maker(filters, groups)
    if not isinstance(layer, keras.layers.Layer):
        raise Wrong(f"`MyGroupedPointwise` makes a {type(layer).__name__}; it must be a keras.layers.Layer")
    called(layer, np.zeros(shape, "float32"))
    draw = np.random.default_rng(seed)
    layer.set_weights([draw.normal(size=weight.shape).astype("float32") for weight in layer.get_weights()])
    return layer


def called(layer, images):
    """A layer's or model's output as NumPy."""
    import keras

    out = shielded(f"`{layer.name}`, called on images,", layer, keras.ops.convert_to_tensor(images))
    if out is None:
        raise Wrong("not answered yet: the layer's `call` returns None")
    return keras.ops.convert_to_numpy(out)


def model_of(answers):
    """A model of one layer, (B, 2, 2, 8) → (B, 2, 2, 8) in four groups, and the layer."""
    import keras

    layer = answers.function("MyGroupedPointwise")(8, 4)
    called(layer, np.zeros((1, 2, 2, 8), "float32"))
    inputs = keras.Input((2, 2, 8))
    return keras.Model(inputs, shielded("the layer, called in a functional model,", layer, inputs)), layer


def from_scratch(answers):
    """Refuses what lets a ready-made layer do the work."""
    used = answers.uses("MyGroupedPointwise", READY_MADE)
    require(
        not used,
        f"`MyGroupedPointwise` uses {', '.join(used)}: from scratch means reshape, transpose, matmul or "
        "einsum of `keras.ops`, nothing that is a convolution already",
    )


def slowly(images, kernel, bias, groups):
    """The twin to compare with: one filter, one group at a time."""
    filters, width = kernel.shape[-1], kernel.shape[-2]
    out = np.empty((*images.shape[:3], filters))
    for filter_ in range(filters):
        group = filter_ // (filters // groups)
        own = images[..., group * width : (group + 1) * width]
        out[..., filter_] = own @ kernel[0, 0, :, filter_] + bias[filter_]
    return out


def weights_of(layer, channels, filters, groups):
    """(kernel, bias), of the shapes that were asked for."""
    weights = layer.get_weights()
    shapes, wanted = [weight.shape for weight in weights], [(1, 1, channels // groups, filters), (filters,)]
    require(
        shapes == wanted,
        f"for {channels} channels, {filters} filters and {groups} groups the weights have shapes {shapes}; "
        f"needed are a kernel and a bias, {wanted}: as Keras's own, made in `build` by `self.add_weight`",
    )
    return weights


@part(1, "Kernel and bias have the shapes of Keras's own")
def weights(answers):
    for channels, filters, groups in ((12, 8, 4), (6, 9, 3)):
        weights_of(made(answers, filters, groups, (1, 2, 2, channels)), channels, filters, groups)


@part(1, "Images of any size and number, in a model, too")
def shapes(answers):
    import keras

    maker = answers.function("MyGroupedPointwise")
    inputs = keras.Input((None, None, 8))
    outputs = shielded("the layer, called in a functional model,", maker(12, 4), inputs)
    require(outputs is not None, "not answered yet: the layer's `call` returns None")
    require(
        getattr(outputs, "shape", None) == (None, None, None, 12),
        f"on an input (None, None, None, 8) 12 filters give {getattr(outputs, 'shape', outputs)}; "
        "needed: (None, None, None, 12). In `reshape`, -1 stands for a size that is not known yet",
    )
    model = keras.Model(inputs, outputs)
    for shape in ((1, 3, 5, 8), (2, 4, 1, 8)):
        given = shielded(f"the model, called on images {shape},", model, np.zeros(shape, "float32")).shape
        require(tuple(given) == (*shape[:3], 12), f"images {shape} come out as {tuple(given)}")


@part(2, "The numbers are those of a loop over filters and groups")
def numbers(answers):
    from_scratch(answers)
    draw = np.random.default_rng()
    for channels, filters, groups in ((12, 8, 4), (6, 9, 3), (8, 8, 2)):
        images = draw.normal(size=(2, 3, 4, channels)).astype("float32")
        layer = made(answers, filters, groups, images.shape)
        kernel, bias = weights_of(layer, channels, filters, groups)
        given, right = called(layer, images), slowly(images, kernel, bias, groups)
        require(given.shape == right.shape, f"the output has shape {given.shape}; needed: {right.shape}")
        if np.allclose(given, right, atol=1e-4):
            continue
        hint = "filter f belongs to group f // (filters / groups) and reads that group's block of channels"
        if np.allclose(given, right - bias, atol=1e-4):
            hint = "the bias is missing"
        elif np.allclose(given, slowly(_dealt(images, groups), kernel, bias, groups), atol=1e-4):
            hint = (
                "your groups are dealt like cards (channels 0, g, 2g, … together); a group is a block of "
                "neighbouring channels: reshape to (groups, channels per group), in this order"
            )
        elif np.allclose(np.sort(given.ravel()), np.sort(right.ravel()), atol=1e-4):
            hint = "the values are right, their order is not: which axes does your last transpose exchange?"
        raise Wrong(f"{channels} channels, {filters} filters, {groups} groups: the output differs. {hint}")


def _dealt(images, groups):
    """Channels as one gets them who reshapes to (channels per group, groups)."""
    order = np.arange(images.shape[-1]).reshape(-1, groups).T.ravel()
    return images[..., order]


@part(1, "One group is a dense layer, a group a channel is a scaling")
def ends(answers):
    from_scratch(answers)
    images = np.random.default_rng().normal(size=(1, 2, 2, 6)).astype("float32")
    dense = made(answers, 4, 1, images.shape)
    kernel, bias = weights_of(dense, 6, 4, 1)
    require(
        np.allclose(called(dense, images), images @ kernel[0, 0] + bias, atol=1e-4),
        "with groups=1 the layer is `images @ kernel + bias`; yours is not",
    )
    scaling = made(answers, 6, 6, images.shape)
    kernel, bias = weights_of(scaling, 6, 6, 6)
    require(
        np.allclose(called(scaling, images), images * kernel[0, 0, 0] + bias, atol=1e-4),
        "with as many groups as channels each channel is multiplied by a number of its own; yours are not",
    )


@part(1, "Groups that do not divide are refused")
def refuses(answers):
    maker = answers.function("MyGroupedPointwise")
    for channels, filters, groups in ((6, 4, 4), (8, 6, 4)):
        culprit = channels if channels % groups else filters
        text = f"{channels} channels, {filters} filters, {groups} groups"
        try:
            maker(filters, groups).build((None, 5, 5, channels))
        except ValueError as error:
            said = str(error)
        except Wrong as wrong:  # the constructor raised: right where the filters are to blame
            require(culprit == filters and "ValueError" in str(wrong), str(wrong))
            said = str(wrong).split("ValueError", 1)[1]
        except Exception as error:
            raise Wrong(f"{text}: ValueError is asked, {type(error).__name__} came: {error}") from None
        else:
            raise Wrong(f"{text}: `build` should raise ValueError; nothing was raised")
        require(
            str(groups) in said and str(culprit) in said,
            f"{text}: the message {said!r} should name what does not fit: {groups} and {culprit}",
        )


@part(1, "It learns")
def learns(answers):
    import keras

    from_scratch(answers)
    keras.utils.set_random_seed(1)
    images = np.random.default_rng(2).normal(size=(64, 2, 2, 8)).astype("float32")
    target = called(made(answers, 8, 4, images.shape), images)
    model, layer = model_of(answers)
    before = [weight.copy() for weight in layer.get_weights()]
    model.compile(optimizer=keras.optimizers.Adam(0.1), loss="mse")
    how = {"epochs": 40, "batch_size": 64, "verbose": 0}
    told = shielded("`fit` on a model of your layer", model.fit, images, target, **how)
    changed = [not np.allclose(old, new) for old, new in zip(before, layer.get_weights(), strict=True)]
    require(all(changed) and changed, "training leaves a weight as it was: is every one used in `call`?")
    first, last = told.history["loss"][0], told.history["loss"][-1]
    require(
        last < first / 20,
        f"the loss goes from {first:.3f} to {last:.3f} on data that such a layer made; it should vanish",
    )


@part(1, "Saved and loaded, it is the same")
def saves(answers):
    import keras

    from_scratch(answers)
    model, _ = model_of(answers)
    images = np.random.default_rng(0).normal(size=(1, 2, 2, 8)).astype("float32")
    maker = {"MyGroupedPointwise": answers["MyGroupedPointwise"]}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.keras"
        try:
            model.save(path)
            again = keras.models.load_model(path, custom_objects=maker)
        except Exception as error:
            hint = "`get_config` must return filters and groups beside what the base class returns"
            raise Wrong(f"saving and loading raised {type(error).__name__}; {hint}") from None
    same = np.allclose(called(again, images), called(model, images), atol=1e-5)
    require(same, "the loaded model gives other numbers than the one that was saved")


@part(1, "Interleaved channels come from every group")
def interleaves(answers):
    import keras

    function = answers.function("interleave")
    for channels, groups in ((12, 3), (8, 4)):
        images = np.arange(channels, dtype="float32")[None, None, None]
        images = np.broadcast_to(images, (2, 3, 2, channels)).copy()
        given = np.asarray(keras.ops.convert_to_numpy(function(images, groups)))
        right = np.arange(channels).reshape(groups, -1).T.ravel()
        require(given.shape == images.shape, f"`interleave` makes {given.shape} of {images.shape}")
        order = given[1, 2, 1].astype(int).tolist()
        hint = "the first of each group, then the second of each"
        if order == np.arange(channels).reshape(-1, groups).T.ravel().tolist():
            hint += "; yours is the way back: reshape to (groups, channels per group), then transpose"
        require(
            np.array_equal(given, np.broadcast_to(right, images.shape)),
            f"{channels} channels of {groups} groups come out as {order}; needed: {right.tolist()}, {hint}",
        )


@part(1, "Two layers and an interleaving between join every input to every output")
def reaches(answers):
    import keras

    from_scratch(answers)
    for channels, groups, share in ((16, 4, 1.0), (32, 8, 0.5)):
        model = answers.function("pair")(channels, groups)
        require(isinstance(model, keras.Model), "`pair(channels, groups)` must return a Keras model")
        draw = np.random.default_rng(0)
        model.set_weights([draw.normal(size=weight.shape) for weight in model.get_weights()])
        images = np.concatenate([np.zeros((1, channels)), np.eye(channels)])[:, None, None].astype("float32")
        out = called(model, images).reshape(channels + 1, -1)
        given = float(np.mean(np.abs(out[1:] - out[0]) > 1e-6))
        width = channels // groups
        require(
            np.isclose(given, share),
            f"with {channels} channels in {groups} groups {given:.0%} of the pairs of input and output are "
            f"joined; two layers of {width} channels a group can join {width} · {width} of {channels} inputs "
            "to an output"
            + ("" if given < share else ": are both layers grouped?"),
        )
