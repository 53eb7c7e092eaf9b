"""Folds divide the examples: each is held out exactly once, every class in its share."""

import math

import hypothesis
import jax
import numpy as np
import pytest
from hypothesis import strategies

from jaxnet.data import Examples, k_folds


def examples(n: int) -> Examples:
    return Examples(np.arange(n)[:, None], (np.arange(n) % 5 == 0).astype(np.int32))


@pytest.mark.parametrize("stratify", [False, True])
@pytest.mark.parametrize(("n", "folds"), [(10, 5), (11, 3), (57, 7), (3, 3), (100, 2), (7, 6)])
def test_each_example_is_held_out_exactly_once(n: int, folds: int, stratify: bool) -> None:
    train, held_out = k_folds(examples(n), folds, key=jax.random.key(n), stratify=stratify)
    assert sorted(np.concatenate(held_out).tolist()) == list(range(n))
    larger = n % folds
    assert [len(fold) for fold in held_out] == [
        *[n // folds + 1] * larger,
        *[n // folds] * (folds - larger),
    ]
    for rest, fold in zip(train, held_out, strict=True):
        assert sorted([*rest, *fold]) == list(range(n))
        assert (np.diff(rest) > 0).all()
        assert (np.diff(fold) > 0).all()
        assert rest.dtype == fold.dtype == np.int32


counts = strategies.lists(strategies.integers(1, 12), min_size=1, max_size=6)


@hypothesis.settings(max_examples=50, deadline=None)  # almost each compiles a permutation anew
@hypothesis.given(counts, strategies.data())
def test_every_fold_has_its_share_of_every_class(
    members: list[int], data: strategies.DataObject
) -> None:
    total = sum(members)
    hypothesis.assume(total >= 2)
    folds = data.draw(strategies.integers(2, min(total, 9)))
    labels = np.repeat(np.arange(len(members)), members)
    whole, key = Examples(np.zeros((total, 1)), labels), jax.random.key(total)
    for fold in k_folds(whole, folds, key=key, stratify=True).held_out:
        found = np.bincount(labels[fold], minlength=len(members))
        for number, n in zip(found.tolist(), members, strict=True):
            assert number in (math.floor(n / folds), math.ceil(n / folds))
            assert abs(number * total - n * len(fold)) < total  # |number - n |fold| / total| < 1


def test_no_class_of_as_many_members_as_folds_is_left_out_of_one() -> None:
    # each of three classes has three members: 4.5 examples a fold, of every class 1.5
    labels = np.arange(9) % 3
    for seed in range(20):
        key = jax.random.key(seed)
        for fold in k_folds(Examples(labels[:, None], labels), 2, key=key, stratify=True).held_out:
            assert np.bincount(labels[fold], minlength=3).min() >= 1


@pytest.mark.parametrize("stratify", [False, True])
@pytest.mark.parametrize("n", [30, 31])
def test_the_key_decides(n: int, stratify: bool) -> None:
    runs = [
        k_folds(examples(n), 3, key=jax.random.key(seed), stratify=stratify).held_out
        for seed in (0, 0, 1, 2)
    ]
    first, again, *others = (np.concatenate(run).tolist() for run in runs)
    assert first == again
    assert first not in others
    assert others[0] != others[1]


def test_who_is_in_which_fold_is_random() -> None:
    # each of 12 examples is in the first of four folds with chance 1/4: 50 +- 6.1 of 200
    firsts = [k_folds(examples(12), 4, key=jax.random.key(s)).held_out[0] for s in range(200)]
    seen = np.bincount(np.concatenate(firsts), minlength=12)
    assert abs(seen - 50).max() < 4 * 6.2


def test_only_labels_can_be_stratified() -> None:
    values = Examples(np.zeros((4, 1)), np.zeros(4))
    with pytest.raises(ValueError, match=r"^expected targets to be integer labels"):
        k_folds(values, 2, key=jax.random.key(0), stratify=True)
