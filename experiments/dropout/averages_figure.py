"""Figure of dropout: by drop rate, by thinned networks averaged, and by version."""

from pathlib import Path
from typing import Any

import numpy as np

from experiments.dropout.training import RATES, THINNED, VERSIONS
from experiments.harness.figures import (
    BLUE,
    GREY,
    ORANGE,
    label_logarithmic,
    new_figure,
    plot_bars,
    save_figure,
    share_legend,
)


def draw(path: Path, measured: Any, thinned: Any, versions: Any) -> Path:
    """Draw loss and error by drop rate, averages of thinned networks, and smaller versions."""
    title = "Dropout spoils small networks; the scaled network is the average of thinned ones"
    figure, (*pair, right, last) = new_figure(1, 4, size=(21, 5.4), title=title)
    names = {"test_loss": "test loss (nats)", "test_error": "test images misread (%)"}
    for axis, (kind, label) in zip(pair, names.items(), strict=True):
        factor = 100 if kind == "test_error" else 1
        for (name, each), color in zip(measured.items(), (ORANGE, BLUE), strict=True):
            style = "o-" if color == BLUE else "s--"
            plot_bars(axis, RATES, factor * each[kind], color=color, label=name, style=style)
        axis.set(xlabel="drop rate", ylabel=f"{label}\nmedian, least to largest", yscale="log")
        label_logarithmic(axis.yaxis)
    share_legend(figure, pair[0], 2)
    averages, whole = thinned
    plot_bars(right, THINNED, 100 * averages.T, color=BLUE, label="average of thinned networks")
    right.axhline(100 * whole.mean(), color=GREY, linestyle="--", label="scaled network, mean")
    right.set(xlabel="thinned networks averaged", ylabel="test images misread (%)", xscale="log")
    right.set(title="Large network, half dropped")
    right.legend()
    for place, losses in enumerate(versions["test_loss"]):
        side = np.linspace(-0.12, 0.12, len(losses))
        last.plot(losses, place + side, "o", color=BLUE)
        last.plot([losses.mean()] * 2, [place - 0.3, place + 0.3], color=ORANGE)
    last.set_yticks(range(len(VERSIONS)), [name.replace(", ", "\n", 1) for name in VERSIONS])
    last.set(xlabel="test loss (nats)", xlim=(0, None), ylim=(-0.5, len(VERSIONS) - 0.5))
    last.set_title("Each network; mean")
    return save_figure(figure, path)
