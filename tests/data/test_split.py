"""Splits: properties over many sizes and fractions, and what cannot be split."""

import re
from typing import Any

import hypothesis
import jax
import numpy as np
import pytest
from hypothesis import strategies

from jaxnet.data import Examples, split
from jaxnet.data.examples import check_examples, count

KEY = jax.random.key(0)


def _examples(n: int, classes: int = 3) -> Examples:
    """Return examples that carry their own number, with unequal classes."""
    labels = np.random.default_rng(n).geometric(0.5, size=n).clip(1, classes) - 1
    return Examples(np.arange(n)[:, None], labels.astype(np.int32))


def _parts(n: int, fractions: tuple[float, ...], seed: int, stratify: bool) -> list[Examples]:
    return list(split(_examples(n), fractions, key=jax.random.key(seed), stratify=stratify))


# sizes from a short list, since each compiles a permutation anew
sizes = strategies.sampled_from([3, 10, 57, 100])
fractions = strategies.sampled_from(
    [(1.0,), (0.5, 0.5), (0.7, 0.2, 0.1), (0.34, 0.33, 0.33), (0.4, 0.35), (1 / 3, 1 / 3, 1 / 3)]
)
seeds = strategies.integers(0, 2**31 - 1)
properties = hypothesis.settings(max_examples=40)


@properties
@hypothesis.given(sizes, fractions, seeds, strategies.booleans())
def test_parts_are_disjoint_and_of_the_right_size(
    n: int, fractions: tuple[float, ...], seed: int, stratify: bool
) -> None:
    hypothesis.assume(min(fractions) * n >= 1)
    parts = _parts(n, fractions, seed, stratify)
    ends = np.cumsum([count(part) for part in parts])
    assert (np.abs(ends - np.cumsum(fractions) * n) <= 0.5 + 1e-6).all()
    numbers = np.concatenate([part.inputs[:, 0] for part in parts])
    assert len(set(numbers.tolist())) == ends[-1]
    assert set(numbers.tolist()) <= set(range(n))
    targets = np.concatenate([part.targets for part in parts])
    np.testing.assert_array_equal(targets, _examples(n).targets[numbers])


@properties
@hypothesis.given(sizes, fractions, seeds)
def test_stratified_parts_keep_each_class_within_one(
    n: int, fractions: tuple[float, ...], seed: int
) -> None:
    hypothesis.assume(min(fractions) * n >= 1)
    whole = np.bincount(_examples(n).targets, minlength=3)
    for part in _parts(n, fractions, seed, stratify=True):
        shares = whole * count(part) / n
        assert (np.abs(np.bincount(part.targets, minlength=3) - shares) <= 1).all()


def test_rare_classes_do_not_crowd_into_the_first_part() -> None:
    labels = np.array([0] * 97 + [1, 2, 3])
    examples = Examples(np.arange(100)[:, None], labels)
    first, _ = split(examples, (0.04, 0.96), key=KEY, stratify=True)
    assert np.bincount(first.targets)[0] >= 3  # its share is 3.88


@pytest.mark.parametrize("stratify", [False, True])
def test_the_key_decides(stratify: bool) -> None:
    one, same, other = (_parts(100, (0.8, 0.2), seed, stratify) for seed in (0, 0, 1))
    for a, b, c in zip(one, same, other, strict=True):
        np.testing.assert_array_equal(a.inputs, b.inputs)
        assert set(a.inputs[:, 0].tolist()) != set(c.inputs[:, 0].tolist())


def test_examples_come_shuffled() -> None:
    (part,) = _parts(100, (1.0,), 0, stratify=False)
    assert part.inputs[:, 0].tolist() != list(range(100))


@pytest.mark.parametrize(
    "bad", [(), (0.5, 0.6), (0.5, 0.0), (1.5, -0.5), (float("nan"), 0.5), (1.1,)]
)
def test_fractions_out_of_range(bad: tuple[float, ...]) -> None:
    message = f"split: expected fractions to be above 0 and to sum to at most 1, got {bad}. Pass"
    with pytest.raises(ValueError, match=f"^{re.escape(message)}"):
        split(_examples(10), bad, key=KEY)


def test_a_part_left_empty() -> None:
    message = (
        r"split: expected fractions to leave no part empty, got parts of \[3, 0\] of 3 examples"
    )
    with pytest.raises(ValueError, match=message):
        split(_examples(3), (0.9, 0.1), key=KEY)


@pytest.mark.parametrize(
    "targets", [np.zeros(4), np.zeros((4, 2), np.int32)], ids=["floats", "one-hot"]
)
def test_stratifying_by_what_is_no_label(targets: np.ndarray) -> None:
    with pytest.raises(ValueError, match=r"targets to be integer labels, got .*stratify=False"):
        split(Examples(np.zeros((4, 1)), targets), (1.0,), key=KEY, stratify=True)


def test_nan_in_the_inputs_is_located() -> None:
    inputs = np.zeros((4, 3))
    inputs[2, 1] = np.nan
    message = (
        "split: expected examples.inputs to be finite everywhere, got 1 NaN or infinite values, "
        "the first at index (2, 1). Remove or repair those examples first."
    )
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        split(Examples(inputs, np.zeros(4)), (1.0,), key=KEY)


def test_infinity_in_the_targets_is_located() -> None:
    targets = np.array([0.0, np.inf, 0.0, np.nan])
    with pytest.raises(ValueError, match=r"examples\.targets .* 2 NaN .* first at index \(1,\)"):
        split(Examples(np.zeros((4, 1)), targets), (1.0,), key=KEY)


@pytest.mark.parametrize(
    ("inputs", "targets"),
    [
        (np.zeros((4, 2)), np.zeros(3)),
        (np.zeros((0, 2)), np.zeros(0)),
        (np.zeros(4), np.zeros(4)),
        (np.zeros((4, 2)), np.float64(0)),
    ],
    ids=["other count", "none", "inputs without features", "targets without examples"],
)
def test_examples_that_do_not_pair(inputs: Any, targets: Any) -> None:
    message = (
        "f: expected train to pair each of one or more inputs with a target, got inputs of shape "
        f"{np.shape(inputs)} and targets of shape {np.shape(targets)}. Give both"
    )
    with pytest.raises(ValueError, match=f"^{re.escape(message)}"):
        check_examples("f", "train", Examples(inputs, targets))


@pytest.mark.parametrize(
    ("examples", "message"),
    [
        (Examples([[1.0], [2.0, 3.0]], [0, 1]), "f: expected train to hold arrays, got "),
        (Examples(np.array([["a"], ["b"]]), [0, 1]), "train.inputs to hold numbers, got <U1. Give"),
        (Examples([[1.0], [2.0]], np.array([None, 1])), "train.targets to hold numbers, got obj"),
        (([[1.0]], [0]), "f: expected train to be Examples, got a tuple."),
    ],
    ids=["ragged", "text", "objects", "pair"],
)
@pytest.mark.usefixtures("no_type_checks")
def test_what_are_no_examples(examples: Any, message: str) -> None:
    with pytest.raises((TypeError, ValueError)) as caught:
        check_examples("f", "train", examples)
    assert message in str(caught.value)


def test_lists_are_split_as_arrays_are() -> None:
    whole, key = _examples(10), jax.random.key(0)
    lists = Examples(*(field.tolist() for field in whole))
    ours, theirs = (split(each, (0.6, 0.4), key=key) for each in (lists, whole))
    for part, expected in zip(ours, theirs, strict=True):
        np.testing.assert_array_equal(part.inputs, expected.inputs)


def test_take_keeps_inputs_with_targets() -> None:
    examples = _examples(10)
    taken = examples.take(np.array([7, 2]))
    assert taken.inputs[:, 0].tolist() == [7, 2]
    np.testing.assert_array_equal(taken.targets, examples.targets[[7, 2]])
    assert count(examples.take(slice(3, 5))) == 2
