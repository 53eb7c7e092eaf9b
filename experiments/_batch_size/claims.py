"""What batch_size_tradeoff claims, from its measurements."""

from collections.abc import Mapping

import numpy as np

from experiments._batch_size.noise import Noise, fit_slope
from experiments._batch_size.runs import Outcome, Time
from experiments._record import Claim

LECTURE = "lecture 000, gradient noise"
TIME = "lecture 000, complexity-accuracy trade-off"
SCALE = "McCandlish et al. 2018, section 2"


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
        claims.append(_below(statement, LECTURE, abs(fit.slope + 1) / fit.error, 3))
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
        claims.append(_below(statement, LECTURE, fit_slope(noise.drawn[name], limit).worst, 4))
    return claims


def time_claims(times: Mapping[int, Time]) -> list[Claim]:
    """Claim that a step's time grows less than its examples at first, and as they do at last.

    Args:
        times: batch size -> times.
    """
    sizes = sorted(times)
    small, large = sizes[0], sizes[-1]
    cheaper = times[small].epoch / times[large].epoch
    claims = [
        _above(f"an epoch of mini-batches of {small}, in epochs of {large}", TIME, cheaper, 3)
    ]
    exponent = growth(times, sizes[-3], large)
    statement = f"a step's time grows as a power of the batch size, {sizes[-3]} to {large}: off 1"
    return [*claims, _below(statement, TIME, abs(exponent - 1), 0.35)]


def growth(times: Mapping[int, Time], small: int, large: int) -> float:
    """Return the power of the batch size that a step's time grows as, between two sizes.

    Args:
        times: batch size -> times.
        small: a batch size.
        large: a larger one.
    """
    return float(np.log(times[large].step / times[small].step) / np.log(large / small))


def run_claims(outcomes: Mapping[int, Outcome], train_examples: int) -> list[Claim]:
    """Claim that larger mini-batches save updates, and cost examples.

    Args:
        outcomes: batch size -> what its runs came to.
        train_examples: number of training examples.
    """
    sizes = sorted(outcomes)
    small, large = sizes[0], sizes[-1]
    epochs = {size: float(np.median(outcomes[size].epochs)) for size in sizes}
    updates = {size: epochs[size] * train_examples / size for size in sizes}
    saved, paid = updates[small] / updates[large], epochs[large] / epochs[small]
    best = {size: float(np.mean(outcomes[size].accuracies)) for size in sizes}
    apart = max(best.values()) - min(best.values())
    statement = "test accuracy at the end, each batch size at its best rate: largest difference"
    return [
        _above(
            f"updates to the target in batches of {small}, in those of {large}", SCALE, saved, 5
        ),
        _above(f"epochs to the target in batches of {large}, in those of {small}", SCALE, paid, 3),
        _below(statement, "jaxnet's own measurement", apart, 0.03),
    ]


def _below(statement: str, source: str, measured: float, bound: float) -> Claim:
    return Claim(statement, source, measured, bound, bool(measured <= bound))


def _above(statement: str, source: str, measured: float, bound: float) -> Claim:
    return Claim(statement, source, measured, bound, bool(measured >= bound))
