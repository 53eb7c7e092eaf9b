"""Paths and symbols of the layers inside nested `serial` networks."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeVar

from jaxnet.core.types import Layer

T = TypeVar("T")

Path = tuple[int, ...]
"""Indices from the whole network down to a layer; empty for the whole."""


def opened(network: Layer, path: Path = ()) -> Iterator[tuple[Path, Layer]]:
    """Yield path and layer of each layer of a network, in the order of the forward pass.

    >>> from jaxnet.layers import activation, dense, serial
    >>> network = serial(serial(dense(3), activation("relu")), dense(2))
    >>> [(path, layer.description.kind) for path, layer in opened(network)]
    [((0, 0), 'dense'), ((0, 1), 'activation'), ((1,), 'dense')]
    """
    if network.description.kind != "serial":
        yield path, network
        return
    for i, part in enumerate(network.description.parts):
        yield from opened(part, (*path, i))


def part_of(tree: Any, path: Path) -> Any:
    """Return a layer's part of the network's parameters, statistics or gradient.

    >>> part_of((("a", "b"), "c"), (0, 1))
    'b'
    """
    for i in path:
        tree = tree[i]
    return tree


def symbols(layers: Sequence[Layer]) -> list[str]:
    """Name outputs as lecture 001 does: z after an affine layer, y after what follows it.

    Outputs before the first affine layer are ``"y0"``; a further layer of the same rank gets a
    prime.

    >>> from jaxnet.layers import activation, batch_norm, dense
    >>> symbols([dense(3), batch_norm(), activation("relu"), dense(2)])
    ['z1', 'y1', "y1'", 'z2']
    """
    depth, named = 0, []
    for layer in layers:
        affine = layer.description.kind in ("dense", "maxout")
        depth += affine
        symbol = f"z{depth}" if affine else f"y{depth}"
        while symbol in named:
            symbol += "'"
        named.append(symbol)
    return named


def in_order(network: Layer, by_symbol: Mapping[str, T]) -> dict[str, T]:
    """Sort a mapping from symbols by the forward pass; compiled programs return sorted keys.

    >>> from jaxnet.layers import activation, dense, serial
    >>> in_order(serial(dense(3), activation("relu"), dense(2)), {"y1": 2, "z1": 1})
    {'z1': 1, 'y1': 2}
    """
    order = symbols([layer for _, layer in opened(network)])
    return {symbol: by_symbol[symbol] for symbol in order if symbol in by_symbol}
