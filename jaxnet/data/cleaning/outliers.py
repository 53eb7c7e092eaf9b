"""Outliers: far from the others in one feature, or in several together."""

from typing import Any, Literal

import numpy as np

from jaxnet.core.checks import check_choice, check_count, check_range
from jaxnet.core.optional_imports import import_package
from jaxnet.core.types import AnyArray
from jaxnet.data.cleaning.findings import Finding
from jaxnet.data.preparation.preparation import training_values
from jaxnet.data.preparation.scaling import standardize

_NORMAL = 0.6744897501960817
"""Median absolute deviation of a normal variable of variance 1."""


def find_outliers(
    inputs: AnyArray,
    *,
    method: Literal["z_score", "iqr", "mad"] = "mad",
    threshold: float | None = None,
) -> list[Finding]:
    """Find rows that are far from the others in one feature.

    Args:
        inputs: shape ``(n, features)``, finite.
        method: what "far" is measured by: ``"z_score"``, standard deviations from the mean, which
            an outlier itself draws; ``"mad"``, the same from the median, by the median absolute
            deviation, which it does not; ``"iqr"``, interquartile ranges beyond the quartiles.
        threshold: how many of these; by default 3, 3.5 and 1.5.

    Raises:
        ValueError: for inputs that are not finite.

    Source: lecture 004, univariate outliers; Tukey 1977 for 1.5; Iglewicz and Hoaglin 1993 for 3.5.

    >>> heights = np.array([[1.71], [1.65], [1.80], [1.75], [1.68], [2.51]])
    >>> [f.row for f in find_outliers(heights)], find_outliers(heights, method="z_score")
    ([5], [])
    """
    measure, usual = check_choice("method", method, _MEASURES)
    limit = usual if threshold is None else threshold
    check_range("threshold", limit, low=0)
    x = training_values(inputs)
    with np.errstate(divide="ignore", invalid="ignore"):
        far = measure(x)
    far = np.where(np.isnan(far), 0.0, far)  # 0 / 0: a constant feature
    rows, features = np.nonzero(far > limit)
    return [
        Finding(
            int(row),
            "outlier",
            f"feature {feature} is {x[row, feature]:g}: {far[row, feature]:.1f} by {method}",
        )
        for row, feature in zip(rows, features, strict=True)
    ]


def find_joint_outliers(
    inputs: AnyArray,
    *,
    method: Literal["mahalanobis", "robust_covariance", "isolation_forest"] = "robust_covariance",
    share: float = 1e-3,
    seed: int = 0,
) -> list[Finding]:
    """Find rows that are far from the others in several features together.

    A height of 1.82 m and a weight of 24 kg are usual each; together they are not.

    Args:
        inputs: shape ``(n, features)``, finite.
        method: ``"mahalanobis"``: distance by the covariance of all rows; by scikit-learn,
            ``"robust_covariance"``: by that of the half with the least determinant, which outliers
            do not widen; ``"isolation_forest"``: how few random splits isolate the row.
        share: of the rows of a normal distribution that would be found, in (0, 0.5]; for the
            forest, of all rows.
        seed: of scikit-learn's methods, which use no key.

    Raises:
        ValueError: for inputs that are not finite, or a share out of range.
        ImportError: for scikit-learn's methods if it is not installed.

    Source: lecture 004, multivariate outliers; Rousseeuw and Van Driessen 1999; Liu et al. 2008.

    >>> x = np.random.default_rng(0).normal(size=(200, 1)) * [1.0, 1.0]
    >>> x[7] = [1.5, -1.5]
    >>> [f.row for f in find_joint_outliers(x, method="mahalanobis")]
    [7]
    """
    check_range("share", share, low=0, high=0.5, low_open=True)
    check_count("seed", seed, minimum=0)
    score, limit = check_choice("method", method, _JOINT)(training_values(inputs), share, seed)
    rows = np.flatnonzero(score > limit)
    return [
        Finding(int(row), "joint outlier", f"{score[row]:.3g} by {method}, above {limit:.3g}")
        for row in rows
    ]


def _z_score(x: np.ndarray) -> np.ndarray:
    return np.abs(x - x.mean(axis=0)) / x.std(axis=0)


def _mad(x: np.ndarray) -> np.ndarray:
    away = np.abs(x - np.median(x, axis=0))
    return _NORMAL * away / np.median(away, axis=0)


def _iqr(x: np.ndarray) -> np.ndarray:
    low, high = np.quantile(x, [0.25, 0.75], axis=0)
    return np.maximum(low - x, x - high) / (high - low)


_MEASURES = {"z_score": (_z_score, 3.0), "mad": (_mad, 3.5), "iqr": (_iqr, 1.5)}


def _mahalanobis(x: np.ndarray, share: float, seed: int) -> tuple[np.ndarray, float]:
    del seed
    z = _standardized(x)
    u, sizes, _ = np.linalg.svd(z, full_matrices=False)
    kept = sizes > sizes.max() * max(z.shape) * np.finfo(float).eps  # others depend on these
    score = (len(z) - 1) * np.sum(u[:, kept] ** 2, axis=1)
    return score, _limit(max(int(kept.sum()), 1), share)


def _robust_covariance(x: np.ndarray, share: float, seed: int) -> tuple[np.ndarray, float]:
    covariance: Any = import_package("sklearn.covariance")
    z = _standardized(x)
    fitted = covariance.MinCovDet(random_state=seed).fit(z)
    return fitted.mahalanobis(z), _limit(x.shape[1], share)


def _isolation_forest(x: np.ndarray, share: float, seed: int) -> tuple[np.ndarray, float]:
    ensemble: Any = import_package("sklearn.ensemble")
    score = -ensemble.IsolationForest(random_state=seed).fit(x).score_samples(x)
    return score, float(np.quantile(score, 1 - share))


def _standardized(x: np.ndarray) -> np.ndarray:
    """Standardize features: distances depend on no unit, but rounding does."""
    scaling = standardize()
    return scaling.apply(scaling.fit(x), x)


def _limit(features: int, share: float) -> float:
    """Return the quantile of the squared distance of a normal variable, chi-squared."""
    from scipy.special import gammaincinv  # slow to import

    return 2 * float(gammaincinv(features / 2, 1 - share))


_JOINT = {
    "mahalanobis": _mahalanobis,
    "robust_covariance": _robust_covariance,
    "isolation_forest": _isolation_forest,
}
