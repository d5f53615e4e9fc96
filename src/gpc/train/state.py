"""Everything that a training step reads and writes, taken out of a Keras model as arrays and put back."""

import hashlib
import json
import re

import numpy as np


def _variables(model):
    """(key, variable) of all state: weights, batch norm, seed generators, optimizer slots, metric sums.

    Keys are places, not names: Keras numbers its names by how many layers the process has made before.
    """
    groups = {
        "model": model.variables,
        "optimizer": model.optimizer.variables,
        "metrics": model.metrics_variables,
    }
    return [
        (f"{group}/{place:04d}", one) for group, found in groups.items() for place, one in enumerate(found)
    ]


def array(variable):
    """A copy: on some backends the array itself is a view of memory that the next step writes to."""
    return np.array(np.asarray(variable))


def gather(model):
    """The model's whole training state: {key: array}."""
    return {key: array(variable) for key, variable in _variables(model)} | _generators()


def restore(model, arrays):
    """Puts back what `gather` took. Raises ValueError naming the first array that does not fit."""
    variables = _variables(model)
    wanted = {key for key, _ in variables} | set(_generators())
    if missing := sorted(wanted - set(arrays)):
        raise ValueError(f"the checkpoint lacks {missing[0]} ({len(missing)} of {len(wanted)} arrays in all)")
    for key, variable in variables:
        if arrays[key].shape != tuple(variable.shape):
            raise ValueError(
                f"{key} ({variable.path}) has shape {tuple(variable.shape)}, saved {arrays[key].shape}"
            )
        variable.assign(arrays[key])


def _generators():
    """The state of PyTorch's own generators, which Keras's dropout draws from there; nothing elsewhere."""
    import keras

    if keras.backend.backend() != "torch":
        return {}
    import torch

    every = {"cpu": torch.get_rng_state()}
    every |= {f"cuda{place}": one for place, one in enumerate(torch.cuda.get_rng_state_all())}
    return {f"generator/{name}": array(one) for name, one in every.items()}


def begin_generators(seed, epoch):
    """Sets PyTorch's own generators for an epoch: to a state that follows from its number and the seed alone.

    Keras draws from them between epochs, too, more often in a process's first than in its second.
    """
    import keras

    if keras.backend.backend() == "torch":
        import torch

        torch.manual_seed(int(np.random.SeedSequence([seed, epoch]).generate_state(1)[0]))


def put_generators(arrays):
    """Puts back the part of what `gather` took that is PyTorch's own."""
    import torch

    found = {key: torch.from_numpy(one.copy()) for key, one in arrays.items() if key.startswith("generator/")}
    torch.set_rng_state(found.pop("generator/cpu"))
    for key, one in found.items():
        torch.cuda.set_rng_state(one, int(key.removeprefix("generator/cuda")))


def weights(model):
    """The weights alone, batch norm's statistics included: what the best epoch is kept as."""
    return {f"best/{place:04d}": array(one) for place, one in enumerate(model.weights)}


def put_weights(model, arrays):
    """Puts back what `weights` took."""
    for place, one in enumerate(model.weights):
        one.assign(arrays[f"best/{place:04d}"])


def signature(model):
    """What makes two models the same to a checkpoint: SHA-256 over configuration and every variable's shape.

    Layer names are replaced by their order, so that `dense_3` and `dense` of another process are the same
    layer.
    """
    shapes = [
        (re.sub(r"_\d+(?=/|$)", "", one.path), tuple(one.shape), str(one.dtype)) for one in model.variables
    ]
    shapes = [(path.rsplit("/", 1)[-1], *rest) for path, *rest in shapes]
    return hashlib.sha256(
        json.dumps([_nameless(model), shapes], sort_keys=True, default=str).encode()
    ).hexdigest()


def _nameless(model):
    try:
        config = json.loads(json.dumps(model.get_config(), default=str))
    except (
        NotImplementedError
    ):  # a subclassed model that cannot tell its configuration is known by its variables
        return type(model).__name__
    order = {}
    _collect(config, order)
    return [type(model).__name__, _renamed(config, order)]


def _collect(config, order):
    if isinstance(config, dict):
        if isinstance(name := config.get("name"), str):
            order.setdefault(name, f"#{len(order)}")
        for value in config.values():
            _collect(value, order)
    elif isinstance(config, list):
        for value in config:
            _collect(value, order)


def _renamed(config, order):
    if isinstance(config, dict):
        return {key: _renamed(value, order) for key, value in config.items()}
    if isinstance(config, list):
        return [_renamed(value, order) for value in config]
    return order.get(config, config) if isinstance(config, str) else config
