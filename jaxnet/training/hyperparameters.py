"""Hyperparameters: arguments of a compiled run, in JAX's default precision."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import jax.numpy as jnp
import numpy as np
from jax.core import Tracer

from jaxnet.core.checks import LARGEST
from jaxnet.core.errors import invalid_type, invalid_value
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
        remedy = "Only numbers can be arguments of one program: make one for each of the others."
        one = isinstance(values, str) or not np.iterable(values)
        expected = "to be a number" if one else "to hold numbers"
        raise invalid_type(name, expected, repr(values), remedy)
    if _is_a(array, jnp.floating):
        array = array.astype(np.float64)
        if not np.isfinite(array).all():
            raise invalid_value(name, "to be finite", array.tolist(), "Pass others.")
        return array
    if array.size and (array.min() < 0 or array.max() > LARGEST):
        remedy = "For a real number write -1.0; a whole one to a negative power is 0 in JAX."
        expected = "to be real, or whole and from 0 to 2^31 - 1"
        raise invalid_value(name, expected, array.tolist(), remedy)
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
    if not np.isfinite(rounded):
        raise invalid_value(name, f"to be finite in {kind}", number, "Pass a smaller one.")
    return rounded


def check_hyperparameters(hyperparameters: Hyperparameters) -> Hyperparameters:
    """Convert hyperparameters to Python numbers of JAX's default precision.

    Args:
        hyperparameters: name -> number; what is traced stays an array, in that precision.

    Raises:
        TypeError: if they are no mapping, or one is no real number.
        ValueError: for one that is no 0-d array, NaN, infinite, or whole and out of range.
    """
    if not isinstance(hyperparameters, Mapping):
        remedy = "For example: {'learning_rate': 0.1}"
        actual = f"a {type(hyperparameters).__name__}"
        raise invalid_type("hyperparameters", "to be a mapping", actual, remedy)
    return {name: _checked(name, value) for name, value in hyperparameters.items()}


def as_arguments(numbers: Hyperparameters) -> dict[str, Array]:
    """Convert the numbers of `check_hyperparameters` to 0-d arrays, the arguments of a program."""
    kinds = {float: jnp.result_type(float), int: jnp.int32}
    return {
        name: value if isinstance(value, Tracer) else jnp.asarray(value, kinds[type(value)])
        for name, value in numbers.items()
    }


def _checked(name: str, value: Any) -> Any:
    if not isinstance(value, str) and np.iterable(value):
        remedy = "Map over values with jax.vmap, or use jaxnet.training.sweep."
        raise invalid_value(name, "to be one number", repr(value), remedy)
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
