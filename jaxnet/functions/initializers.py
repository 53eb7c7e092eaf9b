"""Initializers: ``(key, shape, dtype) -> weights`` of shape ``(out, in)``.

The scaled ones are one function, `variance_scaling`, with different constants. Their normal
distributions are not truncated, as in the lectures and PyTorch; those of JAX, flax and Keras are.
"""

import math
from collections.abc import Callable
from typing import Any, Literal, TypeAlias

import jax
import jax.numpy as jnp

from jaxnet.core.checks import check_choice, check_range
from jaxnet.core.errors import invalid_value
from jaxnet.core.types import Array, Key, Shape

Initializer: TypeAlias = Callable[[Key, Shape, Any], Array]


def variance_scaling(
    scale: float,
    mode: Literal["fan_in", "fan_avg"],
    distribution: Literal["normal", "uniform"],
) -> Initializer:
    """Return an initializer with mean 0 and variance ``scale / fan``.

    ``fan`` is the number of inputs (``fan_in``) or ``(in + out) / 2`` (``fan_avg``) of weights of
    shape ``(out, in)``. The uniform distribution of that variance is on ``sqrt(3 scale / fan)``
    to either side of 0.

    Args:
        scale: factor of the variance, above 0.
        mode: which number of connections divides it.
        distribution: normal, not truncated, or uniform.

    Raises:
        ValueError: for an unknown mode or distribution, or a scale out of range.

    Source: He et al. 2015, section 2.2; Glorot and Bengio 2010, section 4.2.1.
    """
    check_range("variance_scaling", "scale", scale, low=0.0, low_open=True)
    for name, value, known in (
        ("mode", mode, ("fan_in", "fan_avg")),
        ("distribution", distribution, ("normal", "uniform")),
    ):
        check_choice("variance_scaling", name, value, dict.fromkeys(known))

    def initialize(key: Key, shape: Shape, dtype: Any) -> Array:
        if len(shape) != 2:
            remedy = "Scaled initializers need the number of inputs and outputs."
            raise invalid_value("initializer", "shape", "to be (out, in)", shape, remedy)
        fan_out, fan_in = shape
        fan = fan_in if mode == "fan_in" else (fan_in + fan_out) / 2
        std = jnp.asarray(math.sqrt(scale / max(fan, 1)), dtype)
        if distribution == "normal":
            return std * jax.random.normal(key, shape, dtype)
        bound = jnp.asarray(math.sqrt(3), dtype) * std
        return bound * jax.random.uniform(key, shape, dtype, -1, 1)

    return initialize


def he_normal(key: Key, shape: Shape, dtype: Any) -> Array:
    """``std = sqrt(2 / in)``: keeps the variance through ReLU layers (lecture 002, "he")."""
    return variance_scaling(2.0, "fan_in", "normal")(key, shape, dtype)


def he_uniform(key: Key, shape: Shape, dtype: Any) -> Array:
    """Draw uniformly from ``+-sqrt(6 / in)``: the variance of `he_normal`."""
    return variance_scaling(2.0, "fan_in", "uniform")(key, shape, dtype)


def xavier_normal(key: Key, shape: Shape, dtype: Any) -> Array:
    """``std = sqrt(2 / (in + out))``: for sigmoid and tanh layers (lecture 002, "xavier")."""
    return variance_scaling(1.0, "fan_avg", "normal")(key, shape, dtype)


def xavier_uniform(key: Key, shape: Shape, dtype: Any) -> Array:
    """Draw uniformly from ``+-sqrt(6 / (in + out))``: the variance of `xavier_normal`."""
    return variance_scaling(1.0, "fan_avg", "uniform")(key, shape, dtype)


def normal(key: Key, shape: Shape, dtype: Any) -> Array:
    """Draw from the standard normal distribution (lecture 002)."""
    return jax.random.normal(key, shape, dtype)


def uniform(key: Key, shape: Shape, dtype: Any) -> Array:
    """Draw uniformly from [-1, 1) (lecture 002)."""
    return jax.random.uniform(key, shape, dtype, -1, 1)


def zeros(key: Key, shape: Shape, dtype: Any) -> Array:
    """Return zeros: right for biases; weights of zero never break the symmetry of neurons."""
    del key
    return jnp.zeros(shape, dtype)


def ones(key: Key, shape: Shape, dtype: Any) -> Array:
    """Return ones (lecture 002)."""
    del key
    return jnp.ones(shape, dtype)


INITIALIZERS: dict[str, Initializer] = {
    "he_normal": he_normal,
    "he_uniform": he_uniform,
    "xavier_normal": xavier_normal,
    "xavier_uniform": xavier_uniform,
    "normal": normal,
    "uniform": uniform,
    "zeros": zeros,
    "ones": ones,
}
"""Name -> initializer."""
