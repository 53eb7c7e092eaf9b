"""Summary table of a network: layers, shapes, parameters."""

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import jax

from jaxnet.core.representation import table_html
from jaxnet.core.trees import count_parameters
from jaxnet.core.types import Description, Layer, Params, Shape
from jaxnet.layers.compose import shapes_in_turn
from jaxnet.layers.sharing import shapes_of_pool


def summary(network: Layer, in_shape: Shape) -> str:
    """Return a table of the network's layers, their output shapes and parameter counts.

    A combinator has a row above those of its parts, which are indented; the layers' parameters
    add up to the total. Nothing is computed, whatever the network's size.

    Args:
        network: a layer of any kind.
        in_shape: shape of one input.

    Raises:
        ValueError: if the network does not fit the shape.

    >>> from jaxnet.networks import mlp
    >>> print(summary(mlp((784, 100, 10)), (784,)))
    layer               output  parameters
    serial              (10,)
      dense(100)        (100,)      78,500
      activation(relu)  (100,)           0
      dense(10)         (10,)        1,010
    total                           79,510
    """
    lines = _lines(network, in_shape)
    label, output, count = (max(len(line[column]) for line in lines) for column in range(3))
    return "\n".join(f"{a:{label}}  {b:{output}}  {c:>{count}}".rstrip() for a, b, c in lines)


def known_in_shape(network: Layer) -> Shape | None:
    """Return the shape of one input where the network states it, as one of `mlp` does.

    >>> from jaxnet.networks import mlp
    >>> known_in_shape(mlp((784, 100, 10)))
    (784,)
    """
    widths = network.description.facts.get("widths")
    return widths[:1] if widths else None


def _summary_html(network: Layer) -> str | None:
    in_shape = known_in_shape(network)
    return None if in_shape is None else table_html(_lines(network, in_shape))


Layer._repr_html_ = _summary_html  # pyright: ignore[reportAttributeAccessIssue]
# notebooks show networks, whose module knows no summaries


def _lines(network: Layer, in_shape: Shape) -> list[tuple[str, str, str]]:
    params, statistics = jax.eval_shape(lambda key: network.init(key, in_shape), jax.random.key(0))
    lines = [("layer", "output", "parameters")]
    for row in _rows(network, in_shape, params, 0):
        count = "" if row.parameters is None else f"{row.parameters:,}"
        lines.append(("  " * row.depth + row.label, str(row.out_shape), count))
    lines.append(("total", "", f"{count_parameters(params):,}"))
    if jax.tree.leaves(statistics):
        lines.append(("statistics", "", f"{count_parameters(statistics):,}"))
    return lines


def count_neurons(network: Layer) -> int:
    """Count the neurons: the outputs of dense and maxout layers, of a shared layer once.

    Source: lecture 003; 3-4-2 has 6 neurons, 20 weights and 26 parameters.

    >>> from jaxnet.networks import mlp
    >>> count_neurons(mlp((3, 4, 2)))
    6
    """
    description = network.description
    if description.kind in _KINDS_OF_NEURONS:
        return description.settings["features"]
    return sum(count_neurons(part) for part in description.parts)


_KINDS_OF_NEURONS = ("dense", "maxout")


class _Row(NamedTuple):
    """A line of the table; a combinator has no parameters itself."""

    depth: int
    label: str
    out_shape: Shape
    parameters: int | None


def _rows(layer: Layer, in_shape: Shape, params: Params, depth: int) -> Iterator[_Row]:
    description, out_shape = layer.description, layer.out_shape(in_shape)
    if description.kind not in _IN_SHAPES:
        yield _Row(depth, _label(description), out_shape, count_parameters(params))
        return
    yield _Row(depth, _label(description), out_shape, None)
    in_shapes = _IN_SHAPES[description.kind](description, in_shape)
    for part, shape, part_params in zip(description.parts, in_shapes, params, strict=True):
        yield from _rows(part, shape, part_params, depth + 1)


def _label(description: Description) -> str:
    """Return the kind with its plain settings."""
    plain = [v for v in description.settings.values() if isinstance(v, str | int | float)]
    settings = ", ".join(f"{v:g}" if isinstance(v, float) else str(v) for v in plain)
    return f"{description.kind}({settings})" if settings else description.kind


def _all_the_same(description: Description, in_shape: Shape) -> Sequence[Shape]:
    return [in_shape] * len(description.parts)


_IN_SHAPES: dict[str, Callable[[Description, Shape], Sequence[Shape]]] = {
    "serial": lambda description, in_shape: shapes_in_turn(description.parts, in_shape)[:-1],
    "parallel": _all_the_same,
    "residual": _all_the_same,
    "shared": lambda description, in_shape: shapes_of_pool(
        description.parts, description.settings["uses"], in_shape
    )[0],
}
"""Kind of a combinator -> the input shape of each of its parts."""
