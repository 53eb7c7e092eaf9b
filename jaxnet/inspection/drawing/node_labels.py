"""Labels of the nodes and links of a computation graph."""

from typing import Any, NamedTuple

from jaxnet.core.representation import represent
from jaxnet.inspection.graphs.graph import Graph, Link
from jaxnet.inspection.graphs.notation import dimensions, entries, summary


class Caption(NamedTuple):
    """Lines of text of a node.

    Attributes:
        label: the operation.
        value: the forward value, ``z1 = 5``.
        gradient: the accumulated gradient, ``∂y/∂z1 = 10``; empty where there is none.
    """

    label: str
    value: str
    gradient: str

    __repr__ = represent


def node_captions(graph: Graph) -> dict[str, Caption]:
    """Return identifier -> caption, in the order of the nodes."""
    output = next(node.identifier for node in graph.nodes if node.kind == "output")
    return {
        node.identifier: Caption(
            node.label,
            _equation(node.identifier, node.value),
            ""
            if node.gradient is None
            else _equation(f"∂{output}/∂{node.identifier}", node.gradient),
        )
        for node in graph.nodes
    }


def link_captions(graph: Graph) -> dict[tuple[str, str], str]:
    """Return source and target -> the local derivative, or its shape where it is large.

    Empty where nothing flows back.
    """
    shapes = {node.identifier: node.value.shape for node in graph.nodes}
    return {
        (link.source, link.target): _derivative(link, shapes[link.target] + shapes[link.source])
        for link in graph.links
    }


def _equation(name: str, value: Any) -> str:
    text = entries(value)
    return f"{name} = {text}" if text else f"{name}: {summary(value)}"


def _derivative(link: Link, shape: tuple[int, ...]) -> str:
    if link.message is None:
        return ""
    text = "" if link.derivative is None else entries(link.derivative)
    return text or dimensions(shape)
