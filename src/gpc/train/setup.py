"""A model made ready to be trained as a recipe says: seeded, built, checked against the data, compiled."""

from contextlib import contextmanager

import numpy as np

from gpc.train import objectives


def seeded(seed, *, deterministic):
    """Seeds Python, NumPy and the backend; on TensorFlow asks for deterministic kernels, for the process's
    rest.

    Without them a GPU's reductions, and a CPU's with a busy thread pool, may add up in another order each
    time.
    """
    import keras

    keras.utils.set_random_seed(seed)
    if deterministic and keras.backend.backend() == "tensorflow":
        import tensorflow

        tensorflow.config.experimental.enable_op_determinism()


@contextmanager
def _policy(precision):
    """Keras's global precision within the block; layers keep the one they were made under."""
    import keras

    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(precision)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def built(model, recipe):
    """The Keras model itself, or what the builder returns when called under the recipe's precision."""
    import keras

    if isinstance(model, keras.Model):
        return model
    if not callable(model):
        raise TypeError(f"model={model!r} must be a Keras model or a function that builds one")
    with _policy(recipe.precision):
        found = model()
    if not isinstance(found, keras.Model):
        raise TypeError(f"the builder must return a Keras model; it returned {type(found).__name__}")
    return found


def checked(model, data, recipe):
    """The scale of the model's input. Raises ValueError where model, data and recipe do not fit."""
    if not model.built or not isinstance(getattr(model, "input_shape", None), tuple):
        raise ValueError(f"model {model.name!r} must be built, with one input of images {data.input_shape}")
    given = recipe.input_shape(data.input_shape)
    _check_images(model, data, given)
    objectives.check(model, data, recipe, given)
    # One layer in the recipe's type is enough: a float32 softmax ending a float16 network is good practice.
    computes = {layer.compute_dtype for layer in model.layers if layer.weights}
    if computes and recipe.precision.removeprefix("mixed_") not in computes:
        raise ValueError(
            f"recipe {recipe.name!r} computes in {recipe.precision}, this model was built in {min(computes)};"
            " give fit a function that builds the model, or change the recipe's precision"
        )
    return input_scale(model)


def _check_images(model, data, given):
    asked = tuple(model.input_shape[1:])
    if len(asked) != 3 or any(a not in (None, b) for a, b in zip(asked, given)):
        other = f", or give the recipe size={asked[0]}" if asked[2:] == given[2:] else ""
        raise ValueError(
            f"model {model.name!r} takes images of {asked}; {data.name} has {given}: "
            f"build the model for {given}{other}"
        )


def input_scale(model):
    """255.0 for a model that scales raw pixels itself, 1.0 for one that takes 0…1.

    Told by its first `Rescaling` or `Normalization` layer, as `keras.applications` have them: fed
    0…1, EfficientNet's own 1/255 would leave it nothing to see.
    """
    for layer in model.layers:
        kind = type(layer).__name__
        if kind == "Rescaling":
            return 255.0 if np.max(np.abs(layer.scale)) < 0.1 else 1.0
        if kind == "Normalization":
            mean = layer.mean if layer.mean is not None else 0.0
            return 255.0 if np.max(np.abs(np.asarray(mean))) > 2 else 1.0
        if layer.weights:
            return 1.0
    return 1.0


def compiled(model, recipe, rates):
    """The model compiled with the recipe's optimizer, loss and scores, the optimizer's state created.

    rates: one a step, (steps,); or a single number, and nothing of it is then this package's own.
    """
    from gpc.train._keras import Rates

    optimizer = _optimizer(recipe, Rates(rates) if np.ndim(rates) else float(rates))
    if recipe.weight_decay:
        optimizer.exclude_from_weight_decay(
            var_list=[one for one in model.trainable_variables if len(one.shape) < 2]
        )
    plain = not np.ndim(rates)
    model.compile(
        optimizer=optimizer,
        loss=objectives.plain_loss(model, recipe) if plain else objectives.loss(model, recipe),
        metrics=objectives.metrics(model, recipe, plain=plain),
        jit_compile=_jit(),
    )
    model.optimizer.build(model.trainable_variables)
    return model


def _optimizer(recipe, rate):
    import keras

    kind = {"rmsprop": "RMSprop", "sgd": "SGD", "adam": "Adam", "adamw": "AdamW"}[recipe.optimizer]
    options = {"momentum": recipe.momentum} if recipe.momentum else {}
    if recipe.momentum and recipe.optimizer == "sgd":
        options["nesterov"] = True
    # 0 and not None for AdamW, whose own default is a decay of 0.004 that the recipe would not show.
    decay = recipe.weight_decay if recipe.weight_decay or recipe.optimizer == "adamw" else None
    return _summing(getattr(keras.optimizers, kind), recipe)(
        learning_rate=rate, weight_decay=decay, global_clipnorm=recipe.clip_norm, **options
    )


def _summing(kind, recipe):
    """The optimizer's class; where its gradients are clipped on several devices of TensorFlow, one that adds
    them up first. Keras clips each device's part, and adds what is left."""
    import keras

    if recipe.clip_norm is None or keras.backend.backend() != "tensorflow":
        return kind
    import tensorflow as tf

    if tf.distribute.get_strategy().num_replicas_in_sync == 1:
        return kind

    from gpc.train._keras import summing

    return summing(kind)


def _jit():
    """Never XLA on TensorFlow's CPU: there a depthwise network's training step is many times slower through
    it (kEffNet-B0: minutes for the first step, ten times as long for each one after). Elsewhere Keras
    decides."""
    import keras

    if keras.backend.backend() != "tensorflow":
        return "auto"
    import tensorflow

    return "auto" if tensorflow.config.list_physical_devices("GPU") else False
