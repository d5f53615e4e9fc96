"""The first strides of a built model left out, so that it suits smaller images."""

import operator

from gpc.surgery.graph import Copier, read
from gpc.surgery.levels import levels_of, total_strides
from gpc.surgery.pointwise import sites
from gpc.surgery.unstride import Unstride


def stride_levels(model):
    """The total strides at which a model makes its map smaller, one a stride level, the stem's 1 first.

    EfficientNet-B0 halves its map five times: (1, 2, 4, 8, 16). All layers that leave the same total stride
    are one level: the branches of an Inception reduction, a residual block's strided convolution and its
    strided shortcut.

    Raises as `skip_strides` does for a model that can't be read.

    >>> import keras
    >>> x = keras.Input((32, 32, 3))
    >>> stem = keras.layers.Conv2D(8, 3, strides=2, padding="same")(x)
    >>> stride_levels(keras.Model(x, keras.layers.MaxPooling2D(2)(stem)))
    (1, 2)
    """
    root = read(model)
    return levels_of(total_strides(root), sites(root))


def skip_strides(model, n, *, as_published=False):
    """A copy of a model that leaves out its first `n` stride levels, with all its weights.

    A level is all layers that take the map from one total stride to the next: strided convolutions of every
    kind and pooling. Skipped, they keep the height and width of their input, (B, H, W, C) → (B, H, W,
    filters): stride 1, the `ZeroPadding2D` in front of a "valid" layer set to what keeps the size, "same"
    where there is none. Upsampling back to a skipped level is left out too. The padding of the strided layers
    that remain is set anew where it stood for "same". Kernels keep their size, so parameters stay;
    multiply-accumulates behind a skipped level grow by stride².

    `skip_stride_cnt` in the papers' own code (K-CAI) counts EfficientNet's stages instead: −1 is n=0; 0 and 1
    are n=1 (the stem alone, stage 0 has no stride); 2 and 3 are n=2 and 3; 4 and 5 are n=4; 6 is n=5. So
    `skip_stride_cnt=3` leaves a total stride of 4. For MobileNet `skip_stride_cnt=c`, 0 to 4, is n=c+1.
    In that code the stem keeps the padding of its stride 2, so that 32×32 images run as 31×31;
    `as_published=True` does the same, to meet published counts.

    Raises:
        TypeError: `n` is no integer, `model` no Keras model.
        ValueError: fewer than `n` levels, a model that can't be read, a layer that works at skipped and kept
            levels, or one whose weights depend on the map's size (a Dense behind Flatten).

    >>> import keras
    >>> options = {"include_top": False, "weights": None}
    >>> net = keras.applications.MobileNetV2(input_shape=(32, 32, 3), **options)
    >>> stride_levels(net), net.output_shape, skip_strides(net, 3).output_shape
    ((1, 2, 4, 8, 16), (None, 1, 1, 1280), (None, 8, 8, 1280))
    """
    root = read(model)
    calls, strides = sites(root), total_strides(root)
    levels = levels_of(strides, calls)
    skipped = _skipped(strides, set(levels[: _checked(n, levels, model.name)]), calls)
    stem = {key for key in skipped if as_published and strides[key] == {1}}
    edit = Unstride(skipped, stem)
    copier = Copier(edit, edit.touches)
    new = copier.model(root)
    copier.copied += edit.copied
    copier.copy_weights()
    return new


def _checked(n, levels, name):
    """`n` as an int between 0 and the number of levels."""
    if isinstance(n, bool) or not hasattr(n, "__index__"):
        raise TypeError(f"n={n!r} must be an integer: how many stride levels to leave out")
    if not 0 <= operator.index(n) <= len(levels):
        near = min(max(n, 0), len(levels))
        raise ValueError(
            f"n={n} must be between 0 and {len(levels)}, as {name!r} makes its map smaller at total strides "
            f"{levels}; nearest that works: {near}"
        )
    return operator.index(n)


def _skipped(strides, levels, calls):
    """The ids of the layers that work at the levels to be left out."""
    for key, found in strides.items():
        if found & levels and not found <= levels:
            layer = calls[key][0].operation
            raise ValueError(
                f"layer {layer.name!r} is called at total strides {sorted(map(str, found))}, of which only "
                "some are left out; give each level a layer of its own"
            )
    return {key for key, found in strides.items() if found <= levels}
