"""Tables: named columns of numbers or text."""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

import numpy as np

from jaxnet.core.checks import check_entries, require
from jaxnet.core.errors import invalid_value, with_type
from jaxnet.core.representation import represent
from jaxnet.core.types import AnyArray


class Table(NamedTuple):
    """A table: columns of one length.

    Attributes:
        columns: name -> values, shape ``(rows,)``: float64 with NaN for nulls, bool, or objects
            that are strings, or None for nulls.

    >>> table = Table({"height": np.array([1.8, np.nan]), "name": np.array(["Ann", None], object)})
    >>> len(table), table.nulls()
    (2, {'height': 1, 'name': 1})
    """

    columns: Mapping[str, np.ndarray]

    __repr__ = represent

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(next(iter(self.columns.values()), ()))

    def take(self, rows: AnyArray | slice) -> "Table":
        """Return some rows, in that order."""
        return Table({name: column[rows] for name, column in self.columns.items()})

    def without(self, names: Iterable[str]) -> "Table":
        """Return the table without some columns."""
        gone = set(names)
        return Table({name: each for name, each in self.columns.items() if name not in gone})

    def column(self, name: str) -> np.ndarray:
        """Return a column.

        Raises:
            ValueError: if there is none of that name.
        """
        known = ", ".join(self.columns)
        require(name in self.columns, "column", f"to be one of {known}", repr(name))
        return self.columns[name]

    def nulls(self) -> dict[str, int]:
        """Count the nulls of each column."""
        return {name: int(null_rows(column).sum()) for name, column in self.columns.items()}


def null_rows(column: np.ndarray) -> np.ndarray:
    """Return where a column has nulls."""
    if column.dtype == object:
        return np.array([value is None for value in column], bool)
    return np.isnan(column) if column.dtype.kind == "f" else np.zeros(len(column), bool)


def make_table(columns: Mapping[str, Sequence[object] | np.ndarray]) -> Table:
    """Make a table of lists or arrays: numbers become float64, text objects.

    None, NaN, the empty string and the nulls of pandas and of masked arrays are nulls. A column of
    nothing else is one of numbers.

    Raises:
        ValueError: for no columns, lengths that differ, a column of numbers and text, or infinity.

    >>> table = make_table({"height": [1.8, None], "name": ["Ann", ""]})
    >>> table.columns["height"].tolist(), table.columns["name"].tolist()
    ([1.8, nan], ['Ann', None])
    """
    require(columns, "table", "to have columns", "none")
    made = {str(name): _column(str(name), values) for name, values in columns.items()}
    require(len(made) == len(columns), "table", "to name each column once", list(columns))
    lengths = {name: len(column) for name, column in made.items()}
    same = len(set(lengths.values())) == 1
    require(same, "table", "to have columns of one length", lengths, "Check for ragged rows.")
    return Table(made)


def _column(name: str, values: Any) -> np.ndarray:
    argument = f"column {name!r}"
    if isinstance(values, np.ma.MaskedArray) and values.ndim:
        values = values.tolist()  # None where it is masked
    one_axis = not isinstance(values, str) and np.iterable(values)
    one_axis = one_axis and getattr(values, "ndim", 1) == 1
    shape = getattr(values, "shape", None)
    actual = with_type(values) if shape is None else f"shape {shape}"
    require(one_axis, argument, "to be a list or an array of one axis", actual)
    if hasattr(values, "dtype"):
        values = np.asarray(values)
        if values.dtype.kind in "iufb":
            return values if values.dtype.kind == "b" else _numbers(argument, values)
    given: list[Any] = list(values)
    python = (v.item() if getattr(v, "ndim", 1) == 0 else v for v in given)
    listed = [None if is_null(value) else value for value in python]
    known = [value for value in listed if value is not None]
    if known and all(isinstance(value, bool) for value in listed):
        return np.array(listed, bool)
    if known and all(isinstance(value, str) for value in known):
        return np.array(listed, object)
    for row, value in enumerate(listed):
        if not isinstance(value, int | float | Decimal | None):
            remedy = "Repair that value, or make all of them text."
            actual = f"{value!r} in row {row}"
            raise invalid_value(argument, "to hold numbers or text alone", actual, remedy)
    return _numbers(argument, listed)


def _numbers(argument: str, values: Any) -> np.ndarray:
    """Return finite numbers as float64, None as NaN."""
    try:
        numbers = np.array(values, np.float64)
    except OverflowError as error:  # an integer beyond all of float64
        raise invalid_value(argument, "to hold numbers of float64", error) from None
    remedy = "Repair that value, or make it a null."
    check_entries(argument, numbers, lambda v: ~np.isinf(v), "to hold finite numbers", remedy)
    return numbers


def is_null(value: Any) -> bool:
    """Return whether a value is None, NaN, NaT, pandas' NA or the empty string."""
    if value is None or isinstance(value, str):
        return not value
    equal = type(value).__name__ != "NAType" and value == value
    return isinstance(equal, bool | np.bool_) and not equal
