"""Figure of the magnitudes by layer, and of what equal weights learn."""

from pathlib import Path
from typing import Any

import numpy as np

from experiments.harness.figures import BLUE, GREEN, GREY, ORANGE, new_figure, save_figure

STYLES = dict(
    zip(
        ("He", "Xavier", "N(0, 0.01)", "U(-1, 1)"),
        ((BLUE, "-"), (GREEN, "--"), (ORANGE, "-."), (GREY, ":")),
        strict=True,
    )
)
ROWS = "activations z", "gradients dz", "gradient over weight"


def draw(path: Path, deep: Any, starts: Any) -> Path:
    """Draw all magnitudes by layer, a row of panels a quantity, and the accuracies."""
    title = "Magnitudes through the layers: He suits ReLU, Xavier suits tanh, neither the sigmoid"
    figure, axes = new_figure(2, 4, size=(18, 8.6), title=title)
    for row in (0, 1):
        for column, (activation, rows) in enumerate(deep.items()):
            _panel(axes[4 * row + column], rows, row, f"{ROWS[row]}, {activation}")
    _panel(axes[3], deep["relu"], 2, f"{ROWS[2]}, relu")
    axes[3].set_ylabel("rms of gradient over rms of weights")
    for row in (0, 1):
        axes[4 * row].set_ylabel("root mean square")
    axes[0].legend(fontsize=11)
    for place, found in enumerate(starts.values()):
        right = [100 * each["accuracy"] for each in found]
        axes[7].plot(np.full(len(right), place), right, "o", color=BLUE, markersize=7)
    axes[7].set_xticks(range(len(starts)), list(starts))
    axes[7].set(ylabel="test images right (%)", title="Equal weights stay equal", ylim=(0, 103))
    axes[7].set(xlabel="initial weights", xlim=(-0.5, len(starts) - 0.5))
    return save_figure(figure, path)


def _panel(axis: Any, rows: Any, row: int, title: str) -> None:
    """Draw one quantity by layer for each initializer, the mean of seeds in decades."""
    for name, values in rows.items():
        color, style = STYLES[name]
        mean = values[:, row].mean(axis=0)
        axis.plot(range(1, len(mean) + 1), 10.0**mean, style, color=color, label=name)
    axis.set(xlabel="layer", yscale="log", title=title, ylim=(1e-32, 1e28))
