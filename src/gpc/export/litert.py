"""LiteRT (formerly TensorFlow Lite) flatbuffers: float32, int8 weights, or int8 throughout."""

import logging
import warnings

import numpy as np

from gpc._checks import positive
from gpc._files import write_atomically
from gpc.export.graph import checked, destination, frozen

WEIGHTS = ("float", "dynamic", "int8")
NUMBERS = ("float", "int8")
FEWEST_SAMPLES = 10  # below that a range of activations is a guess; TensorFlow's guide asks for 100 to 500


def litert(model, path=None, *, weights="float", samples=None, batch=1, numbers="float"):
    """A Keras model as a LiteRT flatbuffer: its bytes, or with `path` the file written.

    (batch, H, W, C) → what the model ends in, at inference: batch norms folded into the kernels, grouped
    convolutions as LiteRT's own.

    Args:
        path: where to write it, ending in .tflite; None returns the bytes.
        weights: "float", float32 throughout: Keras's outputs to rounding, 4 bytes a weight. "dynamic": int8
            weights in all but small layers, activations float32 between them; no samples needed. "int8":
            weights and activations int8, for processors that have nothing else.
        samples: for "int8" alone, inputs as the model sees them in use, (N, H, W, C) with N of at least 10
            (better 100 to 500, of every class, scaled as for training): they tell the range of every
            activation.
        batch: how many inputs a call; fixed in the file.
        numbers: what an "int8" model takes and gives: "float", quantised inside, or "int8", for which the
            file holds scale and zero point; `run` reads both.

    Raises TypeError or ValueError for a model, backend or argument it cannot be made of, FileNotFoundError
    for a folder that is not there.
    Source: Jacob et al., "Quantization and Training of Neural Networks for Efficient
    Integer-Arithmetic-Only Inference", CVPR 2018, as TensorFlow's converter does it after training.
    """
    path = None if path is None else destination(path, ".tflite")
    batch = positive("batch", batch)
    _choose("weights", weights, WEIGHTS)
    _choose("numbers", numbers, NUMBERS)
    checked(model, "LiteRT")
    if weights != "int8" and (samples is not None or numbers != "float"):
        told = f"weights={weights!r} takes no samples and float numbers"
        raise ValueError(f"{told}; int8 is for weights='int8'")
    chosen = _samples(model, samples, batch) if weights == "int8" else None
    content = _converted(frozen(model, batch), chosen, weights, numbers, model.name)
    if path is None:
        return content
    write_atomically(path, content)
    return path


def _choose(name, value, known):
    if value not in known:
        raise ValueError(f"{name}={value!r} is unknown; it is one of {', '.join(map(repr, known))}")


def _samples(model, samples, batch):
    """The samples as batches, float32. Raises ValueError where they are missing, too few, or others."""
    shape, fewest = tuple(model.input_shape[1:]), max(FEWEST_SAMPLES, batch)
    asked = f"weights='int8' needs samples, at least {fewest} inputs of {shape} as the model sees them in use"
    if samples is None:
        raise ValueError(f"{asked}; received none")
    try:
        samples = np.asarray(samples, dtype=np.float32)
    except (TypeError, ValueError):
        raise ValueError(f"{asked}; received {type(samples).__name__}, no array of numbers") from None
    if samples.shape[1:] != shape or len(samples) < fewest:
        raise ValueError(f"{asked}; received an array of {samples.shape}")
    if not np.isfinite(samples).all():
        raise ValueError(f"{asked}; {(~np.isfinite(samples)).sum()} numbers of those given are not finite")
    return [samples[start : start + batch] for start in range(0, len(samples) - batch + 1, batch)]


def _converter(function):
    """TensorFlow's converter without an object that holds variables, which there are none of: with one, it
    writes the whole graph to disk and reads it back. That it would like one is said at each call; not here.
    """
    import tensorflow as tf

    log = logging.getLogger("absl")
    before = log.level
    log.setLevel(logging.ERROR)
    try:
        return tf.lite.TFLiteConverter.from_concrete_functions([function])
    finally:
        log.setLevel(before)


def _converted(graph, samples, weights, numbers, name):
    import tensorflow as tf

    imported = tf.compat.v1.wrap_function(lambda: tf.import_graph_def(graph.graph, name=""), [])
    function = imported.prune(graph.input, graph.output)
    converter = _converter(function)
    if weights != "float":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if samples is not None:
        converter.representative_dataset = lambda: ([one] for one in samples)
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    if numbers == "int8":
        converter.inference_input_type = converter.inference_output_type = tf.int8
    try:
        with warnings.catch_warnings():
            # "Statistics for quantized inputs were expected": the samples that follow give them.
            warnings.simplefilter("ignore", UserWarning)
            return converter.convert()
    except Exception as error:  # the converter's own error classes are not public
        reason = " ".join(str(error).split())[:300] or type(error).__name__
        told = f"model {name!r} cannot be written as LiteRT with {weights} weights: {reason}"
        raise ValueError(told) from error
