"""Verdict on a sweep: the one-standard-error rule by hand, and claims that can fail."""

from typing import Any

import numpy as np
import pytest

from experiments.hyperparameter_sweep.verdict import Verdict, describe, judge, sweep_claims
from jaxnet.training import SweepResult, grid

SETTINGS = grid(learning_rate=[1e-3, 1e-2, 1e-1], drop_rate=[0.0, 0.1])


def sweep_of(wrong: list[list[float]]) -> SweepResult:
    """Return a result with these error rates: settings, then seeds; NaN where a run diverged."""
    rates = np.array(wrong)
    metrics = {"validation_accuracy": 1 - rates}
    unknown: dict[str, Any] = dict.fromkeys(SweepResult._fields)
    known = {"settings": SETTINGS, "metrics": metrics, "diverged": np.isnan(rates)}
    return SweepResult(**unknown | known)


GONE = [np.nan, 0.01]


def test_differences_are_paired_by_seed() -> None:
    # seeds vary by .2, differences to the best hardly: .01 ± .001 is not a tie
    verdict = judge(
        sweep_of([[0.1, 0.3], [0.111, 0.309], [0.08, 0.34], GONE, [0.5, 0.7], [0.1, 0.3]]), 100
    )
    assert verdict.best == 0
    np.testing.assert_allclose(verdict.behind[:3], [0.0, 0.01, 0.01], atol=1e-12)
    np.testing.assert_allclose(verdict.deviations[:3], [0.0, 0.001, 0.03], atol=1e-12)
    assert verdict.tied.tolist() == [True, False, True, False, False, True]
    assert verdict.sampling == pytest.approx((0.2 * 0.8 / 100) ** 0.5)
    assert describe(verdict) == (
        "3 of 6 settings are within one standard error: learning rate 0.001 to 0.1, drop rate 0 to"
        " 0.1"
    )


def test_of_ties_the_least_dropout_is_chosen() -> None:
    worse = [0.4, 0.4]
    verdict = judge(sweep_of([worse, worse, [0.04, 0.02], [0.01, 0.03], worse, worse]), 100)
    assert (verdict.best, verdict.chosen) == (3, 2)
    verdict = judge(sweep_of([worse, worse, [0.04, 0.05], [0.01, 0.03], worse, worse]), 100)
    assert (verdict.best, verdict.chosen) == (3, 3)
    text = "Only the best is within one standard error: learning rate 0.01, drop rate 0.1"
    assert describe(verdict) == text


def verdict_of(*errors: float) -> Verdict:
    return judge(sweep_of([[error, error] for error in errors]), 288)


@pytest.mark.parametrize(
    ("errors", "tested", "holds"),
    [
        ((0.05, 0.05, 0.02, 0.021, 0.06, 0.1), 0.98, [True, True, True, True]),
        ((0.01, 0.011, 0.02, 0.021, 0.06, 0.1), 0.98, [False, False, True, True]),  # low rates
        ((0.05, 0.05, 0.02, 0.021, 0.021, 0.1), 0.98, [True, False, True, True]),
        ((0.05, 0.05, 0.02, 0.04, 0.06, 0.1), 0.98, [True, True, False, True]),  # dropout harms
        ((0.1, 0.1, 0.04, 0.02, 0.1, 0.1), 0.98, [True, True, False, True]),  # dropout helps
        ((0.05, 0.05, 0.02, 0.021, 0.06, 0.1), 0.92, [True, True, True, False]),
    ],
)
def test_claims_can_fail(errors: tuple[float, ...], tested: float, holds: list[bool]) -> None:
    claims = sweep_claims(verdict_of(*errors), np.array([tested, tested]), 359)
    assert [claim.holds for claim in claims] == holds
