"""Examples that are there more than once.

A row that is repeated M times among B others has the weight ``M / (B + M)`` in the empirical risk
in place of ``1 / (B + 1)``; one that is in training and test makes the test too easy.
"""

import collections

import numpy as np

from jaxnet.core.checks import check_count, require
from jaxnet.core.types import AnyArray
from jaxnet.data.cleaning.findings import Finding


def find_duplicates(inputs: AnyArray, *, decimals: int | None = None) -> list[Finding]:
    """Find rows that are equal to others, or equal after rounding.

    All rows of a group are found; `remove` leaves one.

    Args:
        inputs: shape ``(n, ...)``.
        decimals: digits after the point that count; None for all, bit for bit (0.0 equals -0.0).

    >>> [f.group for f in find_duplicates(np.array([[1.0], [1.01], [2.0]]), decimals=1)]
    [(0, 1), (0, 1)]
    """
    groups = collections.defaultdict(list)
    for row, content in enumerate(_contents(inputs, decimals)):
        groups[content].append(row)
    how = "equal" if decimals is None else f"equal to {decimals} decimals"
    found = []
    for group in groups.values():
        for row in group if len(group) > 1 else ():
            others = ", ".join(str(other) for other in group if other != row)
            found.append(Finding(row, "duplicate", f"{how}: row {others}", tuple(group)))
    return sorted(found)


def find_leaks(train: AnyArray, test: AnyArray, *, decimals: int | None = None) -> list[Finding]:
    """Find training rows that are in the test, too, or equal one there after rounding.

    Args:
        train: shape ``(n, ...)``.
        test: shape ``(m, ...)``, rows of the same shape.
        decimals: as for `find_duplicates`.

    Raises:
        ValueError: for rows of different shapes.

    >>> [f.reason for f in find_leaks(np.array([[1], [2]]), np.array([[2], [5]]))]
    ['equal: row 0 of the test']
    """
    shape = np.shape(train)[1:]
    require(np.shape(test)[1:] == shape, "test", f"of rows of shape {shape}", np.shape(test)[1:])
    where: dict[bytes, int] = {}
    for row, content in enumerate(_contents(test, decimals)):
        where.setdefault(content, row)
    how = "equal" if decimals is None else f"equal to {decimals} decimals"
    contents = enumerate(_contents(train, decimals))
    return [
        Finding(row, "leak", f"{how}: row {where[content]} of the test")
        for row, content in contents
        if content in where
    ]


def _contents(inputs: AnyArray, decimals: int | None) -> list[bytes]:
    """Return what a row is compared by."""
    rows = np.asarray(inputs)
    rows = rows.reshape(len(rows), -1)
    if decimals is not None:
        rows = np.round(rows.astype(np.float64), check_count("decimals", decimals, minimum=0))
    if rows.dtype.kind == "f":
        rows = rows + 0.0  # -0.0 becomes 0.0
    return [row.tobytes() for row in np.ascontiguousarray(rows)]
