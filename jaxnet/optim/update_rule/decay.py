"""Weight decay, coupled (part of the gradient) and decoupled (a separate step)."""

from jaxnet.core.types import Array
from jaxnet.optim.update_rule.rule import StepContext


def coupled(at: StepContext, g: Array, w: Array | None) -> Array:
    """Return ``g + lambda w``, the gradient of the risk with the penalty ``lambda/2 |w|^2``.

    The rule then averages and scales the decay as it does the gradient.

    >>> import jax.numpy as jnp
    >>> at = StepContext(jnp.int32(1), jnp.array(0.5), 0.25)
    >>> coupled(at, jnp.array([1.0]), jnp.array([8.0])).tolist()
    [3.0]
    """
    return g if w is None or _is_zero(at) else g + at.decay * w


def decoupled(at: StepContext, change: Array, w: Array | None) -> Array:
    """Return ``change - eta lambda w``, which shrinks weights independently of the gradient.

    >>> import jax.numpy as jnp
    >>> at = StepContext(jnp.int32(1), jnp.array(0.5), 0.25)
    >>> decoupled(at, jnp.array([-1.0]), jnp.array([8.0])).tolist()
    [-2.0]
    """
    return change if w is None or _is_zero(at) else change - at.rate * at.decay * w


def _is_zero(at: StepContext) -> bool:
    """Return whether this leaf is not decayed, which `from_rule` marks by the number 0.0."""
    return isinstance(at.decay, int | float) and at.decay == 0
