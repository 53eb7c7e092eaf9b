"""Figures of the descents: paths on the landscapes, gaps against steps, ranking."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap

from experiments.harness.figures import BLUE, GREEN, GREY, ORANGE, new_figure, save_figure
from experiments.optimizer_race.contestants import COLORS, shown
from experiments.optimizer_race.landscapes import Landscape
from experiments.optimizer_race.paths import STAY, Descent

PATHS = {"sgd": 6.0, "momentum": 4.2, "rprop": 3.0, "rmsprop": 2.2, "adam": 1.4}
"""Optimizers whose paths are drawn, with line widths: wide ones lie beneath."""

LOST = 300
"""Steps drawn of a path that never reaches the minimum."""

GROUND = LinearSegmentedColormap.from_list("ground", ["#ffffff", "#c3cbd3"])
LEVELS = 14
MARKERS = ("o", "s", "D", "^", "v")
LANDSCAPE_COLORS = (BLUE, ORANGE, GREEN, "#7d3c98", GREY)

Race = Mapping[str, Mapping[str, Descent]]
"""Optimizer -> landscape -> descent."""


def draw_paths(path: Path, race: Race, landscapes: Sequence[Landscape]) -> Path:
    """Draw paths, each with its best rate, over contour lines."""
    title = "Down five landscapes, each optimizer at its best learning rate"
    figure, axes = new_figure(2, 3, size=(13, 9), title=title)
    names = [name for name in PATHS if name in race]
    for landscape, ax in zip(landscapes, axes, strict=False):
        _draw_ground(ax, landscape)
        for name in names:
            descent = race[name][landscape.name]
            u, v = _until_down(descent.path, descent, otherwise=LOST).T
            ax.plot(
                u, v, color=COLORS[name], linewidth=PATHS[name], marker="o", markersize=PATHS[name]
            )
        ax.plot(*landscape.start, "o", color="black", markersize=9)
        ax.plot(*np.transpose(landscape.minima), "*", color="black", markersize=15)
        ax.set_title(f"{landscape.name}: {landscape.why}")
        _write_steps(ax, race, names, landscape)
    _draw_key(axes[-1], names)
    return save_figure(figure, path)


def draw_gaps(path: Path, race: Race, landscapes: Sequence[Landscape], tolerance: float) -> Path:
    """Draw the gap against the steps, each optimizer with its best rate."""
    title = "How far above the minimum, step by step, at the best learning rate"
    lowest = tolerance / 100
    figure, axes = new_figure(2, 3, size=(13, 8), title=title)
    for landscape, ax in zip(landscapes, axes, strict=False):
        for name in shown(list(race)):
            descent = race[name][landscape.name]
            gaps = _until_down(descent.gaps, descent, otherwise=len(descent.gaps))
            ax.plot(*_smooth(gaps), color=COLORS[name], linewidth=1.8, label=name)
            if descent.reached is not None:
                end = max(gaps[-1], lowest)
                ax.plot(len(gaps) - 1, end, "o", color=COLORS[name], clip_on=False)
        ax.axhline(tolerance, color="black", linestyle=":", linewidth=1.2)
        highest = max(race[name][landscape.name].gaps[0] for name in race)
        ax.set(yscale="log", ylim=(lowest, 10 * highest), title=landscape.name)
        ax.set_xscale("symlog", linthresh=1)
        ax.set(xlabel="step", xlim=(0, None))
    for ax in axes[::3]:
        ax.set_ylabel("gap to the minimum")
    handles, labels = axes[0].get_legend_handles_labels()
    axes[-1].set_axis_off()
    axes[-1].legend(handles, labels, loc="upper left", fontsize=12)
    lines = [f"dotted: the tolerance, {tolerance:g}", f"dot: stays there for {STAY} steps"]
    lines.append("lines: median over steps within 10 %")
    axes[-1].text(0.04, 0.0, "\n".join(lines), linespacing=1.5)
    return save_figure(figure, path)


def draw_ranking(path: Path, race: Race, landscapes: Sequence[Landscape], steps: int) -> Path:
    """Draw the steps of every optimizer to each minimum."""
    names = sorted(race, key=lambda name: -_mean_steps(race[name], steps))
    title = "Steps down each landscape at the best learning rate"
    figure, (ax,) = new_figure(1, 1, size=(11, 2.2 + 0.36 * len(names)), title=title)
    looks = zip(landscapes, MARKERS, LANDSCAPE_COLORS, strict=True)
    for place, (landscape, marker, color) in enumerate(looks):
        reached = [race[name][landscape.name].reached for name in names]
        x = [2 * steps if value is None else max(value, 1) for value in reached]
        y = np.arange(len(names)) + 0.16 * (len(landscapes) // 2 - place)
        ax.plot(x, y, marker, color=color, fillstyle="none", mew=2, ms=7, label=landscape.name)
    ax.axvline(1.4 * steps, color="black", linewidth=1)
    ax.text(1.5 * steps, len(names) - 0.4, "never", va="bottom")
    ax.set_yticks(range(len(names)), names)
    ax.set(xscale="log", xlabel="steps", ylim=(-0.6, len(names) - 0.4))
    figure.legend(loc="outside lower center", ncols=len(landscapes))
    return save_figure(figure, path)


def _until_down(values: np.ndarray, descent: Descent, *, otherwise: int) -> np.ndarray:
    """Return the values until the minimum is reached, else ``otherwise`` of them."""
    return values[: otherwise if descent.reached is None else descent.reached + 1]


def _smooth(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return steps, evenly spaced on a logarithmic axis, and medians of the values around them.

    The first and the last value are the values themselves.
    """
    last = len(values) - 1
    steps = np.unique(np.geomspace(1, max(last, 1), 250).round().astype(int))
    medians = [np.median(values[int(0.9 * step + 0.5) : int(1.1 * step) + 1]) for step in steps]
    return np.array([0, *steps, last]), np.array([values[0], *medians, values[-1]])


def _draw_ground(ax: Axes, landscape: Landscape) -> None:
    """Draw filled contours whose levels are spaced logarithmically."""
    left, right, bottom, top = landscape.window
    u, v = np.meshgrid(np.linspace(left, right, 241), np.linspace(bottom, top, 241))
    points = jnp.stack([u.ravel(), v.ravel()], axis=1)
    heights = np.asarray(jax.jit(jax.vmap(landscape.gap))(points)).reshape(u.shape)
    levels = np.geomspace(np.quantile(heights, 0.005), heights.max() * 1.001, LEVELS)
    ax.contourf(u, v, np.log(np.maximum(heights, levels[0])), np.log(levels), cmap=GROUND)
    ax.contour(u, v, heights, levels, colors="#8b95a0", linewidths=0.5)
    ax.set(xlim=(left, right), ylim=(bottom, top))
    ax.grid(False)


def _write_steps(ax: Axes, race: Race, names: Sequence[str], landscape: Landscape) -> None:
    """Write the steps of each optimizer below a panel, in its colour."""
    for place, name in zip(np.linspace(0, 1, len(names)), names, strict=True):
        reached = race[name][landscape.name].reached
        text = "never" if reached is None else f"{reached:,}"
        align = "left" if place == 0 else "right" if place == 1 else "center"
        ax.text(
            place, -0.15, text, ha=align, weight="bold", color=COLORS[name], transform=ax.transAxes
        )


def _draw_key(ax: Axes, names: Sequence[str]) -> None:
    """Write the legend of colours and signs."""
    ax.set_axis_off()
    for row, name in enumerate(names):
        place = 0.95 - 0.1 * row
        ax.plot([0.04, 0.2], [place, place], color=COLORS[name], linewidth=PATHS[name])
        ax.text(0.26, place, name, va="center", fontsize=15, color=COLORS[name])
    lines = ["black dot: start, star: minimum", "contours: spaced logarithmically"]
    lines.append(f"numbers: steps until down for {STAY} steps")
    lines.append(f"never down: {LOST} steps are drawn")
    ax.text(0.04, 0, "\n".join(lines), linespacing=1.5)
    ax.set(xlim=(0, 1), ylim=(0, 1))


def _mean_steps(descents: Mapping[str, Descent], steps: int) -> float:
    """Return the geometric mean over the landscapes; a missed minimum counts double."""
    counts = [d.reached if d.reached is not None else 2 * steps for d in descents.values()]
    return float(np.exp(np.mean(np.log(np.maximum(counts, 1)))))
