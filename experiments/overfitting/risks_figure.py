"""Figure of the risks: by order, by iteration, by depth, and the cliff."""

from pathlib import Path
from typing import Any

import jax
import numpy as np

from experiments.harness.figures import (
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    new_figure,
    plot_bars,
    save_figure,
)
from experiments.overfitting.capacity import WIDTHS
from experiments.overfitting.machine import (
    NOISE_VARIANCE,
    ORDERS,
    PENALIZED,
    POINTS,
    REACH,
    TIMES,
    TRUE,
    draw_points,
    fit_order,
    powers,
)
from experiments.overfitting.networks import DEPTHS

COLORS, STYLES = (ORANGE, BLUE, GREEN), ("o-", "s--", "^-.")


def draw(path: Path, measured: dict[str, Any]) -> Path:
    """Draw fits, test risks, the path of the weights, and the classifiers."""
    title = "Overfitting: too much capacity, too few points, too many iterations"
    figure, axes = new_figure(2, 5, size=(24, 9), title=title)
    for axis, points in zip(axes, (4, 20), strict=False):
        _fits(axis, points)
    axes[0].set_ylabel("v")
    for points, color, style, row in zip(POINTS, COLORS, STYLES, measured["orders"], strict=True):
        label = f"{points} points"
        axes[2].plot(ORDERS, np.median(row, axis=1), style, color=color, label=label)
    axes[2].axhline(NOISE_VARIANCE, color=GREY, linestyle=":")
    axes[2].annotate("variance of the noise", (4.35, NOISE_VARIANCE * 1.2), fontsize=11)
    axes[2].set(xlabel="order P", ylabel="excess test risk (median)", yscale="log")
    axes[2].set_title("Least at P = 2")
    axes[2].legend(fontsize=11)
    descent = measured["descent"]
    axes[3].plot(TIMES, np.median(descent, axis=0), color=BLUE, label="median")
    band = np.quantile(descent, [0.25, 0.75], axis=0)
    axes[3].fill_between(TIMES, *band, color=BLUE, alpha=0.2, label="half of the sets")
    looks = zip(PENALIZED.items(), (GREEN, ORANGE), ("--", ":"), strict=True)
    for (name, strength), color, style in looks:
        label = f"median, L2 of {strength:g}"
        axes[3].plot(TIMES, np.median(measured[name], axis=0), style, color=color, label=label)
    axes[3].set(xlabel="iteration", ylabel="excess test risk", xscale="log", yscale="log")
    axes[3].set_ylim(bottom=0.03)
    axes[3].set_title("P = 5 on 8 points, from zeros")
    axes[3].legend(fontsize=11)
    rise = descent[:, -1] / descent.min(axis=1)
    typical = int(np.argsort(rise)[len(rise) // 2])
    weights = measured["paths"][typical].T
    for power, row in enumerate(weights):
        true = power < len(TRUE)
        label = f"$w_{power}$" + (f" (true {TRUE[power]:g})" if true else " (true 0)")
        color = COLORS[power % 3]
        axes[5].plot(TIMES, row, "-" if true else "--", color=color, label=label)
    axes[5].set(xlabel="iteration", ylabel="weight", xscale="log")
    axes[5].set_title("Its weights, the median set")
    axes[5].legend(fontsize=10, ncols=2, loc="upper left")
    axes[5].set_ylim(top=1.5 * weights.max())
    for layers, color, curves in zip(DEPTHS, COLORS, measured["deep"], strict=True):
        epochs = range(1, curves.shape[2] + 1)
        label = f"{layers} hidden layers"
        axes[6].plot(epochs, np.median(curves[1], axis=0), color=color, label=label)
    axes[6].set(xlabel="epoch", ylabel="test risk (median)", xscale="log", yscale="log")
    axes[6].set_title("Networks on 8 points")
    axes[6].legend(fontsize=11)
    _cliff(axes[7], measured["cliff"])
    losses = [[row["test"] for row in rows] for rows in measured["cliff"].values()]
    for none, l2 in zip(*losses, strict=True):
        axes[8].plot([0, 1], [none, l2], "o-", color=GREY, alpha=0.7)
    axes[8].set_xticks([0, 1], ["without", "with L2"])
    axes[8].set(ylabel="test loss (nats)", xlim=(-0.3, 1.3), title="Test loss, each data set")
    axes[8].set_ylim(bottom=0)
    for axis, kind, title in (
        (axes[4], "true", "200 digits: width does no harm"),
        (axes[9], "random", "200 digits with random labels"),
    ):
        each = measured["widths"][kind]
        for name, label, color, style in (
            ("train_accuracy", "training images", ORANGE, "s--"),
            ("validation_accuracy", "test images", BLUE, "o-"),
        ):
            plot_bars(axis, WIDTHS, 100 * each[name], color=color, label=label, style=style)
        axis.set(
            xlabel="hidden units", ylabel="right (%)", xscale="log", ylim=(0, 105), title=title
        )
        axis.legend(fontsize=11, loc="center right")
    return save_figure(figure, path)


def _fits(axis: Any, points: int) -> None:
    """Draw points, the true polynomial, and the fits of orders 1, 2 and 5."""
    x, v = draw_points(jax.random.key(points), points)
    side = np.linspace(-REACH, REACH, 200)
    axis.plot(side, powers(side, 2) @ TRUE, color=GREY, linewidth=5, alpha=0.4, label="true")
    for order, color, style in zip((1, 2, 5), COLORS, ("-", "--", "-."), strict=True):
        fitted = powers(side, order) @ fit_order(x, v, order)
        axis.plot(side, fitted, style, color=color, label=f"P = {order}")
    axis.plot(x, v, "ko", markersize=6)
    axis.set(xlabel="x", ylim=(-3, 16), title=f"{points} points")
    axis.legend(fontsize=11, loc="upper left")


def _cliff(axis: Any, cliffs: Any) -> None:
    """Draw the probability of class 1 of the first data set, without and with L2."""
    side = np.linspace(-3, 3, 400)
    for kind, color, line, label in (
        ("none", ORANGE, "-", "without"),
        ("l2", BLUE, "--", "with L2"),
    ):
        row = cliffs[kind][0]
        z = 4 * row["steepness"] * (side - row["boundary"])
        axis.plot(side, 1 / (1 + np.exp(-z)), line, color=color, label=label)
    x, v = cliffs["none"][0]["points"]
    axis.plot(x, v, "ko", markersize=6, label="training points")
    axis.set(xlabel="x", ylabel="probability of class 1", title="A cliff between the points")
    axis.legend(fontsize=11)
