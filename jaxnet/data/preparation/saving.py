"""Fitted preparations as JSON, for the ``preprocessing`` of a model file."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from jaxnet.core.checks import check_choice
from jaxnet.core.errors import InputError, invalid_value
from jaxnet.data.preparation.categories import one_hot
from jaxnet.data.preparation.columns import by_column
from jaxnet.data.preparation.missing import impute
from jaxnet.data.preparation.preparation import Fitted, Preparation, Specification, chain
from jaxnet.data.preparation.projection import pca, polynomial_features
from jaxnet.data.preparation.scaling import min_max, robust, standardize

_KINDS = {
    make.__name__: make
    for make in (impute, min_max, one_hot, pca, polynomial_features, robust, standardize)
}


def to_json(fitted: Fitted) -> dict[str, Any]:
    """Return a fitted preparation in JSON types; its numbers keep their bits.

    >>> from jaxnet.data.preparation import fitted, min_max
    >>> to_json(fitted(min_max(), np.array([[0.0], [4.0]])))["statistics"]
    {'shift': [0.0], 'scale': [4.0]}
    """
    return {
        "specification": _specification_to_json(fitted.preparation.specification),
        "statistics": _statistics_to_json(fitted.statistics),
    }


def from_json(description: Mapping[str, Any]) -> Fitted:
    """Return the fitted preparation that `to_json` described.

    Raises:
        ValueError: for a description that is of none.

    >>> from jaxnet.data.preparation import fitted, min_max
    >>> saved = to_json(fitted(min_max(), np.array([[0.0], [4.0]])))
    >>> from_json(saved).apply(np.array([[1.0]])).tolist()
    [[0.25]]
    """
    try:
        preparation = _made(description["specification"])
        return Fitted(preparation, _statistics_from_json(description["statistics"]))
    except InputError:
        raise
    except Exception as error:  # a file may hold anything
        actual = f"{type(error).__name__}: {error}"
        raise invalid_value("preparation", "to be one of jaxnet", actual) from error


def _specification_to_json(specification: Specification) -> dict[str, Any]:
    return specification._asdict() | {
        "parts": [_specification_to_json(part) for part in specification.parts]
    }


def _made(specification: Mapping[str, Any]) -> Preparation:
    parts = [_made(part) for part in specification["parts"]]
    if specification["kind"] == "chain":
        return chain(*parts)
    if specification["kind"] == "by_column":
        return by_column(dict(zip(specification["settings"]["names"], parts, strict=True)))
    return check_choice("preparation", specification["kind"], _KINDS)(**specification["settings"])


def _statistics_to_json(statistics: Any) -> Any:
    if isinstance(statistics, Mapping):
        return {name: np.asarray(array).tolist() for name, array in statistics.items()}
    return [_statistics_to_json(part) for part in statistics]


def _statistics_from_json(given: Any) -> Any:
    if isinstance(given, Mapping):
        return {name: np.array(array) for name, array in given.items()}
    return tuple(_statistics_from_json(part) for part in given)
