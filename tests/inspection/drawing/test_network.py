"""Pictures of networks: units, links, captions, each in its place."""

import io
import itertools
from typing import Any
from xml.etree import ElementTree

import jax
import jax.numpy as jnp
import matplotlib
import pytest
from matplotlib.colors import to_hex

import jaxnet
from jaxnet.inspection import WEIGHT_COLORS, draw_network
from jaxnet.inspection.drawing.layout import text_width
from jaxnet.inspection.drawing.svg import BACKWARD
from jaxnet.layers import activation, dense, flatten, residual, serial

KEY = jax.random.key(0)
SVG = "{http://www.w3.org/2000/svg}"


def texts(figure: Any) -> list[str]:
    return [text.get_text() for text in figure.axes[0].texts]


def units(figure: Any) -> list[int]:
    """Return how many circles of a unit's size stand in each column, from left to right."""
    places = [patch.center[0] for patch in figure.axes[0].patches if patch.radius > 5]
    return [places.count(x) for x in sorted(set(places))]


def links(figure: Any) -> int:
    (lines,) = figure.axes[0].collections
    return len(lines.get_segments())


def test_a_small_network_is_drawn_whole() -> None:
    figure = draw_network(jaxnet.mlp((2, 4, 3, 1), activation="tanh"), title="a < b")
    assert units(figure) == [2, 4, 3, 1]
    assert links(figure) == 2 * 4 + 4 * 3 + 3
    below = ["dense", "tanh", "12 parameters", "dense", "tanh", "15 parameters"]
    above = ["input", "2", "hidden 1", "4", "hidden 2", "3", "output", "1"]
    assert sorted(texts(figure)) == sorted(
        [*above, *below, "dense", "4 parameters", "a < b"]  # 3 weights and a bias
    )


def test_wide_layers_are_shortened_and_deep_networks_cut() -> None:
    wide = jaxnet.mlp((784, 100, 100, 10), batch_norm="before", drop_rate=0.5, input_scale=0.1)
    figure = draw_network(wide)
    assert units(figure) == [10, 10, 10, 10]
    assert len(figure.axes[0].patches) == 40 + 3 * 3  # with the dots
    assert len({patch.center for patch in figure.axes[0].patches}) == 40 + 3 * 3  # side by side
    assert {"784", "rescale", "batch norm", "dropout 0.5", "78,700 parameters"} <= {*texts(figure)}
    assert units(draw_network(wide, units=3)) == [3, 3, 3, 3]
    deep = draw_network(jaxnet.mlp((3, *[4] * 60, 2)))
    assert units(deep) == [3, 4, 4, 4, 4, 4, 4, 2]
    assert links(deep) == 3 * 4 + 3 * 16 + 16 + 8  # none over the gap
    assert {"… 54 more …", "hidden 4", "hidden 59", "hidden 60", "output"} <= {*texts(deep)}


def test_networks_of_other_layers() -> None:
    block = residual(serial(dense(6), activation("relu")))
    network = serial(flatten(), dense(6), block, dense(1))
    figure = draw_network(network, (2, 3))
    assert units(figure) == [6, 6, 6, 1]
    assert {"2×3", "flatten", "residual", "42 parameters"} <= {*texts(figure)}


def test_links_show_sign_and_size_of_the_weights() -> None:
    network = dense(2)
    params = jaxnet.layers.Dense(jnp.array([[1.0, -2.0], [0.0, jnp.nan]]), jnp.zeros(2))
    figure = draw_network(network, (2,), params=params)
    (lines,) = figure.axes[0].collections
    assert len(lines.get_segments()) == 2  # neither 0 nor NaN
    thin, thick = lines.get_linewidths()
    assert thick / thin == pytest.approx(3.0 / 1.65)
    drawn = [to_hex(color) for color in lines.get_colors()]
    assert drawn == [WEIGHT_COLORS["positive"], WEIGHT_COLORS["negative"]]
    assert BACKWARD not in drawn  # which gradients have
    (upper, lower) = sorted(segment[1][1] for segment in lines.get_segments())
    assert upper == lower  # both lead to the first unit
    start = [segment[0][1] for segment in lines.get_segments()]
    assert start[0] < start[1]  # from the first input, and from the second beneath it
    assert any(text.startswith("weights: blue positive, purple") for text in texts(figure))


@pytest.mark.parametrize("widths", [(1, 1), (2, 4, 3, 1), (10, 100, 10), (1234567, 8, 8, 1000)])
def test_no_text_overlaps_another_or_is_cut(widths: tuple[int, ...]) -> None:
    figure = draw_network(jaxnet.mlp(widths, drop_rate=0.25), title="A title that is rather long")
    width, height = 80 * figure.get_size_inches()
    boxes = []
    for text in figure.axes[0].texts:
        x, y = text.get_position()
        half = text_width(text.get_text()) / 2
        assert 0 <= x - half < x + half <= width
        assert 0 < y - 9 < y + 9 < height
        boxes.append((x, y, half))
    for (x, y, half), (u, v, other) in itertools.combinations(boxes, 2):
        assert abs(x - u) >= half + other or abs(y - v) >= 18
    for patch in figure.axes[0].patches:
        u, v = patch.center
        assert all(abs(v - y) > patch.radius + 9 or abs(u - x) > half for x, y, half in boxes)


def test_notebooks_draw_networks_that_state_their_input() -> None:
    network: Any = jaxnet.mlp((2, 3, 1))
    root = ElementTree.fromstring(network._repr_svg_())
    assert len(root.findall(f"{SVG}circle")) == 6
    assert len(root.findall(f"{SVG}path")) == 9
    assert "dense" in [text.text for text in root.iter(f"{SVG}text")]
    other: Any = dense(3)
    assert other._repr_svg_() is None


@pytest.mark.usefixtures("no_type_checks")
@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        ((dense(3),), {}, "expected in_shape for a network that does not state it, got None."),
        ((dense(3), (0,)), {}, "expected in_shape >= 1, got 0"),
        ((3,), {}, "expected network to be a Layer, got a int."),
        ((jaxnet.mlp((2, 1)),), {"units": 1}, "expected units >= 2, got 1"),
        ((jaxnet.mlp((2, 1)),), {"params": ()}, "expected params to be a tree like the network's"),
        ((jaxnet.mlp((2, 1)), (3,)), {}, "expected"),
    ],
)
def test_mistakes(arguments: Any, options: Any, message: str) -> None:
    with pytest.raises((ValueError, TypeError)) as raised:
        draw_network(*arguments, **options)
    assert message in str(raised.value)


def test_settings_of_matplotlib_change_no_layout() -> None:
    with matplotlib.rc_context({"figure.constrained_layout.use": True}):
        figure = draw_network(jaxnet.mlp((2, 3, 1)))
        figure.savefig(io.BytesIO(), dpi=20)  # a warning is an error
    assert figure.axes[0].get_position().bounds == (0, 0, 1, 1)
