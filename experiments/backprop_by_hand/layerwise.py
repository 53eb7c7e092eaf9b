"""Forward and backward pass of one sample, layer by layer, as on the lectures' slides."""

from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.axes import Axes

from experiments.harness.figures import ORANGE, new_figure, save_figure
from jaxnet import mlp
from jaxnet.inspection import WEIGHT_COLORS, GradientCheck, Tape, check_gradients, tape

WIDTHS = (5, 7, 4, 3)
"""Network of lecture 002."""

SAMPLES = (
    (-8.0, 1.0, -3.0, 5.0, 2.0),
    (-2.0, 2.0, -1.0, 5.0, 2.0),
    (7.0, 1.0, 9.0, -5.0, -2.0),
    (3.0, 1.0, 9.0, 5.0, 2.0),
)
"""X of lecture 002."""

CLASSES = (2, 0, 1, 2)
"""Its Y, not as one-hot rows."""


class Walk(NamedTuple):
    """Forward and backward pass of one sample with its check.

    Attributes:
        tape: all computed values.
        weights: weights per dense layer, shape ``(out, in)``.
        check: the gradient by hand against autodiff and central differences.
    """

    tape: Tape
    weights: list[np.ndarray]
    check: GradientCheck


def walk(seed: int) -> Walk:
    """Pass the first sample through a random network with sigmoids; check with all samples."""
    network = mlp(WIDTHS, activation="sigmoid", initializer="xavier_normal")
    params, statistics = network.init(jax.random.key(seed), WIDTHS[:1])
    x, target = jnp.array(SAMPLES), jnp.array(CLASSES)
    record = tape(network, params, statistics, x[:1], target[:1])
    check = check_gradients(network, params, statistics, x, target)
    return Walk(record, [np.asarray(layer.weights) for layer in params[::2]], check)


def draw_walk(path: Path, found: Walk) -> Path:
    """Draw the neurons in columns: forward values in black, gradients in orange."""
    loss = float(found.tape.losses[0])
    title = f"One sample through 5-7-4-3 and back: cross-entropy {loss:.3f}, class {CLASSES[0]}"
    figure, (axes,) = new_figure(1, 1, size=(15, 9.5), title=title)
    axes.set_axis_off()
    places = [_places(column, width) for column, width in enumerate(WIDTHS)]
    for left, right, weights in zip(places[:-1], places[1:], found.weights, strict=True):
        _draw_weights(axes, left, right, weights)
    for column, lines in enumerate(_captions(found.tape)):
        _draw_neurons(axes, places[column], lines)
    for column, (above, below) in enumerate(HEADINGS):
        axes.text(column, 4.15, above, ha="center", va="bottom", fontsize=13)
        axes.text(column, -4.15, below, ha="center", va="top", fontsize=13, color=ORANGE)
    axes.set(xlim=(-0.45, 3.45), ylim=(-5.0, 5.0))
    figure.supxlabel(
        "black: forward, left to right; orange: gradient of the loss, right to left; "
        "lines: weights, blue positive, purple negative",
        fontsize=12,
    )
    return save_figure(figure, path)


HEADINGS = (
    ("sample\n$x$", "$dx = W_1^T dz_1$"),
    (
        "hidden layer 1\n$z_1 = W_1 x + b_1$,  $y_1 = \\sigma(z_1)$",
        "$dz_1 = dy_1 \\odot y_1 (1 - y_1)$\n$dW_1 = dz_1 x^T$,  $db_1 = dz_1$",
    ),
    (
        "hidden layer 2\n$z_2 = W_2 y_1 + b_2$,  $y_2 = \\sigma(z_2)$",
        "$dz_2 = dy_2 \\odot y_2 (1 - y_2)$\n$dW_2 = dz_2 y_1^T$,  $db_2 = dz_2$",
    ),
    (
        "output\n$z_3 = W_3 y_2 + b_3$,  $y = $ softmax$(z_3)$",
        "$dz_3 = y - v$\n$dW_3 = dz_3 y_2^T$,  $db_3 = dz_3$",
    ),
)
"""Formulas of each column, forward and backward."""


def _captions(record: Tape) -> list[list[tuple[str, str]]]:
    """Return forward and backward line per column and neuron."""
    z = {entry.symbols[0]: np.ravel(entry.y) for entry in record.entries}
    dz = {entry.symbols[0]: np.ravel(entry.dy) for entry in record.entries}
    inputs, dinputs = np.ravel(record.x), np.ravel(record.entries[0].dx)
    columns = [
        [(f"$x$ = {v:.2f}", f"$dx$ = {g:.2g}") for v, g in zip(inputs, dinputs, strict=True)]
    ]
    for layer in ("1", "2"):
        rows = zip(z["z" + layer], z["y" + layer], dz["y" + layer], dz["z" + layer], strict=True)
        columns.append(
            [
                (f"$z$ = {a:.2f}  $y$ = {b:.2f}", f"$dz$ = {d:.2g}  $dy$ = {c:.2g}")
                for a, b, c, d in rows
            ]
        )
    chances = np.ravel(jax.nn.softmax(z["z3"]))
    rows = zip(z["z3"], chances, dz["z3"], strict=True)
    columns.append([(f"$z$ = {a:.2f}  $y$ = {b:.2f}", f"$dz$ = {c:.2g}") for a, b, c in rows])
    return columns


def _places(column: int, width: int) -> list[tuple[float, float]]:
    return [(column, 7.8 * (0.5 - (i + 0.5) / width)) for i in range(width)]


def _draw_weights(
    axes: Axes,
    left: list[tuple[float, float]],
    right: list[tuple[float, float]],
    weights: np.ndarray,
) -> None:
    largest = np.abs(weights).max()
    for i, (x1, y1) in enumerate(right):
        for j, (x0, y0) in enumerate(left):
            color = WEIGHT_COLORS["positive" if weights[i, j] > 0 else "negative"]
            width = 0.3 + 2.7 * abs(weights[i, j]) / largest
            axes.plot([x0, x1], [y0, y1], color=color, linewidth=width, alpha=0.35, zorder=1)


def _draw_neurons(
    axes: Axes, places: list[tuple[float, float]], lines: list[tuple[str, str]]
) -> None:
    for (x, y), (forward, backward) in zip(places, lines, strict=True):
        box = {"boxstyle": "round,pad=0.45", "facecolor": "white", "edgecolor": "black"}
        # three texts at one place: the box around both lines, then each in its colour
        layered: list[tuple[str, dict[str, Any]]] = [
            (f"{forward}\n{backward}", {"color": "none", "bbox": box}),
            (f"{forward}\n ", {"color": "black"}),
            (f" \n{backward}", {"color": ORANGE}),
        ]
        for text, style in layered:
            axes.text(x, y, text, ha="center", va="center", fontsize=11, zorder=2, **style)
