"""Claims of optimizer_race."""

from collections.abc import Mapping, Sequence

import numpy as np

from experiments.harness.record import Claim, at_least, at_most
from experiments.optimizer_race.deepobs import (
    INITIAL_LOSS,
    PUBLISHED,
    PUBLISHED_RUNS,
    SOURCE,
    place_of,
)
from experiments.optimizer_race.noise import Last, Noisy
from experiments.optimizer_race.paths import STAY, Descent
from experiments.optimizer_race.theory import Linear, Sublinear

LECTURE = "lecture 004, convergence rate"

OWN = "jaxnet's own, on other seeds"

FAR = 3.0
"""Standard errors of a difference: by chance alone, one in 400 is larger."""

NEED_ORDER = ("momentum 0.99", "adam")
"""Optimizers whose published means require the same order in every epoch."""


def race_claims(race: Mapping[str, Mapping[str, Descent]]) -> list[Claim]:
    """Compare momentum and Adam with the claims of the lectures."""

    def steps(name: str, landscape: str) -> float:
        reached = race[name][landscape].reached
        return float("inf") if reached is None else reached

    source = "lecture 004, momentum; Polyak 1964"
    ratio = steps("sgd", "quadratic") / steps("nesterov", "quadratic")
    claims = [at_least("SGD's steps on the narrow quadratic over Nesterov's", source, ratio, 1.5)]
    ratio = steps("sgd", "Rosenbrock") / steps("momentum", "Rosenbrock")
    claims.append(at_least("SGD's steps on Rosenbrock's valley over momentum's", source, ratio, 5))
    source = "lecture 004, Adam; Kingma and Ba 2015, section 1"
    arrived = sum(descent.reached is not None for descent in race["adam"].values())
    statement = f"landscapes whose minimum Adam reaches, for {STAY} steps at least"
    claims.append(at_least(statement, source, arrived, len(race["adam"])))
    wider = race["adam"]["quadratic"].working - race["sgd"]["quadratic"].working
    return [
        *claims,
        at_least("decades of rates that work for Adam, more than for SGD", source, wider, 1),
    ]


def initial_claim(loss: float) -> Claim:
    """Claim that the problem is the published one."""
    far = abs(loss - INITIAL_LOSS)
    return at_most(
        "quadratic_deep: distance of the initial test loss from the published one",
        SOURCE,
        far,
        5e-5,
    )


def published_claims(
    rates: np.ndarray,
    repeated: Mapping[str, np.ndarray],
    reshuffled: Mapping[str, np.ndarray],
    *,
    start: float,
    limit: float,
) -> list[Claim]:
    """Claim that the published results are reproduced, and with which order.

    Args:
        rates: learning rates.
        repeated: optimizer -> final losses (rates, seeds), each epoch in the same order.
        reshuffled: the same, each epoch in a new order.
        start: the test loss before training.
        limit: ``2 / lambda_max``.
    """
    claims = []
    for name in PUBLISHED:
        far = abs(standard_errors(name, rates, repeated))
        statement = (
            f"quadratic_deep, same order: {name}, distance to the published mean, standard errors"
        )
        claims.append(at_most(statement, SOURCE, far, FAR))
    for name in NEED_ORDER:
        far = standard_errors(name, rates, reshuffled)
        statement = f"quadratic_deep, reshuffled: {name}, above the published mean, standard errors"
        claims.append(at_least(statement, OWN, far, FAR))
    descends = (repeated["sgd"] < start).all(axis=1)  # False for NaN
    first = rates[np.flatnonzero(~descends)[0]]
    holds = bool(rates[descends].max() < limit < first)
    statement = "quadratic_deep: smallest rate at which SGD diverges, the next above 2 / lambda_max"
    return [*claims, Claim(statement, SOURCE, float(first), ">", limit, holds)]


def standard_errors(name: str, rates: np.ndarray, losses: Mapping[str, np.ndarray]) -> float:
    """Return our mean minus the published one, in standard errors of the difference.

    Losses have the shape (rates, seeds), of two seeds or more.
    """
    published = PUBLISHED[name]
    ours = losses[name][place_of(published.rate, rates)]
    error = (ours.var(ddof=1) / len(ours) + published.deviation**2 / PUBLISHED_RUNS) ** 0.5
    return float((ours.mean() - published.mean) / error)


def needing_order(
    rates: np.ndarray, repeated: Mapping[str, np.ndarray], reshuffled: Mapping[str, np.ndarray]
) -> list[str]:
    """Return optimizers whose published mean needs one repeated order."""
    return [
        name
        for name in PUBLISHED
        if abs(standard_errors(name, rates, repeated)) <= FAR
        and not abs(standard_errors(name, rates, reshuffled)) <= FAR
    ]


def theory_claims(
    linear: Sequence[Linear],
    factors: tuple[np.ndarray, np.ndarray],
    sublinear: Sequence[Sublinear],
    noisy: Sequence[Noisy],
) -> list[Claim]:
    """Compare each measured rate of convergence with theory."""
    claims = []
    for row in linear:
        far = abs(row.measured / row.predicted - 1)
        claims.append(
            at_most(f"{row.name}: factor per step, relative distance to theory", LECTURE, far, 1e-4)
        )
    far = float(np.abs(factors[0] / factors[1] - 1).max())
    statement = "gradient descent, all rates: factor per step, distance to max |1 - eta lambda|"
    # near the best rate both ends shrink almost alike: the slower does not dominate yet
    claims.append(at_most(statement, LECTURE, far, 1e-3))
    for row in sublinear:
        far = abs(row.measured - row.predicted)
        statement = f"{row.name}: power of t of the gap, distance to theory"
        claims.append(at_most(statement, LECTURE, far, 0.01))
        far = abs(row.gaps[-1] / row.flow - 1)
        statement = f"{row.name}: last gap, relative distance to the gradient flow's"
        claims.append(at_most(statement, LECTURE, far, 0.01))
    for row in noisy:
        far = float(abs(row.gaps[-1] - row.predicted[-1]) / row.error)
        statement = f"SGD, {row.name}: mean gap, distance to theory, standard errors"
        claims.append(at_most(statement, "Bottou et al. 2018, section 4.2", far, 4))
    return claims


def rprop_claims(walk: np.ndarray, by_hand: Sequence[float], last: Last) -> list[Claim]:
    """Claim that Rprop needs the full batch."""
    source = "lecture 004, Rprop"
    far = float(np.abs(walk[: len(by_hand)] - by_hand).max())
    statement = "Rprop's weight with derivatives .1, .1, .1, -.5, distance to the one by hand"
    claims = [at_most(statement, source, far, 1e-12)]
    full = float(np.median(last.full))
    claims.append(at_most("full-batch Rprop: gap of a linear regression", source, full, 1e-10))
    mini = np.median(last.mini, axis=1)
    stuck = float(mini.min() / full)
    statement = "mini-batch Rprop's gap with its best first step size, over its full-batch gap"
    claims.append(at_least(statement, source, stuck, 1e6))
    sgd = float(np.median(last.sgd, axis=1).min())
    statement = (
        "mini-batch Rprop's gap with its best first step size, over SGD's with its best rate"
    )
    return [*claims, at_least(statement, OWN, float(mini.min() / sgd), 100)]


def remedy_claims(walk: np.ndarray, last: Last) -> list[Claim]:
    """Claim that RMSprop bears mini-batches, and that SGD has not the guarantee of full batch."""
    source = "lecture 004, RMSprop"
    first, third = float(walk[4]), float(walk[12] - walk[8])
    warm = (
        f"holds only if its average has warmed up: the first round moves the weight by {first:.2g}"
    )
    rprop, rmsprop, sgd, descent = (
        float(np.median(each, axis=1).min())
        for each in (last.mini, last.rmsprop, last.sgd, last.descent)
    )
    return [
        at_least(
            "RMSprop's weight with derivatives .1, .1, .1, -.5, change in the third round",
            *(source, third, 0.0),
            verdict=warm,
        ),
        at_most(
            "mini-batch RMSprop's gap with its best rate, over Rprop's",
            *(source, rmsprop / rprop, 0.1),
        ),
        at_least(
            "SGD's gap with its best constant rate over full-batch descent's, after equal epochs",
            *("lecture 003, slide on what SGD loses", sgd / descent, 1e6),
            verdict="fails",
        ),
    ]
