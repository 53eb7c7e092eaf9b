"""Computation graphs as self-contained SVG with selectable text."""

from collections.abc import Mapping, Sequence
from xml.sax.saxutils import escape

from jaxnet.inspection.drawing.layout import (
    FONT,
    LINE,
    PADDING,
    Box,
    Layout,
    Point,
    Route,
    layout,
    text_width,
)
from jaxnet.inspection.drawing.node_labels import Caption, node_captions
from jaxnet.inspection.graphs.graph import Graph, check_graph

FORWARD, BACKWARD, QUIET = "#1f2937", "#c2410c", "#6b7280"
FILLS = {"input": "#e0ecf9", "constant": "#f3f4f6", "operation": "#ffffff", "output": "#e3f4e6"}
"""Kind of node -> colour of its box."""

HEAD = 34.0

LEGEND = "black: forward value and link; orange: derivative on the way back, accumulated gradient"

_STYLE = (
    f"text{{font:{FONT:g}px 'DejaVu Sans',Verdana,sans-serif;fill:{FORWARD};text-anchor:middle}}"
    f".title{{font-size:18px;font-weight:bold}}.label{{font-weight:bold}}"
    f".back{{fill:{BACKWARD}}}.quiet{{fill:{QUIET};font-size:12px}}"
    f"path{{fill:none;stroke:{FORWARD};stroke-width:1.6}}"
    f"path.back{{fill:none;stroke:{BACKWARD};stroke-width:1.4;stroke-dasharray:5 3}}"
    f"rect{{stroke:{FORWARD};stroke-width:1.2}}rect.bare{{fill:#fff;stroke:none}}"
)


def to_svg(graph: Graph, *, title: str | None = None) -> str:
    """Return a computation graph as an SVG document, dark on white.

    Each box holds how the node is computed, its forward value, and beneath, in orange, its
    gradient. Dashed orange links run back beneath the forward ones and bear their derivative.

    Args:
        graph: as `computation_graph` returns it.
        title: above the drawing, also read first by screen readers.

    Returns:
        The document, whose size follows from the graph.

    Raises:
        TypeError: for other types than a graph.

    >>> from jaxnet.inspection.graphs.graph import computation_graph
    >>> graph = computation_graph(lambda x: 2 * x, 0.5)
    >>> to_svg(graph, title="y = 2x").splitlines()[1]
    '<title>y = 2x</title>'
    """
    check_graph(graph)
    drawing, captions = layout(graph), node_captions(graph)
    kinds = {node.identifier: node.kind for node in graph.nodes}
    name = title or "Computation graph"
    width = max(drawing.width, text_width(LEGEND), 1.3 * text_width(name) + 2 * PADDING)
    top = HEAD if title else 0.0
    height = drawing.height + top + 2 * LINE
    shift = (width - drawing.width) / 2
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" width="{width:.0f}" '
        f'height="{height:.0f}" viewBox="0 0 {width:.0f} {height:.0f}">',
        f"<title>{escape(name)}</title>",
        f"<desc>{escape(describe(captions))}</desc>",
        f"<style>{_STYLE}</style>",
        _ARROWS,
        '<rect width="100%" height="100%" class="bare"/>',
        *([_text(width / 2, 24, name, "title")] if title else []),
        f'<g transform="translate({shift:.1f} {top:.1f})">',
        *_drawing(drawing, captions, kinds),
        "</g>",
        _text(width / 2, height - 12, LEGEND, "quiet"),
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


Graph._repr_svg_ = to_svg  # pyright: ignore[reportAttributeAccessIssue]
# notebooks show graphs, whose module knows no drawings


def describe(captions: Mapping[str, Caption]) -> str:
    """Describe the drawing in words, for screen readers.

    >>> describe({"x": Caption("input", "x = 3", "∂y/∂x = 2")})
    'x = 3 (input), ∂y/∂x = 2.'
    """
    lines = (
        ", ".join(filter(None, (f"{caption.value} ({caption.label})", caption.gradient)))
        for caption in captions.values()
    )
    return "; ".join(lines) + "."


def _drawing(
    drawing: Layout, captions: Mapping[str, Caption], kinds: Mapping[str, str]
) -> list[str]:
    forward = [_path(route.forward, "forward") for route in drawing.routes]
    back = [route for route in drawing.routes if route.backward]
    return [
        *forward,
        *[_path(route.backward, "back") for route in back],
        *[line for route in back for line in _label(route)],
        *[
            line
            for name, box in drawing.boxes.items()
            for line in _node(box, captions[name], FILLS[kinds[name]])
        ],
    ]


def _node(box: Box, caption: Caption, fill: str) -> list[str]:
    x, y = box.x - box.width / 2, box.y - box.height / 2
    lines = [(caption.label, "label"), (caption.value, ""), (caption.gradient, "back")]
    lines = [(text, kind) for text, kind in lines if text]
    first = box.y - (len(lines) - 1) * LINE / 2 + FONT / 3
    return [
        f'<rect x="{x:.1f}" y="{y:.1f}" width="{box.width:.1f}" height="{box.height:.1f}" '
        f'rx="8" fill="{fill}"/>',
        *[_text(box.x, first + i * LINE, *line) for i, line in enumerate(lines)],
    ]


def _label(route: Route) -> list[str]:
    # on white, with room to spare: a dash of the line would read as a minus sign
    x, y, width, height = route.label
    return [
        f'<rect x="{x - width / 2:.1f}" y="{y - height / 2:.1f}" width="{width:.1f}" '
        f'height="{height:.1f}" class="bare"/>',
        _text(x, y + FONT / 3, route.derivative, "back"),
    ]


def _path(points: Sequence[Point], kind: str) -> str:
    numbers = [f"{x:.1f},{y:.1f}" for x, y in points]
    shape = f"M{numbers[0]} C{' '.join(numbers[1:])}"
    return f'<path class="{kind}" d="{shape}" marker-end="url(#{kind})"/>'


def _text(x: float, y: float, text: str, kind: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" class="{kind}">{escape(text)}</text>'


_ARROWS = "".join(
    f'<marker id="{kind}" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="9" markerHeight="9" '
    f'markerUnits="userSpaceOnUse" orient="auto"><polygon points="0,1 10,5 0,9" fill="{color}"/>'
    "</marker>"
    for kind, color in (("forward", FORWARD), ("back", BACKWARD))
).join(("<defs>", "</defs>"))
