"""Other features: principal components, whitening, products of powers."""

import itertools
from typing import Any

import numpy as np

from jaxnet.core.checks import check_count, check_flags, check_range, require
from jaxnet.core.types import AnyArray
from jaxnet.data.preparation.preparation import (
    Preparation,
    Specification,
    Statistics,
    as_floating,
    no_way_back,
    training_values,
)


def pca(components: int | float | None = None, *, whiten: bool = False) -> Preparation:
    """Return the projection onto the principal components of the training inputs.

    ``y = V (x - mean)``: the rows of ``V`` are the eigenvectors of the covariance, that of the
    largest variance first, the largest entry of each above 0.

    Args:
        components: how many; or, as a float in (0, 1), as many as have this share of the
            variance; None for all, ``min(examples, features)``.
        whiten: whether each component is divided by its standard deviation (over N - 1), so that
            the training inputs have the covariance 1. One of no variance, up to rounding, is not
            divided.

    Raises:
        ValueError: for a number of components that is out of range, here or in `fit`.

    Numerics: from singular values; from the covariance where there are ten times as many examples
    as features, 1,000 at most, as scikit-learn does, in float64.

    Source: Pearson 1901; lecture 004, dimensionality reduction; as ``sklearn.decomposition.PCA``.

    >>> x = np.array([[1.0, 1.0], [2.0, 2.0], [3.0, 3.0], [2.0, 2.1]])
    >>> projection = pca(1)
    >>> statistics = projection.fit(x)
    >>> y = projection.apply(statistics, x)
    >>> y.shape, bool(np.abs(projection.invert(statistics, y) - x).max() < 0.1)
    ((4, 1), True)
    """
    check_flags(whiten=whiten)
    if isinstance(components, float):
        check_range("components", components, low=0, high=1, low_open=True, high_open=True)
    elif components is not None:
        check_count("components", components)

    def fit(inputs: Any) -> Statistics:
        x = training_values(inputs)
        mean = x.mean(axis=0)
        variance, vectors = _principal(x - mean)
        number = _number(components, variance)
        variance, vectors = variance[:number], vectors[:number]
        largest = np.argmax(np.abs(vectors), axis=1)
        vectors *= np.sign(vectors[np.arange(number), largest])[:, None]
        scale = np.sqrt(variance) if whiten else np.ones(number)
        found = {"mean": mean, "components": vectors, "variance": variance}
        return found | {"scale": np.where(scale == 0, 1.0, scale)}

    def apply(statistics: Statistics, inputs: Any) -> AnyArray:
        x, _ = as_floating(inputs, len(statistics["mean"]))
        mean, vectors, scale = _cast(statistics, x)
        return (x - mean[None]) @ vectors.T / scale[None]

    def invert(statistics: Statistics, inputs: Any) -> AnyArray:
        y, _ = as_floating(inputs, len(statistics["scale"]))
        mean, vectors, scale = _cast(statistics, y)
        return (y * scale[None]) @ vectors + mean[None]

    settings = {"components": components, "whiten": whiten}
    return Preparation(fit, apply, invert, Specification("pca", settings))


def polynomial_features(degree: int = 2, *, interaction_only: bool = False) -> Preparation:
    """Return all products of at most ``degree`` features, without the constant.

    Args:
        degree: the largest degree, 1 or more.
        interaction_only: whether to leave out powers of a feature above the first.

    Source: lecture 004, polynomial fitting; the order of
    ``sklearn.preprocessing.PolynomialFeatures``.

    >>> polynomial_features(2).apply({}, np.array([[2.0, 3.0]])).tolist()
    [[2.0, 3.0, 4.0, 6.0, 9.0]]
    """
    check_count("degree", degree)
    check_flags(interaction_only=interaction_only)
    choose = itertools.combinations if interaction_only else _with_replacement

    def fit(inputs: Any) -> Statistics:
        training_values(inputs)
        return {}

    def apply(statistics: Statistics, inputs: Any) -> AnyArray:
        del statistics
        x, numpy = as_floating(inputs, np.shape(inputs)[-1])
        chosen = (choose(range(x.shape[1]), d) for d in range(1, degree + 1))
        columns = [numpy.prod(x[:, np.array(c)], axis=1) for c in itertools.chain(*chosen)]
        return numpy.stack(columns, axis=1)

    settings = {"degree": degree, "interaction_only": interaction_only}
    specification = Specification("polynomial_features", settings)
    return Preparation(fit, apply, no_way_back("polynomial_features"), specification)


def _with_replacement(features: range, degree: int) -> Any:
    return itertools.combinations_with_replacement(features, degree)


def _principal(centred: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return variances over N - 1, the largest first, and directions as rows."""
    examples, features = centred.shape
    if features <= 1000 and examples >= 10 * features:
        variance, vectors = np.linalg.eigh(centred.T @ centred / max(examples - 1, 1))
        return _without_rounding(variance[::-1], features), vectors.T[::-1].copy()
    _, sizes, vectors = np.linalg.svd(centred, full_matrices=False)
    sizes = _without_rounding(sizes, max(examples, features))
    return sizes**2 / max(examples - 1, 1), vectors


def _without_rounding(values: np.ndarray, size: int) -> np.ndarray:
    """Return singular values or eigenvalues, 0 for those that are only rounding of the largest."""
    return np.where(values > values[0] * size * np.finfo(float).eps, values, 0.0)


def _number(components: int | float | None, variance: np.ndarray) -> int:
    if components is None:
        return len(variance)
    if isinstance(components, float):
        shares = np.cumsum(variance) / max(variance.sum(), np.finfo(float).tiny)
        return min(int(np.searchsorted(shares, components)) + 1, len(variance))
    expected = f"to be at most {len(variance)}, of examples and features"
    require(components <= len(variance), "components", expected, components)
    return components


def _cast(statistics: Statistics, like: AnyArray) -> list[Any]:
    return [statistics[name].astype(like.dtype) for name in ("mean", "components", "scale")]
