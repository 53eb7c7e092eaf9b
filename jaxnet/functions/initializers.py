"""Initializers: ``(key, shape, dtype, *, options) -> weights`` of shape ``(out, in)``.

The scaled ones are one function, `variance_scaling`, with different constants. ``*_normal`` is
not truncated, as in the lectures and PyTorch; ``*_truncated_normal`` is what JAX, flax and Keras
call normal. Options are bound by `functools.partial`: ``partial(normal, std=0.01)``.

Numerics: narrower dtypes than float32 are drawn in float32 and rounded. Drawn directly, a million
bfloat16 "normal" numbers have 128 different values from -2.9 to 2.5 and the mean -0.012.
"""

import math
from collections.abc import Callable
from typing import Any, Literal, TypeAlias

import jax
import jax.numpy as jnp

from jaxnet.core.checks import check_choice, checked, ranges_by_name, require, require_type
from jaxnet.core.precision import at_least_float32
from jaxnet.core.types import Array, Key, Shape

Initializer: TypeAlias = Callable[..., Array]
"""``(key, shape, dtype) -> weights``."""

Fans: TypeAlias = tuple[int | Array, int | Array] | None
"""``(out, in)`` to scale by in place of the weights' own shape; may be traced."""

# Standard deviation of a standard normal variable that is redrawn until it is within +-2:
# sqrt(1 - 4 phi(2) / (2 Phi(2) - 1)).
_TRUNCATED_STD = 0.87962566103423978


RANGES = ranges_by_name({"(0, inf)": "bound gain scale std", "(-inf, inf)": "value"})


@checked(RANGES)
def variance_scaling(
    scale: float | Array,
    mode: Literal["fan_in", "fan_out", "fan_avg"],
    distribution: Literal["normal", "truncated_normal", "uniform"],
) -> Initializer:
    """Return an initializer with mean 0 and variance ``scale / fan``.

    ``fan`` is, for weights of shape ``(out, in)``, the number of inputs (``fan_in``), of outputs
    (``fan_out``) or ``(in + out) / 2`` (``fan_avg``). The uniform distribution of that variance
    is on ``sqrt(3 scale / fan)`` to either side of 0.

    Args:
        scale: factor of the variance, above 0.
        mode: which number of connections divides it.
        distribution: `normal`, `truncated_normal` or uniform, of exactly that variance.

    Returns:
        ``(key, shape, dtype, *, fans=None) -> weights``; ``fans=(out, in)`` are numbers of
        connections to go by in place of the shape: those of a network within the network.

    Raises:
        ValueError: for an unknown mode or distribution, or a scale out of range; the initializer
            raises it for a shape that is not ``(out, in)``.

    Source: lecture 002; He et al. 2015, section 2.2; Glorot and Bengio 2010, section 4.2.1.

    >>> weights = variance_scaling(1.0, "fan_out", "normal")(jax.random.key(0), (3, 5), float)
    >>> weights.shape
    (3, 5)
    """
    count_in, count_out = check_choice("mode", mode, _FANS)
    draw = check_choice("distribution", distribution, _UNIT_VARIANCE)

    def initialize(key: Key, shape: Shape, dtype: Any, *, fans: Fans = None) -> Array:
        _check_matrix(shape)
        fan_out, fan_in = shape if fans is None else map(_as_factor, fans)
        std = (scale / (count_in * fan_in + count_out * fan_out)) ** 0.5
        return _scaled(draw, std, key, shape, dtype)

    return initialize


def he_normal(key: Key, shape: Shape, dtype: Any, *, fans: Fans = None) -> Array:
    """``std = sqrt(2 / in)``: keeps the variance through ReLU layers (lecture 002, "he")."""
    return variance_scaling(2.0, "fan_in", "normal")(key, shape, dtype, fans=fans)


def he_truncated_normal(key: Key, shape: Shape, dtype: Any, *, fans: Fans = None) -> Array:
    """``std = sqrt(2 / in)``, truncated: what JAX and Keras call he_normal."""
    return variance_scaling(2.0, "fan_in", "truncated_normal")(key, shape, dtype, fans=fans)


def he_uniform(key: Key, shape: Shape, dtype: Any, *, fans: Fans = None) -> Array:
    """Draw uniformly from ``+-sqrt(6 / in)``: the variance of `he_normal`."""
    return variance_scaling(2.0, "fan_in", "uniform")(key, shape, dtype, fans=fans)


def xavier_normal(key: Key, shape: Shape, dtype: Any, *, fans: Fans = None) -> Array:
    """``std = sqrt(2 / (in + out))``: for sigmoid and tanh layers (lecture 002, "xavier")."""
    return variance_scaling(1.0, "fan_avg", "normal")(key, shape, dtype, fans=fans)


def xavier_truncated_normal(key: Key, shape: Shape, dtype: Any, *, fans: Fans = None) -> Array:
    """``std = sqrt(2 / (in + out))``, truncated: what JAX and Keras call glorot_normal."""
    return variance_scaling(1.0, "fan_avg", "truncated_normal")(key, shape, dtype, fans=fans)


def xavier_uniform(key: Key, shape: Shape, dtype: Any, *, fans: Fans = None) -> Array:
    """Draw uniformly from ``+-sqrt(6 / (in + out))``: the variance of `xavier_normal`."""
    return variance_scaling(1.0, "fan_avg", "uniform")(key, shape, dtype, fans=fans)


def lecun_normal(key: Key, shape: Shape, dtype: Any, *, fans: Fans = None) -> Array:
    """``std = sqrt(1 / in)``: keeps the variance of inputs; what `selu` needs.

    Source: LeCun et al. 1998, section 4.6; Klambauer et al. 2017, section 2.
    """
    return variance_scaling(1.0, "fan_in", "normal")(key, shape, dtype, fans=fans)


def lecun_truncated_normal(key: Key, shape: Shape, dtype: Any, *, fans: Fans = None) -> Array:
    """``std = sqrt(1 / in)``, truncated: what JAX and Keras call lecun_normal."""
    return variance_scaling(1.0, "fan_in", "truncated_normal")(key, shape, dtype, fans=fans)


def lecun_uniform(key: Key, shape: Shape, dtype: Any, *, fans: Fans = None) -> Array:
    """Draw uniformly from ``+-sqrt(3 / in)``: the variance of `lecun_normal`."""
    return variance_scaling(1.0, "fan_in", "uniform")(key, shape, dtype, fans=fans)


@checked(RANGES)
def normal(key: Key, shape: Shape, dtype: Any, *, std: float | Array = 1.0) -> Array:
    """Draw from the normal distribution with mean 0, ``w ~ N(0, std^2)``.

    Args:
        key: of the draw.
        shape: any.
        dtype: of the weights, floating-point.
        std: standard deviation, above 0.

    Raises:
        ValueError: if std is out of range.

    Source: lecture 002.

    >>> normal(jax.random.key(0), (3, 5), float, std=0.01).shape
    (3, 5)
    """
    return _scaled(_unit_normal, std, key, shape, dtype)


@checked(RANGES)
def truncated_normal(key: Key, shape: Shape, dtype: Any, *, std: float | Array = 1.0) -> Array:
    """Draw from the truncated normal distribution with mean 0.

    A normal variable is redrawn until it is within two of its standard deviations, which leaves
    0.8796 of them; ``std`` is what is left. So the largest weight is
    ``bound = 2 std / 0.8796 = 2.274 std``.

    Args:
        key: of the draw.
        shape: any.
        dtype: of the weights, floating-point.
        std: standard deviation after the truncation, above 0.

    Raises:
        ValueError: if std is out of range.

    >>> weights = truncated_normal(jax.random.key(0), (3, 5), float, std=0.1)
    >>> bool(abs(weights).max() < 0.2274)
    True
    """
    return _scaled(_unit_truncated_normal, std, key, shape, dtype)


@checked(RANGES)
def uniform(key: Key, shape: Shape, dtype: Any, *, bound: float | Array = 1.0) -> Array:
    """Draw uniformly from ``[-bound, bound]``; the variance is ``bound^2 / 3``.

    Args:
        key: of the draw.
        shape: any.
        dtype: of the weights, floating-point.
        bound: the largest weight, above 0.

    Raises:
        ValueError: if the bound is out of range.

    Source: lecture 002.

    >>> weights = uniform(jax.random.key(0), (3, 5), float, bound=0.1)
    >>> bool(abs(weights).max() < 0.1)
    True
    """
    return _scaled(_plus_minus_one, bound, key, shape, dtype)


@checked(RANGES)
def orthogonal(key: Key, shape: Shape, dtype: Any, *, gain: float | Array = 1.0) -> Array:
    """Draw an orthogonal matrix, uniformly (Haar distribution).

    ``w w^T = gain^2 I`` if ``out <= in``, so that gradients keep their length but for ``gain``;
    else ``w^T w = gain^2 I``, and inputs keep theirs. It is the ``Q`` of a normal matrix's
    ``Q R``, each column with the sign that makes the diagonal of ``R`` positive: without that the
    signs would be the algorithm's, not chance.

    Args:
        key: of the draw.
        shape: ``(out, in)``.
        dtype: of the weights, floating-point.
        gain: factor of the orthogonal matrix, above 0; sqrt(2) suits ReLU layers.

    Raises:
        ValueError: if the shape is not ``(out, in)`` or the gain out of range.

    Source: Saxe et al. 2014; Mezzadri 2007 for the signs.

    >>> w = orthogonal(jax.random.key(0), (2, 5), float, gain=3.0)
    >>> abs(w @ w.T).round(4).tolist()
    [[9.0, 0.0], [0.0, 9.0]]
    """
    _check_matrix(shape)
    return _scaled(_unit_orthogonal, gain, key, shape, dtype)


@checked(RANGES)
def constant(key: Key, shape: Shape, dtype: Any, *, value: float | Array = 0.0) -> Array:
    """Return ``w = value`` everywhere: for biases; equal neurons would never become different.

    Args:
        key: is not used.
        shape: any.
        dtype: of the weights, floating-point.
        value: any finite number.

    Raises:
        ValueError: if the value is not finite.

    >>> constant(jax.random.key(0), (2,), float, value=0.5).tolist()
    [0.5, 0.5]
    """
    del key
    _check_drawn(shape, dtype)
    return jnp.full(shape, jnp.asarray(value, dtype))


def zeros(key: Key, shape: Shape, dtype: Any) -> Array:
    """Return zeros, ``w = 0``: right for biases; weights of zero leave all neurons the same."""
    return constant(key, shape, dtype, value=0.0)


def ones(key: Key, shape: Shape, dtype: Any) -> Array:
    """Return ones, ``w = 1`` (lecture 002)."""
    return constant(key, shape, dtype, value=1.0)


def _scaled(draw: Initializer, factor: float | Array, key: Key, shape: Shape, dtype: Any) -> Array:
    _check_drawn(shape, dtype)
    wide = at_least_float32(dtype)
    return (jnp.asarray(factor, wide) * draw(key, shape, wide)).astype(dtype)


def _as_factor(number: int | Array) -> float | Array:
    return jnp.asarray(number, float) if hasattr(number, "dtype") else float(number)


def _unit_normal(key: Key, shape: Shape, dtype: Any) -> Array:
    return jax.random.normal(key, shape, dtype)


def _unit_truncated_normal(key: Key, shape: Shape, dtype: Any) -> Array:
    return jax.random.truncated_normal(key, -2, 2, shape, dtype) / _TRUNCATED_STD


def _plus_minus_one(key: Key, shape: Shape, dtype: Any) -> Array:
    return jax.random.uniform(key, shape, dtype, -1, 1)


def _unit_uniform(key: Key, shape: Shape, dtype: Any) -> Array:
    return math.sqrt(3) * _plus_minus_one(key, shape, dtype)


def _unit_orthogonal(key: Key, shape: Shape, dtype: Any) -> Array:
    tall = jax.random.normal(key, (max(shape), min(shape)), dtype)
    q, r = jnp.linalg.qr(tall)
    q = jnp.where(jnp.diagonal(r)[None, :] < 0, -q, q)
    return q if shape[0] >= shape[1] else q.T


def _check_drawn(shape: Shape, dtype: Any) -> None:
    require_type(jnp.issubdtype(dtype, jnp.floating), "dtype", "to be floating-point", dtype)
    require(min(shape, default=0) >= 0, "shape", "to have no negative size", shape)


def _check_matrix(shape: Shape) -> None:
    good = len(shape) == 2 and min(shape) > 0
    require(good, "shape", "to be (out, in), each 1 or more", shape)


_FANS = {"fan_in": (1.0, 0.0), "fan_out": (0.0, 1.0), "fan_avg": (0.5, 0.5)}
"""Mode -> how much inputs and outputs count."""

_UNIT_VARIANCE: dict[str, Initializer] = {
    "normal": _unit_normal,
    "truncated_normal": _unit_truncated_normal,
    "uniform": _unit_uniform,
}

INITIALIZERS: dict[str, Initializer] = {
    "he": he_normal,
    "xavier": xavier_normal,
    "he_normal": he_normal,
    "he_truncated_normal": he_truncated_normal,
    "he_uniform": he_uniform,
    "xavier_normal": xavier_normal,
    "xavier_truncated_normal": xavier_truncated_normal,
    "xavier_uniform": xavier_uniform,
    "lecun_normal": lecun_normal,
    "lecun_truncated_normal": lecun_truncated_normal,
    "lecun_uniform": lecun_uniform,
    "normal": normal,
    "truncated_normal": truncated_normal,
    "uniform": uniform,
    "orthogonal": orthogonal,
    "constant": constant,
    "zeros": zeros,
    "ones": ones,
}
"""Name -> initializer; "he" and "xavier" are lecture 002's names of the normal ones."""


__all__ = [
    "INITIALIZERS",
    "Fans",
    "Initializer",
    "constant",
    "he_normal",
    "he_truncated_normal",
    "he_uniform",
    "lecun_normal",
    "lecun_truncated_normal",
    "lecun_uniform",
    "normal",
    "ones",
    "orthogonal",
    "truncated_normal",
    "uniform",
    "variance_scaling",
    "xavier_normal",
    "xavier_truncated_normal",
    "xavier_uniform",
    "zeros",
]

__dir__ = __all__.copy  # dir() shows these names alone
