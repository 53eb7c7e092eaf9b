"""Dropout as an average of thinned networks: records, and claims that can fail."""

from pathlib import Path

import jax
import numpy as np
import pytest

from experiments.dropout import claims, expectation
from tests.experiments.test_commands import recorded


@pytest.mark.slow
def test_the_record_of_dropout(tmp_path: Path) -> None:
    record = recorded("dropout", tmp_path, "--smoke")
    assert len(record["claims"]) == 3
    assert all(claim["holds"] for claim in record["claims"])
    for measured in record["results"]["measured"].values():
        assert np.shape(measured["test_error"]) == (4, 2)


def test_without_scaling_the_expectation_is_off() -> None:
    key = jax.random.key(0)
    assert expectation.expectation_error("lecture", "lecture", key) < 4.5
    assert expectation.expectation_error("lecture", "inverted", key) > 20


def test_claims_about_training_can_fail() -> None:
    noise = 0.001 * np.arange(4)
    flat = np.stack([0.06 + noise * i for i in range(4)])
    spoilt = flat + np.array([[0.0], [0.0], [0.1], [0.4]])
    averages = np.stack([0.1 + noise, 0.06 + 2 * noise], axis=1)
    thinned = [averages, 0.06 + noise]
    pairs = {"small": {"test_error": spoilt}, "large": {"test_error": flat}}
    assert [claim.holds for claim in claims.training_claims(pairs, thinned)] == [True] * 4
    wrong = {"small": {"test_error": flat[::-1]}, "large": {"test_error": spoilt}}
    made = claims.training_claims(wrong, [averages[:, ::-1], 0.06 + noise])
    assert [claim.holds for claim in made] == [False] * 4


def test_claims_about_versions_can_fail() -> None:
    noise = 0.001 * np.arange(4)
    errors = 0.06 + np.stack([noise, noise[::-1], noise, noise])
    losses = np.array([0.3, 0.3, 0.2, 0.3])[:, None] + errors
    versions = {"test_loss": losses, "test_error": errors}
    assert [claim.holds for claim in claims.version_claims(versions)] == [True, True]
    wrong = {
        "test_loss": losses[::-1],
        "test_error": errors + np.array([[0.05], [0.0], [0.0], [0.0]]),
    }
    assert [claim.holds for claim in claims.version_claims(wrong)] == [False, False]
