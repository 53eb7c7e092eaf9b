"""Conversion between multilayer perceptrons and the arguments of `mlp` in JSON types."""

import numbers
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxnet.core.checks import check_options
from jaxnet.core.types import Layer, Params
from jaxnet.networks.mlp import mlp

NAMES = (
    "activation",
    "initializer",
    "batch_norm",
    "batch_norm_convention",
    "dropout_form",
    "head",
)
"""Arguments that can be saved only if they are a name or None."""


def arguments_of(network: Layer, params: Params) -> tuple[dict[str, Any] | None, str]:
    """Return the arguments of `mlp` that build the network, or None and the reason.

    Args:
        network: a network of any kind.
        params: its parameters, whose dtype replaces a default one: JAX's may change.

    Returns:
        Name -> str, int, float, list, bool or None, and ``""``; or None and half a sentence.
    """
    arguments = network.description.settings.get("mlp")
    if arguments is None:
        return None, "mlp did not make it"
    objects = [n for n in NAMES if not isinstance(arguments[n], str | None)]
    if objects:
        return None, f"its {objects[0]} is not given by name"
    dtype = arguments["dtype"]
    if dtype is None:
        dtype = next((getattr(leaf, "dtype", float) for leaf in jax.tree.leaves(params)), float)
    scale, active = arguments["input_scale"], arguments["active_units"]
    return {
        **{name: arguments[name] for name in NAMES},
        "widths": [int(width) for width in arguments["widths"]],
        "input_scale": None if scale is None else _number(scale),
        "standardize_like": arguments["standardize_like"],
        "drop_rate": [_number(rate) for rate in arguments["drop_rate"]],
        "input_drop_rate": _number(arguments["input_drop_rate"]),
        "input_noise": _number(arguments["input_noise"]),
        "active_units": None if active is None else [int(_number(count)) for count in active],
        "dtype": jnp.dtype(dtype).name,
    }, ""


def network_of(arguments: Mapping[str, Any], *, mean: np.ndarray, std: np.ndarray) -> Layer:
    """Build the network from the result of `arguments_of`.

    Args:
        arguments: arguments of `mlp`.
        mean: of the inputs, where they standardize them; shape ``in_shape``.
        std: their standard deviation.

    Raises:
        ValueError: for arguments that this version of `mlp` does not have or take.
        TypeError: for an argument of a wrong type.
    """
    check_options(mlp, arguments, data=0)
    options = dict(arguments)
    if options.pop("standardize_like"):
        # the two examples whose moments these are
        center, half = mean.astype(np.float64), std.astype(np.float64)
        options["standardize_like"] = np.stack([center - half, center + half])
    return mlp(options.pop("widths"), **options)


def _number(value: Any) -> float:
    """Return a number, or an array of one, as it is in float64."""
    return float(value) if isinstance(value, numbers.Real) else float(np.asarray(value))
