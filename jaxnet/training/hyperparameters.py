"""Hyperparameters: arguments of a compiled run, in JAX's default precision."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import jax.numpy as jnp
import numpy as np
from jax.core import Tracer

from jaxnet.core.checks import LARGEST, check_instance, require
from jaxnet.core.errors import invalid_type
from jaxnet.core.types import Array

Hyperparameters: TypeAlias = Mapping[str, Any]
"""Name -> number, or 0-d array, which may be traced."""


def as_numbers(name: str, values: Any) -> np.ndarray:
    """Convert real numbers to a float64 array and integers to an int32 array.

    Args:
        name: the hyperparameter's.
        values: a number, an array of them, or a sequence.

    Raises:
        TypeError: if they are no numbers; booleans are none.
        ValueError: for NaN and infinities, and for whole numbers below 0 or above 2^31 - 1.
    """
    array = _as_array(values)
    if array is None or not (_is_a(array, jnp.integer) or _is_a(array, jnp.floating)):
        one = isinstance(values, str) or not np.iterable(values)
        expected = "to be a number" if one else "to hold numbers"
        raise invalid_type(name, expected, repr(values), "Make a sweep for each other value.")
    if _is_a(array, jnp.floating):
        array = array.astype(np.float64)
        require(np.isfinite(array).all(), name, "to be finite", array.tolist())
        return array
    good = not array.size or (array.min() >= 0 and array.max() <= LARGEST)
    expected, remedy = (
        "to be real, or whole and from 0 to 2^31 - 1",
        "For a real number write -1.0.",
    )
    require(good, name, expected, array.tolist(), remedy)
    return array.astype(np.int32)


def in_default_precision(name: str, number: float | int) -> float | int:
    """Round a real number to JAX's default precision.

    Raises:
        ValueError: if it becomes infinite.
    """
    if not isinstance(number, float):
        return number
    kind = np.dtype(jnp.result_type(float))
    with np.errstate(over="ignore"):
        rounded = float(np.asarray(number, kind))
    require(np.isfinite(rounded), name, f"to be finite in {kind}", number)
    return rounded


def check_hyperparameters(hyperparameters: Hyperparameters) -> Hyperparameters:
    """Convert hyperparameters to Python numbers of JAX's default precision.

    Args:
        hyperparameters: name -> number; what is traced stays an array, in that precision.

    Raises:
        TypeError: if they are no mapping, or one is no real number.
        ValueError: for one that is no 0-d array, NaN, infinite, or whole and out of range.
    """
    check_instance("hyperparameters", hyperparameters, Mapping, "to be a mapping")
    return {name: _checked(name, value) for name, value in hyperparameters.items()}


def as_arguments(numbers: Hyperparameters) -> dict[str, Array]:
    """Convert the numbers of `check_hyperparameters` to 0-d arrays, the arguments of a program."""
    kinds = {float: jnp.result_type(float), int: jnp.int32}
    return {
        name: value if isinstance(value, Tracer) else jnp.asarray(value, kinds[type(value)])
        for name, value in numbers.items()
    }


def _checked(name: str, value: Any) -> Any:
    one, remedy = isinstance(value, str) or not np.iterable(value), "Use jaxnet.training.sweep."
    require(one, name, "to be one number", repr(value), remedy)
    if isinstance(value, Tracer) and jnp.issubdtype(value.dtype, jnp.integer):
        return value.astype(jnp.int32)
    if isinstance(value, Tracer) and jnp.issubdtype(value.dtype, jnp.floating):
        return value.astype(float)
    return in_default_precision(name, as_numbers(name, value).item())


def _as_array(values: Any) -> np.ndarray | None:
    """Convert numbers to an array; None for ragged lists, traced values and booleans."""
    if isinstance(values, Sequence) and any(isinstance(v, bool | np.bool_) for v in values):
        return None
    try:
        return np.asarray(values)
    except (ValueError, TypeError):
        return None


def _is_a(array: np.ndarray, kind: Any) -> bool:
    return bool(jnp.issubdtype(array.dtype, kind))
