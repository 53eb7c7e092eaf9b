"""Products of a function's Hessian with vectors, without forming the Hessian."""

from collections.abc import Callable
from typing import Any

import jax

from jaxnet.core.types import Array


def hessian_product(function: Callable[[Any], Array], x: Any) -> Callable[[Any], Any]:
    """Return ``v -> H v`` with the Hessian ``H`` of a scalar function at ``x``.

    ``H v`` is the derivative of the gradient along ``v``: forward over reverse mode. What does not
    depend on ``v`` is computed once and kept, so that each product costs about two gradients.

    Args:
        function: of a pytree, scalar.
        x: where; ``v`` and ``H v`` are trees like it.

    Source: Pearlmutter 1994.

    >>> import jax.numpy as jnp
    >>> product = hessian_product(lambda x: x[0] ** 2 + 3 * x[0] * x[1], jnp.array([1.0, 1.0]))
    >>> product(jnp.array([1.0, 2.0])).tolist()
    [8.0, 3.0]
    """
    _, push = jax.linearize(jax.grad(function), x)
    return push
