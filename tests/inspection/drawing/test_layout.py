"""The drawing: boxes apart, links around them, few crossings, each in its place."""

import itertools

import hypothesis
import jax.numpy as jnp
import pytest
from hypothesis import strategies

from jaxnet.inspection import Graph, Link, Node, computation_graph, layout
from jaxnet.inspection.drawing.layered_layout import crossings, isotonic, order, positions, ranks
from jaxnet.inspection.drawing.layout import Box


def wired(pairs: list[tuple[int, int]], count: int) -> Graph:
    """Return a graph of scalars with the links given, for drawing only."""
    one = jnp.ones(())
    kinds = ["input", *["operation"] * (count - 2), "output"]
    nodes = tuple(Node(f"n{i}", "+", kind, one, one) for i, kind in enumerate(kinds))  # type: ignore[arg-type]
    return Graph(nodes, tuple(Link(f"n{a}", f"n{b}", one, one) for a, b in pairs))


def overlap(one: Box, other: Box) -> bool:
    return (
        abs(one.x - other.x) < (one.width + other.width) / 2
        and abs(one.y - other.y) < (one.height + other.height) / 2
    )


PAIRS = strategies.integers(3, 14).flatmap(
    lambda count: strategies.tuples(
        strategies.just(count),
        strategies.sets(
            strategies.tuples(strategies.integers(0, count - 1), strategies.integers(0, count - 1))
            .filter(lambda pair: pair[0] != pair[1])
            .map(lambda pair: (min(pair), max(pair))),
            max_size=2 * count,
        ),
    )
)


@hypothesis.given(PAIRS)
@hypothesis.settings(max_examples=40)
def test_any_graph_is_drawn_apart_and_from_left_to_right(
    drawn: tuple[int, set[tuple[int, int]]],
) -> None:
    count, pairs = drawn
    drawing = layout(wired(sorted(pairs), count))
    for one, other in itertools.combinations(drawing.boxes.values(), 2):
        assert not overlap(one, other)
    for box in drawing.boxes.values():
        assert 0 <= box.x - box.width / 2 < box.x + box.width / 2 <= drawing.width
        assert 0 <= box.y - box.height / 2 < box.y + box.height / 2 <= drawing.height
    assert [(route.source, route.target) for route in drawing.routes] == [
        (f"n{a}", f"n{b}") for a, b in sorted(pairs)
    ]
    for route in drawing.routes:
        source, target = drawing.boxes[route.source], drawing.boxes[route.target]
        assert route.forward[0][0] == source.x + source.width / 2
        assert route.forward[-1][0] == target.x - target.width / 2
        assert (route.backward[0][0], route.backward[-1][0]) == (
            route.forward[-1][0],
            route.forward[0][0],
        )
        for box in drawing.boxes.values():
            # the stops of a link, between which it keeps to the gaps, lie in no box
            for x, y in route.forward[3:-1:3]:
                assert abs(x - box.x) >= box.width / 2 or abs(y - box.y) >= box.height / 2


def test_labels_of_the_lectures_graph_overlap_nothing() -> None:
    graph = computation_graph(
        lambda x0, x1, x2: (x0 + x1) ** 2 + 7 * x0 + jnp.cos(x0 + x2), 2.0, 3.0, -2.0
    )
    drawing = layout(graph)
    drawn = [*drawing.boxes.values(), *[route.label for route in drawing.routes]]
    for one, other in itertools.combinations(drawn, 2):
        assert not overlap(one, other)
    columns = sorted({round(box.x) for box in drawing.boxes.values()})
    assert len(columns) == 5
    assert drawing.boxes["x1"].y < drawing.boxes["x2"].y  # as they were given


def test_way_back_only_where_something_flows() -> None:
    drawing = layout(computation_graph(lambda x, n: x * n.astype(x.dtype), 1.0, jnp.array(2)))
    ways = {route.source: bool(route.backward) for route in drawing.routes}
    assert ways == {"x": True, "n": False, "z1": False}


def test_ranks_are_longest_paths() -> None:
    assert ranks(5, [(0, 1), (1, 2), (0, 3), (2, 3), (4, 3)]) == [0, 1, 2, 3, 2]


def test_an_order_without_crossings_is_found() -> None:
    # the lectures' graph with its inputs as they are named has two crossings
    layers, segments = [[0, 1, 2], [3, 4, 5]], [(0, 3), (1, 3), (0, 4), (0, 5), (2, 5)]
    assert crossings(layers, segments) == 2
    assert crossings(order(layers, segments), segments) == 0
    assert crossings([[0, 1], [2, 3]], [(0, 2), (0, 3), (1, 2), (1, 3)]) == 1


def test_positions_keep_order_and_distance() -> None:
    found = positions([[0], [1, 2, 3]], [(0, 1), (0, 2), (0, 3)], dict.fromkeys(range(4), 10.0), 5)
    assert [found[v] for v in (1, 2, 3)] == [0, 15, 30]
    assert found[0] == 15


@hypothesis.given(strategies.lists(strategies.floats(-9, 9), min_size=1, max_size=9))
def test_isotonic_is_the_projection(wanted: list[float]) -> None:
    found = isotonic(wanted)
    assert found == sorted(found)
    assert sum(found) == pytest.approx(sum(wanted), abs=1e-9)
    # the residual is orthogonal to the projection: the condition of a nearest point of a cone
    assert sum((w - f) * f for w, f in zip(wanted, found, strict=True)) == pytest.approx(
        0, abs=1e-9
    )


def test_a_large_graph() -> None:
    def function(x):
        for i in range(25):
            x = jnp.sin(x) + x * (0.5 + i)
        return x

    graph = computation_graph(function, 0.5)
    assert len(graph.nodes) == 76
    assert len(layout(graph).boxes) == 76
