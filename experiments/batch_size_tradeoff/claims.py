"""Claims of batch_size_tradeoff."""

from collections.abc import Mapping

import numpy as np

from experiments.batch_size_tradeoff.critical import Critical, fit_critical, median_updates
from experiments.batch_size_tradeoff.noise import Noise, fit_slope
from experiments.batch_size_tradeoff.runs import Outcome, Time
from experiments.harness.record import Claim, at_least, at_most, clearly_positive, over_seeds

LECTURE = "lecture 000, gradient noise"
TIME = "lecture 000, complexity-accuracy trade-off"
SCALE = "McCandlish et al. 2018, section 2"

FACTOR_OFF, FACTOR_APART = 1.5, 3.0
"""Largest claimed factors from the hyperbola; rates are a factor of 2 apart."""

LOSES = "lecture 003, slide on what SGD loses"
SMALL = 16
"""Size of the mini-batches that are compared with the full batch."""

BEHIND = 0.0105
"""Standard error of a difference of two accuracies at 98 % of 359 test images."""


def slope_claims(noise: Noise) -> list[Claim]:
    """Claim that the variance over (B - b)/(B - 1) falls as 1 / b."""
    claims = []
    for name, limit in noise.limits.items():
        fit = fit_slope(noise.drawn[name], limit)
        free = "" if limit is None else " over (B - b)/(B - 1)"
        statement = (
            f"variance{free} against batch size b, {name} replacement, log-log: slope "
            f"{fit.slope:.4f} ± {fit.error:.4f}, distance to -1 in standard errors"
        )
        claims.append(at_most(statement, LECTURE, abs(fit.slope + 1) / fit.error, 3))
    return claims


def law_claims(noise: Noise) -> list[Claim]:
    """Claim that the variance follows from that of single examples' gradients."""
    claims = []
    for name, limit in noise.limits.items():
        law = "sigma^2 / b" if limit is None else "sigma^2 / b (B - b)/(B - 1)"
        statement = f"{name} replacement: largest distance to {law}, in standard errors"
        # the furthest of 5 or 6 points exceeds 4 by chance once in 2,900 experiments
        claims.append(at_most(statement, LECTURE, fit_slope(noise.drawn[name], limit).worst, 4))
    return claims


def time_claims(times: Mapping[int, Time]) -> list[Claim]:
    """Claim that a step's time hardly grows with small batches, and linearly with large ones."""
    sizes = sorted(times)
    small, large = sizes[0], sizes[-1]
    statement = f"time of an epoch with mini-batches of {small}, over that of {large}"
    claims = [at_least(statement, TIME, saving(times), 3)]
    exponent = growth(times, sizes[-3], large)
    statement = f"power of a step's time in the batch size, {sizes[-3]} to {large}: distance to 1"
    return [*claims, at_most(statement, TIME, abs(exponent - 1), 0.35)]


def saving(times: Mapping[int, Time]) -> float:
    """Return the ratio of an epoch's time in the smallest mini-batches to that in the largest."""
    return times[min(times)].epoch / times[max(times)].epoch


def growth(times: Mapping[int, Time], small: int, large: int) -> float:
    """Return the power of the batch size by which a step's time grows between two sizes."""
    return float(np.log(times[large].step / times[small].step) / np.log(large / small))


def run_claims(outcomes: Mapping[int, Outcome], noise: Noise) -> list[Claim]:
    """Claim that the batch sizes trade updates for examples as theory predicts."""
    fit = fit_critical(median_updates(outcomes, noise.examples))
    if fit is None:
        fit = Critical(float("nan"), float("nan"), float("nan"))
    scale = float(np.median(noise.scales[1]))
    apart = float(np.exp(abs(np.log(fit.size / scale))))
    statement = "updates to the target, largest factor from S (1 + B / b)"
    claims = [at_most(statement, SCALE, fit.worst, FACTOR_OFF)]
    statement = "factor between fitted B and the noise scale after epoch 1"
    claims.append(at_most(statement, SCALE, apart, FACTOR_APART))
    largest = outcomes[max(outcomes)].by_updates.accuracies
    best = max(each.by_updates.accuracies.mean() for each in outcomes.values())
    statement = "test accuracy of the best minus the largest mini-batches, after equal updates"
    behind = float(best - largest.mean())
    return [*claims, at_most(statement, "standard error of the test images", behind, BEHIND)]


def generalization_claims(outcomes: Mapping[int, Outcome]) -> list[Claim]:
    """Claim that mini-batches beat the full batch after equal epochs, not after equal updates."""
    mini, full = outcomes[SMALL], outcomes[max(outcomes)]
    only = "holds only if epochs are equal; after equal updates neither is better"
    by_updates = mini.by_updates.accuracies - full.by_updates.accuracies
    mean, error = over_seeds(by_updates)
    return [
        clearly_positive(
            f"after equal epochs mini-batches of {SMALL} read more test images than the full batch",
            *(LOSES, mini.by_epochs.accuracies - full.by_epochs.accuracies),
            verdict=only,
        ),
        at_most(
            "after equal updates their test accuracies differ",
            *(LOSES, abs(mean), BEHIND),
            uncertainty=error,
            verdict=only,
        ),
    ]
