"""When does a model overfit: by its capacity, its few points, or its many iterations?

Lecture 004: the test risk of a polynomial of order P has its minimum at P = 2, that of the machine
that made the points; P = 1 underfits; P = 5 overfits 4 points, not 20, and 8 after too many
iterations from zeros. Lecture 002: the softmax classifier of one number ends as a cliff between
the training points, unless L2 holds it back. Networks of every width learn 200 digits, with their
labels and with random ones.
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
from experiments.overfitting.capacity import WIDTHS, by_width, capacity_claims
from experiments.overfitting.machine import (
    LINE_EXCESS,
    NOISE_VARIANCE,
    ORDERS,
    PENALIZED,
    POINTS,
    TRUE,
    measure_machine,
)
from experiments.overfitting.networks import DEPTHS, PENALTIES, cliff, deep
from experiments.overfitting.risks_figure import draw

FIT = "lecture 004, slides on polynomial fitting"
WHY = "lecture 004, slides on why overfitting happens"
SHOWN = "steepness", "test", "right"
CLIFF = "lecture 002, slide on overfitting"
KEPT = "lecture 004, slides on classical regularization"
L2 = "lecture 002, slide on preferring simpler models"


@dataclasses.dataclass(frozen=True)
class Config:
    """Settings of the experiment."""

    sets: Count = 300
    """Sets of points, of each size, that the polynomials are fitted to."""
    seeds: Count = 16
    """Data sets of the networks, each with its own initial weights."""
    seed: Seed = 0
    """Seed of all."""
    epochs: Count = 2000
    """Epochs of the networks."""
    out: Path = Path("out/overfitting")
    """Folder for result.json and the figure."""


SMOKE = Config(sets=40, seeds=2, epochs=50)


def main(config: Config) -> list[Claim]:
    """Fit all models, compare their test risks, and draw them."""
    out = prepare_folder(config.out)
    measured: dict[str, Any] = growing("measured", {})
    measured |= measure_machine(config.seed, config.sets)
    keys = [jax.random.key(config.seed + index) for index in range(config.seeds)]
    depths = [deep(config.seed, config.seeds, config.epochs, n) for n in DEPTHS]
    measured |= {"deep": np.array(depths), "cliff": {}}
    for kind in PENALTIES:
        cliffs = [cliff(key, kind, config.epochs) for key in progress(f"penalty {kind}", keys)]
        measured["cliff"][kind] = cliffs
    measured["widths"] = by_width(config.seed, config.epochs // 10)
    for points, row in zip(POINTS, np.median(measured["orders"], axis=2), strict=True):
        print(f"{points:2} points, excess risk of P = 1, 2, ...:", *(f"{r:.3g}" for r in row))
    for layers, curves in zip(DEPTHS, measured["deep"], strict=True):
        least, last = np.median(curves[1].min(axis=1)), np.median(curves[1, :, -1])
        print(f"{layers} hidden layers: test risk {least:.2f} at its least, {last:.2f} at the end")
    for kind, each in measured["widths"].items():
        right = ", ".join(f"{100 * row.mean():.1f}" for row in each["validation_accuracy"])
        print(f"{kind} labels, {WIDTHS} units: {right} % of the test images right")
    whole = config.sets >= Config.sets and config.epochs >= Config.epochs and config.seeds > 1
    figure = draw(out / "overfitting.png", measured)
    return conclude(
        config,
        seeds=[config.seed],
        results=measured,
        claims=judge(measured) if whole else [],
        figures=[figure],
    )


def judge(measured: dict[str, Any]) -> list[Claim]:
    """Return the claims; medians are of data sets, whose risks have a few that are very large."""
    orders = {
        points: dict(zip(ORDERS, each, strict=True))
        for points, each in zip(POINTS, measured["orders"], strict=True)
    }
    best = [min(ORDERS, key=lambda p, row=row: np.median(row[p])) for row in orders.values()]
    descent, paths = measured["descent"], measured["paths"]
    away = np.linalg.norm(paths - np.pad(TRUE, (0, paths.shape[2] - len(TRUE))), axis=2)
    stopped = away[np.arange(len(away)), descent.argmin(axis=1)]
    last = measured["deep"][:, 1, :, -1]
    none, l2 = (
        {name: np.array([row[name] for row in measured["cliff"][kind]]) for name in SHOWN}
        for kind in PENALTIES
    )
    line, four, twenty, rise, moved = (
        over_sets(values)
        for values in (
            *(orders[20][1], orders[4][5], orders[20][5]),
            *(descent[:, -1] / descent.min(axis=1), stopped / away[:, -1]),
        )
    )
    deeper, deeper_error = over_seeds(np.log2(last[-1] / last[0]))
    steeper, steeper_error = over_seeds(none["steepness"] / l2["steepness"])
    gain, gain_error = over_seeds(none["test"] - l2["test"])
    few = f"holds only if the points are few: at 20 the excess risk is {twenty[0]:.2g}"
    rows = [
        (at_most, "order of least test risk, off 2", FIT, (max(abs(p - 2) for p in best), None), 0),
        (at_least, "P = 1 underfits 20 points: excess risk", FIT, line, LINE_EXCESS),
        (at_least, "P = 5 overfits 4 points: excess risk", WHY, four, NOISE_VARIANCE),
        (at_most, "P = 5 does not overfit 20: excess risk", WHY, twenty, NOISE_VARIANCE),
        (at_least, "iterations from zeros: test risk, end over least", WHY, rise, 2.0),
        (at_most, "distance from the true weights, stopped best over end", WHY, moved, 1.0),
        (
            at_least,
            "4 hidden layers no better than 2: test risk, in standard errors",
            WHY,
            (deeper / deeper_error, 1.0),
            -2.0,
        ),
        (at_least, "cliff: steepness, no L2 over L2", CLIFF, (steeper, steeper_error), 2.0),
        (at_least, "cliff: training points right", CLIFF, (none["right"].min(), None), 1.0),
        (
            at_least,
            "cliff: test loss above that with L2, in standard errors",
            L2,
            (gain / gain_error, 1.0),
            3.0,
        ),
    ]
    claims = [
        check(text, source, value, bar, uncertainty=error)
        for check, text, source, (value, error), bar in rows
    ]
    claims[2] = dataclasses.replace(claims[2], verdict=few)
    return claims + kept_claims(measured) + capacity_claims(measured["widths"])


def kept_claims(measured: dict[str, Any]) -> list[Claim]:
    """Claim that gradient descent with L2 keeps the weights that it passes without."""
    plain, weak, strong = (measured[name] for name in ("descent", *PENALIZED))
    rise, gain, loss = (
        over_sets(values)
        for values in (
            weak[:, -1] / weak.min(axis=1),
            plain[:, -1] / weak[:, -1],
            strong[:, -1] / weak[:, -1],
        )
    )
    only = f"holds only if it is weak: with a strength of 1 the risk is {loss[0]:.2g} times that"
    rows = (
        (at_most, "the same with L2 of strength .01: test risk, end over least", rise, 2.0),
        (at_least, "test risk at the end, without L2 over with L2", gain, 1.0),
    )
    return [
        check(text, KEPT, value, bar, uncertainty=error, verdict=only)
        for check, text, (value, error), bar in rows
    ]


def over_sets(values: np.ndarray) -> tuple[float, float]:
    """Return the median, and its standard error by the quartiles, as of a normal distribution."""
    low, middle, high = np.quantile(values, [0.25, 0.5, 0.75])
    return float(middle), float(0.93 * (high - low) / len(values) ** 0.5)
