"""Why are inputs standardized, and what happens to the features of hidden layers?

Lecture 004: with two heights as inputs (Example A) the risk curves alike in all directions, with a
height and a number of children (Example B) it does not, and gradient descent crawls. Measures the
condition number and the steps of a network of two weights under each preparation, and how far the
features of a hidden layer drift although the inputs were standardized.
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
from experiments.harness.figures import BLUE, GREY, ORANGE, new_figure, save_figure
from experiments.harness.options import Count, Seed, Several
from experiments.harness.record import (
    Claim,
    at_least,
    at_most,
    conclude,
    over_seeds,
    prepare_folder,
)
from jaxnet.data import preparation

SOURCE = "lecture 004, standardization"
PREPARATIONS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "raw": lambda x: x,
    "min-max": lambda x: preparation.fitted(preparation.min_max(), x).apply(x),
    "standardized": lambda x: preparation.fitted(preparation.standardize(), x).apply(x),
}
TARGET = 1e-3
"""Part of the initial excess of the risk over its least value that is left at the end."""


@dataclasses.dataclass(frozen=True)
class Config:
    """Settings of the experiment."""

    people: Count = 500
    """Examples of the two regressions."""
    epochs: Count = 30
    """Epochs of the networks whose features drift, on digits."""
    seed: Seed = 0
    """Seed of all draws."""
    seeds: Several = 5
    """Draws of the examples, and networks of each kind."""
    out: Path = Path("out/standardization")
    """Folder for result.json and the figure."""


SMOKE = Config(epochs=2, seeds=2)


def main(config: Config) -> list[Claim]:
    """Measure both examples under each preparation, and the drift of features; draw all."""
    out = prepare_folder(config.out)
    draws = np.random.default_rng(config.seed).spawn(config.seeds)
    examples = [
        {"A": two_heights(config.people, draw), "B": height_and_children(config.people, draw)}
        for draw in draws
    ]
    each = [
        {name: {how: descend(f(x), y) for how, f in PREPARATIONS.items()} for name, (x, y) in rows}
        for rows in (example.items() for example in examples)
    ]
    measured = {
        name: {how: np.array([found[name][how] for found in each], float) for how in PREPARATIONS}
        for name in ("A", "B")
    }
    for name, rows in measured.items():
        for how, found in rows.items():
            condition, steps = np.median(found, axis=0)
            print(f"Example {name}, {how}: condition number {condition:.3g}, {steps:,.0f} steps")
    keys = jax.random.split(jax.random.key(config.seed), config.seeds)
    drift = {kind: drifting(kind, config.epochs, keys) for kind in (None, "before")}
    claims = condition_claims(measured)
    if config.epochs >= Config.epochs:
        claims.append(drift_claim(drift[None][:, -1], drift["before"][:, -1]))
    figure = draw(out / "standardization.png", examples[0]["B"], measured, drift)
    results = {"measured": measured, "drift": {str(kind): rows for kind, rows in drift.items()}}
    return conclude(config, seeds=[config.seed], results=results, claims=claims, figures=[figure])


def condition_claims(measured: dict[str, dict[str, np.ndarray]]) -> list[Claim]:
    """Claim what standardization does to the condition number and to the steps.

    Args:
        measured: example -> preparation -> condition numbers and steps, shape ``(seeds, 2)``.
    """
    raw, standard = measured["B"]["raw"], measured["B"]["standardized"]
    worse, error = over_seeds(raw[:, 0] / measured["A"]["raw"][:, 0])
    fewer, spread = over_seeds(raw[:, 1] / standard[:, 1])
    largest = float(standard[:, 0].max())
    return [
        at_least(
            "condition number of Example B over A's, raw", SOURCE, worse, 10.0, uncertainty=error
        ),
        at_most("largest condition number of Example B, standardized", SOURCE, largest, 2.0),
        at_least(
            "steps of Example B, raw over standardized", SOURCE, fewer, 1e3, uncertainty=spread
        ),
    ]


def drift_claim(plain: np.ndarray, normalized: np.ndarray) -> Claim:
    """Claim that features of hidden layers drift farther without batch normalization."""
    farther, error = over_seeds(plain / normalized)
    statement = "drift of features without over with batch norm"
    return at_least(statement, SOURCE, farther, 2.0, uncertainty=error)


def two_heights(people: int, random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Example A: the heights of two siblings, in cm, and what depends on both."""
    x = random.normal([170.0, 165.0], [8.0, 8.0], (people, 2))
    return x, x @ np.array([0.5, 0.5]) + random.normal(0, 2, people)


def height_and_children(people: int, random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Example B: a height in cm and a number of children, and what depends on both."""
    x = np.stack([random.normal(170, 8, people), random.poisson(1.5, people)], axis=1)
    return x, x @ np.array([0.5, 3.0]) + random.normal(0, 2, people)


def quadratic(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the Hessian of the risk, quadratic in two weights, and their best values."""
    return 2 * x.T @ x / len(x), np.linalg.lstsq(x, y, rcond=None)[0]


def descend(x: np.ndarray, y: np.ndarray) -> tuple[float, int]:
    """Return the condition number and the steps of gradient descent to the target.

    At its best constant rate, ``2 / (largest + least)``. Along each eigenvector a step multiplies
    the distance by ``1 - rate * eigenvalue``: the number of steps is found without taking them.
    """
    hessian, optimum = quadratic(x, y)
    values, vectors = np.linalg.eigh(hessian)
    rate, distance = 2 / (values[0] + values[-1]), vectors.T @ optimum

    def left(steps: float) -> float:
        shrunk = np.abs(1 - rate * values) ** steps * distance
        return float(np.sum(values * shrunk**2) / np.sum(values * distance**2))

    low, high = 0, 1
    while left(high) > TARGET:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if left(middle) > TARGET else (low, middle)
    return float(values[-1] / values[0]), high


def drifting(batch_norm: Any, epochs: int, keys: Any) -> np.ndarray:
    """Return how many deviations the means of hidden features are from 0: key, epoch.

    The features are those that the second hidden layer's activation is given, of digits whose
    pixels were standardized; the root of the mean square over the features.
    """
    digits = jaxnet.data.load_dataset("digits")
    ready = preparation.fitted(preparation.standardize(), digits.train.inputs)
    train = digits.train._replace(inputs=ready.apply(digits.train.inputs).astype(np.float32))
    network = jaxnet.mlp((64, 50, 50, 10), batch_norm=batch_norm)
    upto = 5 if batch_norm is None else 7  # of the layers, up to the second activation

    def far(params: Any, statistics: Any, train: Any) -> Any:
        parts = jaxnet.layers.serial(*network.description.parts[: upto - 2])
        y, _ = parts.apply(params[: upto - 2], statistics[: upto - 2], train.inputs)
        return jnp.sqrt(jnp.mean(jnp.square(jnp.mean(y, axis=0) / (jnp.std(y, axis=0) + 1e-6))))

    optimizer = jaxnet.optim.sgd(0.1)
    options: dict[str, Any] = {"optimizer": optimizer, "epochs": epochs, "batch_size": 50}
    options["instruments"] = {"far": far}
    results = [jaxnet.training.fit(network, train, key=key, **options) for key in keys]
    return np.array([result.history.instruments["far"] for result in results], float)


def draw(path: Path, example: tuple[np.ndarray, np.ndarray], measured: Any, drift: Any) -> Path:
    """Draw the contours of Example B before and after, the condition numbers, and the drift."""
    title = "Standardized inputs make the risk round; hidden features drift all the same"
    figure, axes = new_figure(1, 4, size=(18, 4.6), title=title)
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
    return save_figure(figure, path)


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


if __name__ == "__main__":
    sys.exit(run_command(sys.modules[__name__]))
