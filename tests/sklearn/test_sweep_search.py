"""`SweepSearchCV` against scikit-learn's `GridSearchCV` with the same estimator."""

from typing import Any

import numpy as np
import pytest
from scipy.stats import loguniform
from sklearn.base import clone
from sklearn.exceptions import FitFailedWarning
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, ParameterGrid, cross_val_score

from jaxnet.core.errors import InvalidTypeError, InvalidValueError
from jaxnet.data import preparation as prepare
from jaxnet.sklearn import FeedForwardClassifier, FeedForwardRegressor, SweepSearchCV
from jaxnet.sklearn.sweep_search import WHOLE, prepare_fits

GRIDS: dict[str, Any] = {
    "numbers": {"learning_rate_init": [0.001, 0.03], "alpha": [0.0, 0.3], "max_iter": [5, 9]},
    "structures": [
        {"hidden_layer_sizes": [(4,), (8,)], "learning_rate_init": [0.03]},
        {"preprocessing": [None, prepare.min_max()], "activation": ["tanh"]},
    ],
    "early stopping": {"early_stopping": [True], "learning_rate_init": [0.01, 0.1]},
    "dropout": {"drop_rate": [0.1, 0.5]},
}


def table(rows: int = 50) -> tuple[np.ndarray, np.ndarray]:
    """Return rows of two classes that overlap; 50 divide into folds of 16 and 17."""
    random = np.random.default_rng(0)
    labels = random.permutation(np.arange(rows) % 2)
    return 3 * random.normal(size=(rows, 4)) + labels[:, None] * [4, 0, 0, 1] + 10, labels


def model(**options: Any) -> FeedForwardClassifier:
    return FeedForwardClassifier((8,), max_iter=9, batch_size=20, random_state=0, **options)


@pytest.mark.parametrize("grid", GRIDS.values(), ids=GRIDS)
def test_equals_grid_search(grid: Any, float64: np.dtype) -> None:
    x, y = table()
    estimator = model(learning_rate_init=0.02)
    theirs = GridSearchCV(estimator, grid, cv=3, scoring="neg_log_loss").fit(x, y)
    ours = SweepSearchCV(estimator, grid, cv=3, scoring="neg_log_loss").fit(x, y)
    assert set(theirs.cv_results_) == set(ours.cv_results_)
    assert ours.cv_results_["params"] == theirs.cv_results_["params"]
    for name in [n for n in theirs.cv_results_ if n.endswith("test_score")]:
        np.testing.assert_allclose(ours.cv_results_[name], theirs.cv_results_[name], rtol=1e-7)
    assert ours.best_params_ == theirs.best_params_
    np.testing.assert_allclose(ours.best_score_, theirs.best_score_)
    np.testing.assert_allclose(ours.predict_proba(x), theirs.predict_proba(x), rtol=1e-6)
    assert ours.classes_.tolist() == [0, 1]


@pytest.mark.parametrize(
    ("grid", "programs"),
    [
        ({"learning_rate_init": [0.1, 0.2], "drop_rate": [0.0, 0.5], "max_iter": [3, 20]}, 1),
        ({"preprocessing": [None, "standardize"], "random_state": [0, 1]}, 1),
        ({"hidden_layer_sizes": [(4,), (8,)], "tol": [0.0, 0.1]}, 2),
    ],
)
def test_what_differs_in_numbers_alone_shares_a_program(grid: Any, programs: int) -> None:
    settings, (x, y) = list(ParameterGrid(grid)), table()
    parts = {0: np.arange(33), 1: np.arange(17, 50), WHOLE: np.arange(50)}
    fits, found = prepare_fits(model(), settings, parts, x, y)
    assert len(found) == programs
    assert len(fits) == 3 * len(settings)


def test_a_regression_and_settings_at_random() -> None:
    x, _ = table()
    estimator = FeedForwardRegressor((8,), max_iter=20, random_state=0)
    rates = {"learning_rate_init": loguniform(1e-3, 1e-1)}
    search: Any = SweepSearchCV(estimator, rates, n_iter=5, random_state=0, width="all").fit(
        x, x[:, :2]
    )
    assert len(search.cv_results_["params"]) == 5
    assert search.predict(x).shape == (50, 2)
    assert search.score(x, x[:, :2]) == search.best_estimator_.score(x, x[:, :2])
    assert cross_val_score(clone(search), x, x[:, :2], cv=2).shape == (2,)


def test_a_setting_that_diverges_is_ranked_last() -> None:
    x, _ = table()
    estimator = FeedForwardRegressor((8,), optimizer="sgd", max_iter=9, random_state=0)
    search = SweepSearchCV(estimator, {"learning_rate_init": [1e30, 1e-3]})
    with pytest.warns(FitFailedWarning, match="setting 0: training diverged"):
        search.fit(x, x[:, 0])
    assert search.cv_results_["rank_test_score"].tolist() == [2, 1]


def test_what_is_refused() -> None:
    x, y = table()
    with pytest.raises(InvalidTypeError, match="expected estimator to be a FeedForward"):
        SweepSearchCV(LogisticRegression(), {"C": [1.0]}).fit(x, y)
    with pytest.raises(InvalidValueError, match="GridSearchCV"):
        SweepSearchCV(model(batch_norm="before"), {"alpha": [0.1]}).fit(x, y)
