"""How do initial weights decide whether a deep network can learn?

Lecture 002: the scale of the values that flow through the network must be controlled, by careful
initialization, and updates be neither too large beside the weights nor negligible. Measures
activations, gradients and update-to-weight ratios of 30 hidden layers by initializer and
activation, beside theory; and networks that start from equal weights, whose units stay equal.
"""

import dataclasses
from pathlib import Path
from typing import Any

import jax
import numpy as np

from experiments.harness.options import Count, Seed
from experiments.harness.progress import progress
from experiments.harness.record import (
    Claim,
    at_least,
    at_most,
    conclude,
    growing,
    over_seeds,
    prepare_folder,
)
from experiments.initialization.magnitudes_figure import draw
from experiments.initialization.signals import (
    ACTIVATIONS,
    INITIALIZERS,
    STARTS,
    magnitudes,
    relu_decades,
    scatter,
    train_from,
)

SCALE = "lecture 002, slide on the scale of values and weight initialization"
RATIO = "lecture 002, slide on magnitudes in each layer"
EQUAL = "lecture 002, initializers zeros and ones"


@dataclasses.dataclass(frozen=True)
class Config:
    """Settings of the experiment."""

    layers: Count = 30
    """Hidden layers of the deep network."""
    seeds: Count = 5
    """Networks of each kind."""
    seed: Seed = 0
    """The first seed."""
    epochs: Count = 10
    """Epochs of the networks that start from equal weights, on digits."""
    out: Path = Path("out/initialization")
    """Folder for result.json and the figure."""


SMOKE = Config(layers=4, seeds=2, epochs=2)


def main(config: Config) -> list[Claim]:
    """Measure all magnitudes, train from equal weights, compare with theory, and draw."""
    out = prepare_folder(config.out)
    keys = [jax.random.key(config.seed + index) for index in range(config.seeds)]
    each = growing("networks", [])
    each.extend(magnitudes(config.layers, key) for key in progress("networks", keys))
    deep = {
        a: {i: np.array([row[a][i] for row in each]) for i in INITIALIZERS} for a in ACTIVATIONS
    }
    starts = growing("starts", {})
    for n in progress("starts", STARTS):
        starts[n] = [train_from(n, key, config.epochs) for key in keys]
    for activation, rows in deep.items():
        for name, values in rows.items():
            z, dz, _ = changes(values).mean(axis=0)
            print(f"{activation:8} {name:10} decades: activations {z:7.2f}, gradients {dz:7.2f}")
    figure = draw(out / "initialization.png", deep, starts)
    whole = config.layers >= Config.layers and config.seeds > 1
    return conclude(
        config,
        seeds=range(config.seed, config.seed + config.seeds),
        results={"deep": deep, "starts": starts},
        claims=judge(deep, starts) if whole else [],
        figures=[figure],
    )


def changes(values: np.ndarray) -> np.ndarray:
    """Return decades from the first to the last layer of z, from the last to the first of dz.

    And, of the update-to-weight ratios, how far apart those of the layers are; shape (seeds, 3).
    """
    z, dz, ratio = values[:, 0], values[:, 1], values[:, 2]
    spread = np.max(ratio, axis=1) - np.min(ratio, axis=1)
    return np.stack([z[:, -1] - z[:, 0], dz[:, 0] - dz[:, -1], spread], axis=1)


def judge(deep: Any, starts: Any) -> list[Claim]:
    """Return the claims; bars follow from the variance of a layer's outputs."""
    seeds, _, layers = deep["relu"]["He"].shape
    theory, bar = relu_decades(layers), scatter(layers, seeds)
    found = {a: {i: changes(values) for i, values in rows.items()} for a, rows in deep.items()}
    kept, kept_error = over_seeds(found["relu"]["He"][:, 0])
    back, back_error = over_seeds(found["relu"]["He"][:, 1])
    forward = {n: over_seeds(v[:, 0]) for n, v in found["relu"].items()}
    off = max(abs(forward[name][0] - theory[name]) for name in theory)
    tanh, tanh_error = over_seeds(found["tanh"]["Xavier"][:, 0])
    flat, flat_error = over_seeds(found["sigmoid"]["Xavier"][:, 1])
    near, near_error = over_seeds(found["relu"]["He"][:, 2])
    apart, apart_error = over_seeds(found["sigmoid"]["He"][:, 2])
    unlike = max(row["apart"] for name in ("zeros", "all 0.05") for row in starts[name])
    right = {name: np.array([row["accuracy"] for row in rows]) for name, rows in starts.items()}
    lower, lower_error = over_seeds(right["He"] - right["all 0.05"])
    quarter = (layers - 1) * np.log10(1 / 4) + bar
    only = "holds only if the initializer suits the activation: He for ReLU, Xavier for tanh"
    return [
        at_most(
            "He, ReLU: decades that activations change",
            SCALE,
            abs(kept),
            bar,
            uncertainty=kept_error,
            verdict=only,
        ),
        at_most(
            "He, ReLU: decades that gradients change",
            SCALE,
            abs(back),
            bar,
            uncertainty=back_error,
            verdict=only,
        ),
        at_most(
            "ReLU, all initializers: decades off the theory",
            SCALE,
            off,
            bar,
            uncertainty=max(error for _, error in forward.values()),
        ),
        at_least(
            "Xavier, tanh: decades that activations change",
            SCALE,
            tanh,
            -1.0,
            uncertainty=tanh_error,
        ),
        at_most(
            "Xavier, sigmoid: decades that gradients change, a quarter a layer or less",
            SCALE,
            flat,
            quarter,
            uncertainty=flat_error,
        ),
        at_most(
            "He, ReLU: decades between update-to-weight ratios of the layers",
            RATIO,
            near,
            1.0,
            uncertainty=near_error,
        ),
        at_least(
            "He, sigmoid: decades between update-to-weight ratios",
            RATIO,
            apart,
            1.0,
            uncertainty=apart_error,
            verdict="holds only if the activation is no sigmoid",
        ),
        at_most("equal weights stay equal: deviation of units over weights", EQUAL, unlike, 1e-3),
        at_least(
            "accuracy on digits, He above equal weights", EQUAL, lower, 0.0, uncertainty=lower_error
        ),
    ]
