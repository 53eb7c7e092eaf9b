"""Fitted preparations as JSON and arrays, for model files."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from jaxnet.core.checks import check_choice
from jaxnet.data.preparation.categories import one_hot
from jaxnet.data.preparation.columns import by_column
from jaxnet.data.preparation.missing import impute, most_frequent_category
from jaxnet.data.preparation.preparation import Fitted, Preparation, Recipe, Statistics, chain
from jaxnet.data.preparation.projection import pca, polynomial_features
from jaxnet.data.preparation.scaling import min_max, robust, standardize

_MADE_OF_SETTINGS = {
    make.__name__: make
    for make in (
        *(impute, min_max, most_frequent_category),
        *(one_hot, pca, polynomial_features, robust, standardize),
    )
}


def stored(fitted: Fitted) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Return the recipe and the texts of a fitted preparation in JSON, and its arrays by path.

    >>> from jaxnet.data.preparation import fitted, min_max
    >>> description, arrays = stored(fitted(min_max(), np.array([[0.0], [4.0]])))
    >>> description["recipe"]["kind"], sorted(arrays)
    ('min_max', ['scale', 'shift'])
    """
    named = _named(fitted.statistics)
    texts = {name: array.tolist() for name, array in named.items() if array.dtype.kind == "U"}
    arrays = {name: array for name, array in named.items() if name not in texts}
    return {"recipe": _json(fitted.preparation.recipe), "texts": texts}, arrays


def restored(description: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> Fitted:
    """Return the fitted preparation that `stored` described.

    Raises:
        ValueError: for a recipe or statistics that are no preparation's.
    """
    recipe = _recipe(description["recipe"])
    named = {**arrays, **{name: np.array(text) for name, text in description["texts"].items()}}
    return Fitted(_made(recipe), _statistics(recipe, named, ""))


def _named(statistics: Statistics, prefix: str = "") -> dict[str, np.ndarray]:
    if isinstance(statistics, Mapping):
        return {prefix + name: np.asarray(array) for name, array in statistics.items()}
    found: dict[str, np.ndarray] = {}
    for index, part in enumerate(statistics):
        found |= _named(part, f"{prefix}{index}/")
    return found


def _statistics(recipe: Recipe, named: Mapping[str, np.ndarray], prefix: str) -> Statistics:
    if recipe.kind in ("chain", "by_column"):
        parts = enumerate(recipe.parts)
        return tuple(_statistics(part, named, f"{prefix}{index}/") for index, part in parts)
    own = {n.removeprefix(prefix): array for n, array in named.items() if n.startswith(prefix)}
    return {name: array for name, array in own.items() if "/" not in name}


def _made(recipe: Recipe) -> Preparation:
    parts = [_made(part) for part in recipe.parts]
    if recipe.kind == "chain":
        return chain(*parts)
    if recipe.kind == "by_column":
        return by_column(dict(zip(recipe.settings["names"], parts, strict=True)))
    return check_choice("preparation", recipe.kind, _MADE_OF_SETTINGS)(**recipe.settings)


def _json(recipe: Recipe) -> dict[str, Any]:
    return recipe._asdict() | {"parts": [_json(part) for part in recipe.parts]}


def _recipe(given: Mapping[str, Any]) -> Recipe:
    return Recipe(given["kind"], given["settings"], tuple(_recipe(each) for each in given["parts"]))
