"""The embedded digits: real, complete, and split once and for all."""

import difflib
from typing import Any

import numpy as np
import pytest
from sklearn import datasets

from jaxnet.core.trees import digest
from jaxnet.data import Examples, load_dataset
from jaxnet.data.sources.digits import FORM_STARTS, load_digits, load_digits_by_writer


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


@pytest.mark.parametrize("load", [load_digits, load_digits_by_writer])
def test_parts_are_disjoint_and_whole(load: Any) -> None:
    original = _rows(_file())
    assert len(np.unique(original, axis=0)) == 1797  # no two alike: rows identify examples
    parts = np.concatenate([_rows(part) for part in load()])
    np.testing.assert_array_equal(_sorted(parts), _sorted(original))


def _file() -> Examples:
    return Examples(*(np.asarray(array) for array in datasets.load_digits(return_X_y=True)))


def _rows(examples: Examples) -> np.ndarray:
    return np.column_stack([*examples])


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
    pinned = "dc6f7c5aada4393071729082b2457901e190ef7a1d07c1aaa8ca29c0ebab09c2"
    assert digest(tuple(digits[1])) == pinned


def test_forms_begin_where_their_labels_do() -> None:
    labels = "".join(map(str, _file().targets.astype(int)))
    ends = [*FORM_STARTS[1:], len(labels)]
    forms = [labels[start:end] for start, end in zip(FORM_STARTS, ends, strict=True)]
    whole = max(forms, key=len)
    assert whole[:36] == "0123456789" * 3 + "095565"
    assert len(whole) == 130
    for form in forms:  # the whole one, of which up to 8 labels are missing, and one is another
        matcher = difflib.SequenceMatcher(None, whole, form, autojunk=False)
        kept = sum(block.size for block in matcher.get_matching_blocks())
        assert kept >= len(form) - 1
        assert len(form) >= 122


def test_the_split_by_writer_divides_no_form() -> None:
    train, test = load_digits_by_writer()
    assert len(train.targets) == 1415 == FORM_STARTS[-3]
    assert len(test.targets) == 382
    for part in (train, test):
        assert part.inputs.dtype == np.uint8
        assert part.targets.dtype == np.int32
        assert part.targets[:30].tolist() == [*range(10)] * 3
        assert set(part.targets.tolist()) == set(range(10))
    named = load_dataset("digits_by_writer")
    assert digest((named.train, named.test)) == digest((train, test))
    assert (named.caveat, bool(load_dataset("digits").caveat)) == ("", True)
