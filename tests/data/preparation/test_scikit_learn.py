"""Scalers, imputation, one-hot and principal components against scikit-learn."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxnet.data import preparation as prepare
from jaxnet.data.preparation import Preparation

sklearn = pytest.importorskip("sklearn")
from sklearn import decomposition, impute, preprocessing  # noqa: E402


def values(examples: int = 40) -> np.ndarray:
    """Return features of several sizes, one constant."""
    x = np.random.default_rng(0).normal(size=(examples, 4)) * [1.0, 100.0, 1e-3, 0.0]
    return x + np.array([5.0, -3.0, 0.0, 7.0])


PAIRS: dict[str, tuple[Preparation, Any]] = {
    "min_max": (prepare.min_max(-1, 2), preprocessing.MinMaxScaler((-1, 2))),
    "standardize": (prepare.standardize(), preprocessing.StandardScaler()),
    "robust": (prepare.robust(), preprocessing.RobustScaler()),
    "robust, other quantiles": (
        prepare.robust(0.1, 0.8),
        preprocessing.RobustScaler(quantile_range=(10, 80)),
    ),
    "pca": (prepare.pca(3), decomposition.PCA(3)),
    "pca, by share": (prepare.pca(0.9999), decomposition.PCA(0.9999)),
    "pca, whitened": (prepare.pca(3, whiten=True), decomposition.PCA(3, whiten=True)),
}
pairs = pytest.mark.parametrize(("ours", "theirs"), PAIRS.values(), ids=PAIRS.keys())


@pairs
@pytest.mark.parametrize("examples", [20, 60], ids=["singular values", "covariance"])
def test_equals_scikit_learn(
    ours: Preparation, theirs: Any, examples: int, float64: np.dtype
) -> None:
    x, new = values(examples), values(7) + 1
    statistics, expected = ours.fit(x), theirs.fit(x).transform(new)
    found = ours.apply(statistics, new)
    scale = np.abs(expected).max()
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12 * scale)
    back = theirs.inverse_transform(expected)
    np.testing.assert_allclose(ours.invert(statistics, found), back, rtol=1e-11, atol=1e-11)
    compiled = jax.jit(ours.apply)(statistics, jnp.asarray(new))
    np.testing.assert_allclose(compiled, expected, rtol=1e-12, atol=1e-12 * scale)


@pairs
def test_in_float32_to_rounding(ours: Preparation, theirs: Any) -> None:
    x = values()
    statistics = ours.fit(x)
    found = jax.jit(ours.apply)(statistics, jnp.asarray(x, jnp.float32))
    assert found.dtype == jnp.float32
    expected = theirs.fit_transform(x)
    spread = np.abs(x).max() / np.abs(expected).max() if "pca" in type(theirs).__name__ else 1.0
    bound = 1e-6 * max(np.abs(expected).max(), 1.0) * max(spread, 10.0)
    np.testing.assert_allclose(found, expected, atol=bound)


def test_numpy_keeps_its_floating_dtype_and_widens_integers() -> None:
    scaling = prepare.min_max()
    statistics = scaling.fit(np.array([[0], [255]], np.uint8))
    assert scaling.apply(statistics, np.ones((1, 1), np.float32)).dtype == np.float32
    assert scaling.apply(statistics, np.ones((1, 1), np.uint8)).dtype == np.float64
    assert jax.jit(scaling.apply)(statistics, jnp.ones((1, 1), jnp.uint8)).dtype == jnp.float32


@pytest.mark.parametrize("degree", [1, 2, 3])
@pytest.mark.parametrize("interaction_only", [False, True])
def test_products_of_features(degree: int, interaction_only: bool) -> None:
    x = np.random.default_rng(1).normal(size=(5, 4))
    theirs = preprocessing.PolynomialFeatures(
        degree, interaction_only=interaction_only, include_bias=False
    )
    ours = prepare.polynomial_features(degree, interaction_only=interaction_only)
    np.testing.assert_allclose(ours.apply(ours.fit(x), x), theirs.fit_transform(x), rtol=1e-12)


@pytest.mark.parametrize("fill", ["mean", "median", "most_frequent", -1.0])
def test_nulls(fill: Any) -> None:
    x = np.random.default_rng(2).integers(0, 4, size=(12, 3)).astype(float)
    x[[0, 3, 4], [0, 1, 1]] = np.nan
    strategy = "constant" if fill == -1.0 else fill
    theirs = impute.SimpleImputer(fill_value=-1.0, strategy=strategy)
    ours = prepare.impute(fill, mask=True)
    statistics = ours.fit(x)
    found = ours.apply(statistics, x)
    np.testing.assert_array_equal(found[:, :3], theirs.fit_transform(x))
    np.testing.assert_array_equal(found[:, 3:], np.isnan(x))
    np.testing.assert_array_equal(ours.invert(statistics, found), x)
    compiled = jax.jit(ours.apply)(statistics, jnp.asarray(x, jnp.float32))
    np.testing.assert_allclose(compiled, found, rtol=1e-6)


def test_categories() -> None:
    x = np.array(["red", "blue", "red", "green"], object)
    new = np.array(["green", "violet"], object)
    theirs = preprocessing.OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    ours = prepare.one_hot()
    statistics = ours.fit(x)
    np.testing.assert_array_equal(ours.apply(statistics, x), theirs.fit_transform(x[:, None]))
    np.testing.assert_array_equal(ours.apply(statistics, new), theirs.transform(new[:, None]))
    assert ours.invert(statistics, ours.apply(statistics, x)).tolist() == x.tolist()
