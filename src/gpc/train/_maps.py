"""Loss and scores of maps: Keras classes, so a module of its own, since defining them takes Keras.

Dice = 2 |A ∩ B| / (|A| + |B|), IoU = |A ∩ B| / |A ∪ B| of what is there and what is predicted: of each image
and class, the background (0) left out, then the mean; where neither has anything, 1.
"""

import keras
from keras import ops


class Pixelwise(keras.losses.Loss):
    """Cross-entropy, the mean over an image's pixels, + dice · (1 − soft Dice): (B, H, W, K) twice → (B,).

    K = 1 is binary, more are classes of which a pixel has one. Soft Dice takes probabilities for sizes.

    Source: Milletari et al., V-Net, 2016 (there with squares in the denominator; sums here, as in nnU-Net).
    """

    def __init__(self, *, dice=0.0, from_logits=False, label_smoothing=0.0):
        super().__init__(name="pixelwise")
        self.dice, self.from_logits, self.label_smoothing = dice, from_logits, label_smoothing

    def call(self, y_true, y_pred):
        single = y_pred.shape[-1] == 1
        cross = keras.losses.binary_crossentropy if single else keras.losses.categorical_crossentropy
        found = cross(y_true, y_pred, from_logits=self.from_logits, label_smoothing=self.label_smoothing)
        found = ops.mean(found, axis=(1, 2))
        if not self.dice:
            return found
        if self.from_logits:
            y_pred = ops.sigmoid(y_pred) if single else ops.softmax(y_pred)
        if not single:
            y_true, y_pred = y_true[..., 1:], y_pred[..., 1:]
        both, sizes = _sizes(y_true, y_pred)
        # One pixel more on both sides: an empty map that is seen as empty costs nothing.
        return found + self.dice * (1 - ops.mean((2 * both + 1) / (sizes + 1), axis=-1))


def _sizes(one, other):
    """(B, H, W, K) twice → what both have and what each has, added up: (B, K) twice."""
    return ops.sum(one * other, axis=(1, 2)), ops.sum(one, axis=(1, 2)) + ops.sum(other, axis=(1, 2))


def overlaps(*, threshold):
    """The metrics `dice` and `iou`, means over images; of one channel, foreground is what is above
    `threshold`."""

    def sizes(y_true, y_pred):
        y_true, y_pred = ops.convert_to_tensor(y_true), ops.convert_to_tensor(y_pred)
        if y_pred.shape[-1] == 1:
            return _sizes(y_true, ops.cast(y_pred > threshold, y_true.dtype))
        chosen = ops.one_hot(ops.argmax(y_pred, axis=-1), y_pred.shape[-1], dtype=y_true.dtype)
        return _sizes(y_true[..., 1:], chosen[..., 1:])

    def ratio(part, whole):
        return ops.mean(ops.where(whole > 0, part / ops.maximum(whole, 1), ops.ones_like(whole)), axis=-1)

    def dice(y_true, y_pred):
        both, together = sizes(y_true, y_pred)
        return ratio(2 * both, together)

    def iou(y_true, y_pred):
        both, together = sizes(y_true, y_pred)
        return ratio(both, together - both)

    return [keras.metrics.MeanMetricWrapper(one, name=one.__name__) for one in (dice, iou)]
