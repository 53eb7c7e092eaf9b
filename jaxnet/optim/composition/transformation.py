"""Helpers of transformations: checks, stateless transformations, branches."""

import functools
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import optax

from jaxnet.core.errors import invalid_type, invalid_value
from jaxnet.core.types import Array
from jaxnet.optim.update_rule.rule import Number, cast, check_gradients, check_parameters, widened


def check_transformation(
    argument: str, transformation: Any
) -> optax.GradientTransformationExtraArgs:
    """Return a transformation whose ``update`` accepts any extra arguments.

    Raises:
        TypeError: if it has no ``init`` and ``update``, such as a factory that was not called.
    """
    if not all(callable(getattr(transformation, name, None)) for name in ("init", "update")):
        remedy = "Pass what a factory returns, such as adam(0.001)."
        name = getattr(transformation, "__name__", repr(transformation))
        expected = "to be an optax.GradientTransformation"
        raise invalid_type(argument, expected, name, remedy)
    return optax.with_extra_args_support(transformation)


def find_state(state: Any, kind: type[Any], remedy: str) -> Any:
    """Find the only state of a kind within the state of a chain or wrapper.

    Args:
        state: any state of an optimizer.
        kind: the NamedTuple to find.
        remedy: what to pass.

    Raises:
        ValueError: if there is none, or more than one.
    """

    def is_kind(node: Any) -> bool:
        return isinstance(node, kind)

    found = [node for node in jax.tree.leaves(state, is_leaf=is_kind) if is_kind(node)]
    if len(found) != 1:
        expected = f"to hold one {kind.__name__}"
        raise invalid_value("state", expected, len(found), remedy)
    return found[0]


def without_state(change: Callable[[Any, Any], Any]) -> optax.GradientTransformationExtraArgs:
    """Return a stateless transformation ``(updates, params) -> updates``.

    Args:
        change: the mathematics; ``params`` may be None.
    """

    def init(params: Any) -> optax.EmptyState:
        check_parameters(params)
        return optax.EmptyState()

    def update(updates: Any, state: Any, params: Any = None, **extra_args: Any) -> Any:
        del extra_args
        check_gradients(updates, params)
        return change(updates, params), state

    return optax.GradientTransformationExtraArgs(init, update)


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
