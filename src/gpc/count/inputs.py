"""What to call a model on: symbolic tensors of one batch, every size known."""

from numbers import Integral

from gpc._checks import positive


def symbolic_call(model, input_shape, batch):
    """(args, kwargs) of KerasTensors to call the built `model` on.

    `input_shape` (batch left out; a list or dict for several inputs) or else what the model itself says it
    takes. Raises ValueError where the model is not built, a size is left open, or `input_shape` has another
    rank or other channels than the model's input; TypeError where it is no shape.
    """
    if not model.built:
        raise ValueError(
            f"{model.name} is not built: call it on data once, or model.build((None, 32, 32, 3))"
        )
    if input_shape is not None:
        _check(model, input_shape)
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
    return isinstance(thing, tuple | list) and all(one is None or isinstance(one, Integral) for one in thing)


def _check(model, given):
    """Raises for an `input_shape` that the model can't take. Its rows and columns may be others."""
    shapes = _flat(given)
    for size in (size for shape in shapes for size in shape if size is not None):
        positive("input_shape", size)
    known = [tuple(tensor.shape[1:]) for tensor in getattr(model, "inputs", None) or ()]
    if known and len(shapes) != len(known):
        told = f"has {len(shapes)} shapes, and {model.name} takes {len(known)}"
        raise ValueError(f"input_shape={given} {told}; nearest that works: {known}")
    formats = {getattr(layer, "data_format", None) for layer in model._flatten_layers()} - {None}
    axis = 0 if formats == {"channels_first"} else -1
    for shape, needed in zip(shapes, known):
        near = _nearest(shape, needed, axis)
        if near != shape:
            told = f"input_shape={shape} does not fit {model.name}, built for {needed}"
            raise ValueError(f"{told}; nearest that does: {near}")


def _nearest(shape, needed, axis):
    """The shape itself where it has the rank and the channels that are needed, else one that has."""
    if len(shape) != len(needed):
        return tuple(size or 224 for size in needed)
    near = list(shape)
    if shape and None not in (needed[axis], shape[axis]):
        near[axis] = needed[axis]
    return tuple(near)


def _flat(structure):
    """The shapes in nested lists, tuples and dicts, in the order of `keras.tree`."""
    if _is_shape(structure):
        return [tuple(structure)]
    if isinstance(structure, dict):
        structure = [structure[key] for key in sorted(structure)]
    if not isinstance(structure, list | tuple):
        near = (structure,) if isinstance(structure, Integral) else (224, 224, 3)
        raise TypeError(f"input_shape={structure!r} is no shape of one input; nearest: {near}")
    return [shape for part in structure for shape in _flat(part)]


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
