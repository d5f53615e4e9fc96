"""What to call a model on: symbolic tensors of one batch, every size known."""


def symbolic_call(model, input_shape, batch):
    """(args, kwargs) of KerasTensors to call the built `model` on.

    `input_shape` (batch left out; a list or dict for several inputs) or else what the model itself says it
    takes. Raises ValueError where the model is not built, or a size is left open.
    """
    if not model.built:
        raise ValueError(
            f"{model.name} is not built: call it on data once, or model.build((None, 32, 32, 3))"
        )
    if input_shape is not None:
        return (_tensors(model, input_shape, batch),), {}
    if "Function" in [c.__name__ for c in type(model).__mro__] and model.inputs:
        return (_tensors(model, _shapes(model.input), batch),), {}
    if getattr(model, "inputs", None):
        return (_tensors(model, _shapes(model.inputs[0]), batch),), {}
    config = model.get_build_config() or {}
    if "input_shape" in config:
        return (_tensors(model, _without_batch(config["input_shape"]), batch),), {}
    if "shapes_dict" in config:
        named = {key.removesuffix("_shape"): shapes for key, shapes in config["shapes_dict"].items()}
        return (), {key: _tensors(model, _without_batch(shapes), batch) for key, shapes in named.items()}
    raise ValueError(f"{model.name} does not say what it takes: give input_shape, for instance (224, 224, 3)")


def _is_shape(thing):
    return isinstance(thing, tuple | list) and all(size is None or isinstance(size, int) for size in thing)


def _map(structure, leaf, is_leaf):
    if is_leaf(structure):
        return leaf(structure)
    if isinstance(structure, dict):
        return {key: _map(value, leaf, is_leaf) for key, value in structure.items()}
    return [_map(value, leaf, is_leaf) for value in structure]


def _shapes(tensors):
    return _map(tensors, lambda tensor: tuple(tensor.shape[1:]), lambda thing: hasattr(thing, "shape"))


def _without_batch(shapes):
    return _map(shapes, lambda shape: tuple(shape[1:]), _is_shape)


def _tensors(model, shapes, batch):
    import keras

    dtypes = iter([tensor.dtype for tensor in getattr(model, "inputs", None) or ()])

    def tensor(shape):
        if None in shape:
            sizes = "×".join("?" if size is None else str(size) for size in shape)
            example = tuple(224 if size is None else size for size in shape)
            raise ValueError(
                f"{model.name} takes inputs of {sizes}: give input_shape, for instance {example}"
            )
        return keras.KerasTensor((batch, *shape), dtype=next(dtypes, "float32"))

    return _map(shapes, tensor, _is_shape)
