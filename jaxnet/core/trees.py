"""Arithmetic on pytrees of arrays: counts, norms, digests."""

import functools
import hashlib
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxnet.core.norms import joint_norm, unit_scale
from jaxnet.core.precision import at_least_float32
from jaxnet.core.types import Array, Key


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
    """Select one of two trees of the same structure by a boolean scalar."""
    return jax.tree.map(lambda a, b: jax.lax.select(condition, a, b), on_true, on_false)


def dot(a: Any, b: Any) -> Array:
    """Return the inner product of two trees of one structure, summed in float32 at least.

    >>> float(dot({"w": jnp.array([1.0, 2.0]), "b": jnp.array(3.0)}, {"w": jnp.ones(2), "b": 1.0}))
    6.0
    """
    products = [_dot(x, y) for x, y in zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True)]
    dtype = jnp.result_type(*(product.dtype for product in products)) if products else None
    return sum((product.astype(dtype) for product in products), jnp.zeros((), dtype))


def global_norm(tree: Any) -> Array:
    """Return the Euclidean norm of all leaves together, 0-d, in their widest precision.

    ``sqrt(sum |w|^2)``. It is right where the norm itself can be written, though the squares
    overflow or underflow, and its derivative at 0 is 0: see `jaxnet.core.norms.norm`.

    >>> round(float(global_norm([jnp.array([3e30]), jnp.array(4e30)]) / 1e30), 5)
    5.0
    """
    leaves = jax.tree.leaves(tree)
    with jax.numpy_dtype_promotion("standard"):
        dtype = at_least_float32(jnp.result_type(*leaves, float))
    return joint_norm([jnp.asarray(leaf, dtype) for leaf in leaves])


def near_one(tree: Any) -> tuple[Any, Array]:
    """Scale a tree by a power of two so that its largest entry is near 1; return both.

    Nothing is rounded, and inner products of the tree neither overflow nor underflow: quotients of
    them, which do not depend on its scale, are right at every scale.

    >>> tree, power = near_one({"w": jnp.array([3.0, -0.5]), "b": jnp.array(16.0)})
    >>> tree["w"].tolist(), tree["b"].tolist(), power.tolist()
    ([0.1875, -0.03125], 1.0, 0.0625)
    """
    sizes = [jnp.max(jnp.abs(leaf), initial=0.0) for leaf in jax.tree.leaves(tree)]
    with jax.numpy_dtype_promotion("standard"):
        dtype = at_least_float32(jnp.result_type(*sizes, float))
    wide = [size.astype(dtype) for size in sizes]
    scale = unit_scale(functools.reduce(jnp.maximum, wide, jnp.zeros((), dtype)))
    return rescaled(scale, tree), scale


def rescaled(factor: Array, tree: Any) -> Any:
    """Return ``factor tree``, multiplied in the factor's precision; each leaf keeps its dtype.

    >>> rescaled(jnp.array(2.0**20), jnp.array([2.0**-24], jnp.float16)).tolist()
    [0.0625]
    """
    return jax.tree.map(lambda leaf: (factor * leaf.astype(factor.dtype)).astype(leaf.dtype), tree)


def scaled(factor: Array, tree: Any) -> Any:
    """Return ``factor tree``; each leaf keeps its dtype.

    >>> scaled(jnp.array(2.0), {"w": jnp.array([1.0, 2.0])})["w"].tolist()
    [2.0, 4.0]
    """
    return jax.tree.map(lambda leaf: factor.astype(leaf.dtype) * leaf, tree)


def add_scaled(a: Any, factor: Array, b: Any) -> Any:
    """Return ``a + factor b``; each leaf keeps its dtype.

    >>> add_scaled(jnp.array([1.0, 1.0]), jnp.array(-0.5), jnp.array([2.0, 4.0])).tolist()
    [0.0, -1.0]
    """
    return jax.tree.map(lambda x, y: x + factor.astype(x.dtype) * y.astype(x.dtype), a, b)


def normal_like(key: Key, tree: Any) -> Any:
    """Return a tree of standard normal numbers, in the shapes and dtypes of another.

    >>> normal_like(jax.random.key(0), {"w": jnp.zeros((2, 3))})["w"].shape
    (2, 3)
    """
    leaves, structure = jax.tree.flatten(tree)
    drawn = [
        jax.random.normal(jax.random.fold_in(key, i), jnp.shape(leaf), jnp.result_type(leaf))
        for i, leaf in enumerate(leaves)
    ]
    return structure.unflatten(drawn)


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
        sha.update(np.ascontiguousarray(values).reshape(-1).view(np.uint8).data)
    return sha.hexdigest()


def _dot(x: Any, y: Any) -> Array:
    x, y = jnp.asarray(x), jnp.asarray(y)
    dtype = at_least_float32(x.dtype)
    return jnp.vdot(x.astype(dtype), y.astype(dtype), precision=jax.lax.Precision.HIGHEST)


def describe_arrays(tree: Any, *, dtypes: bool = True) -> dict[str, str]:
    """Map each path of a pytree to dtype and shape of its leaf, or to the shape alone.

    >>> describe_arrays({"weights": [np.zeros((2, 3))], "key": jax.random.key(0), "epoch": 1})
    {"['epoch']": 'int32 of shape ()', "['key']": 'key<fry> of shape ()', \
"['weights'][0]": 'float32 of shape (2, 3)'}
    """
    known = {name: jax.typeof(leaf) for name, leaf in leaves_by_name(tree).items()}
    if not dtypes:
        return {name: f"an array of shape {leaf.shape}" for name, leaf in known.items()}
    return {name: describe_array(leaf) for name, leaf in known.items()}


def difference(before: Any, after: Any, *, dtypes: bool = True) -> str:
    """Describe where a pytree first differs from another in structure, shape or dtype.

    Args:
        before: the other.
        after: the pytree.
        dtypes: whether dtypes count.

    Returns:
        The name of the leaf, what it is and what it was; "" without a difference.

    A weak type is no difference.

    >>> difference({"n": jnp.int32(0)}, {"n": jnp.float32(1)})
    "['n'] is float32 of shape () in place of int32 of shape ()"
    >>> difference({"n": 0}, {"n": 1}), difference([1], [1, 2])
    ('', '[1] is int32 of shape () in place of nothing')
    """

    def kind(leaf: Any) -> Any:
        known = jax.typeof(leaf)
        return (known.dtype, known.shape) if dtypes else known.shape

    flat = [jax.tree.flatten(tree) for tree in (before, after)]
    was, now = [([kind(leaf) for leaf in leaves], structure) for leaves, structure in flat]
    if was == now:  # names and texts, which take twenty times as long, are for differences
        return ""
    texts = [describe_arrays(tree, dtypes=dtypes) for tree in (before, after)]
    for name in texts[0] | texts[1]:
        old, new = (text.get(name, "nothing") for text in texts)
        if old != new:
            return f"{name or 'the array'} is {new} in place of {old}"
    return f"the tree is {now[1]} in place of {was[1]}"


def leaves_by_name(tree: Any) -> dict[str, Any]:
    """Return path -> leaf of a pytree.

    >>> leaves_by_name({"weights": [1.0, 2.0]})
    {"['weights'][0]": 1.0, "['weights'][1]": 2.0}
    """
    leaves, _ = jax.tree_util.tree_flatten_with_path(tree)
    return {name_of(path): leaf for path, leaf in leaves}


def name_of(path: Any) -> str:
    """Format the path of a leaf as Python code: ``params[0].weights``."""
    return jax.tree_util.keystr(path).removeprefix(".")


def describe_array(array: Any) -> str:
    """Return the dtype and the shape of an array, in words."""
    array = array if hasattr(array, "dtype") else np.asarray(array)
    return f"{array.dtype} of shape {array.shape}"
