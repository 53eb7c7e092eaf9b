"""Losses of regression: functions of the error ``e = y - v`` of each entry, summed over entries.

All take targets ``v`` of the outputs' shape, or without the last axis where that has one entry;
integers are converted. Their gradients are entry by entry.
"""

import math

import jax
import jax.numpy as jnp
from jaxtyping import Float, Num

from jaxnet.core.checks import check_range
from jaxnet.core.masks import maskable
from jaxnet.core.sigmoids import tanh
from jaxnet.core.types import AnyArray, Array
from jaxnet.functions.losses.targets import entrywise_targets


@maskable
def absolute_error(
    outputs: Float[Array, "*batch entries"], targets: Num[AnyArray, "..."]
) -> Float[Array, "*batch"]:
    """Sum of the absolute errors, ``L = sum_i |e_i|``: L1, robust against outliers.

    By hand: ``dy = sign(e)``, with the subgradient 0 at ``e = 0``.

    Args:
        outputs: predictions ``y``, shape ``(..., entries)``.
        targets: true values ``v``, shape ``(..., entries)``, or ``(...)`` beside one entry.

    Returns:
        One loss an example, shape ``(...)``: summed over the entries, not averaged.

    Raises:
        TypeError: if outputs are not floating-point, or targets neither that nor integer.
        ValueError: for another shape, or targets that are known not to be finite.

    Source: lecture 003, "L1 Loss".

    >>> absolute_error(jnp.array([[1.0, -2.0]]), jnp.array([[0.0, 0.0]])).tolist()
    [3.0]
    """
    e = _errors(outputs, targets)
    return jnp.sum(_size(e), axis=-1)


@maskable
def absolute_error_backward(outputs: Array, targets: AnyArray) -> Array:
    """``dy = sign(e)``, 0 at ``e = 0``."""
    return jnp.sign(_errors(outputs, targets))


@maskable
def squared_error(
    outputs: Float[Array, "*batch entries"], targets: Num[AnyArray, "..."]
) -> Float[Array, "*batch"]:
    """Squared Euclidean distance, ``L = ||e||^2 = sum_i e_i^2``, without 1/2.

    Its mean over examples is what the lectures call MSE; see `mean_squared_error` for the one of
    PyTorch and Keras. By hand: ``dy = 2 e``.

    Args:
        outputs: predictions ``y``, shape ``(..., entries)``.
        targets: true values ``v``, shape ``(..., entries)``, or ``(...)`` beside one entry.

    Returns:
        One loss an example, shape ``(...)``: summed over the entries, not averaged.

    Raises:
        TypeError: if outputs are not floating-point, or targets neither that nor integer.
        ValueError: for another shape, or targets that are known not to be finite.

    Source: lecture 003, "L2 Loss"; lecture 001.

    >>> squared_error(jnp.array([[1.0, -2.0]]), jnp.array([[0.0, 0.0]])).tolist()
    [5.0]
    """
    return jnp.sum(jnp.square(_errors(outputs, targets)), axis=-1)


@maskable
def squared_error_backward(outputs: Array, targets: AnyArray) -> Array:
    """``dy = 2 e``."""
    return 2 * _errors(outputs, targets)


@maskable
def half_squared_error(
    outputs: Float[Array, "*batch entries"], targets: Num[AnyArray, "..."]
) -> Float[Array, "*batch"]:
    """Half the squared Euclidean distance, ``L = 1/2 sum_i e_i^2``.

    By hand: ``dy = e``, the error itself, which is what the 1/2 is for.

    Args:
        outputs: predictions ``y``, shape ``(..., entries)``.
        targets: true values ``v``, shape ``(..., entries)``, or ``(...)`` beside one entry.

    Returns:
        One loss an example, shape ``(...)``: summed over the entries, not averaged.

    Raises:
        TypeError: if outputs are not floating-point, or targets neither that nor integer.
        ValueError: for another shape, or targets that are known not to be finite.

    Source: lecture 003, whose slide forgets the square.

    >>> half_squared_error(jnp.array([[1.0, -2.0]]), jnp.array([[0.0, 0.0]])).tolist()
    [2.5]
    """
    return jnp.sum(jnp.square(_errors(outputs, targets)), axis=-1) / 2


@maskable
def half_squared_error_backward(outputs: Array, targets: AnyArray) -> Array:
    """``dy = e``."""
    return _errors(outputs, targets)


@maskable
def mean_squared_error(
    outputs: Float[Array, "*batch entries"], targets: Num[AnyArray, "..."]
) -> Float[Array, "*batch"]:
    """Mean of the squared errors over the entries, ``L = (1/K) sum_i e_i^2`` of ``K`` entries.

    Its mean over examples is the MSE of PyTorch and Keras. The lectures' MSE is the mean over
    examples of `squared_error`, ``K`` times as much. By hand: ``dy = 2 e / K``.

    Args:
        outputs: predictions ``y``, shape ``(..., entries)``.
        targets: true values ``v``, shape ``(..., entries)``, or ``(...)`` beside one entry.

    Returns:
        One loss an example, shape ``(...)``: averaged over the entries, not over examples.

    Raises:
        TypeError: if outputs are not floating-point, or targets neither that nor integer.
        ValueError: for another shape, or targets that are known not to be finite.

    Source: lecture 001, but for the factor.

    >>> mean_squared_error(jnp.array([[1.0, -2.0]]), jnp.array([[0.0, 0.0]])).tolist()
    [2.5]
    """
    return jnp.mean(jnp.square(_errors(outputs, targets)), axis=-1)


@maskable
def mean_squared_error_backward(outputs: Array, targets: AnyArray) -> Array:
    """``dy = 2 e / K`` with ``K`` entries an example."""
    return 2 * _errors(outputs, targets) / outputs.shape[-1]


@maskable
def minkowski_error(
    outputs: Float[Array, "*batch entries"],
    targets: Num[AnyArray, "..."],
    *,
    exponent: float | Array = 1.5,
) -> Float[Array, "*batch"]:
    """Sum of a power of the absolute errors, ``L = sum_i |e_i|^p``: robust for ``1 <= p < 2``.

    By hand: ``dy = p |e|^(p-1) sign(e)``, 0 at ``e = 0``.

    Args:
        outputs: predictions ``y``, shape ``(..., entries)``.
        targets: true values ``v``, shape ``(..., entries)``, or ``(...)`` beside one entry.
        exponent: ``p``, 1 or more: 1 is `absolute_error`, 2 is `squared_error`.

    Returns:
        One loss an example, shape ``(...)``: summed over the entries, not averaged; no root.

    Raises:
        TypeError: if outputs are not floating-point, or targets neither that nor integer.
        ValueError: for another shape, an exponent below 1, or targets known not to be finite.

    Source: lecture 004, outliers.

    >>> minkowski_error(jnp.array([[4.0, -1.0]]), jnp.array([[0.0, 0.0]])).tolist()
    [9.0]
    """
    e = _errors(outputs, targets)
    check_range("exponent", exponent, low=1.0)
    return jnp.sum(_size(e) ** jnp.asarray(exponent, e.dtype), axis=-1)


@maskable
def minkowski_error_backward(
    outputs: Array, targets: AnyArray, *, exponent: float | Array = 1.5
) -> Array:
    """``dy = p |e|^(p-1) sign(e)``, 0 at ``e = 0``."""
    e = _errors(outputs, targets)
    check_range("exponent", exponent, low=1.0)
    p = jnp.asarray(exponent, e.dtype)
    return p * jnp.abs(e) ** (p - 1) * jnp.sign(e)


@maskable
def huber(
    outputs: Float[Array, "*batch entries"],
    targets: Num[AnyArray, "..."],
    *,
    delta: float | Array = 1.0,
) -> Float[Array, "*batch"]:
    """Huber's loss, ``L = sum_i q_i (|e_i| - q_i / 2)`` with ``q = min(|e|, delta)``.

    That is ``e^2 / 2`` up to ``delta`` and a straight line beyond. By hand: ``dy = e``
    clipped to ``[-delta, delta]``.

    Args:
        outputs: predictions ``y``, shape ``(..., entries)``.
        targets: true values ``v``, shape ``(..., entries)``, or ``(...)`` beside one entry.
        delta: where the line begins, above 0.

    Returns:
        One loss an example, shape ``(...)``: summed over the entries, not averaged.

    Raises:
        TypeError: if outputs are not floating-point, or targets neither that nor integer.
        ValueError: for another shape, delta not above 0, or targets known not to be finite.

    Source: Huber 1964; lecture 004, losses that are robust against outliers.

    >>> huber(jnp.array([[1.0], [4.0]]), jnp.array([0.0, 0.0])).tolist()
    [0.5, 3.5]
    """
    size = jnp.abs(_errors(outputs, targets))
    check_range("delta", delta, low=0.0, low_open=True)
    q = jnp.minimum(size, jnp.asarray(delta, size.dtype))
    return jnp.sum(q * (size - q / 2), axis=-1)


@maskable
def huber_backward(outputs: Array, targets: AnyArray, *, delta: float | Array = 1.0) -> Array:
    """``dy = e`` clipped to ``[-delta, delta]``."""
    e = _errors(outputs, targets)
    check_range("delta", delta, low=0.0, low_open=True)
    bound = jnp.asarray(delta, e.dtype)
    return jnp.clip(e, -bound, bound)


@maskable
def log_cosh(
    outputs: Float[Array, "*batch entries"], targets: Num[AnyArray, "..."]
) -> Float[Array, "*batch"]:
    """Log-cosh loss, ``L = sum_i log cosh e_i``.

    It is about ``e^2 / 2`` near 0, and ``|e| - log 2`` far from it. By hand: ``dy = tanh(e)``.

    Args:
        outputs: predictions ``y``, shape ``(..., entries)``.
        targets: true values ``v``, shape ``(..., entries)``, or ``(...)`` beside one entry.

    Returns:
        One loss an example, shape ``(...)``: summed over the entries, not averaged.

    Raises:
        TypeError: if outputs are not floating-point, or targets neither that nor integer.
        ValueError: for another shape, or targets that are known not to be finite.

    Numerics: ``log(1 + 2 sinh(e/2)^2)`` for ``|e| < 1``, where the other form would cancel, and
    ``|e| + log(1 + exp(-2 |e|)) - log 2`` elsewhere, where this one would overflow.

    >>> log_cosh(jnp.array([[0.0]]), jnp.array([[0.0]])).tolist()
    [0.0]
    """
    return jnp.sum(_log_cosh(_errors(outputs, targets)), axis=-1)


@maskable
def log_cosh_backward(outputs: Array, targets: AnyArray) -> Array:
    """``dy = tanh(e)``."""
    return _log_cosh_slope(_errors(outputs, targets))


@jax.custom_jvp
def _log_cosh(e: Array) -> Array:
    size, small = jnp.abs(e), jnp.abs(e) < 1
    near = jnp.log1p(2 * jnp.square(jnp.sinh(jnp.where(small, e, jnp.zeros_like(e)) / 2)))
    far = size + jnp.log1p(jnp.exp(-2 * size)) - math.log(2)
    return jnp.where(small, near, far)


def _log_cosh_slope(e: Array) -> Array:
    """``tanh(e)``, which XLA's float64 has up to 7 units off where it is nearly 1."""
    shrunk = jnp.exp(-2 * jnp.abs(e))
    return jnp.where(jnp.abs(e) < 1, tanh(e), jnp.sign(e) * (1 - shrunk) / (1 + shrunk))


_log_cosh.defjvps(lambda de, _, e: de * _log_cosh_slope(e))


def _errors(outputs: Array, targets: AnyArray) -> Array:
    return outputs - entrywise_targets(outputs, targets)


def _size(e: Array) -> Array:
    """``|e|``, whose derivative at 0 is 0; that of `jax.numpy.abs` is 1."""
    return e * jnp.sign(e)
