"""Sums and outputs over many examples, batch by batch, in bounded memory."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from jaxnet.core.types import Array

CHUNK = 1000
"""Examples a chunk: large enough for the matrix products, small enough for the cache."""


def batched_sum(
    function: Callable[[Any], Any],
    tree: Any,
    *,
    chunk: int = CHUNK,
    add: Callable[[Array, Array], Array] = jnp.add,
) -> Any:
    """Sum ``function(part)`` over consecutive parts of a tree of arrays.

    Args:
        function: ``part -> tree of arrays``, a sum over the part's examples.
        tree: arrays with one first dimension, the examples; 1 or more.
        chunk: examples a part, 1 or more; the last part may have fewer.
        add: how two parts' results become one, array by array; `jax.numpy.hypot` for norms.

    >>> batched_sum(lambda part: part.sum(), jnp.arange(5.0), chunk=2).tolist()
    10.0
    """
    total = len(jax.tree.leaves(tree)[0])
    if total <= chunk:  # one part is traced and compiled once
        return function(tree)
    full = total // chunk

    def body(sums: Any, index: Array) -> tuple[Any, None]:
        part = jax.tree.map(
            lambda array: jax.lax.dynamic_slice_in_dim(array, index * chunk, chunk), tree
        )
        return jax.tree.map(add, sums, function(part)), None

    tail = function(jax.tree.map(lambda array: array[full * chunk :], tree))
    sums, _ = jax.lax.scan(body, tail, jnp.arange(full))
    return sums


def batched_map(function: Callable[[Any], Array], tree: Any, *, chunk: int = CHUNK) -> Array:
    """Join ``function(part)`` over consecutive parts of a tree of arrays.

    Args:
        function: ``part -> array`` with one row an example of the part.
        tree: arrays with one first dimension, the examples; 1 or more.
        chunk: examples a part, 1 or more; the last part may have fewer.

    >>> batched_map(lambda part: 2 * part, jnp.arange(5.0), chunk=2).tolist()
    [0.0, 2.0, 4.0, 6.0, 8.0]
    """
    total = len(jax.tree.leaves(tree)[0])
    if total <= chunk:
        return function(tree)
    end = total - total % chunk
    parts = jax.tree.map(lambda array: array[:end].reshape(-1, chunk, *array.shape[1:]), tree)
    tail = function(jax.tree.map(lambda array: array[end:], tree))
    return jnp.concatenate([jax.lax.map(function, parts).reshape(end, *tail.shape[1:]), tail])
