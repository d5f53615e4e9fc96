"""Asking the model again: with a part of the image covered, or with weights that know nothing."""

import keras
import numpy as np
from keras import ops

from gpc._checks import positive, seed as checked_seed
from gpc.explain.cams import cam, targets_of
from gpc.explain.head import scores_before_activation
from gpc.explain.pictures import as_batch, chunks
from gpc.explain.scores import rank_correlation
from gpc.explain.walk import channels_first, channels_last, graph_of, run, sides
from gpc.surgery.graph import Copier


def occlusion(model, image, target=None, *, patch=8, stride=None, value=None):
    """How much a class's score falls when a square of the image is covered: one image (H, W, C) → (H, W).

    Every pixel has the mean of the falls of all squares that covered it; positive where the square was in
    favour of the class. The last squares down and across lie at the edge.
    Cost: a run of the network for the image and one for each square, ⌈(H − patch) / stride⌉ + 1 rows of
    ⌈(W − patch) / stride⌉ + 1 squares.

    Args:
        model: a functional or sequential classifier, (B, H, W, C) → (B, classes).
        image: one image, pixels as the model takes them.
        target: the class; None takes the one with the highest score.
        patch: the square's side in pixels.
        stride: from one square to the next; None takes half a patch.
        value: what covers it, a number or one a channel; None takes the image's mean.

    Raises ValueError for a batch, for squares that don't fit into the image, or leave pixels between them,
    and for a target that isn't there.

    Source: Zeiler and Fergus, "Visualizing and Understanding Convolutional Networks", ECCV 2014, who draw the
    probability that is left; here it is the score before the softmax that is lost.
    """
    images, batch = as_batch(model, image)
    if batch:
        raise ValueError(f"occlusion takes one image (H, W, C); received a batch of {len(images)}")
    first = channels_first(graph_of(model))
    patch, height, width = positive("patch", patch), *sides(images.shape, first)
    stride = max(patch // 2, 1) if stride is None else positive("stride", stride)
    if patch > min(height, width) or stride > patch:
        raise ValueError(
            f"patch={patch} and stride={stride} must cover an image of {height}×{width} without gaps; nearest "
            f"that do: patch={(patch := min(patch, height, width))}, stride={min(stride, patch)}"
        )
    spots = [(top, left) for top in _starts(height, patch, stride) for left in _starts(width, patch, stride)]
    covered = np.repeat(images, len(spots) + 1, axis=0)
    pixels = channels_last(covered, first)
    value = pixels[0].mean((0, 1)) if value is None else value
    for one, (top, left) in zip(pixels[1:], spots):
        one[top : top + patch, left : left + patch] = value
    scores = _scores(model, covered)
    (chosen,) = targets_of(target, scores[:1])
    falls, times = np.zeros((2, height, width), "float32")
    for fall, (top, left) in zip(scores[0, chosen] - scores[1:, chosen], spots):
        falls[top : top + patch, left : left + patch] += fall
        times[top : top + patch, left : left + patch] += 1
    return falls / times


def _starts(size, patch, stride):
    return sorted({*range(0, size - patch + 1, stride), size - patch})


def _scores(model, images):
    """(B, classes) before the last activation."""
    graph = graph_of(model)
    end, scores = scores_before_activation(graph)
    parts = [scores(run(graph, part, [end])[0]) for part in chunks(images)]
    return np.concatenate([ops.convert_to_numpy(ops.cast(part, "float32")) for part in parts])


def randomised(model, last=None, *, seed=0):
    """A copy of the model in which layers have forgotten what they learned.

    Every array of weights of the `last` layers that have any (None: of all) keeps its values and has them in
    a random order: sizes and spread stay, what they meant is gone. The model itself is left as it is.

    Raises ValueError for a `last` below 1 or above the number of layers with weights, and for a seed that is
    not from 0 to 2³² − 1.
    Source: Adebayo et al., "Sanity Checks for Saliency Maps", NeurIPS 2018, who draw new values.
    """
    copier = Copier(lambda call, args, kwargs: None, lambda graph: False)
    copy = copier.model(graph_of(model))
    copier.copy_weights()
    weighted = _weighted(copy)
    if last is not None and positive("last", last) > len(weighted):
        raise ValueError(f"last={last}: {len(weighted)} layers have weights; nearest: {len(weighted)}")
    random = np.random.default_rng(checked_seed("seed", seed))
    for layer in weighted[-last:] if last else weighted:
        layer.set_weights([random.permuted(one.ravel()).reshape(one.shape) for one in layer.get_weights()])
    return copy


def _weighted(model):
    """The layers with weights of a model and those in it, in the order they are run."""
    found = {id(call.operation): call.operation for call in graph_of(model).walk()}
    return [
        one for one in found.values()
        if isinstance(one, keras.Layer) and not isinstance(one, keras.Model) and one.weights
    ]  # fmt: skip


def sanity_check(model, images, target=None, *, method=cam, steps=None, seed=0, **options):
    """Whether a map depends on the weights: {layers forgotten, from the last on: correlation with the map}.

    Layers forget one after another, the classifier first, as in `randomised`; each time the maps of `method`
    (a function of model, images, target, such as `cam` and `grad_cam`; `options` go to it) are compared with
    those of the whole model by `rank_correlation`, the mean over the images. A map that says what the model
    learned falls towards 0. `steps`: how many layers each time, in numbers of layers; None takes 1, 2, 4, …
    and all.

    Raises ValueError for a number of layers that isn't there, and what `method` raises.
    Source: Adebayo et al., "Sanity Checks for Saliency Maps", NeurIPS 2018: their cascading randomisation.
    """
    count = len(_weighted(model))
    steps = [*(2**n for n in range(count.bit_length()) if 2**n < count), count] if steps is None else steps
    images, _ = as_batch(model, images)
    target = targets_of(target, _scores(model, images))
    whole = method(model, images, target, **options)
    others = {step: method(randomised(model, step, seed=seed), images, target, **options) for step in steps}
    return {step: float(np.mean(rank_correlation(whole, other))) for step, other in others.items()}
