"""Principal components: the record of a short run, what a network sees, and wrong claims."""

from pathlib import Path

import numpy as np
import pytest

import jaxnet
from experiments import pca
from tests.experiments.test_commands import recorded


@pytest.mark.slow
def test_the_record(tmp_path: Path) -> None:
    record = recorded("pca", tmp_path, "--smoke")
    assert [claim["holds"] for claim in record["claims"]] == [True]
    kept, errors = (np.array(record["results"][n]) for n in ("variance_kept", "test_errors"))
    assert errors.shape == (6, 2)
    assert errors[0].mean() > errors[-1].mean() + 0.1  # two components are too few
    assert np.all(np.diff(kept) > 0)
    assert kept[-1] == pytest.approx(1)


def test_the_variance_that_components_keep() -> None:
    inputs = np.asarray(jaxnet.data.load_dataset("digits").train.inputs, float)
    kept, projection = pca.components(inputs)
    features = np.asarray(projection.apply(inputs))
    for number, share in zip(pca.COMPONENTS, kept, strict=True):
        assert features[:, :number].var(axis=0).sum() / inputs.var(axis=0).sum() == pytest.approx(
            share
        )


def test_components_that_confuse_and_few_that_do_not_fail() -> None:
    each = np.array([0.3, 0.06, 0.03, 0.02, 0.014, 0.014])
    errors = each[:, None] + np.array([[0, 0.001, 0.002]])
    errors[1] += [0, 0.001, 0]
    assert pca.variance_claim(np.linspace(0.5, 1, 6)).holds
    assert all(claim.holds for claim in pca.error_claims(errors))
    assert not pca.variance_claim(np.linspace(0.1, 1, 6)).holds
    errors[3], errors[1] = errors[1], errors[-1]
    assert not any(claim.holds for claim in pca.error_claims(errors))
