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
TURN, LANE = 36.0, 34.0  # how far a link swings between two rows, and between two such links
LANES = 4  # the most links between two rows
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


class _Stop(NamedTuple):
    """A point that a link passes.

    Attributes:
        x: of the point.
        y: of the point, of the middle between the link and its way back.
        direction: 1 to the right, -1 to the left, from one row to the next.
        bulge: how far the curve from the stop before swings to the right, where it turns.
        between: whether the curve from the stop before lies between two layers or rows.
        apart: how far the way back is beneath the middle.
    """

    x: float
    y: float
    direction: int = 1
    bulge: float = 0.0
    between: bool = True
    apart: float = APART


class _Row(NamedTuple):
    """Layers that are drawn beside each other."""

    layers: range
    bottom: float


class _Skeleton(NamedTuple):
    """The graph in layers: vertices below ``count`` are nodes, the others bends of long links."""

    layers: list[list[int]]
    chains: list[list[int]]  # one for each link: source, bends, target
    segments: list[tuple[int, int]]


def layout(graph: Graph, *, max_width: float = 1300.0) -> Layout:
    """Return the layout of a graph: boxes that do not overlap, links that pass between them.

    Args:
        graph: as `computation_graph` returns it.
        max_width: wider graphs continue in a further row where few links lead to it; the turns
            of these links come on top.

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
    boxes, rows = _boxes(skeleton, widths, list(links.values()), max_width)
    routes: list[Route] = []
    taken = [boxes[vertex] for vertex in number.values()]
    stops = _stops(skeleton, boxes, rows)
    for (source, target), derivative, path in zip(links, links.values(), stops, strict=True):
        route = _route(source, target, derivative, path, taken)
        taken.append(route.label)
        routes.append(route)
    swings = [stop.x + stop.bulge for path in stops for stop in path]
    right = max([box.x + box.width / 2 for box in taken] + swings)
    bottom = max([box.y + box.height / 2 for box in taken] + [_lowest(r.backward) for r in routes])
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
    skeleton: _Skeleton, widths: Sequence[float], derivatives: Sequence[str], max_width: float
) -> tuple[dict[int, Box], list[_Row]]:
    """Return vertex -> box, and the rows; the box of a bend is as wide as its layer."""
    layers, chains, segments = skeleton
    starts, ends = Counter(a for a, _ in segments), Counter(b for _, b in segments)
    heights = {v: 4 * APART + BELOW for layer in layers for v in layer}
    for vertex in range(len(widths)):
        ports = max(starts[vertex], ends[vertex])
        heights[vertex] = max(3 * LINE + 2 * PADDING, ports * PORT)
    y = positions(layers, segments, heights, ROW_GAP)
    wide = [max(widths[v] for v in layer if v < len(widths)) for layer in layers]
    level = {v: place for place, layer in enumerate(layers) for v in layer}
    room = [0.0] * len(layers)  # for the derivatives of the links that arrive
    for chain, derivative in zip(chains, derivatives, strict=True):
        room[level[chain[-1]]] = max(room[level[chain[-1]]], text_width(derivative))
    lanes = Counter(level[b] for _, b in segments)
    extents = [a + b for a, b in zip(room, wide, strict=True)]
    ranges = _divided(extents, lanes, max_width)
    most = max((lanes[layer.start] for layer in ranges[1:]), default=0)
    boxes, rows, top = {}, [], PADDING
    for row in ranges:
        members = [v for place in row for v in layers[place]]
        lift = top - min(y[v] - heights[v] / 2 for v in members)
        x = PADDING + (TURN + most * LANE / 2 if most else 0.0)
        for place in row:
            x += room[place]
            for v in layers[place]:
                width = widths[v] if v < len(widths) else wide[place]
                boxes[v] = Box(x + wide[place] / 2, y[v] + lift, width, heights[v])
            x += wide[place] + LAYER_GAP
        bottom = max(boxes[v].y + heights[v] / 2 for v in members)
        rows.append(_Row(row, bottom))
        top = bottom + (lanes[row.stop] + 1) * LANE
    return boxes, rows


def _divided(extents: Sequence[float], lanes: Mapping[int, int], max_width: float) -> list[range]:
    """Return the layers of each row: none too wide, few rows, few links between them, even rows."""
    best: dict[int, tuple[tuple[float, ...], list[range]]] = {0: ((0.0, 0, 0, 0.0), [])}
    for stop in range(1, len(extents) + 1):
        if stop < len(extents) and lanes[stop] > LANES:
            continue
        options = []
        for start, ((excess, rows, crossing, widest), before) in best.items():
            width = sum(extents[start:stop]) + (stop - start - 1) * LAYER_GAP
            more = max(0.0, width - max_width)
            links = crossing + (lanes[start] if start else 0)
            cost = excess + more, rows + 1, links, max(widest, width)
            options.append((cost, [*before, range(start, stop)]))
        best[stop] = min(options, key=lambda option: option[0])
    return best[len(extents)][1]


def _stops(
    skeleton: _Skeleton, boxes: Mapping[int, Box], rows: Sequence[_Row]
) -> list[list[_Stop]]:
    """Return for each link the points that it passes from its source's to its target's side."""
    chains = skeleton.chains
    leave = _ports([(chain[0], boxes[chain[1]].y) for chain in chains])
    arrive = _ports([(chain[-1], boxes[chain[-2]].y) for chain in chains])
    ends = {
        (i, v): _ends(boxes[v], out if v == chain[0] else into if v == chain[-1] else None)
        for i, (chain, out, into) in enumerate(zip(chains, leave, arrive, strict=True))
        for v in chain
    }
    turns = _turns(skeleton, boxes, rows, ends)
    stops = []
    for i, chain in enumerate(chains):
        path = [ends[i, chain[0]][1]]
        for a, b in itertools.pairwise(chain):
            turn = turns.get((i, a), [])
            end, beyond = ends[i, b]
            path += [*turn, end._replace(between=not turn), beyond]
        passed = itertools.groupby(path[:-1], key=lambda stop: stop[:2])
        stops.append([next(same) for _, same in passed])  # boxes as wide as their layer
    return stops


def _ends(box: Box, port: float | None) -> tuple[_Stop, _Stop]:
    """Return where a link arrives at a box and leaves it; a bend, without port, is passed."""
    left, right = (box.x + side * box.width / 2 for side in (-1, 1))
    if port is not None:
        return _Stop(left, box.y + port), _Stop(right, box.y + port)
    apart = APART + BELOW
    return _Stop(left, box.y, apart=apart), _Stop(right, box.y, between=False, apart=apart)


def _turns(
    skeleton: _Skeleton,
    boxes: Mapping[int, Box],
    rows: Sequence[_Row],
    ends: Mapping[tuple[int, int], tuple[_Stop, _Stop]],
) -> dict[tuple[int, int], list[_Stop]]:
    """Return link and last vertex in a row -> the stops on its way to the next row.

    To the right, back to the left beneath the row, and to the right again; the links are nested.
    """
    turns = {}
    for row in rows[:-1]:
        last, first = (skeleton.layers[row.layers.stop - 1 + k] for k in (0, 1))
        right = max(boxes[v].x + boxes[v].width / 2 for v in last)
        left = min(boxes[v].x - boxes[v].width / 2 for v in first)
        pairs = [
            (ends[i, a][1], ends[i, b][0], i, a)
            for i, chain in enumerate(skeleton.chains)
            for a, b in itertools.pairwise(chain)
            if a in last
        ]
        pairs.sort(key=lambda pair: (-pair[0].y, -pair[1].y))
        for k, (start, end, i, a) in enumerate(pairs):
            y = row.bottom + (k + 1) * LANE
            outer, inner = TURN + k * LANE / 2, TURN + (len(pairs) - 1 - k) * LANE / 2
            path = [
                _Stop(right, start.y, between=False, apart=start.apart),
                _Stop(right, y, -1, outer, between=False, apart=APART + BELOW),
                _Stop(left, y, -1, apart=APART + BELOW),
                _Stop(left, end.y, 1, -inner, between=False, apart=end.apart),
            ]
            turns[i, a] = path
    return turns


def _ports(ends: Sequence[tuple[int, float]]) -> list[float]:
    """Return for each end of a link, given as vertex and height of the other end, its offset."""
    offsets = []
    for i, (vertex, _) in enumerate(ends):
        rivals = sorted((y, j) for j, (other, y) in enumerate(ends) if other == vertex)
        place = [j for _, j in rivals].index(i)
        offsets.append((place - (len(rivals) - 1) / 2) * PORT)
    return offsets


def _route(
    source: str, target: str, derivative: str, stops: Sequence[_Stop], taken: Sequence[Box]
) -> Route:
    forward = _curve([s._replace(y=s.y - APART * s.direction) for s in stops], sag=0.0, aside=0.0)
    if not derivative:
        return Route(source, target, forward, (), "", Box(*stops[0][:2], 0.0, 0.0))
    sag = SAG if len(stops) == 2 else 0.0
    back = [s._replace(y=s.y + s.apart * s.direction, bulge=s.bulge - 2 * APART) for s in stops]
    backward = _curve(back[::-1], sag=sag, aside=ASIDE)
    size = text_width(derivative) + LABEL_MARGIN, FONT
    between = [stop.between for stop in stops[:0:-1]]
    gaps = [3 * i for i, free in enumerate(between) if free]
    places = [_point(backward[g : g + 4], t) for g in gaps for t in LABEL_PLACES]
    labels = [Box(*place, *size) for place in places]
    free = [label for label in labels if not any(_overlap(label, box) for box in taken)]
    return Route(source, target, forward, backward, derivative, (free or labels)[0])


def _curve(stops: Sequence[_Stop], *, sag: float, aside: float) -> tuple[Point, ...]:
    points: list[Point] = [stops[0][:2]]
    for a, b in itertools.pairwise(stops):
        first, second = a.x, b.x
        if a.direction != b.direction:
            swing = max(a.bulge, b.bulge, key=abs)
            first, second = a.x + swing, b.x + swing
        elif a.direction == 1:
            # where the link is steep, beneath means beside: left of one that falls
            slope = (b.y - a.y) / (b.x - a.x)
            first = second = (a.x + b.x) / 2 - aside * max(-1.0, min(1.0, slope))
        points += [(first, a.y + sag), (second, b.y + sag), (b.x, b.y)]
    return tuple(points)


def _point(curve: Sequence[Point], t: float) -> Point:
    weights = (1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t**2 * (1 - t), t**3
    x, y = (sum(w * p[axis] for w, p in zip(weights, curve, strict=True)) for axis in (0, 1))
    return x, y


def _lowest(curve: Sequence[Point]) -> float:
    pieces = [curve[i : i + 4] for i in range(0, len(curve) - 1, 3)]
    return max((_point(piece, t)[1] for piece in pieces for t in LABEL_PLACES), default=0.0)


def _overlap(one: Box, other: Box) -> bool:
    apart_x = abs(one.x - other.x) - (one.width + other.width) / 2
    apart_y = abs(one.y - other.y) - (one.height + other.height) / 2
    return apart_x < 0 and apart_y < 0
