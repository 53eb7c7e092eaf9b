"""Pictures of feed-forward networks: columns of units, their links and captions."""

import math
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple
from xml.sax.saxutils import escape

import jax
import numpy as np

from jaxnet.core.checks import check_count, check_instance, require
from jaxnet.core.optional_imports import import_package
from jaxnet.core.trees import count_parameters
from jaxnet.core.types import Layer, Params, Shape
from jaxnet.inspection.check_inputs import check_like
from jaxnet.inspection.drawing.layout import LINE, Point, text_width
from jaxnet.inspection.drawing.svg import FILLS, FORWARD, QUIET
from jaxnet.inspection.graphs.notation import dimensions
from jaxnet.inspection.propagation.layer_paths import opened, part_of
from jaxnet.networks.model_metadata import check_input_shape
from jaxnet.networks.summary import known_in_shape
from jaxnet.training.figures import COLORS, PLOTS

RADIUS, PITCH, GAP = 11.0, 30.0, 36.0
"""Of a unit, between the centres of two, and where units are left out, in pixels."""

MARGIN, APART, SPACE, TITLE = 24.0, 130.0, 14.0, 40.0
"""Around all, between two columns at least, above and beneath one, of a title, in pixels."""

FIRST, LAST = 5, 3
"""The most columns drawn of a deep network, from its input and up to its output."""

PIXELS = 80.0
"""Pixels per inch of a figure."""

SIZES = {"title": 18.0, "bold": 14.0, "text": 14.0, "quiet": 12.0}
"""Kind of text -> its size in pixels."""

WEIGHTS = {"title": "bold", "bold": "bold", "text": "normal", "quiet": "normal"}
"""Kind of text -> its weight."""

LINK = "#9ca3af"

WEIGHT_COLORS = {"positive": COLORS["train"], "negative": "#a8327d"}
"""Sign of a weight -> the colour of its link, which is none of the orange of gradients."""

LEGEND = "weights: blue positive, purple negative; width by size within a layer"


class Column(NamedTuple):
    """The units of one layer and what is done to them.

    Attributes:
        units: how many.
        lines: names of its layers.
        parameters: their number.
        weights: of a dense layer, shape ``(units, inputs)``; None if they are not to be drawn.
    """

    units: int
    lines: list[str]
    parameters: int
    weights: Any


class Stroke(NamedTuple):
    """A straight line."""

    start: Point
    end: Point
    color: str
    width: float


class Disc(NamedTuple):
    """A circle, filled."""

    centre: Point
    radius: float
    fill: str


class Line(NamedTuple):
    """A line of text about its centre; ``kind`` is one of `SIZES`."""

    centre: Point
    text: str
    kind: str


class Picture(NamedTuple):
    """A drawing, in pixels; y grows downward, and later parts lie on earlier ones."""

    width: float
    height: float
    strokes: list[Stroke]
    discs: list[Disc]
    lines: list[Line]


def draw_network(
    network: Layer,
    in_shape: Shape | None = None,
    *,
    params: Params | None = None,
    units: int = 10,
    title: str | None = None,
) -> Any:
    """Draw a network as columns of units: the input, then one for each dense layer.

    Wide columns are shortened to their first and last units, deep networks to their first and last
    columns. Beneath each column are its layers, in the order of the forward pass, and the number
    of their parameters. Layers that keep the number of units, such as activations, batch
    normalization and dropout, belong to the column before them.

    Args:
        network: a layer of any kind; `serial` networks are opened up, at any depth.
        in_shape: shape of one input; not needed for a network of `jaxnet.mlp`.
        params: its parameters: links of dense layers are then coloured by the sign of the weight,
            and as wide as it is large, relative to the largest that is drawn of the layer.
        units: the most units drawn of a column, at least 2.
        title: above the drawing.

    Returns:
        A `matplotlib` figure.

    Raises:
        TypeError: if the network is no layer, or the parameters are another network's.
        ValueError: if the input's shape is not known or does not fit; for less than 2 units.
        ImportError: if matplotlib is not installed.

    >>> import jaxnet
    >>> figure = draw_network(jaxnet.mlp((2, 4, 1)), title="2-4-1")
    >>> [text.get_text() for text in figure.axes[0].texts][-1], len(figure.axes[0].patches)
    ('2-4-1', 7)
    """
    columns = _columns(network, in_shape, params)
    picture = _arranged(columns, check_count("units", units, minimum=2), title)
    return _figure(picture)


def network_svg(network: Layer) -> str | None:
    """Return a picture of a network as SVG; None where the shape of its input is not known."""
    if known_in_shape(network) is None:
        return None
    return _svg(_arranged(_columns(network, None, None), 10, None))


Layer._repr_svg_ = network_svg  # pyright: ignore[reportAttributeAccessIssue]
# notebooks show networks, whose module knows no drawings


def _columns(network: Layer, in_shape: Shape | None, params: Params | None) -> list[Column]:
    remedy = "Pass what jaxnet.mlp or a layer returns; of an objective, objective.network."
    check_instance("network", network, Layer, "to be a Layer", remedy)
    in_shape = known_in_shape(network) if in_shape is None else in_shape
    remedy = "Pass the shape of one input, such as (784,)."
    require(in_shape is not None, "in_shape", "for a network that does not state it", None, remedy)
    shape = check_input_shape(in_shape)
    network.out_shape(shape)
    shapes = jax.eval_shape(lambda key: network.init(key, shape), jax.random.key(0))[0]
    if params is not None:
        check_like("params", params, shapes, "the network's")
    columns = [Column(math.prod(shape), [dimensions(shape)] * (len(shape) > 1), 0, None)]
    for path, layer in opened(network):
        shape, last, description = layer.out_shape(shape), columns[-1], layer.description
        number, name = count_parameters(part_of(shapes, path)), _name(layer)
        affine = number and description.kind != "batch_norm"
        if not affine and math.prod(shape) == last.units:
            lines, number = [*last.lines, name], last.parameters + number
            columns[-1] = last._replace(lines=lines, parameters=number)
            continue
        drawn = description.kind == "dense" and params is not None
        weights = np.asarray(part_of(params, path).weights) if drawn else None
        columns.append(Column(math.prod(shape), [name], number, weights))
    return columns


def _name(layer: Layer) -> str:
    """Return the function of an activation, else the kind, with the one number that it has."""
    kind, settings = layer.description.kind, layer.description.settings
    name = str(settings.get("function", kind)).replace("_", " ")
    numbers = [v for v in settings.values() if isinstance(v, int | float)]
    plain = kind in ("dropout", "gaussian_noise") and len(numbers) == 1
    return f"{name} {numbers[0]:g}" if plain else name


def _arranged(columns: Sequence[Column], units: int, title: str | None) -> Picture:
    """Place columns side by side, each about the middle; captions above and beneath."""
    captions = [_caption(columns, place) for place in range(len(columns))]
    widest = max(text_width(line) for above, below in captions for line in [*above, *below])
    apart = max(APART, widest + 16)
    shown, left_out = _shown(len(columns))
    weighted = any(column.weights is not None for column in columns)
    width = max(apart * len(shown), text_width(title or ""), weighted * text_width(LEGEND))
    left = MARGIN + (width - apart * len(shown)) / 2
    x = {place: left + apart * (i + 0.5) for i, place in enumerate(shown)}
    offsets = {c: _offsets(columns[c].units, units) for c in shown if c is not None}
    high = max(max(column.values()) for column in offsets.values()) + RADIUS
    top = MARGIN + (TITLE if title else 0.0)
    middle = top + 2 * LINE + SPACE + high
    below = middle + high + SPACE
    bottom = below + (max(len(lines) for _, lines in captions) + weighted) * LINE
    points = {c: {i: (x[c], middle + y) for i, y in rows.items()} for c, rows in offsets.items()}
    strokes, discs, lines = [], [], []
    for c, column in points.items():
        if c - 1 in points:
            strokes += _links(columns[c], points[c - 1], column)
        kind = "input" if c == 0 else "output" if c == len(columns) - 1 else "operation"
        discs += [Disc(point, RADIUS, FILLS[kind]) for point in column.values()]
        if len(column) < columns[c].units:
            discs += [Disc((x[c], middle + y), 2.0, FORWARD) for y in (-9.0, 0.0, 9.0)]
        (role, number), under = captions[c]
        lines.append(Line((x[c], top + LINE / 2), role, "quiet"))
        lines.append(Line((x[c], top + 3 * LINE / 2), number, "bold"))
        lines += [Line((x[c], below + (i + 0.5) * LINE), t, "text") for i, t in enumerate(under)]
    lines += [Line((x[None], middle), f"… {left_out} more …", "text")] if left_out else []
    lines += [Line((MARGIN + width / 2, MARGIN + 4), title, "title")] if title else []
    lines += [Line((MARGIN + width / 2, bottom), LEGEND, "quiet")] * weighted
    return Picture(width + 2 * MARGIN, bottom + MARGIN, strokes, discs, lines)


def _shown(count: int) -> tuple[list[int | None], int]:
    """Return the columns that are drawn, None in place of those left out, and their number."""
    left_out = count - FIRST - LAST
    if left_out <= 1:
        return list(range(count)), 0
    return [*range(FIRST), None, *range(count - LAST, count)], left_out


def _caption(columns: Sequence[Column], place: int) -> tuple[list[str], list[str]]:
    """Return the lines above and beneath a column."""
    column, last = columns[place], len(columns) - 1
    role = "input" if place == 0 else "output" if place == last else f"hidden {place}"
    parameters = f"{column.parameters:,} parameter{'s' * (column.parameters != 1)}"
    return [role, f"{column.units:,}"], [*column.lines, *[parameters] * (column.parameters > 0)]


def _offsets(count: int, units: int) -> dict[int, float]:
    """Return unit -> its place above or beneath the middle, of the units that are drawn."""
    if count <= units:
        return {i: (i - (count - 1) / 2) * PITCH for i in range(count)}
    first, last = (units + 1) // 2, units // 2
    upper = {i: -GAP - (first - 1 - i) * PITCH for i in range(first)}
    lower = {count - last + i: GAP + i * PITCH for i in range(last)}
    return upper | lower


def _links(column: Column, before: dict[int, Point], after: dict[int, Point]) -> Iterator[Stroke]:
    pairs = [(i, j) for i in after for j in before]
    if column.weights is None:
        yield from (Stroke(before[j], after[i], LINK, 0.8) for i, j in pairs)
        return
    weights = {(i, j): float(column.weights[i, j]) for i, j in pairs}
    largest = max([abs(w) for w in weights.values() if math.isfinite(w)], default=0.0)
    for (i, j), w in weights.items():
        if math.isfinite(w) and w:
            width = 0.3 + 2.7 * abs(w) / largest
            sign = "positive" if w > 0 else "negative"
            yield Stroke(before[j], after[i], WEIGHT_COLORS[sign], width)


def _figure(picture: Picture) -> Any:
    collections = import_package("matplotlib.collections", remedy=PLOTS)
    patches = import_package("matplotlib.patches", remedy=PLOTS)
    width, height = picture.width, picture.height
    size = width / PIXELS, height / PIXELS
    made = import_package("matplotlib.figure", remedy=PLOTS).Figure
    figure = made(size, facecolor="white", layout="none")  # places its axes itself
    axes = figure.add_axes((0, 0, 1, 1), xlim=(0, width), ylim=(height, 0))
    axes.set_axis_off()
    point = 72 / PIXELS
    axes.add_collection(
        collections.LineCollection(
            [stroke[:2] for stroke in picture.strokes],
            colors=[stroke.color for stroke in picture.strokes],
            linewidths=[stroke.width * point for stroke in picture.strokes],
            alpha=0.6,
            zorder=1,
        )
    )
    for disc in picture.discs:
        style = {"facecolor": disc.fill, "edgecolor": FORWARD, "linewidth": 1.2 * point}
        axes.add_patch(patches.Circle(disc.centre, disc.radius, zorder=2, **style))
    for line in picture.lines:
        axes.text(
            *line.centre,
            line.text,
            fontsize=SIZES[line.kind] * point,
            color=QUIET if line.kind == "quiet" else FORWARD,
            weight=WEIGHTS[line.kind],
            ha="center",
            va="center",
        )
    return figure


def _svg(picture: Picture) -> str:
    width, height = f"{picture.width:.0f}", f"{picture.height:.0f}"
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" role="img" width="{width}" '
            f'height="{height}" viewBox="0 0 {width} {height}" style="max-width:100%" '
            'font-family="\'DejaVu Sans\',Verdana,sans-serif" text-anchor="middle">',
            "<title>Network</title>",
            '<rect width="100%" height="100%" fill="#fff"/>',
            *(
                f'<path d="M{x0:.1f},{y0:.1f} L{x1:.1f},{y1:.1f}" stroke="{color}" '
                f'stroke-width="{size:.2f}" opacity="0.6"/>'
                for (x0, y0), (x1, y1), color, size in picture.strokes
            ),
            *(
                f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius:g}" fill="{fill}" '
                f'stroke="{FORWARD}" stroke-width="1.2"/>'
                for (x, y), radius, fill in picture.discs
            ),
            *(
                f'<text x="{x:.1f}" y="{y + SIZES[kind] / 3:.1f}" font-size="{SIZES[kind]:g}" '
                f'fill="{QUIET if kind == "quiet" else FORWARD}" '
                f'font-weight="{WEIGHTS[kind]}">{escape(text)}</text>'
                for (x, y), text, kind in picture.lines
            ),
            "</svg>",
        ]
    )
