"""Arithmetic on pytrees of arrays: counts, norms, digests."""

import hashlib
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxnet.core.types import Array


def count_parameters(params: Any) -> int:
    """Count the numbers in a pytree: the network's parameter count.

    Source: lecture 001; 784-100-100-10 has 89,610 parameters.

    >>> count_parameters({"w": jnp.zeros((2, 3)), "b": jnp.zeros(2)})
    8
    """
    return sum(int(np.prod(np.shape(leaf))) for leaf in jax.tree.leaves(params))


def all_finite(tree: Any) -> Array:
    """Return a boolean scalar: True if no leaf holds a NaN or an infinity."""
    leaves = [jnp.all(jnp.isfinite(leaf)) for leaf in jax.tree.leaves(tree)]
    return jnp.all(jnp.stack(leaves)) if leaves else jnp.array(True)


def select(condition: Array, on_true: Any, on_false: Any) -> Any:
    """Choose between two trees of one structure by a boolean scalar."""
    return jax.tree.map(lambda a, b: jax.lax.select(condition, a, b), on_true, on_false)


def digest(tree: Any) -> str:
    """Return the SHA-256 of a pytree of arrays: its structure, dtypes, shapes and bytes.

    A PRNG key counts as the integers that it consists of.

    Two trees have one digest exactly when they are equal bit for bit.

    >>> digest({"b": jnp.zeros(2)}) == digest({"b": jnp.zeros(2)})
    True
    """
    sha = hashlib.sha256(str(jax.tree.structure(tree)).encode())
    for path, leaf in jax.tree_util.tree_leaves_with_path(tree):
        is_key = isinstance(leaf, jax.Array) and jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key)
        values = np.asarray(jax.random.key_data(leaf) if is_key else leaf)
        header = f"{jax.tree_util.keystr(path)} {values.dtype.name} {values.shape}\n"
        sha.update(header.encode())
        sha.update(np.ascontiguousarray(values).tobytes())
    return sha.hexdigest()
