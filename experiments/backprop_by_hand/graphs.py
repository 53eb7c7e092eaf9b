"""Figures of computation graphs: the layout of jaxnet.inspection in matplotlib."""

from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch
from matplotlib.path import Path as Curve

from experiments.harness.figures import GREY, new_figure, save_figure
from jaxnet.inspection import Box, Caption, Graph, layout, node_captions

FORWARD, BACKWARD = "#1f2937", "#c2410c"

FILLS = {"input": "#e0ecf9", "constant": "#f3f4f6", "operation": "#ffffff", "output": "#e3f4e6"}
"""Kind of node -> colour of its box."""

LEGEND = "black: forward value and link; orange: derivative on the way back, accumulated gradient"

FONT, LINE = 14.0, 19.0
"""Font size and line height of `jaxnet.inspection.layout`, in pixels."""

PIXELS = 80.0
"""Pixels of the layout per inch of the figure."""

POINT_SIZE = 72 / PIXELS
"""Points per pixel of the layout."""


def draw_graph(path: Path, graph: Graph, *, title: str) -> Path:
    """Draw a computation graph: forward values in black, derivatives and gradients in orange."""
    drawing, captions = layout(graph), node_captions(graph)
    kinds = {node.identifier: node.kind for node in graph.nodes}
    size = max(drawing.width / PIXELS, 8.0), drawing.height / PIXELS + 0.9
    figure, (axes,) = new_figure(1, 1, size=size, title=title)
    axes.set(xlim=(0, drawing.width), ylim=(drawing.height, 0), aspect="equal")
    axes.set_axis_off()
    for route in drawing.routes:
        _arrow(axes, route.forward, FORWARD, "-")
        if route.backward:
            _arrow(axes, route.backward, BACKWARD, (0, (3.5, 2)))
    for route in drawing.routes:
        if route.backward:
            _write(axes, route.label.x, route.label.y, route.derivative, BACKWARD, halo=True)
    for name, box in drawing.boxes.items():
        _node(axes, box, captions[name], FILLS[kinds[name]])
    figure.supxlabel(LEGEND, fontsize=12 * POINT_SIZE, color=GREY)
    return save_figure(figure, path)


def _node(axes: Axes, box: Box, caption: Caption, fill: str) -> None:
    corner = box.x - box.width / 2, box.y - box.height / 2
    style = "round,pad=0,rounding_size=8"
    axes.add_patch(
        FancyBboxPatch(corner, box.width, box.height, style, facecolor=fill, edgecolor=FORWARD)
    )
    colors = {caption.label: FORWARD, caption.value: FORWARD, caption.gradient: BACKWARD}
    lines = [line for line in caption if line]
    for i, line in enumerate(lines):
        y = box.y + (i - (len(lines) - 1) / 2) * LINE
        _write(axes, box.x, y, line, colors[line], bold=i == 0)


def _arrow(axes: Axes, points: tuple[tuple[float, float], ...], color: str, style: object) -> None:
    codes = [Curve.MOVETO, *[Curve.CURVE4] * (len(points) - 1)]
    axes.add_patch(
        FancyArrowPatch(
            path=Curve(points, codes),
            arrowstyle="-|>",
            mutation_scale=9,
            linewidth=1.3,
            linestyle=style,
            color=color,
        )
    )


def _write(
    axes: Axes, x: float, y: float, text: str, color: str, *, bold: bool = False, halo: bool = False
) -> None:
    axes.text(
        x,
        y,
        text,
        color=color,
        fontsize=FONT * POINT_SIZE,
        weight="bold" if bold else "normal",
        ha="center",
        va="center",
        bbox={"facecolor": "white", "edgecolor": "none", "pad": 4} if halo else None,
    )
