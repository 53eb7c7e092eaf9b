"""The drawing: boxes apart, links around them, few crossings, each in its place."""

import itertools
from collections.abc import Sequence

import hypothesis
import jax
import jax.numpy as jnp
import pytest
from hypothesis import strategies

import jaxnet
from jaxnet.inspection import Graph, Link, Node, computation_graph, layout
from jaxnet.inspection.drawing.layered_layout import crossings, isotonic, order, positions, ranks
from jaxnet.inspection.drawing.layout import Box, Point, _divided, _point


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


@hypothesis.given(PAIRS, strategies.sampled_from([1.0, 300.0, 600.0, 1300.0]))
@hypothesis.settings(max_examples=60)
def test_any_graph_is_drawn_apart_and_from_left_to_right(
    drawn: tuple[int, set[tuple[int, int]]], max_width: float
) -> None:
    count, pairs = drawn
    drawing = layout(wired(sorted(pairs), count), max_width=max_width)
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


def risk_of_a_network() -> Graph:
    network = jaxnet.mlp((3, 4, 2), activation="tanh")
    params, statistics = network.init(jax.random.key(0), (3,))
    labels = jnp.array([0, 1, 1, 0, 1])

    def risk(params, x):
        outputs, _ = network.apply(params, statistics, x)
        return jaxnet.losses.softmax_cross_entropy(outputs, labels).mean()

    return computation_graph(risk, params, jnp.ones((5, 3)))


def test_a_wide_graph_continues_in_further_rows() -> None:
    graph = risk_of_a_network()
    one, several = layout(graph, max_width=9999.0), layout(graph)
    assert several.width < 1500 < 2500 < one.width
    rows = [["matmul", "+"], ["tanh", "matmul", "+"], ["softmax_cross_entropy", "mean"]]
    tops = [min(several.boxes[f"z{i}"].y for i in places) for places in ((1, 2), (3, 4, 5), (6,))]
    assert tops == sorted(tops)
    labels = [node.label for node in graph.nodes if node.kind in ("operation", "output")]
    assert labels == [label for row in rows for label in row]
    leading = {
        (route.source, route.target)
        for route in several.routes
        if several.boxes[route.target].x < several.boxes[route.source].x
    }
    assert leading == {("z2", "z3"), ("z5", "z6")}
    drawn = [*several.boxes.values(), *[route.label for route in several.routes]]
    for box, other in itertools.combinations(drawn, 2):
        assert not overlap(box, other)
    for route in several.routes:
        ways = along(route.forward), along(route.backward)
        for x, y in itertools.chain(*ways):
            assert 0 <= x <= several.width
            assert 0 <= y <= several.height
            assert not any(overlap(box, Box(x, y, -1, -1)) for box in several.boxes.values())
        if (route.source, route.target) in leading:
            assert not any(crossed(*pair) for pair in itertools.product(*map(segments, ways)))
            rows_at = [abs(route.label.y - b.y) < b.height / 2 for b in several.boxes.values()]
            assert not any(rows_at)  # the label stands between two rows


def along(path: Sequence[Point]) -> list[Point]:
    pieces = [path[i : i + 4] for i in range(0, len(path) - 1, 3)]
    return [_point(piece, t / 9) for piece in pieces for t in range(10)]


def segments(points: list[Point]) -> list[tuple[Point, Point]]:
    return list(itertools.pairwise(points))


def crossed(one: tuple[Point, Point], other: tuple[Point, Point]) -> bool:
    def side(a: Point, b: Point, c: Point) -> float:
        return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])

    apart = side(*one, other[0]) * side(*one, other[1]) < 0
    return apart and side(*other, one[0]) * side(*other, one[1]) < 0


def test_rows_end_where_few_links_cross() -> None:
    assert _divided([500.0, 500, 500, 500], {1: 1, 2: 2, 3: 1}, 1200) == [range(2), range(2, 4)]
    assert _divided([500.0, 500, 500], {1: 1, 2: 2}, 1200) == [range(1), range(1, 3)]
    assert _divided([500.0, 500, 500], {1: 2, 2: 1}, 1200) == [range(2), range(2, 3)]
    assert _divided([500.0, 500, 500], {1: 9, 2: 9}, 1200) == [range(3)]
    assert _divided([2000.0, 500], {1: 1}, 1200) == [range(1), range(1, 2)]


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
