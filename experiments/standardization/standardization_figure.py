"""Figure of the risk's contours, condition numbers, drifting features, and raw pixels."""

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
)
from experiments.standardization.features import RATES
from experiments.standardization.quadratic import PREPARATIONS, quadratic


def draw(
    path: Path, example: tuple[np.ndarray, np.ndarray], measured: Any, drift: Any, raw: Any
) -> Path:
    """Draw contours of Example B, condition numbers, drift, and networks on raw pixels."""
    title = (
        "Standardized inputs make the risk round and train fast; hidden features drift all the same"
    )
    figure, axes = new_figure(2, 3, size=(16, 9.4), title=title)
    for axis, how in zip(axes, ("raw", "standardized"), strict=False):
        x, y = example
        _contours(axis, PREPARATIONS[how](x), y if how == "raw" else y - y.mean())
        axis.set(xlabel="weight of the height", title=f"Example B, {how}")
    axes[0].set_ylabel("weight of the children")
    place = np.arange(len(PREPARATIONS))
    for shift, (name, color) in enumerate((("A", BLUE), ("B", ORANGE))):
        values = [np.median(measured[name][how][:, 0]) for how in PREPARATIONS]
        axes[2].bar(place + 0.4 * shift - 0.2, values, 0.38, color=color, label=f"Example {name}")
    axes[2].set_xticks(place, list(PREPARATIONS))
    axes[2].set(ylabel="condition number", yscale="log", title="Condition number")
    axes[2].legend()
    for kind, color, label in ((None, ORANGE, "plain"), ("before", BLUE, "batch normalization")):
        epochs = range(1, drift[kind].shape[1] + 1)
        axes[3].plot(epochs, drift[kind].T, color=color, linewidth=0.8, alpha=0.5)
        style = "-" if kind else "--"
        axes[3].plot(epochs, drift[kind].mean(axis=0), style, color=color, label=label)
    axes[3].set(xlabel="epoch", ylabel="|mean| of features (deviations)", title="Hidden features")
    axes[3].set_ylim(bottom=0)
    axes[3].legend()
    _pixels(axes[4], axes[5], raw)
    return save_figure(figure, path)


def _pixels(left: Any, right: Any, raw: Any) -> None:
    """Draw features at the start, and test errors against the rate, by range of the pixels."""
    looks = ((ORANGE, "s--"), (GREEN, "^:"), (BLUE, "o-"))
    for place, ((how, found), (color, style)) in enumerate(zip(raw.items(), looks, strict=True)):
        values = found["features"]
        left.plot(np.full(len(values), place), values, style[0], color=color, markersize=8)
        plot_bars(right, RATES, 100 * found["error"], color=color, label=how, style=style)
    left.set_xticks(range(len(raw)), list(raw))
    left.set(yscale="log", xlim=(-0.5, len(raw) - 0.5), xlabel="pixels", title="Before training")
    left.set_ylabel("root mean square of features")
    right.set(xscale="log", yscale="log", xlabel="learning rate", title="After a few epochs")
    right.set_ylabel("test images misread (%)")
    label_logarithmic(right.yaxis)
    right.legend(title="pixels", loc="lower left")


def _contours(axis: Any, x: np.ndarray, y: np.ndarray) -> None:
    """Draw the risk of two weights and 30 steps of gradient descent from 0."""
    hessian, optimum = quadratic(x, y)
    values = np.linalg.eigvalsh(hessian)
    path = [np.zeros(2)]
    for _ in range(30):
        path.append(path[-1] - 2 / (values[0] + values[-1]) * hessian @ (path[-1] - optimum))
    reach = 1.6 * np.abs(optimum).max()
    w = np.stack(np.meshgrid(*np.linspace(optimum - reach, optimum + reach, 80).T))
    away = w - optimum[:, None, None]
    risk = np.einsum("ixy,ij,jxy->xy", away, hessian, away) / 2
    axis.set_aspect("equal")
    axis.contour(w[0], w[1], risk, levels=np.quantile(risk, np.linspace(0.02, 0.9, 9)), colors=GREY)
    axis.plot(*np.array(path).T, "o-", color=ORANGE, markersize=3, linewidth=1.2)
    axis.plot(*optimum, "*", color=BLUE, markersize=14)
