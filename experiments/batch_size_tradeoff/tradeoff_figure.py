"""Figure of batch_size_tradeoff: benefit and cost of larger mini-batches."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import LogLocator, NullFormatter

from experiments.batch_size_tradeoff.claims import growth, saving
from experiments.batch_size_tradeoff.critical import fit_critical, median_updates
from experiments.batch_size_tradeoff.noise import Noise, fit_slope
from experiments.batch_size_tradeoff.runs import Outcome, Reached, Time
from experiments.batch_size_tradeoff.workload import Grid
from experiments.harness.figures import (
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    label_logarithmic,
    new_figure,
    plot_bars,
    save_figure,
)
from jaxnet.inspection import predicted_variance


def draw_tradeoff(
    path: Path,
    noise: Noise,
    times: Mapping[int, Time],
    outcomes: Mapping[int, Outcome],
    *,
    title: str,
    grid: Grid,
    busy: bool,
) -> Path:
    """Draw six panels against the batch size."""
    figure, axes = new_figure(2, 3, size=(16, 9), title=title)
    _noise(axes[0], noise)
    _times(axes[1], axes[2], times)
    _cost(axes[3], noise, outcomes, grid.target)
    _seconds(axes[4], times, outcomes, grid.target)
    if busy:
        for panel in (axes[1], axes[2], axes[4]):
            panel.set_title("A busy machine: no verdict on times", color=GREY)
    _accuracy(axes[5], outcomes, grid)
    ticks = sorted(times)
    for panel in axes:
        panel.set_xscale("log")
        panel.set_xticks(ticks, [f"{size:,}" for size in ticks])
        panel.xaxis.set_minor_formatter(NullFormatter())
        panel.set_xlim(ticks[0] / 1.5, 1.5 * ticks[-1])
        panel.minorticks_off()
        panel.set_xlabel("batch size (examples)")
    return save_figure(figure, path)


def _noise(axes: Axes, noise: Noise) -> None:
    variance, square = noise.variance, noise.square
    styles = {"with": (BLUE, None, "o"), "without": (ORANGE, noise.examples, "s")}
    for name, (color, limit, marker) in styles.items():
        drawn = noise.drawn[name]
        fine = np.geomspace(drawn.sizes[0], drawn.sizes[-1], 200)
        axes.plot(fine, predicted_variance(variance, fine, examples=limit), color=color)
        axes.errorbar(
            drawn.sizes,
            drawn.values,
            yerr=3 * drawn.errors,
            fmt=marker,
            color=color,
            label=f"{name} replacement, ± 3 standard errors",
        )
    axes.axhline(square, color=GREY, linestyle=":")
    place = axes.get_yaxis_transform()
    axes.text(0.03, 0.85 * square, "|G|²: the gradient", color=GREY, transform=place, va="top")
    slope = fit_slope(noise.drawn["with"], None).slope
    title = f"Noise falls as $b^{{{slope:.3f}}}$ (lines: predicted)"
    axes.set(yscale="log", ylabel="variance of the gradient", title=title)
    axes.legend(loc="lower left", fontsize=11)


def _times(left: Axes, right: Axes, times: Mapping[int, Time]) -> None:
    sizes = sorted(times)
    for axes, values, factor, unit in (
        (
            left,
            [[s / times[n].steps for s in times[n].epoch_seconds] for n in sizes],
            1e3,
            "ms a step",
        ),
        (right, [times[n].epoch_seconds for n in sizes], 1.0, "s an epoch"),
    ):
        label = f"median and range of {len(values[0])} rounds"
        plot_bars(axes, sizes, factor * np.array(values), color=BLUE, label=label)
        axes.set(yscale="log", ylabel=f"time ({unit})")
        _plain(axes)
    step = 1e3 * np.array([times[n].step for n in sizes])
    left.plot(
        sizes,
        step[-1] * np.array(sizes) / sizes[-1],
        color=GREY,
        linestyle=":",
        label="in proportion",
    )
    left.set_ylim(step.min() / 2, None)
    left.legend(loc="upper left", fontsize=11)
    right.legend(loc="upper right", fontsize=11)
    first, last = growth(times, *sizes[:2]), growth(times, *sizes[-2:])
    left.set_title(f"A step's time grows as $b^{{{first:.2f}}}$, at last as $b^{{{last:.2f}}}$")
    right.set_title(
        f"An epoch: {sizes[0]:,} takes {saving(times):.3g} times as long as {sizes[-1]:,}"
    )


def _cost(axes: Axes, noise: Noise, outcomes: Mapping[int, Outcome], target: float) -> None:
    sizes = np.array(sorted(outcomes))
    updates = median_updates(outcomes, noise.examples)
    fit, title = fit_critical(updates), "Updates and examples to the target"
    if fit is not None:
        fine = np.geomspace(sizes[0], sizes[-1], 200)
        style = {"color": GREY, "linestyle": "--", "linewidth": 1.5}
        axes.plot(fine, fit.updates(fine), label="fitted: S (1 + B / b)", **style)
        axes.plot(fine, fit.updates(fine) * fine / noise.examples, **style)
        title = f"Updates as {fit.least:.0f} (1 + {fit.size:.0f} / b): B is {fit.size:.0f} examples"
    for label, factor, color in (
        ("epochs", np.ones(len(sizes)), ORANGE),
        ("updates", noise.examples / sizes, BLUE),
    ):
        rows = [f * outcomes[n].epochs for f, n in zip(factor, sizes, strict=True)]
        _spread(axes, sizes, rows, color, label)
    after = [epoch for epoch in noise.scales if epoch]
    for place, epoch in enumerate(dict.fromkeys([*after[:1], *after[-1:]])):
        scales = noise.scales[epoch]
        alpha = (0.3, 0.12)[place]
        text = f"noise scale after epoch {epoch}, range of {len(scales)} runs"
        axes.axvspan(scales.min(), scales.max(), color=GREEN, alpha=alpha, lw=0, label=text)
    axes.set(yscale="log", ylabel=f"to validation loss {target:g}", title=title)
    low, high = axes.get_ylim()
    axes.set_ylim(low, high * (high / low) ** 0.75)  # room for the legend
    axes.legend(loc="upper left", fontsize=10.5)
    _plain(axes)


def _seconds(
    axes: Axes, times: Mapping[int, Time], outcomes: Mapping[int, Outcome], target: float
) -> None:
    sizes = sorted(outcomes)
    rows = [times[n].epoch * outcomes[n].epochs for n in sizes]
    _spread(axes, sizes, rows, BLUE, "")
    soonest = sizes[int(np.argmin([np.median(row) for row in rows]))]
    title = f"The product: {soonest:,} is soonest"
    axes.set(yscale="log", ylabel=f"seconds to validation loss {target:g}", title=title)
    axes.legend(loc="upper center", fontsize=11)
    _plain(axes)


def _accuracy(axes: Axes, outcomes: Mapping[int, Outcome], grid: Grid) -> None:
    sizes = np.array(sorted(outcomes))
    rows: tuple[tuple[str, list[Reached], str], ...] = (
        (f"{grid.epochs} epochs each", [outcomes[n].by_epochs for n in sizes], ORANGE),
        (f"{grid.updates:,} updates each", [outcomes[n].by_updates for n in sizes], BLUE),
    )
    for label, tested, color in rows:
        # only where one epoch has fewer updates
        fair = np.array([each.updates <= 1.25 * grid.updates for each in tested])
        kept = fair if color == BLUE else np.ones(len(sizes), bool)
        values = [100 * each.accuracies for each, keep in zip(tested, kept, strict=True) if keep]
        if values:
            _spread(axes, sizes[kept], values, color, label)
    ends = [f"{each[-1].accuracies.mean():.1%}" for _, each, _ in rows]
    title = f"{sizes[-1]:,} at a time: {ends[0]} and {ends[1]}"
    axes.set(ylabel="test accuracy (%)", title=title)
    low, high = axes.get_ylim()
    axes.set_ylim(low - 0.2 * (high - low), high)  # room for the legend
    axes.legend(loc="lower left", fontsize=11)


def _spread(axes: Axes, sizes, values, color: str, label: str) -> None:
    """Draw medians with the range over seeds, without infinite values."""
    rows = np.array(values, float)
    rows = np.where(np.isfinite(rows), rows, np.nan)
    meaning = f"{label}{label and ', '}median and range of {rows.shape[1]} seeds"
    plot_bars(axes, sizes, rows, color=color, label=meaning)


def _plain(axes: Axes) -> None:
    """Label a logarithmic axis in decimals: each decade, or finer for few decades."""
    low, high = axes.get_ylim()
    label_logarithmic(axes.yaxis)
    if high > 100 * low:
        axes.yaxis.set_major_locator(LogLocator())
