"""Translation between a network's arrays and the named arrays of a library."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer

from jaxnet.core.checks import (
    check_finite,
    check_instance,
    check_like,
    check_names,
    require,
    require_type,
)
from jaxnet.core.types import Layer, Params, Shape, Statistics
from jaxnet.interchange.parts import FIELDS, FlatLayer, flat_layers, lay_out, number, rebuild
from jaxnet.networks.model_file import shapes_of


class ParameterNames(NamedTuple):
    """Names and orientation of a library's arrays.

    Attributes:
        key: ``(part, field) -> name`` of one array of one layer.
        transposed: whether weights are (in, out) instead of (out, in).
    """

    key: Callable[[FlatLayer, str], str]
    transposed: bool


OURS = ParameterNames(lambda part, field: f"{field} of {part.name}", transposed=False)
"""jaxnet's own; the names serve in messages."""

_OTHER_LAYERS = "Rename or drop arrays, or make the network with the layers that they belong to."


def take_apart(network: Layer, params: Params, statistics: Statistics) -> tuple[FlatLayer, ...]:
    """Return the layers with their arrays, checked to be the network's.

    Args:
        network: the network of ``params`` and ``statistics``.
        params: the network's parameters.
        statistics: the network's statistics.

    Raises:
        ValueError: for a layer without counterpart, or an array of a wrong shape or not finite.
        TypeError: for trees of another structure than the network's.
    """
    parts = lay_out(network, params, statistics)
    expected = shapes_of("arrays", network, input_shape(parts, OURS))
    trees = {"params": params, "statistics": statistics}
    for (argument, tree), like in zip(trees.items(), expected, strict=True):
        actual, own = jax.tree.structure(tree), jax.tree.structure(like)
        require_type(actual == own, argument, f"to be like {own}", actual)
    for part, like in zip(parts, lay_out(network, *expected), strict=True):
        _check_part(part, like, OURS)
    return parts


def spell(parts: Iterable[FlatLayer], layout: ParameterNames) -> dict[str, Any]:
    """Map the names of a layout to the arrays of all layers, in order."""
    return {
        layout.key(part, field): _turn(array, field, layout)
        for part in parts
        for field, array in part.arrays.items()
        if field in FIELDS[part.kind]
    }


def read(
    network: Layer, arrays: Mapping[str, Any], layout: ParameterNames
) -> tuple[Params, Statistics]:
    """Return a network's parameters and statistics from named arrays, the inverse of `spell`.

    The arrays are copied, so that later changes in place have no effect. The moments of
    standardization are those of the network.

    Args:
        network: the network of the arrays.
        arrays: name -> array, exactly those of the network.
        layout: their names.

    Raises:
        ValueError: for a layer without counterpart, for missing or unknown names, or for an
            array of a wrong shape or not finite.
        TypeError: for an array of another dtype than the network's.
    """
    layers = flat_layers(network)
    arrays = {key: a if hasattr(a, "dtype") else np.asarray(a) for key, a in arrays.items()}
    held = [
        {f: arrays[key] for f in FIELDS[part.kind] if (key := layout.key(part, f)) in arrays}
        for part in number(layers, [{}] * len(layers))
    ]
    found = [
        {f: _turn(array, f, layout) for f, array in of_one.items()} | _moments(layer)
        for layer, of_one in zip(layers, held, strict=True)
    ]
    parts = number(layers, found)
    like = shapes_of("arrays", network, input_shape(parts, layout))
    expected = lay_out(network, *like)
    check_names("arrays", spell(expected, layout), arrays, _OTHER_LAYERS)
    for part, own in zip(parts, expected, strict=True):
        _check_part(part, own, layout, dtypes=True)
    ours = [jax.tree.map(jnp.array, of_one) for of_one in found]
    return rebuild(network, like[0], iter(ours)), rebuild(network, like[1], iter(ours))


def expected_names(network: Layer, in_shape: Shape, layout: ParameterNames) -> tuple[str, ...]:
    """Return the names of a network's arrays, in order.

    Args:
        network: the network.
        in_shape: shape of one input, where standardization does not tell it.
        layout: of the names.
    """
    layers = flat_layers(network)
    leading = _leading(number(layers, [{}] * len(layers)))
    if leading is not None and leading.kind == "standardize":
        in_shape = leading.settings["in_shape"]
    like = shapes_of("arrays", network, in_shape)
    return tuple(spell(lay_out(network, *like), layout))


def flatten(argument: str, tree: Any) -> dict[str, Any]:
    """Return the leaves of nested mappings by their keys, joined by ``/``.

    >>> flatten("variables", {"params": {"Dense_0": {"kernel": 1, "bias": 2}}})
    {'params/Dense_0/kernel': 1, 'params/Dense_0/bias': 2}
    """
    check_instance(argument, tree, Mapping, "to be a mapping")
    leaves: dict[str, Any] = {}
    for key, value in tree.items():
        nested = isinstance(value, Mapping)
        below = flatten(argument, value) if nested else {"": value}
        leaves |= {f"{key}/{rest}" if rest else str(key): leaf for rest, leaf in below.items()}
    return leaves


def nest(arrays: Mapping[str, Any]) -> dict[str, Any]:
    """Return nested dicts by splitting the names at ``/``, the inverse of `flatten`.

    >>> nest({"params/Dense_0/kernel": 1, "params/Dense_0/bias": 2})
    {'params': {'Dense_0': {'kernel': 1, 'bias': 2}}}
    """
    tree: dict[str, Any] = {}
    for key, array in arrays.items():
        *folders, name = key.split("/")
        place = tree
        for folder in folders:
            place = place.setdefault(folder, {})
        place[name] = array
    return tree


def _turn(array: Any, field: str, layout: ParameterNames) -> Any:
    if not (layout.transposed and field == "weights"):
        return array
    if isinstance(array, jax.ShapeDtypeStruct):
        return jax.ShapeDtypeStruct(array.shape[::-1], array.dtype)
    return array.T


def _moments(layer: Layer) -> dict[str, Any]:
    if layer.description.kind != "standardize":
        return {}
    in_shape = layer.description.settings["in_shape"]
    return layer.init(jax.random.key(0), in_shape)[1]._asdict()


def _leading(parts: Iterable[FlatLayer]) -> FlatLayer | None:
    """Return the first layer with arrays or moments."""
    return next((p for p in parts if FIELDS[p.kind] or p.kind == "standardize"), None)


def input_shape(parts: Iterable[FlatLayer], layout: ParameterNames) -> Shape:
    """Return the shape of one input from the first layer with arrays or moments.

    The layers before it, without either, keep shapes, or make one row of them.
    """
    part = _leading(parts)
    if part is None:
        return (1,)
    if part.kind == "standardize":
        return part.settings["in_shape"]
    leading = FIELDS[part.kind][0]
    require(leading in part.arrays, layout.key(part, leading), "to be given", "none")
    return part.arrays[leading].shape[-1:]


def _check_part(
    part: FlatLayer,
    expected: FlatLayer,
    layout: ParameterNames,
    *,
    dtypes: bool = False,
) -> None:
    for field, like in expected.arrays.items():
        array, like = (_turn(a, field, layout) for a in (part.arrays[field], like))
        label = (layout if field in FIELDS[part.kind] else OURS).key(part, field)
        check_like(label, array, like, "Make the network with that width.", dtype=dtypes)
        if not isinstance(array, Tracer):  # of unknown values
            check_finite(label, np.asarray(array), "Go back to a state before.")
