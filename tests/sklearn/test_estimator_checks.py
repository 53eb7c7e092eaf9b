"""scikit-learn's own checks of estimators; what asks for more digits passes in float64."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from sklearn.utils import estimator_checks

from jaxnet.sklearn import FeedForwardClassifier, FeedForwardRegressor

ESTIMATORS = [
    kind((8,), learning_rate_init=0.02, max_iter=50)
    for kind in (FeedForwardClassifier, FeedForwardRegressor)
]

DIGITS = {
    "check_sample_weight_equivalence_on_dense_data": "compares to a relative 1e-7; in float32, "
    "sums over repeated rows and over weighted ones differ by 1e-6 after 50 epochs",
}
"""Check that float32 cannot pass -> why."""


@estimator_checks.parametrize_with_checks(
    ESTIMATORS, expected_failed_checks=lambda estimator: DIGITS
)
def test_in_float32(estimator: Any, check: Callable[[Any], None], no_type_checks: None) -> None:
    """One of them gives every parameter of the constructor values of other types."""
    check(estimator)


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=lambda each: type(each).__name__)
@pytest.mark.parametrize("name", DIGITS)
def test_in_float64(estimator: Any, name: str, float64: np.dtype) -> None:
    getattr(estimator_checks, name)(type(estimator).__name__, estimator)
