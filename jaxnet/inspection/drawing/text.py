"""Computation graphs in the languages of Graphviz and Mermaid."""

from jaxnet.inspection.drawing.node_labels import link_captions, node_captions
from jaxnet.inspection.graphs.graph import Graph, check_graph

BACKWARD = "#c2410c"

SHAPES = {"input": "ellipse", "constant": "plaintext", "operation": "box", "output": "box"}
"""Kind of node -> Graphviz's shape."""

BRACKETS = {
    "input": ("([", "])"),
    "constant": ("[/", "/]"),
    "operation": ("[", "]"),
    "output": ("[[", "]]"),
}
"""Kind of node -> Mermaid's brackets, which set the shape."""


def to_graphviz(graph: Graph) -> str:
    r"""Return a computation graph in Graphviz's DOT language.

    Nodes and links are labelled as those of `to_svg`: label, value, gradient; derivatives on
    orange dashed links, which run back and leave the ranks to the forward ones.

    Raises:
        TypeError: for other types than a graph.

    >>> from jaxnet.inspection.graphs.graph import computation_graph
    >>> graph = computation_graph(lambda x: 2 * x, 0.5)
    >>> print(to_graphviz(graph).splitlines()[4])
      n1 [shape=box, label="× 2\ny = 1\n∂y/∂y = 1"];
    """
    check_graph(graph)
    captions, derivatives = node_captions(graph), link_captions(graph)
    index = {name: f"n{i}" for i, name in enumerate(captions)}
    lines = ["digraph computation {", "  rankdir=LR;", '  node [fontname="sans-serif"];']
    for node in graph.nodes:
        label = "\\n".join(_dot(line) for line in captions[node.identifier] if line)
        lines.append(f'  {index[node.identifier]} [shape={SHAPES[node.kind]}, label="{label}"];')
    for (source, target), derivative in derivatives.items():
        lines.append(f"  {index[source]} -> {index[target]};")
        if derivative:
            style = f'color="{BACKWARD}", fontcolor="{BACKWARD}", style=dashed, constraint=false'
            text = f'label="{_dot(derivative)}"'
            lines.append(f"  {index[target]} -> {index[source]} [{text}, {style}];")
    return "\n".join([*lines, "}"]) + "\n"


def to_mermaid(graph: Graph) -> str:
    """Return a computation graph as a Mermaid flowchart, for Markdown pages.

    Nodes and links are labelled as those of `to_svg`: label, value, gradient; derivatives on
    dotted links, which run back.

    Raises:
        TypeError: for other types than a graph.

    >>> from jaxnet.inspection.graphs.graph import computation_graph
    >>> graph = computation_graph(lambda x: 2 * x, 0.5)
    >>> print(to_mermaid(graph).splitlines()[4])
      n1 -. "2" .-> n0
    """
    check_graph(graph)
    captions, derivatives = node_captions(graph), link_captions(graph)
    index = {name: f"n{i}" for i, name in enumerate(captions)}
    lines = ["flowchart LR"]
    for node in graph.nodes:
        left, right = BRACKETS[node.kind]
        label = "<br/>".join(_mermaid(line) for line in captions[node.identifier] if line)
        lines.append(f'  {index[node.identifier]}{left}"{label}"{right}')
    backward, drawn = [], 0
    for (source, target), derivative in derivatives.items():
        lines.append(f"  {index[source]} --> {index[target]}")
        drawn += 1
        if derivative:
            lines.append(f'  {index[target]} -. "{_mermaid(derivative)}" .-> {index[source]}')
            backward.append(str(drawn))
            drawn += 1
    if backward:
        lines.append(f"  linkStyle {','.join(backward)} stroke:{BACKWARD},color:{BACKWARD}")
    return "\n".join(lines) + "\n"


def _dot(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')


def _mermaid(text: str) -> str:
    # Mermaid has no backslash escapes; it reads entities written with # and a decimal code
    special = '#&<>"`[]|'
    return "".join(f"#{ord(char)};" if char in special else char for char in text)
