"""`gpc export`: a model for elsewhere, and how well it agrees with the one it was made of."""

from pathlib import Path

from gpc.cli import _common

SAMPLES = 100  # images of a data set that int8 learns its ranges from
COMPARED = {".tflite": 32, ".onnx": 2}  # inputs; ONNX's evaluator computes in NumPy


def add(commands):
    """Tells argparse about the command."""
    found = _common.command(
        commands,
        "export",
        run,
        short="write a model as LiteRT (float, int8) or ONNX",
        text=(
            "Writes a model as a LiteRT flatbuffer (.tflite) or an ONNX file (.onnx), runs it, and prints "
            "its size and how well its outputs agree with Keras's. Needs the TensorFlow backend; a model trained "
            "on another comes as a .keras file."
        ),
        examples=[
            "gpc export smaller.keras --to smaller.tflite",
            "gpc export smaller.keras --to smaller.tflite --weights dynamic",
            "gpc export LeNet5 --to lenet.tflite --weights int8 --samples digits",
            "gpc export kMobileNet --input 32 --classes 10 --to kmobilenet.onnx",
        ],
    )
    _common.add_model(found)
    _common.add_shape(found)
    found.add_argument("--to", required=True, metavar="FILE", help="where to, ending in .tflite or .onnx")
    found.add_argument(
        "--weights", choices=("float", "dynamic", "int8"), default="float",
        help="of LiteRT: int8 weights (dynamic), int8 throughout (default: float)",
    )  # fmt: skip
    found.add_argument(
        "--numbers", choices=("float", "int8"), default="float",
        help="what an int8 model takes and gives (default: float)",
    )  # fmt: skip
    found.add_argument(
        "--samples", metavar="DATA", help="for int8: a data set's name, or a .npy file of (N, H, W, C)"
    )


def run(asked):
    """Writes the file, runs it, says what it is worth."""
    path = _checked(asked)
    _common.start_keras()
    from gpc import export

    options = _common.options(asked, asked.model, shape=_common.shape(asked), classes=asked.classes)
    model = _common.build(asked.model, options, skip_strides=asked.skip_strides)
    inputs = _inputs(asked, model)
    with _common.quiet():
        if path.suffix == ".onnx":
            export.onnx(model, path)
        else:
            samples = inputs if asked.weights == "int8" else None
            how = {"weights": asked.weights, "numbers": asked.numbers, "samples": samples}
            export.litert(model, path, **how)
        shown = inputs[: COMPARED[path.suffix]]
        found = export.agreement(model.predict(shown, verbose=0), export.run(path, shown))
    what = f"images of {asked.samples}" if asked.samples else "images of noise"
    print(f"{path}: {path.stat().st_size:,} bytes for {model.count_params():,} parameters")
    print(f"against Keras on {len(shown)} {what}: {found}")


def _checked(asked):
    """Where it goes. Raises ValueError where the options do not go together."""
    path = Path(asked.to)
    if path.suffix not in COMPARED:
        raise ValueError(f"--to {path} must end in .tflite or .onnx; nearest: {path.with_suffix('.tflite')}")
    _common.writable(path)
    if path.suffix == ".onnx" and asked.weights != "float":
        near = path.with_suffix(".tflite")
        raise ValueError(f"--weights {asked.weights} is LiteRT's; nearest: --to {near}")
    if asked.weights == "int8" and not asked.samples:
        raise ValueError("--weights int8 needs --samples: a data set's name, or a .npy file of (N, H, W, C)")
    if asked.numbers == "int8" and asked.weights != "int8":
        raise ValueError(f"--numbers int8 needs --weights int8; asked was --weights {asked.weights}")
    return path


def _inputs(asked, model):
    """What the model is run on, (N, H, W, C), scaled as it takes images: samples, or noise without any."""
    import numpy as np

    from gpc.train.setup import input_scale

    shape, scale = model.input_shape[1:], input_scale(model)
    if not asked.samples:
        return np.random.default_rng(0).uniform(0, scale, (SAMPLES, *map(_known, shape))).astype("float32")
    if asked.samples.endswith(".npy"):
        return np.load(asked.samples, allow_pickle=False)
    from gpc import data

    images, _ = data.batches(data.load(asked.samples).train, SAMPLES, size=shape[0])[0]
    return images * np.float32(scale)


def _known(side):
    """A side of the input; one for an open one, which is refused when the model is written."""
    return side or 1
