"""Smooth entrywise activations."""

import math

import jax.numpy as jnp
from jaxtyping import Float

from jaxnet.core import sigmoids
from jaxnet.core.checks import check_floating
from jaxnet.core.precision import at_least_float32
from jaxnet.core.types import Array


def sigmoid(z: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    """Logistic sigmoid ``y = 1 / (1 + e^-z)``, in (0, 1); stable for any finite ``z``.

    Source: lecture 001.

    >>> sigmoid(jnp.array([-1e4, 0.0, 1e4])).tolist()
    [0.0, 0.5, 1.0]
    """
    check_floating("z", z)
    return sigmoids.sigmoid(z)


def sigmoid_derivative(z: Array, y: Array) -> Array:
    """``f' = y (1 - y)``, computed from ``z``: a ``y`` that rounds to 1 has lost it."""
    del y
    return sigmoids.sigmoid_slope(z)


def tanh(z: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    """Hyperbolic tangent ``y = 2 sigmoid(2 z) - 1``, in (-1, 1). Source: lecture 001."""
    check_floating("z", z)
    return sigmoids.tanh(z)


def tanh_derivative(z: Array, y: Array) -> Array:
    """``f' = 1 - y^2 = 4 s (1 - s)`` with ``s = sigmoid(2 z)``, computed from ``z``."""
    del y
    return sigmoids.tanh_slope(z)


def softplus(z: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    """Softplus ``y = log(1 + e^z)``: a smooth `relu`, and the integral of `sigmoid`.

    Numerics: as ``max(z, 0) + log(1 + e^-|z|)``, whose exponential is never above 1.
    Source: Dugas et al. 2001.

    >>> [round(v, 4) for v in softplus(jnp.array([-1e4, 0.0, 1e4])).tolist()]
    [0.0, 0.6931, 10000.0]
    """
    check_floating("z", z)
    return sigmoids.softplus(z)


def softplus_derivative(z: Array, y: Array) -> Array:
    """``f' = sigmoid(z)``."""
    del y
    return sigmoid(z)


def silu(z: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    """Sigmoid linear unit, or swish: ``y = z sigmoid(z)``.

    Source: Elfwing et al. 2018, section 2; Ramachandran et al. 2017.

    >>> [round(v, 4) for v in silu(jnp.array([-1e4, 0.0, 1.0])).tolist()]
    [-0.0, 0.0, 0.7311]
    """
    check_floating("z", z)
    wide = z.astype(at_least_float32(z.dtype))
    return (wide * sigmoids.sigmoid(wide)).astype(z.dtype)


def silu_derivative(z: Array, y: Array) -> Array:
    """``f' = s + z s (1 - s)`` with ``s = sigmoid(z)``."""
    del y
    wide = z.astype(at_least_float32(z.dtype))
    slope = sigmoids.sigmoid(wide) + wide * sigmoids.sigmoid_slope(wide)
    return slope.astype(z.dtype)


def gelu(z: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    """Gaussian error linear unit: ``y = z Phi(z)``, ``Phi`` the normal distribution function.

    The exact form, ``Phi(z) = erfc(-z / sqrt(2)) / 2``; `gelu_tanh` is its approximation.
    Numerics: ``erfc``, as ``1 + erf`` would cancel to the left. Source: Hendrycks and Gimpel
    2016, section 2.

    >>> [round(v, 4) for v in gelu(jnp.array([-1e4, 0.0, 1.0])).tolist()]
    [-0.0, 0.0, 0.8413]
    """
    check_floating("z", z)
    return z * sigmoids.normal_distribution(z)


def gelu_derivative(z: Array, y: Array) -> Array:
    """``f' = Phi(z) + z phi(z)`` with the normal density ``phi(z) = e^{-z^2 / 2} / sqrt(2 pi)``."""
    del y
    return sigmoids.normal_distribution(z) + z * sigmoids.normal_density(z)


def gelu_tanh(z: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    """Approximate `gelu`: ``y = z / 2 (1 + tanh u)``, ``u = sqrt(2 / pi) (z + 0.044715 z^3)``.

    At most 0.0005 from `gelu`. Numerics: as ``z sigmoid(2 u)``, which does not cancel to the
    left, and with ``z`` clipped to +-30 within ``u``: there the sigmoid is 0 or 1 in any
    precision, and ``z^3`` cannot grow infinite, which would turn the gradient into NaN.
    Source: Hendrycks and Gimpel 2016, section 2.

    >>> [round(v, 4) for v in gelu_tanh(jnp.array([-1e4, 0.0, 1.0])).tolist()]
    [-0.0, 0.0, 0.8412]
    """
    check_floating("z", z)
    clipped = _clip(z)
    return z * sigmoid(_GELU_SLOPE * (clipped + _GELU_CUBIC * clipped**3))


def gelu_tanh_derivative(z: Array, y: Array) -> Array:
    """``f' = s + z s (1 - s) 2 u'``, ``s = sigmoid(2 u)``, ``u`` that of `gelu_tanh`.

    ``u' = sqrt(2 / pi) (1 + 3 * 0.044715 z^2)``.
    """
    del y
    clipped = _clip(z)
    twice = _GELU_SLOPE * (clipped + _GELU_CUBIC * clipped**3)
    slope = _GELU_SLOPE * (1 + 3 * _GELU_CUBIC * clipped**2)
    return sigmoid(twice) + z * sigmoids.sigmoid_slope(twice) * slope


_GELU_SLOPE = 2 * math.sqrt(2 / math.pi)
_GELU_CUBIC = 0.044715


def _clip(z: Array) -> Array:
    return jnp.clip(z, -30, 30)
