"""Figure of a sweep over learning rates and drop rates."""

from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from experiments.harness.figures import GREY, label_logarithmic, new_figure, plot_range, save_figure
from experiments.hyperparameter_sweep.verdict import Verdict
from jaxnet.training import SweepResult


def draw_sweep(path: Path, result: SweepResult, verdict: Verdict, *, title: str) -> Path:
    """Draw the grid as a map, and each drop rate's curve with the range of its seeds."""
    figure, axes = new_figure(1, 2, size=(14, 6), title=title)
    _draw_map(axes[0], result, verdict)
    _draw_curves(axes[1], result, verdict)
    return save_figure(figure, path)


def _draw_map(axes: Axes, result: SweepResult, verdict: Verdict) -> None:
    rates, drops = (result.settings.axes[name] for name in ("learning_rate", "drop_rate"))
    errors = result.on_grid(verdict.errors).T
    factor, label = verdict.measure.factor, verdict.measure.label
    most = 1.0 if verdict.measure.is_rate else errors[np.isfinite(errors)].max()
    shown = np.log10(np.clip(errors, 1e-4, most))
    axes.imshow(shown, cmap="viridis_r", aspect="auto")
    darkest = np.quantile(errors, 0.5)
    for row, column in np.ndindex(errors.shape):
        error = errors[row, column]
        text = f"{factor * error:.2g}" if np.isfinite(error) else "diverged"
        color = "white" if error > darkest else "black"
        axes.text(column, row, text, ha="center", va="center", color=color, fontsize=12)
    chosen = np.arange(verdict.tied.size) == verdict.chosen
    for frames, size, width in ((verdict.tied, 0.92, 2.5), (chosen, 0.76, 1.5)):
        for row, column in np.argwhere(result.on_grid(frames).T):
            corner = column - size / 2, row - size / 2
            style = {"fill": False, "edgecolor": "red", "linewidth": width}
            axes.add_patch(Rectangle(corner, size, size, **style))
    axes.set_xticks(range(len(rates)), [f"{rate:g}" for rate in rates])
    axes.set_yticks(range(len(drops)), [f"{drop:g}" for drop in drops])
    axes.grid(visible=False)
    axes.set(
        xlabel="learning rate",
        ylabel="drop rate",
        title=f"{label.capitalize()}\nframed: within one standard error; double: chosen",
    )


def _draw_curves(axes: Axes, result: SweepResult, verdict: Verdict) -> None:
    rates, drops = (result.settings.axes[name] for name in ("learning_rate", "drop_rate"))
    factor, measure = verdict.measure.factor, verdict.measure
    # half an image: 0 has no place on a logarithmic axis
    smallest = 0.5 * factor / verdict.images if measure.is_rate else 0.0
    wrong = np.where(result.diverged, np.nan, factor * measure.errors(result))
    wrong = np.maximum(result.on_grid(wrong), smallest)
    means = np.where(np.isfinite(verdict.errors), factor * verdict.errors, np.nan)
    means = np.maximum(result.on_grid(means), smallest)
    for index, drop in enumerate(drops):
        look = {"style": "o-", "color": f"C{index}", "label": f"drop rate {drop:g}"}
        plot_range(axes, rates, wrong[:, index], middle=means[:, index], **look)
    if measure.is_rate:
        best, error = verdict.errors[verdict.best], verdict.sampling
        label = f"best ± standard error of {verdict.images:,} examples"
        low, high = (max(factor * (best + side * error), smallest) for side in (-1, 1))
        axes.axhspan(low, high, color=GREY, alpha=0.25, linewidth=0, label=label)
    axes.set(
        xscale="log",
        yscale="log",
        xlabel="learning rate",
        ylabel=measure.label,
        title="Mean and range over seeds",
    )
    label_logarithmic(axes.yaxis)
    axes.set_xticks(rates, [f"{rate:g}" for rate in rates])
    axes.minorticks_off()
    axes.legend(loc="upper center", fontsize=11)
