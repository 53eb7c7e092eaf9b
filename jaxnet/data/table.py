"""Tables: named columns of numbers or text."""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from jaxnet.core.checks import require
from jaxnet.core.errors import invalid_value
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

    None, NaN, pandas' NA and the empty string are nulls. A column of nothing else is of numbers.

    Raises:
        ValueError: for no columns, lengths that differ, or a column of numbers and text.

    >>> table = make_table({"height": [1.8, None], "name": ["Ann", ""]})
    >>> table.columns["height"].tolist(), table.columns["name"].tolist()
    ([1.8, nan], ['Ann', None])
    """
    require(columns, "table", "to have columns", "none")
    made = {str(name): _column(str(name), values) for name, values in columns.items()}
    lengths = {name: len(column) for name, column in made.items()}
    same = len(set(lengths.values())) == 1
    require(same, "table", "to have columns of one length", lengths, "Check for ragged rows.")
    return Table(made)


def _column(name: str, values: Sequence[object] | np.ndarray) -> np.ndarray:
    kind = values.dtype.kind if isinstance(values, np.ndarray) else ""
    if isinstance(values, np.ndarray) and kind in "iufb":
        return values if kind == "b" else values.astype(np.float64)
    python = (value.item() if isinstance(value, np.generic) else value for value in list(values))
    listed = [None if is_null(value) else value for value in python]
    known = [value for value in listed if value is not None]
    if known and all(isinstance(value, bool) for value in listed):
        return np.array(listed, bool)
    if known and all(isinstance(value, str) for value in known):
        return np.array(listed, object)
    numbers = [isinstance(value, int | float | None) for value in listed]
    if False in numbers:
        row, expected = numbers.index(False), "to hold numbers or text alone"
        remedy = "Repair that value, or make all of them text."
        raise invalid_value(f"column {name!r}", expected, f"{listed[row]!r} in row {row}", remedy)
    return np.array([np.nan if value is None else value for value in listed], np.float64)


def is_null(value: object) -> bool:
    """Return whether a value is None, NaN, pandas' NA or the empty string."""
    if isinstance(value, float):
        return math.isnan(value)
    return value is None or type(value).__name__ == "NAType" or value == ""
