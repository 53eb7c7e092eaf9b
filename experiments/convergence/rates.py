"""Gradient descent that converges linearly, and sublinearly: iterations to a small gap."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxnet.core.types import Array
from jaxnet.optim import sgd

ALPHA, EPSILON = 0.1, 1e-3
CONDITION = (1 + ALPHA**0.5) / (1 - ALPHA**0.5)
"""At the best rate, 2 / (1 + kappa) for curvatures 1 and kappa, the gap shrinks by ALPHA a step."""
STEPS = 3000
WORST = (10, 100, 1000)
"""Steps for which there is a worst function."""


def descend(risk: Callable[[Array], Array], w: Any, rate: float, steps: int = STEPS) -> np.ndarray:
    """Return the risk at the start and after each step of gradient descent, shape (steps + 1,)."""
    optimizer = sgd(rate)

    def step(carry: Any, _: None) -> tuple[Any, Array]:
        w, state = carry
        value, slope = jax.value_and_grad(risk)(w)
        change, state = optimizer.update(slope, state, w)
        return (w + change, state), value

    start = jnp.asarray(w)
    return np.asarray(jax.lax.scan(step, (start, optimizer.init(start)), length=steps + 1)[1])


def strongly_convex(condition: float = CONDITION) -> np.ndarray:
    """Return the gaps of a quadratic of two weights, 1 at the start."""
    curvatures = jnp.array([1.0, condition])
    start = 1 / jnp.sqrt(curvatures)
    return descend(lambda w: jnp.sum(curvatures * w**2) / 2, start, 2 / (1 + condition))


def separable() -> np.ndarray:
    """Return the gaps of the logistic loss of data that a line separates, at rate 1.

    Of one weight, whose least risk, 0, is infinitely far. Its gradient flow ``w' = 1 / (1 + e^w)``
    has a gap near ``1 / (eta t)``.
    """
    return descend(lambda w: jax.nn.softplus(-w), 0.0, 1.0)


def worst(steps: int) -> np.ndarray:
    """Return the gaps of the convex function that is worst for so many steps, from 1 at rate 1.

    It is ``w^2 / 2`` up to ``c = 1 / (2 steps + 1)`` and straight beyond: its gradient has the
    Lipschitz constant 1. The gap after ``t`` steps is at most ``1 / (2 t)``, by the bound
    ``|w_0 - w*|^2 / (2 eta t)``; the last one is ``1 / (4 steps + 2)``, the largest there is.

    Source: Drori and Teboulle 2014, theorems 1 and 2.
    """
    corner = 1 / (2 * steps + 1)

    def risk(w: Array) -> Array:
        far = jnp.abs(w)
        return jnp.where(far < corner, w**2 / 2, corner * far - corner**2 / 2)

    return descend(risk, 1.0, 1.0, steps)


def iterations(gaps: np.ndarray) -> int:
    """Return the first iteration after which the gap is at most 0.001; of a rounding more, too."""
    return int(np.argmax(gaps <= EPSILON * (1 + 1e-9)))
