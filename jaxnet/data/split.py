"""Splits by key: parts that share no example, and folds that take turns (lecture 000)."""

from collections.abc import Sequence
from typing import NamedTuple

import jax
import numpy as np

from jaxnet.core.checks import check_count
from jaxnet.core.errors import invalid_value
from jaxnet.core.types import Key
from jaxnet.data.examples import Examples, check_examples, count


def split(
    examples: Examples, fractions: Sequence[float], *, key: Key, stratify: bool = False
) -> tuple[Examples, ...]:
    """Split examples at random into disjoint parts.

    Args:
        examples: what to split.
        fractions: the parts' sizes as fractions of the whole, each above 0, sum at most 1.
            The ends of the parts are rounded to whole examples.
        key: decides which example goes where; the same key gives the same split.
        stratify: keep the proportions of integer labels in every part, as nearly as whole
            examples allow. Classes of a few members only take part as chance has it.

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
    examples = check_examples("split", "examples", examples)
    total = count(examples)
    ends = _part_ends(tuple(fractions), total)
    order = np.asarray(jax.random.permutation(key, total))
    return _cut(examples, order, ends, stratify=stratify)


def split_in_order(
    examples: Examples, fractions: Sequence[float], *, order: np.ndarray, stratify: bool = False
) -> tuple[Examples, ...]:
    """Split examples like `split`, in an order that is given: a permutation of their indices."""
    ends = _part_ends(tuple(fractions), count(examples))
    return _cut(examples, order, ends, stratify=stratify)


class Folds(NamedTuple):
    """Indices of examples for cross-validation, in ascending order.

    Attributes:
        train: all but a fold's, shape ``(folds, N - N // folds)``, int32.
        held_out: a fold's own, shape ``(folds, N // folds)``, int32.
    """

    train: np.ndarray
    held_out: np.ndarray


def k_folds(examples: Examples, folds: int, *, key: Key, stratify: bool = False) -> Folds:
    """Divide examples at random into equal folds, each of which is held out once.

    A fold has ``N // folds`` examples, so that one compiled program serves all. The ``N % folds``
    that are left over are in no fold: they are always trained with.

    Args:
        examples: what to divide, ``N`` of them.
        folds: how many, from 2 to N.
        key: decides which example is in which fold.
        stratify: keep the proportions of integer labels in every fold, as for `split`.

    Raises:
        ValueError: for a number of folds out of range, or labels to stratify by that are not
            integers.

    Source: lecture 000; Stone 1974, "Cross-validatory choice".

    >>> whole = Examples(np.arange(7)[:, None], np.arange(7) % 2)
    >>> train, held_out = k_folds(whole, 3, key=jax.random.key(0))
    >>> train.shape, held_out.shape, len(set(held_out.ravel().tolist()))
    ((3, 5), (3, 2), 6)
    """
    examples = check_examples("k_folds", "examples", examples)
    total = count(examples)
    if check_count("k_folds", "folds", folds, minimum=2) > total:
        remedy = f"Pass folds={total} to leave one out at a time."
        raise invalid_value("k_folds", "folds", f"at most the {total} examples", folds, remedy)
    order = np.asarray(jax.random.permutation(key, total), np.int32)
    if stratify:
        order = _interleave_classes("k_folds", order, np.asarray(examples.targets))
    held_out = np.sort(order[: folds * (total // folds)].reshape(folds, -1))
    train = [np.setdiff1d(order, fold) for fold in held_out]
    return Folds(np.stack(train), held_out)


def _cut(
    examples: Examples, order: np.ndarray, ends: list[int], *, stratify: bool
) -> tuple[Examples, ...]:
    if stratify:
        order = _interleave_classes("split", order, np.asarray(examples.targets))
    starts = [0, *ends[:-1]]
    return tuple(examples.take(order[start:end]) for start, end in zip(starts, ends, strict=True))


def _part_ends(fractions: tuple[float, ...], total: int) -> list[int]:
    remedy = "Pass fractions such as (0.8, 0.2), large enough for one example each."
    # 1e-9: fractions such as .7 + .2 + .1 sum to 1 only up to rounding
    if not fractions or not all(f > 0 for f in fractions) or sum(fractions) > 1 + 1e-9:
        expected = "to be above 0 and to sum to at most 1"
        raise invalid_value("split", "fractions", expected, tuple(fractions), remedy)
    ends = [round(end * total) for end in np.cumsum(fractions)]
    sizes = np.diff([0, *ends])
    if (sizes < 1).any():
        actual = f"parts of {sizes.tolist()} of {total} examples"
        raise invalid_value("split", "fractions", "to leave no part empty", actual, remedy)
    return ends


def _interleave_classes(function: str, order: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Reorder so that each class is spread evenly: any stretch then has its share of each."""
    if targets.ndim != 1 or not np.issubdtype(targets.dtype, np.integer):
        actual = f"{targets.dtype} of shape {targets.shape}"
        remedy = "Pass stratify=False for targets that are not class labels."
        raise invalid_value(function, "targets", "to be integer labels", actual, remedy)
    labels = targets[order]
    position = np.empty(len(order))
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        position[members] = (np.arange(len(members)) + 0.5) / len(members)
    return order[np.argsort(position, kind="stable")]
