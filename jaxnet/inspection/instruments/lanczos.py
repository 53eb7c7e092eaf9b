"""Lanczos's method: extreme eigenvalues from matrix-vector products."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from jaxnet.core.trees import dot, global_norm, normal_like, select
from jaxnet.core.types import Array, Key


class Krylov(NamedTuple):
    """An orthonormal basis in which a symmetric matrix is tridiagonal.

    Attributes:
        diagonal: of the tridiagonal matrix, shape ``(steps,)``.
        off_diagonal: beside it; the last one leads out of the basis. Shape ``(steps,)``, 0 or more.
        basis: tree of vectors, each leaf of shape ``(steps, *leaf)``.
    """

    diagonal: Array
    off_diagonal: Array
    basis: Any


class Ritz(NamedTuple):
    """Eigenvalues and eigenvectors of a matrix restricted to a basis.

    Attributes:
        values: ascending, shape ``(steps,)``. The outermost ones converge first.
        errors: bound of the distance of each to some eigenvalue, except for rounding.
        weights: squared overlap of each vector with the start; with a random start the values so
            weighted have the distribution of all eigenvalues, on average over starts.
        coordinates: of the vectors in the basis, shape ``(steps, steps)``, one a column.
    """

    values: Array
    errors: Array
    weights: Array
    coordinates: Array


class _Carry(NamedTuple):
    basis: Any
    v: Any
    scale: Array


def lanczos(product: Callable[[Any], Any], like: Any, *, steps: int, key: Key) -> Krylov:
    """Return an orthonormal Krylov basis of a symmetric matrix from a random vector.

    ``beta_j v_{j+1} = A v_j - alpha_j v_j - beta_{j-1} v_{j-1}``, and each new vector is made
    orthogonal to all before it, twice: without that, rounding brings converged ones back as
    copies. Where nothing is left, ``beta_j`` is 0 and a new random vector goes on, so that as many
    steps as there are dimensions find every eigenvalue, equal ones included.

    Args:
        product: ``v -> A v``, with a symmetric ``A``, of any signs.
        like: a tree that has the shapes and dtypes of ``v``.
        steps: products to form, 1 or more; no more than there are dimensions are formed.
        key: PRNG key of the random vectors.

    Returns:
        Diagonals and basis, whose memory is ``steps`` times that of a vector.

    Numerics: the unit of the matrix does not matter, as long as its eigenvalues can be written.
    Where products overflow, the diagonals are infinite or NaN.

    Source: Lanczos 1950; Golub and Van Loan 2013, section 10.3; Parlett 1998, "twice is enough".

    >>> times = lambda v: jnp.array([3.0, -1.0]) * v
    >>> found = lanczos(times, jnp.zeros(2), steps=2, key=jax.random.key(0))
    >>> ritz(found).values.round(4).tolist()
    [-1.0, 3.0]
    """
    dimensions = sum(leaf.size for leaf in jax.tree.leaves(like))
    steps = min(steps, dimensions)
    start = _normalized(normal_like(jax.random.fold_in(key, steps), like))
    empty = jax.tree.map(lambda leaf: jnp.zeros((steps, *leaf.shape), leaf.dtype), like)

    def step(carry: _Carry, i: Array) -> tuple[_Carry, tuple[Array, Array]]:
        basis = jax.tree.map(lambda rows, leaf: rows.at[i].set(leaf), carry.basis, carry.v)
        image = product(carry.v)
        alpha = dot(carry.v, image)
        scale = jnp.maximum(carry.scale, global_norm(image))
        rest = _orthogonal(image, basis)
        beta = global_norm(rest)
        # beside an image that has overflowed, everything would be small
        small = jnp.isfinite(scale) & (beta <= jnp.finfo(beta.dtype).eps * scale)
        ended = small | (beta == 0)
        spare = _orthogonal(normal_like(jax.random.fold_in(key, i), like), basis)
        v = _normalized(select(ended, spare, rest))
        return _Carry(basis, v, scale), (alpha, jnp.where(ended, 0, beta))

    carry = _Carry(empty, start, jnp.zeros_like(dot(start, start)))
    end, (diagonal, off_diagonal) = jax.lax.scan(step, carry, jnp.arange(steps))
    return Krylov(diagonal, off_diagonal, end.basis)


def ritz(krylov: Krylov) -> Ritz:
    """Return eigenvalues and eigenvectors of the tridiagonal matrix, with their error bounds.

    The bound of a pair is the norm of its residual ``A x - theta x``, which is the last
    ``off_diagonal`` times the vector's last coordinate.

    Args:
        krylov: from `lanczos`.

    Source: Golub and Van Loan 2013, theorem 10.1.2.
    """
    diagonal, links = krylov.diagonal, krylov.off_diagonal[:-1]
    matrix = jnp.diag(diagonal) + jnp.diag(links, 1) + jnp.diag(links, -1)
    values, coordinates = jnp.linalg.eigh(matrix)
    errors = krylov.off_diagonal[-1] * jnp.abs(coordinates[-1])
    return Ritz(values, errors, jnp.square(coordinates[0]), coordinates)


def combined(basis: Any, coordinates: Array) -> Any:
    """Return the vector with these coordinates in a basis, a tree without its first dimension.

    Args:
        basis: tree, each leaf of shape ``(steps, *leaf)``.
        coordinates: shape ``(steps,)``.

    >>> combined(jnp.array([[1.0, 0.0], [0.0, 1.0]]), jnp.array([2.0, 3.0])).tolist()
    [2.0, 3.0]
    """
    return jax.tree.map(
        lambda rows: jnp.tensordot(
            coordinates.astype(rows.dtype), rows, 1, precision=jax.lax.Precision.HIGHEST
        ),
        basis,
    )


def _orthogonal(v: Any, basis: Any) -> Any:
    """Return ``v`` without its components in the basis; rows of zeros do not count."""
    for _ in range(2):
        inside = combined(basis, jax.vmap(dot, (0, None))(basis, v))
        v = jax.tree.map(jnp.subtract, v, inside)
    return v


def _normalized(v: Any) -> Any:
    """Return ``v`` at length 1; a vector of 0 stays."""
    norm = global_norm(v)
    divisor = jnp.where(norm > 0, norm, 1)
    # divided, not multiplied by 1 / norm, which underflows where the norm is near the largest
    return jax.tree.map(lambda leaf: leaf / divisor.astype(leaf.dtype), v)
