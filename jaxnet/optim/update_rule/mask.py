"""Masks and labels: one boolean, or one label, for each leaf of the parameters."""

from typing import Any, TypeAlias

import jax
import numpy as np
from jax.core import Tracer

from jaxnet.core.errors import invalid_type, with_type

Mask: TypeAlias = Any
"""A tree of booleans, or a prefix of one, or a function of the parameters that returns one."""


def mask_tree(mask: Mask, tree: Any) -> Any:
    """Return one bool for each leaf of a tree.

    Args:
        mask: a tree of booleans like ``tree``, or a prefix of one, where each entry covers the
            subtree below, or a function ``tree -> mask``; None means all leaves.
        tree: the parameters, or gradients of their structure.

    Raises:
        TypeError: if the mask has another structure, or a leaf that is not a boolean.

    >>> import jax.numpy as jnp
    >>> params = {"hidden": {"weights": jnp.ones(2), "bias": jnp.ones(1)}, "output": jnp.ones(3)}
    >>> mask_tree({"hidden": True, "output": False}, params)
    {'hidden': {'bias': True, 'weights': True}, 'output': False}
    """
    if mask is None:
        return jax.tree.map(lambda _: True, tree)
    found = spread("mask", mask, tree, "booleans")
    for path, leaf in jax.tree_util.tree_leaves_with_path(found):
        if not _is_known_boolean(leaf):
            actual = "a traced value" if isinstance(leaf, Tracer) else with_type(leaf)
            raise invalid_type(f"mask{jax.tree_util.keystr(path)}", "to be a boolean", actual)
    return jax.tree.map(bool, found)


def spread(argument: str, prefix: Any, tree: Any, kind: str) -> Any:
    """Return a tree of the structure of ``tree`` with the entries of a prefix of it.

    Args:
        argument: the prefix's name.
        prefix: a prefix of ``tree``, or a function ``tree -> prefix``.
        tree: the parameters, or gradients of their structure.
        kind: of the entries, for the error.

    Raises:
        TypeError: if it is not a prefix of the tree.
    """
    if not jax.tree.leaves(tree):
        return tree  # empty; `optax.tree_map_params` passes such a tree
    if callable(prefix):
        prefix = prefix(tree)
    try:
        return jax.tree.broadcast(prefix, tree)
    except (ValueError, TypeError):
        pass  # JAX's message names its internals
    expected = f"to be a tree of {kind} like the parameters {jax.tree.structure(tree)}"
    raise invalid_type(argument, expected, jax.tree.structure(prefix))


def _is_known_boolean(leaf: Any) -> bool:
    if isinstance(leaf, bool | np.bool_):
        return True
    is_array = isinstance(leaf, jax.Array | np.ndarray) and not isinstance(leaf, Tracer)
    return is_array and leaf.dtype == bool and leaf.ndim == 0
