"""What the tests of training share: a model small enough to compile in a second, with everything a resume can
lose."""

import os
import tempfile

import keras

import gpc
from gpc.train import Recipe

if keras.backend.backend() == "jax":
    # JAX compiles a step for seconds: what one test or child process has compiled serves all others.
    import jax

    place = os.environ.setdefault(
        "GPC_TEST_COMPILED", os.path.join(tempfile.gettempdir(), f"gpc-tests-{os.getuid()}")
    )
    jax.config.update("jax_compilation_cache_dir", place)
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
    jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)

RECIPE = Recipe(
    "test",
    epochs=3,
    batch_size=16,
    optimizer="rmsprop",
    learning_rate=0.003,
    schedule="cyclic",
    augmentation="papers",
)
KILLED = RECIPE.but(epochs=30, ema=0.9)


def model(width=12, rate=0.3):
    """Batch norm (moving statistics), dropout (a seed generator): state beyond the weights."""
    return keras.Sequential(
        [
            keras.layers.Input((8, 8, 1)),
            keras.layers.Flatten(),
            keras.layers.Dense(width),
            keras.layers.BatchNormalization(momentum=0.9),
            keras.layers.ReLU(),
            keras.layers.Dropout(rate),
            keras.layers.Dense(10, activation="softmax"),
        ],
        name="small",
    )


def data(count=150, seed=0):
    """97 + 23 + 30 digits or so: a last batch that is not full."""
    return gpc.data.load("digits", count=count, seed=seed)
