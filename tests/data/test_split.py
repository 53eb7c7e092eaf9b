"""Splits: properties over many sizes and fractions, and errors."""

import itertools
import re
from fractions import Fraction
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


@hypothesis.settings(max_examples=50, deadline=None)  # almost each compiles a permutation anew
@hypothesis.given(
    strategies.lists(strategies.integers(1, 14), min_size=1, max_size=7),
    strategies.lists(strategies.integers(1, 40), min_size=1, max_size=5),
    strategies.integers(0, 40),
    strategies.sampled_from([np.int64, np.uint8, np.int16]),
)
def test_stratified_parts_keep_each_class_within_less_than_one(
    members: list[int], weights: list[int], rest: int, kind: Any
) -> None:
    """Labels with gaps, in any order; parts by hundredths, and what is left over."""
    whole = sum(weights) + rest
    exact = [Fraction(round(1000 * weight / whole), 1000) for weight in weights]
    hypothesis.assume(sum(exact) <= 1)
    total, names = sum(members), 3 * np.arange(len(members)) + 5
    labels = np.random.default_rng(total).permutation(np.repeat(names, members)).astype(kind)
    ends = [round(end * total) for end in itertools.accumulate(exact)]
    hypothesis.assume(min(np.diff([0, *ends])) > 0)
    examples, asked = Examples(np.arange(total)[:, None], labels), [float(part) for part in exact]
    parts = split(examples, asked, key=jax.random.key(total), stratify=True)
    assert [count(part) for part in parts] == np.diff([0, *ends]).tolist()
    for part, fraction in zip(parts, exact, strict=True):
        for name, number in zip(names, members, strict=True):
            found = int((part.targets == name).sum())
            assert abs(Fraction(found) - number * Fraction(count(part), total)) < 1
            assert abs(found - number * fraction) < 1


def test_a_fifth_of_eighteen_dozens_has_two_or_three_of_each() -> None:
    labels = np.arange(216) % 18
    for seed in range(10):
        whole, key = Examples(labels[:, None], labels), jax.random.key(seed)
        _, last = split(whole, (0.8, 0.2), key=key, stratify=True)
        first, *_ = split(whole, (0.2, 0.8), key=key, stratify=True)
        _, middle, _ = split(whole, (0.13, 0.2, 0.67), key=key, stratify=True)
        for part in (first, middle, last):
            assert set(np.bincount(part.targets).tolist()) == {2, 3}


def test_a_class_of_one_member_is_in_each_part_about_as_often_as_others() -> None:
    labels = np.array([0] * 97 + [1, 2, 3])
    whole = Examples(labels[:, None], labels)
    parts = [split(whole, (0.8, 0.2), key=jax.random.key(s), stratify=True) for s in range(200)]
    tested = sum(3 in test.targets.tolist() for _, test in parts)
    assert 15 <= tested <= 65  # 40 +- 5.7 of independent draws; the sums of parts shift it to 34


def test_the_ends_of_parts_are_those_of_the_fractions_as_written() -> None:
    # 0.05 + 0.1 > 0.15 in binary: 4.5 of 30 would be rounded to 5
    whole = _examples(30)
    assert [count(part) for part in split(whole, (0.15, 0.85), key=KEY)] == [4, 26]
    assert [count(part) for part in split(whole, (0.05, 0.1, 0.85), key=KEY)] == [2, 2, 26]
    assert [count(part) for part in split(whole, (0.1, np.float64(0.2)), key=KEY)] == [3, 6]


def test_the_classes_may_be_two_truth_values_or_one_label() -> None:
    for labels in (np.arange(20) % 4 == 0, np.full(20, -7)):
        for part in split(Examples(np.zeros((20, 1)), labels), (0.6, 0.4), key=KEY, stratify=True):
            shares = (labels == labels[0]).sum() * count(part) / 20
            assert abs((part.targets == labels[0]).sum() - shares) < 1


def test_a_split_is_the_same_in_both_precisions() -> None:
    numbers = []
    for precise in (False, True):
        with jax.enable_x64(precise):
            parts = _parts(57, (0.5, 0.3), 3, stratify=True)
            numbers.append([part.inputs[:, 0].tolist() for part in parts])
    assert numbers[0] == numbers[1]


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
    message = f"expected fractions to be above 0 and to sum to at most 1, got {bad}."
    with pytest.raises(ValueError, match=f"^{re.escape(message)}"):
        split(_examples(10), bad, key=KEY)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (
            {"fractions": 0.8},
            "expected fractions to be one for each part, got 0.8. Pass (0.8, 0.2)",
        ),
        ({"key": 0}, "expected key to be one PRNG key, got 0"),
        ({"stratify": "no"}, "expected stratify to be a boolean"),
    ],
)
@pytest.mark.usefixtures("no_type_checks")
def test_other_mistakes_are_refused(options: dict[str, Any], expected: str) -> None:
    given: Any = {"fractions": (0.5, 0.5), "key": KEY, **options}
    with pytest.raises((TypeError, ValueError), match=f"^{re.escape(expected)}"):
        split(_examples(10), **given)


def test_a_part_left_empty() -> None:
    message = r"expected fractions to leave no part empty, got parts of \[3, 0\] of 3 examples"
    with pytest.raises(ValueError, match=message):
        split(_examples(3), (0.9, 0.1), key=KEY)


@pytest.mark.parametrize(
    "targets", [np.zeros(4), np.zeros((4, 2), np.int32)], ids=["floats", "one-hot"]
)
def test_stratifying_by_other_targets_than_labels(targets: np.ndarray) -> None:
    with pytest.raises(ValueError, match=r"targets to be integer labels, got .*stratify=False"):
        split(Examples(np.zeros((4, 1)), targets), (1.0,), key=KEY, stratify=True)


def test_nan_in_the_inputs_is_located() -> None:
    inputs = np.zeros((4, 3))
    inputs[2, 1] = np.nan
    message = (
        "expected examples.inputs to be finite everywhere, got 1 NaN or infinite values, "
        "the first at index (2, 1). Remove or repair those examples."
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
        "expected train to pair each of one or more inputs with a target, got inputs of shape "
        f"{np.shape(inputs)} and targets of shape {np.shape(targets)}."
    )
    with pytest.raises(ValueError, match=f"^{re.escape(message)}"):
        check_examples("train", Examples(inputs, targets))


@pytest.mark.parametrize(
    ("examples", "message"),
    [
        (Examples([[1.0], [2.0, 3.0]], [0, 1]), "expected train to hold arrays, rows of one"),
        (Examples(np.array([["a"], ["b"]]), [0, 1]), "train.inputs to hold numbers, got <U1."),
        (Examples([[1.0], [2.0]], np.array([None, 1])), "train.targets to hold numbers, got obj"),
        (([[1.0]], [0]), "expected train to be Examples, got a tuple."),
    ],
    ids=["ragged", "text", "objects", "pair"],
)
@pytest.mark.usefixtures("no_type_checks")
def test_other_types_than_examples(examples: Any, message: str) -> None:
    with pytest.raises((TypeError, ValueError)) as caught:
        check_examples("train", examples)
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
