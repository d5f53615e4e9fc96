"""What is learned and how it is scored: a label an image, or a class a pixel."""

import numpy as np


def check(model, data, recipe, given):
    """Raises ValueError where the model does not end in what the recipe's target of this data needs."""
    ends, asked = tuple(model.output_shape[1:]), recipe.outputs(data)
    if not recipe.maps:
        if ends != (asked,):
            raise ValueError(
                f"model {model.name!r} ends in {ends}; {data.name} has {asked} classes: "
                f"build it with classes={asked}"
            )
        return
    many = ends[2] if len(ends) == 3 else 0
    # Two classes are one sigmoid or a softmax over both; more than there are is a class never seen.
    fits = many >= max(2, asked) or many == asked == 1
    if not fits or any(end not in (None, side) for end, side in zip(ends[:2], given[:2])):
        wanted = (*given[:2], asked)
        raise ValueError(
            f"model {model.name!r} ends in {ends}; {recipe.target} of {data.name} are {wanted}: "
            f"build it with classes={asked}, as large as its images"
        )


def encoded(targets, ends):
    """Labels (B,) or maps (B, H, W) of integers as the loss takes them: float32 (B, *ends).

    >>> encoded(np.array([2, 0]), (3,)).tolist()
    [[0.0, 0.0, 1.0], [1.0, 0.0, 0.0]]
    >>> encoded(np.array([[[0, 1]]]), (1, 2, 1)).tolist()
    [[[[0.0], [1.0]]]]
    """
    if len(ends) == 3 and ends[2] == 1:
        return targets[..., np.newaxis].astype(np.float32)
    return np.eye(ends[-1], dtype=np.float32)[targets]


def loss(model, recipe):
    """The loss of the recipe: cross-entropy over classes or pixels, with soft Dice where asked for."""
    import keras

    options = {"from_logits": not is_probable(model), "label_smoothing": recipe.label_smoothing}
    if not recipe.maps:
        return keras.losses.CategoricalCrossentropy(**options)

    from gpc.train._maps import Pixelwise

    return Pixelwise(dice=recipe.dice, **options)


def metrics(model, recipe, *, plain=False):
    """The scores but for the loss; `plain` leaves out what a saved model would need this package for."""
    import keras

    if not recipe.maps:
        return [keras.metrics.CategoricalAccuracy(name="accuracy")]
    logits = not is_probable(model)
    single = model.output_shape[-1] == 1
    accuracy = (
        keras.metrics.BinaryAccuracy(name="accuracy", threshold=0.0 if logits else 0.5)
        if single
        else keras.metrics.CategoricalAccuracy(name="accuracy")
    )
    if plain:
        return [accuracy]

    from gpc.train._maps import overlaps

    return [accuracy, *overlaps(threshold=0.0 if logits else 0.5)]


def plain_loss(model, recipe):
    """Keras's own cross-entropy for what the model ends in."""
    import keras

    single = recipe.maps and model.output_shape[-1] == 1
    kind = keras.losses.BinaryCrossentropy if single else keras.losses.CategoricalCrossentropy
    return kind(from_logits=not is_probable(model), label_smoothing=recipe.label_smoothing)


def is_probable(model):
    """Whether the output is probabilities. Raises ValueError for an activation that gives neither them nor
    logits."""
    import keras

    operation = model.outputs[0]._keras_history.operation
    if isinstance(operation, keras.Model):
        return is_probable(operation)
    if isinstance(operation, keras.layers.Softmax):
        return True
    single = len(model.output_shape) == 4 and model.output_shape[-1] == 1
    good = "sigmoid" if single else "softmax"
    name = getattr(getattr(operation, "activation", None), "__name__", "linear")
    if name not in (good, "linear"):
        raise ValueError(
            f"the last layer {operation.name!r} ends in {name!r}; it must end in {good!r}, or in logits"
        )
    return name == good
