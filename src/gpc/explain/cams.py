"""Class activation maps: exact from the classifier's weights, approximate from gradients."""

import operator

import numpy as np
from keras import ops

from gpc.explain.gradients import gradient
from gpc.explain.head import head, scores_before_activation
from gpc.explain.pictures import as_batch, chunks, resized
from gpc.explain.walk import channels_first, channels_last, graph_of, positions, run, sides, tensor_of


def cam(model, image, target=None, *, resize=False, contrast=False):
    """Class activation maps: how much each position of the last map adds to a class's score.

    (H, W, C) → (height, width) or (B, H, W, C) → (B, height, width), the size of the network's last map. Per
    image height · width · channels multiply-accumulates behind one run of the network: one einsum
    `bhwc,cb->bhw` of the maps and the classes' columns of the classifier, which is what a 1×1 convolution
    with the classifier's weights would give. Exact: the map's mean plus `head(model).bias[target]` is the
    class's score before the softmax.

    Args:
        model: a functional or sequential classifier, see `head` for what it may end in.
        image: one image or a batch, pixels as the model takes them.
        target: the class, or one for each image; None takes the class with the highest score.
        resize: True brings the maps to the images' size, (height, width) to that one, see `resized`.
        contrast: whether the mean over all classes' maps is taken off. A softmax does not see what is added
            to all scores alike, so with one behind the scores only what is left then is determined by the
            model's answers.

    Raises TypeError for what is no Keras model; ValueError for images or targets that don't fit, and naming
    the layer behind the last map that has no exact map, with the nearest way.

    Source: Zhou, Khosla, Lapedriza, Oliva and Torralba, "Learning Deep Features for Discriminative
    Localization", CVPR 2016. They sum over positions and leave out the bias; here it is the mean, so that
    map and score have one scale. The contrast is ours.

    >>> import keras
    >>> import numpy as np
    >>> x = keras.Input((4, 4, 1))
    >>> pooled = keras.layers.GlobalAveragePooling2D()(x)
    >>> scores = keras.layers.Dense(2, use_bias=False, kernel_initializer="ones")(pooled)
    >>> model, image = keras.Model(x, scores), np.eye(4)[..., None]
    >>> float(cam(model, image, target=1).mean()), float(model(image[None])[0, 1])
    (0.25, 0.25)
    """
    end = head(model)
    images, batch = as_batch(model, image)
    maps = end.features(images)
    targets = targets_of(target, end.scores(maps))
    kernel = end.kernel - end.kernel.mean(1, keepdims=True) if contrast else end.kernel
    found = np.einsum("bhwc,cb->bhw", maps, kernel[:, targets])
    return _finished(found, sides(images.shape, channels_first(graph_of(model))), batch, resize)


def grad_cam(model, image, target=None, *, layer=None, resize=False, relu=True):
    """Grad-CAM: a layer's channels weighted by how much each, on average, moves a class's score.

    (H, W, C) → (height, width) or (B, H, W, C) → (B, height, width), the size of the layer's map. Two runs of
    the network and one back through what follows the layer. For a network that `cam` takes, at its last map,
    it is `cam` (with relu its positive part) divided by the number of positions; elsewhere it is no sum of
    parts of the score.

    Args:
        model: a functional or sequential classifier, (B, H, W, C) → (B, classes), whatever its head.
        image, target, resize: as in `cam`.
        layer: name or path ("backbone/conv") of the layer whose output is weighted; None takes the last one
            that gives a map of more than one position.
        relu: whether negative values are set to 0, as in the paper.

    Raises TypeError for what is no Keras model; ValueError for images, targets or layers that don't fit, and
    for a layer that the score doesn't depend on.

    Source: Selvaraju, Cogswell, Das, Vedantam, Parikh and Batra, "Grad-CAM", ICCV 2017. The score is the one
    before the softmax, as there.
    """
    graph = graph_of(model)
    first = channels_first(graph)
    images, batch = as_batch(model, image)
    spot = _last_map(graph, first) if layer is None else tensor_of(graph, layer)
    end, scores = scores_before_activation(graph)
    wanted, parts, at = _one_each(target, len(images)), [], 0
    for part in chunks(images):
        maps, reached = run(graph, part, [spot, end])
        targets = targets_of(wanted and wanted[at : at + len(part)], ops.convert_to_numpy(scores(reached)))

        def total(nudge, part=part, targets=targets):
            (reached,) = run(graph, part, [end], nudge=(spot, nudge))
            chosen = ops.one_hot(targets, graph.functional.outputs[0].shape[-1])
            return ops.sum(ops.cast(scores(reached), "float32") * chosen)

        parts.append(_weighted(maps, gradient(total, maps, spot), first))
        at += len(part)
    found = np.concatenate(parts)
    return _finished(np.maximum(found, 0) if relu else found, sides(images.shape, first), batch, resize)


def targets_of(target, scores):
    """(B,) classes: those asked for, or those of the highest scores (B, classes).

    Raises ValueError for a class that isn't there and a number of targets that isn't the number of images.
    """
    found, classes = _one_each(target, len(scores)), scores.shape[1]
    if found is None:
        return scores.argmax(-1)
    wrong = [one for one in found if not 0 <= one < classes]
    if wrong:
        near = min(max(wrong[0], 0), classes - 1)
        raise ValueError(f"target={wrong[0]} must lie in 0 … {classes - 1}; nearest: {near}")
    return np.asarray(found)


def _one_each(target, count):
    """A target for each of `count` images as a list, or None where none was asked for."""
    if target is None:
        return None
    try:
        found = [operator.index(one) for one in np.atleast_1d(target)]
    except TypeError:
        raise TypeError(f"target={target!r} must be a class's number, or one for each image") from None
    found = found * count if np.ndim(target) == 0 else found
    if len(found) != count:
        raise ValueError(f"{len(found)} targets for {count} images; give one for all, or one for each")
    return found


def _last_map(graph, first):
    """The map of more than one position that is computed last."""
    for call in reversed([*graph.walk()]):
        for tensor in call.outputs:
            if positions(tensor.shape, first) != 1:
                return tensor
    raise ValueError(
        f"model {graph.model.name!r} computes no map (B, height, width, channels) of more than one position; "
        "nearest: gpc.explain.occlusion, which needs none"
    )


def _weighted(maps, slopes, first):
    """Σ over channels of map × its slope's mean over positions: twice (B, h, w, C) → (B, h, w)."""
    both = (ops.convert_to_numpy(ops.cast(one, "float32")) for one in (maps, slopes))
    maps, slopes = (channels_last(one, first) for one in both)
    return np.einsum("bhwc,bc->bhw", maps, slopes.mean((1, 2)))


def _finished(maps, size, batch, resize):
    if resize is not False:
        maps = resized(maps, size if resize is True else resize)
    return maps if batch else maps[0]
