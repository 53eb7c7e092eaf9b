"""Flat sequence of a network's layers and arrays."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from jaxnet.core.checks import require
from jaxnet.core.errors import invalid_type
from jaxnet.core.types import Layer, Params, Statistics
from jaxnet.layers.batch_norm import CONVENTIONS

FIELDS = {
    "activation": (),
    "batch_norm": ("scale", "offset", "mean", "variance"),
    "dense": ("weights", "bias"),
    "dropout": (),
    "flatten": (),
    "rescale": (),
    "standardize": (),
}
"""Kind of a translated layer -> its arrays; the last axis of the first is the input axis.

The moments of standardization are constants of a library's module, and no arrays of its state.
"""


class FlatLayer(NamedTuple):
    """One layer of the flat sequence.

    Attributes:
        layer: the layer itself.
        place: among all layers, from 0.
        rank: place among the layers of its kind, from 0.
        arrays: those of `FIELDS` that it has, by name; of standardization its moments.
    """

    layer: Layer
    place: int
    rank: int
    arrays: Mapping[str, Any]

    @property
    def kind(self) -> str:
        """Name of the function that made the layer."""
        return self.layer.description.kind

    @property
    def settings(self) -> Mapping[str, Any]:
        """Arguments of that function."""
        return self.layer.description.settings

    @property
    def name(self) -> str:
        """Name of the layer in messages."""
        return f"layer {self.place} ({self.kind})"

    @property
    def old_weight(self) -> float:
        """Batch normalization's weight of the old moving average, in any convention."""
        momentum = float(self.settings["momentum"])
        return 1 - momentum if CONVENTIONS[self.settings["like"]].weights_new else momentum


def flat_layers(network: Layer) -> tuple[Layer, ...]:
    """Return the layers of a network in sequence, with nested `serial` flattened.

    Args:
        network: a layer, or a `serial` of layers.

    Raises:
        ValueError: for a layer that has no counterpart elsewhere.
    """
    description = network.description
    if description.kind == "serial":
        return tuple(layer for part in description.parts for layer in flat_layers(part))
    expected = f"to be made of serial, {', '.join(FIELDS)}"
    require(description.kind in FIELDS, "network", expected, description.kind)
    lecture = description.kind == "dropout" and description.settings["like"] == "lecture"
    remedy = "Multiply the weights of the dense layer after each dropout by 1 - drop_rate instead."
    require(not lecture, "dropout", "of the inverted form", "the lecture's", remedy)
    whole = "whole_examples" in description.settings
    require(not whole, "dropout", "of single entries", "that of whole examples", "Leave it out.")
    return (network,)


def lay_out(network: Layer, params: Params, statistics: Statistics) -> tuple[FlatLayer, ...]:
    """Return the layers of a network with their arrays.

    Args:
        network: the network of ``params`` and ``statistics``.
        params: the network's parameters.
        statistics: the network's statistics.

    Raises:
        ValueError: for a layer that has no counterpart elsewhere.
        TypeError: for trees with another number of layers than the network.
    """
    arrays = zip(
        _spread("params", network, params),
        _spread("statistics", network, statistics),
        strict=True,
    )
    return number(flat_layers(network), [_fields(p) | _fields(s) for p, s in arrays])


def number(layers: Iterable[Layer], arrays: Iterable[Mapping[str, Any]]) -> tuple[FlatLayer, ...]:
    """Return a `FlatLayer` for each layer and its arrays."""
    parts: list[FlatLayer] = []
    for layer, held in zip(layers, arrays, strict=True):
        rank = sum(part.kind == layer.description.kind for part in parts)
        parts.append(FlatLayer(layer, len(parts), rank, held))
    return tuple(parts)


def rebuild(network: Layer, like: Any, arrays: Iterator[Mapping[str, Any]]) -> Any:
    """Return a tree such as ``like`` with the arrays of each layer, the inverse of `lay_out`.

    Args:
        network: the network of the tree.
        like: the network's parameters or statistics, of any values.
        arrays: one mapping per layer in the order of `flat_layers`.
    """
    if network.description.kind == "serial":
        pairs = zip(network.description.parts, like, strict=True)
        return tuple(rebuild(part, tree, arrays) for part, tree in pairs)
    held = next(arrays)
    fields = [name for name in getattr(like, "_fields", ()) if name in held]
    return like._replace(**{name: held[name] for name in fields}) if fields else like


def _spread(argument: str, network: Layer, tree: Any) -> list[Any]:
    """Return the subtree of each layer in the order of `flat_layers`."""
    if network.description.kind != "serial":
        return [tree]
    parts = network.description.parts
    if not isinstance(tree, tuple | list) or len(tree) != len(parts):
        actual = len(tree) if isinstance(tree, tuple | list) else type(tree).__name__
        raise invalid_type(argument, f"to be a tuple of {len(parts)}, one per layer", actual)
    pairs = zip(parts, tree, strict=True)
    return [entry for part, sub in pairs for entry in _spread(argument, part, sub)]


def _fields(tree: Any) -> dict[str, Any]:
    """Return the arrays of one layer by name, without a bias of None."""
    fields = tree._asdict() if hasattr(tree, "_asdict") else {}
    return {name: array for name, array in fields.items() if array is not None}
