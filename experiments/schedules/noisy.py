"""SGD on a quadratic with gradient noise: its mean squared distance, measured and exact."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxnet import schedules
from jaxnet.core.types import Array, Key
from jaxnet.optim import sgd

CURVATURE, DEVIATION = 1.0, 1.0
"""``lambda`` of the risk ``lambda w^2 / 2``, and ``sigma`` of the noise of its gradient."""
RATE, TAU, SMALL = 0.5, 20, 0.1
RUNS, STEPS = 4000, 10_000

CASES: Mapping[str, Any] = {
    "constant η = 0.5": schedules.constant(RATE),
    "η/(1 + t/20)": schedules.inverse_time_decay(RATE, TAU),
    "η/(t + 1), η = 0.1": schedules.inverse_time_decay(SMALL),
}
CONSTANT, INVERSE, SLIDE = CASES


class Noisy(NamedTuple):
    """Mean of ``w^2`` over the runs, from ``w = 1``.

    Attributes:
        measured: after each step, shape (steps,).
        error: standard error of the last one.
        exact: its expectation after each step.
    """

    measured: np.ndarray
    error: float
    exact: np.ndarray


def settled() -> float:
    """Return where ``E w^2`` settles at a constant rate.

    ``eta sigma^2 / (2 lambda - eta lambda^2)``, the fixed point of
    ``E w^2 <- (1 - eta lambda)^2 E w^2 + eta^2 sigma^2``.
    """
    return RATE * DEVIATION**2 / (2 * CURVATURE - RATE * CURVATURE**2)


def expected(rates: np.ndarray) -> np.ndarray:
    """Return ``E w^2`` after each step, by the recursion above with the rate of each step."""
    squares, square = [], 1.0
    for rate in rates:
        square = (1 - rate * CURVATURE) ** 2 * square + rate**2 * DEVIATION**2
        squares.append(square)
    return np.array(squares)


def descend_noisily(schedule: Any, key: Key, *, runs: int = RUNS, steps: int = STEPS) -> Noisy:
    """Run SGD under a schedule, all runs at once."""
    optimizer = sgd(schedule)

    def step(carry: Any, t: Array) -> tuple[Any, Array]:
        w, state = carry
        noise = jax.random.normal(jax.random.fold_in(key, t), w.shape)
        change, state = optimizer.update(CURVATURE * w + DEVIATION * noise, state, w)
        return (w + change, state), jnp.mean((w + change) ** 2)

    @jax.jit
    def every() -> tuple[Array, Array]:
        start = jnp.ones(runs)
        (w, _), squares = jax.lax.scan(step, (start, optimizer.init(start)), jnp.arange(steps))
        return w, squares

    last, measured = every()
    error = np.std(np.asarray(last, float) ** 2, ddof=1) / runs**0.5
    rates = np.asarray(jax.vmap(schedule)(jnp.arange(steps)), float)
    return Noisy(np.asarray(measured, float), float(error), expected(rates))


def power(squares: np.ndarray) -> float:
    """Return the power of ``t`` by which the squares change over the last decade of steps."""
    return float(np.log10(squares[-1] / squares[len(squares) // 10 - 1]))
