"""`gpc bench`: what layers and models take on this machine."""

import json
from pathlib import Path

from gpc.cli import _common


def add(commands):
    """Tells argparse about the command and its two kinds."""
    found = _common.command(
        commands,
        "bench",
        run_layers,
        short="time layers and models on this machine",
        text=(
            "Times by one protocol: warmed up, synchronised, in alternating pairs, told as median ratios "
            "with their quartiles. On a machine that does other things too the milliseconds drift, the "
            "ratios hold."
        ),
        examples=[
            "gpc bench layers             GroupedPointwise against Keras's dense 1×1 and its Conv2D(groups)",
            "gpc bench model kEfficientNetB0 --input 32 --classes 10 --skip-strides 3 --fold",
            "gpc bench litert small.tflite smaller.tflite",
        ],
    )
    kinds = found.add_subparsers(title="what to time", metavar="KIND", required=True)
    _add_layers(kinds)
    _add_model(kinds)
    _add_litert(kinds)


def _add_layers(kinds):
    layers = _common.command(
        kinds,
        "layers",
        run_layers,
        short="EfficientNet-B0's pointwise layers, grouped against dense",
        text="For each shape: forward, and forward + backward, as ratios to Keras's dense 1×1 convolution.",
        examples=["gpc bench layers", "gpc bench layers --input 224 --keras-rounds 0 --json layers.json"],
    )
    layers.set_defaults(command="bench")
    layers.add_argument("--input", type=int, default=32, metavar="PIXELS", help="32 or 224 (default: 32)")
    layers.add_argument("--channels-per-group", type=int, default=16, metavar="N", help="default: 16")
    _common.add_timing(layers, rounds=9)
    layers.add_argument(
        "--keras-rounds", type=int, default=3, metavar="N", help="of Conv2D(groups), slow; 0: none (3)"
    )


def _add_model(kinds):
    model = _common.command(
        kinds,
        "model",
        run_model,
        short="whole models against the first of them",
        text=(
            "Inference and training step (forward and backward) of each model against the first one named, "
            "a k-network named alone against the same network with dense pointwise layers."
        ),
        examples=[
            "gpc bench model kEfficientNetB0 --input 32 --classes 10 --skip-strides 3 --fold",
            "gpc bench model EfficientNetB0 kEfficientNetB0 MobileNetV2 --inference --batch-size 1",
            "gpc bench model mine.keras mine_regrouped.keras --training",
        ],
    )
    model.set_defaults(command="bench")
    model.add_argument("models", nargs="+", metavar="MODEL", help="names or .keras files, the baseline first")
    _common.add_shape(model)
    _common.add_grouping(model)
    model.add_argument("--inference", action="store_true", help="inference only")
    model.add_argument("--training", action="store_true", help="the training step only")
    model.add_argument(
        "--fold", action="store_true", help="each model folded for inference too (gpc.surgery.fold)"
    )
    _common.add_timing(model, rounds=9)


def _add_litert(kinds):
    exported = _common.command(
        kinds,
        "litert",
        run_litert,
        short="exported models: latency, size, memory",
        text=(
            "Latency (median and 95th percentile) of LiteRT files on one thread and on two, in alternating "
            "pairs, their size, and the memory that they take. A name or a .keras file is exported first."
        ),
        examples=[
            "gpc bench litert float.tflite int8.tflite",
            "gpc bench litert MobileNetV2 kMobileNet --input 96 --classes 10 --weights dynamic",
            "gpc bench litert mine.keras mine.tflite --threads 1 2 4 --json litert.json",
        ],
    )
    exported.set_defaults(command="bench")
    exported.add_argument("models", nargs="+", metavar="MODEL", help=".tflite files, names or .keras files")
    _common.add_shape(exported)
    _common.add_grouping(exported)
    exported.add_argument(
        "--weights", choices=("float", "dynamic"), default="float", help="of what is exported first (float)"
    )
    exported.add_argument("--threads", type=int, nargs="+", default=[1, 2], metavar="N", help="default: 1 2")
    exported.add_argument("--rounds", type=int, default=40, metavar="N", help="pairs timed (default: 40)")
    exported.add_argument("--json", metavar="FILE", help="write all numbers there")


def run_layers(asked):
    """Times the layers, a line each as it goes, and prints the table."""
    _common.writable(asked.json)
    _common.start_keras()
    from gpc import bench

    report = bench.pointwise_layers(
        size=asked.input,
        batch=asked.batch_size,
        channels_per_group=asked.channels_per_group,
        rounds=asked.rounds,
        keras_rounds=asked.keras_rounds,
    )
    print(report)
    _write(asked.json, report.as_dict())


def run_model(asked):
    """Times the models and prints milliseconds and ratios."""
    _common.writable(asked.json)
    models = _models(asked)
    from gpc import bench, surgery
    from gpc.bench.report import provenance

    both = asked.inference == asked.training
    options = {"input_shape": _common.shape(asked), "batch": asked.batch_size, "rounds": asked.rounds}
    found = {}
    if both or asked.inference:
        folding = models if asked.fold else {}
        folded = {f"{name}, folded": surgery.fold(model).model for name, model in folding.items()}
        found["inference"] = bench.compare_models(models | folded, **options)
    if both or asked.training:
        found["training"] = bench.compare_models(models, training=True, **options)
    titles = {"inference": "inference", "training": "training step, without the optimizer's update"}
    for kind, comparison in found.items():
        print(f"{titles[kind]}, batches of {asked.batch_size}\n{comparison}\n")
    numbers = {kind: comparison.as_dict() for kind, comparison in found.items()}
    _write(asked.json, {"settings": options, "provenance": provenance(), **numbers})


def run_litert(asked):
    """Times the exported models and prints their latency, size and memory."""
    _common.writable(asked.json)
    if len(set(asked.models)) < len(asked.models):
        raise ValueError("give each model once: gpc bench litert ONE.tflite OTHER.tflite …")
    models = {name: name if name.endswith(".tflite") else _exported(name, asked) for name in asked.models}
    from gpc import bench

    with _common.quiet():
        report = bench.litert(models, threads=asked.threads, rounds=asked.rounds)
    print(report)
    _write(asked.json, report.as_dict())


def _exported(name, asked):
    """A model by name or file, written as LiteRT: its bytes."""
    _common.start_keras()
    from gpc import export

    options = _common.options(asked, name, shape=_common.shape(asked), classes=asked.classes, strict=False)
    model = _common.build(name, options, skip_strides=asked.skip_strides)
    with _common.quiet():
        return export.litert(model, weights=asked.weights)


def _models(asked):
    """{name: model} of what was named, a lone k-network's dense twin before it."""
    names = asked.models
    alone = len(names) == 1 and names[0].startswith("k") and not _common.from_file(names[0])
    if not alone and (len(names) < 2 or len(set(names)) < len(names)):
        raise ValueError(
            "give two or more different models, the baseline first: gpc bench model ONE OTHER …; "
            "or one k-network, which is set against its dense twin"
        )
    _common.start_keras()
    found = {}
    for name in names:
        options = _common.options(
            asked, name, shape=_common.shape(asked), classes=asked.classes, strict=False
        )
        if alone:
            dense = options | {"channels_per_group": None}
            found[f"{name}, dense"] = _common.build(name, dense, skip_strides=asked.skip_strides)
        found[name] = _common.build(name, options, skip_strides=asked.skip_strides)
    return found


def _write(name, numbers):
    if name:
        Path(name).write_text(json.dumps(numbers, indent=1) + "\n", encoding="utf-8")
