"""What do L2, L1 and early stopping do to weights, and to the gap between training and test?

Lectures 002 and 004: L2 spreads weights, L1 makes them sparse, early stopping ends a run before it
overfits. Networks learn digits from few examples with each, over strengths; L1 by its gradient
and by its proximal step.
"""

import dataclasses
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import jaxnet
from experiments.harness.command import run_command
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
from experiments.harness.options import Count, Seed, Several
from experiments.harness.record import (
    Claim,
    at_least,
    at_most,
    clearly_positive,
    conclude,
    growing,
    over_seeds,
    prepare_folder,
)
from jaxnet import penalties
from jaxnet.core.types import Array
from jaxnet.data import Dataset
from jaxnet.training import Recipe, SweepResult, grid, sweep

SPREAD = "lecture 002, slide on L2 regularization"
SPARSE = "lecture 004, slide on classical regularization"
STRENGTHS = (0.0, 1e-4, 3e-4, 1e-3, 3e-3)
RATE = 0.3
KINDS: dict[str, Callable[[Any], dict[str, Any]]] = {
    "L2": lambda s: {"penalty": lambda p: penalties.l2(p, s)},
    "L1, gradient": lambda s: {"penalty": lambda p: penalties.l1(p, s)},
    "L1, proximal step": lambda s: {"constraint": lambda p: penalties.soft_threshold(p, RATE * s)},
}
"""Name -> options of a recipe, by strength."""


@dataclasses.dataclass(frozen=True)
class Config:
    """Settings of the experiment."""

    examples: Count = 200
    """Training examples, so few that networks overfit."""
    seed: Seed = 0
    """Seed of all draws."""
    seeds: Several = 6
    """Networks of each kind and strength."""
    epochs: Count = 200
    """Epochs of each network."""
    out: Path = Path("out/regularization")
    """Folder for result.json and the figure."""


SMOKE = Config(seeds=2, epochs=3)


def main(config: Config) -> list[Claim]:
    """Solve the two small problems, train all networks, and draw all."""
    out = prepare_folder(config.out)
    dataset = jaxnet.data.load_dataset("digits")
    twins = {name: twin_weights(name) for name in ("L2", "none")}
    key = jax.random.key(config.seed)
    found, measured = {}, growing("measured", {})
    for kind in KINDS:
        found[kind] = train(dataset, kind, key, config)
        measured[kind] = measures(found[kind])
    for kind, each in measured.items():
        for strength, *row in zip(STRENGTHS, *(m.mean(axis=1) for m in each.values()), strict=True):
            numbers = ", ".join(
                f"{name} {value:.4g}" for name, value in zip(each, row, strict=True)
            )
            print(f"{kind}, {strength}: {numbers}")
    curves = np.asarray(found["L2"].history.validation["loss"][0], float)
    claims = spread_claims(twins)
    if min(config.epochs / Config.epochs, config.seeds / Config.seeds) >= 1:
        claims += training_claims(measured, curves)
    figure = draw(out / "regularization.png", measured, curves)
    results = {"strengths": STRENGTHS, "measured": measured, "twins": twins, "test_loss": curves}
    return conclude(config, seeds=[config.seed], results=results, claims=claims, figures=[figure])


def twin_weights(name: str) -> list[float]:
    """Return the weights of four equal inputs after gradient descent from (1, 0, 0, 0).

    The target is 1, which these weights and (.25, .25, .25, .25) predict alike.
    """
    x, strength = jnp.ones(4), 1e-3 if name == "L2" else 0.0

    def risk(w: Array) -> Array:
        return jnp.square(w @ x - 1) + penalties.l2(w, strength)

    def step(_: Any, w: Array) -> Array:
        return w - 0.1 * jax.grad(risk)(w)

    return jax.lax.fori_loop(0, 30_000, step, jnp.eye(4)[0]).tolist()


def train(dataset: Dataset, kind: str, key: Any, config: Config) -> SweepResult:
    """Train networks at each strength."""
    network = jaxnet.mlp((64, 50, 10), input_scale=dataset.input_scale)

    def build(strength: Any) -> Recipe:
        return Recipe(network, jaxnet.optim.sgd(RATE), **KINDS[kind](strength))

    return sweep(
        build,
        dataset.train.map(lambda array: array[: config.examples]),
        key=key,
        settings=grid(strength=STRENGTHS),
        validation=dataset.test,
        seeds=config.seeds,
        epochs=config.epochs,
        batch_size=50,
        width="all",
        progress=kind,
    )


def measures(found: SweepResult) -> dict[str, np.ndarray]:
    """Return what was measured of each network, each of shape (strengths, seeds)."""
    metrics = {name: np.asarray(each, float) for name, each in found.metrics.items()}
    layers = [leaf for leaf in jax.tree.leaves(found.params) if leaf.ndim == 4]
    weights = np.concatenate([leaf.reshape(*leaf.shape[:2], -1) for leaf in layers], axis=2)
    return {
        "test_loss": metrics["validation_loss"],
        "gap": metrics["validation_loss"] - metrics["train_loss"],
        "test_error": 1 - metrics["validation_accuracy"],
        "norm": np.sqrt(np.sum(weights.astype(float) ** 2, axis=2)),
        "zeros": np.mean(weights == 0, axis=2),
    }


def spread_claims(twins: dict[str, list[float]]) -> list[Claim]:
    """Claim that L2 makes equal weights of equal inputs, and that nothing else does."""
    spread, plain = (np.array(twins[name]) for name in ("L2", "none"))
    uneven, stayed = float(np.abs(spread - 0.25).max()), float(np.abs(plain - np.eye(4)[0]).max())
    return [
        at_most("weights of four equal inputs are off 1/4, with L2", SPREAD, uneven, 0.01),
        at_most("they leave (1, 0, 0, 0) without it", SPREAD, stayed, 1e-6),
    ]


def training_claims(measured: dict[str, dict[str, np.ndarray]], curves: np.ndarray) -> list[Claim]:
    """Claim what a strength of 0.001 does to zeros, gap and errors, and what stopping does."""
    at = STRENGTHS.index(1e-3)
    l2, gradient, proximal = (measured[kind] for kind in KINDS)
    zeros, error = over_seeds(proximal["zeros"][at])
    change, spread = over_seeds(l2["test_error"][0] - l2["test_error"][at])
    step = {"verdict": "holds only if L1 takes a proximal step"}
    loss = {"verdict": "holds only if the loss is meant"}
    most = float(max(gradient["zeros"].max(), l2["zeros"].max()))
    return [
        at_least("share of weights 0, L1, proximal step", SPARSE, zeros, 0.25, uncertainty=error),
        at_most("share of weights 0, L1 by its gradient, or L2", SPARSE, most, 0.0, **step),
        clearly_positive("L2 narrows the gap", SPARSE, l2["gap"][0] - l2["gap"][at]),
        clearly_positive("L1 narrows the gap", SPARSE, proximal["gap"][0] - proximal["gap"][at]),
        at_most("shares misread with and without L2 differ", SPARSE, abs(change), 0.02,
                uncertainty=spread, **loss),
        clearly_positive("test loss falls if a run stops where others are best", SPARSE,
                         curves[:, -1] - stopped(curves)),
    ]  # fmt: skip


def stopped(curves: np.ndarray) -> np.ndarray:
    """Return the loss of each run at the epoch at which the mean of the other runs is least."""
    others = (curves.sum(axis=0) - curves) / (len(curves) - 1)
    return curves[np.arange(len(curves)), others.argmin(axis=1)]


def draw(path: Path, measured: dict[str, dict[str, np.ndarray]], curves: np.ndarray) -> Path:
    """Draw gap, zeros and errors against the strength, and the test loss while training."""
    title = "Penalties narrow the gap of the loss; only the proximal step makes weights 0"
    figure, axes = new_figure(1, 4, size=(20, 5.4), title=title)
    labels = {
        "gap": ("test loss - training loss (nats)", 1),
        "test_error": ("test images misread (%)", 100),
        "zeros": ("weights that are 0 (%)", 100),
    }
    looks = ((BLUE, "o-"), (ORANGE, "s--"), (GREEN, "^:"))
    for axis, (name, (label, factor)) in zip(axes, labels.items(), strict=False):
        for (kind, each), (color, style) in zip(measured.items(), looks, strict=True):
            plot_bars(axis, STRENGTHS, factor * each[name], color=color, label=kind, style=style)
        axis.set_xscale("symlog", linthresh=STRENGTHS[1])
        axis.set(xlabel="strength", ylabel=f"{label}\nmedian, least to largest")
    share_legend(figure, axes[0], len(KINDS))
    epochs = np.arange(1, curves.shape[1] + 1)
    axes[3].plot(epochs, curves.T, color=GREY, linewidth=1)
    axes[3].plot(epochs, curves.mean(axis=0), color=BLUE)
    best = curves.mean(axis=0).argmin()
    axes[3].axvline(epochs[best], color=ORANGE, linestyle="--")
    axes[3].set(xlabel="epoch", ylabel="test loss (nats)", yscale="log")
    axes[3].set_title("No penalty: networks, mean")
    label_logarithmic(axes[3].yaxis)
    return save_figure(figure, path)


if __name__ == "__main__":
    sys.exit(run_command(sys.modules[__name__]))
