"""Figures of the optimism of a choice, and of the choices of each hyperparameter."""

from pathlib import Path
from typing import Any

import numpy as np

from experiments.harness.figures import BLUE, GREEN, GREY, ORANGE, new_figure, save_figure
from experiments.harness.record import over_seeds
from experiments.tuning.estimates import TRIED, over_sets
from experiments.tuning.hyperparameters import DEFAULT


def draw(path: Path, accuracy: Any, optimism: Any, estimates: Any) -> Path:
    """Draw the optimism against the number of settings, and what each way of choosing says."""
    title = "Who chooses on the test examples is told too much"
    figure, (left, right) = new_figure(1, 2, size=(13, 5), title=title)
    means, errors = np.array(list(optimism.values())).T * 100
    left.errorbar(TRIED, means, errors, fmt="o-", color=ORANGE)
    left.axhline(0, color=GREY, lw=1)
    left.set(xlabel="settings tried", ylabel="test accuracy over the true one (points)")
    left.set_title("The best by the test examples")
    for place, (how, color) in enumerate(zip(estimates, (ORANGE, BLUE, GREEN), strict=True)):
        mean, error = over_sets(100 * estimates[how])
        right.errorbar(place, mean, error, fmt="o", color=color, ms=9, capsize=5)
    right.axhline(0, color=GREY, lw=1)
    right.set_xticks(range(len(estimates)), [f"by {how}" for how in estimates])
    right.set(xlim=(-0.5, 2.5), ylabel="test accuracy over the true one (points)")
    right.set_title(f"{len(accuracy['test']) // 2} data sets, mean ± standard error")
    return save_figure(figure, path)


def draw_choices(path: Path, errors: dict[str, dict[Any, np.ndarray]]) -> Path:
    """Draw the share misread of each choice of each hyperparameter; a ring is the default."""
    title = "Activation, size, learning rate and number of epochs matter; the ring is the default"
    figure, axes = new_figure(2, 4, size=(16, 8), title=title)
    for axis, (name, each) in zip(axes, errors.items(), strict=False):
        means, bars = 100 * np.array([over_seeds(row) for row in each.values()]).T
        places = np.arange(len(each))
        axis.errorbar(places, means, bars, fmt="o-", color=BLUE, capsize=4)
        default = list(each).index(DEFAULT[name])
        axis.plot(default, means[default], "o", ms=14, mfc="none", color=ORANGE)
        axis.set_xticks(places, [str(choice) for choice in each])
        axis.set(title=name, xlim=(-0.5, len(each) - 0.5), ylim=(0, 1.1 * (means + bars).max()))
    for axis in axes[::4]:
        axis.set_ylabel("validation images misread (%)")
    draws = len(errors["L2"][0.0])
    lines = "mean ± standard error", f"over {draws} draws of", "training and validation images"
    axes[-1].set_axis_off()
    axes[-1].text(0.05, 0.5, "\n".join(lines), linespacing=1.5)
    return save_figure(figure, path)
