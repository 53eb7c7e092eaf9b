"""Dropout as an average of thinned networks: records, and claims that can fail."""

from pathlib import Path

import jax
import numpy as np

from experiments import dropout
from tests.experiments.test_commands import recorded


def test_the_record_of_dropout(tmp_path: Path) -> None:
    record = recorded("dropout", tmp_path, "--smoke")
    assert len(record["claims"]) == 3
    assert all(claim["holds"] for claim in record["claims"])
    for measured in record["results"]["measured"].values():
        assert np.shape(measured["test_error"]) == (4, 2)


def test_without_scaling_the_expectation_is_off() -> None:
    key = jax.random.key(0)
    assert dropout.expectation_error("lecture", "lecture", key) < 4.5
    assert dropout.expectation_error("lecture", "inverted", key) > 20


def test_claims_about_training_can_fail() -> None:
    noise = 0.001 * np.arange(4)
    flat = np.stack([0.06 + noise * i for i in range(4)])
    spoilt = flat + np.array([[0.0], [0.0], [0.1], [0.4]])
    averages = np.stack([0.1 + noise, 0.06 + 2 * noise], axis=1)
    thinned = [averages, 0.06 + noise]
    pairs = {"small": {"test_error": spoilt}, "large": {"test_error": flat}}
    assert [claim.holds for claim in dropout.training_claims(pairs, thinned)] == [True] * 4
    wrong = {"small": {"test_error": flat[::-1]}, "large": {"test_error": spoilt}}
    claims = dropout.training_claims(wrong, [averages[:, ::-1], 0.06 + noise])
    assert [claim.holds for claim in claims] == [False] * 4
