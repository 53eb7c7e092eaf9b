"""What optimizer_race claims, from its measurements."""

from collections.abc import Mapping, Sequence

import numpy as np

from experiments._race.deepobs import INITIAL_LOSS, PUBLISHED, SOURCE, place_of
from experiments._race.noise import Noisy
from experiments._race.paths import STAY, Descent
from experiments._race.theory import Linear, Sublinear
from experiments._record import Claim

LECTURE = "lecture 004, convergence rate"


def race_claims(race: Mapping[str, Mapping[str, Descent]]) -> list[Claim]:
    """Claim what the lectures say about momentum and Adam.

    Args:
        race: optimizer -> landscape -> descent, of the default settings.
    """

    def steps(name: str, landscape: str) -> float:
        reached = race[name][landscape].reached
        return float("inf") if reached is None else reached

    source = "lecture 004, momentum; Polyak 1964"
    ratio = steps("sgd", "quadratic") / steps("nesterov", "quadratic")
    claims = [_above("SGD's steps down the narrow quadratic, in Nesterov's", source, ratio, 1.5)]
    ratio = steps("sgd", "Rosenbrock") / steps("momentum", "Rosenbrock")
    claims.append(_above("SGD's steps down Rosenbrock's valley, in momentum's", source, ratio, 5))
    source = "lecture 004, Adam; Kingma and Ba 2015, section 1"
    arrived = sum(descent.reached is not None for descent in race["adam"].values())
    statement = f"landscapes that Adam gets down, for {STAY} steps at least"
    claims.append(_above(statement, source, arrived, len(race["adam"])))
    wider = race["adam"]["quadratic"].working - race["sgd"]["quadratic"].working
    return [*claims, _above("decades of rates that serve Adam but not SGD", source, wider, 1)]


def initial_claim(loss: float) -> Claim:
    """Claim that the benchmark's problem is the published one."""
    far = abs(loss - INITIAL_LOSS)
    return _below("quadratic_deep: initial test loss, off the published one", SOURCE, far, 5e-5)


def published_claims(
    rates: np.ndarray,
    repeated: Mapping[str, np.ndarray],
    reshuffled: Mapping[str, np.ndarray],
    *,
    start: float,
    limit: float,
) -> list[Claim]:
    """Claim that the published results come out, and when.

    Args:
        rates: learning rates.
        repeated: optimizer -> final losses (rates, seeds), each epoch in the first one's order.
        reshuffled: the same, each epoch in an order of its own.
        start: the test loss before training.
        limit: ``2 / lambda_max``.
    """
    claims = []
    for name in PUBLISHED:
        statement = f"quadratic_deep: {name}, off the published mean, in its standard deviations"
        claims.append(_below(statement, SOURCE, abs(deviations(name, rates, repeated)), 2))
    statement = "quadratic_deep: momentum if every epoch is reshuffled, above the published mean"
    claims.append(
        _above(statement, "jaxnet's own", deviations("momentum 0.99", rates, reshuffled), 10)
    )
    descends = (repeated["sgd"] < start).all(axis=1)  # NaN does not
    first = rates[np.flatnonzero(~descends)[0]]
    holds = bool(rates[descends].max() < limit < first)
    statement = "quadratic_deep: least rate at which SGD diverges, the next above 2 / lambda_max"
    return [*claims, Claim(statement, SOURCE, float(first), limit, holds)]


def deviations(name: str, rates: np.ndarray, losses: Mapping[str, np.ndarray]) -> float:
    """Return how many published standard deviations our mean is above the published one."""
    published = PUBLISHED[name]
    ours = losses[name][place_of(published.rate, rates)]
    return float((ours.mean() - published.mean) / published.deviation)


def theory_claims(
    linear: Sequence[Linear],
    factors: tuple[np.ndarray, np.ndarray],
    sublinear: Sequence[Sublinear],
    noisy: Sequence[Noisy],
) -> list[Claim]:
    """Claim that each measured rate of convergence is the predicted one."""
    claims = []
    for row in linear:
        far = abs(row.measured / row.predicted - 1)
        claims.append(_below(f"{row.name}: factor a step, off theory", LECTURE, far, 1e-4))
    far = float(np.abs(factors[0] / factors[1] - 1).max())
    statement = "gradient descent at every rate: factor a step, off max |1 - eta lambda|"
    # beside the best rate, where both ends shrink almost alike, the slower has not yet prevailed
    claims.append(_below(statement, LECTURE, far, 1e-3))
    for row in sublinear:
        far = abs(row.measured - row.predicted)
        statement = f"{row.name}: power of t by which the gap falls, off theory"
        claims.append(_below(statement, LECTURE, far, 0.01))
        share = float((row.gaps * np.arange(1, len(row.gaps) + 1)).max() / row.bound)
        if np.isfinite(share):
            statement = f"{row.name}: gap in the bound |w_0 - w*|^2 / (2 eta t)"
            claims.append(_below(statement, LECTURE, share, 1))
    for row in noisy:
        far = float(abs(row.gaps[-1] - row.predicted[-1]) / row.error)
        statement = f"SGD, {row.name}: mean gap, off theory, in standard errors"
        claims.append(_below(statement, "Bottou et al. 2018, section 4.2", far, 4))
    return claims


def rprop_claims(walk: np.ndarray, gaps: Mapping[str, np.ndarray]) -> list[Claim]:
    """Claim that Rprop works on the full batch only.

    Args:
        walk: Rprop's weight under the lecture's four derivatives, in its first step size.
        gaps: the last gap of each run, by method.
    """
    source = "lecture 004, Rprop"
    statement = "Rprop's weight after derivatives .1, .1, .1, -.5, which call for a rise"
    claims = [_below(statement, source, float(walk[4]), 0)]
    full, mini, sgd = (float(np.median(last)) for last in gaps.values())
    claims.append(_below("full-batch Rprop: gap of a linear regression", source, full, 1e-10))
    statement = "mini-batch Rprop's gap of the regression, in SGD's"
    return [*claims, _above(statement, source, mini / sgd, 100)]


def _below(statement: str, source: str, measured: float, threshold: float) -> Claim:
    return Claim(statement, source, measured, threshold, measured <= threshold)


def _above(statement: str, source: str, measured: float, threshold: float) -> Claim:
    return Claim(statement, source, measured, threshold, measured >= threshold)
