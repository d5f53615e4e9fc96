"""Where and with what a run was made: versions, device, commit. What cannot be found out is null."""

import contextlib
import importlib.metadata
import json
import os
import platform
import subprocess
import sys
from pathlib import Path


def versions():
    """Versions of what decides a run's numbers, by package."""
    import keras
    import numpy

    import gpc

    backend = keras.backend.backend()
    return {
        "python": platform.python_version(),
        "keras": keras.__version__,
        "backend": backend,
        backend: _version(backend),
        "numpy": numpy.__version__,
        "gpc": gpc.__version__,
    }


def _version(name):
    module = sys.modules.get(name)
    return getattr(module, "__version__", None)


def device():
    """{platform, cpu, cores, gpu}: `gpu` is a list of names, empty where Keras's backend sees none."""
    return {"platform": platform.platform(), "cpu": _cpu(), "cores": cores(), "gpu": _gpus()}


def cores():
    """Cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _cpu():
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine() or None


def _gpus():
    import keras

    if keras.backend.backend() == "tensorflow":
        import tensorflow

        found = tensorflow.config.list_physical_devices("GPU")
        details = [tensorflow.config.experimental.get_device_details(one) for one in found]
        return [one.get("device_name", "GPU") for one in details]
    if keras.backend.backend() == "jax":
        import jax

        return [one.device_kind for one in jax.devices() if one.platform != "cpu"]
    if keras.backend.backend() == "torch":
        import torch

        return [torch.cuda.get_device_name(place) for place in range(torch.cuda.device_count())]
    return []


def commit():
    """{"commit": hash or None, "dirty": bool or None} of the gpc that is running: whether its sources differ
    from that commit's, whatever else does, such as the file of results that is just being written.

    Asked of git where gpc lies in a checkout, else of what pip wrote down when it installed from an address.
    """
    home = Path(__file__).resolve().parent
    with contextlib.suppress(OSError, subprocess.SubprocessError):
        told = _git(home, "rev-parse", "HEAD")
        if _git(home, "ls-files", "--error-unmatch", "__init__.py"):
            return {
                "commit": told,
                "dirty": bool(_git(home.parent, "status", "--porcelain", "--untracked-files=no", "--", ".")),
            }
    with contextlib.suppress(importlib.metadata.PackageNotFoundError, ValueError, AttributeError):
        installed = json.loads(importlib.metadata.distribution("gpc").read_text("direct_url.json") or "{}")
        return {"commit": installed.get("vcs_info", {}).get("commit_id"), "dirty": None}
    return {"commit": None, "dirty": None}


def _git(folder, *command):
    done = subprocess.run(
        ["git", "-C", folder, *command], capture_output=True, text=True, timeout=10, check=True
    )
    return done.stdout.strip()
