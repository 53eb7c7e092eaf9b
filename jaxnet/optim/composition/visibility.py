"""What a transformation of some leaves sees: trees cut down to them, functions of them alone."""

import functools
from collections.abc import Callable, Mapping
from typing import Any

import jax
import optax

OF_PARAMETERS = ("value_fn", "obj_fn", "outputs_fn", "penalty_fn", "grad_fn")
"""The extra arguments of ``update`` that are functions of the parameters; ``loss_fn`` is one of
the network's outputs."""


def visible(keep: Any, tree: Any) -> Any:
    """Return the tree with a node without leaves in place of each leaf that is hidden.

    Args:
        keep: a tree of one bool for each leaf: whether it is seen.
        tree: of the same structure.
    """
    return jax.tree.map(lambda k, leaf: leaf if k else optax.MaskedNode(), keep, tree)


def visible_if_alike(keep: Any, value: Any) -> Any:
    """Return `visible` of a tree of the structure of ``keep``, and anything else as it is."""
    alike = jax.tree.structure(value) == jax.tree.structure(keep)
    return visible(keep, value) if alike else value


def merged(keep: Any, seen: Any, whole: Any) -> Any:
    """Return a tree whose visible leaves are those of ``seen``, the hidden ones those of ``whole``.

    >>> keep, tree = {"a": True, "b": False}, {"a": 1, "b": 2}
    >>> merged(keep, {"a": 3, "b": optax.MaskedNode()}, tree)
    {'a': 3, 'b': 2}
    """
    return jax.tree.map(lambda k, new, old: new if k else old, keep, seen, whole)


def visible_arguments(keep: Any, params: Any, extra_args: Mapping[str, Any]) -> dict[str, Any]:
    """Return the extra arguments as they look to those who see some leaves only.

    A function of the parameters becomes one of the visible leaves, for which the others stay what
    they are in ``params``; the gradients that it returns, and ``grad``, are cut down.

    Args:
        keep: a tree of one bool for each leaf of the parameters: whether it is seen.
        params: the parameters before the step; None if they were not given to ``update``: then
            nothing can be filled in, and the functions stay as they are.
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
