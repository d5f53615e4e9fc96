"""Models for elsewhere: LiteRT files in float or int8, ONNX files, and how well they agree with Keras.

`litert` and `onnx` write a model, `run` runs one of either kind, `agreement` compares what two of them say.
Writing takes TensorFlow: the graph that leaves the house is TensorFlow's, its kernels computed once and for
all. A model trained on another backend gets there as a .keras file. Nothing here starts a Keras backend
before a model is written.

>>> from gpc.export import agreement
>>> agreement([[0.25, 0.75], [0.5, 0.5]], [[0.5, 0.5], [0.75, 0.25]])
Agreement(max_difference=0.25, same_top1=0.5)
"""

from gpc.export.agreement import Agreement, agreement
from gpc.export.litert import litert
from gpc.export.onnx import onnx
from gpc.export.running import run

__all__ = ["Agreement", "agreement", "litert", "onnx", "run"]
