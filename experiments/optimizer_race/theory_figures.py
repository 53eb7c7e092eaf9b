"""Figures of theory, of the published benchmark, and of Rprop on mini-batches."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes

from experiments.harness.figures import (
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    new_figure,
    plot_range,
    save_figure,
    share_legend,
)
from experiments.optimizer_race.deepobs import PUBLISHED
from experiments.optimizer_race.noise import Last, Noisy
from experiments.optimizer_race.theory import LARGEST, SMALLEST, Linear, Sublinear

PALETTE = (GREY, BLUE, ORANGE, GREEN)


def draw_convergence(
    path: Path,
    linear: Sequence[Linear],
    rates: np.ndarray,
    factors: tuple[np.ndarray, np.ndarray],
    sublinear: Sequence[Sublinear],
    noisy: Sequence[Noisy],
) -> Path:
    """Draw measured and predicted convergence in four panels."""
    title = "Convergence as measured (lines, dots) and as predicted (dashed)"
    figure, axes = new_figure(2, 2, size=(12, 8.6), title=title)
    _draw_linear(axes[0], linear)
    _draw_factors(axes[1], LARGEST * rates, *factors)
    _draw_sublinear(axes[2], sublinear)
    _draw_noisy(axes[3], noisy)
    return save_figure(figure, path)


def _draw_linear(ax: Axes, linear: Sequence[Linear]) -> None:
    for row, color in zip(linear, PALETTE, strict=False):
        steps = np.arange(len(row.distances))
        label = f"{row.name}: {row.measured:.4f}, theory {row.predicted:.4f}"
        ax.plot(steps, row.distances, color=color, label=label)
        half = len(steps) // 2
        power = 0 if row.name == "gradient descent" else 1
        scale = (np.maximum(steps, 1) / half) ** power * row.distances[half]
        guess = scale * row.predicted ** (steps - half)
        ax.plot(steps, guess, "--", color="black", linewidth=1.2)
    ax.set(yscale="log", xlim=(0, 500), ylim=(1e-60, 10), xlabel="step", ylabel="distance |w − w*|")
    ax.set_title("Strongly convex, κ = 100: linear; factor a step")
    ax.legend(loc="lower left", fontsize=12)


def _draw_factors(ax: Axes, rates: np.ndarray, measured: np.ndarray, predicted: np.ndarray) -> None:
    """Draw gradient descent's factor per step; rates in units of 1 / L."""
    ax.plot(rates, predicted, "--", color="black", linewidth=1.4)
    ax.plot(rates, measured, "o", color=BLUE, markersize=3.5)
    ax.axhline(1, color=ORANGE, linewidth=1.2)
    ax.text(1.9, 1.002, "diverges above 1", color=ORANGE, ha="right")
    best = 2 / (1 + SMALLEST / LARGEST), (LARGEST - SMALLEST) / (LARGEST + SMALLEST)
    arrow = {"arrowstyle": "->", "color": GREEN}
    ax.annotate("best: 2 / (μ + L)", best, (0.1, 0.982), color=GREEN, arrowprops=arrow)
    ax.set(xlabel="learning rate × L", ylabel="factor a step")
    ax.set_title("Gradient descent: max |1 − ηλ|")


def _draw_sublinear(ax: Axes, sublinear: Sequence[Sublinear]) -> None:
    for row, color in zip(sublinear, (BLUE, GREEN, ORANGE), strict=True):
        steps = np.unique(np.geomspace(1, len(row.gaps), 200).astype(int))
        label = f"{row.name}: $t^{{{row.measured:.3f}}}$, theory $t^{{{row.predicted:.3f}}}$"
        ax.plot(steps, row.gaps[steps - 1], color=color, label=label)
        guess = row.gaps[-1] * (steps / steps[-1]) ** row.predicted
        ax.plot(steps, guess, "--", color="black", linewidth=1.2)
    ax.set(xscale="log", yscale="log", ylim=(1e-11, 2), xlabel="step", ylabel="gap to the infimum")
    ax.set_title("Convex, but not strongly: sublinear")
    ax.legend(loc="lower left", fontsize=12)


def _draw_noisy(ax: Axes, noisy: Sequence[Noisy]) -> None:
    for row, color in zip(noisy, (BLUE, ORANGE), strict=True):
        steps = np.arange(1, len(row.gaps) + 1)
        ax.plot(steps, row.gaps, color=color, label=row.name)
        ax.plot(steps[9:], row.predicted[9:], "--", color="black", linewidth=1.2)
    ax.set(xscale="log", yscale="log", xlabel="step", ylabel="mean gap")
    ax.set_title("SGD: a constant rate ends on a plateau")
    ax.legend(loc="lower left", fontsize=12)


def draw_deepobs(
    path: Path,
    rates: np.ndarray,
    losses: Mapping[str, Mapping[str, np.ndarray]],
    *,
    title: str,
    lowest: float,
    limit: float,
) -> Path:
    """Draw final test losses (rates, seeds), above the lowest, with the published points.

    ``losses`` has a panel per title; above the rate ``limit`` gradient descent diverges.
    """
    figure, axes = new_figure(1, 2, size=(14, 6), title=title)
    for ax, (name, by_optimizer) in zip(axes, losses.items(), strict=True):
        for (optimizer, values), color in zip(by_optimizer.items(), PALETTE, strict=False):
            _draw_losses(ax, rates, optimizer, values - lowest, color)
            _draw_published(ax, optimizer, lowest, color)
        ax.axvline(limit, color=GREY, linestyle=":", linewidth=1.5)
        ax.set(xscale="log", yscale="log", xlim=(1e-5, 10), ylim=(0.1, 300), title=name)
        ax.set(xlabel="learning rate", ylabel=f"final test loss − {lowest:.3f}")
    axes[1].set_ylabel("")
    axes[0].text(limit * 1.2, 120, "SGD diverges\nabove $2/\\lambda_\\mathrm{max}$", color=GREY)
    share_legend(figure, axes[0], len(PUBLISHED) + 1)
    return save_figure(figure, path)


def _draw_losses(ax: Axes, rates: np.ndarray, name: str, values: np.ndarray, color: str) -> None:
    sane = np.where(np.isfinite(values) & (values < 1e6), values, np.nan)
    label = f"{name}, mean and range"
    plot_range(ax, rates, sane, middle=sane.mean(axis=1), color=color, label=label)


def _draw_published(ax: Axes, name: str, lowest: float, color: str) -> None:
    rate, mean, deviation = PUBLISHED[name]
    label = "published, ± 2 standard deviations" if name == "adam" else None
    ax.errorbar(
        rate,
        mean - lowest,
        min(2 * deviation, 0.9 * (mean - lowest)),
        fmt="D",
        color=color,
        markersize=8,
        markeredgecolor="black",
        ecolor="black",
        capsize=4,
        elinewidth=1.3,
        zorder=5,
        label=label,
    )


def draw_rprop(
    path: Path, walks: Mapping[str, np.ndarray], gaps: Mapping[str, np.ndarray], last: Last
) -> Path:
    """Draw Rprop and RMSprop with the lecture's derivatives, and on a linear regression.

    ``gaps`` of the regression have the shape (runs, epochs + 1).
    """
    title = "Rprop looks at signs only and needs the full batch; RMSprop does not"
    figure, (left, right, end) = new_figure(1, 3, size=(17, 5.4), title=title)
    looks = zip(walks.items(), (ORANGE, BLUE, GREY), "o^s", strict=True)
    for (name, walk), color, marker in looks:
        left.plot(walk, color=color, marker=marker, label=name)
    left.axhline(0, color="black", linewidth=1)
    left.set(xlabel="mini-batch", ylabel="weight, in first step sizes or rates")
    left.set_title("Derivatives 0.1, 0.1, 0.1, −0.5: w should rise")
    left.legend(loc="upper right", bbox_to_anchor=(1, 0.84), fontsize=12)
    runs = max(len(values) for values in gaps.values())
    looks = zip(gaps.items(), (GREEN, ORANGE, BLUE, GREY), ("-.", "-", "-", "--"), strict=True)
    for (name, values), color, style in looks:
        plot_range(
            right, np.arange(values.shape[1]), values.T, color=color, label=name, style=style
        )
    right.set(yscale="log", xlabel="epoch", ylabel="gap of the risk", ylim=(1e-20, 10))
    right.set_title(f"Linear regression: median and range of {runs} runs")
    right.legend(loc="lower left", fontsize=12)
    for x, values, name, color in (
        (last.sizes, last.mini, "Rprop, by its first step size", ORANGE),
        (last.rates, last.sgd, "SGD, by its learning rate", BLUE),
        (last.rates, last.rmsprop, "RMSprop, by its learning rate", GREY),
    ):
        style = "s--" if color == GREY else "o-"
        plot_range(end, x, values, color=color, label=name, style=style)
    end.set(xscale="log", yscale="log", xlabel="rate or first step size", ylabel="last gap")
    end.set_ylim(bottom=1e-12)
    end.set_title("Mini-batches: no first step size helps Rprop")
    end.legend(loc="lower left", fontsize=12)
    return save_figure(figure, path)
