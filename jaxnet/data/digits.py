"""The 1,797 real handwritten digits of 8 x 8 pixels that scikit-learn carries: no network needed.

Source: Alpaydin and Kaynak 1998, test part of the UCI "Optical Recognition of Handwritten Digits".
"""

import numpy as np

from jaxnet.data.examples import Examples
from jaxnet.data.split import split_in_order

TEST_FRACTION = 0.2


def load_digits() -> tuple[Examples, Examples]:
    """Load the digits: four fifths to train with, a fixed stratified fifth to test with.

    The split is part of the data set and depends on no seed, as MNIST's does not.

    Returns:
        Training (1,438) and test (359) examples: inputs uint8 in [0, 16] of shape
        ``(examples, 64)``, targets int32 in [0, 10).
    """
    from sklearn import datasets  # takes about a second to import

    pixels, labels = datasets.load_digits(return_X_y=True)
    digits = Examples(np.asarray(pixels, np.uint8), np.asarray(labels, np.int32))
    fractions = (1 - TEST_FRACTION, TEST_FRACTION)
    order = np.random.Generator(np.random.Philox(0)).permutation(len(labels))
    train, test = split_in_order(digits, fractions, order=order, stratify=True)
    return train, test
