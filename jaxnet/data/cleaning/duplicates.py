"""Examples that are there more than once.

A row that is repeated M times among B others has the weight ``M / (B + M)`` in the empirical risk
in place of ``1 / (B + 1)``; one that is in training and test makes the test too easy.
"""

import collections
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from jaxnet.core.checks import check_count, require
from jaxnet.core.types import AnyArray
from jaxnet.data.cleaning.findings import Finding
from jaxnet.data.table import Table, is_null


def find_duplicates(inputs: AnyArray | Table, *, decimals: int | None = None) -> list[Finding]:
    """Find rows that are equal to others, or equal after rounding.

    All rows of a group are found; `remove` leaves one.

    Args:
        inputs: numbers or text of shape ``(n, ...)``, or a table.
        decimals: digits after the point that count; None for all, bit for bit (0.0 equals -0.0,
            and a null equals a null). Text is compared as it is.

    >>> [f.group for f in find_duplicates(np.array([[1.0], [1.01], [2.0]]), decimals=1)]
    [(0, 1), (0, 1)]
    """
    groups = collections.defaultdict(list)
    for row, content in enumerate(_contents([inputs], decimals)[0]):
        groups[content].append(row)
    how = "equal" if decimals is None else f"equal to {decimals} decimals"
    found = []
    for group in groups.values():
        for row in group if len(group) > 1 else ():
            others = ", ".join(str(other) for other in group if other != row)
            found.append(Finding(row, "duplicate", f"{how}: row {others}", tuple(group)))
    return sorted(found)


def find_leaks(
    train: AnyArray | Table, test: AnyArray | Table, *, decimals: int | None = None
) -> list[Finding]:
    """Find training rows that are in the test, too, or equal one there after rounding.

    Args:
        train: shape ``(n, ...)``, or a table.
        test: shape ``(m, ...)``, rows of the same shape, or a table with the same columns. Dtypes
            may differ: 3 equals 3.0.
        decimals: as for `find_duplicates`.

    Raises:
        ValueError: for rows of different shapes or columns.

    >>> [f.reason for f in find_leaks(np.array([[1], [2]]), np.array([[2], [5]]))]
    ['equal: row 0 of the test']
    """
    if not isinstance(train, Table) and not isinstance(test, Table):
        shape, other = np.shape(train)[1:], np.shape(test)[1:]
        require(other == shape, "test", f"of rows of shape {shape}", other)
    contents, those_of_test = _contents([train, test], decimals)
    where: dict[bytes, int] = {}
    for row, content in enumerate(those_of_test):
        where.setdefault(content, row)
    how = "equal" if decimals is None else f"equal to {decimals} decimals"
    return [
        Finding(row, "leak", f"{how}: row {where[content]} of the test")
        for row, content in enumerate(contents)
        if content in where
    ]


def _contents(parts: Sequence[AnyArray | Table], decimals: int | None) -> list[list[bytes]]:
    """Return what the rows of each part are compared by."""
    columns = [_columns(part) for part in parts]
    names = [list(each) for each in columns]
    require(names[-1] == names[0], "test", f"of columns {names[0]}", names[-1])
    alike = [_alike([each[name] for each in columns], decimals) for name in names[0]]
    joined = [np.concatenate(of_part, axis=1) for of_part in zip(*alike, strict=True)]
    return [[row.tobytes() for row in rows] for rows in joined]


def _columns(part: AnyArray | Table) -> dict[str, np.ndarray]:
    """Return the columns of a table, or all features of an array as one, of two axes."""
    named = part.columns if isinstance(part, Table) else {"": np.asarray(part)}
    return {n: each.reshape(len(each), math.prod(each.shape[1:])) for n, each in named.items()}


def _alike(arrays: Sequence[np.ndarray], decimals: int | None) -> list[np.ndarray]:
    """Return arrays of one dtype, whose entries are equal where their bits are."""
    common = np.result_type(*arrays)
    if common.kind in "OUS":
        place: dict[Any, int] = {}
        values = [[None if is_null(v) else v for v in each.ravel().tolist()] for each in arrays]
        codes = [[place.setdefault(value, len(place)) for value in each] for each in values]
        given = zip(codes, arrays, strict=True)
        return [np.array(code, np.int64).reshape(each.shape) for code, each in given]
    if decimals is not None:
        check_count("decimals", decimals, minimum=0)
        arrays, common = (
            [np.round(each.astype(float), decimals) for each in arrays],
            np.dtype(float),
        )
    arrays = [each.astype(common) for each in arrays]
    if common.kind == "f":  # -0.0 becomes 0.0, and every NaN the same
        arrays = [np.where(np.isnan(each), np.nan, each + 0.0).astype(common) for each in arrays]
    return arrays
