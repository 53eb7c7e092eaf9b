"""The embedded digits: real, complete, and split once and for all."""

import numpy as np
import pytest
from sklearn import datasets

from jaxnet.core.trees import digest
from jaxnet.data import Examples, load_dataset
from jaxnet.data.digits import load_digits


@pytest.fixture(scope="module")
def digits() -> tuple[Examples, Examples]:
    return load_digits()


def test_sizes_and_dtypes(digits: tuple[Examples, Examples]) -> None:
    for examples, n in zip(digits, (1438, 359), strict=True):
        assert examples.inputs.shape == (n, 64)
        assert examples.inputs.dtype == np.uint8
        assert examples.inputs.max() == 16
        assert examples.targets.shape == (n,)
        assert examples.targets.dtype == np.int32


def test_parts_are_disjoint_and_whole(digits: tuple[Examples, Examples]) -> None:
    pixels, labels = datasets.load_digits(return_X_y=True)
    original = np.column_stack([np.asarray(pixels), np.asarray(labels)])
    assert len(np.unique(original, axis=0)) == 1797  # no two alike: rows identify examples
    rows = [np.column_stack([part.inputs, part.targets]) for part in digits]
    np.testing.assert_array_equal(_sorted(np.concatenate(rows)), _sorted(original))


def _sorted(rows: np.ndarray) -> np.ndarray:
    return np.unique(rows, axis=0)


def test_each_class_has_its_share_in_the_test_part(digits: tuple[Examples, Examples]) -> None:
    train, test = digits
    in_test = np.bincount(test.targets)
    whole = in_test + np.bincount(train.targets)
    assert (np.abs(in_test - whole * 359 / 1797) <= 1).all()


def test_the_split_depends_on_nothing(digits: tuple[Examples, Examples]) -> None:
    again = load_dataset("digits")
    assert digest((again.train, again.test)) == digest(digits)
    assert (again.image_shape, again.pixel_max, len(again.class_names)) == ((8, 8), 16, 10)


def test_the_split_is_the_same_in_both_precisions(
    digits: tuple[Examples, Examples], dtype: np.dtype
) -> None:
    assert digest(load_digits()) == digest(digits), dtype


def test_the_split_is_the_same_everywhere(digits: tuple[Examples, Examples]) -> None:
    # the digest of the test part, pinned: no version of NumPy or JAX may deal it anew unnoticed
    pinned = "a8c0df8df895079d44846a792522b5d4464d8c4566d29ad887a4242ffa1646e4"
    assert digest(digits[1]) == pinned
