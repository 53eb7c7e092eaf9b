"""Figure of gaps, averages, Rprop's cycles, and the race."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from experiments.convergence import race
from experiments.convergence.averages import FACTORS
from experiments.convergence.rates import EPSILON
from experiments.convergence.rprop_cycle import DOUBLES, TYPICAL
from experiments.harness.figures import BLUE, GREEN, GREY, ORANGE, new_figure, save_figure

LOOKS = ((GREY, "-"), (ORANGE, ":"), (BLUE, "-"), (BLUE, "--"), (GREEN, "-."))


def draw(
    path: Path,
    gaps: Mapping[str, np.ndarray],
    worst: Mapping[int, np.ndarray],
    averages: Mapping[str, np.ndarray],
    paths: Mapping[tuple[float, float], np.ndarray],
    shares: tuple[np.ndarray, np.ndarray],
    risks: Mapping[str, np.ndarray],
    steps: Mapping[str, np.ndarray],
) -> Path:
    """Draw six panels."""
    title = "3 iterations or 1,000; averages vary less; reciprocal factors cycle; curvature helps"
    figure, axes = new_figure(2, 3, size=(18, 10.5), title=title)
    _draw_gaps(axes[0], gaps, worst)
    _draw_averages(axes[1], averages)
    for pair, (color, style) in {DOUBLES: (ORANGE, "o--"), TYPICAL: (BLUE, "s-")}.items():
        label = f"factors {pair[0]:g} and {pair[1]:g}"
        axes[2].plot(paths[pair][:33], style, color=color, label=label)
    axes[2].set(xlabel="step", ylabel="weight", title="Rprop on w²/2 from 1.5", ylim=(-1.7, 2.5))
    axes[2].legend(loc="upper right")
    axes[3].plot(shares[0], 100 * shares[1], "o-", color=BLUE)
    axes[3].axvline(1, color=ORANGE, linestyle="--", label="μ- = 1/μ+")
    axes[3].axvline(0.6, color=GREY, linestyle=":", label="usual: 1.2 and 0.5")
    axes[3].set(xlabel="product μ+ μ- at μ+ = 1.2", ylabel="starts that never come to rest (%)")
    axes[3].set_title("Rprop on w²/2 from 500 starts")
    axes[3].legend(loc="center", bbox_to_anchor=(0.59, 0.5), fontsize=11)
    _draw_race(axes[4], axes[5], risks, steps)
    return save_figure(figure, path)


def _draw_gaps(axis: Any, gaps: Mapping[str, np.ndarray], worst: Mapping[int, np.ndarray]) -> None:
    names = {"quadratic": "quadratic, α = .1", "separable": "logistic loss, separable"}
    for (name, gap), (color, style) in zip(
        gaps.items(), ((BLUE, "o-"), (ORANGE, "--")), strict=True
    ):
        axis.plot(np.arange(1, 2001), gap[1:2001], style, color=color, label=names[name])
    for place, gap in enumerate(worst.values()):
        label = None if place else f"worst functions for {', '.join(map(str, worst))} steps"
        axis.plot(np.arange(1, len(gap)), gap[1:], "-.", color=GREEN, label=label)
    t = np.geomspace(1, 2000)
    axis.plot(t, 1 / (2 * t), ":", color=GREY, label="bound of these")
    axis.axhline(EPSILON, color="black", linewidth=0.8)
    axis.set(xlabel="iteration", ylabel="optimality gap", xscale="log", yscale="log")
    axis.set(ylim=(3e-4, 1.2), title="Gradient descent to a gap of .001")
    axis.legend(fontsize=11)


def _draw_averages(axis: Any, averages: Mapping[str, np.ndarray]) -> None:
    b = np.linspace(0, 0.95, 100)
    axis.plot(b, (1 - b) / (1 + b), "-", color=GREY, label="theory, (1 - β)/(1 + β)")
    for shift, (name, errors), look in zip(
        (-0.008, 0.008), averages.items(), ((BLUE, "o"), (ORANGE, "s")), strict=True
    ):
        spread = 2 * errors.std(axis=0, ddof=1) / len(errors) ** 0.5
        axis.errorbar(
            np.array(FACTORS) + shift,
            errors.mean(axis=0),
            yerr=spread,
            fmt=look[1],
            color=look[0],
            capsize=4,
            label=f"{name}, ± 2 standard errors",
        )
    axis.set(xlabel="factor β of the average", ylabel="variance over that of one gradient")
    axis.set_title("Moving averages vary less")
    axis.legend(fontsize=11)


def _draw_race(
    left: Any, right: Any, risks: Mapping[str, np.ndarray], steps: Mapping[str, np.ndarray]
) -> None:
    most = max(each.shape[-1] for each in risks.values())
    for place, ((name, each), (color, style)) in enumerate(zip(risks.items(), LOOKS, strict=True)):
        best = race.best_rate(each, most)
        middle = np.median(each[best], axis=0)
        left.plot(np.arange(1, len(middle) + 1), middle, style, color=color, label=name)
        right.plot(np.full(len(steps[name]), place), steps[name], "o", color=color, alpha=0.6)
        right.plot(place, np.median(steps[name]), "_", color="black", markersize=28)
    left.axhline(race.TARGET, color="black", linewidth=0.8)
    left.set(xlabel="iteration", ylabel="risk over variance of targets\nmedian of networks")
    left.set(xscale="log", yscale="log", ylim=(1e-6, 10), title="Small least squares problem")
    left.legend(fontsize=11, loc="lower left")
    right.set_xticks(
        range(len(steps)), [name.replace("g-M", "g-\nM").replace(" ", "\n") for name in steps]
    )
    right.set(ylabel="iterations to .001 of the variance", yscale="log")
    right.set(xlabel="optimizer, at its best rate; - is the median")
    right.set_title("Newton and Levenberg-Marquardt need fewest")
