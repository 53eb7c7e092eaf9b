"""Graphs that the lectures work by hand, with their numbers."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np

from experiments.harness.record import Claim
from jaxnet.inspection import Graph, computation_graph

TOLERANCE = 1e-5
"""Relative error, absolute below 1; the largest measured in float32 on a CPU is 3e-8."""


class Worked(NamedTuple):
    """Worked example.

    Attributes:
        name: name of its files.
        source: the lecture.
        formula: function and point, as text.
        function: function of scalars.
        point: its arguments.
        values: node -> forward value in the lecture.
        derivatives: target -> derivative on its only link.
        gradients: node -> gradient of the output in the lecture.
    """

    name: str
    source: str
    formula: str
    function: Callable[..., Any]
    point: tuple[float, ...]
    values: Mapping[str, float]
    derivatives: Mapping[str, float]
    gradients: Mapping[str, float]


def _chain(x: Any) -> Any:
    return jnp.log(jnp.exp((2 * x) ** 2))


def _two_ways(x: Any) -> Any:
    return 2 * (x**2) ** 3 + (x**3) ** 2


def _square(x: Any) -> Any:
    return (3 * x) ** 2


def _network(xi: Any, beta: Any, omega: Any, alpha: Any) -> Any:
    a0 = jnp.tanh(xi * 2)
    o = jnp.tanh(alpha * jnp.tanh(beta * a0) + jnp.tanh(omega * a0))
    return (o - 1) ** 2


def _network_by_hand(xi: float, beta: float, omega: float, alpha: float) -> dict[str, float]:
    """Return the gradients of `_network` by the slides' products of derivatives."""
    a0 = np.tanh(xi * 2)
    a1, a2 = np.tanh(beta * a0), np.tanh(omega * a0)
    o = np.tanh(alpha * a1 + a2)
    dz = 2 * (o - 1) * (1 - o**2)
    dh1, dh2 = dz * alpha * (1 - a1**2), dz * (1 - a2**2)
    dh0 = (dh1 * beta + dh2 * omega) * (1 - a0**2)
    return {"xi": dh0 * 2, "beta": dh1 * a0, "omega": dh2 * a0, "alpha": dz * a1}


_WEIGHTS = (0.5, -1.0, 1.0, 2.0)


def _shared(x0: Any, x1: Any, x2: Any) -> Any:
    return (x0 + x1) ** 2 + 7 * x0 + jnp.cos(x0 + x2)


WORKED = (
    Worked(
        "square",
        "lecture 000",
        "y = (3x)² = 9x² at x = 2",
        _square,
        (2.0,),
        {"z1": 6.0, "y": 36.0},
        {"z1": 3.0, "y": 12.0},
        {"x": 36.0},
    ),
    Worked(
        "chain",
        "lecture 001",
        "y = log exp (2x)² at x = 0.5",
        _chain,
        (0.5,),
        {"z1": 1.0, "z2": 1.0, "z3": np.e, "y": 1.0},
        {"z1": 2.0, "z2": 2.0, "z3": np.e, "y": 1 / np.e},
        {"z3": 1 / np.e, "z2": 1.0, "z1": 2.0, "x": 4.0},
    ),
    Worked(
        "two_ways",
        "lecture 000",
        "y = 2(x²)³ + (x³)² at x = 1",
        _two_ways,
        (1.0,),
        {},
        {},
        {"x": 18.0},
    ),
    Worked(
        "shared",
        "lecture 002",
        "y = (x0 + x1)² + 7 x0 + cos(x0 + x2) at (2, 3, −2)",
        _shared,
        (2.0, 3.0, -2.0),
        {"y": 40.0},
        {},
        {"x0": 17.0, "x1": 10.0, "x2": 0.0},
    ),
    Worked(
        "small_network",
        "lecture 000",
        "y = (o − 1)² of o = tanh(α tanh(β a) + tanh(ω a)), a = tanh 2ξ",
        _network,
        _WEIGHTS,
        {},
        {},
        _network_by_hand(*_WEIGHTS),
    ),
)


def graph_of(worked: Worked) -> Graph:
    """Return the example's computation graph."""
    return computation_graph(worked.function, *worked.point)


def check(worked: Worked, graph: Graph, by_autodiff: Mapping[str, float]) -> list[Claim]:
    """Compare the graph's numbers with those of the lecture and of `jax.grad`."""
    nodes = {node.identifier: node for node in graph.nodes}
    links = {link.target: link for link in graph.links}
    output = graph.nodes[-1].identifier
    rows = [(f"forward {n}", nodes[n].value, value) for n, value in worked.values.items()]
    rows += [
        (f"d{n}/d{links[n].source} on its link", links[n].derivative, value)
        for n, value in worked.derivatives.items()
    ]
    rows += [(f"d{output}/d{n}", nodes[n].gradient, v) for n, v in worked.gradients.items()]
    claims = [
        _claim(f"{worked.name}: {what} is {golden:.6g}", worked.source, measured, golden)
        for what, measured, golden in rows
    ]
    return claims + [
        _claim(
            f"{worked.name}: d{output}/d{n} is that of jax.grad", "JAX", nodes[n].gradient, value
        )
        for n, value in by_autodiff.items()
    ]


def tabulate(worked: Worked, graph: Graph, by_autodiff: Mapping[str, float]) -> str:
    """Return the graph as a table of nodes, each with its outgoing links."""
    lines = [f"\n{worked.source}: {worked.formula}", _row("", "forward", "lecture", "gradient")]
    lines[-1] += f"{'lecture':>11}{'jax.grad':>11}"
    for node in graph.nodes:
        name = node.identifier
        numbers = [
            node.value,
            worked.values.get(name),
            node.gradient,
            worked.gradients.get(name),
            by_autodiff.get(name),
        ]
        lines.append(_row(f"{name}: {node.label}", *map(_number, numbers)))
        lines += [
            f"    back from {link.target}: {_number(link.derivative)} times "
            f"{_number(_gradient(graph, link.target))} = {_number(link.message)}"
            for link in graph.links
            if link.source == name
        ]
    return "\n".join(lines)


def _claim(statement: str, source: str, measured: Any, golden: float) -> Claim:
    error = abs(float(measured) - golden)
    holds = error <= TOLERANCE * max(1.0, abs(golden))
    return Claim(statement, source, float(measured), "=", golden, holds)


def _gradient(graph: Graph, name: str) -> Any:
    return next(node.gradient for node in graph.nodes if node.identifier == name)


def _row(head: str, *cells: str) -> str:
    return f"  {head:<14}" + "".join(f"{cell:>11}" for cell in cells)


def _number(value: Any) -> str:
    return "" if value is None else f"{float(value) + 0.0:.4g}".replace("-", "−")  # no −0
