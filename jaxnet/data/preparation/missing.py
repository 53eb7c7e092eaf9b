"""Nulls: filled in, with a mask of where they were."""

from typing import Any, Literal

import jax.numpy as jnp
import numpy as np

from jaxnet.core.checks import check_choice, check_finite, check_flags, check_range, require
from jaxnet.core.types import AnyArray
from jaxnet.data.preparation.preparation import (
    Preparation,
    Specification,
    Statistics,
    as_floating,
    training_values,
)

Fill = Literal["mean", "median", "most_frequent"]


def impute(fill: Fill | float = "median", *, mask: bool = False) -> Preparation:
    """Return a preparation that replaces nulls, NaN, by a value of their feature.

    Args:
        fill: ``"mean"``, ``"median"`` or ``"most_frequent"`` of the training values that are no
            nulls (of equally frequent ones the least), or a number.
        mask: whether to append a column for each feature, 1 where there was a null.

    Returns:
        Preparation of shape ``(n, features)`` to the same, or to ``(n, 2 features)`` with the
        mask. Its inverse puts the nulls back with the mask; without, it changes nothing.

    Raises:
        ValueError: in `fit` for infinities, or a feature of nulls alone, unless ``fill`` is a
            number.

    Source: lecture 004, nulls; as ``sklearn.impute.SimpleImputer``.

    >>> filling, x = impute("mean", mask=True), np.array([[1.0], [np.nan], [5.0]])
    >>> filling.apply(filling.fit(x), x).tolist()
    [[1.0, 0.0], [3.0, 1.0], [5.0, 0.0]]
    """
    check_flags(mask=mask)
    if isinstance(fill, str):
        check_choice("fill", fill, _FILLS)
    else:
        check_range("fill", fill)

    def fit(inputs: Any) -> Statistics:
        x = training_values(inputs, finite=False)
        known = [column[~np.isnan(column)] for column in x.T]
        for column in known:
            check_finite("inputs", column, "Remove those examples.")
        if not isinstance(fill, str):
            return {"fill": np.full(len(known), float(fill))}
        for index, column in enumerate(known):
            require(len(column), f"feature {index}", "to hold a value", "nulls alone", "Drop it.")
        return {"fill": np.array([_FILLS[fill](column) for column in known])}

    def apply(statistics: Statistics, inputs: Any) -> AnyArray:
        x, numpy = as_floating(inputs, len(statistics["fill"]))
        null = numpy.isnan(x)
        full = numpy.where(null, statistics["fill"].astype(x.dtype)[None], x)
        return numpy.concatenate([full, null.astype(x.dtype)], axis=1) if mask else full

    def invert(statistics: Statistics, inputs: Any) -> AnyArray:
        features = len(statistics["fill"])
        x, numpy = as_floating(inputs, 2 * features if mask else features)
        nan = jnp.asarray(jnp.nan, x.dtype) if numpy is jnp else np.nan
        return numpy.where(x[:, features:] > 0.5, nan, x[:, :features]) if mask else x

    return Preparation(fit, apply, invert, Specification("impute", {"fill": fill, "mask": mask}))


def _most_frequent(values: np.ndarray) -> float:
    known, counts = np.unique(values, return_counts=True)
    return float(known[np.argmax(counts)])


_FILLS: dict[str, Any] = {"mean": np.mean, "median": np.median, "most_frequent": _most_frequent}
