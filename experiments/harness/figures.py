"""Figures: one style for all, drawn without a screen."""

from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from experiments.harness.record import write_atomically

BLUE, ORANGE, GREY, GREEN = "#0b61a4", "#d1590f", "#6b6b6b", "#2a7f3b"

mpl.rcParams.update(
    {
        "font.size": 13,
        "axes.titlesize": 14,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.grid": True,
        "grid.alpha": 0.3,
        "lines.linewidth": 2.2,
        "lines.markersize": 5,
        "legend.frameon": False,
        "figure.constrained_layout.use": True,
        "figure.titlesize": 15,
        "figure.titleweight": "bold",
        "savefig.dpi": 150,
    }
)


def new_figure(
    rows: int, columns: int, *, size: tuple[float, float], title: str
) -> tuple[Figure, list[Axes]]:
    """Return a figure in the common style, its size in inches, and its axes in reading order."""
    figure = Figure(figsize=size)
    axes = figure.subplots(rows, columns, squeeze=False)
    figure.suptitle(title)
    return figure, list(axes.flat)


def plot_range(
    axes: Axes, x: Any, rows: Any, *, color: str, label: str, style: str = "-", middle: Any = None
) -> None:
    """Plot the median of each row, or a given middle, and a band from its least to its largest."""
    rows = np.asarray(rows)
    axes.plot(x, np.median(rows, axis=1) if middle is None else middle, style, c=color, label=label)
    axes.fill_between(x, rows.min(axis=1), rows.max(axis=1), color=color, alpha=0.2, lw=0)


def plot_bars(axes: Axes, x: Any, rows: Any, *, color: str, label: str, style: str = "o-") -> None:
    """Plot the median of each row, with a bar from its least to its largest."""
    rows = np.asarray(rows)
    middle = np.median(rows, axis=1)
    bars = [middle - rows.min(axis=1), rows.max(axis=1) - middle]
    axes.errorbar(x, middle, yerr=bars, fmt=style, color=color, label=label)


def share_legend(figure: Figure, axes: Axes, columns: int) -> None:
    """Draw the legend of one panel below all."""
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=columns, fontsize=12)


def label_logarithmic(axis: Axis) -> None:
    """Label a logarithmic axis in plain decimals, at 1, 2 and 5 of each decade."""
    axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_minor_formatter(NullFormatter())


def save_figure(figure: Figure, path: Path) -> Path:
    """Write the figure as a PNG that carries its description in words; return its path."""
    described = {"Description": describe(figure)}
    return write_atomically(path, lambda file: figure.savefig(file, metadata=described))


def describe(figure: Figure) -> str:
    """Return titles, axes and legends of a figure in words.

    >>> figure, (axes,) = new_figure(1, 1, size=(4, 3), title="Errors")
    >>> _ = axes.set(xlabel="epoch", ylabel="misread (%)")
    >>> _ = axes.plot([1, 2], label="test")
    >>> describe(figure)
    'Errors. misread (%) over epoch: test.'
    """
    said = [figure.get_suptitle()]
    for axes in figure.axes:
        labels = [label for label in axes.get_legend_handles_labels()[1] if label[:1] != "_"]
        x, y = axes.get_xlabel(), axes.get_ylabel()
        over = f"{y} over {x}" if x and y else y or x
        parts = [axes.get_title(), over, ", ".join(labels)]
        said.append(": ".join(part for part in parts if part))
    return " ".join(f"{' '.join(part.split()).rstrip('.')}." for part in said if part)
