"""Activation functions, each beside its backward rule ``dz = (dy/dz)^T dy``.

Every rule takes the pre-activation ``z``, the output ``y`` and the gradient ``dy`` with respect
to the output, and returns ``dz``. For an entrywise function that is ``dy * f'(z)`` (lecture 001).
"""

from collections.abc import Callable
from typing import NamedTuple, TypeAlias

import jax
import jax.numpy as jnp
from jaxtyping import Float

from jaxnet.core.checks import check_choice
from jaxnet.core.types import Array

ActivationFunction: TypeAlias = Callable[[Array], Array]
BackwardRule: TypeAlias = Callable[[Array, Array, Array], Array]


def linear(z: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    """Return ``y = z``: no activation, the output of a regression (lecture 000)."""
    return z


def linear_backward(z: Array, y: Array, dy: Array) -> Array:
    """``dz = dy``."""
    del z, y
    return dy


def sigmoid(z: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    """Logistic sigmoid ``y = 1 / (1 + e^-z)``, in (0, 1); stable for any finite ``z``.

    Source: lecture 001.

    >>> sigmoid(jnp.array([-1e4, 0.0, 1e4])).tolist()
    [0.0, 0.5, 1.0]
    """
    return jax.nn.sigmoid(z)


def sigmoid_backward(z: Array, y: Array, dy: Array) -> Array:
    """``dz = dy y (1 - y)``."""
    del z
    return dy * y * (1 - y)


def tanh(z: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    """Hyperbolic tangent ``y = 2 sigmoid(2 z) - 1``, in (-1, 1). Source: lecture 001."""
    return jnp.tanh(z)


def tanh_backward(z: Array, y: Array, dy: Array) -> Array:
    """``dz = dy (1 - y^2)``."""
    del z
    return dy * (1 - y * y)


def relu(z: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    """Rectified linear unit ``y = max(z, 0)``, with the subgradient 0 at ``z = 0``.

    Source: lecture 001.

    >>> relu(jnp.array([-2.0, 0.0, 3.0])).tolist()
    [0.0, 0.0, 3.0]
    """
    return jax.nn.relu(z)


def relu_backward(z: Array, y: Array, dy: Array) -> Array:
    """``dz = dy`` where ``z > 0``, else 0."""
    del y
    return jnp.where(z > 0, dy, jnp.zeros_like(dy))


def softmax(z: Float[Array, "*batch classes"]) -> Float[Array, "*batch classes"]:
    """Softmax over the last axis, ``y_i = e^{z_i} / sum_j e^{z_j}``: a distribution.

    Its Jacobian is ``diag(y) - y y^T``. Stable: the largest score is subtracted first.
    Source: lectures 000 and 002.

    >>> softmax(jnp.array([3.2, 5.1, -1.7])).round(2).tolist()
    [0.12999999523162842, 0.8700000047683716, 0.0]
    """
    return jax.nn.softmax(z, axis=-1)


def softmax_backward(z: Array, y: Array, dy: Array) -> Array:
    """``dz = (diag(y) - y y^T) dy = y (dy - <y, dy>)``."""
    del z
    return y * (dy - jnp.sum(y * dy, axis=-1, keepdims=True))


class Activation(NamedTuple):
    """An activation function with its hand-derived backward rule.

    Attributes:
        function: ``z -> y``.
        backward: ``(z, y, dy) -> dz``.
    """

    function: ActivationFunction
    backward: BackwardRule


_PAIRS = {
    "linear": Activation(linear, linear_backward),
    "sigmoid": Activation(sigmoid, sigmoid_backward),
    "tanh": Activation(tanh, tanh_backward),
    "relu": Activation(relu, relu_backward),
    "softmax": Activation(softmax, softmax_backward),
}

ACTIVATIONS: dict[str, ActivationFunction] = {n: pair.function for n, pair in _PAIRS.items()}
"""Name -> function, for every activation of this module."""


def get_activation(name: str) -> Activation:
    """Return the function called ``name`` with its backward rule.

    Raises:
        ValueError: if there is no such activation; the known ones are listed.
    """
    return check_choice("get_activation", "name", name, _PAIRS)
