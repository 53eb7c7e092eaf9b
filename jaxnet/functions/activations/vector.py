"""Vector activations: each output depends on all entries of the last axis."""

import jax.numpy as jnp
from jaxtyping import Float

from jaxnet.core import classes
from jaxnet.core.checks import check_floating, require
from jaxnet.core.precision import at_least_float32
from jaxnet.core.types import Array


def softmax(z: Float[Array, "*batch classes"]) -> Float[Array, "*batch classes"]:
    """Softmax over the last axis, ``y_i = e^{z_i} / sum_j e^{z_j}``: a distribution.

    Its Jacobian is ``diag(y) - y y^T``. Stable: the largest score is subtracted first.
    Source: lectures 000 and 002.

    >>> [round(v, 2) for v in softmax(jnp.array([3.2, 5.1, -1.7])).tolist()]
    [0.13, 0.87, 0.0]
    """
    _check_scores(z)
    return classes.softmax(_wide(z)).astype(z.dtype)


def softmax_backward(z: Array, y: Array, dy: Array) -> Array:
    """``dz = (diag(y) - y y^T) dy = y (dy - <y, dy>)``."""
    del z
    return classes.softmax_product(_wide(y), _wide(dy)).astype(y.dtype)


def log_softmax(z: Float[Array, "*batch classes"]) -> Float[Array, "*batch classes"]:
    """Logarithm of `softmax` over the last axis, ``y_i = z_i - log sum_j e^{z_j}``.

    Its Jacobian is ``I - 1 s^T`` with ``s = softmax(z) = e^y``. Stable: the largest score is
    subtracted first, and no probability is rounded to 0 before its logarithm.
    Source: lecture 002.

    >>> [round(v, 2) for v in log_softmax(jnp.array([3.2, 5.1, -1.7])).tolist()]
    [-2.04, -0.14, -6.94]
    """
    _check_scores(z)
    return classes.log_softmax(_wide(z)).astype(z.dtype)


def log_softmax_backward(z: Array, y: Array, dy: Array) -> Array:
    """``dz = (I - 1 s^T)^T dy = dy - s sum(dy)`` with ``s = softmax(z)``."""
    del y
    s, dy = classes.softmax(_wide(z)), _wide(dy)
    return classes.balanced(s, dy - s * jnp.sum(dy, axis=-1, keepdims=True)).astype(z.dtype)


def _wide(values: Array) -> Array:
    return values.astype(at_least_float32(values.dtype))


def _check_scores(z: Array) -> None:
    check_floating("z", z)
    require(jnp.ndim(z), "z", "to have an axis of classes", "shape ()")
