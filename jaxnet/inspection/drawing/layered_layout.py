"""Layered drawing of directed graphs by Sugiyama's method.

Vertices are numbers, links are pairs of them.
"""

import itertools
from collections.abc import Mapping, Sequence

import numpy as np

SWEEPS = 8
"""Propagated over the layers in either direction; small graphs settle after three or four."""

STARTS = 12
"""Orders to start from; fewer for large graphs, where each takes longer."""


def ranks(count: int, links: Sequence[tuple[int, int]]) -> list[int]:
    """Return each vertex's layer: the length of its longest path from a vertex without sources.

    Vertices without sources then move right, up to the first vertex that they lead to.

    Args:
        count: number of vertices, numbered so that links lead from smaller to larger ones.
        links: pairs of source and target.

    >>> ranks(4, [(0, 2), (2, 3), (1, 3)])
    [0, 1, 1, 2]
    """
    rank = [0] * count
    for source, target in sorted(links, key=lambda link: link[1]):
        rank[target] = max(rank[target], rank[source] + 1)
    targets = {target for _, target in links}
    for vertex in range(count):
        followers = [rank[target] for source, target in links if source == vertex]
        if vertex not in targets and followers:
            rank[vertex] = min(followers) - 1
    return rank


def order(layers: Sequence[Sequence[int]], segments: Sequence[tuple[int, int]]) -> list[list[int]]:
    """Return the layers, each reordered so that few segments cross.

    Each vertex goes to the mean position of its neighbours in the layer before, then after, to
    and fro, from the order given and from a few random ones; the best order seen is returned, the
    right way up: rather as the vertices were given than upside down.

    Args:
        layers: vertices from left to right.
        segments: pairs of vertices of neighbouring layers.

    >>> order([[0, 1], [2, 3]], [(0, 3), (1, 2)])
    [[0, 1], [3, 2]]
    """
    best = _fewest_crossings(layers, segments)
    given = [{vertex: i for i, vertex in enumerate(layer)} for layer in layers]
    turned = sum(
        1 if place[a] > place[b] else -1
        for layer, place in zip(best, given, strict=True)
        for a, b in itertools.combinations(layer, 2)
    )
    return [layer[::-1] for layer in best] if turned > 0 else best


def _fewest_crossings(
    layers: Sequence[Sequence[int]], segments: Sequence[tuple[int, int]]
) -> list[list[int]]:
    random = np.random.default_rng(0)
    best = [list(layer) for layer in layers]
    fewest = crossings(best, segments)
    for start in range(max(1, STARTS - len(segments) // 10)):
        current = [random.permutation(layer).tolist() if start else layer for layer in layers]
        for sweep in range(SWEEPS):
            if fewest == 0:
                return best
            current = _swept(current, segments, forward=sweep % 2 == 0)
            count = crossings(current, segments)
            if count < fewest:
                best, fewest = current, count
    return best


def _swept(
    layers: Sequence[Sequence[int]], segments: Sequence[tuple[int, int]], *, forward: bool
) -> list[list[int]]:
    """Reorder each layer but the first by the neighbours in the layer before it."""
    neighbours = _neighbours(segments if forward else [(b, a) for a, b in segments])
    turned = list(layers) if forward else list(layers)[::-1]
    swept = [list(turned[0])]
    for layer in turned[1:]:
        place = {vertex: i for i, vertex in enumerate(swept[-1])}
        means = [
            float(np.mean([place[n] for n in neighbours[v]])) if v in neighbours else float(i)
            for i, v in enumerate(layer)
        ]
        swept.append([layer[i] for i in np.argsort(means, kind="stable")])
    return swept if forward else swept[::-1]


def crossings(layers: Sequence[Sequence[int]], segments: Sequence[tuple[int, int]]) -> int:
    """Count the pairs of segments that cross.

    >>> crossings([[0, 1], [2, 3]], [(0, 3), (1, 2)])
    1
    """
    count = 0
    for left, right in itertools.pairwise(layers):
        place = {vertex: i for i, vertex in enumerate(left)}
        end = {vertex: i for i, vertex in enumerate(right)}
        ends = [(place[a], end[b]) for a, b in segments if a in place]
        count += sum((a - c) * (b - d) < 0 for (a, b), (c, d) in itertools.combinations(ends, 2))
    return count


def positions(
    layers: Sequence[Sequence[int]],
    segments: Sequence[tuple[int, int]],
    heights: Mapping[int, float],
    gap: float,
) -> dict[int, float]:
    """Return each vertex's coordinate within its layer: near its neighbours, without overlap.

    Args:
        layers: vertices from left to right, each layer from top to bottom.
        segments: pairs of vertices of neighbouring layers.
        heights: of the vertices.
        gap: to keep between two of one layer.

    >>> positions([[0, 1], [2]], [(0, 2), (1, 2)], {0: 10, 1: 10, 2: 10}, 10)
    {0: 0.0, 1: 20.0, 2: 10.0}
    """
    neighbours = _neighbours([*segments, *((b, a) for a, b in segments)])
    offsets = {}
    for layer in layers:
        steps = [(heights[a] + heights[b]) / 2 + gap for a, b in itertools.pairwise(layer)]
        offsets |= zip(layer, itertools.accumulate(steps, initial=0.0), strict=True)
    y = {v: offsets[v] - offsets[layer[-1]] / 2 for layer in layers for v in layer}
    for _ in range(SWEEPS):
        for layer in (*layers, *reversed(layers)):
            targets = [np.mean([y[n] for n in neighbours.get(v, [v])]) - offsets[v] for v in layer]
            y |= {v: u + offsets[v] for v, u in zip(layer, isotonic(targets), strict=True)}
    top = min(y.values())
    return {v: float(y[v] - top) for v in sorted(y)}


def isotonic(values: Sequence[float]) -> list[float]:
    """Return the non-decreasing sequence nearest to the values in least squares.

    By pooling adjacent violators: neighbours in the wrong order share their mean.

    >>> isotonic([1.0, 3.0, 2.0, 4.0])
    [1.0, 2.5, 2.5, 4.0]
    """
    pools: list[list[float]] = []
    for value in values:
        pools.append([value])
        while len(pools) > 1 and np.mean(pools[-2]) > np.mean(pools[-1]):
            pools[-2:] = [pools[-2] + pools[-1]]
    return [float(np.mean(pool)) for pool in pools for _ in pool]


def _neighbours(segments: Sequence[tuple[int, int]]) -> dict[int, list[int]]:
    known: dict[int, list[int]] = {}
    for source, target in segments:
        known.setdefault(target, []).append(source)
    return known
