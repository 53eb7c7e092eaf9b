"""Layout of a computation graph: positions of nodes and links, layers from left to right.

Lengths are pixels at the font size `FONT`; y grows downward.
"""

import itertools
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from jaxnet.core.representation import represent
from jaxnet.inspection.drawing.layered_layout import order, positions, ranks
from jaxnet.inspection.drawing.node_labels import link_captions, node_captions
from jaxnet.inspection.graphs.graph import Graph, check_graph

FONT = 14.0
CHARACTER = 0.62 * FONT  # a wide character of a wide sans-serif font
LINE = 19.0
PADDING = 9.0
PORT = 26.0  # between two links at one side of a box
ROW_GAP = 40.0
LAYER_GAP = 84.0
APART = 5.0  # half the distance between a link and its way back
SAG = 18.0
BELOW = 8.0  # how much further apart the two are on a long way
ASIDE = 16.0
LABEL_MARGIN = 10.0
LABEL_PLACES = (0.5, 0.4, 0.6, 0.3, 0.7, 0.2, 0.8)  # along a link, the best first

Point = tuple[float, float]


class Box(NamedTuple):
    """A rectangle about its centre."""

    x: float
    y: float
    width: float
    height: float

    __repr__ = represent


class Route(NamedTuple):
    """Path and label of a link.

    Attributes:
        source: identifier of the node that it leaves.
        target: identifier of the node that it leads to.
        forward: cubic Bézier curves from source to target, 3 n + 1 points.
        backward: the same from target to source, beneath; empty where nothing flows back.
        derivative: text of the backward path.
        label: its place.
    """

    source: str
    target: str
    forward: tuple[Point, ...]
    backward: tuple[Point, ...]
    derivative: str
    label: Box

    __repr__ = represent


class Layout(NamedTuple):
    """A drawing of a graph.

    Attributes:
        width: of the drawing.
        height: of the drawing.
        boxes: identifier -> the node's box.
        routes: one for each link.
    """

    width: float
    height: float
    boxes: dict[str, Box]
    routes: tuple[Route, ...]

    __repr__ = represent


class _Skeleton(NamedTuple):
    """The graph in layers: vertices below ``count`` are nodes, the others bends of long links."""

    layers: list[list[int]]
    chains: list[list[int]]  # one for each link: source, bends, target
    segments: list[tuple[int, int]]


def layout(graph: Graph) -> Layout:
    """Return the layout of a graph: boxes that do not overlap, links that pass between them.

    Raises:
        TypeError: for other types than a graph.

    >>> import jax.numpy as jnp
    >>> from jaxnet.inspection.graphs.graph import computation_graph
    >>> drawing = layout(computation_graph(lambda x: jnp.sin(2 * x), 0.5))
    >>> [box.x < drawing.boxes["y"].x for box in drawing.boxes.values()]
    [True, True, False]
    """
    check_graph(graph)
    captions, links = node_captions(graph), link_captions(graph)
    number = {name: i for i, name in enumerate(captions)}
    skeleton = _skeleton(len(number), [(number[a], number[b]) for a, b in links])
    widths = [max(map(text_width, lines)) + 2 * PADDING for lines in captions.values()]
    boxes = _boxes(skeleton, widths, list(links.values()))
    routes: list[Route] = []
    taken = [boxes[vertex] for vertex in number.values()]
    for (source, target), derivative, stops in zip(
        links, links.values(), _stops(skeleton, boxes), strict=True
    ):
        route = _route(source, target, derivative, stops, taken)
        taken.append(route.label)
        routes.append(route)
    right = max(box.x + box.width / 2 for box in taken)
    bottom = max(box.y + box.height / 2 for box in taken)
    named = {name: boxes[vertex] for name, vertex in number.items()}
    return Layout(right + PADDING, bottom + PADDING, named, tuple(routes))


def text_width(text: str) -> float:
    """Return an upper estimate of a line's width."""
    return CHARACTER * len(text)


def _skeleton(count: int, links: Sequence[tuple[int, int]]) -> _Skeleton:
    rank = ranks(count, links)
    layers = [[v for v in range(count) if rank[v] == level] for level in range(max(rank) + 1)]
    fresh, chains = itertools.count(count), []
    for source, target in links:
        bends = [next(fresh) for _ in range(rank[source] + 1, rank[target])]
        for level, bend in enumerate(bends, start=rank[source] + 1):
            layers[level].append(bend)
        chains.append([source, *bends, target])
    segments = [pair for chain in chains for pair in itertools.pairwise(chain)]
    return _Skeleton(order(layers, segments), chains, segments)


def _boxes(
    skeleton: _Skeleton, widths: Sequence[float], derivatives: Sequence[str]
) -> dict[int, Box]:
    """Return vertex -> box; that of a bend is as wide as its layer."""
    layers, chains, segments = skeleton
    starts, ends = Counter(a for a, _ in segments), Counter(b for _, b in segments)
    heights = {v: 4 * APART + BELOW for layer in layers for v in layer}
    for vertex in range(len(widths)):
        ports = max(starts[vertex], ends[vertex])
        heights[vertex] = max(3 * LINE + 2 * PADDING, ports * PORT)
    y = positions(layers, segments, heights, ROW_GAP)
    top = PADDING - min(y[v] - heights[v] / 2 for v in y)
    boxes, x = {}, PADDING
    for layer in layers:
        wide = max(widths[v] for v in layer if v < len(widths))
        arriving = zip(chains, derivatives, strict=True)
        x += max((text_width(d) for chain, d in arriving if chain[-1] in layer), default=0)
        for v in layer:
            width = widths[v] if v < len(widths) else wide
            boxes[v] = Box(x + wide / 2, y[v] + top, width, heights[v])
        x += wide + LAYER_GAP
    return boxes


def _stops(skeleton: _Skeleton, boxes: Mapping[int, Box]) -> list[list[Point]]:
    """Return for each link the points that it passes from its source's to its target's side."""
    chains = skeleton.chains
    leave = _ports([(chain[0], boxes[chain[1]].y) for chain in chains])
    arrive = _ports([(chain[-1], boxes[chain[-2]].y) for chain in chains])
    stops = []
    for chain, out, into in zip(chains, leave, arrive, strict=True):
        start, *bends, end = (boxes[vertex] for vertex in chain)
        road = [(b.x + side * b.width / 2, b.y) for b in bends for side in (-1, 1)]
        first = start.x + start.width / 2, start.y + out
        stops.append([first, *road, (end.x - end.width / 2, end.y + into)])
    return stops


def _ports(ends: Sequence[tuple[int, float]]) -> list[float]:
    """Return for each end of a link, given as vertex and height of the other end, its offset."""
    offsets = []
    for i, (vertex, _) in enumerate(ends):
        rivals = sorted((y, j) for j, (other, y) in enumerate(ends) if other == vertex)
        place = [j for _, j in rivals].index(i)
        offsets.append((place - (len(rivals) - 1) / 2) * PORT)
    return offsets


def _route(
    source: str, target: str, derivative: str, stops: Sequence[Point], taken: Sequence[Box]
) -> Route:
    forward = _curve([(x, y - APART) for x, y in stops], sag=0.0, aside=0.0)
    if not derivative:
        return Route(source, target, forward, (), "", Box(*stops[0], 0.0, 0.0))
    sag = SAG if len(stops) == 2 else 0.0
    road = dict.fromkeys(stops[1:-1], APART + BELOW)
    back = [(stop[0], stop[1] + road.get(stop, APART)) for stop in reversed(stops)]
    backward = _curve(back, sag=sag, aside=ASIDE)
    size = text_width(derivative) + LABEL_MARGIN, FONT
    gaps = range(0, len(backward) - 1, 6)  # every other curve passes between two layers
    places = [_point(backward[g : g + 4], t) for g in gaps for t in LABEL_PLACES]
    labels = [Box(*place, *size) for place in places]
    free = [label for label in labels if not any(_overlap(label, box) for box in taken)]
    return Route(source, target, forward, backward, derivative, (free or labels)[0])


def _curve(stops: Sequence[Point], *, sag: float, aside: float) -> tuple[Point, ...]:
    points = [stops[0]]
    for (x0, y0), (x1, y1) in itertools.pairwise(stops):
        # where the link is steep, beneath means beside: left of one that falls
        slope = (y1 - y0) / (x1 - x0)
        middle = (x0 + x1) / 2 - aside * max(-1.0, min(1.0, slope))
        points += [(middle, y0 + sag), (middle, y1 + sag), (x1, y1)]
    return tuple(points)


def _point(curve: Sequence[Point], t: float) -> Point:
    weights = (1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t**2 * (1 - t), t**3
    x, y = (sum(w * p[axis] for w, p in zip(weights, curve, strict=True)) for axis in (0, 1))
    return x, y


def _overlap(one: Box, other: Box) -> bool:
    apart_x = abs(one.x - other.x) - (one.width + other.width) / 2
    apart_y = abs(one.y - other.y) - (one.height + other.height) / 2
    return apart_x < 0 and apart_y < 0
