"""Figures of all schedules, and of what they do."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from experiments.harness.figures import (
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    label_logarithmic,
    new_figure,
    plot_bars,
    save_figure,
    share_legend,
)
from experiments.schedules.digits import CONSTANT, PLATEAU, RATES, Trained, scales_of
from experiments.schedules.noisy import Noisy

LOOKS = (
    (GREY, "o-"),
    (BLUE, "s--"),
    (ORANGE, "^:"),
    (GREEN, "v-."),
    (BLUE, "D-"),
    (ORANGE, "P--"),
    (GREEN, "X-"),
)


def draw_shapes(path: Path, curves: Mapping[str, Mapping[str, np.ndarray]]) -> Path:
    """Draw all schedules against the steps."""
    title = "The schedules of jaxnet: rates that fall, end, warm up, cycle, or wait"
    figure, axes = new_figure(1, 4, size=(20, 6), title=title)
    for axis, (panel, rates) in zip(axes, curves.items(), strict=True):
        for (name, rate), (color, style) in zip(rates.items(), LOOKS, strict=False):
            axis.plot(rate, style[1:], color=color, label=name)
        axis.set(xlabel="step", ylabel="learning rate over its largest", ylim=(-0.02, 1.05))
        axis.set_title(panel)
        axis.legend(loc="upper center", bbox_to_anchor=(0.5, -0.16), fontsize=12)
    return save_figure(figure, path)


def draw_results(
    path: Path, trained: Mapping[str, Trained], quadratic: Mapping[str, Noisy]
) -> Path:
    """Draw losses by start rate, a run with the plateau rule, and the quadratic."""
    title = (
        "No schedule beats a large constant rate on digits; where noise stays, a falling rate does"
    )
    figure, (train, test, run, noise) = new_figure(1, 4, size=(21, 6), title=title)
    for (name, each), (color, style) in zip(trained.items(), LOOKS, strict=True):
        plot_bars(train, RATES, each.train, color=color, label=name, style=style)
        plot_bars(test, RATES, each.test, color=color, label=name, style=style)
    train.set(ylabel="training loss (nats)\nmedian, least to largest", title="Digits")
    test.set(ylabel="test loss (nats)\nmedian, least to largest", title="Digits")
    for axis in (train, test):
        axis.set(xlabel="learning rate at the start", xscale="log", yscale="log")
        axis.set_xticks(RATES, [f"{rate:g}" for rate in RATES], minor=False)
        axis.minorticks_off()
    share_legend(figure, train, len(trained))
    _draw_run(run, trained)
    for (name, each), (color, style) in zip(quadratic.items(), LOOKS, strict=False):
        steps = np.unique(np.geomspace(1, len(each.exact), 200).astype(int))
        noise.plot(steps, each.measured[steps - 1], style[1:], color=color, label=name)
        noise.plot(steps[::12], each.exact[steps[::12] - 1], "k.", label=None)
    noise.plot([], [], "k.", label="exact expectation")
    noise.set(xlabel="step", ylabel="mean squared distance", xscale="log", yscale="log")
    noise.set_title("Quadratic, noisy gradients")
    noise.legend(fontsize=11, loc="lower left")
    return save_figure(figure, path)


def _draw_run(axis: Any, trained: Mapping[str, Trained]) -> None:
    """Draw the run from the largest rate that is cut first, and the same run without cuts."""
    scales = scales_of(trained[PLATEAU].curves[-1])
    run = int(np.argmin(np.sum(scales == 1, axis=1)))
    epochs = np.arange(1, scales.shape[1] + 1)
    for name, (color, style) in {CONSTANT: LOOKS[0], PLATEAU: LOOKS[6]}.items():
        axis.plot(epochs, trained[name].curves[-1][run], style, color=color, label=name)
    cuts = np.flatnonzero(np.diff(scales[run], prepend=1.0))
    for place, cut in enumerate(cuts):
        label = "the rate is cut to a tenth" if place == 0 else None
        axis.axvline(epochs[cut], color=ORANGE, linestyle="--", linewidth=1.2, label=label)
    axis.set(xlabel="epoch", ylabel="validation loss (nats)", yscale="log")
    axis.set_title(f"One run from a rate of {RATES[-1]:g}")
    label_logarithmic(axis.yaxis)
    axis.legend(fontsize=11, frameon=True, framealpha=1, edgecolor="none")
