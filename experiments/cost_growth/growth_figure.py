"""The figure of the growth of costs."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from experiments.cost_growth.quantities import Quantity
from experiments.harness.figures import (
    BLUE,
    ORANGE,
    label_logarithmic,
    new_figure,
    plot_bars,
    save_figure,
    share_legend,
)


def draw(path: Path, quantities: Mapping[str, Quantity], found: Mapping[str, Any]) -> Path:
    """Draw the cost of a unit of work, over its least, by the value of each quantity."""
    rows = -(-len(found) // 2)
    title = "Time for each unit of work, and memory, over the least"
    figure, panels = new_figure(rows, 2, size=(12, 0.6 + 3.3 * rows), title=title)
    for axes, (name, growth) in zip(panels, found.items(), strict=False):
        work = np.asarray(growth.work)
        each = growth.seconds / work
        plot_bars(axes, growth.values, (each / np.median(each, axis=0).min()).T, color=BLUE,
                  label="time: median and range of the rounds")  # fmt: skip
        if growth.bytes:
            memory = growth.bytes / np.asarray(growth.size)
            label = "memory of the program, for each unit of size"
            axes.plot(growth.values, memory / memory.min(), "s--", color=ORANGE, label=label)
        axes.axhline(1, color="black", linewidth=1)
        axes.set(xscale="log", yscale="log", xlabel=name)
        axes.set_ylabel(f"cost for each {quantities[name].unit}", fontsize=11)
        axes.set_xticks(growth.values, [f"{value:,}" for value in growth.values])
        axes.xaxis.minorticks_off()
        label_logarithmic(axes.yaxis)
        low, high = axes.get_ylim()
        axes.set_ylim(min(low, 0.7), max(high, 3))
    share_legend(figure, panels[0], 2)
    for axes in panels[len(found) :]:
        axes.set_visible(False)
    return save_figure(figure, path)
