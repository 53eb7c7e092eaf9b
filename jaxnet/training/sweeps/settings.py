"""Settings: which hyperparameters a sweep tries, as labelled columns of numbers."""

import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

import jax
import numpy as np

from jaxnet.core.checks import (
    check_count,
    check_function,
    check_instance,
    check_key,
    check_range,
    require,
    require_type,
)
from jaxnet.core.representation import represent
from jaxnet.core.types import Key
from jaxnet.training.hyperparameters import as_numbers


class Settings(NamedTuple):
    """Settings of a sweep: one number of each hyperparameter for each of ``n`` settings.

    Attributes:
        columns: name -> array of shape ``(n,)``, floating-point or integer.
        axes: name -> the values along one axis of a grid, in order; empty if it is none.
    """

    columns: Mapping[str, np.ndarray]
    axes: Mapping[str, np.ndarray]

    __repr__ = represent

    @property
    def size(self) -> int:
        """How many settings there are."""
        return len(next(iter(self.columns.values())))

    def row(self, index: int) -> dict[str, float | int]:
        """Return one setting as Python numbers."""
        return {name: column[index].item() for name, column in self.columns.items()}

    def take(self, indices: np.ndarray) -> "Settings":
        """Return the settings at ``indices``, which are no grid any more."""
        return Settings({name: column[indices] for name, column in self.columns.items()}, {})


Distribution: TypeAlias = Callable[[Key, int], np.ndarray]
"""``(key, n) -> n numbers``."""


def grid(**axes: Any) -> Settings:
    """Return all combinations of some values; the last axis varies fastest.

    Args:
        axes: name -> one or more numbers.

    Raises:
        ValueError: for no axis, an empty one, values that are no finite numbers or not unlike, or
            whole ones below 0 or above 2^31 - 1.

    >>> grid(learning_rate=[0.1, 0.01], drop_rate=[0.0, 0.2, 0.5]).size
    6
    """
    values = {name: _column(name, axis) for name, axis in axes.items()}
    for name, axis in values.items():
        unlike, remedy = len(np.unique(axis)) == len(axis), "For repeated runs there are seeds."
        require(unlike, name, "to hold unlike values", axis.tolist(), remedy)
    require(values, "axes", "to be given", "none")
    combinations = list(itertools.product(*(axis.tolist() for axis in values.values())))
    columns = zip(*combinations, strict=True)
    named = zip(values.items(), columns, strict=True)
    return Settings({n: np.array(c, axis.dtype) for (n, axis), c in named}, values)


def listed(settings: Sequence[Mapping[str, Any]]) -> Settings:
    """Return the settings of a list of dictionaries, which all have the same names.

    Raises:
        ValueError: for an empty list, names that differ, values that are no finite numbers, or
            whole ones below 0 or above 2^31 - 1.

    >>> listed(
    ...     [{"learning_rate": 0.1, "momentum": 0.9}, {"learning_rate": 0.3, "momentum": 0}]
    ... ).size
    2
    """
    for index, setting in enumerate(settings):
        check_instance(f"settings[{index}]", setting, Mapping, "to be a dictionary")
    require(settings and settings[0], "settings", "not to be empty", list(settings))
    names = list(settings[0])
    for index, setting in enumerate(settings):
        actual = f"{', '.join(setting) or 'none'} in setting {index}"
        require(set(setting) == set(names), "names", f"to be {', '.join(names)}", actual)
        for name, value in setting.items():
            one = isinstance(value, str) or not np.iterable(value)
            remedy = f"To try several, pass grid({name}=[...])."
            require(one, name, "to be one number a setting", repr(value), remedy)
    columns = {n: _column(n, [setting[n] for setting in settings]) for n in names}
    return Settings(columns, {})


def sampled(key: Key, n: int, **distributions: Distribution) -> Settings:
    """Return ``n`` settings drawn at random, each hyperparameter from its own distribution.

    Random search: where few of the hyperparameters matter, it tries more values of these than a
    grid of as many settings.

    Args:
        key: PRNG key.
        n: how many, 1 or more.
        distributions: `uniform`, `log_uniform`, `choice`, or others of that form.

    Raises:
        ValueError: for no distribution, or one that gives no finite numbers, or whole ones below 0
            or above 2^31 - 1.

    Source: Bergstra and Bengio 2012, "Random search for hyper-parameter optimization".

    >>> settings = sampled(jax.random.key(0), 5, learning_rate=log_uniform(1e-4, 1e-1))
    >>> settings.size, bool((settings.columns["learning_rate"] < 1e-1).all())
    (5, True)
    """
    check_count("n", n)
    check_key("key", key)
    require(distributions, "distributions", "to be given", "none")
    for name, each in distributions.items():
        check_function(name, each, f"To draw from a list, pass {name}=choice([...]).")
    keys = jax.random.split(key, len(distributions))
    drawn = zip(keys, distributions.items(), strict=True)
    return Settings({name: _drawn(name, draw, k, n) for k, (name, draw) in drawn}, {})


def uniform(low: float, high: float) -> Distribution:
    """Return the uniform distribution on ``[low, high)``."""
    check_range("low", low)
    check_range("high", high, low=low, low_open=True)
    return lambda key, n: low + (high - low) * _unit(key, n)


def log_uniform(low: float, high: float) -> Distribution:
    """Return the distribution on ``[low, high)`` whose logarithm is uniform; ``low`` above 0."""
    check_range("low", low, low=0.0, low_open=True)
    check_range("high", high, low=low, low_open=True)
    ratio = math.log(high / low)
    return lambda key, n: low * np.exp(ratio * _unit(key, n))


def choice(values: Sequence[Any]) -> Distribution:
    """Return the uniform distribution over some numbers."""
    options = _column("values", values)
    return lambda key, n: options[(len(options) * _unit(key, n)).astype(int)]


def check_settings(settings: Any) -> Settings:
    """Return settings: themselves, or those of a list of dictionaries.

    Raises:
        TypeError: if they are neither.
        ValueError: if they are none, or their columns are not of one length.
    """
    if isinstance(settings, Settings):
        columns = {name: _column(name, each) for name, each in settings.columns.items()}
        lengths = sorted({len(column) for column in columns.values()})
        found = lengths or "no columns"
        require(len(lengths) == 1, "settings", "to have columns of one length", found)
        return settings._replace(columns=columns)
    if isinstance(settings, Mapping):
        return listed([settings])
    good = isinstance(settings, Sequence) and not isinstance(settings, str)
    remedy = "Pass grid(...), sampled(...) or a list of dictionaries."
    require_type(good, "settings", "to be settings", f"a {type(settings).__name__}", remedy)
    return listed(settings)


def _drawn(name: str, draw: Distribution, key: Key, n: int) -> np.ndarray:
    """Return ``n`` numbers of a distribution."""
    column = _column(name, draw(key, n))
    require(len(column) == n, name, f"to give {n} numbers", len(column))
    return column


def _unit(key: Key, n: int) -> np.ndarray:
    return np.asarray(jax.random.uniform(key, (n,)), np.float64)


def _column(name: str, values: Any) -> np.ndarray:
    """Return one or more finite numbers as an array of float64 or int32."""
    column = as_numbers(name, values)
    require(column.ndim == 1 and len(column), name, "to be a list of numbers", repr(values))
    return column
