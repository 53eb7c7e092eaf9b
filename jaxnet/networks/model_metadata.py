"""Checks of a model file's metadata, on writing and on reading."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from jaxnet.core.checks import check_count
from jaxnet.core.errors import invalid_type, invalid_value
from jaxnet.core.types import Shape


def check_class_names(names: Any, out_shape: Shape) -> tuple[str, ...]:
    """Check that there is one distinct name per class, or none.

    Args:
        names: list, tuple or NumPy array of strings.
        out_shape: of the network; a single output has two classes.

    Raises:
        TypeError: for anything else, such as one string.
        ValueError: for another number of names, or two that are equal.
    """
    argument, remedy = "class_names", "Give each class a different string."
    is_list = isinstance(names, Sequence | np.ndarray) and not isinstance(names, str | bytes)
    if not is_list or not all(isinstance(name, str) for name in names):
        raise invalid_type(argument, "to be a sequence of strings", repr(names), remedy)
    listed = tuple(str(name) for name in names)
    classes = 2 if out_shape == (1,) else out_shape[-1]
    if listed and len(listed) != classes:
        expected = f"to be {classes}, for outputs of shape {out_shape}"
        raise invalid_value(argument, expected, len(listed), remedy)
    if len(set(listed)) < len(listed):
        raise invalid_value(argument, "to differ", repr(names), remedy)
    return listed


def check_input_shape(shape: Any) -> Shape:
    """Return the shape of one input as a tuple.

    Raises:
        TypeError: if it is not a sequence of integers.
        ValueError: if one of them is below 1.

    >>> check_input_shape([1, 3])
    (1, 3)
    """
    if not isinstance(shape, Sequence) or isinstance(shape, str):
        remedy = "Pass a tuple, such as (784,)."
        raise invalid_type("in_shape", "to be a sequence of sizes", repr(shape), remedy)
    return tuple(check_count("in_shape", size) for size in shape)


def check_mapping(argument: str, value: Any) -> dict[str, Any]:
    """Return a mapping as a dict; an empty one for None.

    Raises:
        TypeError: if it is not a mapping.
    """
    if not isinstance(value, Mapping | None):
        remedy = "Pass a dict, or leave it out."
        raise invalid_type(argument, "to be a mapping", repr(value), remedy)
    return dict(value or {})


def check_text(argument: str, value: Any) -> str:
    """Check that a value is a string.

    Raises:
        TypeError: if it is none.
    """
    if not isinstance(value, str):
        raise invalid_type(argument, "to be a string", repr(value))
    return value
