"""What a run's model is fed with: an epoch's batches from any step on, and whole splits to be scored."""

import numpy as np

from gpc.train import objectives


def subset(split, part, seed):
    """Part of a split, classes in proportion; all of it for 1."""
    if part == 1:
        return split
    from gpc.data import stratified

    (rows,) = stratified(split.labels, (max(1, round(part * len(split))),), seed=seed)
    return split.take(rows)


def epoch(training, number, start=0):
    """The batches of epoch `number`, from 0, as Keras takes them, from batch `start` on."""
    from gpc.data import Batches

    recipe = training.recipe
    how = {"augment": recipe.augmentation, "size": recipe.size, "target": recipe.target}
    found = Batches(training.train, recipe.batch_size, seed=training.seed, epoch=number, **how)
    # What does not split among the devices waits: other images each epoch, for the order is drawn anew.
    found.order = found.order[: training.devices.even(len(found.order))]
    return _feed(training, found, start)


def scores(training, split):
    """{name: mean over the split's images} of the loss and the scores, the model as it stands."""
    devices = training.devices
    whole = devices.even(len(split))
    if whole == len(split):
        return _scores(training, split)
    # Images left over by the devices go to each of them: means over copies are means over the images.
    rest = np.tile(np.arange(whole, len(split)), devices.count)
    parts = {whole: np.arange(whole), len(split) - whole: rest}
    found = [(size, _scores(training, split.take(rows))) for size, rows in parts.items() if size]
    return {key: sum(size * one[key] for size, one in found) / len(split) for key in found[0][1]}


def prime(training):
    """One batch evaluated, for Keras makes its metrics' sums only when it first sees data."""
    feed = epoch(training, 0)
    try:
        training.model.test_on_batch(*feed[0])
    finally:
        feed.close()


def _scores(training, split):
    from gpc.data import Batches

    count, recipe = training.devices.count, training.recipe
    size = count * _even(len(split) // count, max(1, 2 * recipe.batch_size // count))
    whole = Batches(split, size, shuffle=False, size=recipe.size, target=recipe.target)
    feed = _feed(training, whole)
    try:
        found = training.model.evaluate(feed, verbose=0, return_dict=True)
    finally:
        feed.close()
    return {key: float(value) for key, value in found.items()}


def _feed(training, batches, start=0):
    from gpc.train._keras import Feed

    ends = tuple(training.model.output_shape[1:])
    return Feed(
        batches, encode=lambda targets: objectives.encoded(targets, ends), scale=training.scale, start=start
    )


def _even(count, limit):
    """A batch of at most `limit` that divides `count`, so that one shape is compiled; else half `limit`."""
    for size in range(min(count, limit), limit // 2, -1):
        if count % size == 0:
            return size
    return min(count, max(1, limit // 2))
