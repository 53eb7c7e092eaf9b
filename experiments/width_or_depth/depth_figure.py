"""Figure of width_or_depth: digits, pieces, networks that learn the sawtooth, and parameters."""

from pathlib import Path

import numpy as np
from matplotlib.axes import Axes

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
from experiments.width_or_depth.cost import INPUTS, LAYERS, OUTPUTS, WIDTHS, formula
from experiments.width_or_depth.pieces import STACK, UNITS, linear_pieces, sawtooth
from experiments.width_or_depth.training import (
    RATES,
    TEETH,
    Fitted,
    Learned,
    sawtooth_examples,
)

LOOKS = ((BLUE, "o-"), (ORANGE, "s--"), (GREEN, "^:"), (GREY, "d-."))


def draw(
    path: Path,
    learned: dict[int, Learned],
    teeth: dict[int, int],
    drawn: dict[str, np.ndarray],
    fitted: dict[str, Fitted],
) -> Path:
    """Draw all four."""
    title = "Depth can make exponentially many pieces, but neither chance nor training finds them"
    figure, (digits, pieces, tooth, cost) = new_figure(2, 2, size=(15, 10.5), title=title)
    _draw_digits(digits, learned)
    _draw_pieces(pieces, teeth, drawn)
    _draw_fitted(tooth, fitted)
    _draw_cost(cost)
    return save_figure(figure, path)


def _draw_digits(axes: Axes, learned: dict[int, Learned]) -> None:
    for (layers, each), (color, style) in zip(learned.items(), LOOKS, strict=False):
        shape = f"{layers} x {each.widths[1]}: {100 * each.test.mean():.1f} %"
        wrong = 100 * (1 - each.validation)
        plot_bars(axes, RATES, wrong, color=color, label=shape, style=style)
    axes.set(
        xscale="log",
        yscale="log",
        xlabel="learning rate",
        ylabel="validation images misread (%)\nmedian, least to largest",
        title="Digits, by networks of 18,000 parameters",
    )
    axes.set_xticks(RATES, [f"{rate:g}" for rate in RATES])
    axes.minorticks_off()
    label_logarithmic(axes.yaxis)
    axes.legend(title="test images read, best rate")


def _draw_pieces(axes: Axes, teeth: dict[int, int], drawn: dict[str, np.ndarray]) -> None:
    units = 2 * np.array(list(teeth))
    axes.plot(units, list(teeth.values()), "s--", color=ORANGE, label="sawtooth, 2 units a layer")
    most = np.array([2, UNITS * STACK[-1]])
    axes.plot(most, most + 1, "-", color=GREY, label="one hidden layer, at most")
    stacked, label = UNITS * np.array(STACK), f"random, {UNITS} units a layer"
    plot_bars(axes, stacked, drawn["deep"], color=BLUE, label=label)
    axes.set(xscale="log", yscale="log", xlabel="hidden units", ylabel="linear pieces")
    axes.set_title("Pieces of a ReLU function of one input")
    label_logarithmic(axes.xaxis)
    axes.legend()


def _draw_fitted(axes: Axes, fitted: dict[str, Fitted]) -> None:
    inputs = sawtooth_examples().inputs
    made = linear_pieces(sawtooth(TEETH), 0, 1)
    axes.plot(made.edges, made(made.edges), "-", color=GREY, lw=1, label="made by hand, 4 x 2")
    for (name, each), (color, style) in zip(fitted.items(), LOOKS, strict=False):
        label = f"{name}, trained: {100 * each.missed.mean():.0f} % of the variance missed"
        axes.plot(inputs, each.curve, style[1:], color=color, label=label)
    axes.set(xlabel="input", ylabel="output", title="The sawtooth (median network)")
    axes.set_ylim(-0.05, 1.8)
    axes.legend(loc="upper left")


def _draw_cost(axes: Axes) -> None:
    for width, (color, style) in zip(WIDTHS, LOOKS, strict=True):
        sizes = [formula((INPUTS, *[width] * layers, OUTPUTS)) / 1000 for layers in LAYERS]
        axes.plot(LAYERS, sizes, style, color=color, label=f"{width} units a layer")
    axes.set(
        xlabel="hidden layers",
        ylabel="parameters = multiply-adds (thousands)",
        title="784-...-10: linear in layers, quadratic in units",
    )
    axes.set_ylim(0, 560)
    axes.legend(loc="upper left", ncols=2)
