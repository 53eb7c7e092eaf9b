"""Training on a table: data set, network, figure, model file."""

from pathlib import Path
from typing import Any

import jax
import numpy as np

import jaxnet
from experiments.harness.figures import (
    BLUE,
    GREY,
    ORANGE,
    label_logarithmic,
    new_figure,
    save_figure,
)
from jaxnet.core.checks import require
from jaxnet.core.types import Layer
from jaxnet.data import Dataset, PreparedTable, preparation, read_table, table_dataset
from jaxnet.networks import save_model
from jaxnet.training import FitResult

SUFFIXES = (".csv", ".tsv", ".txt", ".parquet", ".npz")
"""Suffixes of the data sets that are tables."""


def load_table(path: str, *, target: str | None, seed: int, **options: Any) -> Dataset:
    """Read a table, split it, and print what was done to its columns.

    Args:
        path: the file.
        target: column to predict.
        seed: of the split.
        options: of `jaxnet.data.sources.table_dataset`.

    Raises:
        ValueError: without a target, and as `jaxnet.data.sources.table_dataset`.
    """
    table = read_table(path)
    columns = ", ".join(table.columns)
    require(target is not None, "--target", f"to be one of the columns {columns}", None)
    dataset = table_dataset(table, target or "", key=jax.random.key(seed), **options)
    print(f"{path}:", *(f"  {line}" for line in _prepared(dataset).report), sep="\n")
    return dataset


def table_loss(dataset: Dataset) -> str:
    """Return the name of the loss that suits the target."""
    return "softmax_cross_entropy" if dataset.class_names else "squared_error"


def measure_table(dataset: Dataset, network: Layer, result: FitResult) -> dict[str, float]:
    """Evaluate a network on the test rows.

    Returns:
        Accuracy, and that of the commonest class; or the coefficient of determination and the root
        of the mean squared error, in the target's unit.
    """
    outputs = _outputs(network, result, dataset.test.inputs)
    scaling = _prepared(dataset).outputs
    if scaling is None:
        labels = dataset.test.targets
        shares = np.bincount(labels, minlength=len(dataset.class_names)) / len(labels)
        accuracy = float(np.mean(outputs.argmax(axis=1) == labels))
        return {"test_accuracy": accuracy, "accuracy_of_the_commonest_class": float(shares.max())}
    around = scaling.invert(dataset.test.targets)
    error = scaling.invert(outputs) - around
    variance = np.sum((around - around.mean()) ** 2)
    return {
        "test_r_squared": float(1 - np.sum(error**2) / variance) if variance > 0 else float("nan"),
        "test_root_mean_squared_error": float(np.sqrt(np.mean(error**2))),
    }


def draw_table(path: Path, dataset: Dataset, network: Layer, result: FitResult, title: str) -> Path:
    """Draw the learning curves, and predictions of the test rows against the truth."""
    figure, (left, right) = new_figure(1, 2, size=(12, 4.8), title=title)
    epochs = np.arange(1, len(result.history.train["loss"]) + 1)
    left.plot(epochs, result.history.train["loss"], color=BLUE, label="training, while learning")
    left.plot(epochs, result.history.validation["loss"], color=ORANGE, label="held out")
    name = "cross-entropy (nats)" if dataset.class_names else "squared error (variances)"
    left.set(xlabel="epoch", ylabel=name, yscale="log", title="Loss")
    label_logarithmic(left.yaxis)
    left.legend()
    outputs = _outputs(network, result, dataset.test.inputs)
    scaling = _prepared(dataset).outputs
    if scaling is None:
        names = dataset.class_names
        counts = np.zeros((len(names), len(names)))
        np.add.at(counts, (dataset.test.targets, outputs.argmax(axis=1)), 1)
        share = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
        right.imshow(share, cmap="Blues", vmin=0, vmax=1, aspect="auto")
        for (row, column), value in np.ndenumerate(counts if len(names) <= 12 else counts[:0]):
            dark = "white" if share[row, column] > 0.5 else "black"
            right.text(column, row, f"{value:.0f}", ha="center", va="center", color=dark)
        ticks = range(len(names)) if len(names) <= 12 else ()
        labels = [each[:12] for each in names] if len(names) <= 12 else ()
        right.set_xticks(ticks, labels, rotation=45 if len(names) > 4 else 0)
        right.set_yticks(ticks, labels)
        right.grid(False)
        right.set(xlabel="predicted", ylabel="true", title="Test rows")
    else:
        truth = scaling.invert(dataset.test.targets)[:, 0]
        found = scaling.invert(outputs)[:, 0]
        ends = [min(truth.min(), found.min()), max(truth.max(), found.max())]
        right.plot(ends, ends, color=GREY, linewidth=1)
        right.plot(truth, found, "o", color=BLUE, alpha=0.6)
        right.set(xlabel=f"true {_prepared(dataset).target}", ylabel="predicted", title="Test rows")
    return save_figure(figure, path)


def save_table_model(
    path: Path, dataset: Dataset, network: Layer, result: FitResult, facts: dict[str, Any]
) -> Path:
    """Write the network with the preparation of its columns, for `predict`."""
    target, inputs, outputs, _ = _prepared(dataset)
    table = {
        "target": target,
        "inputs": preparation.to_json(inputs),
        "outputs": None if outputs is None else preparation.to_json(outputs),
    }
    return save_model(
        path,
        network,
        result.params,
        result.statistics,
        class_names=dataset.class_names,
        preprocessing={"table": table},
        training=facts,
    )


def _prepared(dataset: Dataset) -> PreparedTable:
    assert dataset.table is not None
    return dataset.table


def _outputs(network: Layer, result: FitResult, inputs: np.ndarray) -> np.ndarray:
    given = network, result.params, result.statistics, inputs
    return np.asarray(jaxnet.training.predict(*given), np.float64)
