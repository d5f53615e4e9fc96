"""Every network of keras.applications regrouped, trained for a step, saved and loaded; minutes, so by hand.

    KERAS_BACKEND=tensorflow python tests/sweep_applications.py [NAME …]

Prints a line a network: pointwise layers replaced and kept as `regroup` does by itself, then with heads and
per-pixel dense layers, and the parameters before and after that. The exit status says whether all went well.
`test_surgery_families.py` has one or two of each family in every run of the suite.
"""

import sys
import tempfile
from pathlib import Path

import keras
import numpy as np
from surgery_support import checked, numbers, train

from gpc.surgery import regroup

SMALLEST = {"Xception": 71, "InceptionV3": 75, "InceptionResNetV2": 75}  # of the others, 32


def swept(name):
    """One network's line."""
    size = SMALLEST.get(name, 32)
    model = getattr(keras.applications, name)(weights=None, input_shape=(size, size, 3), classes=10)
    plain = regroup(model).report
    x = numbers(2, size, size, 3)
    with tempfile.TemporaryDirectory() as folder:
        new, report = checked(model, Path(folder), x=x, head=True, per_pixel_dense=True)
    if not np.isfinite([train(new, x, np.array([1, 2])), *new(x).numpy().ravel()]).all():
        raise AssertionError("not finite after one step of training")
    layers = [len(part) for told in (plain, report) for part in (told.replaced, told.kept)]
    parameters = f"{report.parameters_before:12,} {report.parameters_after:12,}"
    return f"{name:18}" + "".join(f"{number:5}" for number in layers) + parameters


def main(names):
    names = names or [name for name in dir(keras.applications) if name[0].isupper()]
    failed = []
    for name in names:
        try:
            print(swept(name), flush=True)
        except Exception as error:
            failed.append(name)
            print(f"{name:18} failed: {type(error).__name__}: {error}", flush=True)
        keras.backend.clear_session()
    print(f"{len(names) - len(failed)} went well, {len(failed)} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
