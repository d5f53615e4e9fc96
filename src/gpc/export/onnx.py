"""ONNX files, by tf2onnx."""

from gpc._checks import positive
from gpc._files import write_atomically
from gpc.export.graph import checked, destination, frozen

OPSET = 18  # grouped Conv, Split with num_outputs: what the runtimes of the last years all have


def onnx(model, path, *, batch=None):
    """A Keras model as an ONNX file, float32: writes it, returns its path.

    (batch, H, W, C) → what the model ends in; batch None leaves it open. Needs the packages tf2onnx and onnx
    (`pip install "gpc[export]"`), which Keras's own `model.export(format="onnx")` needs as well; that one
    makes inputs out of the constants of a `Normalization` layer, as EfficientNet has, and writes a file that no
    runtime opens for `Conv2D(groups=…)`. Here the model is frozen first and the file checked before it gets
    its name.

    Raises ImportError naming the package that is missing, TypeError or ValueError for a model or backend it
    cannot be made of, FileNotFoundError for a folder that is not there.
    """
    path = destination(path, ".onnx")
    batch = None if batch is None else positive("batch", batch)
    checked(model, "ONNX")
    try:
        import onnx as format_
        import tf2onnx
    except ImportError as error:
        raise ImportError(f'ONNX needs {error.name}: pip install "gpc[export]"') from None
    graph = frozen(model, batch)
    names = {"input_names": [graph.input], "output_names": [graph.output]}
    try:
        proto, _ = tf2onnx.convert.from_graph_def(graph.graph, opset=OPSET, **names)
        format_.checker.check_model(proto)
    except (ValueError, RuntimeError, format_.checker.ValidationError) as error:
        told = f"model {model.name!r} cannot be written as ONNX: {_reason(error, model)}"
        raise ValueError(told) from error
    write_atomically(path, proto.SerializeToString())
    return path


def _reason(error, model):
    """The first of the checker's lines, and which layers are known to be at fault."""
    import keras

    told = " ".join(str(error).split())[:200]
    grouped = [
        layer.name
        for layer in model._flatten_layers()
        if type(layer) is keras.layers.Conv2D and layer.groups > 1
    ]
    if grouped:
        told += (
            f"; Keras compiles Conv2D(groups=…), {', '.join(grouped[:3])} here, apart from the rest: "
            "gpc.layers.GroupedPointwise and GroupedConv2D take the same weights and can be written"
        )
    return told
