"""Random splits into disjoint parts, and folds of cross-validation (lecture 000)."""

from collections.abc import Sequence
from fractions import Fraction
from typing import NamedTuple

import jax
import numpy as np

from jaxnet.core.checks import check_count, check_flags, check_key, require
from jaxnet.core.representation import represent
from jaxnet.core.types import Key
from jaxnet.data.examples import Examples, check_examples, count
from jaxnet.data.strata import stratified


def split(
    examples: Examples, fractions: Sequence[float], *, key: Key, stratify: bool = False
) -> tuple[Examples, ...]:
    """Split examples at random into disjoint parts.

    Args:
        examples: what to split.
        fractions: the parts' sizes as fractions of the whole, each above 0, sum at most 1. The
            ends of the parts are rounded to whole examples, halves to even ones, of the fractions
            as they are written: 0.1 is a tenth.
        key: decides which example goes where; the same key gives the same split.
        stratify: keep the proportions of the labels, integers or booleans: the number of a class in
            a part is less than 1 from its share by the part's size, and from that by the fraction
            unless, as in few splits of many parts, no whole numbers are near both. A class of a
            few members may be absent from a part whose share of it is below 1.

    Returns:
        One `Examples` a fraction, in shuffled order.

    Raises:
        ValueError: if the fractions are out of range or leave a part empty, or if labels to
            stratify by are not integers.

    >>> whole = Examples(np.arange(10)[:, None], np.arange(10) % 2)
    >>> parts = split(whole, (0.6, 0.4), key=jax.random.key(0), stratify=True)
    >>> [sorted(part.targets.tolist()) for part in parts]
    [[0, 0, 0, 1, 1, 1], [0, 0, 1, 1]]
    """
    examples = check_examples("examples", examples)
    several = np.ndim(fractions) == 1
    remedy = "Pass (0.8, 0.2) for four fifths and one."
    require(several, "fractions", "to be one for each part", repr(fractions), remedy)
    shares = _check_fractions(tuple(fractions))
    sizes = _sizes(shares, count(examples))
    parts = _deal(examples, sizes, shares, key=key, stratify=stratify)
    return tuple(examples.take(part) for part in parts[: len(fractions)])


class Folds(NamedTuple):
    """Indices of examples for cross-validation, in ascending order, int32.

    Attributes:
        train: for each fold, all but its own.
        held_out: for each fold, its own: every example is in one of them.
    """

    train: tuple[np.ndarray, ...]
    held_out: tuple[np.ndarray, ...]

    __repr__ = represent


def k_folds(examples: Examples, folds: int, *, key: Key, stratify: bool = False) -> Folds:
    """Split examples at random into folds that hold out each example once.

    Each of the first ``N % folds`` folds has ``N // folds + 1`` examples, each other one less.

    Args:
        examples: what to divide, ``N`` of them.
        folds: how many, from 2 to N.
        key: decides which example is in which fold; the same key gives the same folds.
        stratify: keep the proportions of the labels, as for `split`: each fold holds the members of
            a class, divided by ``folds``, rounded up or down. Those of a class with fewer members
            than folds are in as many folds, one each, and the other folds hold none.

    Raises:
        ValueError: for a number of folds out of range, or labels to stratify by that are not
            integers.

    Source: lecture 000; Stone 1974, "Cross-validatory choice".

    >>> whole = Examples(np.arange(7)[:, None], np.arange(7) % 2)
    >>> train, held_out = k_folds(whole, 3, key=jax.random.key(0))
    >>> [len(fold) for fold in held_out], sorted(np.concatenate(held_out).tolist())
    ([3, 2, 2], [0, 1, 2, 3, 4, 5, 6])
    """
    examples = check_examples("examples", examples)
    total = count(examples)
    few = check_count("folds", folds, minimum=2) <= total
    require(few, "folds", f"at most the {total} examples", folds)
    sizes = [total // folds + (fold < total % folds) for fold in range(folds)]
    shares = [Fraction(1, int(folds))] * folds
    parts = _deal(examples, sizes, shares, key=key, stratify=stratify)
    held_out = [np.sort(part).astype(np.int32) for part in parts]
    every = np.arange(total, dtype=np.int32)
    return Folds(tuple(np.delete(every, fold) for fold in held_out), tuple(held_out))


def _deal(
    examples: Examples,
    sizes: Sequence[int],
    shares: Sequence[Fraction],
    *,
    key: Key,
    stratify: bool,
) -> list[np.ndarray]:
    """Return the indices of the examples of each part, in shuffled order."""
    check_key("key", key)
    check_flags(stratify=stratify)
    order = np.asarray(jax.random.permutation(key, count(examples)))
    if stratify:
        order = stratified(order, examples.targets, sizes, shares, key)
    return np.split(order, np.cumsum(sizes)[:-1])


def _check_fractions(fractions: tuple[float, ...]) -> list[Fraction]:
    """Return the exact decimal shares of the parts and of the rest."""
    # 1e-9: fractions such as .7 + .2 + .1 sum to 1 only up to rounding
    good = fractions and all(f > 0 for f in fractions) and sum(fractions) <= 1 + 1e-9
    require(good, "fractions", "to be above 0 and to sum to at most 1", fractions)
    shares = [Fraction(repr(float(fraction))) for fraction in fractions]
    return [*shares, 1 - sum(shares, Fraction())]


def _sizes(shares: Sequence[Fraction], total: int) -> list[int]:
    """Return the sizes of the parts and of the rest."""
    ends = [min(total, round(sum(shares[: i + 1]) * total)) for i in range(len(shares))]
    sizes = np.diff([0, *ends]).tolist()
    actual = f"parts of {sizes[:-1]} of {total} examples"
    require(min(sizes[:-1]) > 0, "fractions", "to leave no part empty", actual)
    return sizes
