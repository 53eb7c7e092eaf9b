"""Two regressions of two weights, whose risk is quadratic, and gradient descent on it."""

from collections.abc import Callable

import numpy as np

from jaxnet.data import preparation

PREPARATIONS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "raw": lambda x: x,
    "min-max": lambda x: preparation.fitted(preparation.min_max(), x).apply(x),
    "standardized": lambda x: preparation.fitted(preparation.standardize(), x).apply(x),
}
TARGET = 1e-3
"""Part of the initial excess of the risk over its least value that is left at the end."""


def two_heights(people: int, random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Example A: the heights of two siblings, in cm, and what depends on both."""
    x = random.normal([170.0, 165.0], [8.0, 8.0], (people, 2))
    return x, x @ np.array([0.5, 0.5]) + random.normal(0, 2, people)


def height_and_children(people: int, random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Example B: a height in cm and a number of children, and what depends on both."""
    x = np.stack([random.normal(170, 8, people), random.poisson(1.5, people)], axis=1)
    return x, x @ np.array([0.5, 3.0]) + random.normal(0, 2, people)


def quadratic(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the Hessian of the risk, quadratic in two weights, and their best values."""
    return 2 * x.T @ x / len(x), np.linalg.lstsq(x, y, rcond=None)[0]


def descend(x: np.ndarray, y: np.ndarray) -> tuple[float, int]:
    """Return the condition number and the steps of gradient descent to the target.

    At its best constant rate, ``2 / (largest + least)``. Along each eigenvector a step multiplies
    the distance by ``1 - rate * eigenvalue``: the number of steps is found without taking them.
    """
    hessian, optimum = quadratic(x, y)
    values, vectors = np.linalg.eigh(hessian)
    rate, distance = 2 / (values[0] + values[-1]), vectors.T @ optimum

    def left(steps: float) -> float:
        shrunk = np.abs(1 - rate * values) ** steps * distance
        return float(np.sum(values * shrunk**2) / np.sum(values * distance**2))

    low, high = 0, 1
    while left(high) > TARGET:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if left(middle) > TARGET else (low, middle)
    return float(values[-1] / values[0]), high
