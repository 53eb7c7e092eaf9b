"""The embedded data set of 1,797 handwritten digits of 8 x 8 pixels.

They are the test part of the UCI "Optical Recognition of Handwritten Digits", by 13 writers none of
whom wrote for the training part, form after form. Who wrote what is not recorded, but the labels
show where each form begins: they repeat one sequence of 130 digits, up to a few that are missing,
14 times.

Source: Alpaydin and Kaynak 1998.
"""

from pathlib import Path

import numpy as np

from jaxnet.data.examples import Examples
from jaxnet.data.sources.idx import read_idx
from jaxnet.data.sources.mnist import pair

FOLDER = Path(__file__).parent / "embedded"

SHA256 = {
    "digits-images-idx3-ubyte": "359cd13f0f514122884198b78a131df597421cbf5e93a76678fa96fc548f0d96",
    "digits-labels-idx1-ubyte": "ce71631c1f31ce56fa54f31d1d498fafacff59b001e6c30c4a5e29508aa277ad",
}
"""File name -> SHA-256 of the decompressed content."""

TEST_FRACTION = 0.2

FORM_STARTS = (0, 130, 256, 386, 516, 646, 776, 906, 1029, 1157, 1287, 1415, 1545, 1667)
"""Where in the file a form begins, by its labels: 0 to 9 thrice, then 9 5 5 6 5 0 9 ..."""

TEST_FORMS = 3
"""The last forms, 382 examples, to test the split by writer with."""


def load_digits() -> tuple[Examples, Examples]:
    """Load the digits with a fixed stratified split: four fifths training, one fifth test.

    The split is part of the data set and depends on no seed, as MNIST's does not. It is random:
    those who wrote the test examples wrote training examples, too, and a network reads them better
    than writers that it never saw. See `load_digits_by_writer`.

    Returns:
        Training (1,438) and test (359) examples: inputs uint8 in [0, 16] of shape
        ``(examples, 64)``, targets int32 in [0, 10).
    """
    return fixed_split(_all_digits())


def load_digits_by_writer() -> tuple[Examples, Examples]:
    """Load the digits split by writer: eleven forms training, the last three test.

    There is one form more than writers: one writer may have filled two, possibly in both parts.

    Returns:
        Training (1,415) and test (382) examples in the file's order, as of `load_digits`.
    """
    digits, start = _all_digits(), FORM_STARTS[-TEST_FORMS]
    return digits.take(slice(0, start)), digits.take(slice(start, None))


def fixed_split(examples: Examples) -> tuple[Examples, Examples]:
    """Split examples, four fifths and one, in the proportions of their labels and by no key.

    >>> train, test = fixed_split(Examples(np.arange(10), np.arange(10) % 2))
    >>> train.targets.tolist(), test.targets.tolist()
    ([0, 1, 0, 1, 0, 1, 0, 1], [0, 1])
    """
    order = np.random.Generator(np.random.Philox(0)).permutation(len(examples.targets))
    spread = order[np.argsort(_ranks(examples.targets[order]), kind="stable")]
    end = round((1 - TEST_FRACTION) * len(spread))
    return examples.take(spread[:end]), examples.take(spread[end:])


def _all_digits() -> Examples:
    images, labels = (read_idx(FOLDER / f"{name}.gz", sha256=SHA256[name]) for name in SHA256)
    return pair(images, labels, classes=10, shape=(8, 8))


def _ranks(labels: np.ndarray) -> np.ndarray:
    """Return the relative rank of each example within its class, from 0 to 1."""
    rank = np.empty(len(labels))
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        rank[members] = (np.arange(len(members)) + 0.5) / len(members)
    return rank
