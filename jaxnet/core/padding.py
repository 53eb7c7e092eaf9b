"""Padding of rows to a power of two: few programs serve all numbers of rows."""

from collections.abc import Iterator

import numpy as np

MOST_ROWS = 1024
"""The most rows of one call of a program for predictions."""


def power_of_two(number: int, least: int = 1) -> int:
    """Return the smallest power of two that is not below a number.

    Args:
        number: 0 or more.
        least: a power of two that the result is not below.

    >>> power_of_two(0), power_of_two(667), power_of_two(1024), power_of_two(5, least=16)
    (1, 1024, 1024, 16)
    """
    return max(least, 1 << max(number - 1, 0).bit_length())


def padded(array: np.ndarray, rows: int) -> np.ndarray:
    """Append rows of zeros up to a number of rows.

    >>> padded(np.ones(2), 3).tolist()
    [1.0, 1.0, 0.0]
    """
    return np.pad(array, [(0, rows - len(array)), *[(0, 0)] * (array.ndim - 1)])


def padded_parts(array: np.ndarray, least: int = 1) -> Iterator[np.ndarray]:
    """Yield parts of at most `MOST_ROWS` rows, padded; without rows, one of zeros alone.

    Of more than one part, all have `MOST_ROWS`.

    >>> [len(part) for part in padded_parts(np.ones(1025))]
    [1024, 1024]
    >>> [len(part) for part in padded_parts(np.ones(0))]
    [1]
    """
    rows = min(power_of_two(len(array), least), MOST_ROWS)
    for start in range(0, max(len(array), 1), MOST_ROWS):
        yield padded(array[start : start + MOST_ROWS], rows)
