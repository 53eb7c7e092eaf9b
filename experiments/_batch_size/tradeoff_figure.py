"""The figure of batch_size_tradeoff: what a larger mini-batch buys, and what it costs."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import LogLocator, NullFormatter

from experiments._batch_size.noise import Noise
from experiments._batch_size.runs import Outcome, Time
from experiments._figures import (
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    label_logarithmic,
    new_figure,
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
    target: float,
) -> Path:
    """Draw six panels against the batch size.

    Args:
        path: of the PNG.
        noise: first panel, and the noise scale in all that is about learning.
        times: second and third panel.
        outcomes: fourth to sixth panel.
        title: the answer.
        target: validation loss that is reached.
    """
    figure, axes = new_figure(2, 3, size=(16, 9), title=title)
    _noise(axes[0], noise)
    _times(axes[1], axes[2], times)
    _cost(axes[3], noise, outcomes, target)
    _seconds(axes[4], times, outcomes, target)
    _accuracy(axes[5], outcomes)
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
            label=f"measured, {name} replacement",
        )
    axes.axhline(square, color=GREY, linestyle=":")
    place = axes.get_yaxis_transform()
    axes.text(0.03, 0.85 * square, "|G|²: the gradient", color=GREY, transform=place, va="top")
    axes.set(
        yscale="log",
        ylabel="variance of the gradient",
        title="Noise falls as 1 / batch (lines: predicted)",
    )
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
        middle = factor * np.array([np.median(each) for each in values])
        low, high = (factor * np.array([f(each) for each in values]) for f in (min, max))
        axes.errorbar(sizes, middle, yerr=[middle - low, high - middle], fmt="o-", color=BLUE)
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
    left.legend(loc="upper left")
    left.set_title("A full machine: a step's time grows with it")
    right.set_title("... so an epoch's time falls ever less")


def _cost(axes: Axes, noise: Noise, outcomes: Mapping[int, Outcome], target: float) -> None:
    sizes = np.array(sorted(outcomes))
    for label, factor, color in (
        ("epochs", np.ones(len(sizes)), ORANGE),
        ("updates", noise.examples / sizes, BLUE),
    ):
        _spread(
            axes,
            sizes,
            [f * outcomes[n].epochs for f, n in zip(factor, sizes, strict=True)],
            color,
            label,
        )
    scales = [scale for epoch, scale in noise.scales.items() if epoch]
    if scales:
        axes.axvspan(min(scales), max(scales), color=GREEN, alpha=0.12)
        first, last = min(e for e in noise.scales if e), max(noise.scales)
        text = f"noise scale:\n{noise.scales[first]:.0f} after epoch {first}"
        text += f"\n{noise.scales[last]:.0f} after epoch {last}"
        axes.text(
            min(scales),
            0.98,
            text,
            color=GREEN,
            transform=axes.get_xaxis_transform(),
            va="top",
            fontsize=11,
        )
    axes.set(
        yscale="log", ylabel=f"to validation loss {target:g}", title="Fewer updates, more examples"
    )
    axes.legend(loc="center left")
    _plain(axes)


def _seconds(
    axes: Axes, times: Mapping[int, Time], outcomes: Mapping[int, Outcome], target: float
) -> None:
    sizes = sorted(outcomes)
    _spread(axes, sizes, [times[n].epoch * outcomes[n].epochs for n in sizes], BLUE, "")
    axes.set(
        yscale="log",
        ylabel=f"seconds to validation loss {target:g}",
        title="The product: seconds to learn",
    )
    _plain(axes)


def _accuracy(axes: Axes, outcomes: Mapping[int, Outcome]) -> None:
    sizes = sorted(outcomes)
    _spread(axes, sizes, [100 * outcomes[n].accuracies for n in sizes], BLUE, "")
    place = axes.get_xaxis_transform()
    for size in sizes:
        text = f"{outcomes[size].final_rate:g}"
        axes.text(size, 0.03, text, color=GREY, transform=place, ha="center")
    axes.text(0.5, 0.1, "learning rate η", color=GREY, transform=axes.transAxes, ha="center")
    axes.set(ylabel="test accuracy at the end (%)", title="Accuracy, each at its best rate η")
    axes.margins(y=0.3)


def _spread(axes: Axes, sizes, values, color: str, label: str) -> None:
    """Draw medians with the range over seeds; what was not reached is left out."""
    rows = np.array(values, float)
    rows = np.where(np.isfinite(rows), rows, np.nan)
    middle = np.median(rows, axis=1)
    bars = [middle - rows.min(axis=1), rows.max(axis=1) - middle]
    axes.errorbar(sizes, middle, yerr=bars, fmt="o-", color=color, label=label or None)


def _plain(axes: Axes) -> None:
    """Label a logarithmic axis in decimals: each decade, or finer where there are few."""
    low, high = axes.get_ylim()
    label_logarithmic(axes.yaxis)
    if high > 100 * low:
        axes.yaxis.set_major_locator(LogLocator())
