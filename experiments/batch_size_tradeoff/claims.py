"""What batch_size_tradeoff claims, from its measurements."""

from collections.abc import Mapping

import numpy as np

from experiments.batch_size_tradeoff.critical import Critical, fit_critical, median_updates
from experiments.batch_size_tradeoff.noise import Noise, fit_slope
from experiments.batch_size_tradeoff.runs import Outcome, Time
from experiments.harness.record import Claim, at_least, at_most

LECTURE = "lecture 000, gradient noise"
TIME = "lecture 000, complexity-accuracy trade-off"
SCALE = "McCandlish et al. 2018, section 2"

FACTOR_OFF, FACTOR_APART = 1.5, 3.0
"""What is claimed of the hyperbola; rates are tried a factor of 2 apart."""

BEHIND = 0.0105
"""Accuracy: the standard error of a difference of two that 359 test images have at 98 %."""


def slope_claims(noise: Noise) -> list[Claim]:
    """Claim that the variance falls as 1 / b, once it is freed of (B - b)/(B - 1).

    Args:
        noise: measured.
    """
    claims = []
    for name, limit in noise.limits.items():
        fit = fit_slope(noise.drawn[name], limit)
        free = "" if limit is None else " over (B - b)/(B - 1)"
        statement = (
            f"variance{free} against batch size b, {name} replacement, log-log: slope "
            f"{fit.slope:.4f} ± {fit.error:.4f}, off -1 by so many standard errors"
        )
        claims.append(at_most(statement, LECTURE, abs(fit.slope + 1) / fit.error, 3))
    return claims


def law_claims(noise: Noise) -> list[Claim]:
    """Claim that the variance is what that of single examples' gradients predicts.

    Args:
        noise: measured, by so many draws that the standard errors are good to a tenth.
    """
    claims = []
    for name, limit in noise.limits.items():
        law = "sigma^2 / b" if limit is None else "sigma^2 / b (B - b)/(B - 1)"
        statement = f"{name} replacement: furthest point off {law}, in its standard errors"
        # of 5 or 6 points, the furthest is beyond 4 once in 2,900 experiments
        claims.append(at_most(statement, LECTURE, fit_slope(noise.drawn[name], limit).worst, 4))
    return claims


def time_claims(times: Mapping[int, Time]) -> list[Claim]:
    """Claim that a step's time grows less than its examples at first, and as they do at last.

    Args:
        times: batch size -> times.
    """
    sizes = sorted(times)
    small, large = sizes[0], sizes[-1]
    statement = f"an epoch of mini-batches of {small}, in epochs of {large}"
    claims = [at_least(statement, TIME, saving(times), 3)]
    exponent = growth(times, sizes[-3], large)
    statement = f"a step's time grows as a power of the batch size, {sizes[-3]} to {large}: off 1"
    return [*claims, at_most(statement, TIME, abs(exponent - 1), 0.35)]


def saving(times: Mapping[int, Time]) -> float:
    """Return an epoch's time in the smallest mini-batches over that in the largest.

    Args:
        times: batch size -> times.
    """
    return times[min(times)].epoch / times[max(times)].epoch


def growth(times: Mapping[int, Time], small: int, large: int) -> float:
    """Return the power of the batch size that a step's time grows as, between two sizes.

    Args:
        times: batch size -> times.
        small: a batch size.
        large: a larger one.
    """
    return float(np.log(times[large].step / times[small].step) / np.log(large / small))


def run_claims(outcomes: Mapping[int, Outcome], noise: Noise) -> list[Claim]:
    """Claim that the batch sizes trade updates for examples as theory predicts.

    Args:
        outcomes: batch size -> what its runs came to, on digits.
        noise: measured.
    """
    fit = fit_critical(median_updates(outcomes, noise.examples))
    if fit is None:
        fit = Critical(float("nan"), float("nan"), float("nan"))
    scale = float(np.median(noise.scales[1]))
    apart = float(np.exp(abs(np.log(fit.size / scale))))
    statement = "updates to the target, furthest off S (1 + B / b), a factor"
    claims = [at_most(statement, SCALE, fit.worst, FACTOR_OFF)]
    statement = "fitted B and the noise scale after epoch 1, a factor apart"
    claims.append(at_most(statement, SCALE, apart, FACTOR_APART))
    largest = outcomes[max(outcomes)].by_updates.accuracies
    best = max(each.by_updates.accuracies.mean() for each in outcomes.values())
    statement = "test accuracy of the largest mini-batches behind the best, after equal updates"
    behind = float(best - largest.mean())
    return [*claims, at_most(statement, "standard error of the test images", behind, BEHIND)]
