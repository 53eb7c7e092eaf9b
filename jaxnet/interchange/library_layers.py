"""Layers and activations of another library."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from jaxnet.core.errors import invalid_value
from jaxnet.functions.activations import ACTIVATIONS
from jaxnet.interchange.parts import FlatLayer
from jaxnet.layers.standardization import Moments


class Native(NamedTuple):
    """A library's layer for an activation.

    Attributes:
        name: of its class.
        fixed: arguments that make it equal to jaxnet's function.
        options: keyword -> default, of keywords shared with jaxnet.
    """

    name: str
    fixed: Mapping[str, Any] = {}
    options: Mapping[str, float] = {}


def make_activation(
    library: Any, part: FlatLayer, table: Mapping[str, Native], **common: Any
) -> Any:
    """Return a library's own layer for an activation layer.

    Args:
        library: the module of the classes.
        part: an activation layer.
        table: jaxnet's name -> the library's.
        common: arguments that all of the library's layers take.

    Raises:
        ValueError: if the library has no such activation, or the layer was made of a function
            instead of a name.
    """
    name, options = named_activation(part, {name: each.options for name, each in table.items()})
    native = table[name]
    return getattr(library, native.name)(**native.fixed, **options, **common)


def named_activation(
    part: FlatLayer,
    table: Mapping[str, Mapping[str, float]],
    remedy: str = "Exchange the arrays alone.",
) -> tuple[str, dict[str, float]]:
    """Return the name of an activation, and all its options.

    Args:
        part: an activation layer.
        table: jaxnet's name -> keywords with defaults, for the activations that a library has.
        remedy: advice if it is none of them.

    Raises:
        ValueError: if the library has no such activation, or the layer was made of a function
            instead of a name.
    """
    options = dict(part.settings)
    name = options.pop("function")
    translated = name in table and set(options) <= set(table[name])
    if not translated or not _is_the_named(part, name, options):
        actual = " with ".join([name, *map(str, options)])
        expected = f"to be one of {', '.join(sorted(table))}, given by name"
        raise invalid_value(part.name, expected, actual, remedy)
    return name, {**table[name], **{option: float(value) for option, value in options.items()}}


def plain_function(part: FlatLayer) -> Any:
    """Return a deterministic layer without parameters as a function ``x -> y``."""
    statistics = Moments(**part.arrays) if part.arrays else ()

    def function(x: Any) -> Any:
        return part.layer.apply((), statistics, x)[0]

    return function


def output_dtype(part: FlatLayer) -> str:
    """Return the name of a rescaling layer's output dtype."""
    pixels = jax.ShapeDtypeStruct((1, 1), jnp.uint8)
    return jax.eval_shape(plain_function(part), pixels).dtype.name


def _is_the_named(part: FlatLayer, name: str, options: Mapping[str, Any]) -> bool:
    """Return whether an activation is jaxnet's of that name, not another function called so."""
    if options:  # which only a name can have
        return True
    z = jnp.linspace(-8.0, 8.0, 33)[None]
    named = ACTIVATIONS.get(name)
    return named is not None and bool(jnp.array_equal(plain_function(part)(z), named(z)))
