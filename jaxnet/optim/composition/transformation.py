"""Helpers of transformations: checks, stateless transformations, branches."""

import functools
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import optax

from jaxnet.core.checks import require, require_type
from jaxnet.core.types import Array
from jaxnet.optim.update_rule.rule import Number, cast, transformation, widened


def as_transformation(argument: str, given: Any) -> optax.GradientTransformationExtraArgs:
    """Return a transformation whose ``update`` accepts any extra arguments.

    Raises:
        TypeError: if it has no ``init`` and ``update``, such as a factory that was not called.
    """
    good = all(callable(getattr(given, name, None)) for name in ("init", "update"))
    name, remedy = getattr(given, "__name__", repr(given)), "Call the factory: adam(0.001)."
    require_type(good, argument, "to be an optax.GradientTransformation", name, remedy)
    return optax.with_extra_args_support(given)


def find_state(state: Any, kind: type[Any]) -> Any:
    """Find the only state of a kind within the state of a chain or wrapper.

    Raises:
        ValueError: if there is none, or more than one.
    """
    nodes = jax.tree.leaves(state, is_leaf=lambda node: isinstance(node, kind))
    found = [node for node in nodes if isinstance(node, kind)]
    require(len(found) == 1, "state", f"to hold one {kind.__name__}", len(found))
    return found[0]


def without_state(change: Callable[[Any, Any], Any]) -> optax.GradientTransformationExtraArgs:
    """Return a stateless transformation ``(updates, params) -> updates``.

    Args:
        change: the mathematics; ``params`` may be None.
    """

    def update(updates: Any, state: Any, params: Any, **extra_args: Any) -> tuple[Any, Any]:
        del extra_args
        return change(updates, params), state

    return transformation(lambda _: optax.EmptyState(), update)


def branch(
    condition: Array,
    step: Callable[..., Any],
    skip: Callable[..., Any],
    operands: tuple[Any, ...],
    extra_args: Mapping[str, Any],
) -> Any:
    """Compute either ``step(*operands, **extra_args)`` or ``skip(*operands)``.

    To compute both and choose afterwards takes a third to a half longer. Outside of a compiled
    program the branch itself is compiled once, if both functions are the same objects each time
    and there are no extra arguments.

    Args:
        condition: a boolean scalar.
        step: the branch if it is true.
        skip: the branch if not; it returns a tree of the same structure and dtypes.
        operands: trees of arrays.
        extra_args: those of ``update``, which need not be arrays.
    """
    bound = functools.partial(step, **extra_args) if extra_args else step
    return jax.lax.cond(condition, bound, skip, *operands)


def multiplied(updates: Any, factor: Number) -> Any:
    """Multiply each leaf by a number in at least float32; leaves keep their dtypes."""

    def product(g: Array) -> Array:
        wide = widened(g)
        return (wide * cast(factor, wide.dtype)).astype(jnp.result_type(g))

    return jax.tree.map(product, updates)
