"""Trained networks that answer: class names, probabilities, values in the target's unit."""

import functools
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxnet.core.checks import check_finite, check_numbers, require, require_type
from jaxnet.core.errors import invalid_value
from jaxnet.core.padding import padded_parts
from jaxnet.core.representation import represent, represent_html
from jaxnet.core.types import Array, Layer, Params, Shape, Statistics
from jaxnet.data.preparation import Fitted
from jaxnet.data.preparation.categories import column_values
from jaxnet.data.sources.table_files import raw_columns
from jaxnet.data.table import Table, make_table, null_rows
from jaxnet.networks.heads import Head, binary, head_of, multiclass, regression

HEADS_WITHOUT_SETTINGS: dict[str, Callable[[], Head]] = {
    "binary": binary,
    "multiclass": multiclass,
    "regression": regression,
}
"""Name -> head: what outputs can mean, numbers within bounds being numbers."""


class UnseenCategoryWarning(UserWarning):
    """Rows hold categories that training has not seen."""


class Model(NamedTuple):
    """A network with its arrays and metadata.

    Attributes:
        network: the network.
        params: its parameters.
        statistics: its statistics, such as moving averages and the moments of standardization.
        in_shape: shape of one input.
        class_names: name of each label; empty if they were not saved.
        preprocessing: conversion of raw data to inputs, as saved.
        training: metadata of the training, as saved.
        jaxnet_version: version that wrote the file.
        inputs: preparation of raw rows; None for none.
        outputs: preparation of a regression's targets; None for none.
        head: what the outputs mean: the network's own head, or the saved one. Else a regression
            where ``outputs`` are saved, and classes where there are several outputs or class names;
            None if neither is known.
    """

    network: Layer
    params: Params
    statistics: Statistics
    in_shape: Shape
    class_names: tuple[str, ...]
    preprocessing: Mapping[str, Any]
    training: Mapping[str, Any]
    jaxnet_version: str
    inputs: Fitted | None = None
    outputs: Fitted | None = None
    head: Head | None = None

    __repr__ = represent
    _repr_html_ = represent_html

    def predict(self, rows: Any) -> Any:
        """Return the class or the value of each row.

        Rows are padded to a power of two, so that few programs serve all numbers of rows.

        Args:
            rows: one row or several, before any preparation. For a network of a table: a `Table`, a
                data frame, a mapping of columns, a path, a mapping of values for one row, or
                several of these. For another: numbers of shape ``in_shape`` or
                ``(rows, *in_shape)``.

        Returns:
            Array of class names, or of labels, int32, where there are none; of a regression the
            values, in the target's unit where ``outputs`` are saved. Of one row its entry, as
            Python's str, int or float.

        Raises:
            ValueError: for a missing column, another number of features, NaN where training had
                none, or if it is not known what the outputs mean.
            TypeError: for rows that are not numbers, where there are no columns, and for an array,
                which names none, where there are.

        Warns:
            UnseenCategoryWarning: for categories that training has not seen, with their columns and
                numbers of rows, as `unseen` returns them.

        >>> from jaxnet.networks import mlp
        >>> network = mlp((2, 2), initializer="ones", head="multiclass")
        >>> trees = network.init(jax.random.key(0), (2,))
        >>> names, head = ("no", "yes"), multiclass()
        >>> model = Model(network, *trees, (2,), names, {}, {}, "", head=head)
        >>> model.predict([1.0, 2.0]), model.predict_proba([[1.0, 2.0]]).tolist()
        ('no', [[0.5, 0.5]])
        """
        head, (inputs, one) = self._known_head(), self._prepared(rows)
        outputs, _, decided = self._answers(inputs, head)
        answers = outputs
        if head.name in _CLASSES:
            answers = np.array(self.class_names)[decided] if self.class_names else decided
        elif self.outputs is not None:
            answers = self.outputs.invert(outputs.astype(np.float64))
        if answers.ndim == 2 and answers.shape[1] == 1:
            answers = answers[:, 0]
        if not one:
            return answers
        return answers[0].item() if answers.ndim == 1 else answers[0]

    def predict_proba(self, rows: Any) -> np.ndarray:
        """Return the probability of each class for each row.

        Args:
            rows: as for `predict`.

        Returns:
            Shape ``(rows, classes)``, two classes for one output; of one row ``(classes,)``.

        Raises:
            ValueError: also for a regression.

        Warns:
            UnseenCategoryWarning: as `predict`.
        """
        head = self._known_head()
        remedy = "Call predict: its outputs are numbers."
        require(head.name in _CLASSES, "model", "to be of classes", head.name, remedy)
        inputs, one = self._prepared(rows)
        _, shares, _ = self._answers(inputs, head)
        return shares[0] if one else shares

    def read_rows(self, source: Any) -> Table:
        """Read new rows of a table; columns that were text in training are read as text.

        Columns that the model does not use may be there; such as dates, which a `Table` cannot
        hold, are left out.

        Args:
            source: as for `jaxnet.data.read_table`, or a mapping of values, or several of these.

        Raises:
            ValueError: for a missing column, or one of numbers in place of text, or the reverse.
            TypeError: for an array or list, which does not name its columns.
        """
        columns = {name: known.dtype.kind == "U" for name, known in _columns(self.inputs)}
        require(columns, "model", "to be of a table", "one of an array", "Pass numbers.")
        _check_named(source, list(columns))
        table = _as_table(source, columns)
        missing = [name for name in columns if name not in table.columns]
        actual = f"{', '.join(table.columns)}, without {', '.join(missing)}"
        remedy = "Add or rename columns; others are not used."
        require(not missing, "rows", f"to have the columns {', '.join(columns)}", actual, remedy)
        for name, text in columns.items():
            column = table.columns[name]
            is_text = column.dtype == object
            kinds = ("numbers", "text")
            expected = f"to hold {kinds[text]}, as in training"
            remedy = f"Read it as text: read_table(path, text=({name!r},))." if text else ""
            good = is_text == text or null_rows(column).all()
            require(good, f"column {name!r}", expected, kinds[is_text], remedy)
        return table

    def unseen(self, rows: Any) -> dict[str, dict[Any, int]]:
        """Count values of categories that training has not seen; nulls are none.

        They count as none of the known categories, or as the category of all others, as
        `jaxnet.data.preparation.one_hot` says.

        Args:
            rows: of a table, as for `predict`.

        Returns:
            Name of a column -> unseen value -> number of rows with it; without the columns that
            have none.

        Raises:
            ValueError, TypeError: as `read_rows`.
        """
        return self._unseen(self.read_rows(rows))

    def _unseen(self, table: Table) -> dict[str, dict[Any, int]]:
        found = {}
        for name, known in _columns(self.inputs):
            if known.size:
                values = Counter(column_values(table.columns[name]))
                for seen in (None, *known.tolist()):
                    values.pop(seen, None)
                found[name] = dict(values)
        return {name: values for name, values in found.items() if values}

    def _known_head(self) -> Head:
        if self.head is None:
            remedy = (
                'Save it with class_names, or with head="binary" or head="regression", or make '
                "the network with mlp(..., head=...)."
            )
            raise invalid_value("model", "to know what its one output means", "no head", remedy)
        return self.head

    def _prepared(self, rows: Any) -> tuple[np.ndarray, bool]:
        """Return inputs of the network, and whether they are of one row."""
        if self.inputs is None or not any(_columns(self.inputs)):
            return self._prepared_numbers(rows)
        table = self.read_rows(rows)
        inputs = np.asarray(self.inputs.apply(table))
        if unseen := self._unseen(table):
            each = "; ".join(f"column {name!r}: {_counted(v)}" for name, v in unseen.items())
            text = f"the model was not trained on these categories, which tell it nothing: {each}"
            warnings.warn(text, UnseenCategoryWarning, stacklevel=3)
        bad = ~np.isfinite(inputs).all(axis=1)
        if bad.any():
            row = int(np.argmax(bad))
            names = [n for n, _ in _columns(self.inputs) if null_rows(table.columns[n])[row]]
            actual = f"one or an infinity in row {row}: {', '.join(names) or 'infinity'}"
            remedy = "Fill it in, or leave that row out."
            raise invalid_value("rows", "to have no nulls where training had none", actual, remedy)
        return inputs, _is_one(rows)

    def _prepared_numbers(self, rows: Any) -> tuple[np.ndarray, bool]:
        try:
            values = np.asarray(rows)
        except ValueError as error:
            raise invalid_value("rows", "to be an array, rows of one length", error) from error
        check_numbers("rows", values)
        remedy = "Pass the features that the network was trained on, in their order."
        axes = len(self.in_shape) if self.inputs is None else 1
        one = values.ndim == axes
        several = values[None] if one else values
        if self.inputs is None:
            shape = ", ".join(map(str, self.in_shape))
            expected = f"of shape {self.in_shape} for one row, (rows, {shape}) for several"
            require(several.shape[1:] == self.in_shape, "rows", expected, values.shape, remedy)
            check_finite("rows", several, "Fill them in, or leave those rows out.")
            return several, one
        inputs = np.asarray(self.inputs.apply(several))
        check_finite("prepared rows", inputs, "Fill in NaN, or leave those rows out.")
        return inputs, one

    def _answers(self, inputs: np.ndarray, head: Head) -> list[np.ndarray]:
        """Return outputs, probabilities and decisions for prepared inputs."""
        leaves = jax.tree.leaves((self.params, self.statistics))
        kind = next((leaf.dtype for leaf in leaves), jnp.result_type(float))
        program = _program(self.network, head)
        parts = [
            program(self.params, self.statistics, part.astype(kind))
            for part in padded_parts(inputs)
        ]
        joined = [np.concatenate(answers)[: len(inputs)] for answers in zip(*parts, strict=True)]
        remedy = "Scale the rows as in training, or train the model anew at a lower learning rate."
        check_finite("outputs of the model", joined[0], remedy)
        return joined


_CLASSES = ("binary", "multiclass")


def resolve_head(model: Model, name: str | None) -> Head | None:
    """Return what the outputs of a model mean, or None.

    Args:
        model: the model, its head not looked at.
        name: of the head that was saved.
    """
    if (own := head_of(model.network)) is not None:
        return own
    if name is not None:
        return HEADS_WITHOUT_SETTINGS[name]()
    if model.outputs is not None:
        return regression()
    if model.network.out_shape(model.in_shape) == (1,):
        return binary() if model.class_names else None
    return multiclass()


@functools.lru_cache(maxsize=32)
def _program(network: Layer, head: Head) -> Callable[..., tuple[Array, Array, Array]]:
    def answer(params: Params, statistics: Statistics, x: Array) -> tuple[Array, Array, Array]:
        outputs, _ = network.apply(params, statistics, x, key=None, training=False)
        shares = head.respond(outputs)
        if head.name == "binary":
            shares = jnp.stack([head.respond(-outputs), shares], axis=-1)
        return outputs, shares, head.decide(outputs)

    return jax.jit(answer)


def _columns(inputs: Fitted | None) -> Iterator[tuple[str, np.ndarray]]:
    """Yield the name of each column that a preparation takes, and its categories, if any."""
    if inputs is None:
        return
    made_by, statistics = inputs.preparation.specification, inputs.statistics
    if made_by.kind == "chain" and made_by.parts:  # its first step sees the columns
        made_by, statistics = made_by.parts[0], statistics[0]
    if made_by.kind == "by_column":
        for name, found in zip(made_by.settings["names"], statistics, strict=True):
            first = found[0] if isinstance(found, tuple) else found
            yield name, np.asarray(first.get("categories", ()))


def _counted(values: Mapping[Any, int]) -> str:
    """Format values with their numbers of rows, the most frequent first."""
    often = sorted(values, key=lambda value: -values[value])
    shown = ", ".join(f"{value!r} in {values[value]}" for value in often[:_SHOWN])
    more = f" and {len(often) - _SHOWN} more" * (len(often) > _SHOWN)
    return f"{shown}{' row' + 's' * (sum(values.values()) > 1)}{more}"


_SHOWN = 5
"""Values that a warning shows of a column."""


def _check_named(rows: Any, names: list[str]) -> None:
    """Raise a TypeError for rows of a table whose values have no names."""
    listed = isinstance(rows, list | tuple) and bool(rows) and all(map(_is_one, rows))
    shape = getattr(rows, "shape", None)
    named = any(hasattr(rows, each) for each in ("items", "columns", "column_names"))
    good = listed or named or isinstance(rows, str | Path)
    expected = f"to name the columns {', '.join(names)}"
    actual = f"a {type(rows).__name__}" + (f" of shape {shape}" if shape is not None else "")
    remedy = (
        f"Pass dict(zip({names}, rows.T)) for an array of these columns, or a data frame, a "
        "mapping of columns or a path."
    )
    require_type(good, "rows", expected, actual, remedy)


def _is_one(rows: Any) -> bool:
    """Return whether rows are a mapping of single values."""
    named = hasattr(rows, "items") and not hasattr(rows, "columns")
    return named and all(np.ndim(value) == 0 for _, value in rows.items())


def _as_table(rows: Any, used: Mapping[str, bool]) -> Table:
    """Return rows as a table; ``used``: name of a column of the model -> whether it is text."""
    listed: Any = rows if isinstance(rows, list | tuple) and not isinstance(rows, Table) else ()
    if _is_one(rows):
        values: Any = rows
        rows = {name: [value] for name, value in values.items()}
    elif listed and all(map(_is_one, listed)):
        names = list(listed[0])
        same = all(set(row) == set(names) for row in listed)
        require(same, "rows", "to have the same names", "others", "Write None for a null.")
        rows = {name: [row[name] for row in listed] for name in names}
    texts = [name for name, text in used.items() if text]
    kept = {}
    for name, read in raw_columns(rows, text=texts if isinstance(rows, str | Path) else ()).items():
        try:
            kept |= make_table({name: read()}).columns
        except ValueError:
            if str(name) in used:  # others, such as dates, are not looked at
                raise
    return make_table(kept)
