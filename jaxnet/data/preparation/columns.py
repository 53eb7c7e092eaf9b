"""Tables as inputs: a preparation for each column, side by side."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from jaxnet.core.checks import check_instance, require
from jaxnet.data.preparation.categories import one_hot
from jaxnet.data.preparation.missing import impute
from jaxnet.data.preparation.preparation import (
    Preparation,
    Specification,
    Statistics,
    chain,
    no_way_back,
)
from jaxnet.data.preparation.scaling import standardize
from jaxnet.data.table import Table, null_rows


def by_column(preparations: Mapping[str, Preparation]) -> Preparation:
    """Return the preparation of a table that prepares columns and puts them side by side.

    Args:
        preparations: name of a column -> its preparation, in the order of the features. Columns
            of numbers reach it with shape ``(rows, 1)``, others with shape ``(rows,)``. Columns
            of the table that are not named are left out.

    Raises:
        ValueError: for no columns; in `fit` and `apply` for a table without one of them.
        TypeError: in `fit` and `apply` for what is no `Table`, such as an array.

    >>> from jaxnet.data.table import make_table
    >>> people = make_table({"height": [1.6, 1.8], "colour": ["red", "blue"]})
    >>> ready = by_column({"colour": one_hot(), "height": standardize()})
    >>> ready.apply(ready.fit(people), people).round(6).tolist()
    [[0.0, 1.0, -1.0], [1.0, 0.0, 1.0]]
    """
    require(preparations, "preparations", "to name columns", "none")

    def fit(inputs: Any) -> Statistics:
        return tuple(p.fit(_column(inputs, name)) for name, p in preparations.items())

    def apply(statistics: Statistics, inputs: Any) -> np.ndarray:
        given = zip(preparations.items(), statistics, strict=True)
        return np.concatenate([p.apply(s, _column(inputs, name)) for (name, p), s in given], axis=1)

    parts = tuple(preparation.specification for preparation in preparations.values())
    specification = Specification("by_column", {"names": list(preparations)}, parts)
    return Preparation(fit, apply, no_way_back("by_column"), specification)


def tabular(train: Table) -> Preparation:
    """Return a preparation that suits the columns of a training table.

    Numbers and booleans are standardized, nulls imputed by the median, with a mask if training
    has any; text becomes one column a category, and zeros where it is unknown or null. Left out
    are columns with one value, and text that differs in every row, such as names.

    Args:
        train: the training rows, without the target.

    Raises:
        ValueError: if no column is left.

    >>> from jaxnet.data.table import make_table
    >>> people = make_table({"height": [1.6, 1.8, None], "colour": ["red", "blue", "red"]})
    >>> ready = tabular(people)
    >>> ready.apply(ready.fit(people), people).shape
    (3, 4)
    """
    chosen = {name: _suitable(column) for name, column in train.columns.items()}
    left = {name: each for name, each in chosen.items() if each is not None}
    require(left, "table", "to have columns that vary", ", ".join(chosen))
    return by_column(left)


def _suitable(column: np.ndarray) -> Preparation | None:
    """Return the preparation of a column, None to leave it out."""
    null = null_rows(column)
    values = set(column[~null].tolist())
    if not values or (len(values) == 1 and not null.any()):
        return None
    if column.dtype == object:
        return None if len(values) == len(column) > 2 else one_hot()
    filled = impute(mask=True) if null.any() else None
    return standardize() if filled is None else chain(filled, standardize())


def _column(table: Any, name: str) -> np.ndarray:
    check_instance("inputs", table, Table, "to be a Table", "See jaxnet.data.read_table.")
    column = table.column(name)
    return column if column.dtype == object else column.astype(np.float64)[:, None]
