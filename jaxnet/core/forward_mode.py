"""Marks values through which only forward mode goes, so that the error of reverse mode explains."""

import functools
from typing import Any

import jax
import jax.numpy as jnp

from jaxnet.core.errors import invalid_value
from jaxnet.core.types import Array


def forward_mode_only(tree: Any, argument: str, remedy: str) -> Any:
    """Return a pytree as it is; reverse mode through it raises an error.

    No instruction of a compiled program comes of it. The loops of `jax.lax.while_loop` have no
    reverse mode, and what JAX says of that, long after they were called, names none of them.

    Args:
        tree: what is returned.
        argument: what would have to be another, for the message.
        remedy: what to do.

    >>> jax.jvp(lambda x: forward_mode_only(2 * x, "f", "Or not."), (3.0,), (1.0,))[1].tolist()
    2.0
    >>> try:
    ...     jax.grad(lambda x: forward_mode_only(2 * x, "f", "Or not."))(3.0)
    ... except ValueError as error:
    ...     print(error)
    expected f for reverse-mode differentiation, such as jax.grad, got one that has forward mode \
only. Or not.
    """

    def marked(leaf: Any) -> Array:
        real = jnp.issubdtype(jnp.result_type(leaf), jnp.inexact)
        return _mark().bind(leaf, argument=argument, remedy=remedy) if real else leaf

    return jax.tree.map(marked, tree)


def _refuse(cotangent: Any, operand: Any, *, argument: str, remedy: str) -> Any:
    del cotangent, operand
    expected = "for reverse-mode differentiation, such as jax.grad"
    raise invalid_value(argument, expected, "one that has forward mode only", remedy)


def _as_it_is(context: Any, operand: Any, **_: Any) -> list[Any]:
    del context
    return [operand]


@functools.cache
def _mark() -> Any:
    """Return the primitive of the mark."""
    from jax.extend.core import Primitive  # imports all of Pallas
    from jax.interpreters import ad, batching, mlir

    mark = Primitive("forward_mode_only")
    mark.def_impl(lambda x, **_: x)
    mark.def_abstract_eval(lambda x, **_: x)
    ad.deflinear2(mark, _refuse)
    batching.defvectorized(mark)
    mlir.register_lowering(mark, _as_it_is)
    return mark
