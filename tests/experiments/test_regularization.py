"""L2, L1 and early stopping: records, and claims that can fail."""

from pathlib import Path

import numpy as np
import pytest

from experiments import regularization
from tests.experiments.test_commands import recorded


@pytest.mark.slow
def test_the_record_of_regularization(tmp_path: Path) -> None:
    record = recorded("regularization", tmp_path, "--smoke")
    assert len(record["claims"]) == 2
    assert all(claim["holds"] for claim in record["claims"])
    zeros = {kind: np.array(each["zeros"]) for kind, each in record["results"]["measured"].items()}
    assert np.all(zeros["L2"] == 0)
    assert np.all(zeros["L1, gradient"] == 0)
    assert np.all(zeros["L1, proximal step"][-1] > 0)


def test_claims_about_training_can_fail() -> None:
    noise = 0.001 * np.arange(4) * np.ones((5, 1))
    falling = np.linspace(0.3, 0.1, 5)[:, None] + noise * np.arange(5)[:, None]
    none, many = np.zeros((5, 4)), 0.5 + noise
    kinds = list(regularization.KINDS)

    def measured(gap: np.ndarray, *zeros: np.ndarray) -> dict[str, dict[str, np.ndarray]]:
        common = {"gap": gap, "test_error": 0.07 + noise if gap is falling else gap}
        return {kind: common | {"zeros": z} for kind, z in zip(kinds, zeros, strict=True)}

    rising = np.array([[3.0, 1.0, 2.0], [3.1, 1.1, 2.3]])
    good = regularization.training_claims(measured(falling, none, none, many), rising)
    assert [claim.holds for claim in good] == [True] * 6
    bad = measured(falling[::-1], none, many, none)
    wrong = regularization.training_claims(bad, -np.sort(-rising, axis=1))
    assert [claim.holds for claim in wrong] == [False] * 6


def test_claims_about_equal_inputs_can_fail() -> None:
    twins = {"L2": regularization.twin_weights("none"), "none": regularization.twin_weights("L2")}
    assert [claim.holds for claim in regularization.spread_claims(twins)] == [False, False]
