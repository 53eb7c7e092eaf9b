"""Newton-Schulz iteration: orthogonalization by matrix products."""

from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp

from jaxnet.core.norms import norm, unit_scale
from jaxnet.core.types import Array
from jaxnet.optim.update_rule.rule import Number

Coefficients = tuple[float, float, float]

STANDARD: Coefficients = (3.4445, -4.7750, 2.0315)
"""Jordan's: steep at 0; five iterations bring singular values above .002 to .68 to 1.2."""

DION: tuple[Coefficients, ...] = (
    (4.0848, -6.8946, 2.9270),
    (3.9505, -6.3029, 2.6377),
    (3.7418, -5.5913, 2.3037),
    (2.8769, -3.1427, 1.2046),
    (2.8366, -3.0525, 1.2012),
)
"""A triple an iteration: they bring singular values above .005 to .97 to 1.12."""

COEFFICIENTS: dict[str, Coefficients | tuple[Coefficients, ...]] = {
    "standard": STANDARD,
    "dion": DION,
}
"""Name -> the coefficients of all iterations, or of each."""


def newton_schulz(
    x: Array,
    coefficients: Sequence[Coefficients],
    *,
    preconditioning: str = "frobenius",
    eps: Number = 1e-8,
) -> Array:
    """Return ``U f(S) V^T`` for ``x = U S V^T``, with ``f`` near 1: an almost orthogonal matrix.

    Each iteration is ``x <- a x + (b A + c A^2) x`` with ``A = x x^T``, the odd polynomial
    ``a s + b s^3 + c s^5`` of the singular values, which must lie in [0, 1] at the start: that is
    what the preconditioning is for.

    Args:
        x: matrices, ``(..., rows, columns)``.
        coefficients: ``(a, b, c)`` of each iteration.
        preconditioning: key of `PRECONDITIONINGS`.
        eps: keeps a matrix of 0 from dividing by 0.

    >>> nearly = newton_schulz(jnp.array([[3.0, 0.0], [0.0, 4.0]]), 5 * [STANDARD])
    >>> [round(entry, 2) for entry in jnp.diag(nearly).tolist()]
    [0.72, 1.12]
    """
    if x.shape[-2] > x.shape[-1]:  # the smaller of x x^T and x^T x
        turned = newton_schulz(x.mT, coefficients, preconditioning=preconditioning, eps=eps)
        return turned.mT
    # the squares in x x^T exist near 1; a power of two, so that nothing is rounded
    unit = unit_scale(jnp.max(jnp.abs(x), axis=(-2, -1), keepdims=True, initial=0.0))
    x = unit * x
    gram = x @ x.mT
    scale = PRECONDITIONINGS[preconditioning](x, gram, unit, eps)
    x, gram = scale * x, scale * gram * scale.mT
    for i, (a, b, c) in enumerate(coefficients):
        gram = x @ x.mT if i else gram
        x = a * x + (b * gram + c * gram @ gram) @ x
    return x


def _over_frobenius(x: Array, gram: Array, unit: Array, eps: Number) -> Array:
    """``1 / (|x|_F + eps)``."""
    del gram
    return 1 / (norm(x, (-2, -1)) + unit * eps)


def _over_clamped(x: Array, gram: Array, unit: Array, eps: Number) -> Array:
    """``1 / max(|x|_F, eps)``."""
    del gram
    return 1 / jnp.maximum(norm(x, (-2, -1)), unit * eps)


def _over_spectral(x: Array, gram: Array, unit: Array, eps: Number) -> Array:
    """``1 / (|x|_2 + eps)``: exact, by a singular value decomposition."""
    del gram
    return 1 / (jnp.linalg.norm(x, ord=2, axis=(-2, -1), keepdims=True) + unit * eps)


def _almost_orthogonal(x: Array, gram: Array, unit: Array, eps: Number) -> Array:
    """Divide each row by the root of the sum of ``|A|`` over its row (Prach and Lampert 2022)."""
    del x, eps
    return _inverse_root(jnp.sum(jnp.abs(gram), axis=-1, keepdims=True), unit)


def _over_schatten(x: Array, gram: Array, unit: Array, eps: Number) -> Array:
    """``1 / |x|_S4``: the fourth root of the sum of the singular values' fourth powers."""
    del x, eps
    return _inverse_root(norm(gram, (-2, -1)), unit)


def _inverse_root(square: Array, unit: Array) -> Array:
    """Return ``1 / sqrt(max(square, 1e-8))`` of a square scaled by ``unit^2``."""
    largest = jax.lax.rsqrt(jnp.asarray(1e-8, square.dtype)) / unit
    positive = square > 0
    inverse = jax.lax.rsqrt(jnp.where(positive, square, 1))
    return jnp.where(positive, jnp.minimum(inverse, largest), largest)


PRECONDITIONINGS: dict[str, Callable[[Array, Array, Array, Number], Array]] = {
    "frobenius": _over_frobenius,
    "clamped": _over_clamped,
    "spectral": _over_spectral,
    "aol": _almost_orthogonal,
    "schatten": _over_schatten,
}
"""Name -> ``(u x, u^2 x x^T, u, eps) -> scale``: factors of ``u x``, or of its rows."""
