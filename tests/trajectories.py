"""Paths of parameters under an optimizer, and the update rules again in NumPy's float64."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from tests.cases import OptimizerCase

Rate = float | Callable[[Any], Any]


def gradients(steps: int, dtype: Any) -> dict[str, jax.Array]:
    """Draw a tree of gradients, one row a step, whose entries have sizes from 0.01 to 10."""
    rng = np.random.default_rng(0)

    def draw(*shape: int) -> jax.Array:
        sizes = 10.0 ** rng.uniform(-2, 1, size=shape)
        return jnp.asarray(sizes * rng.normal(size=(steps, *shape)), dtype)

    return {"bias": draw(4), "weights": draw(3, 4)}


def start(dtype: Any) -> dict[str, jax.Array]:
    """Draw parameters of sizes from 1 to 2, so that a unit in the last place means the same."""
    rng = np.random.default_rng(1)

    def draw(*shape: int) -> jax.Array:
        return jnp.asarray(rng.choice([-1, 1], shape) * rng.uniform(1, 2, shape), dtype)

    return {"bias": draw(4), "weights": draw(3, 4)}


def first_update(optimizer: optax.GradientTransformation, gradient: Any) -> tuple[Any, Any]:
    """Return the updates of the first step, and the state after it."""
    return optimizer.update(gradient, optimizer.init(gradient))


def moved(params: Any, updates: Any) -> Any:
    """Return the parameters after the updates."""
    return optax.apply_updates(params, updates)


def follow(optimizer: optax.GradientTransformation, params: Any, gradients: Any) -> Any:
    """Return the parameters after each step, stacked."""

    def step(carry: Any, gradient: Any) -> Any:
        params, state = carry
        updates, state = optimizer.update(gradient, state, params)
        params = moved(params, updates)
        return (params, state), params

    return jax.lax.scan(step, (params, optimizer.init(params)), gradients)[1]


def follow_numpy(case: OptimizerCase, rate: Rate, params: np.ndarray, rows: np.ndarray) -> Any:
    """Return one leaf's parameters after each step, stacked, by the rules below."""
    path, m, v = [], np.zeros_like(params), np.zeros_like(params)
    for t, g in enumerate(rows, start=1):
        direction, m, v = RULES[case.rule](t, g, m, v, **case.options)
        params = params - rate_of(rate, t - 1) * direction
        path.append(params)
    return np.stack(path)


def rate_of(rate: Rate, finished: int) -> float:
    return float(rate(np.array(finished))) if callable(rate) else rate


def _sgd(t: int, g: Any, m: Any, v: Any) -> Any:
    del t
    return g, m, v


def _momentum(t: int, g: Any, m: Any, v: Any, momentum: float, nesterov: bool = False) -> Any:
    del t
    m = momentum * m + g
    return (momentum * m + g if nesterov else m), m, v


def _adam(t: int, g: Any, m: Any, v: Any, b1: float, b2: float, eps: float) -> Any:
    m, v = b1 * m + (1 - b1) * g, b2 * v + (1 - b2) * g**2
    return m / (1 - b1**t) / (np.sqrt(v / (1 - b2**t)) + eps), m, v


RULES: dict[str, Callable[..., Any]] = {"sgd": _sgd, "momentum": _momentum, "adam": _adam}
"""Rule -> ``(t, g, m, v, **options) -> direction, m, v``, from the papers, with t from 1."""
