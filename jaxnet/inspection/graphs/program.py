"""Straight-line programs of primitive operations: a jaxpr with calls inlined."""

import itertools
import math
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
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
        scope: name of the outermost `jax.named_scope` that it was traced in; empty for none.
        folded: name of the several operations that it stands for, of which the equation is the
            last; empty for one primitive operation.
    """

    equation: JaxprEqn
    call: Callable[..., Sequence[Array]]
    operands: tuple[int, ...]
    results: tuple[int, ...]
    scope: str = ""
    folded: str = ""


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


def unfold(closed: ClosedJaxpr, *, fold_scopes: bool) -> Program:
    """Return a jaxpr with one output as a program in which calls are replaced by their bodies.

    Sums divided by the number of their terms become one operation each, the mean; with
    ``fold_scopes`` so does what is computed within a `jax.named_scope`.
    """
    numbers, constants, operations = itertools.count(), {}, []
    inputs = [next(numbers) for _ in closed.jaxpr.invars]
    (output,) = _walk(closed, inputs, numbers, constants, operations)
    program = simplify(Program(tuple(inputs), constants, tuple(operations), output))
    return fold_means(fold_named_scopes(program) if fold_scopes else program)


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


def fold_named_scopes(program: Program) -> Program:
    """Make one operation of each call of a function within a `jax.named_scope`.

    Operations in a row belong to one call if one leads to the other within the scope.
    """
    folded: list[Operation] = []
    for scope, run in itertools.groupby(program.operations, key=lambda operation: operation.scope):
        same = list(run)
        folded += [_folded(scope, c, program) for c in _connected(same)] if scope else same
    return program._replace(operations=tuple(folded))


def fold_means(program: Program) -> Program:
    """Make one operation of each sum that is only divided by the number of its terms."""
    uses = Counter(n for operation in program.operations for n in operation.operands)
    sums = {o.results[0]: o for o in program.operations if _is(o, "reduce_sum")}
    kept: dict[tuple[int, ...], Operation] = {o.results: o for o in program.operations}
    for operation in program.operations:
        total = sums.get(operation.operands[0]) if _is(operation, "div") else None
        if total is None or uses[total.results[0]] != 1:
            continue
        summed: Any = total.equation.invars[0]
        terms = math.prod(summed.aval.shape[axis] for axis in total.equation.params["axes"])
        divisor = program.constants.get(operation.operands[1])
        if divisor is not None and divisor.ndim == 0 and divisor == terms:
            kept[operation.results] = _folded("mean", [total, operation], program)
            del kept[total.results]
    return program._replace(operations=tuple(kept.values()))


def _is(operation: Operation, primitive: str) -> bool:
    return not operation.folded and operation.equation.primitive.name == primitive


def _connected(operations: Iterable[Operation]) -> list[list[Operation]]:
    """Group operations that lead to each other, in the order of each group's last one."""
    groups: list[list[Operation]] = []
    for operation in operations:
        read = set(operation.operands)
        linked = [o for group in groups if not read.isdisjoint(_results(group)) for o in group]
        groups = [group for group in groups if read.isdisjoint(_results(group))]
        groups.append([*linked, operation])
    return groups


def _folded(name: str, operations: Sequence[Operation], program: Program) -> Operation:
    """Make one operation of several; constants that they read are part of it."""
    within, constants = _results(operations), program.constants
    read = dict.fromkeys(n for operation in operations for n in operation.operands)
    operands = tuple(n for n in read if n not in within and n not in constants)
    fixed = {n: constants[n] for n in read if n in constants}
    others = [o for o in program.operations if o.results not in {o.results for o in operations}]
    needed = {program.output}.union(*(operation.operands for operation in others))
    results = tuple(n for o in operations for n in o.results if n in needed)

    def call(*values: Array) -> Sequence[Array]:
        known = evaluate(operations, fixed | dict(zip(operands, values, strict=True)))
        return [known[n] for n in results]

    return Operation(operations[-1].equation, call, operands, results, folded=name)


def _results(operations: Iterable[Operation]) -> set[int]:
    return {number for operation in operations for number in operation.results}


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
    within: str = "",
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
        name, named = equation.primitive.name, within or _outermost_scope(equation)
        if name in CALLS:
            nested = equation.params[CALLS[name]]
            nested = nested if isinstance(nested, ClosedJaxpr) else ClosedJaxpr(nested, [])
            results = _walk(nested, operands, numbers, constants, operations, named)
        else:
            results = [next(numbers) for _ in equation.outvars]
            call = _callable(body, equation)
            operations.append(Operation(equation, call, operands, tuple(results), named))
        scope |= zip(equation.outvars, results, strict=True)
    return [read(atom) for atom in body.outvars]


def _outermost_scope(equation: JaxprEqn) -> str:
    # such as huber/norm, or vmap(huber)/norm within a transformation
    stack = re.match(r"(?:\w+\()*([^/()]*)", str(equation.source_info.name_stack))
    return stack[1] if stack else ""


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
