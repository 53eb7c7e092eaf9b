"""Folds divide the examples: equal ones, each example held out at most once."""

import jax
import numpy as np
import pytest

from jaxnet.data import Examples, k_folds


def examples(n: int) -> Examples:
    return Examples(np.arange(n)[:, None], (np.arange(n) % 5 == 0).astype(np.int32))


@pytest.mark.parametrize("stratify", [False, True])
@pytest.mark.parametrize(("n", "folds"), [(10, 5), (11, 3), (57, 7), (3, 3), (100, 2)])
def test_each_fold_is_all_but_the_rest(n: int, folds: int, stratify: bool) -> None:
    train, held_out = k_folds(examples(n), folds, key=jax.random.key(n), stratify=stratify)
    assert held_out.shape == (folds, n // folds)
    assert train.shape == (folds, n - n // folds)
    for rest, fold in zip(train, held_out, strict=True):
        assert sorted([*rest, *fold]) == list(range(n))
        assert (np.diff(rest) > 0).all()
        assert (np.diff(fold) > 0).all()
    assert len(np.unique(held_out)) == held_out.size
    always = set(range(n)) - set(held_out.ravel().tolist())
    assert len(always) == n % folds
    assert all(always <= set(rest.tolist()) for rest in train)


def test_strata_keep_their_share() -> None:
    whole = examples(100)
    held_out = k_folds(whole, 5, key=jax.random.key(1), stratify=True).held_out
    assert whole.targets[held_out].sum(axis=1).tolist() == [4] * 5
    drawn = k_folds(whole, 5, key=jax.random.key(1)).held_out
    assert whole.targets[drawn].sum(axis=1).tolist() != [4] * 5


def test_the_key_decides() -> None:
    first, again, other = (k_folds(examples(30), 3, key=jax.random.key(s)) for s in (0, 0, 1))
    np.testing.assert_array_equal(first.held_out, again.held_out)
    assert (first.held_out != other.held_out).any()


def test_only_labels_can_be_stratified() -> None:
    values = Examples(np.zeros((4, 1)), np.zeros(4))
    with pytest.raises(ValueError, match=r"^k_folds: expected targets to be integer labels"):
        k_folds(values, 2, key=jax.random.key(0), stratify=True)
