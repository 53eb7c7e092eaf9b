"""Figures of learning_curves: curves against epochs, and misread images."""

from pathlib import Path

import jax
import numpy as np
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
from jaxnet.core.types import Layer
from jaxnet.data import Dataset
from jaxnet.training import History, TrainState

SHEET_ROWS, SHEET_COLUMNS = 4, 6


def draw_curves(path: Path, history: History, *, title: str, held_out: str) -> Path:
    """Draw loss and error rate against epochs, for training and held-out examples."""
    figure, (left, right) = new_figure(1, 2, size=(12, 4.8), title=title)
    epochs = np.arange(1, len(history.train["loss"]) + 1)
    marker = "o" if len(epochs) <= 30 else ""
    curves = [("training, while learning", history.train, BLUE)]
    curves.append((f"{held_out}, after the epoch", history.validation, ORANGE))
    errors = [100 * (1 - np.asarray(values["accuracy"])) for _, values, _ in curves]
    zero = 0.5 * min((error[error > 0].min() for error in errors if (error > 0).any()), default=1)
    for (label, values, color), error in zip(curves, errors, strict=True):
        left.plot(epochs, values["loss"], color=color, marker=marker, label=label)
        right.plot(epochs, np.where(error > 0, error, np.nan), color=color, marker=marker)
        none = epochs[error == 0]  # 0 is not on a logarithmic axis: drawn at its foot
        if none.size:
            right.plot(none, np.full(len(none), zero), "v", color=color, markersize=4)
            place = {"transform": right.get_yaxis_transform(), "ha": "right", "va": "bottom"}
            right.text(0.98, 1.15 * zero, "triangles: none misread", color=GREY, **place)
    left.set(xlabel="epoch", ylabel="cross-entropy (nats)", yscale="log", title="Loss")
    right.set(xlabel="epoch", ylabel="misread images (%)", yscale="log", title="Error rate")
    for axes in (left, right):
        label_logarithmic(axes.yaxis)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        first = 1 if len(epochs) > 1 else 0.5
        axes.set_xlim(first - 0.02 * len(epochs), 1.015 * len(epochs))
    left.legend()
    return save_figure(figure, path)


def draw_misread(path: Path, dataset: Dataset, network: Layer, state: TrainState) -> Path:
    """Draw the test images that are misread with the most confidence, worst first."""
    inputs, labels = dataset.test
    logits = jaxnet.training.predict(network, state.params, state.statistics, inputs)
    probabilities = np.asarray(jax.nn.softmax(logits, axis=-1))
    guesses, confidence = probabilities.argmax(axis=1), probabilities.max(axis=1)
    wrong = np.flatnonzero(jaxnet.metrics.error_rate(logits, labels))
    worst = wrong[np.argsort(-confidence[wrong])][: SHEET_ROWS * SHEET_COLUMNS]
    rows = max(1, -(-len(worst) // SHEET_COLUMNS))
    title = f"{dataset.name}: {len(wrong)} of {len(labels):,} test images are misread"
    title += f"; these {len(worst)} with the most confidence" if len(worst) < len(wrong) else ""
    figure, axes = new_figure(rows, SHEET_COLUMNS, size=(12, 2.4 * rows + 0.9), title=title)
    for axis in axes:
        axis.set_axis_off()
    for axis, index in zip(axes, worst, strict=False):
        axis.imshow(inputs[index].reshape(dataset.image_shape), cmap="gray_r")
        name, guess = dataset.class_names[labels[index]], dataset.class_names[guesses[index]]
        axis.set_title(f"{name} read as {guess}", fontsize=13, color=ORANGE)
        caption = f"{confidence[index]:.2%} sure"
        axis.text(0.5, -0.04, caption, transform=axis.transAxes, ha="center", va="top", color=GREY)
    return save_figure(figure, path)
