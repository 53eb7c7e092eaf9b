"""The figure of a sweep over learning rates and drop rates."""

from pathlib import Path

import numpy as np
from matplotlib.axes import Axes

from experiments._figures import label_logarithmic, new_figure, save_figure
from jaxnet.training import SweepResult

METRIC = "validation_accuracy"


def draw_sweep(path: Path, result: SweepResult, test_accuracy: float) -> Path:
    """Draw the grid as a map, and each drop rate's curve with the scatter of its seeds.

    Args:
        path: of the PNG.
        result: a sweep over a grid of ``learning_rate`` and ``drop_rate``.
        test_accuracy: of the chosen setting, for the title.
    """
    best = result.best(METRIC)
    title = (
        f"Best: learning rate {best['learning_rate']:g}, drop rate {best['drop_rate']:g}; "
        f"{test_accuracy:.1%} of the test images read correctly"
    )
    figure, axes = new_figure(1, 2, size=(14, 5.6), title=title)
    _draw_map(axes[0], result)
    _draw_curves(axes[1], result)
    return save_figure(figure, path)


def _draw_map(axes: Axes, result: SweepResult) -> None:
    rates, drops = (result.settings.axes[name] for name in ("learning_rate", "drop_rate"))
    errors = 1 - result.on_grid(result.mean(METRIC)).T
    axes.imshow(np.log10(np.maximum(errors, 1e-4)), cmap="viridis_r", aspect="auto")
    darkest = np.nanquantile(errors, 0.5)
    for row, column in np.ndindex(errors.shape):
        error = errors[row, column]
        text = "diverged" if np.isnan(error) else f"{100 * error:.2g}"
        color = "white" if error > darkest else "black"
        axes.text(column, row, text, ha="center", va="center", color=color, fontsize=11)
    chosen = result.best(METRIC)
    place = list(rates).index(chosen["learning_rate"]), list(drops).index(chosen["drop_rate"])
    axes.plot(*place, "s", markersize=34, fillstyle="none", color="red", markeredgewidth=2.5)
    axes.set_xticks(range(len(rates)), [f"{rate:g}" for rate in rates])
    axes.set_yticks(range(len(drops)), [f"{drop:g}" for drop in drops])
    axes.grid(visible=False)
    axes.set(
        xlabel="learning rate",
        ylabel="drop rate",
        title="Validation images misread, in per cent (mean over seeds)",
    )


def _draw_curves(axes: Axes, result: SweepResult) -> None:
    rates, drops = (result.settings.axes[name] for name in ("learning_rate", "drop_rate"))
    means, spreads = (
        result.on_grid(values) for values in (result.mean(METRIC), result.spread(METRIC))
    )
    for index, drop in enumerate(drops):
        mean, spread = 100 * (1 - means[:, index]), 100 * np.nan_to_num(spreads[:, index])
        color = f"C{index}"
        axes.plot(rates, mean, "o-", color=color, label=f"drop rate {drop:g}")
        low = np.maximum(mean - spread, 0.01)
        axes.fill_between(rates, low, mean + spread, color=color, alpha=0.18, linewidth=0)
    axes.set(
        xscale="log",
        yscale="log",
        xlabel="learning rate",
        ylabel="validation images misread (%)",
        title="Mean and standard deviation over seeds",
    )
    label_logarithmic(axes.yaxis)
    axes.set_xticks(rates, [f"{rate:g}" for rate in rates])
    axes.minorticks_off()
    axes.legend()
