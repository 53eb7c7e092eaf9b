"""Paths of parameters under an optimizer."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax


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
