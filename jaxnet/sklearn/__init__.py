"""scikit-learn estimators: feed-forward networks and a search that trains as one program."""

from jaxnet.core.optional_imports import import_package

import_package("sklearn", remedy="pip install -e '.[sklearn]' installs all for estimators.")

# they derive from scikit-learn's classes, which are missing without it
from jaxnet.sklearn.classifier import FeedForwardClassifier  # noqa: E402
from jaxnet.sklearn.regressor import FeedForwardRegressor  # noqa: E402
from jaxnet.sklearn.sweep_search import SweepSearchCV  # noqa: E402

__all__ = ["FeedForwardClassifier", "FeedForwardRegressor", "SweepSearchCV"]

__dir__ = __all__.copy  # dir() shows these names alone
