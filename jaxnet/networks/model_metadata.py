"""Checks of a model file's metadata, on writing and on reading."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from jaxnet.core.checks import check_count, require, require_type
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
    is_list = isinstance(names, Sequence | np.ndarray) and not isinstance(names, str | bytes)
    good = is_list and all(isinstance(name, str) for name in names)
    require_type(good, "class_names", "to be a sequence of strings", repr(names))
    listed = tuple(str(name) for name in names)
    classes = 2 if out_shape == (1,) else out_shape[-1]
    expected = f"to be {classes}, for outputs of shape {out_shape}"
    require(len(listed) in (0, classes), "class_names", expected, len(listed))
    require(len(set(listed)) == len(listed), "class_names", "to differ", repr(names))
    return listed


def check_input_shape(shape: Any) -> Shape:
    """Return the shape of one input as a tuple.

    Raises:
        TypeError: if it is not a sequence of integers.
        ValueError: if one of them is below 1.

    >>> check_input_shape([1, 3])
    (1, 3)
    """
    good = isinstance(shape, Sequence) and not isinstance(shape, str)
    require_type(good, "in_shape", "to be a sequence of sizes", repr(shape))
    return tuple(check_count("in_shape", size) for size in shape)


def check_mapping(argument: str, value: Any) -> dict[str, Any]:
    """Return a mapping as a dict; an empty one for None.

    Raises:
        TypeError: if it is not a mapping.
    """
    require_type(isinstance(value, Mapping | None), argument, "to be a mapping", repr(value))
    return dict(value or {})
