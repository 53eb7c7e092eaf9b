"""Vector activations: each output depends on all entries of the last axis."""

import jax
import jax.numpy as jnp
from jaxtyping import Float

from jaxnet.core.checks import check_floating
from jaxnet.core.errors import invalid_value
from jaxnet.core.types import Array


def softmax(z: Float[Array, "*batch classes"]) -> Float[Array, "*batch classes"]:
    """Softmax over the last axis, ``y_i = e^{z_i} / sum_j e^{z_j}``: a distribution.

    Its Jacobian is ``diag(y) - y y^T``. Stable: the largest score is subtracted first.
    Source: lectures 000 and 002.

    >>> [round(v, 2) for v in softmax(jnp.array([3.2, 5.1, -1.7])).tolist()]
    [0.13, 0.87, 0.0]
    """
    _check_scores("softmax", z)
    return jax.nn.softmax(z, axis=-1)


def softmax_backward(z: Array, y: Array, dy: Array) -> Array:
    """``dz = (diag(y) - y y^T) dy = y (dy - <y, dy>)``."""
    del z
    return y * (dy - jnp.sum(y * dy, axis=-1, keepdims=True))


def log_softmax(z: Float[Array, "*batch classes"]) -> Float[Array, "*batch classes"]:
    """Logarithm of `softmax` over the last axis, ``y_i = z_i - log sum_j e^{z_j}``.

    Its Jacobian is ``I - 1 s^T`` with ``s = softmax(z) = e^y``. Stable: the largest score is
    subtracted first, and no probability is rounded to 0 before its logarithm.
    Source: lecture 002.

    >>> [round(v, 2) for v in log_softmax(jnp.array([3.2, 5.1, -1.7])).tolist()]
    [-2.04, -0.14, -6.94]
    """
    _check_scores("log_softmax", z)
    return jax.nn.log_softmax(z, axis=-1)


def log_softmax_backward(z: Array, y: Array, dy: Array) -> Array:
    """``dz = (I - 1 s^T)^T dy = dy - s sum(dy)`` with ``s = e^y``."""
    del z
    return dy - jnp.exp(y) * jnp.sum(dy, axis=-1, keepdims=True)


def _check_scores(function: str, z: Array) -> None:
    check_floating(function, "z", z)
    if jnp.ndim(z) == 0:
        remedy = "Pass the scores of all classes; one alone has the probability 1."
        raise invalid_value(function, "z", "to have an axis of classes", "shape ()", remedy)
