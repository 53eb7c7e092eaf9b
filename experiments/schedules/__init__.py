"""Do schedules of the learning rate help, and what do they look like?

Lecture 004: they lead to better minima at the same rate of convergence. Draws all schedules, trains
digits by SGD under several of them and under the rule that waits for a plateau, and descends a
quadratic with noisy gradients, for which theory is exact.
"""

import dataclasses
from collections.abc import Mapping
from pathlib import Path

import jax
import numpy as np

from experiments.harness.options import Count, Seed, Several
from experiments.harness.record import (
    Claim,
    at_least,
    at_most,
    clearly_positive,
    conclude,
    over_seeds,
    prepare_folder,
)
from experiments.schedules import noisy
from experiments.schedules.digits import (
    CONSTANT,
    PATIENCE,
    PLATEAU,
    RATES,
    SLIDE,
    Trained,
    flutter,
    scales_of,
    train_all,
)
from experiments.schedules.noisy import Noisy, descend_noisily, power
from experiments.schedules.schedule_figures import draw_results, draw_shapes
from experiments.schedules.shapes import curves

VERDICT = "lecture 004, scheduling: better minima, the same rate of convergence"
KINDS = "lecture 004, slide on kinds of schedules"
TRICK = "lecture 004, scheduling: the practical trick"
LARGEST = len(RATES) - 1
NOISY = "holds only if gradients are noisy at the minimum, too"


@dataclasses.dataclass(frozen=True)
class Config:
    """Settings of the experiment."""

    seed: Seed = 0
    """Seed of all draws."""
    seeds: Several = 6
    """Networks of each schedule and start rate."""
    epochs: Count = 40
    """Epochs of each network."""
    runs: Several = 4000
    """Runs on the quadratic."""
    out: Path = Path("out/schedules")
    """Folder for result.json and the figures."""


SMOKE = Config(seeds=2, epochs=7, runs=20)


def main(config: Config) -> list[Claim]:
    """Draw all schedules, descend the quadratic, train the networks, and judge the slide."""
    out = prepare_folder(config.out)
    key = jax.random.key(config.seed)
    quadratic = {
        name: descend_noisily(schedule, key, runs=config.runs)
        for name, schedule in noisy.CASES.items()
    }
    trained = train_all(seed=config.seed, seeds=config.seeds, epochs=config.epochs)
    for name, each in trained.items():
        for rate, train, test in zip(RATES, each.train, each.test, strict=True):
            print(
                f"{name:22} {rate:4}: loss {train.mean():.4f} to train, {test.mean():.4f} to test"
            )
    scales = [scales_of(curve) for curve in trained[PLATEAU].curves]
    cuts = [np.sum(np.diff(scale, prepend=1.0) < 0, axis=1) for scale in scales]
    for rate, number in zip(RATES, cuts, strict=True):
        print(f"plateau, {rate}: cuts of the rate by run {number.tolist()}")
    figures = [
        draw_shapes(out / "shapes.png", curves()),
        draw_results(out / "schedules.png", trained, quadratic),
    ]
    whole = min(getattr(config, n) / getattr(Config, n) for n in ("seeds", "epochs", "runs")) >= 1
    return conclude(
        config,
        seeds=[config.seed],
        results={
            "trained": trained,
            "plateau": {"cuts": cuts, "scales": scales},
            "quadratic": {n: [q.measured[-1], q.exact[-1], q.error] for n, q in quadratic.items()},
        },
        claims=network_claims(trained) + quadratic_claims(quadratic) if whole else [],
        figures=figures,
    )


def network_claims(trained: Mapping[str, Trained]) -> list[Claim]:
    """Claim whether schedules reach better minima, and what a plateau does."""
    constant, plateau = trained[CONSTANT], trained[PLATEAU]
    counted = {n: each for n, each in trained.items() if n not in (CONSTANT, PLATEAU)}
    lowest = min((row for each in counted.values() for row in each.train), key=np.mean)
    least = min(constant.train, key=np.mean)
    chosen = min(
        (pair for n, each in trained.items() if n != CONSTANT for pair in _pairs(each)),
        key=lambda pair: pair[0].mean(),
    )[1]
    best = min(_pairs(constant), key=lambda pair: pair[0].mean())[1]
    gain, error = over_seeds(best - chosen)
    short, spread = over_seeds(trained[SLIDE].test[0] / constant.test[0])
    scales = {place: scales_of(plateau.curves[place]) for place in (0, LARGEST)}
    share = {place: np.mean(each[:, -1] < 1) for place, each in scales.items()}
    cut = np.sum(scales[LARGEST] < 1, axis=1) > PATIENCE
    left, slowed = (flutter(each.curves[LARGEST], scales[LARGEST]) for each in (constant, plateau))
    calmer = np.sum(slowed[cut] < left[cut] / 2) / max(cut.sum(), 1)
    return [
        clearly_positive(
            "digits: log training loss of the best schedule of the step count, above that of the "
            "best constant rate",
            VERDICT,
            np.log(lowest) - np.log(least),
            verdict=NOISY,
        ),
        at_most(
            "digits: test loss, the best schedule below the best constant rate, both chosen on "
            "validation examples (nats)",
            VERDICT,
            gain,
            0.02,
            uncertainty=error,
            verdict=NOISY,
        ),
        at_least(
            "η/(t + 1), a step, from .02 stops short: test loss over that of the constant rate",
            KINDS,
            short,
            2.0,
            uncertainty=spread,
            verdict="holds only if t is counted in many steps",
        ),
        at_least(
            "the plateau rule cuts the rate 1, not the rate .02: difference of the shares of runs",
            TRICK,
            float(share[LARGEST] - share[0]),
            0.5,
        ),
        at_least(
            "runs whose validation loss changes less than half as much from epoch to epoch after a "
            "cut as when left at rate 1, share of those cut in time",
            TRICK,
            float(calmer),
            0.9,
        ),
    ]


def _pairs(each: Trained) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return by start rate the losses on validation and on test examples."""
    return list(zip(each.validation, each.test, strict=True))


def quadratic_claims(quadratic: Mapping[str, Noisy]) -> list[Claim]:
    """Claim that a constant rate reaches a plateau, and that schedules change the rate."""
    flat, inverse, slide = (quadratic[name] for name in noisy.CASES)
    off = abs(flat.measured[-1] - noisy.settled()) / flat.error
    slow = -2 * noisy.SMALL * noisy.CURVATURE
    return [
        at_most(
            "quadratic, constant rate: mean squared distance, off η σ²/(2 λ - η λ²), standard "
            "errors",
            VERDICT,
            off,
            4.0,
        ),
        at_most(
            "quadratic, constant rate: power of t of the squared distance, off 0",
            VERDICT,
            abs(power(flat.measured)),
            0.1,
        ),
        at_most(
            "quadratic, η/(1 + t/20): power of t of the squared distance, off -1",
            VERDICT,
            abs(power(inverse.measured) + 1),
            0.1,
            verdict="fails",
        ),
        at_most(
            "quadratic, η/(t + 1) from .1: power of t of the squared distance, off -2 η λ",
            VERDICT,
            abs(power(slide.measured) - slow),
            0.05,
            verdict="fails",
        ),
    ]
