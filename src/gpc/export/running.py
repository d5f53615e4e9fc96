"""Exported models run: LiteRT by its interpreter, or TensorFlow's; ONNX by its reference evaluator."""

import os
import warnings
from pathlib import Path

import numpy as np


def run(exported, x):
    """What an exported model says: inputs (N, H, W, C) of any N → float32 outputs (N, …).

    `exported` is a LiteRT flatbuffer's bytes, or a .tflite or .onnx file. A model of a fixed batch is run in
    batches, the last one filled up and cut again. The numbers of an int8 input or output are quantised and
    brought back by the scale and zero point in the file, so that what comes and goes is float. ONNX is
    evaluated operation by operation in NumPy: right, and slow.

    Raises FileNotFoundError for a file that is not there, ValueError for what cannot be run or takes other
    shapes, TypeError for what is neither bytes nor a path, ImportError naming the package that is missing.
    """
    content = content_of(exported)
    is_onnx = isinstance(exported, (str, os.PathLike)) and Path(exported).suffix == ".onnx"
    step, sizes, kind = _onnx(content) if is_onnx else _litert(content)
    batch, *shape = sizes
    x = np.asarray(x)
    if list(x.shape[1:]) != shape or not x.size:
        raise ValueError(f"the model takes inputs of {tuple(shape)}, one or more; received {x.shape}")
    batch = batch or len(x)
    found = []
    for start in range(0, len(x), batch):
        part = x[start : start + batch]
        whole = np.concatenate([part, np.repeat(part[-1:], batch - len(part), axis=0)])
        found.append(step(whole.astype(kind))[: len(part)])
    return np.concatenate(found).astype(np.float32)


def _litert(content):
    """(what runs one batch, its sizes, the type it takes)"""
    ready = interpreter(content)
    source, target = _only(ready.get_input_details(), ready.get_output_details())

    def step(x):
        ready.set_tensor(source["index"], _quantized(x, source))
        ready.invoke()
        return _restored(ready.get_tensor(target["index"]), target)

    return step, [int(side) for side in source["shape"]], np.float32


def _onnx(content):
    """(what runs one batch, its sizes with None for any, the type it takes)"""
    try:
        from onnx import load_from_string
        from onnx.helper import tensor_dtype_to_np_dtype
        from onnx.reference import ReferenceEvaluator
    except ImportError:
        raise ImportError('running an ONNX model needs onnx: pip install "gpc[export]"') from None
    model = load_from_string(content)
    source, _ = _only(model.graph.input, model.graph.output)
    if any(node.op_type == "Loop" and len(node.output) > len(node.input) - 2 for node in model.graph.node):
        raise ValueError(
            "onnx's evaluator puts the steps of a Loop, which a GRU is in ONNX, on the wrong axis; nearest: "
            "run the file by onnxruntime, or write the model as LiteRT (an LSTM is no Loop and can be run)"
        )
    evaluator, tensor = ReferenceEvaluator(model), source.type.tensor_type
    sizes = [side.dim_value or None for side in tensor.shape.dim]
    return (
        lambda x: evaluator.run(None, {source.name: x})[0],
        sizes,
        tensor_dtype_to_np_dtype(tensor.elem_type),
    )


def _only(inputs, outputs):
    if (len(inputs), len(outputs)) != (1, 1):
        raise ValueError(
            f"the model has {len(inputs)} inputs and {len(outputs)} outputs; run takes one of each"
        )
    return inputs[0], outputs[0]


def content_of(exported):
    """An exported model's bytes: as given, or those of the file. Raises as `run` does."""
    if isinstance(exported, (bytes, bytearray)):
        return bytes(exported)
    if not isinstance(exported, (str, os.PathLike)):
        raise TypeError(f"an exported model is bytes or a path; received {type(exported).__name__}")
    path = Path(exported)
    if not path.is_file():
        raise FileNotFoundError(f"no file {path}; gpc.export writes one")
    return path.read_bytes()


def interpreter(content, *, threads=None):
    """LiteRT's interpreter of a flatbuffer's bytes, its tensors allocated; `threads` None leaves it the choice.

    Raises ValueError for what it cannot run, ImportError where none is installed.
    """
    make = maker()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # TensorFlow's says that it will go one day
            ready = make(model_content=content, num_threads=threads)
            ready.allocate_tensors()
    except (ValueError, RuntimeError) as error:
        reason = " ".join(str(error).split())[:200]
        raise ValueError(f"this is no LiteRT model that can be run here: {reason}") from error
    return ready


def maker():
    """The class of LiteRT's interpreter, or TensorFlow's. Raises ImportError naming what is missing."""
    try:
        from ai_edge_litert.interpreter import Interpreter
    except ImportError:
        try:
            import tensorflow

            # An attribute loaded when asked for: up to TensorFlow 2.20 there is no module to import it from.
            Interpreter = tensorflow.lite.Interpreter
        except (ImportError, AttributeError):
            raise ImportError(
                "running a LiteRT model needs its interpreter: pip install ai-edge-litert (or tensorflow)"
            ) from None
    return Interpreter


def _quantized(x, tensor):
    """float → the type the tensor has: x / scale + zero point, rounded, cut to its range."""
    kind, (scale, zero) = np.dtype(tensor["dtype"]), tensor["quantization"]
    if kind.kind == "f":
        return x.astype(kind)
    if not scale:
        raise ValueError(f"the model takes {kind} without a scale; run knows float and quantized inputs")
    limits = np.iinfo(kind)
    return np.clip(np.round(x / scale + zero), limits.min, limits.max).astype(kind)


def _restored(y, tensor):
    """What a tensor holds → float32."""
    scale, zero = tensor["quantization"]
    if y.dtype.kind == "f" or not scale:
        return y.astype(np.float32)
    return ((y.astype(np.float32) - zero) * scale).astype(np.float32)
