"""Stratification: numbers of examples per class and part by controlled rounding."""

import math
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import jax
import numpy as np

from jaxnet.core.checks import require
from jaxnet.core.types import Key


def stratified(
    order: np.ndarray,
    targets: Any,
    sizes: Sequence[int],
    shares: Sequence[Fraction],
    key: Key,
) -> np.ndarray:
    """Reorder examples so that consecutive parts hold their share of every class.

    Within a part, and within a class, the examples keep their order.

    Args:
        order: indices of all examples, shuffled.
        targets: the labels, in their own order: integers or booleans, with or without gaps.
        sizes: of the parts, whose sum is the number of examples.
        shares: of the parts, before rounding to sizes.
        key: decides which of two equally good roundings is taken.

    Raises:
        ValueError: if the targets are not labels.
    """
    labels = np.asarray(targets)
    actual = f"{labels.dtype} of shape {labels.shape}"
    remedy = "Pass stratify=False for others; one-hot ones become labels by argmax(axis=1)."
    good = labels.ndim == 1 and labels.dtype.kind in "biu"
    require(good, "targets", "to be integer labels", actual, remedy)
    _, classes, members = np.unique(labels[order], return_inverse=True, return_counts=True)
    counts = controlled_rounding(members.tolist(), sizes, shares, key)
    part = np.empty(len(order), np.int64)
    every_class = np.tile(np.arange(len(sizes)), len(members))
    part[np.argsort(classes, kind="stable")] = np.repeat(every_class, counts.ravel())
    return order[np.argsort(part, kind="stable")]


def controlled_rounding(
    rows: Sequence[int], columns: Sequence[int], shares: Sequence[Fraction], key: Key
) -> np.ndarray:
    """Round a table to whole numbers, each less than 1 from the exact one, keeping the sums.

    The exact numbers are ``rows[i] columns[j] / sum(rows)``, and also ``rows[i] shares[j]``: each
    entry is less than 1 from the first, and from the second unless, as in few tables with many
    columns, no table is less than 1 from both. Such tables are flows from rows to columns, and the
    one of highest score is a vertex of a linear program, hence whole. An entry's score is
    ``log(t / (1 - t))``, ``t`` its fractional part, plus logistic noise, by which an entry on its
    own is rounded up with probability ``t``.

    Args:
        rows: sums of the rows, such as the members of each class.
        columns: sums of the columns, such as the sizes of parts; as many in all.
        shares: of the columns, less than 1 from their sums when multiplied by the total.
        key: of the noise.

    Source: Causey, Cox and Ernst 1985, "Applications of transportation theory to statistical
    problems"; Cox 1987, "A constructive procedure for unbiased controlled rounding".

    >>> shares = [Fraction(1, 2), Fraction(1, 2)]
    >>> table = controlled_rounding([3, 3, 3], [5, 4], shares, jax.random.key(0))
    >>> table.sum(axis=0).tolist(), table.sum(axis=1).tolist(), np.unique(table).tolist()
    ([5, 4], [3, 3, 3], [1, 2])
    """
    # takes a fifth of a second to import
    from scipy import optimize, sparse

    given = np.array(rows, object)[:, None]
    exact = given * np.array([Fraction(size, sum(rows)) for size in columns], object)
    requested = given * np.array(shares, object)
    least = _whole(math.floor, np.maximum(exact, requested))
    most = _whole(math.ceil, np.minimum(exact, requested))
    part = np.clip((exact - least).astype(float), 1e-9, 1 - 1e-9)
    seed = np.asarray(jax.random.key_data(key)).ravel().tolist()
    # of NumPy, which draws the same in both precisions
    score = np.log(part / (1 - part)) + np.random.default_rng(seed).logistic(size=part.shape)
    sums = [
        sparse.kron(sparse.eye_array(len(rows)), np.ones((1, len(columns)))),
        sparse.kron(np.ones((1, len(rows))), sparse.eye_array(len(columns))),
    ]
    both = least, most
    by_size = _whole(math.floor, exact), _whole(math.ceil, exact)
    for bounds in (both, by_size):  # there are always tables within the second
        found = optimize.linprog(
            -score.ravel(),
            A_eq=sparse.vstack(sums),
            b_eq=np.array([*rows, *columns]),
            bounds=np.stack([bound.ravel() for bound in bounds], axis=1),
            method="highs-ds",  # the simplex method ends at a vertex
        )
        if found.success:
            break
    return np.rint(found.x).astype(np.int64).reshape(exact.shape)


def _whole(rounding: Any, numbers: np.ndarray) -> np.ndarray:
    return np.array([[rounding(number) for number in row] for row in numbers], np.int64)
