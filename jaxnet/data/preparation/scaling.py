"""Scaling of each feature by itself: to an interval, to mean 0, by quantiles."""

from typing import Any

import numpy as np

from jaxnet.core.checks import check_count, check_range, require
from jaxnet.core.types import AnyArray
from jaxnet.data.preparation.preparation import (
    Preparation,
    Specification,
    Statistics,
    as_floating,
    cast,
    training_values,
)


def min_max(low: float = 0.0, high: float = 1.0) -> Preparation:
    """Return the map of each feature's training range to ``[low, high]`` (lecture 002).

    ``y = low + (x - least) (high - low) / (largest - least)``. A feature that is constant in
    training becomes ``low``. Other inputs may lie outside.

    Args:
        low: image of the least value.
        high: image of the largest value, above ``low``.

    Raises:
        ValueError: if ``high`` is not above ``low``; in `fit` for inputs that are not finite.

    Source: lecture 002, input normalization; as ``sklearn.preprocessing.MinMaxScaler``.

    >>> scaling, x = min_max(-1, 1), np.array([[0], [10]])
    >>> scaling.apply(scaling.fit(x), np.array([[0], [5], [10], [20]])).ravel().tolist()
    [-1.0, 0.0, 1.0, 3.0]
    """
    check_range("low", low)
    check_range("high", high, low=low, low_open=True)

    def fit(inputs: Any) -> Statistics:
        x = training_values(inputs)
        return {"shift": x.min(axis=0), "scale": _nonzero(np.ptp(x, axis=0)) / (high - low)}

    return _affine(fit, Specification("min_max", {"low": low, "high": high}), offset=low)


def standardize(ddof: int = 0) -> Preparation:
    """Return ``y = (x - mean) / std``: mean 0 and standard deviation 1 in training.

    A feature that is constant in training becomes 0. `jaxnet.layers.standardize` is the same as a
    layer, for networks that take raw inputs.

    Args:
        ddof: delta degrees of freedom: 0 divides the variance by N (lecture 004), 1 by N - 1
            (lecture 002).

    Raises:
        ValueError: in `fit` for inputs that are not finite, or no more than ``ddof``.

    Source: lectures 002 and 004; as ``sklearn.preprocessing.StandardScaler`` for ``ddof`` 0.

    >>> scaling, x = standardize(), np.array([[1.0, 5.0], [3.0, 5.0]])
    >>> scaling.apply(scaling.fit(x), x).tolist()
    [[-1.0, 0.0], [1.0, 0.0]]
    """
    check_count("ddof", ddof, minimum=0)

    def fit(inputs: Any) -> Statistics:
        x = training_values(inputs)
        require(len(x) > ddof, "inputs", f"to be more than ddof = {ddof}", len(x))
        constant = x.min(axis=0) == x.max(axis=0)
        mean = np.where(constant, x[0], x.mean(axis=0))
        std = np.where(constant, 1.0, x.std(axis=0, ddof=ddof))
        return {"shift": mean, "scale": _nonzero(std)}

    return _affine(fit, Specification("standardize", {"ddof": ddof}))


def robust(low: float = 0.25, high: float = 0.75) -> Preparation:
    """Return ``y = (x - median) / (q_high - q_low)``, which outliers hardly change.

    A feature whose two quantiles are equal in training is not divided.

    Args:
        low: the lower quantile, in [0, 1).
        high: the upper quantile, above ``low``, at most 1.

    Raises:
        ValueError: for quantiles out of range; in `fit` for inputs that are not finite.

    Source: as ``sklearn.preprocessing.RobustScaler``.

    >>> scaling, x = robust(), np.array([[1.0], [2.0], [3.0], [4.0], [1000.0]])
    >>> scaling.apply(scaling.fit(x), x).ravel().tolist()
    [-1.0, -0.5, 0.0, 0.5, 498.5]
    """
    check_range("low", low, low=0, high=1, high_open=True)
    check_range("high", high, low=low, high=1, low_open=True)

    def fit(inputs: Any) -> Statistics:
        q_low, median, q_high = np.quantile(training_values(inputs), [low, 0.5, high], axis=0)
        return {"shift": median, "scale": _nonzero(q_high - q_low)}

    return _affine(fit, Specification("robust", {"low": low, "high": high}))


def _nonzero(scale: np.ndarray) -> np.ndarray:
    return np.where(scale == 0, 1.0, scale)


def _affine(fit: Any, specification: Specification, *, offset: float = 0.0) -> Preparation:
    """Return the preparation ``y = (x - shift) / scale + offset``."""

    def apply(statistics: Statistics, inputs: Any) -> AnyArray:
        x, _ = as_floating(inputs, len(statistics["shift"]))
        s = cast(statistics, x)
        return (x - s["shift"]) / s["scale"] + offset

    def invert(statistics: Statistics, inputs: Any) -> AnyArray:
        y, _ = as_floating(inputs, len(statistics["shift"]))
        s = cast(statistics, y)
        return (y - offset) * s["scale"] + s["shift"]

    return Preparation(fit, apply, invert, specification)
