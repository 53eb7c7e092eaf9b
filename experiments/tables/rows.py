"""Test rows of a table: measures and figure."""

from pathlib import Path

import numpy as np

from experiments.harness.figures import BLUE, GREY, new_figure, save_figure
from jaxnet.data import Dataset, PreparedTable


def measure_rows(dataset: Dataset, table: PreparedTable, outputs: np.ndarray) -> dict[str, float]:
    """Return what the outputs of the test rows are worth.

    Args:
        dataset: the data set.
        table: its preparation.
        outputs: of the network for the test rows.

    Returns:
        The accuracy of the commonest class; or the coefficient of determination and the root of the
        mean squared error, in the target's unit.
    """
    if table.outputs is None:
        labels = dataset.test.targets
        shares = np.bincount(labels, minlength=len(dataset.class_names)) / len(labels)
        return {"accuracy_of_the_commonest_class": float(shares.max())}
    truth = table.outputs.invert(dataset.test.targets)
    error = table.outputs.invert(outputs) - truth
    variance = np.sum((truth - truth.mean()) ** 2)
    return {
        "test_r_squared": float(1 - np.sum(error**2) / variance) if variance > 0 else float("nan"),
        "test_root_mean_squared_error": float(np.sqrt(np.mean(error**2))),
    }


def draw_rows(
    path: Path, dataset: Dataset, table: PreparedTable, outputs: np.ndarray, *, title: str
) -> Path:
    """Draw the predictions of the test rows against the truth."""
    figure, (axes,) = new_figure(1, 1, size=(6, 5.5), title=title)
    if table.outputs is None:
        names = dataset.class_names
        counts = np.zeros((len(names), len(names)))
        np.add.at(counts, (dataset.test.targets, outputs.argmax(axis=1)), 1)
        share = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
        axes.imshow(share, cmap="Blues", vmin=0, vmax=1, aspect="auto")
        for (row, column), value in np.ndenumerate(counts if len(names) <= 12 else counts[:0]):
            dark = "white" if share[row, column] > 0.5 else "black"
            axes.text(column, row, f"{value:.0f}", ha="center", va="center", color=dark)
        ticks = range(len(names)) if len(names) <= 12 else ()
        labels = [each[:12] for each in names] if len(names) <= 12 else ()
        axes.set_xticks(ticks, labels, rotation=45 if len(names) > 4 else 0)
        axes.set_yticks(ticks, labels)
        axes.grid(False)
        axes.set(xlabel=f"predicted {table.target}", ylabel=f"true {table.target}")
    else:
        truth = table.outputs.invert(dataset.test.targets)[:, 0]
        found = table.outputs.invert(outputs)[:, 0]
        ends = [min(truth.min(), found.min()), max(truth.max(), found.max())]
        axes.plot(ends, ends, color=GREY, linewidth=1)
        axes.plot(truth, found, "o", color=BLUE, alpha=0.6)
        axes.set(xlabel=f"true {table.target}", ylabel=f"predicted {table.target}")
    return save_figure(figure, path)
