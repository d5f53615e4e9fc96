"""What every k-network gains on this machine: inference, folded inference and a training step, as ratios.

    python tools/speed.py                        the networks that have no file in data/speed yet
    python tools/speed.py kMobileNet --again     this one, measured already or not

Each network is timed by `gpc bench model --fold` in a process of its own, beside its twin with dense
pointwise layers, and leaves data/speed/NETWORK.json with settings, versions, device and commit: a run that is
cut goes on with the next network. The largest are timed for inference alone, in small batches.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

FOLDER = "data/speed"
SKIPPED = ("--input", "32", "--classes", "10", "--skip-strides", "3")
SMALL = ("--input", "32", "--classes", "10")
NETWORKS = {
    "kEfficientNetB0": (*SKIPPED, "--batch-size", "32"),
    "kMobileNet": (*SKIPPED, "--batch-size", "32"),
    "kMobileNetV3Large": (*SKIPPED, "--batch-size", "32"),
    "kMobileNetV3Small": (*SKIPPED, "--batch-size", "32"),
    "kDenseNetBC100": (*SMALL, "--batch-size", "32"),
    "kInceptionV3": ("--input", "96", "--classes", "10", "--batch-size", "8"),
    "kEfficientNetB1": (*SKIPPED, "--inference", "--batch-size", "16"),
    "kEfficientNetB2": (*SKIPPED, "--inference", "--batch-size", "16"),
    "kEfficientNetB3": (*SKIPPED, "--inference", "--batch-size", "8"),
    "kEfficientNetB4": (*SKIPPED, "--inference", "--batch-size", "8"),
    "kEfficientNetB5": (*SKIPPED, "--inference", "--batch-size", "4"),
    "kEfficientNetB6": (*SKIPPED, "--inference", "--batch-size", "4"),
    "kEfficientNetB7": (*SKIPPED, "--inference", "--batch-size", "2"),
}
HEAD = (
    "Network", "Image", "Batch", "Inference", "Folded", "Dense, folded", "Training step", "k, ms an image",
)  # fmt: skip


def measure(network, *, rounds=7, root=ROOT):
    """One network timed in a process of its own; its numbers are written. → its file"""
    file = root / FOLDER / f"{network}.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    partial = file.with_suffix(".part")
    command = [sys.executable, "-m", "gpc", "bench", "model", network, "--fold", *NETWORKS[network]]
    subprocess.run([*command, "--rounds", str(rounds), "--json", str(partial)], check=True)
    numbers = json.loads(partial.read_text(encoding="utf-8"))
    partial.write_text(json.dumps({"network": network, **numbers}, indent=1) + "\n", encoding="utf-8")
    partial.replace(file)
    return file


def read(root=ROOT):
    """{network: its numbers} of the files there are, in the order of the table."""
    files = {network: root / FOLDER / f"{network}.json" for network in NETWORKS}
    return {
        network: json.loads(file.read_text(encoding="utf-8"))
        for network, file in files.items()
        if file.exists()
    }


def row(network, found):
    """A network's line of the table: ratios to its dense twin, with their quartiles."""
    inference, training = found["inference"], found.get("training", {})
    size, batch = found["settings"]["input_shape"][0], found["settings"]["batch"]
    told = [
        ratio(inference.get(name))
        for name in (network, f"{network}, folded", f"{network}, dense, folded")
    ]
    return (
        network,
        f"{size}²",
        batch,
        *told,
        ratio(training.get(network)),
        f"{inference[network]['median_ms'] / batch:.2f}",
    )


def ratio(times):
    """A ratio and its quartiles as text; a dash for what was not timed."""
    if times is None:
        return "–"
    low, high = times["spread"]
    return f"{times['ratio']:.2f} ({low:.2f}\u2060–\u2060{high:.2f})"  # word joiners: no line ends within


def markdown(root=ROOT):
    """The table of the results page, and the machine; empty where nothing was timed."""
    from gpc.show.evidence import pipes

    found = read(root)
    if not found:
        return ""
    made = sorted({told(one["provenance"]) for one in found.values()})
    return "\n\n".join(
        [
            "## Time on a processor",
            "Medians of the ratios to the same network with dense pointwise layers, timed beside it in "
            "alternating pairs; quartiles in brackets. *Folded*: by `gpc.surgery.fold`, batch norms in the "
            "weights. The EfficientNets, MobileNets and their k-networks leave three strides out.",
            pipes(HEAD, [row(network, one) for network, one in found.items()]),
            f"Made on {'; '.join(made)}, by `make speed`.",
        ]
    )


def told(made):
    """Where a measurement was made, in a line: device, versions, commit."""
    device, versions = made["device"], made["versions"]
    name = ", ".join(device["gpu"]) or f"{device['cpu']}, {device['cores']} cores"
    backend = versions["backend"]
    return f"{name}, {backend} {versions[backend]}, Keras {versions['keras']}, commit {made['commit'][:7]}"


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("networks", nargs="*", metavar="NETWORK", help=f"of {', '.join(NETWORKS)}")
    parser.add_argument("--again", action="store_true", help="measure again what has a file")
    parser.add_argument("--rounds", type=int, default=7, metavar="N", help="pairs timed (default: 7)")
    asked = parser.parse_args()
    unknown = [name for name in asked.networks if name not in NETWORKS]
    if unknown:
        parser.error(f"{', '.join(unknown)}: not in the table; choose from {', '.join(NETWORKS)}")
    todo = [name for name in asked.networks or NETWORKS if asked.again or name not in read()]
    for number, network in enumerate(todo, start=1):
        print(f"[{number}/{len(todo)}] {network}", flush=True)
        measure(network, rounds=asked.rounds)
    print(markdown())


if __name__ == "__main__":
    main()
