"""Polynomials of every order, fitted to few points of a polynomial machine of order 2."""

from typing import Any

import jax
import numpy as np

from jaxnet.data import synthetic

TRUE = np.array([3.0, 3.0, 1.0])
REACH, NOISE = 2.0, 0.5
"""Inputs are drawn from -REACH to REACH, errors from -NOISE to NOISE, both uniformly."""
NOISE_VARIANCE = NOISE**2 / 3
LINE_EXCESS = 16 / 5 - (4 / 3) ** 2
"""Excess risk of the best line: the variance of x^2, uncorrelated with x."""
ORDERS, POINTS = range(1, 8), (4, 8, 20)
TIMES = np.unique(np.round(np.logspace(0, 6, 121)).astype(int))
"""Iterations at which gradient descent is looked at."""
PENALIZED = {"weak L2": 0.01, "strong L2": 1.0}
"""Strengths of the penalty; the lecture adds it to the risk as it is, with 1."""


def draw_points(key: Any, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Draw inputs and targets, shape (n,)."""
    x, v = synthetic.polynomial(key, n, inputs=(-REACH, REACH), noise=NOISE)
    return np.asarray(x[:, 0], np.float64), np.asarray(v[:, 0], np.float64)


def powers(x: np.ndarray, order: int) -> np.ndarray:
    """Return 1, x, ..., x^order in columns."""
    return np.vander(x, order + 1, increasing=True)


def excess_risk(w: np.ndarray) -> np.ndarray:
    """Return the mean square over all inputs of the distance from the true polynomial.

    The test risk without the variance of the noise, exactly: ``E x^k = 2^k / (k + 1)`` for even k.
    """
    away = np.pad(w, [(0, 0)] * (w.ndim - 1) + [(0, max(0, 3 - w.shape[-1]))])
    away[..., :3] -= TRUE
    order = np.arange(away.shape[-1])
    k = np.add.outer(order, order)
    moments = np.where(k % 2 == 0, REACH**k / (k + 1), 0.0)
    return np.einsum("...i,ij,...j", away, moments, away)


def fit_order(x: np.ndarray, v: np.ndarray, order: int) -> np.ndarray:
    """Return the weights of least squares; of the least norm where there are several."""
    return np.linalg.lstsq(powers(x, order), v, rcond=None)[0]


def descend(x: np.ndarray, v: np.ndarray, order: int = 5, strength: float = 0.0) -> np.ndarray:
    """Return the weights of gradient descent from zeros at `TIMES`, at the rate 1 / lambda_max.

    The risk has the penalty ``strength * ||w||^2``, as the lecture's.

    Along each eigenvector of the Hessian a step leaves ``1 - rate * eigenvalue`` of the distance:
    the weights after many steps are found without taking them.
    """
    design = powers(x, order)
    values, vectors = np.linalg.eigh(2 * design.T @ design / len(x))
    values += 2 * strength
    rate = 1 / values[-1]
    slope = vectors.T @ (2 * design.T @ v / len(x))
    shrunk = -np.expm1(TIMES[:, None] * np.log1p(-np.clip(rate * values, 0, 1 - 1e-15)))
    reached = np.where(values > 1e-12, shrunk / np.maximum(values, 1e-12), rate * TIMES[:, None])
    return reached * slope @ vectors.T


def measure_machine(seed: int, sets: int) -> dict[str, np.ndarray]:
    """Return excess risks by points, order and set, and of the descent by set and time."""
    keys = jax.random.split(jax.random.key(seed), (len(POINTS), sets))
    drawn = {n: [draw_points(key, n) for key in row] for n, row in zip(POINTS, keys, strict=True)}
    orders = [
        [[float(excess_risk(fit_order(x, v, p))) for x, v in drawn[n]] for p in ORDERS]
        for n in POINTS
    ]
    paths = np.array([descend(x, v) for x, v in drawn[8]])
    measured = {"orders": np.array(orders), "paths": paths, "descent": excess_risk(paths)}
    for name, strength in PENALIZED.items():
        path = np.array([descend(x, v, strength=strength) for x, v in drawn[8]])
        measured[name] = excess_risk(path)
    return measured
