"""Straight-line programs of primitive operations: a jaxpr with calls inlined."""

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import jax.numpy as jnp
from jax.extend.core import ClosedJaxpr, Jaxpr, JaxprEqn, Literal, Var, jaxpr_as_fun

from jaxnet.core.types import Array

CALLS = {
    "jit": "jaxpr",
    "pjit": "jaxpr",
    "remat2": "jaxpr",
    "checkpoint": "jaxpr",
    "closed_call": "call_jaxpr",
    "core_call": "call_jaxpr",
}
"""Primitives that do nothing but call a nested program -> the parameter that holds it.

A function with a custom gradient rule (`jax.custom_jvp`, `jax.custom_vjp`, such as
`jax.nn.relu`) is not among them: the derivatives inside it are not those that its rule states.
"""


class Operation(NamedTuple):
    """One primitive operation.

    Attributes:
        equation: of the jaxpr.
        call: computes the results from the operands.
        operands: numbers of the variables that it reads.
        results: numbers of the variables that it writes.
    """

    equation: JaxprEqn
    call: Callable[..., Sequence[Array]]
    operands: tuple[int, ...]
    results: tuple[int, ...]


class Program(NamedTuple):
    """A straight-line program: each variable has a number and is written once.

    Attributes:
        inputs: the variables of the arguments' leaves.
        constants: variable -> value, of literals and of arrays that the function closes over.
        operations: in the order of evaluation.
        output: the variable returned.
    """

    inputs: tuple[int, ...]
    constants: Mapping[int, Array]
    operations: tuple[Operation, ...]
    output: int


def unfold(closed: ClosedJaxpr) -> Program:
    """Return a jaxpr with one output as a program in which calls are replaced by their bodies."""
    numbers, constants, operations = itertools.count(), {}, []
    inputs = [next(numbers) for _ in closed.jaxpr.invars]
    (output,) = _walk(closed, inputs, numbers, constants, operations)
    return simplify(Program(tuple(inputs), constants, tuple(operations), output))


def evaluate(operations: Sequence[Operation], values: Mapping[int, Array]) -> dict[int, Array]:
    """Return ``values`` with the results of all operations."""
    known = dict(values)
    for operation in operations:
        results = operation.call(*[known[number] for number in operation.operands])
        known |= zip(operation.results, results, strict=True)
    return known


def simplify(program: Program) -> Program:
    """Fold constants, share equal selections, and drop unused operations."""
    constants, kept = dict(program.constants), []
    same: dict[int, int] = {}
    selections: dict[Any, tuple[int, ...]] = {}
    for operation in program.operations:
        operation = operation._replace(operands=tuple(same.get(n, n) for n in operation.operands))
        key = _selection(operation)
        fixed = all(number in constants for number in operation.operands)
        if fixed and program.output not in operation.results:
            constants |= evaluate([operation], {n: constants[n] for n in operation.operands})
        elif key in selections:
            same |= zip(operation.results, selections[key], strict=True)
        else:
            kept.append(operation)
            if key is not None:
                selections[key] = operation.results
    output = same.get(program.output, program.output)
    return Program(program.inputs, constants, _needed(kept, output), output)


def _needed(operations: Sequence[Operation], output: int) -> tuple[Operation, ...]:
    needed, kept = {output}, []
    for operation in reversed(operations):
        if needed.intersection(operation.results):
            needed.update(operation.operands)
            kept.append(operation)
    return tuple(kept[::-1])


def _selection(operation: Operation) -> Any:
    # x[0] written twice is one variable of the mathematics, though two operations of the program
    name = operation.equation.primitive.name
    if name not in ("slice", "squeeze"):
        return None
    return name, str(operation.equation.params), operation.operands


def _walk(
    closed: ClosedJaxpr,
    arguments: Sequence[int],
    numbers: Iterator[int],
    constants: dict[int, Array],
    operations: list[Operation],
) -> list[int]:
    """Append the operations of a body to the lists given, and return its output variables."""

    def constant(value: Any, dtype: Any = None) -> int:
        number = next(numbers)
        constants[number] = jnp.asarray(value, dtype)
        return number

    body = closed.jaxpr
    scope: dict[Any, int] = dict(zip(body.invars, arguments, strict=True))
    scope |= {v: constant(value) for v, value in zip(body.constvars, closed.consts, strict=True)}

    def read(atom: Any) -> int:
        if not isinstance(atom, Literal):
            return scope[atom]
        aval: Any = atom.aval
        return constant(atom.val, aval.dtype)

    for equation in body.eqns:
        operands = tuple(read(atom) for atom in equation.invars)
        name = equation.primitive.name
        if name in CALLS:
            nested = equation.params[CALLS[name]]
            nested = nested if isinstance(nested, ClosedJaxpr) else ClosedJaxpr(nested, [])
            results = _walk(nested, operands, numbers, constants, operations)
        else:
            results = [next(numbers) for _ in equation.outvars]
            call = _callable(body, equation)
            operations.append(Operation(equation, call, operands, tuple(results)))
        scope |= zip(equation.outvars, results, strict=True)
    return [read(atom) for atom in body.outvars]


def _callable(body: Jaxpr, equation: JaxprEqn) -> Callable[..., Sequence[Array]]:
    # a program of this one equation: JAX then runs it with its context and gradient rule
    operands: list[Any] = [Var(atom.aval) for atom in equation.invars]
    alone = body.replace(
        constvars=[],
        invars=operands,
        outvars=list(equation.outvars),
        eqns=[equation.replace(invars=operands)],
    )
    return jaxpr_as_fun(ClosedJaxpr(alone, []))
