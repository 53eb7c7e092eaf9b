"""Looking into functions and networks: what they compute, and how their gradients come about."""

from jaxnet.inspection.graph import Graph, Link, Node, computation_graph
from jaxnet.inspection.layout import layout
from jaxnet.inspection.svg import to_svg
from jaxnet.inspection.text import to_graphviz, to_mermaid

__all__ = [
    "Graph",
    "Link",
    "Node",
    "computation_graph",
    "layout",
    "to_graphviz",
    "to_mermaid",
    "to_svg",
]
