"""The computation graph of a function, with forward values and backward gradients."""

import collections
import inspect
import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxnet.core.checks import (
    check_count,
    check_flags,
    check_function,
    check_instance,
    require,
    require_type,
)
from jaxnet.core.errors import invalid_type
from jaxnet.core.representation import represent, representation
from jaxnet.core.types import Array
from jaxnet.inspection.graphs.notation import WITH_CONSTANT, label
from jaxnet.inspection.graphs.program import Program, unfold
from jaxnet.inspection.graphs.propagated import Propagated, propagate
from jaxnet.inspection.graphs.steps import Step, group


class Node(NamedTuple):
    """A variable of the computation.

    Attributes:
        identifier: its name, unique in the graph: ``x`` of an input, ``z1``, ``z2`` ... in the
            order of evaluation, ``y`` of the output.
        label: how it is computed, such as ``+``; for inputs and constants their kind.
        kind: input, constant, operation or output.
        value: of the forward pass.
        gradient: ``dy/dz``, the sum of the messages on all links that leave the node; None where
            the output cannot be differentiated: constants, integers and what depends on no input.
    """

    identifier: str
    label: str
    kind: Literal["input", "constant", "operation", "output"]
    value: Array
    gradient: Array | None

    __repr__ = represent


class Link(NamedTuple):
    """A link from a variable to one that is computed from it.

    Attributes:
        source: identifier of the variable that is read.
        target: identifier of the variable that is computed.
        derivative: of the target by the source, shape ``(*target, *source)``; None where the
            source has no gradient, or the Jacobian has more than ``jacobian_limit`` entries.
        message: what flows back: the target's gradient times the derivative, shape of the source.
    """

    source: str
    target: str
    derivative: Array | None
    message: Array | None

    __repr__ = represent


class Graph(NamedTuple):
    """A computation graph.

    Attributes:
        nodes: inputs and constants, then the operations in the order of evaluation.
        links: in the order of the operations that they lead to; one for each pair of nodes.
    """

    nodes: tuple[Node, ...]
    links: tuple[Link, ...]

    def __repr__(self) -> str:
        kinds = collections.Counter(node.kind for node in self.nodes)
        return representation("Graph", **kinds, links=len(self.links))


def computation_graph(
    function: Callable[..., Any],
    *args: Any,
    names: Iterable[str] | None = None,
    jacobian_limit: int = 64,
    fold: bool = True,
) -> Graph:
    """Return the computation graph of a scalar function at a point, as the lectures draw it.

    Forward, each node takes its value from the nodes that point to it. Backward, from
    ``dy/dy = 1`` on, each link multiplies by its derivative and each node sums over its children:
    ``dy/dz = sum_c dy/dc dc/dz``. At the inputs that is `jax.grad` of the function.

    The nodes are the operations of the function's jaxpr. Jitted functions are drawn by what is
    inside; a function with a custom gradient rule, such as `jax.nn.relu`, and a loop or branch
    of `jax.lax` is one node for each of its results. So is what is computed within a
    `jax.named_scope`, with the constants that it reads: each loss of `jaxnet.losses` is one node
    of its name. A sum divided by the number of its terms is a mean. Numbers are in the labels
    (``× 7``), changes of shape belong to their link. A variable used twice by one operation has
    one link to it, with the sum of both derivatives.

    Args:
        function: takes the arguments and returns one floating-point scalar.
        args: where to evaluate it: pytrees of arrays or numbers, each leaf one input. Integers
            are inputs without a gradient.
        names: of the arguments; by default the function's own. Leaves are named by their path.
        jacobian_limit: number of entries up to which a derivative is kept.
        fold: whether what is within a `jax.named_scope` is one node.

    Returns:
        The graph, with concrete values throughout.

    Raises:
        TypeError: if an argument is not of real numbers, or the function does not take them.
        ValueError: if the function does not return one floating-point scalar, or cannot be
            differentiated backward (a loop of unknown length); or if names are too few.

    Source: lectures 000, 001 and 002.

    >>> graph = computation_graph(lambda x: jnp.log(jnp.exp((2 * x) ** 2)), 0.5)
    >>> [node.label for node in graph.nodes]
    ['input', '× 2', '( )²', 'exp', 'log']
    >>> [round(float(node.gradient), 4) for node in graph.nodes]
    [4.0, 2.0, 1.0, 0.3679, 1.0]
    """
    check_count("jacobian_limit", jacobian_limit, minimum=0)
    check_flags(fold=fold)
    _check_call(function, args)
    named = _named_leaves(function, args, names)
    shapes = jax.tree.leaves(jax.eval_shape(function, *args))
    single = [leaf.shape == () and jnp.issubdtype(leaf.dtype, jnp.floating) for leaf in shapes]
    actual = ", ".join(f"{leaf.dtype}{list(leaf.shape)}" for leaf in shapes) or "nothing"
    require(single == [True], "function", "to return one floating-point scalar", actual)
    # the barrier computes nothing; with it the output is an operation's even where there is none
    whole = jax.make_jaxpr(lambda *x: jax.lax.optimization_barrier(function(*x)))(*args)
    program = unfold(whole, fold_scopes=fold)
    steps = group(program)
    inputs = dict(zip(program.inputs, named.values(), strict=True))
    passes = propagate(program, steps, inputs, jacobian_limit=jacobian_limit)
    return _assemble(program, steps, list(named), passes)


def _named_leaves(
    function: Callable[..., Any], args: Sequence[Any], names: Iterable[str] | None
) -> dict[str, Array]:
    names = _argument_names(function, len(args)) if names is None else names
    names = tuple(names) if np.iterable(names) and not isinstance(names, str) else names
    texts = isinstance(names, tuple) and all(isinstance(name, str) for name in names)
    good = texts and len(args) == len(names) == len(set(names))
    require(good, "names", "to be one for each argument, all different", repr(names))
    leaves = {}
    for name, arg in zip(names, args, strict=True):
        for path, leaf in jax.tree_util.tree_leaves_with_path(arg):
            leaf_name = name + jax.tree_util.keystr(path)
            leaves[leaf_name] = _real(leaf_name, leaf)
    return leaves


def _check_call(function: Any, args: Sequence[Any]) -> None:
    check_function("function", function, "Pass the function and its arguments.")
    try:
        inspect.signature(function).bind(*args)
    except ValueError:  # some functions written in C have none
        return
    except TypeError as error:
        raise invalid_type("args", "to be those that the function takes", error) from None


def check_graph(graph: Any) -> None:
    """Check that an argument is a graph, not the function itself."""
    remedy = "Pass computation_graph(function, *args)."
    check_instance("graph", graph, Graph, "to be a Graph", remedy)


def _real(name: str, leaf: Any) -> Array:
    kind = getattr(leaf, "dtype", type(leaf).__name__)
    known = isinstance(leaf, jax.Array | np.ndarray | np.generic | int | float)
    real = known and not jnp.issubdtype(jnp.result_type(leaf), jnp.complexfloating)
    remedy = "Close over what is not to be drawn, by a lambda."
    require_type(real, name, "to be of real numbers", kind, remedy)
    return jnp.asarray(leaf)


def _argument_names(function: Callable[..., Any], count: int) -> list[str]:
    try:
        parameters = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):  # some functions written in C have none
        parameters = []
    known = [p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    return known[:count] if len(known) >= count else [f"x{i}" for i in range(count)]


def _assemble(
    program: Program, steps: Sequence[Step], names: Sequence[str], passes: Propagated
) -> Graph:
    read = {step.result: _read(step, program.constants) for step in steps}
    constants = {n: None for numbers in read.values() for n in numbers if n in program.constants}
    named = dict(zip(program.inputs, names, strict=True))
    for prefix, numbers in {
        "c": list(constants),
        "z": [step.result for step in steps[:-1]],
        "y": [program.output],
    }.items():
        named |= _fresh(prefix, numbers, named)
    kinds: dict[int, Any] = dict.fromkeys(program.inputs, "input") | dict.fromkeys(
        constants, "constant"
    )
    labels = kinds | {step.result: _label(step, program, named, passes) for step in steps}
    kinds |= {step.result: "operation" for step in steps} | {program.output: "output"}
    nodes = [
        Node(named[n], labels[n], kind, passes.values[n], passes.gradients.get(n))
        for n, kind in kinds.items()
    ]
    links = [
        Link(named[source], named[target], *passes.links[source, target])
        for target, numbers in read.items()
        for source in numbers
    ]
    return Graph(tuple(nodes), tuple(links))


def _in_label(step: Step, constants: Mapping[int, Array]) -> dict[int, Array]:
    """Return position -> number of a scalar constant in the step's label."""
    if step.main.folded or step.main.equation.primitive.name not in WITH_CONSTANT:
        return {}
    held = {i: constants[n] for i, n in enumerate(step.operands) if n in constants}
    return {i: value for i, value in held.items() if value.ndim == 0}


def _read(step: Step, constants: Mapping[int, Array]) -> list[int]:
    """Return the variables linked to the step, without those in its label."""
    held = _in_label(step, constants)
    return list(dict.fromkeys(n for i, n in enumerate(step.operands) if i not in held))


def _label(step: Step, program: Program, named: Mapping[int, str], passes: Propagated) -> str:
    equation = step.main.equation
    if step.main.folded:
        words = step.main.folded
        return words if step.position is None else f"{words} ({step.position + 1})"
    shape = passes.values[step.operands[0]].shape if step.operands else ()
    words = label(
        equation.primitive.name,
        equation.params,
        shape,
        [named.get(number, "") for number in step.operands],
        _in_label(step, program.constants),
    )
    return words if step.position is None else f"{words} ({step.position + 1})"


def _fresh(prefix: str, numbers: Sequence[int], named: Mapping[int, str]) -> dict[int, str]:
    """Return number -> name: the prefix and 1, 2 ..., the prefix alone for an output."""
    taken = set(named.values())
    plain = [] if prefix != "y" else [prefix]
    free = (
        name for name in itertools.chain(plain, map(f"{prefix}{{}}".format, itertools.count(1)))
    )
    return dict(zip(numbers, (name for name in free if name not in taken), strict=False))
