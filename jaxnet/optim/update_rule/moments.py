"""Moving averages of gradients and their squares, and bias correction."""

import math

import jax
import jax.numpy as jnp

from jaxnet.core.types import Array
from jaxnet.optim.update_rule.rule import Number


def moving_average(decay: Number, average: Array, value: Array) -> Array:
    """Return ``decay average + (1 - decay) value`` (lecture 004, "Momentum").

    >>> float(moving_average(0.75, jnp.array(4.0), jnp.array(8.0)))
    5.0
    """
    return decay * average + (1 - decay) * value


def bias_correction(decay: Number, t: Array, like: Array) -> Array:
    """Return ``1 - decay^t``, the share of a moving average that is not its start at 0.

    By `expm1`, to full relative precision. The direct form cancels: in float32 it is wrong by
    1.3e-5 of itself at the first step for a decay of 0.999.

    Args:
        decay: in [0, 1).
        t: the number of values averaged, 1 or more, an integer.
        like: an array that has the dtype to compute in.

    >>> float(bias_correction(0.5, jnp.int32(2), jnp.zeros(3)))
    0.75
    """
    return -jnp.expm1(t.astype(like.dtype) * log_decay(decay, like))


def log_decay(decay: Number, like: Array) -> Array:
    """Return ``ln(decay)`` in the dtype of ``like``, a Python number's rounded once.

    >>> float(log_decay(1.0, jnp.zeros(3))), float(log_decay(0.0, jnp.zeros(3)))
    (0.0, -inf)
    """
    if isinstance(decay, int | float):
        return jnp.asarray(math.log(decay) if decay > 0 else -math.inf, like.dtype)
    return jnp.log(jnp.asarray(decay, like.dtype))


@jax.custom_jvp
def square_root(square: Array) -> Array:
    """Return ``sqrt(square)``, whose derivative at 0 is taken as 0 in place of infinity.

    For `jax.grad` through a run: weights without a gradient have a moment of 0 at all settings.

    >>> jax.vmap(jax.grad(square_root))(jnp.array([4.0, 0.0])).tolist()
    [0.25, 0.0]
    """
    return jnp.sqrt(square)


@square_root.defjvp
def _square_root_jvp(primals: tuple[Array], tangents: tuple[Array]) -> tuple[Array, Array]:
    root = square_root(*primals)
    none = root == 0
    return root, jnp.where(none, 0, tangents[0] / jnp.where(none, 1, 2 * root))
