"""The method of conjugate gradients for linear systems given by products."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxnet.core.trees import add_scaled, dot, near_one, rescaled, scaled, select
from jaxnet.core.types import Array, Params


class Solution(NamedTuple):
    """Solution by `truncated_cg`.

    Attributes:
        x: the solution, a tree like the right-hand side.
        iterations: number of products.
        bent: whether a direction had a curvature of 0 or less.
    """

    x: Params
    iterations: Array
    bent: Array


class _Carry(NamedTuple):
    x: Params
    residual: Params
    direction: Params
    square: Array
    iterations: Array
    bent: Array


def truncated_cg(
    product: Callable[[Params], Params], b: Params, *, tolerance: Array, max_iterations: int
) -> Solution:
    """Solve ``A x = b`` until ``|b - A x| <= tolerance |b|``, or ``d^T A d <= 0`` for a direction.

    Then ``A`` is not positive definite: ``x`` is the solution before ``d``, or ``b`` itself if
    ``d`` is the first. In each case ``b^T x > 0`` unless ``b`` is 0: with the negative gradient
    for ``b``, ``x`` goes downhill.

    Args:
        product: ``v -> A v``, with a symmetric ``A``.
        b: the right-hand side, a tree.
        tolerance: relative, 0 or more, 0-d.
        max_iterations: largest number of products.

    Source: Nocedal and Wright 2006, algorithms 5.2 and 7.1; Hestenes and Stiefel 1952.

    >>> A, b = jnp.array([[2.0, 1.0], [1.0, 3.0]]), jnp.array([3.0, 4.0])
    >>> found = truncated_cg(lambda v: A @ v, b, tolerance=jnp.array(1e-6), max_iterations=2)
    >>> found.x.round(4).tolist()
    [1.0, 1.0]
    """
    b, scale = near_one(b)  # x is b times what does not depend on its scale
    start = dot(b, b)
    enough = jnp.square(tolerance.astype(start.dtype)) * start

    def going(carry: _Carry) -> Array:
        return ~carry.bent & (carry.iterations < max_iterations) & (carry.square > enough)

    def iterate(carry: _Carry) -> _Carry:
        near, scale = near_one(carry.direction)  # or its curvature may underflow
        product_ = product(near)
        curvature = dot(near, product_)
        bent = ~(curvature > 0)
        alpha = scale * carry.square / jnp.where(bent, 1, curvature)
        x = add_scaled(carry.x, alpha, near)
        residual = add_scaled(carry.residual, -alpha, product_)
        square = dot(residual, residual)
        direction = add_scaled(residual, square / carry.square, carry.direction)
        stays = select(carry.iterations == 0, b, carry.x)
        x = select(bent, stays, x)
        return _Carry(x, residual, direction, square, carry.iterations + jnp.int32(1), bent)

    zero = scaled(jnp.zeros_like(start), b)
    no = jnp.zeros((), bool)
    end = jax.lax.while_loop(going, iterate, _Carry(zero, b, b, start, jnp.int32(0), no))
    return Solution(rescaled(1 / scale, end.x), end.iterations, end.bent)
