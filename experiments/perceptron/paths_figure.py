"""Figure of the one line's weights, and of the regions that one and two layers decide."""

from pathlib import Path
from typing import Any

import jax
import numpy as np

import jaxnet
from experiments.harness.figures import BLUE, GREY, ORANGE, new_figure, save_figure
from experiments.perceptron.training import BEST, CORNERS, UNITS
from jaxnet.training import predict


def draw(path: Path, paths: dict[str, np.ndarray], one: Any, two: Any) -> Path:
    """Draw the cycle, the distance from the best weight, and the regions of one and two layers."""
    title = "At rate 1 the one-line rule goes in circles; one layer cannot compute XOR, two can"
    figure, axes = new_figure(1, 4, size=(19, 4.8), title=title)
    weights = paths["rate 1, in order"][0, 2:5].ravel()
    axes[0].plot(np.arange(1, 13), weights, "o-", color=ORANGE)
    for place, w in enumerate(weights[:4], start=1):
        shift = (0, -16) if w == weights.min() else (0, 8)
        axes[0].annotate(f"{w:.1f}", (place, w), shift, textcoords="offset points", ha="center")
    axes[0].set(
        xlabel="update", ylabel="weight w", title="Rate 1, in order", xlim=(0, 13), ylim=(-345, 75)
    )
    for (name, each), style in zip(paths.items(), ("-", "--", "-", "--"), strict=True):
        color = ORANGE if "rate 1" in name else BLUE
        distance = np.median(np.abs(each - BEST).max(axis=2), axis=0)[:20]
        axes[1].plot(range(1, 21), distance, style, color=color, label=name)
    axes[1].set(xlabel="pass over four points", ylabel="largest |w - best|", yscale="log")
    axes[1].set(title="Distance (median of seeds)", ylim=(1e-3, 1e8))
    axes[1].legend(fontsize=10, loc="upper center", ncols=2)
    wide = jaxnet.mlp((2, max(UNITS), 1), activation="tanh", active_units=UNITS[1])
    for axis, network, found, setting, name in (
        (axes[2], jaxnet.mlp((2, 1)), one, 0, "One layer"),
        (axes[3], wide, two, 1, "Two layers"),
    ):
        params = jax.tree.map(lambda leaf, row=setting: leaf[row, 0], found.params)
        _regions(axis, network, params)
        right = found.metrics["validation_binary_accuracy"][setting, 0]
        axis.set(xlabel="input 1", title=f"{name}: {4 * right:.0f} of 4 right")
    axes[2].set_ylabel("input 2")
    return save_figure(figure, path)


def _regions(axis: Any, network: Any, params: Any) -> None:
    """Shade where the network decides for class 1, and mark the corners by their class."""
    side = np.linspace(-2, 2, 201)
    grid_of = np.stack(np.meshgrid(side, side), axis=-1).reshape(-1, 2)
    statistics = network.init(jax.random.key(0), (2,))[1]
    z = np.asarray(predict(network, params, statistics, grid_of)).reshape(201, 201)
    axis.contourf(side, side, z > 0, levels=[0.5, 1.5], colors=[ORANGE], alpha=0.3)
    axis.contour(side, side, z, levels=[0.0], colors=GREY)
    for label, marker, color in ((0, "s", BLUE), (1, "o", ORANGE)):
        points = CORNERS.inputs[CORNERS.targets == label]
        axis.plot(*points.T, marker, color=color, markersize=11, label=f"class {label}")
    axis.set_aspect("equal")
    axis.legend(loc="upper center", ncols=2, fontsize=11)
