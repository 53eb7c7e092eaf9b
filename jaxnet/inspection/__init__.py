"""Looking into functions and networks: what they compute, and how their gradients come about."""

from jaxnet.inspection.gradient_check import GradientCheck, check_gradients
from jaxnet.inspection.graph import Graph, Link, Node, computation_graph
from jaxnet.inspection.layout import layout
from jaxnet.inspection.svg import to_svg
from jaxnet.inspection.tape import Tape, features, tape
from jaxnet.inspection.text import to_graphviz, to_mermaid

__all__ = [
    "GradientCheck",
    "Graph",
    "Link",
    "Node",
    "Tape",
    "check_gradients",
    "computation_graph",
    "features",
    "layout",
    "tape",
    "to_graphviz",
    "to_mermaid",
    "to_svg",
]
