"""Steps of an optimizer on an array of weights, in one loop."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import optax

from jaxnet.core.types import Array


def walk(
    optimizer: optax.GradientTransformation,
    slope: Callable[[Array, Any], Array],
    w: Array,
    inputs: Any = None,
    *,
    steps: int | None = None,
) -> Array:
    """Return the weights at the start and after each step, with gradients ``slope(w, input)``."""

    def step(carry: Any, given: Any) -> tuple[Any, Array]:
        w, state = carry
        change, state = optimizer.update(slope(w, given), state, w)
        return (w + change, state), w + change

    path = jax.lax.scan(step, (w, optimizer.init(w)), inputs, length=steps)[1]
    return jnp.concatenate([w[None], path])
