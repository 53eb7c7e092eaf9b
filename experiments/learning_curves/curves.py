"""Figures of learning_curves: curves against epochs, and misread images."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jax
import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

import jaxnet
from experiments.harness.figures import (
    BLUE,
    GREY,
    ORANGE,
    label_logarithmic,
    new_figure,
    save_figure,
)
from experiments.harness.trained import shows_ink
from jaxnet.core.types import Layer
from jaxnet.data import Dataset
from jaxnet.training import FitResult, History

SHEET_ROWS, SHEET_COLUMNS = 4, 6


def name_loss(loss: str, dataset: Dataset) -> str:
    """Return the label of a loss's axis."""
    units = {} if dataset.class_names else {"squared_error": " (variances)"}
    named = {"softmax_cross_entropy": "cross-entropy (nats)"}
    return named.get(loss, loss.replace("_", " ") + units.get(loss, ""))


def draw_curves(
    path: Path,
    history: History,
    *,
    title: str,
    held_out: str,
    loss: str = "cross-entropy (nats)",
    wrong: str = "misread images",
) -> Path:
    """Draw loss, and of classes the error rate, against epochs, for training and held-out examples.

    Args:
        path: of the figure.
        history: of the run.
        title: of the figure.
        held_out: what the held-out examples are called.
        loss: label of its axis.
        wrong: what misclassified examples are called.
    """
    epochs = np.arange(1, len(history.train["loss"]) + 1)
    marker = "o" if len(epochs) <= 30 else ""
    curves = [("training, while learning", history.train, BLUE)]
    curves.append((f"{held_out}, after the epoch", history.validation, ORANGE))
    panels = 2 if "accuracy" in history.train else 1
    figure, axes = new_figure(1, panels, size=(6 * panels, 4.8), title=title)
    for label, values, color in curves:
        axes[0].plot(epochs, values["loss"], color=color, marker=marker, label=label)
    axes[0].set(xlabel="epoch", ylabel=loss, yscale="log", title="Loss")
    if panels == 2:
        _draw_errors(axes[1], epochs, curves, marker, wrong)
    for each in axes:
        label_logarithmic(each.yaxis)
        each.xaxis.set_major_locator(MaxNLocator(integer=True))
        first = 1 if len(epochs) > 1 else 0.5
        each.set_xlim(first - 0.02 * len(epochs), 1.015 * len(epochs))
    axes[0].legend()
    return save_figure(figure, path)


def _draw_errors(
    axes: Axes, epochs: np.ndarray, curves: Sequence[Any], marker: str, wrong: str
) -> None:
    errors = [100 * (1 - np.asarray(values["accuracy"])) for _, values, _ in curves]
    zero = 0.5 * min((error[error > 0].min() for error in errors if (error > 0).any()), default=1)
    for (_, _, color), error in zip(curves, errors, strict=True):
        axes.plot(epochs, np.where(error > 0, error, np.nan), color=color, marker=marker)
        none = epochs[error == 0]  # 0 is not on a logarithmic axis: drawn at its foot
        if none.size:
            axes.plot(none, np.full(len(none), zero), "v", color=color, markersize=4)
            place = {"transform": axes.get_yaxis_transform(), "ha": "right", "va": "bottom"}
            axes.text(0.98, 1.15 * zero, f"triangles: none {wrong.split()[0]}", color=GREY, **place)
    axes.set(xlabel="epoch", ylabel=f"{wrong} (%)", yscale="log", title="Error rate")


def draw_misread(path: Path, dataset: Dataset, network: Layer, result: FitResult) -> Path:
    """Draw the test images that are misread with the most confidence, worst first."""
    inputs, labels = dataset.test
    logits = jaxnet.training.predict(network, result.params, result.statistics, inputs)
    probabilities = np.asarray(jax.nn.softmax(logits, axis=-1))
    guesses, confidence = probabilities.argmax(axis=1), probabilities.max(axis=1)
    wrong = np.flatnonzero(jaxnet.metrics.error_rate(logits, labels))
    worst = wrong[np.argsort(-confidence[wrong])][: SHEET_ROWS * SHEET_COLUMNS]
    rows = max(1, -(-len(worst) // SHEET_COLUMNS))
    columns = max(1, -(-len(worst) // rows))
    gray = "gray_r" if shows_ink(dataset) else "gray"
    title = f"{dataset.name}: {len(wrong)} of {len(labels):,} test images are misread"
    title += f"; these {len(worst)} with the most confidence" if len(worst) < len(wrong) else ""
    figure, axes = new_figure(rows, columns, size=(12, 2.4 * rows + 0.9), title=title)
    for axis in axes:
        axis.set_axis_off()
    for axis, index in zip(axes, worst, strict=False):
        axis.imshow(inputs[index].reshape(dataset.image_shape), cmap=gray)
        name, guess = dataset.class_names[labels[index]], dataset.class_names[guesses[index]]
        axis.set_title(f"{name} read as {guess}", fontsize=13, color=ORANGE)
        caption = f"{confidence[index]:.2%} sure"
        axis.text(0.5, -0.04, caption, transform=axis.transAxes, ha="center", va="top", color=GREY)
    return save_figure(figure, path)
