"""The trust ratio: norm of the weights over norm of the step, per layer."""

import jax.numpy as jnp

from jaxnet.core.norms import norm
from jaxnet.core.types import Array
from jaxnet.optim.update_rule.rule import Number


def trust_ratio(w: Array, u: Array, *, coefficient: Number = 1.0, eps: Number = 0.0) -> Array:
    """Return ``c |w| / (|u| + eps)``, and 1 where ``|w|`` or ``|u|`` is 0.

    Weights of 0 could not leave 0 otherwise, and a step of 0 has no direction to scale.

    Args:
        w: the weights of a layer.
        u: their step, before the learning rate.
        coefficient: ``c``.
        eps: added to the length of the step.

    >>> float(trust_ratio(jnp.array([3.0, 4.0]), jnp.array([0.0, 2.0])))
    2.5
    """
    length, step = norm(w), norm(u)
    defined = (length > 0) & (step > 0)
    return jnp.where(defined, coefficient * length / jnp.where(defined, step + eps, 1), 1)
