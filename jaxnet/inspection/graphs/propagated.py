"""Forward and backward pass over the steps of a program, with all values."""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxnet.core.errors import invalid_value
from jaxnet.core.types import Array
from jaxnet.inspection.graphs.program import Program
from jaxnet.inspection.graphs.steps import Step, run, sources


class Local(NamedTuple):
    """Derivative and message of a link.

    Attributes:
        derivative: of the target with respect to the source; None where there is none, or where
            it is too large.
        message: the target's gradient times the derivative; None where there is none.
    """

    derivative: Array | None
    message: Array | None


class Propagated(NamedTuple):
    """Forward values, backward gradients, and derivatives of links.

    Attributes:
        values: variable -> value.
        gradients: variable -> gradient of the output with respect to it.
        links: source and target -> derivative and message.
    """

    values: dict[int, Array]
    gradients: dict[int, Array]
    links: dict[tuple[int, int], Local]


def propagate(
    program: Program, steps: Sequence[Step], inputs: Mapping[int, Array], *, jacobian_limit: int
) -> Propagated:
    """Evaluate all steps in order, then sum over children in the opposite order.

    Operation by operation: JAX compiles each once for each shape, where a program of the whole
    would be compiled for each graph.
    """
    values = {**program.constants, **inputs}
    active = {number for number, value in inputs.items() if _floating(value)}
    for step in steps:
        values[step.result] = run(step, values)
        if _floating(values[step.result]) and active.intersection(step.operands):
            active.add(step.result)
    gradients = {number: jnp.zeros_like(values[number]) for number in active}
    gradients[program.output] = jnp.ones_like(values[program.output])
    links: dict[tuple[int, int], Local] = {}
    for step in reversed(steps):
        links |= {(number, step.result): Local(None, None) for number in sources(step)}
        if step.result not in active:
            continue
        wrt = [number for number in sources(step) if number in active]
        derivatives, messages = _locals(step, values, wrt, gradients[step.result], jacobian_limit)
        for number, derivative, message in zip(wrt, derivatives, messages, strict=True):
            gradients[number] = gradients[number] + message
            links[number, step.result] = Local(derivative, message)
    return Propagated(values, gradients, links)


def _locals(
    step: Step, values: Mapping[int, Array], wrt: Sequence[int], gradient: Array, limit: int
) -> tuple[list[Array | None], Sequence[Array]]:
    """Return a step's derivatives and messages by the derivative of its operation."""
    fixed = {number: values[number] for number in step.operands}

    def output(*x: Array) -> Array:
        return run(step, fixed | dict(zip(wrt, x, strict=True)))

    try:
        y, pullback = jax.vjp(output, *[values[number] for number in wrt])
        messages = pullback(gradient)
    except ValueError as error:
        actual = f"the primitive '{step.main.equation.primitive.name}'"
        expected, remedy = "to be differentiable backward", "For a loop use jax.lax.scan."
        raise invalid_value("function", expected, actual, remedy) from error
    small = [y.size * values[number].size <= limit for number in wrt]
    jacobians = _jacobians(pullback, y) if any(small) else messages
    kept = [derivative if keep else None for derivative, keep in zip(jacobians, small, strict=True)]
    return kept, messages


def _jacobians(pullback: Callable[[Array], tuple[Array, ...]], y: Array) -> tuple[Array, ...]:
    if y.ndim == 0:
        return pullback(jnp.ones_like(y))
    # row by row: jax.vmap would compile each operation again
    basis = np.eye(y.size, dtype=y.dtype).reshape(y.size, *y.shape)
    rows = zip(*[pullback(jnp.asarray(entry)) for entry in basis], strict=True)
    return tuple(
        jnp.asarray(np.stack(row).reshape(*y.shape, *row[0].shape), row[0].dtype) for row in rows
    )


def _floating(value: Array) -> bool:
    return bool(jnp.issubdtype(value.dtype, jnp.floating))
