"""Which rule a layer falls under, and what it then costs. Keras's own classes are known by their names."""

import inspect
import math

from gpc.count import rules, zero
from gpc.count.costs import Cost
from gpc.count.rules import Call

FORMS = {
    "TimeDistributed": "every_step",
    "Bidirectional": "both_ways",
    "Functional": "graph",
    "Function": "graph",
    "Sequential": "chain",
}


def is_layer(thing):
    """Whether `thing` is a Keras layer or model, found without importing Keras."""
    return any(c.__name__ == "Layer" and _is_keras(c) for c in type(thing).__mro__)


def form(layer):
    """How to walk it, the name of a method of `Walk`.

    "leaf" where a rule says all, and for operations; "graph", "chain", "every_step" and "both_ways" for what
    holds layers in known ways; "inside" for a `call` of somebody's own.
    """
    if callable(getattr(layer, "cost", None)) or not is_layer(layer):
        return FORMS.get(_name_in(layer, FORMS), "leaf")
    return FORMS.get(_name_in(layer, FORMS)) or ("leaf" if _name_in(layer, _layers()) else "inside")


def cost_of(layer, call, outputs):
    """(kind, Cost, why not) of one call of a leaf."""
    if callable(getattr(layer, "cost", None)):
        return _own(layer, call, outputs)
    name = _name_in(layer, _layers() if is_layer(layer) else _operations())
    handed = Cost(activation_bytes=0 if name in zero.PASSING else bytes_of(outputs))
    special, nothing = (rules.LAYERS, zero.LAYERS) if is_layer(layer) else (rules.OPERATIONS, zero.OPERATIONS)
    if name in special:
        counted = special[name](layer, call)
        if counted:
            kind, macs, pointwise = counted
            return kind, handed + Cost(macs=macs, pointwise_macs=pointwise), None
    elif name:
        return nothing[name], handed, None
    return "unknown", handed, f"no rule for {type(layer).__name__}"


def _own(layer, call, outputs):
    """What the layer says of itself, the bytes of its outputs where it says nothing of bytes."""
    cost = layer.cost(call.inputs, call.outputs)
    if not isinstance(cost, Cost):
        raise TypeError(f"{type(layer).__name__}.cost() must return a gpc.count.Cost; it returned {cost!r}")
    handed = Cost(activation_bytes=cost.activation_bytes or bytes_of(outputs))
    kind = getattr(layer, "cost_kind", type(layer).__name__)
    return kind, handed + Cost(macs=cost.macs, pointwise_macs=cost.pointwise_macs), None


def call_of(layer, args, kwargs, outputs):
    """The shapes of a call, tensors in the order of the signature of `layer.call`, constants included."""
    parameters = inspect.signature(layer.call).parameters
    bound = dict(zip(parameters, args))
    if any(p.kind is p.VAR_POSITIONAL for p in parameters.values()):
        bound = {"args": args}
    bound |= {name: kwargs[name] for name in parameters if name in kwargs}
    named = {name: tuple(tuple(t.shape) for t in flat(value)) for name, value in bound.items()}
    inputs = tuple(shape for shapes in named.values() for shape in shapes)
    outputs = tuple(tuple(t.shape) for t in flat(outputs))
    return Call(inputs, outputs, {name: shapes for name, shapes in named.items() if shapes})


def flat(structure):
    """Everything with a shape in nested lists, tuples and dicts, in order."""
    if hasattr(structure, "shape"):
        return [structure]
    if isinstance(structure, dict):
        structure = [structure[key] for key in sorted(structure)]
    return [leaf for part in structure for leaf in flat(part)] if isinstance(structure, list | tuple) else []


def size(shape):
    """How many numbers a tensor of this shape holds."""
    return math.prod(shape)


def bytes_of(tensors):
    """Bytes of symbolic tensors, in the type each is computed in."""
    return sum(math.prod(t.shape) * _itemsize(str(t.dtype)) for t in flat(tensors))


def _itemsize(dtype):
    digits = "".join(c for c in dtype if c.isdigit()) if not dtype.startswith("float8") else "8"
    return max(1, int(digits) // 8) if digits else 1


def _is_keras(cls):
    return cls.__module__.partition(".")[0] == "keras"


def _name_in(layer, table):
    """The nearest class of Keras that the table knows, up to the one whose `call` the layer runs; past it
    where that says `same_as_base = True`: it computes in another way what its base class computes."""
    for cls in type(layer).__mro__:
        if _is_keras(cls) and cls.__name__ in table:
            return cls.__name__
        if "call" in vars(cls) and not vars(cls).get("same_as_base"):
            return None
    return None


def known_name(layer):
    """The name under which the tables know a layer, None where they do not."""
    return _name_in(layer, _layers())


def _layers():
    return rules.LAYERS.keys() | zero.LAYERS.keys()


def _operations():
    return rules.OPERATIONS.keys() | zero.OPERATIONS.keys()
