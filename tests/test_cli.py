"""The command line: help that teaches, mistakes answered in a line, runs that leave a record."""

import contextlib
import json
import os
import re
import shutil
import subprocess
import sys

import keras
import pytest
import train_support  # noqa: F401, for its cache of what JAX has compiled
from test_train_records import put, record

import gpc
from gpc.cli import _common, main
from gpc.train import records

COMMANDS = ["count", "regroup", "export", "train", "run", "look", "bench", "records"]


def run(*arguments):
    """The exit status, argparse's own included."""
    try:
        return main([str(one) for one in arguments])
    except SystemExit as stop:
        return stop.code


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    """Every command runs in an empty folder, with errors told as a user sees them."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GPC_TRACEBACK", raising=False)
    return tmp_path


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Two small models as files: a plain one, and one with a pointwise layer worth splitting."""
    folder = tmp_path_factory.mktemp("models")
    layers = keras.layers
    plain = [layers.Input((8, 8, 1)), layers.Flatten(), layers.Dense(10, activation="softmax")]
    keras.Sequential(plain, name="plain").save(folder / "plain.keras")
    body = [layers.Conv2D(64, 3), layers.Conv2D(64, 1, use_bias=False, name="mix"), layers.ReLU()]
    ends = [layers.GlobalAveragePooling2D(), layers.Dense(10)]
    keras.Sequential([layers.Input((8, 8, 1)), *body, *ends], name="body").save(folder / "body.keras")
    return folder


# -- help


@pytest.mark.parametrize(
    "command", [[], *([one] for one in COMMANDS), ["bench", "layers"], ["bench", "model"]]
)
def test_help_teaches_by_example(command, capsys):
    assert run(*command, "--help") == 0
    said = capsys.readouterr().out
    assert "examples\n  gpc " in said
    assert max(map(len, said.splitlines())) <= 110


@pytest.mark.parametrize("command", COMMANDS)
def test_every_example_parses(command, capsys):
    from gpc.cli import parser

    run(command, "--help")
    text = capsys.readouterr().out.split("examples\n")[1].replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line.strip().startswith("gpc ")]
    assert lines
    for line in lines:
        words = line.strip().replace("'", "").split("   ")[0].split()
        asked = parser().parse_args(words[1:])
        assert asked.command == command


def test_help_starts_no_backend():
    script = (
        "import sys, time; start = time.monotonic()\n"
        "from gpc.cli import main\n"
        "try: main(['train', '--help'])\n"
        "except SystemExit: pass\n"
        "heavy = {'keras', 'tensorflow', 'jax', 'matplotlib', 'cv2', 'numpy'} & set(sys.modules)\n"
        "sys.exit(f'{heavy}, {time.monotonic() - start}' if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_python_m_gpc():
    done = subprocess.run([sys.executable, "-m", "gpc", "--version"], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, f"gpc {gpc.__version__}\n")


# -- mistakes


LENET = ("train", "LeNet5", "--data", "digits", "--size", "32")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["count", "EfficientNet"], "no network is called 'EfficientNet'; the nearest are"),
        (["count", "nothing.keras"], "no file nothing.keras"),
        (["count", "model.h5"], "no file model.h5"),
        (
            ["count", "LeNet5", "--channels-per-group", "8"],
            "LeNet5 has no groups to choose; `gpc regroup LeNet5",
        ),
        (["count", "LeNet5", "--skip-strides", "9"], "n=9 must be between 0 and 2"),
        (
            ["regroup", "LeNet5", "--save", "here.h5"],
            "--save here.h5 must end in .keras; nearest: here.keras",
        ),
        (["regroup", "LeNet5", "--save", "nowhere/x.keras"], "no folder nowhere to write x.keras to"),
        (["train", "LeNet5", "--data", "digit"], "no data set 'digit'; .*nearest: 'digits'"),
        (
            ["train", "LeNet5", "--data", "digits", "--recipe", "paper-32"],
            "recipe='paper-32' .*nearest: 'papers-32'",
        ),
        (["train", "LeNet5", "--data", "digits", "--epochs", "0"], "epochs=0 must be at least 1"),
        (["train", "LeNet5", "--data", "digits", "--precision", "half"], "precision='half' is not known"),
        (["train", "LeNet5", "--data", "digits", "--limit", "1"], "count=1 is too few"),
        ([*LENET, "--minutes", "-1"], "minutes=-1.0 must be at least 0"),
        ([*LENET, "--minutes", "inf"], "minutes=inf must be at least 0, and finite"),
        ([*LENET, "--checkpoint-minutes", "nan"], "checkpoint_minutes=nan must be at least 0"),
        ([*LENET, "--learning-rate", "inf"], "learning_rate=inf must be above 0 and finite"),
        ([*LENET, "--seed", "-1"], "--seed=-1 must be an integer from 0 to 4294967295; nearest that works: 0"),
        (["bench", "layers", "--batch-size", "0"], "batch=0 must be at least 1"),
        (["bench", "layers", "--json", "no/x.json"], "no folder no to write x.json to; make it first"),
        (["bench", "model", "LeNet5", "VGG16", "--json", "no/x.json"], "no folder no to write x.json to"),
        (["bench", "litert", "x.tflite", "--json", "no/x.json"], "no folder no to write x.json to"),
        (["count", "LeNet5", "--input", "0"], "--input=0 must be at least 1"),
        (["count", "LeNet5", "--channels", "0"], "--channels=0 must be at least 1"),
        (["count", "LeNet5", "--classes", "0"], "--classes=0 must be at least 1"),
        (["count", "LeNet5", "--channels-per-group", "0"], "--channels-per-group=0 must be at least 1"),
        (["regroup", "LeNet5", "--channels-per-group", "0"], "--channels-per-group=0 must be at least 1"),
        (["count", "LeNet5", "--classes", str(10**12)], "Error: .*(GPC_TRACEBACK=1 shows where)"),
        (["bench", "model", "LeNet5"], "give two or more different models"),
        (["records", "--folder", "none"], "no folder none of records"),
        (["records", "--missing"], "no folder chapters of chapters"),
    ],
)
def test_mistakes_are_told_in_a_line(arguments, told, capsys):
    assert run(*arguments) == 2
    said = capsys.readouterr().err
    assert said.startswith(f"gpc {arguments[0]}: ") and len(said.strip().splitlines()) <= 2
    assert "Traceback" not in said
    assert re.search(told, said), said


def test_a_wrong_profile_is_told_before_anything_is_trained(elsewhere, monkeypatch, capsys):
    monkeypatch.setenv("GPC_PROFILE", "ful")
    assert run("train", "LeNet5", "--data", "digits", "--size", 32) == 2
    said = capsys.readouterr()
    assert "GPC_PROFILE='ful' must be 'quick' or 'full'" in said.err and "epoch" not in said.out
    assert not (elsewhere / "runs").exists()


@pytest.mark.parametrize(
    "arguments", [[], ["tran"], ["train", "LeNet5"], ["count", "LeNet5", "--input", "big"]]
)
def test_command_lines_that_do_not_parse(arguments, capsys):
    assert run(*arguments) == 2
    assert "usage: gpc" in capsys.readouterr().err


def test_files_that_are_no_models(elsewhere, files, capsys):
    (elsewhere / "broken.keras").write_text("no zip")
    assert run("count", "broken.keras") == 2
    assert "broken.keras is no .keras file, or a damaged one: it is no zip archive" in capsys.readouterr().err
    (elsewhere / "folder.keras").mkdir()
    assert run("count", "folder.keras") == 2
    assert "folder.keras is a folder, no .keras file" in capsys.readouterr().err
    (elsewhere / "old.h5").write_text("")
    assert run("count", "old.h5") == 2
    assert "old.h5 is no .keras file; save the model with model.save('old.keras')" in capsys.readouterr().err
    assert run("count", files / "plain.keras", "--classes", 3) == 2
    assert "ends in 10 classes; asked was 3" in capsys.readouterr().err
    assert run("count", files / "plain.keras", "--input", 9) == 2
    assert "reads images of (8, 8, 1); asked was (9, 9, 3)" in capsys.readouterr().err
    assert run("count", files / "other.keras") == 2
    assert "there are: " in capsys.readouterr().err


def test_a_traceback_for_who_asks(monkeypatch):
    monkeypatch.setenv("GPC_TRACEBACK", "1")
    with pytest.raises(ValueError, match="no network is called"):
        main(["count", "EfficientNet"])


def test_a_pipe_that_has_no_such_signs_gets_others(elsewhere):
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    command = [sys.executable, "-m", "gpc", "count", "--help"]
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert done.returncode == 0 and "--input PIXELS" in done.stdout
    put(elsewhere, record())
    command = [sys.executable, "-m", "gpc", "records", "--folder", "."]
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert (done.returncode, done.stderr) == (0, "") and "75.00%" in done.stdout and "?" in done.stdout


def test_a_backend_that_there_is_not(monkeypatch, capsys):
    monkeypatch.setenv("KERAS_BACKEND", "tensorfow")
    assert run("count", "LeNet5") == 2
    told = "KERAS_BACKEND='tensorfow' is no backend; choose from tensorflow, jax, torch; nearest: 'tensorfl"
    assert told in capsys.readouterr().err


def test_the_reader_of_a_pipe_may_leave(elsewhere):
    for seed in range(300):
        put(elsewhere, {**record(seed), "experiment": f"experiment {seed}"})
    command = f"{sys.executable} -m gpc records --folder . | head -1 > /dev/null; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True)
    assert (done.stdout.strip(), done.stderr) == ("0", "")


# -- what the commands do


def test_count(capsys):
    assert run("count", "LeNet5", "--json") == 0
    counted = json.loads(capsys.readouterr().out)
    assert (counted["parameters"], counted["macs"], counted["input_shape"]) == (61706, 416520, [32, 32, 1])
    assert sum(one["macs"] for one in counted["by_kind"].values()) == counted["macs"]
    assert run("count", "LeNet5", "--by", "layer") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("lenet5, one image of 32×32×1; ")
    assert lines[-1].split() == ["together", "61,706", "61,706", "416,520", "100.0%", *lines[-1].split()[-1:]]
    assert any(line.startswith("C3 ") for line in lines)


@pytest.mark.tensorflow  # counting asks no backend; building takes JAX half a minute
def test_count_a_k_network(capsys):
    arguments = ["kMobileNetV3Small", "--input", 32, "--classes", 10, "--channels-per-group", 32, "--json"]
    assert run("count", *arguments) == 0
    wide = json.loads(capsys.readouterr().out)
    arguments[6] = 16
    assert run("count", *arguments) == 0
    narrow = json.loads(capsys.readouterr().out)
    assert narrow["parameters"] < wide["parameters"]


def test_regroup_saves_what_it_reports(elsewhere, files, capsys):
    out, table = elsewhere / "out.keras", elsewhere / "rows.csv"
    assert run("regroup", files / "body.keras", "--save", out, "--csv", table) == 0
    said = capsys.readouterr().out
    assert "1 pointwise layers replaced (1 with L), 0 kept" in said and f"saved to {out}" in said
    assert table.read_text().splitlines()[1].startswith("mix,K+L,")
    before = keras.saving.load_model(files / "body.keras").count_params()
    assert run("count", out, "--json") == 0
    assert json.loads(capsys.readouterr().out)["parameters"] == before - 64 * 64 + 2 * 64 * 16
    assert run("regroup", files / "body.keras", "--channels-per-group", 64) == 0
    assert "0 pointwise layers replaced" in capsys.readouterr().out
    assert run("regroup", files / "body.keras", "--where", "nothing") == 2
    assert "nothing" in capsys.readouterr().err


@contextlib.contextmanager
def files_of_at_most(size):
    """No file can be written beyond `size` bytes: as a disk that fills up."""
    import resource

    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_full_disk_leaves_the_model_that_was_there(elsewhere, files, capsys):
    good = elsewhere / "good.keras"
    shutil.copy(files / "body.keras", good)
    before = good.read_bytes()
    with files_of_at_most(8000):
        assert run("regroup", good, "--channels-per-group", 32, "--save", good) == 2
    assert "File too large" in capsys.readouterr().err
    assert good.read_bytes() == before and [one.name for one in elsewhere.iterdir()] == ["good.keras"]


TRAIN = ("--data", "digits", "--limit", 120, "--epochs", 2, "--batch-size", 21)


def test_train(elsewhere, files, capsys):
    arguments = ("train", files / "plain.keras", *TRAIN)
    assert run(*arguments, "--minutes", 0) == 3
    assert "paused: the minutes are over" in capsys.readouterr().out
    assert run(*arguments) == 0
    said = capsys.readouterr().out
    folder = elsewhere / "runs" / "run--plain--digits--0"
    assert "resumed after 0 epochs and 1 of 4 steps" in said
    assert "recipe quick, epochs=2, batch_size=21, seed 0" in said
    assert f"record in {folder.relative_to(elsewhere) / 'record.json'}" in said
    record = records.read(folder / "record.json")
    assert record["model"]["name"] == "plain" and record["model"]["options"] == {
        "file": str(files / "plain.keras")
    }
    assert record["resumed"] == 1 and record["test_openings"] == 1
    assert keras.saving.load_model(folder / "model.keras").count_params() == 650
    assert run(*arguments) == 0
    assert "epoch 1/2" not in capsys.readouterr().out, "a finished run is not run again"
    assert run(*arguments, "--seed", 0, "--learning-rate", 0.1) == 2
    assert "another run: recipe.name is " in (told := capsys.readouterr().err) and "--fresh" in told
    assert run(*arguments, "--learning-rate", 0.1, "--fresh", "--no-test") == 0
    assert records.read(folder / "record.json")["metrics"]["test"] is None


def test_train_an_experiment_and_list_its_records(elsewhere, files, capsys):
    chapters = elsewhere / "chapters"
    chapters.mkdir()
    cells = [{"metadata": {"gpu": {"experiment": name, "minutes": 1}}} for name in ("00-x", "00-y")]
    cells.append({"metadata": {"gpu": {"experiment": "00-z", "minutes": 1, "records": False}}})  # a sweep
    (chapters / "00_w.ipynb").write_text("{}")
    (chapters / "00_x.ipynb").write_text(json.dumps({"cells": [{"metadata": {}}, *cells]}))
    assert run("records", "--missing") == 1
    assert "00-x (00_x.ipynb): no record" in capsys.readouterr().out
    for seed in (0, 1):
        assert run("train", files / "plain.keras", *TRAIN, "--experiment", "00-x", "--seed", seed) == 0
    assert (elsewhere / "data" / "records" / "00-x--plain--digits--1.json").is_file()
    capsys.readouterr()
    assert run("records") == 0
    said = capsys.readouterr().out
    assert said.splitlines()[2].split()[:3] == ["00-x", "plain", "digits"]
    assert "0,1 ○" in said and "○ fewer than three seeds" in said
    assert run("records", "--json", "--folder", "runs") == 0
    assert json.loads(capsys.readouterr().out)[0]["seeds"] == [0, 1]
    assert run("records", "--missing") == 1
    assert capsys.readouterr().out.splitlines() == [
        "00-x (00_x.ipynb): plain has 2 of 3 seeds",
        "00-y (00_x.ipynb): no record",
    ]
    (chapters / "00_w.ipynb").write_text("no notebook")
    assert run("records", "--missing") == 2
    assert "00_w.ipynb is no notebook" in capsys.readouterr().err
    assert run("records", "--experiment", "other") == 1
    assert "no records of other in data/records; `gpc run` or" in capsys.readouterr().out
    assert run("records", "--experiment", "00-xx") == 1
    assert "no records of 00-xx in data/records; nearest: '00-x'" in capsys.readouterr().out


def test_a_console_that_only_a_console_is_written_to_is_put_back(monkeypatch):
    """As on Windows, whose stream for a console fails while its handle is another file's; what waits is kept."""
    place = os.fstat(2)

    class Console:
        waiting, shown = "", ""

        def write(self, text):
            self.waiting += text
            self.flush()

        def flush(self):
            if self.waiting and not os.path.samestat(os.fstat(2), place):
                raise OSError(6, "The handle is invalid")
            self.shown, self.waiting = self.shown + self.waiting, ""

    console = Console()
    monkeypatch.setattr(sys, "stderr", console)
    with _common.quiet(), contextlib.suppress(OSError):
        print("a warning", file=sys.stderr)
    assert os.path.samestat(os.fstat(2), place)
    console.flush()
    assert console.shown.startswith("a warning")


def test_ctrl_c_says_how_to_go_on(monkeypatch, files, capsys):
    def stopped(*_, **__):
        raise KeyboardInterrupt("stopped by SIGINT; the checkpoint is in here")

    monkeypatch.setattr(gpc.train, "fit", stopped)
    assert run("train", files / "plain.keras", *TRAIN) == 130
    told = capsys.readouterr().err
    assert (
        "gpc train: stopped by SIGINT; the checkpoint is in here" in told
        and "the same command line goes on" in told
    )


def test_ctrl_c_before_there_is_anything_to_go_on_from(monkeypatch, files, capsys):
    def stopped(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(gpc.train, "fit", stopped)
    assert run("train", files / "plain.keras", *TRAIN) == 130
    assert capsys.readouterr().err == "\ngpc train: stopped\n"


def test_a_diverged_run_is_told_by_its_exit_status(files, capsys):
    lost = ("--learning-rate", 3e38, "--no-test")
    assert run("train", files / "plain.keras", *TRAIN, *lost) == 2
    assert "the loss is no number any more in epoch 1" in capsys.readouterr().err


def test_bench_layers_passes_on_what_was_asked(monkeypatch, elsewhere, capsys):
    asked = {}

    class Report:
        def __str__(self):
            return "the table"

        def as_dict(self):
            return {"rows": []}

    monkeypatch.setattr(gpc.bench, "pointwise_layers", lambda **options: asked.update(options) or Report())
    assert run("bench", "layers", "--rounds", 5, "--input", 224, "--json", "out.json") == 0
    assert asked == {"size": 224, "batch": 32, "channels_per_group": 16, "rounds": 5, "keras_rounds": 3}
    assert capsys.readouterr().out == "the table\n"
    assert json.loads((elsewhere / "out.json").read_text()) == {"rows": []}


def test_bench_models(files, elsewhere, capsys):
    models = (files / "plain.keras", files / "body.keras")
    quick = ("--rounds", 2, "--batch-size", 2)
    assert run("bench", "model", *models, *quick, "--training") == 0
    said = capsys.readouterr().out
    assert "plain.keras" in said and "body.keras" in said and "median ms" in said
    assert said.startswith("training step") and "inference" not in said
    assert run("bench", "model", *models, *quick, "--fold", "--json", "out.json") == 0
    said, told = capsys.readouterr().out, json.loads((elsewhere / "out.json").read_text())
    names = [str(model) for model in models]
    assert list(told["inference"]) == [*names, *(f"{name}, folded" for name in names)]
    assert list(told["training"]) == names and told["settings"]["batch"] == 2
    assert said.index("inference, batches of 2") < said.index("training step")
    assert "commit" in told["provenance"]


@pytest.mark.tensorflow  # JAX takes a minute to build and compile them
def test_a_k_network_alone_is_timed_against_its_dense_twin(capsys):
    network = ("kMobileNet", "--input", 32, "--classes", 10, "--skip-strides", 1)
    assert run("bench", "model", *network, "--rounds", 1, "--batch-size", 1, "--inference", "--fold") == 0
    lines = capsys.readouterr().out.splitlines()
    started = [line.split("   ")[0].strip() for line in lines[2:6]]
    assert started == ["kMobileNet, dense", "kMobileNet", "kMobileNet, dense, folded", "kMobileNet, folded"]
