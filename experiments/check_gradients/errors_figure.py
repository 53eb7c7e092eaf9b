"""Figure of check_gradients: worst error of each case, by precision."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes

from experiments.harness.figures import (
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    new_figure,
    save_figure,
    share_legend,
)
from jaxnet.inspection import DIFFERENCE_TOLERANCE, TOLERANCES

EXACT = 1e-18
"""Place of an error of 0 on the axis."""

SERIES = {
    "float64": ("by hand, float64", BLUE, "s", TOLERANCES["float64"].rtol),
    "float64_differences": ("central differences", GREY, "o", DIFFERENCE_TOLERANCE),
    "float32": ("by hand, float32", ORANGE, "D", TOLERANCES["float32"].rtol),
    "bfloat16": ("by hand, bfloat16", GREEN, "^", TOLERANCES["bfloat16"].rtol),
}
"""Name -> label, colour, marker and tolerance."""

PLURALS = {
    "layer": "layers",
    "head": "heads",
    "activation": "activations",
    "loss": "losses",
    "network": "networks",
}

PANELS = (("layer", "head"), ("activation", "loss", "network"))
"""Groups of cases that share a panel."""


def draw_errors(path: Path, rows: Sequence[Mapping[str, Any]]) -> Path:
    """Draw the worst leaf's error of each case on a logarithmic axis."""
    panels = [[row for row in rows if row["group"] in groups] for groups in PANELS]
    panels = [panel for panel in panels if panel]
    worst = max(row["float64"] for row in rows)
    title = f"By hand = autodiff in {len(rows)} cases: worst error {worst:.0e} in float64"
    height = 4 + 0.2 * max(map(len, panels))
    figure, axes = new_figure(1, len(panels), size=(8 * len(panels), height), title=title)
    for panel, ax in zip(panels, axes, strict=True):
        _draw_panel(ax, panel)
    share_legend(figure, axes[0], 4)
    return save_figure(figure, path)


def _draw_panel(ax: Axes, panel: Sequence[Mapping[str, Any]]) -> None:
    places = range(len(panel))
    for name, (label, color, marker, tolerance) in SERIES.items():
        errors = [max(row[name], EXACT) for row in panel]
        # hollow markers, visible where all are 0
        ax.plot(errors, places, marker, color=color, fillstyle="none", mew=2, label=label)
        ax.axvline(tolerance, color=color, linestyle="--", linewidth=1.2)
    ax.set_xscale("log")
    ax.set_xlim(EXACT / 3, max(0.3, *(row["float64_differences"] for row in panel)))
    ax.set_xticks([EXACT, *(10.0**n for n in range(-16, 0, 2))])
    ax.set_xticklabels(["0", *(f"$10^{{{n}}}$" for n in range(-16, 0, 2))])
    ax.set_yticks(places, [row["case"] for row in panel], fontsize=9)
    ax.set_ylim(len(panel) - 0.5, -0.5)
    groups = dict.fromkeys(PLURALS[row["group"]] for row in panel)
    ax.set_title(", ".join(groups))
    ax.set_xlabel("error of the worst leaf, relative (dashed: tolerance)")
