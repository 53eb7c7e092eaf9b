"""Figure of duplicates, outliers, equal rows, histograms and nulls."""

from pathlib import Path
from typing import Any

import numpy as np

from experiments.data_cleaning.lines import LOSSES
from experiments.data_cleaning.people import LIGHT, OTHERS, SLOPE
from experiments.data_cleaning.rows import NUMBERS
from experiments.harness.figures import BLUE, GREY, ORANGE, new_figure, plot_bars, save_figure
from jaxnet.data import Examples

REPEATED = (1, 2, 4, 8, 16, 32, 64)
"""Copies of one example."""


def draw(
    path: Path,
    shares: list[float],
    slopes: dict[str, np.ndarray],
    group: Examples,
    *,
    equal: Any,
    distances: Any,
    nulls: Any,
) -> Path:
    """Draw weights of duplicates, slopes, one group with both outliers, and what else is found."""
    title = "Duplicates weigh M/(B + M), equal rows may be none; outliers bend squared errors most"
    figure, (left, middle, right, *below) = new_figure(2, 3, size=(16, 9.4), title=title)
    m = np.linspace(0, max(REPEATED), 100)
    left.plot(m, m / (OTHERS + m), color=GREY, label="M/(B + M)")
    left.plot(REPEATED, shares, "o", color=BLUE, label="fitted")
    left.set(
        xlabel=f"copies M beside B = {OTHERS}", ylabel="weight in the risk", title="Duplicates"
    )
    left.legend()
    looks = (("without", BLUE, "o"), ("with 2.51 m", ORANGE, "s"))
    for column, (label, color, style) in enumerate(looks):
        rows = [slopes[loss][:, column] for loss in LOSSES]
        place = np.arange(len(LOSSES)) + 0.1 * column
        plot_bars(middle, place, rows, color=color, label=label, style=style)
    middle.set_xticks(range(len(LOSSES)), list(LOSSES.values()))
    middle.set(xlabel="loss", ylabel="slope (kg / m)", title="One height of 2.51 m")
    middle.legend(loc="lower right")
    right.plot(*(field[:, 0] for field in group), "o", color=BLUE, alpha=0.6)
    right.plot(*LIGHT, "s", color=ORANGE)
    right.annotate("1.82 m, 24 kg", LIGHT, textcoords="offset points", xytext=(-8, 10), ha="right")
    right.set(xlabel="height (m)", ylabel="weight (kg)", title="Usual each, not together")
    _equal_rows(below[0], equal)
    _distances(below[1], distances)
    _nulls(below[2], nulls)
    return save_figure(figure, path)


def _equal_rows(axes: Any, equal: Any) -> None:
    """Draw the share of rows that are found as duplicates."""
    labels = {
        "coarse": "age, education,\ncity",
        "fine": "age, height,\nweight",
        "rounded copies": "rounded\ncopies",
        "with tolerance": "the same, to\none decimal",
    }
    for place, name in enumerate(labels):
        color = BLUE if place < 2 else ORANGE
        axes.bar(place, 100 * equal[name].mean(), 0.6, color=color, hatch="" if place < 2 else "//")
    axes.set_xticks(range(len(labels)), list(labels.values()), fontsize=11)
    axes.set(xlabel="independent people, left; copies, right", ylabel="rows found (%)")
    axes.set_title("Equal rows")


def _distances(axes: Any, distances: Any) -> None:
    """Draw the distance of histograms to the distribution against the number of heights."""
    plot_bars(axes, NUMBERS, distances.T, color=BLUE, label="drawn", style="o")
    law = distances[:, -1].mean() * np.sqrt(NUMBERS[-1] / np.array(NUMBERS))
    axes.plot(NUMBERS, law, "--", color=GREY, label="as 1/root of n")
    axes.set(xlabel="heights n", ylabel="distance to the distribution", xscale="log", yscale="log")
    axes.set_title("Histogram, bins of 4 cm")
    axes.legend()


def _nulls(axes: Any, nulls: Any) -> None:
    """Draw the slopes without the rows of nulls, and with means in their place."""
    for shift, (how, color, style) in enumerate((("dropped", BLUE, "o"), ("imputed", ORANGE, "s"))):
        rows = [nulls[field][how] for field in ("inputs", "targets")]
        label = {"dropped": "rows dropped", "imputed": "mean in place"}[how]
        plot_bars(axes, np.arange(2) + 0.1 * shift, rows, color=color, label=label, style=style)
    axes.axhline(SLOPE, color=GREY, linestyle="--", label="true")
    axes.set_xticks([0.05, 1.05], ["heights", "weights"])
    axes.set(xlabel="what is null", ylabel="slope (kg / m)", title="Nulls", xlim=(-0.5, 1.6))
    axes.legend()
