"""Shapes of all losses and activations, along a line, with their hand-derived derivatives."""

from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from experiments.harness.figures import BLUE, GREEN, GREY, ORANGE, new_figure, save_figure
from jaxnet import activations, losses

REGRESSION = (
    "absolute_error squared_error mean_squared_error half_squared_error minkowski_error huber"
    " log_cosh"
)
SIGN = "zero_one perceptron hinge squared_hinge sigmoid_binary_cross_entropy"
COLORS, STYLES = (BLUE, ORANGE, GREEN, GREY), ("-", "--", "-.", ":", (0, (6, 4)))
SOFT = np.array([[0.91, *[0.01] * 9]], np.float32)
"""A target of ten classes that is not certain."""


class Curve(NamedTuple):
    """A function along a line: where, its value, its derivative by hand."""

    x: Any
    y: Any
    slope: Any


def loss_curves() -> dict[str, dict[str, Curve]]:
    """Return panel -> name -> curve: errors, scores, probabilities, and one logit of ten."""
    x = np.linspace(-3, 3, 601)[:, None].astype(np.float32)
    inside = np.linspace(0.02, 0.98, 601)[:, None].astype(np.float32)
    both = np.concatenate([inside, 1 - inside], axis=1)
    logits = np.concatenate([2 * x, np.zeros((len(x), 9), np.float32)], axis=1)
    certain = np.zeros(len(x), np.int32)
    soft = np.repeat(SOFT, len(x), axis=0)
    return {
        "error, target 0": {
            name: loss_curve(name, x, np.zeros_like(x)) for name in REGRESSION.split()
        },
        "score, label +1": {
            name: loss_curve(name, x, np.ones(len(x), np.int32)) for name in SIGN.split()
        },
        "probability of the right class": {
            "squared_error": loss_curve("squared_error", inside, np.ones_like(inside)),
            "binary_cross_entropy": loss_curve(
                "binary_cross_entropy", inside, np.ones(len(inside), np.int32)
            ),
            "squared_error of both": loss_curve("squared_error", both, np.eye(2)[certain]),
            "categorical_cross_entropy": loss_curve("categorical_cross_entropy", both, certain),
            "kl_divergence": loss_curve("kl_divergence", both, np.eye(2)[certain]),
        },
        "logit of the right class of ten (KL: for .91)": {
            "softmax_cross_entropy": loss_curve("softmax_cross_entropy", logits, certain),
            "the same, for .91": loss_curve("softmax_cross_entropy", logits, soft),
            "softmax_kl_divergence": loss_curve("softmax_kl_divergence", logits, soft),
        },
    }


def loss_curve(name: str, outputs: np.ndarray, targets: Any) -> Curve:
    """Return a loss along outputs that differ in their first entry, and by what that changes.

    Of two entries the second is 1 less the first.
    """
    loss = losses.get_loss(name)
    y, dy = (np.asarray(jax.jit(part)(outputs, targets)) for part in loss)
    slope = dy[:, 0] - dy[:, 1] if outputs.shape[1] == 2 else dy[:, 0]
    return Curve(outputs[:, 0], y, slope)


def activation_curves() -> dict[str, dict[str, Curve]]:
    """Return panel -> name -> curve, of vector functions that of the first of two entries."""
    x = np.linspace(-4, 4, 801).astype(np.float32)
    z = jnp.stack([x, np.zeros_like(x)], axis=1)

    def along(name: str) -> Curve:
        function, backward = activations.get_activation(name)
        y = function(z)
        dz = backward(z, y, jnp.zeros_like(z).at[:, 0].set(1.0))
        return Curve(x, y[:, 0], dz[:, 0])

    curves = jax.jit(lambda: {name: along(name) for name in activations.ACTIVATIONS})()
    curves = {name: Curve(*map(np.asarray, curve)) for name, curve in curves.items()}
    panels = {
        "steps and sigmoids": "step sign sigmoid tanh softmax",
        "linear and rectified": "linear relu leaky_relu elu selu",
        "smooth": "softplus silu gelu gelu_tanh log_softmax",
    }
    return {
        panel: {name: curves[name] for name in names.split()} for panel, names in panels.items()
    }


def unexplained_rise(curve: Curve) -> float:
    """Return the part of a curve's total variation that the integral of its slope leaves out.

    0 for a function with a derivative, but for kinks and rounding; 1 if it moves by jumps alone.
    """
    moved, width = np.diff(curve.y), np.diff(curve.x)
    integral = width * (curve.slope[1:] + curve.slope[:-1]) / 2
    return float(np.abs(moved - integral).sum() / np.abs(moved).sum())


def draw_curves(path: Path, title: str, panels: dict[str, dict[str, Curve]]) -> Path:
    """Draw curves in the upper row and their derivatives in the lower one, cut off at 4."""
    columns = len(panels)
    figure, axes = new_figure(2, columns, size=(5 * columns, 10), title=title)
    for place, (label, curves) in enumerate(panels.items()):
        above, below = axes[place], axes[columns + place]
        for number, (name, curve) in enumerate(curves.items()):
            look = {"color": COLORS[number % 4], "ls": STYLES[number % 5], "lw": 4 - number / 3}
            above.plot(curve.x, np.clip(curve.y, -4.5, 4.5), label=name, **look)
            below.plot(curve.x, np.clip(curve.slope, -4.5, 4.5), **look)
        for axis in (above, below):
            low, high = axis.get_ylim()
            axis.set_ylim(max(low, -4), min(high, 4))
        below.set_xlabel(label)
        handles, labels = above.get_legend_handles_labels()
        where = {"loc": "upper center", "bbox_to_anchor": (0.5, -0.2), "handlelength": 3}
        below.legend(handles, labels, fontsize=11, ncols=1, **where)
    axes[0].set_ylabel("value")
    axes[columns].set_ylabel("derivative")
    return save_figure(figure, path)
