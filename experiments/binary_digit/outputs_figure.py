"""Figure of the slopes, the F1 by epoch, the outputs and the threshold."""

from pathlib import Path
from typing import Any

import numpy as np

from experiments.binary_digit.networks import (
    CROSS,
    DIGIT,
    KINDS,
    RATES,
    SQUARED,
    STARTS,
    THRESHOLDS,
    mistakes,
)
from experiments.harness.figures import BLUE, GREEN, GREY, ORANGE, new_figure, save_figure


def draw(path: Path, measured: dict[str, Any]) -> Path:
    """Draw both activations, F1 by epoch from both starts, the outputs, and the thresholds."""
    title = "Is it a 2? Cross-entropy learns also where the network is sure and wrong"
    figure, axes = new_figure(2, 3, size=(16, 9), title=title)
    z = np.linspace(-6, 6, 400)
    sigmoid = 1 / (1 + np.exp(-z))
    axes[0].plot(z, z >= 0, color=GREY, label="step: slope 0")
    axes[0].plot(z, sigmoid, color=BLUE, label="sigmoid")
    axes[0].plot(z, 2 * (1 - sigmoid) * sigmoid * (1 - sigmoid), "--", color=ORANGE)
    axes[0].plot(z, 1 - sigmoid, "--", color=BLUE)
    axes[0].annotate("|slope of CE|", (-5.9, 1.03), color=BLUE, fontsize=11)
    axes[0].annotate("|slope of SE|", (-5.9, 0.12), color=ORANGE, fontsize=11)
    axes[0].set(
        xlabel="logit z",
        ylabel="output, or slope of the loss",
        title="Activations, slopes of losses for a 2",
    )
    axes[0].legend(fontsize=11, loc="center left")
    for place, start in enumerate(STARTS):
        axis = axes[1 + place]
        for name, (_, _, color) in KINDS.items():
            curves = measured["f1"][name][2, place]
            epochs = range(1, curves.shape[1] + 1)
            axis.plot(epochs, curves.mean(axis=0), color=color, label=name)
            axis.fill_between(
                epochs, curves.min(axis=0), curves.max(axis=0), color=color, alpha=0.2
            )
        axis.set(xlabel="epoch", title=f"Output bias starts at {start:g}", ylim=(-0.03, 1.03))
    axes[1].set_ylabel(f"F1 of class {DIGIT}, rate {RATES[-1]:g}")
    axes[2].legend(fontsize=11, loc="center right")
    axes[2].annotate("step and squared error: both 0", (0.25, 0.06), xycoords="axes fraction")
    for name, color in ((SQUARED, ORANGE), (CROSS, BLUE)):
        p = np.sort(measured["outputs"][name][2, 0].ravel())
        distance = np.sort(np.maximum(np.minimum(p, 1 - p), 1e-6))
        axes[3].plot(distance, np.linspace(0, 100, len(p)), color=color, label=name)
    axes[3].axvline(0.01, color=GREY, linestyle=":")
    axes[3].set(xlabel="distance of the output from 0 or 1", xscale="log", ylim=(0, 103))
    axes[3].set(ylabel="test images nearer (%)", title="Pushed to the edges")
    axes[3].legend(fontsize=11, loc="upper left")
    p, truth = measured["outputs"][CROSS][2, 0], measured["truth"]
    wrong = [100 * mistakes(p, truth, t).mean() for t in THRESHOLDS]
    axes[4].plot(THRESHOLDS, wrong, color=GREEN)
    axes[4].axvline(0.5, color=GREY, linestyle=":")
    axes[4].set(xlabel="threshold", ylabel="mistakes (%)", title="The threshold", ylim=(0, None))
    for place, (name, color) in enumerate((("one_against_rest", ORANGE), ("softmax", BLUE))):
        right = 100 * measured[name]
        axes[5].plot(place + np.linspace(-0.1, 0.1, len(right)), right, "o", color=color)
        axes[5].plot([place - 0.2, place + 0.2], [right.mean()] * 2, color=color)
    axes[5].set_xticks([0, 1], ["ten networks,\none against the rest", "one softmax"])
    axes[5].set(ylabel="test images right (%)", title="All ten digits, each seed", xlim=(-0.5, 1.5))
    return save_figure(figure, path)
