"""Shapes of losses, and what networks learn from them: records, and claims that can fail."""

from pathlib import Path

import numpy as np
import pytest

import jaxnet
from experiments import losses
from experiments.losses.shapes import Curve, activation_curves, loss_curves, unexplained_rise
from tests.experiments.test_commands import recorded


@pytest.mark.slow
def test_the_record_of_losses(tmp_path: Path) -> None:
    record = recorded("losses", tmp_path, "--smoke")
    assert len(record["claims"]) == 5
    assert all(claim["holds"] for claim in record["claims"])
    for errors in record["results"]["test_errors"].values():
        assert np.shape(errors["test"]) == (6, 2, 2)


def test_every_loss_and_activation_is_drawn() -> None:
    drawn = {name for curves in loss_curves().values() for name in curves}
    assert set(jaxnet.losses.LOSSES) <= drawn
    assert {name for curves in activation_curves().values() for name in curves} == set(
        jaxnet.activations.ACTIVATIONS
    )


@pytest.mark.parametrize("panels", [loss_curves(), activation_curves()], ids=["losses", "rest"])
def test_slopes_explain_all_that_does_not_jump(panels: dict[str, dict[str, Curve]]) -> None:
    for curves in panels.values():
        for name, curve in curves.items():
            jumps = name in losses.BLIND
            rest = unexplained_rise(curve)
            assert rest == 1 if jumps else rest < 0.02, name
            wrong = curve._replace(slope=0.9 * curve.slope)
            assert jumps or unexplained_rise(wrong) > 0.05


def errors_of(crossed: float, squared: float, number: float) -> dict[str, dict[str, np.ndarray]]:
    """Return errors of a few seeds, the same at every rate and start."""
    noise = 0.001 * np.arange(4) * np.ones((6, 2, 1))
    levels = dict(zip(losses.TEACHERS, (crossed, squared, number), strict=True))
    return {
        name: {"train": level + noise, "test": level + noise * (1 + level)}
        for name, level in levels.items()
    }


def test_claims_about_training_can_fail() -> None:
    holds = [claim.holds for claim in losses.training_claims(errors_of(0.020, 0.025, 0.5))]
    assert holds == [True, True, True, True]
    wrong = [claim.holds for claim in losses.training_claims(errors_of(0.5, 0.025, 0.02))]
    assert wrong == [False, False, False, False]


def test_claims_about_the_start_can_fail() -> None:
    excess = np.array([[0.0, 0.0, 0.01, 0.05, 0.5, 3.0], [0.0, 0.0, 0.0, 0.04, 0.6, 2.0]])
    assert [claim.holds for claim in losses.start_claims(excess)] == [True, True]
    assert [c.holds for c in losses.start_claims(0.3 - 0.1 * excess)] == [False, False]


def test_claims_about_divergence_can_fail() -> None:
    one, many = np.ones(5), np.arange(1.0, 6.0)
    assert [c.holds for c in losses.ratio_claims({0.0: one, 0.1: many})] == [True, True]
    assert [c.holds for c in losses.ratio_claims({0.0: many, 0.1: one})] == [False, False]
