"""Euclidean norms and clipping by norm, without overflow or underflow of squares."""

import functools
from collections.abc import Sequence

import jax
import jax.numpy as jnp

from jaxnet.core.precision import at_least_float32
from jaxnet.core.types import Array

Axis = int | tuple[int, ...] | None


def norm(array: Array, axis: Axis = None) -> Array:
    """Return the Euclidean norm over some axes, which are kept with size 1; 0-d over all.

    It is right wherever the norm itself can be written: squares that overflow or underflow are
    computed again of scaled entries. NaN if an entry is. Its derivative is the direction
    ``x / |x|``, and 0 at 0. Narrower dtypes are added up and returned in float32. Subnormal
    entries (below 1.2e-38 in float32) count as 0 where the device flushes them to 0, as CPUs do.

    Args:
        array: any shape, floating-point.
        axis: the axes to sum over; None for all.

    >>> norm(jnp.array([[3.0, 4.0], [0.0, 0.0]]), axis=-1).tolist()
    [[5.0], [0.0]]
    """
    return _norm([array.astype(at_least_float32(array.dtype))], axis)


def joint_norm(arrays: Sequence[Array]) -> Array:
    """Return the Euclidean norm of all arrays together, 0-d; see `norm`.

    Args:
        arrays: of one dtype, float32 or wider; none have the norm 0.

    >>> float(joint_norm([jnp.array([3.0]), jnp.array(4.0)]))
    5.0
    """
    return _norm(list(arrays), None)


def unit_scale(size: Array) -> Array:
    """Return the power of two that scales numbers of a size near 1.

    Multiplying by it rounds nothing, and its inverse can be written, too. It is 1 for a size of 0,
    infinity or NaN. No derivative depends on it.

    Args:
        size: 0 or more, any shape, such as the largest entry of an array.

    >>> unit_scale(jnp.array([0.25, 0.0, 2.0**100])).tolist() == [4.0, 1.0, 2.0**-100]
    True
    """
    size = jax.lax.stop_gradient(size)
    limits = jnp.finfo(size.dtype)
    usable = jnp.isfinite(size) & (size > 0)
    near = jnp.minimum(jnp.where(usable, size, 1), float(limits.max) / 8)
    # rounded to no bit of a mantissa
    return jax.lax.reduce_precision(1 / near, limits.nexp, 0)


def shortened(array: Array, size: Array, bound: float | Array) -> Array:
    """Return ``array / max(1, size / bound)``: an array of norm ``size`` within a bound.

    Where the size is within the bound, the array is returned bit for bit, and the derivative is
    the identity; a bound of 0 gives 0.

    Args:
        array: any shape.
        size: its norm, 0-d or with axes of size 1.
        bound: 0 or more, a number, 0-d or with axes of size 1.

    >>> shortened(jnp.array([3e30, 4e30]), jnp.array(5e30), 2.5).round(6).tolist()
    [1.5, 2.0]
    """
    limit = jnp.asarray(bound, size.dtype)
    exceeds, is_zero = ~(size <= limit), limit == 0
    divides = exceeds & ~is_zero
    scale, limit_scale = unit_scale(size), unit_scale(limit)
    # a number stays one, which XLA divides by in another way than by an array
    divisor = jnp.where(divides, limit, 1) if isinstance(bound, jax.Array) else bound
    excess = jnp.where(divides, scale * size / limit_scale / divisor, 1)
    excess, scale, limit_scale = (x.astype(array.dtype) for x in (excess, scale, limit_scale))
    shorter = scale * array / excess / limit_scale
    return jnp.where(exceeds, jnp.where(is_zero, 0 * array, shorter), array)


@functools.partial(jax.custom_jvp, nondiff_argnums=(1,))
def _norm(arrays: list[Array], axis: Axis) -> Array:
    squares = _sum_of_squares(arrays, axis)
    limits = jnp.finfo(squares.dtype)
    # above, what squares have lost by underflow is below the rounding of their sum
    out_of_range = jnp.isinf(squares) | (squares < float(limits.tiny) / float(limits.eps) ** 2)
    # a branch: the second pass is made only where the first is out of range
    scaled = functools.partial(_scaled_norm, axis)
    return jax.lax.cond(jnp.any(out_of_range), scaled, _root, squares, arrays)


@_norm.defjvp
def _norm_jvp(
    axis: Axis, primals: tuple[list[Array]], tangents: tuple[list[Array]]
) -> tuple[Array, Array]:
    (arrays,), (changes,) = primals, tangents
    size = _norm(arrays, axis)
    scale = unit_scale(size)
    divisor = jnp.where(size == 0, 1, scale * size)
    along = [_total(scale * x / divisor * dx, axis) for x, dx in zip(arrays, changes, strict=True)]
    return size, sum(along, start=jnp.zeros_like(size))


def _root(squares: Array, arrays: list[Array]) -> Array:
    del arrays
    return jnp.sqrt(squares)


def _scaled_norm(axis: Axis, squares: Array, arrays: list[Array]) -> Array:
    keep = axis is not None
    sizes = [jnp.max(jnp.abs(x), axis=axis, keepdims=keep, initial=0.0) for x in arrays]
    scale = unit_scale(functools.reduce(jnp.maximum, sizes, jnp.zeros_like(squares)))
    return jnp.sqrt(_sum_of_squares([scale * x for x in arrays], axis)) / scale


def _sum_of_squares(arrays: list[Array], axis: Axis) -> Array:
    totals = [_total(jnp.square(x), axis) for x in arrays]
    return sum(totals, start=jnp.zeros((), totals[0].dtype if totals else None))


def _total(array: Array, axis: Axis) -> Array:
    return jnp.sum(array, axis=axis, keepdims=axis is not None)
