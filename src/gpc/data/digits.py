"""Scikit-learn's handwritten digits: 1,797 grey images of 8×8, in the wheel, no download.

Source: E. Alpaydin and C. Kaynak, Optical Recognition of Handwritten Digits, UCI, 1998 (its test part).
"""

import numpy as np

from gpc.data.dataset import Split

CLASSES = tuple("0123456789")
SOURCE = "scikit-learn's load_digits: UCI Optical Recognition of Handwritten Digits, test part"
LICENCE = "CC BY 4.0 (UCI)"


def everything():
    """All the images as one split: uint8 (1797, 8, 8, 1), the original's 17 grey levels spread over 0…255.

    >>> everything().images.shape, int(everything().images.max())
    ((1797, 8, 8, 1), 255)
    """
    from sklearn.datasets import load_digits

    digits = load_digits()
    images = np.rint(digits.images * (255 / 16)).astype(np.uint8)[..., np.newaxis]
    return Split(images=images, labels=digits.target.astype(np.int64))
