"""Which of the two profiles is meant: `quick`, seconds on a laptop, or `full`, real data on a GPU."""

import os

PROFILES = ("quick", "full")


def profile():
    """What `GPC_PROFILE` says, "quick" or "full"; unset, full where Keras's backend sees a GPU, else quick.

    Raises ValueError if `GPC_PROFILE` holds anything else.

    >>> import os
    >>> os.environ["GPC_PROFILE"] = "quick"
    >>> profile()
    'quick'
    >>> del os.environ["GPC_PROFILE"]
    """
    asked = os.environ.get("GPC_PROFILE", "").strip().lower()
    if asked and asked not in PROFILES:
        raise ValueError(f"GPC_PROFILE={asked!r} must be 'quick' or 'full'; unset, the hardware decides")
    return asked or ("full" if sees_gpu() else "quick")


def sees_gpu():
    """Whether Keras's active backend has a GPU to run on."""
    import keras

    backend = keras.backend.backend()
    if backend == "tensorflow":
        import tensorflow

        return bool(tensorflow.config.list_physical_devices("GPU"))
    if backend == "jax":
        import jax

        return any(device.platform in ("gpu", "cuda", "rocm") for device in jax.devices())
    if backend == "torch":
        import torch

        return torch.cuda.is_available()
    return False
