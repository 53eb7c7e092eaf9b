"""Tables as data sets: split, prepared by the training rows alone, with a report."""

from collections.abc import Sequence
from typing import Literal

import numpy as np

from jaxnet.core.checks import check_choice, require
from jaxnet.core.types import Key
from jaxnet.data.examples import Examples
from jaxnet.data.preparation import Fitted, fitted, standardize, tabular
from jaxnet.data.sources.dataset import Dataset, PreparedTable
from jaxnet.data.split import split
from jaxnet.data.table import Table, null_rows

Task = Literal["auto", "classification", "regression"]

MOST_CLASSES = 20
"""Whole numbers as targets are classes up to this many, if ``task`` is ``"auto"``."""

FEW, MANY = 10, 0.1
"""Categories, and share of the rows, above both of which the report advises against a column."""


def table_dataset(
    table: Table,
    target: str,
    *,
    key: Key,
    test_fraction: float = 0.2,
    task: Task = "auto",
    ignore: Sequence[str] = (),
) -> Dataset:
    """Split a table into training and test rows, and prepare both by what training shows.

    Rows without a target are left out, and test rows with nulls in numbers of which training has
    none, as `Model.predict` refuses them. The other columns are prepared as
    `jaxnet.data.preparation.tabular` chooses. Classes are split in their proportions, and counted
    from 0 in sorted order; the targets of a regression are standardized.

    Args:
        table: the rows, with the target.
        target: name of the column to predict.
        key: PRNG key of the split.
        test_fraction: part of the rows for the test, in (0, 1).
        task: what the target is; ``"auto"``: classes if it is text, boolean, or at most
            `MOST_CLASSES` different whole numbers.
        ignore: columns to leave out, such as identifiers.

    Raises:
        ValueError: for an unknown column, a target with one value, a class with one row, or no
            column to learn from.

    >>> import jax
    >>> from jaxnet.data.table import make_table
    >>> rows = make_table({"height": np.arange(10.0), "tall": ["no"] * 5 + ["yes"] * 5})
    >>> made = table_dataset(rows, "tall", key=jax.random.key(0))
    >>> made.class_names, made.train.inputs.shape, made.test.targets.shape
    (('no', 'yes'), (8, 1), (2,))
    """
    check_choice("task", task, dict.fromkeys(("auto", "classification", "regression")))
    ignored = (ignore,) if isinstance(ignore, str) else ignore
    for name in ignored:
        table.column(name)
    report = [f"{len(table)} rows, {len(table.columns)} columns"]
    missing = null_rows(table.column(target))
    if missing.any():
        table = table.take(~missing)
        report.append(f"left out {int(missing.sum())} rows without {target!r}")
    column = table.column(target)
    classes = task == "classification" or (task == "auto" and _are_classes(column))
    known = "classes" if classes else "numbers"
    numbers = classes or column.dtype != object
    require(numbers, f"column {target!r}", "to hold numbers for a regression", "text")
    targets, names = _labels(column) if classes else (column.astype(np.float64), ())
    number = ("no value", "one value")[min(len(targets), 1)]
    require(len(np.unique(targets)) > 1, f"column {target!r}", f"to hold {known}", number)
    if classes:
        few = [name for name, n in zip(names, np.bincount(targets), strict=True) if n < 2]
        remedy = "Leave those rows out, or merge the classes."
        require(not few, f"each class of {target!r}", "to have 2 rows or more", few, remedy)
    rows = Examples(np.arange(len(table))[:, None], targets)
    fractions = (1 - test_fraction, test_fraction)
    parts = split(rows, fractions, key=key, stratify=classes)
    train, test = (np.sort(part.inputs[:, 0]) for part in parts)
    others = table.without([target, *ignored])
    prepared = fitted(tabular(others.take(train)), others.take(train))
    outputs = None if classes else fitted(standardize(), targets[train][:, None])
    test, why = _without_new_nulls(test, others, prepared)

    def examples(chosen: np.ndarray) -> Examples:
        inputs = prepared.apply(others.take(chosen)).astype(np.float32)
        if outputs is None:
            return Examples(inputs, targets[chosen])
        return Examples(inputs, outputs.apply(targets[chosen][:, None]).astype(np.float32))

    made = examples(train), examples(test)
    what = f"{len(names)} classes: {', '.join(names)}" if classes else "a number"
    report += [f"{target!r} is {what}", *_describe(others, prepared), *why]
    report.append(f"{len(train)} rows to train, {len(test)} to test")
    described = PreparedTable(target, prepared, outputs, tuple(report))
    return Dataset("table", *made, names, (), 1, table=described)


def _are_classes(column: np.ndarray) -> bool:
    if column.dtype.kind != "f":
        return True
    whole = bool(np.all(column == np.round(column)))
    return whole and len(np.unique(column)) <= MOST_CLASSES


def _labels(column: np.ndarray) -> tuple[np.ndarray, tuple[str, ...]]:
    known = sorted(set(column.tolist()))
    place = {value: label for label, value in enumerate(known)}
    names = [str(int(v)) if isinstance(v, float) and v.is_integer() else str(v) for v in known]
    return np.array([place[value] for value in column.tolist()], np.int32), tuple(names)


def _without_new_nulls(
    test: np.ndarray, table: Table, prepared: Fitted
) -> tuple[np.ndarray, list[str]]:
    """Leave out test rows with nulls where training has none, which nothing was learnt of."""
    known = np.isfinite(prepared.apply(table.take(test))).all(axis=1)
    if known.all():
        return test, []
    used = prepared.preparation.specification.settings["names"]
    nulls = table.take(test[~known]).nulls()
    columns = ", ".join(repr(name) for name in used if nulls[name])
    require(known.any(), "test", "to have rows without nulls", "none", f"Fill in {columns}.")
    number = int((~known).sum())
    return test[known], [
        f"left out {number} test rows with nulls where training has none: {columns}"
    ]


def _describe(table: Table, prepared: Fitted) -> list[str]:
    """Return a line for each column: how it was prepared, or why it was left out."""
    made_by = prepared.preparation.specification
    names = made_by.settings["names"]
    made = dict(zip(names, made_by.parts, strict=True))
    known = dict(zip(names, prepared.statistics, strict=True))
    lines, nulls = [], table.nulls()
    for name in table.columns:
        if name not in made:
            lines.append(f"{name!r}: left out, one value or one for each row")
            continue
        steps = [part.kind for part in made[name].parts] or [made[name].kind]
        last = known[name][-1] if isinstance(known[name], tuple) else known[name]
        values = len(last.get("categories", ()))
        line = f"{name!r}: {', '.join(steps)}" + f" of {values} values" * (values > 0)
        many = values > max(FEW, MANY * len(table))
        line += "; so many rarely help: leave the column out by ignore" * many
        numbered = _numbers_rows(table.columns[name])
        line += "; it numbers the rows: leave the column out by ignore" * numbered
        lines.append(line + f"; {nulls[name]} nulls" * (nulls[name] > 0))
    return lines


def _numbers_rows(column: np.ndarray) -> bool:
    """Return whether a column holds numbers one apart, each once."""
    return column.dtype != object and bool(np.all(np.diff(np.sort(column)) == 1))
