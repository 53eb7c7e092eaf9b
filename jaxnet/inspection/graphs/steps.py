"""Steps of a program: groups of operations that form one node of the graph.

Bookkeeping (changes of shape or float type that leave every number as it is) is not a separate
step. It joins the step of its operand if nothing else uses that operand; otherwise it joins each
step that uses it.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import jax.numpy as jnp

from jaxnet.core.types import Array
from jaxnet.inspection.graphs.program import Operation, Program, evaluate

BOOKKEEPING = frozenset(
    {
        "broadcast_in_dim",
        "convert_element_type",
        "copy",
        "copy_p",
        "device_put",
        "name",
        "optimization_barrier",
        "pvary",
        "reshape",
        "sharding_constraint",
        "squeeze",
        "transpose",
    }
)
"""Primitives that move numbers without changing them."""


class Step(NamedTuple):
    """One node of the graph before it has a value.

    Attributes:
        main: the operation that names the step.
        operations: main with the bookkeeping before and after it, in the order of evaluation.
        operands: the variable read for each operand of main.
        result: the variable written.
        position: index among main's results; None if only one is used.
    """

    main: Operation
    operations: tuple[Operation, ...]
    operands: tuple[int, ...]
    result: int
    position: int | None


def group(program: Program) -> list[Step]:
    """Return the steps of a program in the order of evaluation."""
    uses = Counter(n for operation in program.operations for n in operation.operands)
    uses[program.output] += 1
    steps: dict[int, Step] = {}
    views: dict[int, tuple[int, tuple[Operation, ...]]] = {}
    for operation in program.operations:
        if _is_bookkeeping(operation):
            (source,), (result,) = operation.operands, operation.results
            if source in steps and uses[source] == 1:
                step = steps.pop(source)
                operations = (*step.operations, operation)
                steps[result] = step._replace(operations=operations, result=result)
                continue
            if result != program.output:
                root, before = views.get(source, (source, ()))
                views[result] = root, (*before, operation)
                continue
        seen = [views.get(number, (number, ())) for number in operation.operands]
        before = {view.results: view for _, chain in seen for view in chain}.values()
        operands = tuple(root for root, _ in seen)
        used = [number for number in operation.results if uses[number]]
        for result in used:
            position = None if len(used) == 1 else operation.results.index(result)
            steps[result] = Step(operation, (*before, operation), operands, result, position)
    return list(steps.values())


def run(step: Step, values: Mapping[int, Array]) -> Array:
    """Evaluate a step from the values of its variables."""
    return evaluate(step.operations, values)[step.result]


def sources(step: Step) -> Sequence[int]:
    """Return the variables that the step reads, each once, in the order of its operands."""
    return list(dict.fromkeys(step.operands))


def _is_bookkeeping(operation: Operation) -> bool:
    if operation.folded or operation.equation.primitive.name not in BOOKKEEPING:
        return False
    # a change of type to or from integers is a step: there the gradient ends
    atoms: list[Any] = [*operation.equation.invars, *operation.equation.outvars]
    return len(atoms) == 2 and len({jnp.issubdtype(a.aval.dtype, jnp.floating) for a in atoms}) == 1
