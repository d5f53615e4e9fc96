"""Memory of an exported model: what its operations keep alive, and what a fresh process needs for it."""

import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

TELLING = Path("/proc/self/clear_refs")  # with it, Linux sets a process's highest mark of memory back

# Run by a process that has nothing else to do. Its highest mark is set back once the interpreter's own code
# is loaded, so that only the model is counted; the file is opened as on a device, by its path.
_CHILD = """
import sys
from gpc.export.running import maker
make = maker()
def resident(name):
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) * 1024 for line in status if line.startswith(name))
with open("/proc/self/clear_refs", "w") as marks:
    marks.write("5")
before = resident("VmHWM")
ready = make(model_path=sys.argv[1], num_threads=1)
ready.allocate_tensors()
ready.invoke()
print(resident("VmHWM") - before)
"""


def alive(ready):
    """The most bytes of activations alive at once while an interpreter's operations run in their order.

    An activation is alive from the operation that makes it (the model's input from the start) to the last one
    that reads it; weights don't count. An arena that computes nothing in place needs that much at least.
    """
    details = {int(one["index"]): one for one in ready.get_tensor_details()}
    # The only place that tells which tensors an operation reads. A delegate (XNNPACK) is listed behind the
    # operations that it takes over.
    steps = [one for one in ready._get_ops_details() if one["op_name"] != "DELEGATE"]
    born = {int(one["index"]): 0 for one in ready.get_input_details()}
    for time, one in enumerate(steps):
        born |= {int(index): time for index in one["outputs"]}
    died = dict(born)
    for time, one in enumerate(steps):
        died |= {int(index): time for index in one["inputs"] if int(index) in born}
    died |= {int(one["index"]): len(steps) for one in ready.get_output_details()}
    size = {index: _bytes(details[index]) for index in born}
    return max(
        sum(size[index] for index in born if born[index] <= time <= died[index]) for time in range(len(steps))
    )


def _bytes(tensor):
    return int(np.prod(tensor["shape"], dtype=np.int64)) * np.dtype(tensor["dtype"]).itemsize


def peak(content):
    """Bytes that loading a flatbuffer and running it once adds to a fresh process, at most.

    Resident memory: weights as they are read from the file, their copies in the order that the kernels want,
    activations, and the interpreter's own. None where the system does not tell (Linux does).
    """
    if not TELLING.exists():
        return None
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "model.tflite"
        file.write_bytes(content)
        command = [sys.executable, "-c", _CHILD, str(file)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"the model could not be run in a process of its own: {done.stderr[-300:]}")
    return int(done.stdout.split()[-1])
