"""Rprop on ``w^2 / 2``, where its two factors are reciprocals of each other, and where not."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxnet.core.types import Array
from jaxnet.optim import rprop

TYPICAL, DOUBLES = (1.2, 0.5), (2.0, 0.5)
"""Factors of the step size: after equal signs, after a flip."""
RECIPROCAL = (DOUBLES, (1.5, 1 / 1.5), (1.2, 1 / 1.2))
PAIRS = (TYPICAL, *RECIPROCAL)
STARTS = np.linspace(0.01, 5, 500)
"""The first step size is 1."""
STEPS = 400


def walk(
    start: Any, grows: Any, shrinks: Any, *, steps: int = STEPS, variant: Any = "minus"
) -> Any:
    """Return the weight at the start and after each step."""
    optimizer = rprop(1.0, eta_plus=grows, eta_minus=shrinks, min_step_size=0.0, variant=variant)

    def step(carry: Any, _: None) -> tuple[Any, Array]:
        w, state = carry
        change, state = optimizer.update(w, state, w)  # the gradient is w
        return (w + change, state), w

    w = jnp.asarray(start)
    return jax.lax.scan(step, (w, optimizer.init(w)), length=steps + 1)[1]


def repeats(grows: float, shrinks: float, variant: Any = "minus", period: int = 4) -> float:
    """Return how far the weight is from where it was a period before, at most, from 1.5 on."""
    w = np.asarray(walk(1.5, grows, shrinks, variant=variant))
    return float(np.abs(w[period:] - w[:-period]).max())


def stuck(grows: Any, shrinks: Any) -> Any:
    """Return the share of the starts whose weight is not within 0.001 of 0 in the last 20 steps."""
    ends = walk(STARTS, grows, shrinks)[-20:]
    return jnp.mean(jnp.abs(ends).max(axis=0) > 1e-3)


def shares_stuck() -> tuple[np.ndarray, np.ndarray]:
    """Return products of the two factors, the larger being 1.2, and the shares that are stuck."""
    products = np.linspace(0.3, 1.14, 43)
    every = jax.jit(jax.vmap(lambda product: stuck(1.2, product / 1.2)))
    return products, np.asarray(every(jnp.asarray(products)))
