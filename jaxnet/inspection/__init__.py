"""Looking into functions and networks: what they compute, and how their gradients come about."""

from jaxnet.inspection.graph import Graph, Link, Node, computation_graph

__all__ = ["Graph", "Link", "Node", "computation_graph"]
