"""Tables from CSV and Parquet files, NPZ archives, and data frames of pandas or polars."""

import csv
import io
import math
import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from jaxnet.core.checks import check_choice, require
from jaxnet.core.errors import invalid_type, invalid_value, missing_file
from jaxnet.core.files import check_path
from jaxnet.core.optional_imports import import_package
from jaxnet.data.table import Table, make_table

NULLS = frozenset({"", "na", "n/a", "nan", "null", "none", "?"})
"""What stands for a null in a CSV file, in lower case."""

Columns: TypeAlias = dict[Any, Callable[[], Any]]
"""Name of a column -> function that reads it."""

_BOOLEANS = {"true": True, "false": False}


def read_table(source: Any, *, text: Iterable[str] = (), ignore: Iterable[str] = ()) -> Table:
    """Read a table.

    Args:
        source: path of a ``.csv`` (or ``.tsv``, ``.txt``), ``.parquet`` or ``.npz`` file; a data
            frame of pandas, polars or any other library that narwhals knows; a mapping from names
            to columns; or a `Table`.
        text: columns of a CSV file whose numbers are names, such as postal codes.
        ignore: columns to leave out, whatever they hold, such as dates.

    Returns:
        The table: numbers as float64, text as objects, nulls as NaN and None.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: for a file of another kind, ragged rows, missing or duplicate names of columns,
            or text, infinity or a decimal comma among numbers; the message names the line.
        TypeError: for other objects, such as a data frame that is not in memory.
        ImportError: for Parquet without pyarrow, or data frames without narwhals.

    >>> read_table({"height": [1.8, None]}).nulls()
    {'height': 1}
    """
    left_out = {ignore} if isinstance(ignore, str) else set(ignore)
    columns = raw_columns(source, text=text)
    unknown = sorted(left_out - {str(name) for name in columns})
    known = f"to be among the columns {', '.join(map(str, columns))}"
    require(not unknown, "ignore", known, ", ".join(unknown))
    return make_table({n: read() for n, read in columns.items() if str(n) not in left_out})


def raw_columns(source: Any, *, text: Iterable[str] = ()) -> Columns:
    """Return the columns of a source, not yet read, with the arguments of `read_table`."""
    if isinstance(source, str | Path):
        path = check_path("path", source)
        if not path.is_file():
            raise missing_file("to exist", path, "Check the name and the folder.")
        return check_choice("suffix", path.suffix.lower(), READERS)(path, frozenset(text))
    if isinstance(source, Table):
        source = source.columns
    if isinstance(source, Mapping):
        return {name: lambda values=values: values for name, values in source.items()}
    try:
        frame = import_package("narwhals").from_native(source, eager_only=True)
        return {series.name: series.to_list for series in frame.iter_columns()}
    except (AttributeError, TypeError, ValueError) as error:
        expected = "to be a path, a mapping, or a data frame in memory whose columns have own names"
        actual = f"a {type(source).__name__}: {' '.join(str(error).split())}"
        raise invalid_type("source", expected, actual) from error


def _read_csv(path: Path, text: frozenset[str]) -> Columns:
    """Read a CSV file."""
    try:
        content = path.read_text("utf-8-sig")
    except UnicodeDecodeError as error:
        remedy = "Save it as UTF-8."
        raise invalid_value(str(path), "to be text in UTF-8", error, remedy) from None
    return parse_csv(str(path), content, text)


def parse_csv(origin: str, content: str, text: Collection[str] = ()) -> Columns:
    r"""Read columns from text with names in its first line; the separator is , ; tab or |.

    Args:
        origin: what messages call it.
        content: the text.
        text: columns whose numbers are names.

    >>> parse_csv("heights", "name;height\nAnn;1.8\nBob;")["height"]()
    [1.8, nan]
    """
    first = re.sub('"[^"]*"', "", content.partition("\n")[0])
    separator = max(",;\t|", key=first.count)
    lines = csv.reader(io.StringIO(content, newline=""), delimiter=separator, strict=True)
    try:
        rows = [(lines.line_num, row) for row in lines if row]
    except csv.Error as error:
        actual = f"{error} in line {lines.line_num}"
        raise invalid_value(origin, "to be a CSV file", actual) from None
    require(len(rows) > 1, origin, "to hold names and one row or more", f"{len(rows)} lines")
    names = [name.strip() for name in rows[0][1]]
    doubled = sorted({name for name in names if names.count(name) > 1 or not name})
    require(not doubled, origin, "to name each column once", doubled, "Rename them.")
    for number, row in rows[1:]:
        if len(row) != len(names):
            expected = f"to have {len(names)} values in every line, as in the first"
            raise invalid_value(origin, expected, f"{len(row)} in line {number}")
    unknown = sorted(set(text) - set(names))
    expected = f"to have columns of text called {', '.join(unknown)}"
    require(not unknown, origin, expected, ", ".join(names), "Add or rename columns.")
    numbers = [number for number, _ in rows[1:]]
    columns = zip(*(row for _, row in rows[1:]), strict=True)
    return {
        name: partial(_texts, column) if name in text else partial(_parsed, name, column, numbers)
        for name, column in zip(names, columns, strict=True)
    }


def _parsed(name: str, column: Sequence[str], lines: Sequence[int]) -> list[Any]:
    """Return numbers, booleans or text; what most values are, all must be."""
    stripped = [value.strip() for value in column]
    known = [value for value in stripped if value.lower() not in NULLS]
    if known and all(value.lower() in _BOOLEANS for value in known):
        return [_BOOLEANS.get(value.lower()) for value in stripped]
    numbers = [_number(value) for value in stripped]
    found = sum(_number(value.replace(",", "", 1)) is not None for value in known)
    if not found or 2 * found <= len(known):
        return _texts(column)
    for value, number, line in zip(stripped, numbers, lines, strict=True):
        if number is None and value.lower() not in NULLS:
            expected = "to hold numbers alone, as most of its values are"
            how = "Write a decimal point, and no other mark" if "," in value else "Repair it"
            remedy = f"{how}, leave it empty, or name the column as text: text=({name!r},)."
            raise invalid_value(f"column {name!r}", expected, f"{value!r} in line {line}", remedy)
    return [np.nan if number is None else number for number in numbers]


def _texts(column: Iterable[str]) -> list[str | None]:
    stripped = (value.strip() for value in column)
    return [None if value.lower() in NULLS else value for value in stripped]


def _number(value: str) -> float | None:
    """Return a finite number, or None."""
    if "_" in value or value.lower() in NULLS:  # Python reads 1_000 as a number
        return None
    try:
        number = float(value)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _read_parquet(path: Path, text: frozenset[str]) -> Columns:
    del text
    parquet = import_package("pyarrow.parquet")
    try:
        table = parquet.read_table(path)
    except Exception as error:  # odd content makes pyarrow raise errors of many kinds
        raise invalid_value(str(path), "to be a Parquet file", error) from None
    names = table.column_names
    require(len(set(names)) == len(names), str(path), "to name each column once", names)
    return {name: table[name].to_pylist for name in names}


def _read_npz(path: Path, text: frozenset[str]) -> Columns:
    del text
    try:
        with np.load(path, allow_pickle=False) as archive:
            return raw_columns({name: archive[name] for name in archive.files})
    except Exception as error:  # odd content makes NumPy raise errors of many kinds
        expected = "to be an NPZ archive of arrays, without pickled objects"
        raise invalid_value(str(path), expected, error) from None


READERS: dict[str, Callable[[Path, frozenset[str]], Columns]] = {
    ".csv": _read_csv,
    ".tsv": _read_csv,
    ".txt": _read_csv,
    ".parquet": _read_parquet,
    ".npz": _read_npz,
}
"""Suffix of a table's file -> reader of ``(path, columns of text)``."""
