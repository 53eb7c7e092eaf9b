"""Steps of one weight under given gradients, for rules worked by hand."""

from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp


def updates_of(optimizer: Any, gradients: Sequence[float], w: float = 0.0) -> list[float]:
    """Return the update of a weight at each step, which it follows from its start ``w``."""
    params = jnp.array([float(w)])
    state = optimizer.init(params)
    found = []
    for g in gradients:
        updates, state = optimizer.update(jnp.array([float(g)]), state, params)
        params = params + updates
        found.append(float(updates[0]))
    return found
