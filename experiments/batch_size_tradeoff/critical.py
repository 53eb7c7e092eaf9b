"""Critical batch size: fit of updates and examples to a target."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from experiments.batch_size_tradeoff.runs import Outcome


class Critical(NamedTuple):
    """Fit of ``updates(b) = least (1 + B / b)``, with ``B`` the critical batch size.

    There are ``b`` times as many examples, ``least (b + B)``: larger mini-batches save updates at
    little cost up to ``B``, and cost examples beyond.

    Source: McCandlish et al. 2018, equation 2.7, for the best learning rate of each size.

    Attributes:
        least: updates of an infinitely large mini-batch.
        size: ``B``, in examples.
        worst: the largest factor between a median number of updates and the fit.
    """

    least: float
    size: float
    worst: float

    def updates(self, sizes: np.ndarray) -> np.ndarray:
        """Return the fitted number of updates."""
        return self.least * (1 + self.size / sizes)


def median_updates(outcomes: Mapping[int, Outcome], examples: int) -> dict[int, float]:
    """Return the median updates to the target per batch size; infinite if it is not reached."""
    return {n: float(np.median(each.epochs)) * examples / n for n, each in outcomes.items()}


def fit_critical(updates: Mapping[int, float]) -> Critical | None:
    """Fit the hyperbola by least squares of logarithms; None for fewer than three that arrive."""
    reached = {size: number for size, number in updates.items() if np.isfinite(number)}
    if len(reached) < 3:
        return None
    sizes, found = np.array(list(reached), float), np.log(list(reached.values()))
    tried = np.geomspace(sizes[0] / 10, 10 * sizes[-1], 2000)
    residuals = found - np.log1p(tried[:, None] / sizes)
    levels = residuals.mean(axis=1)
    residuals -= levels[:, None]
    best = np.argmin((residuals**2).sum(axis=1))
    worst = np.exp(np.abs(residuals[best]).max())
    return Critical(float(np.exp(levels[best])), float(tried[best]), float(worst))
