"""Restriction of trees and functions to some leaves of the parameters."""

import functools
from collections.abc import Callable, Mapping
from typing import Any

import jax
import optax

OF_PARAMETERS = ("value_fn", "obj_fn", "outputs_fn", "penalty_fn", "grad_fn")
"""The extra arguments of ``update`` that are functions of the parameters; ``loss_fn`` is one of
the network's outputs."""


def visible(keep: Any, tree: Any) -> Any:
    """Replace hidden leaves of a tree by empty nodes.

    Args:
        keep: a tree of one bool per leaf: whether it is visible.
        tree: of the same structure.
    """
    return jax.tree.map(lambda k, leaf: leaf if k else optax.MaskedNode(), keep, tree)


def visible_if_alike(keep: Any, value: Any) -> Any:
    """Apply `visible` to a tree of the structure of ``keep``; return other values unchanged."""
    alike = jax.tree.structure(value) == jax.tree.structure(keep)
    return visible(keep, value) if alike else value


def merged(keep: Any, seen: Any, whole: Any) -> Any:
    """Return a tree with the visible leaves of ``seen`` and the hidden ones of ``whole``.

    >>> keep, tree = {"a": True, "b": False}, {"a": 1, "b": 2}
    >>> merged(keep, {"a": 3, "b": optax.MaskedNode()}, tree)
    {'a': 3, 'b': 2}
    """
    return jax.tree.map(lambda k, new, old: new if k else old, keep, seen, whole)


def visible_arguments(keep: Any, params: Any, extra_args: Mapping[str, Any]) -> dict[str, Any]:
    """Restrict the extra arguments of ``update`` to the visible leaves.

    A function of the parameters becomes a function of the visible leaves, with the others fixed at
    their values in ``params``; the gradients that it returns, and ``grad``, are restricted.

    Args:
        keep: a tree of one bool per leaf of the parameters: whether it is visible.
        params: the parameters before the step; None if ``update`` has none: then
            the functions stay unchanged.
        extra_args: name -> argument of ``update``.
    """
    found = dict(extra_args)
    if "grad" in found:
        found["grad"] = visible_if_alike(keep, found["grad"])
    for name in OF_PARAMETERS if params is not None else ():
        if callable(found.get(name)):
            found[name] = _of_visible(keep, params, found[name])
    return found


def _of_visible(keep: Any, params: Any, function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)  # optax's line searches look at the signature
    def partial(seen: Any, *args: Any, **options: Any) -> Any:
        return visible_if_alike(keep, function(merged(keep, seen, params), *args, **options))

    return partial
