"""Models for elsewhere: the files run by other programs say what Keras says, and what cannot be written is
refused with a reason."""

import errno
import functools
import os
import subprocess
import sys

import keras
import numpy as np
import pytest
from keras import layers
from surgery_support import chain, conv_bn_relu, numbers

import gpc
from gpc import export, models, surgery
from gpc.cli import main

tensorflow = pytest.mark.tensorflow
elsewhere = pytest.mark.skipif(keras.backend.backend() == "tensorflow", reason="TensorFlow can write")

# B1 … B7 are B0 with more of the same.
NETWORKS = [
    name for name in models.names() if name.startswith("k") and not name.startswith("kEfficientNetB")
] + ["kEfficientNetB0"]

# Probabilities of ten classes. Float differs by the order of sums and by batch norms folded into kernels:
# 1e-5 of the largest output. Int8 rounds weights to 1/254 of a filter's range and activations to 1/255 of theirs:
# the largest differences seen over these networks were 0.0023 (dynamic) and 0.0028 (int8), where outputs
# spread over 0.02 … 0.3; the bars leave room for another processor's rounding.
LARGEST = {"float": 1e-5, "dynamic": 0.006, "int8": 0.01}


def shaken(model, seed=1):
    """The model with batch norms and biases that are no identity, and of the order of one."""
    random = np.random.default_rng(seed)
    limits = {"gamma": (0.5, 1.5), "moving_variance": (0.5, 1.5)}
    limits |= dict.fromkeys(("beta", "moving_mean", "bias"), (-0.3, 0.3))
    for weight in model.weights:
        if drawn := limits.get(weight.path.rsplit("/")[-1]):
            weight.assign(random.uniform(*drawn, weight.shape))
    return model


def images(model, count, seed=0):
    """Blots of colour under noise, 0 … 1, or 0 … 255 where the model scales by itself: noise alone looks the
    same to a network, whichever it is."""
    random, (height, width, channels) = np.random.default_rng(seed), model.input_shape[1:]
    blots = random.uniform(size=(count, 3, 3, channels)).repeat(-(-height // 3), 1).repeat(-(-width // 3), 2)
    found = blots[:, :height, :width] * random.uniform(0.7, 1, (count, height, width, channels))
    scale = 255 if any(isinstance(layer, layers.Rescaling) for layer in model.layers) else 1
    return (scale * found).astype("float32")


def predicted(model, x):
    return np.asarray(model(x, training=False))


@functools.cache
def small():
    """Everything an export can lose in one network that builds in a second: K + L with its shuffle, K alone,
    channels that do not divide, ReLUs, a softmax; trained on digits, so that decisions mean something."""
    body = chain(
        (8, 8, 1),
        *conv_bn_relu(40, kernel=3, name="stem"),
        *conv_bn_relu(56, name="mix"),
        *conv_bn_relu(24, name="narrow"),
        layers.GlobalAveragePooling2D(),
        layers.Dense(10, activation="softmax"),
    )
    keras.utils.set_random_seed(0)
    model = surgery.regroup(body, 16).model
    model.compile(keras.optimizers.Adam(0.02), "sparse_categorical_crossentropy", jit_compile=False)
    digits = gpc.data.load("digits").train
    model.fit(digits.images / np.float32(255), digits.labels, batch_size=64, epochs=6, verbose=0)
    return model


@functools.cache
def digits():
    return gpc.data.load("digits").validation.images / np.float32(255)


# -- every k-network, in every precision


@tensorflow
@pytest.mark.parametrize("name", NETWORKS)
def test_every_k_network_says_the_same_in_litert(name, monkeypatch):
    side = 75 if "Inception" in name else 32
    keras.utils.set_random_seed(1)  # some first weights say the same of every class
    model = shaken(models.build(name, input_shape=(side, side, 3), classes=10))
    # One graph serves the three conversions.
    once = functools.cache(sys.modules["gpc.export.graph"].frozen)
    monkeypatch.setattr(sys.modules["gpc.export.litert"], "frozen", once)
    x = images(model, 12)
    expected, sizes = predicted(model, x), {}
    assert expected.std(-1).min() > 0.015, "who says the same of every class agrees with anything"
    for weights, largest in LARGEST.items():
        content = export.litert(model, weights=weights, samples=x if weights == "int8" else None)
        found = export.agreement(expected, export.run(content, x))
        scale = expected.max() if weights == "float" else 1
        assert found.max_difference <= largest * scale, (weights, found)
        sizes[weights] = len(content)
    # Not a quarter: small kernels stay float in "dynamic", and every tensor of "int8" has a scale a channel.
    assert sizes["dynamic"] < 0.6 * sizes["float"] and sizes["int8"] < 0.8 * sizes["float"]
    # Grouped kernels stay grouped: a file of dense ones would be many times larger.
    assert sizes["float"] < 4 * 1.45 * model.count_params()


@tensorflow
@pytest.mark.parametrize(
    ("how", "largest", "same"),
    [
        ({}, 1e-5, 1.0),
        ({"batch": 7}, 1e-5, 1.0),
        ({"weights": "dynamic"}, 0.05, 0.99),
        ({"weights": "int8"}, 0.2, 0.97),
        ({"weights": "int8", "numbers": "int8", "batch": 4}, 0.2, 0.97),
    ],
    ids=["float", "batches", "dynamic", "int8", "int8 numbers"],
)
def test_a_trained_network_decides_the_same(how, largest, same):
    samples = {"samples": digits()[:100]} if how.get("weights") == "int8" else {}
    content = export.litert(small(), **how, **samples)
    found = export.agreement(predicted(small(), digits()), export.run(content, digits()))
    assert found.max_difference <= largest and found.same_top1 >= same, found


@tensorflow
def test_an_int8_model_takes_int8():
    from ai_edge_litert.interpreter import Interpreter

    kinds = {}
    for taken in ("float", "int8"):
        content = export.litert(small(), weights="int8", numbers=taken, samples=digits()[:20])
        interpreter = Interpreter(model_content=content)
        kinds[taken] = {
            one["dtype"] for one in interpreter.get_input_details() + interpreter.get_output_details()
        }
    assert kinds == {"float": {np.float32}, "int8": {np.int8}}


@tensorflow
def test_without_litert_s_own_package_tensorflow_s_interpreter_runs_a_file(monkeypatch):
    """As in Colab, whose TensorFlow has no module `tensorflow.lite` to import from."""
    import tensorflow as tf

    from gpc.export import running

    monkeypatch.setitem(sys.modules, "ai_edge_litert.interpreter", None)
    monkeypatch.setitem(sys.modules, "tensorflow.lite", None)
    assert running.maker() is tf.lite.Interpreter


@tensorflow
def test_exporting_leaves_the_model_as_it_was():
    before = [layer.get_config() for layer in small()._flatten_layers(include_self=False)]
    said = predicted(small(), digits()[:3])
    export.litert(small())
    assert [layer.get_config() for layer in small()._flatten_layers(include_self=False)] == before
    np.testing.assert_array_equal(predicted(small(), digits()[:3]), said)


# -- ONNX


@tensorflow
@pytest.mark.parametrize("layer", [layers.LSTM, layers.GRU])
def test_a_recurrent_layer_s_loop_is_written(layer, tmp_path):
    model = chain((7, 5), layer(8, return_sequences=True), layer(6), layers.Dense(3))
    x, file = numbers(4, 7, 5), export.onnx(model, tmp_path / "loop.onnx")
    assert export.agreement(export.run(export.litert(model), x), predicted(model, x)).max_difference < 1e-5
    if layer is layers.GRU:
        with pytest.raises(ValueError, match="a Loop, which a GRU is.*nearest: run the file by onnxruntime"):
            export.run(file, x)
    else:
        assert export.agreement(export.run(file, x), predicted(model, x)).max_difference < 1e-5


@tensorflow
def test_onnx(tmp_path):
    path = export.onnx(small(), tmp_path / "small.onnx")
    found = export.agreement(predicted(small(), digits()[:5]), export.run(path, digits()[:5]))
    assert found.max_difference <= 1e-5 and found.same_top1 == 1, found
    fixed = export.onnx(small(), tmp_path / "fixed.onnx", batch=2)
    np.testing.assert_allclose(export.run(fixed, digits()[:5]), export.run(path, digits()[:5]), atol=1e-6)


@tensorflow
def test_onnx_of_a_model_with_constants_of_its_own(tmp_path):
    model = chain(
        (6, 6, 3),
        layers.Normalization(mean=[1.0, 2.0, 3.0], variance=[4.0, 5.0, 6.0]),
        gpc.layers.GroupedConv2D(8, 3, groups=1),
        gpc.layers.GroupedConv2D(8, 3, groups=4),
        layers.GlobalAveragePooling2D(),
    )
    x = numbers(3, 6, 6, 3)
    path = export.onnx(model, tmp_path / "normalized.onnx")
    np.testing.assert_allclose(export.run(path, x), predicted(model, x), atol=1e-5)
    np.testing.assert_allclose(export.run(export.litert(model), x), predicted(model, x), atol=1e-5)


@tensorflow
def test_onnx_of_keras_own_grouped_convolution_is_refused(tmp_path):
    model = chain((6, 6, 4), layers.Conv2D(8, 3, groups=2, name="grouped"))
    with pytest.raises(ValueError, match="cannot be written as ONNX.*grouped here.*GroupedConv2D"):
        export.onnx(model, tmp_path / "grouped.onnx")
    assert not list(tmp_path.iterdir())


# -- what is refused


@tensorflow
@pytest.mark.parametrize(
    ("how", "told"),
    [
        ({"weights": "int4"}, "weights='int4' is unknown; it is one of 'float', 'dynamic', 'int8'"),
        ({"numbers": "uint8"}, "numbers='uint8' is unknown"),
        ({"numbers": "int8"}, "int8 is for weights='int8'"),
        ({"samples": np.zeros((20, 8, 8, 1))}, "takes no samples"),
        ({"weights": "int8"}, r"at least 10 inputs of \(8, 8, 1\).* received none"),
        ({"weights": "int8", "samples": np.zeros((9, 8, 8, 1))}, r"at least 10 .*an array of \(9, 8, 8, 1\)"),
        ({"weights": "int8", "samples": np.zeros((20, 8, 8, 3))}, r"an array of \(20, 8, 8, 3\)"),
        ({"weights": "int8", "samples": np.full((20, 8, 8, 1), np.nan)}, "1280 numbers .* not finite"),
        ({"weights": "int8", "samples": "abc"}, "at least 10 inputs.*received str, no array of numbers"),
        ({"weights": "int8", "samples": np.zeros((20, 8, 8, 1)), "batch": 30}, "at least 30 inputs"),
        ({"batch": 0}, "batch=0 must be at least 1"),
        ({"path": "model.lite"}, "model.lite must end in .tflite; nearest: model.tflite"),
    ],
)
def test_arguments_that_do_not_go(how, told):
    with pytest.raises(ValueError, match=told):
        export.litert(chain((8, 8, 1), layers.Flatten()), **how)


@tensorflow
def test_a_path_is_a_path():
    for write, suffix in ((export.litert, ".tflite"), (export.onnx, ".onnx")):
        with pytest.raises(TypeError, match=f"path=3 must be a path, .*; nearest: 'model{suffix}'"):
            write(chain((8, 8, 1), layers.Flatten()), 3)


@tensorflow
def test_models_that_cannot_be_written(tmp_path):
    with pytest.raises(TypeError, match="must be a Keras model; received int"):
        export.litert(3)
    with pytest.raises(ValueError, match=r"any size \(None, None, 3\)"):
        export.litert(chain((None, None, 3), layers.GlobalAveragePooling2D()))
    with pytest.raises(ValueError, match="layer 'half' computes in float16"):
        export.litert(chain((4,), layers.Dense(2, dtype="float16", name="half")))
    two = keras.Input((2,)), keras.Input((2,))
    with pytest.raises(ValueError, match="one input and one output"):
        export.litert(keras.Model(two, layers.Add()(two)))
    with pytest.raises(FileNotFoundError, match="no folder .*nowhere"):
        export.litert(small(), tmp_path / "nowhere" / "model.tflite")


@elsewhere
def test_another_backend_says_where_to_go(tmp_path):
    model = chain((4,), layers.Dense(2), name="mine")
    told = r"Keras runs on \w+ here: save the model with model.save\('mine.keras'\).*KERAS_BACKEND=tensorflow"
    with pytest.raises(ValueError, match=told):
        export.litert(model)
    with pytest.raises(ValueError, match=told):
        export.onnx(model, tmp_path / "model.onnx")


@tensorflow
def test_files_that_cannot_be_run(tmp_path):
    with pytest.raises(FileNotFoundError, match="no file"):
        export.run(tmp_path / "nothing.tflite", digits())
    with pytest.raises(TypeError, match="bytes or a path; received int"):
        export.run(3, digits())
    with pytest.raises(ValueError, match="no LiteRT model"):
        export.run(b"nothing of the kind", digits())
    content = export.litert(chain((8, 8, 1), layers.Flatten()))
    for x in (digits()[0], digits()[:0], digits()[:, :7]):
        with pytest.raises(ValueError, match=r"takes inputs of \(8, 8, 1\), one or more; received"):
            export.run(content, x)


def test_agreement():
    a = np.array([[0.0, 1.0], [1.0, 0.0], [0.5, 0.25]])
    assert export.agreement(a, a) == (0.0, 1.0)
    assert export.agreement(a, a[:, ::-1]) == (1.0, 0.0)
    with pytest.raises(ValueError, match=r"shapes \(3, 2\) and \(2, 2\)"):
        export.agreement(a, a[:2])
    with pytest.raises(ValueError, match="1 numbers of the second outputs are not finite"):
        export.agreement(a, np.where(a == 0.25, np.nan, a))


def test_importing_starts_no_backend():
    code = "import gpc.export, sys; print(*{'keras', 'tensorflow', 'jax', 'onnx'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=dict(os.environ))
    assert (done.returncode, done.stdout.strip()) == (0, ""), done.stderr


# -- at the terminal


@tensorflow
def test_a_full_disk_leaves_the_file_that_was_there(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    path = tmp_path / "small.tflite"
    path.write_bytes(b"old")
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        export.litert(small(), path)
    assert path.read_bytes() == b"old" and list(tmp_path.iterdir()) == [path]


@tensorflow
def test_the_command(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    small().save("small.keras")
    int8 = ["--weights", "int8", "--samples", "digits"]
    assert main(["export", "small.keras", "--to", "a.tflite", *int8]) == 0
    said = capsys.readouterr().out
    size = os.path.getsize("a.tflite")
    assert f"a.tflite: {size:,} bytes for {small().count_params():,} parameters" in said
    assert "against Keras on 32 images of digits: largest difference " in said
    np.save("samples.npy", digits()[:10])
    assert main(["export", "small.keras", "--to", "b.onnx", "--samples", "samples.npy"]) == 0
    assert "on 2 images of samples.npy" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--to", "a.pb"], "--to a.pb must end in .tflite or .onnx; nearest: a.tflite"),
        (["--to", "no/a.tflite"], "no folder no to write a.tflite to"),
        (["--to", "a.onnx", "--weights", "dynamic"], "--weights dynamic is LiteRT's; nearest: --to a.tflite"),
        (["--to", "a.tflite", "--weights", "int8"], "--weights int8 needs --samples"),
        (["--to", "a.tflite", "--numbers", "int8"], "--numbers int8 needs --weights int8"),
    ],
)
def test_the_commands_mistakes(tmp_path, monkeypatch, capsys, arguments, told):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GPC_TRACEBACK", raising=False)
    assert main(["export", "LeNet5", *arguments]) == 2
    assert told in capsys.readouterr().err
