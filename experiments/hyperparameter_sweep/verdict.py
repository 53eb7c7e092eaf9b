"""Verdict on a sweep: settings within one standard error of the best, and claims."""

from typing import NamedTuple

import numpy as np

from experiments.harness.record import Claim, at_least, at_most
from jaxnet.core.errors import invalid_value
from jaxnet.data import Dataset
from jaxnet.training import SweepResult


class Measure(NamedTuple):
    """How settings are compared: by the error rate of classes, or the loss of a regression.

    Attributes:
        metric: of the sweep.
        label: of what is shown.
        factor: of an error as it is shown.
    """

    metric: str
    label: str
    factor: float

    @property
    def is_rate(self) -> bool:
        """Whether an error is a share of the examples."""
        return self.metric == "validation_accuracy"

    def errors(self, result: SweepResult) -> np.ndarray:
        """Return the error of every run, which may not have diverged."""
        values = result.metrics[self.metric]
        return 1 - values if self.is_rate else values


def measure_of(dataset: Dataset) -> Measure:
    """Return the measure that suits the targets."""
    if not dataset.class_names:
        return Measure("validation_loss", "validation loss (variances of the target)", 1)
    wrong = "images misread" if dataset.image_shape else "rows misclassified"
    return Measure("validation_accuracy", f"validation {wrong} (%)", 100)


READING = Measure("validation_accuracy", "validation images misread (%)", 100)

OWN = "jaxnet's own, on five other seeds"


class Verdict(NamedTuple):
    """Differences of the settings to the best one, from runs paired by seeds.

    Attributes:
        rates: learning rate of each setting.
        drops: drop rate of each setting.
        errors: mean error of each setting; infinite if a run diverged.
        behind: mean difference of its errors to the best setting's.
        deviations: standard error of that mean over the seeds.
        images: number of validation examples, which all settings share.
        measure: what the errors are.
    """

    rates: np.ndarray
    drops: np.ndarray
    errors: np.ndarray
    behind: np.ndarray
    deviations: np.ndarray
    images: int
    measure: Measure

    @property
    def best(self) -> int:
        """Index of the setting with the least error."""
        return int(np.argmin(self.errors))

    @property
    def tied(self) -> np.ndarray:
        """Whether each setting is within one standard error of the best."""
        return self.behind <= self.deviations

    @property
    def chosen(self) -> int:
        """Index of the simplest tied setting: the least dropout, then the fewest errors."""
        return int(np.lexsort((self.errors, self.drops, ~self.tied))[0])

    @property
    def sampling(self) -> float:
        """Standard error of the best error rate, from the number of examples; NaN for a loss."""
        return np.nan if not self.measure.is_rate else binomial(self.errors[self.best], self.images)

    def least(self, where: np.ndarray) -> float:
        """Return the least mean error rate of the masked settings."""
        return float(self.errors[where].min())


def judge(result: SweepResult, images: int, measure: Measure = READING) -> Verdict:
    """Compare all settings of a sweep with the best, seed by seed.

    Args:
        result: result of two or more seeds, over a grid of ``learning_rate`` and ``drop_rate``.
        images: number of validation examples.
        measure: how settings are compared.

    Raises:
        ValueError: if every setting has a run that diverged.
    """
    wrong = np.where(result.diverged, np.inf, measure.errors(result))
    errors = wrong.mean(axis=1)
    steady = np.isfinite(errors)
    if not steady.any():
        expected, actual = "to hold one of which no run diverges", f"{len(steady)} that do"
        raise invalid_value("settings", expected, actual, "Try smaller --learning-rates.")
    lead = wrong[np.argmin(errors)]
    apart = np.where(steady[:, None], wrong, 0) - lead
    behind = np.where(steady, apart.mean(axis=1), np.inf)
    deviations = apart.std(axis=1, ddof=1) / wrong.shape[1] ** 0.5
    columns = result.settings.columns
    return Verdict(
        columns["learning_rate"], columns["drop_rate"], errors, behind, deviations, images, measure
    )


def binomial(rate: float, images: int) -> float:
    """Return the standard error of an error rate."""
    return float((rate * (1 - rate) / images) ** 0.5)


def describe(verdict: Verdict) -> str:
    """Return a line about the settings within one standard error of the best."""
    tied = verdict.tied
    count = f"{tied.sum()} of {len(tied)} settings are" if tied.sum() > 1 else "Only the best is"
    rates, drops = _span(verdict.rates[tied]), _span(verdict.drops[tied])
    return f"{count} within one standard error: learning rate {rates}, drop rate {drops}"


def _span(values: np.ndarray) -> str:
    low, high = values.min(), values.max()
    return f"{low:g}" if low == high else f"{low:g} to {high:g}"


def sweep_claims(verdict: Verdict, tested: np.ndarray, test_images: int) -> list[Claim]:
    """Claim the best learning rates, and that dropout makes no measurable difference."""
    rates, drops, best = verdict.rates, verdict.drops, verdict.best
    factor = float(np.exp(abs(np.log(rates[best] / 0.01))))
    claims = [at_most("factor of the best setting's learning rate from .01", OWN, factor, 3.4)]
    low, high = (verdict.least(end) for end in (rates <= 0.001, rates >= 0.1))
    ratio = min(low, high) / verdict.least(rates == rates[best])
    claims.append(
        at_least("fewest misread with rates outside .003 to .03, over the best", OWN, ratio, 1.15)
    )
    gain = abs(verdict.least(drops == 0) - verdict.least(drops > 0))
    statement = "fewest misread without dropout minus with any, standard errors of a difference"
    claims.append(at_most(statement, "binomial", gain / (2**0.5 * verdict.sampling), 1.0))
    return [*claims, test_claim(verdict, tested, test_images)]


def test_claim(verdict: Verdict, tested: np.ndarray, test_images: int) -> Claim:
    """Claim that the test error is not above the validation error."""
    promised, found = verdict.errors[verdict.chosen], 1 - float(np.mean(tested))
    images = verdict.images + test_images
    pooled = (promised * verdict.images + found * test_images) / images
    error = (binomial(pooled, verdict.images) ** 2 + binomial(pooled, test_images) ** 2) ** 0.5
    statement = "test error minus validation error, in standard errors of both"
    return at_most(statement, "binomial", (found - promised) / max(error, 1 / images), 3)
