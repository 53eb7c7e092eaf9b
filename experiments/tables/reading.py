"""Predictions for the rows of a table, by a network that was trained on one."""

import csv
import io
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from experiments.harness.record import write_atomically
from jaxnet.core.checks import require
from jaxnet.data import Table
from jaxnet.networks import Model, UnseenCategoryWarning


def is_of_table(model: Model) -> bool:
    """Return whether a model prepares the rows of a table."""
    return model.inputs is not None


def predict_rows(model: Model, paths: Sequence[Path]) -> tuple[Table, dict[str, np.ndarray]]:
    """Return the rows of tables, and what the model predicts for each.

    Args:
        model: with the preparation of a table.
        paths: files of tables, with the columns that the model was trained on.

    Returns:
        All rows together; name of a new column -> its values: the target, and of classes the
        probability.

    Raises:
        ValueError: for no file, or one without a column.
    """
    remedy = "Name a table: python -m experiments.predict --model MODEL new_rows.csv"
    require(paths, "rows", "to be given", "none", remedy)
    tables = [model.read_rows(path) for path in paths]
    names = set(tables[0].columns)
    for path, table in zip(paths, tables, strict=True):
        require(
            set(table.columns) == names, str(path), "to have the columns of the first", "others"
        )
    rows = Table({n: np.concatenate([t.columns[n] for t in tables]) for n in tables[0].columns})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UnseenCategoryWarning)  # the command reports them
        target = model.preprocessing.get("target", "")  # of a model file of one's own, unknown
        predicted = {f"predicted {target}".rstrip(): model.predict(rows)}
        if model.class_names:
            predicted["probability"] = model.predict_proba(rows).max(axis=1)
    return rows, predicted


def write_rows(path: Path, rows: Table, predicted: dict[str, np.ndarray]) -> Path:
    """Write the rows with their predictions as a CSV file."""
    columns = {**rows.columns, **predicted}
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(zip(*(map(_text, column) for column in columns.values()), strict=True))
    return write_atomically(path, lambda file: file.write_text(text.getvalue(), "utf-8"))


def _text(value: Any) -> str:
    if value is None or value != value:
        return ""
    return str(float(value)).removesuffix(".0") if isinstance(value, float) else str(value)
