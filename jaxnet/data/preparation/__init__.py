"""Preparation of raw data: pure functions with statistics of the training examples alone.

``statistics = preparation.fit(train)`` and ``preparation.apply(statistics, any)``: what a
preparation learns, it learns in `fit`, and `apply` changes nothing. Give `fit` the training inputs
and no others, and no statistic leaks from validation or test (lecture 004).
"""

from jaxnet.data.preparation.categories import one_hot
from jaxnet.data.preparation.columns import by_column, tabular
from jaxnet.data.preparation.missing import impute
from jaxnet.data.preparation.preparation import Fitted, Preparation, chain, fitted
from jaxnet.data.preparation.projection import pca, polynomial_features
from jaxnet.data.preparation.saving import from_json, to_json
from jaxnet.data.preparation.scaling import min_max, robust, standardize

__all__ = [
    "Fitted",
    "Preparation",
    "by_column",
    "chain",
    "fitted",
    "from_json",
    "impute",
    "min_max",
    "one_hot",
    "pca",
    "polynomial_features",
    "robust",
    "standardize",
    "tabular",
    "to_json",
]

__dir__ = __all__.copy  # dir() shows these names alone
