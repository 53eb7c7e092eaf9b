"""`SweepSearchCV` against scikit-learn's `GridSearchCV` with the same estimator."""

from typing import Any

import numpy as np
import pytest
from scipy.stats import loguniform
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import TransformedTargetRegressor
from sklearn.decomposition import PCA
from sklearn.ensemble import BaggingClassifier, VotingClassifier
from sklearn.exceptions import FitFailedWarning
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, ParameterGrid, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from jaxnet.core.errors import InvalidTypeError, InvalidValueError
from jaxnet.data import preparation as prepare
from jaxnet.sklearn import FeedForwardClassifier, FeedForwardRegressor, SweepSearchCV
from jaxnet.sklearn.sweep_search import WHOLE, prepare_fits


def table(rows: int = 50) -> tuple[np.ndarray, np.ndarray]:
    """Return rows of two classes that overlap; 50 divide into folds of 16 and 17."""
    random = np.random.default_rng(0)
    labels = random.permutation(np.arange(rows) % 2)
    return 3 * random.normal(size=(rows, 4)) + labels[:, None] * [4, 0, 0, 1] + 10, labels


def model(**options: Any) -> FeedForwardClassifier:
    return FeedForwardClassifier((8,), max_iter=9, batch_size=20, random_state=0, **options)


MODEL, WEIGHTS = model(learning_rate_init=0.02), np.tile([1.0, 2.0, 0.0, 0.5, 1.0], 10)
HALF = np.arange(50) // 2
SCORES: dict[str, Any] = {"scoring": ["neg_log_loss", "accuracy"], "refit": "neg_log_loss"}
NET = "feedforwardclassifier"

SEARCHES: dict[str, Any] = {
    "numbers": (
        MODEL,
        {"learning_rate_init": [0.001, 0.03], "alpha": [0.0, 0.3], "max_iter": [5, 9]},
    ),
    "structures": (
        MODEL,
        [
            {"hidden_layer_sizes": [(4,), (8,)], "learning_rate_init": [0.03]},
            {"preprocessing": [None, prepare.min_max()], "activation": ["tanh"]},
        ],
    ),
    "early stopping": (MODEL, {"early_stopping": [True], "learning_rate_init": [0.01, 0.1]}),
    "dropout": (MODEL, {"drop_rate": [0.1, 0.5]}),
    "pipeline": (
        make_pipeline(PCA(3), MODEL),
        {f"{NET}__learning_rate_init": [0.001, 0.03], "pca__whiten": [False, True]},
        {f"{NET}__sample_weight": WEIGHTS},
    ),
    "batch norm": (
        model(batch_norm="before"),
        {"learning_rate_init": [0.001, 0.03]},
        {"sample_weight": WEIGHTS + 1},
        {"cv": [(HALF, HALF + 25), (HALF + 25, HALF)]} | SCORES,  # with as many rows as refit
    ),
}
"""Estimator, grid, arguments of fit, options."""


@pytest.mark.parametrize("search", SEARCHES.values(), ids=SEARCHES)
def test_equals_grid_search(search: Any, float64: np.dtype) -> None:
    (estimator, grid, given, more), (x, y) = (*search, *[{}] * (4 - len(search))), table()
    options = {"cv": 3, "scoring": "neg_log_loss"} | more
    theirs = GridSearchCV(estimator, grid, **options).fit(x, y, **given)
    ours = SweepSearchCV(estimator, grid, **options).fit(x, y, **given)
    assert set(theirs.cv_results_) == set(ours.cv_results_)
    assert ours.cv_results_["params"] == theirs.cv_results_["params"]
    for name in [n for n in theirs.cv_results_ if "_test_" in n]:
        np.testing.assert_allclose(ours.cv_results_[name], theirs.cv_results_[name], rtol=1e-7)
    assert ours.best_params_ == theirs.best_params_
    np.testing.assert_allclose(ours.best_score_, theirs.best_score_)
    np.testing.assert_allclose(ours.predict_proba(x), theirs.predict_proba(x), rtol=1e-6)
    assert ours.classes_.tolist() == [0, 1]


@pytest.mark.parametrize(
    ("grid", "programs"),
    [
        ({"learning_rate_init": [0.1, 0.2], "batch_norm": ["before"]}, 2),
        ({"learning_rate_init": [0.1, 0.2], "drop_rate": [0.0, 0.5], "max_iter": [3, 20]}, 1),
        ({"preprocessing": [None, "standardize"], "random_state": [0, 1]}, 1),
        ({"hidden_layer_sizes": [(4,), (8,)], "tol": [0.0, 0.1]}, 2),
    ],
)
def test_what_differs_in_numbers_alone_shares_a_program(grid: Any, programs: int) -> None:
    settings, (x, y) = list(ParameterGrid(grid)), table()
    parts = {0: np.arange(33), 1: np.arange(17, 50), WHOLE: np.arange(50)}
    found = prepare_fits(model(), settings, parts, x, y, {})
    assert len(found) == programs
    assert sum(len(program.fits) for program in found) == 3 * len(settings)


def test_transformers_see_the_rows_of_their_split_alone() -> None:
    (x, y), rows = table(60), np.arange(60)
    poisoned = np.where(rows[:, None] < 40, x, 1e6 * x)  # trained with in no split
    grid = {f"{NET}__alpha": [0.1, 1.0]}
    cv = [(rows[:20], rows[20:40]), (rows[20:40], rows[40:])]
    search: Any = SweepSearchCV(make_pipeline(StandardScaler(), model()), grid, cv=cv)
    clean, other = (search.fit(inputs, y).cv_results_ for inputs in (x, poisoned))
    assert clean["split0_test_score"].tolist() == other["split0_test_score"].tolist()
    assert clean["split1_test_score"].tolist() != other["split1_test_score"].tolist()


def test_a_regression_and_settings_at_random() -> None:
    x, _ = table()
    network = FeedForwardRegressor((8,), max_iter=20, random_state=0)
    estimator: Any = TransformedTargetRegressor(network, transformer=StandardScaler())
    rates = {"regressor__learning_rate_init": loguniform(1e-3, 1e-1)}
    search: Any = SweepSearchCV(estimator, rates, n_iter=5, random_state=0, width="all").fit(
        x, x[:, :2]
    )
    assert len(search.cv_results_["params"]) == 5
    assert search.predict(x).shape == (50, 2)
    best = search.best_estimator_.regressor_.learning_rate_init
    assert search.best_params_ == {"regressor__learning_rate_init": best}
    assert search.score(x, x[:, :2]) == search.best_estimator_.score(x, x[:, :2])
    assert cross_val_score(clone(search), x, x[:, :2], cv=2).shape == (2,)


def test_a_setting_that_diverges_is_ranked_last() -> None:
    x, _ = table()
    estimator = FeedForwardRegressor((8,), optimizer="sgd", max_iter=9, random_state=0)
    search = SweepSearchCV(estimator, {"learning_rate_init": [1e30, 1e-3]})
    with (
        pytest.warns(FitFailedWarning, match="setting 0: training diverged"),
        pytest.warns(UserWarning, match="non-finite"),
    ):
        search.fit(x, x[:, 0])
    assert search.cv_results_["rank_test_score"].tolist() == [2, 1]


@pytest.mark.parametrize(
    ("estimator", "expected"),
    [
        (LogisticRegression(), "to hold one FeedForward"),
        (VotingClassifier([("a", MODEL), ("b", MODEL)]), "to hold one FeedForward"),
        (BaggingClassifier(MODEL), "to fit one network"),
        (CalibratedClassifierCV(MODEL), "to fit one network, and not to predict"),
    ],
)
def test_what_is_refused(estimator: Any, expected: str) -> None:
    kinds = InvalidTypeError, InvalidValueError
    with pytest.raises(kinds, match=f"expected estimator {expected}.*Use GridSearchCV"):
        SweepSearchCV(estimator, {}).fit(*table())
