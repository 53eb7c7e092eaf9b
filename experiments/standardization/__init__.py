"""Why are inputs standardized, and what happens to the features of hidden layers?

Lecture 004: with two heights as inputs (Example A) the risk curves alike in all directions, with a
height and a number of children (Example B) it does not, and gradient descent crawls. Measures the
condition number and the steps of a network of two weights under each preparation, and how far the
features of a hidden layer drift although the inputs were standardized. Networks learn digits from
pixels of 0 to 255, of 0 to 1, and standardized, at the best of some rates each.
"""

import dataclasses
from pathlib import Path

import jax
import numpy as np

import jaxnet
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
from experiments.standardization.features import at_best_rate, drifting, train_on_pixels
from experiments.standardization.quadratic import (
    PREPARATIONS,
    descend,
    height_and_children,
    two_heights,
)
from experiments.standardization.standardization_figure import draw
from jaxnet.data import preparation

SOURCE = "lecture 004, standardization"
RAW = "lecture 004, slide on standardization: pixels return huge features"
DIVISOR = "lecture 002, slide on standardization (N - 1)"
SOON = 5
"""Epochs after which raw and standardized pixels are compared."""


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
    digits, key = jaxnet.data.load_dataset("digits"), jax.random.key(config.seed)
    raw = train_on_pixels(digits, min(SOON, config.epochs), key, config.seeds)
    for how, found in raw.items():
        rate, errors = at_best_rate(found)
        print(f"pixels {how}: features of {found['features'].mean():.3g} at the start, "
              f"{errors.mean():.2%} misread at the best rate, {rate:.1g}")  # fmt: skip
    claims = [*condition_claims(measured), divisor_claim(examples[0]["B"])]
    if config.epochs >= Config.epochs:
        claims.append(drift_claim(drift[None][:, -1], drift["before"][:, -1]))
        claims += pixel_claims(raw)
    figure = draw(out / "standardization.png", examples[0]["B"], measured, drift, raw)
    drifts = {str(kind): rows for kind, rows in drift.items()}
    results = {"measured": measured, "drift": drifts, "pixels": raw}
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


def divisor_claim(
    example: tuple[np.ndarray, np.ndarray], other: preparation.Preparation | None = None
) -> Claim:
    """Claim that N or N - 1 in the variance is as good: one factor for all inputs.

    Args:
        example: inputs and targets, of which ten are used: there the two differ by 5 %.
        other: what is held against the division by N.
    """
    x, y = (part[:10] for part in example)
    others = preparation.standardize(ddof=1) if other is None else other
    n, less = (
        descend(preparation.fitted(made, x).apply(x), y)[0]
        for made in (preparation.standardize(), others)
    )
    statement = "part by which N - 1 in place of N changes the condition number, for 10 people"
    return at_most(statement, DIVISOR, abs(less / n - 1), 1e-4)


def drift_claim(plain: np.ndarray, normalized: np.ndarray) -> Claim:
    """Claim that features of hidden layers drift farther without batch normalization."""
    farther, error = over_seeds(plain / normalized)
    statement = "drift of features without over with batch norm"
    return at_least(statement, SOURCE, farther, 2.0, uncertainty=error)


def pixel_claims(raw: dict[str, dict[str, np.ndarray]]) -> list[Claim]:
    """Claim that raw pixels make features huge, and training worse at the best rate, too."""
    whole, standard = raw["0 to 255"], raw["standardized"]
    larger, error = over_seeds(whole["features"] / standard["features"])
    worse = np.log10(at_best_rate(whole)[1] / at_best_rate(standard)[1])  # few fail altogether
    return [
        at_least("features at the start, of pixels from 0 to 255 over those of standardized ones",
                 RAW, larger, 100.0, uncertainty=error),
        clearly_positive(f"decades that more are misread after {SOON} epochs of pixels from 0 to "
                         "255 than of standardized ones, each at its best rate", RAW, worse),
    ]  # fmt: skip
