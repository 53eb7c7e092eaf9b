"""Categories as columns of 0 and 1, and back."""

from typing import Any, Literal

import numpy as np

from jaxnet.core.checks import check_choice, require
from jaxnet.core.errors import invalid_value
from jaxnet.data.preparation.preparation import Preparation, Specification, Statistics
from jaxnet.data.table import is_null

Unknown = Literal["zeros", "other", "error"]


def one_hot(unknown: Unknown = "zeros") -> Preparation:
    """Return one column for each category of the training values, in sorted order.

    Values are strings, numbers or booleans; None and NaN are nulls, which belong to no category.
    There is no hashing: two categories never share a column.

    Args:
        unknown: what becomes of a value that training has not seen, and of a null: ``"zeros"``
            in all columns; a 1 in a last column ``"other"``; or an ``"error"``. A saved model's
            ``predict`` warns of unseen values in either column.

    Returns:
        Preparation of values of shape ``(n,)`` or ``(n, 1)`` to float64 of shape
        ``(n, categories)``. `invert` gives the category of the largest column, and None where all
        are 0, or the last column of ``"other"`` is the largest.

    Raises:
        ValueError: in `fit` for values without any category; in `apply` for an unknown one if it
            is an ``"error"``.

    >>> colours = one_hot()
    >>> statistics = colours.fit(np.array(["red", "blue", "red"]))
    >>> colours.apply(statistics, np.array(["red", "green"])).tolist()
    [[0.0, 1.0], [0.0, 0.0]]
    >>> colours.invert(statistics, np.array([[0.2, 0.8]])).tolist()
    ['red']
    """
    check_choice("unknown", unknown, dict.fromkeys(("zeros", "other", "error")))

    def fit(inputs: Any) -> Statistics:
        values = column_values(inputs)
        known = sorted({value for value in values if value is not None})
        require(known, "inputs", "to hold categories", "nulls alone")
        return {"categories": np.array(known)}

    def apply(statistics: Statistics, inputs: Any) -> np.ndarray:
        place = {value: i for i, value in enumerate(statistics["categories"].tolist())}
        values = column_values(inputs)
        index = np.array([place.get(value, len(place)) for value in values], int)
        if unknown == "error" and (index == len(place)).any():
            row = int(np.argmax(index == len(place)))
            expected = f"to be among the categories {', '.join(map(str, place))}"
            raise invalid_value("inputs", expected, f"{values[row]!r} in row {row}")
        columns = np.eye(len(place) + 1)[index]
        return columns if unknown == "other" else columns[:, :-1]

    def invert(statistics: Statistics, inputs: Any) -> np.ndarray:
        columns, known = np.asarray(inputs), [*statistics["categories"].tolist(), None]
        largest = np.where(columns.any(axis=1), columns.argmax(axis=1), -1)
        return np.array([known[i] for i in largest], object)

    return Preparation(fit, apply, invert, Specification("one_hot", {"unknown": unknown}))


def column_values(inputs: Any) -> list[Any]:
    """Return the values of a column as Python has them, None for nulls.

    Args:
        inputs: shape ``(n,)`` or ``(n, 1)``.

    Raises:
        ValueError: for another shape.
        TypeError: for values of several types.
    """
    # of a list as objects: NumPy would make text of numbers and nulls beside text
    array = np.asarray(inputs, getattr(inputs, "dtype", object))
    one = array.ndim == 1 or (array.ndim == 2 and array.shape[1] == 1)
    require(one, "inputs", "to be one column", f"shape {array.shape}", "See by_column.")
    values = [None if is_null(value) else value for value in array.ravel().tolist()]
    kinds = {float if isinstance(v, int | float) else type(v) for v in values if v is not None}
    require(len(kinds) < 2, "inputs", "to have one type", ", ".join(k.__name__ for k in kinds))
    return values
