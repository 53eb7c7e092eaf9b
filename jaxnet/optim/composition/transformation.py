"""Helpers of transformations: checks, stateless transformations, branches."""

import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import optax

from jaxnet.core.checks import check_function, require, require_type
from jaxnet.core.suggestions import nearest
from jaxnet.core.types import Array
from jaxnet.optim.update_rule.rule import Number, cast, transformation, widened


def as_transformation(
    argument: str, given: Any, known: Mapping[str, Any] | None = None
) -> optax.GradientTransformationExtraArgs:
    """Return a transformation whose ``update`` accepts any extra arguments.

    Args:
        argument: its name, for the message.
        given: the transformation.
        known: name -> factory, of those that a text may name.

    Raises:
        TypeError: if it has no ``init`` and ``update``: for a factory that was not called, and for
            a name, with the call that makes one.
    """
    good = all(callable(getattr(given, name, None)) for name in ("init", "update"))
    name = getattr(given, "__name__", repr(given))
    remedy = "" if good else _remedy(given, known or {})
    require_type(good, argument, "to be an optax.GradientTransformation", name, remedy)
    check_function(f"init of {argument}", given.init, takes="params")
    check_function(f"update of {argument}", given.update, takes="updates, state, params, ...")
    return optax.with_extra_args_support(given)


def _remedy(given: Any, known: Mapping[str, Any]) -> str:
    """Return the call to write in place of what is no transformation."""
    if isinstance(given, str):
        name = nearest(given, known)
        return f"Pass {_call(known[name])}." if name else _EXAMPLE
    if callable(given) and inspect.isfunction(inspect.unwrap(given)):
        return f"Call the factory: {_call(given)}."
    return _EXAMPLE


_EXAMPLE = "Pass jaxnet.optim.adam(0.001), for example."


def _call(factory: Any) -> str:
    """Return the text of a call of a factory, with the arguments that it needs."""
    of = factory.__module__.partition(".")[0]
    module = {"jaxnet": "jaxnet.optim.", "optax": "optax."}.get(of, "")
    parameters = inspect.signature(factory).parameters.values()
    needed = [p.name for p in parameters if p.default is p.empty and p.kind is not p.VAR_KEYWORD]
    given = {(): "", ("learning_rate",): "0.001"}.get(tuple(needed), "...")
    return f"{module}{factory.__name__}({given})"


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
