"""Batch normalization: records, and claims that can fail."""

from pathlib import Path

import jax
import numpy as np
import pytest

import jaxnet
from experiments import batch_norm
from tests.experiments.test_commands import recorded


@pytest.mark.slow
def test_the_record_of_batch_norm(tmp_path: Path) -> None:
    record = recorded("batch_norm", tmp_path, "--smoke")
    assert len(record["claims"]) == 2
    assert all(claim["holds"] for claim in record["claims"])
    assert {np.shape(each) for each in record["results"]["errors"].values()} == {(7, 2, 1)}


def test_claims_about_rates_can_fail() -> None:
    noise = 0.001 * np.arange(5)[:, None] * np.ones((7, 5, 10))
    good, bad = 0.03 + noise, 0.15 + 2 * noise
    bad[3:] = 0.9
    ranked = dict(zip(batch_norm.KINDS, (good, good, bad, good, good + noise), strict=True))
    assert [claim.holds for claim in batch_norm.rate_claims(ranked)] == [True] * 4
    wrong = dict(zip(batch_norm.KINDS, (good, good, good, bad, good), strict=True))
    assert [claim.holds for claim in batch_norm.rate_claims(wrong)] == [False] * 4


def test_claims_about_features_can_fail() -> None:
    far = np.ones((4, 5, 10)) + 0.01 * np.arange(5)[:, None]
    assert batch_norm.drift_claim({None: far**2, "before": far / 2}).holds
    assert not batch_norm.drift_claim({None: far / 2, "before": far**2}).holds


def test_a_batch_of_two_is_not_lost() -> None:
    layer = jaxnet.layers.batch_norm()
    params, statistics = layer.init(jax.random.key(0), (1,))
    x = jax.random.normal(jax.random.key(1), (2, 1))
    outputs, _ = layer.apply(params, statistics, x, training=True)
    assert abs(float(outputs[0, 0] - outputs[1, 0])) > 1
    assert [claim.holds for claim in batch_norm.one_claims(jax.random.key(0))] == [True, True]
