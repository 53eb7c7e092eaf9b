"""Sigmoid, tanh, softplus and the normal distribution, whose derivatives keep their tails.

Autodiff computes ``y (1 - y)`` or ``1 - y^2``, which is 0 as soon as ``y`` rounds to 1. Each
function here has a custom derivative (`jax.custom_jvp`) without cancellation: right to
4 units in the last place, wherever that is a normal number. Derivatives of all orders follow.
"""

import math

import jax
import jax.numpy as jnp

from jaxnet.core.precision import at_least_float32
from jaxnet.core.types import Array


@jax.custom_jvp
def sigmoid(z: Array) -> Array:
    """Logistic sigmoid ``1 / (1 + e^-z)``."""
    return jax.nn.sigmoid(z)


@jax.custom_jvp
def sigmoid_slope(z: Array) -> Array:
    """Derivative of `sigmoid`, ``s (1 - s) = e / (1 + e)^2`` with ``e = exp(-|z|)``."""
    e = jnp.exp(-jnp.abs(z))
    return e / jnp.square(1 + e)


@jax.custom_jvp
def tanh(z: Array) -> Array:
    """Hyperbolic tangent."""
    return jnp.tanh(z)


def tanh_slope(z: Array) -> Array:
    """Derivative of `tanh`, ``1 - tanh(z)^2 = 4 s (1 - s)`` with ``s = sigmoid(2 z)``."""
    return 4 * sigmoid_slope(2 * z)


@jax.custom_jvp
def softplus(z: Array) -> Array:
    """``log(1 + e^z)``, the integral of `sigmoid`."""
    return jax.nn.softplus(z)


@jax.custom_jvp
def normal_distribution(z: Array) -> Array:
    """Distribution function of the standard normal: ``erfc``, as ``1 + erf`` would cancel."""
    return 0.5 * jax.lax.erfc(-math.sqrt(0.5) * z)


@jax.custom_jvp
def normal_density(z: Array) -> Array:
    """Density of the standard normal, ``e^{-z^2 / 2} / sqrt(2 pi)``.

    The square of half the digits is exact; that of all would be rounded by up to ``z^2 / 4``
    units in the last place of the result.
    """
    # beyond 50 it is 0 in any precision, and here is no overflow
    wide = jnp.clip(z.astype(at_least_float32(z.dtype)), -50, 50)
    limits = jnp.finfo(wide.dtype)
    half = jax.lax.reduce_precision(wide, limits.nexp, (limits.nmant - 1) // 2)
    y = jnp.exp(-half * half / 2)
    # expm1: of two exponentials that are multiplied XLA would make one
    y += y * jnp.expm1((half - wide) * (half + wide) / 2)
    return (y / math.sqrt(2 * math.pi)).astype(z.dtype)


sigmoid.defjvps(lambda dz, _, z: dz * sigmoid_slope(z))
sigmoid_slope.defjvps(lambda dz, y, z: dz * -tanh(z / 2) * y)
tanh.defjvps(lambda dz, _, z: dz * tanh_slope(z))
softplus.defjvps(lambda dz, _, z: dz * sigmoid(z))
normal_distribution.defjvps(lambda dz, _, z: dz * normal_density(z))
normal_density.defjvps(lambda dz, y, z: dz * -z * y)
