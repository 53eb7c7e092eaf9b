"""Settings: which hyperparameters a sweep tries, as labelled columns of numbers."""

import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

import jax
import numpy as np

from jaxnet.core.checks import check_count, check_key, check_range
from jaxnet.core.errors import invalid_type, invalid_value
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
        if len(np.unique(axis)) < len(axis):
            remedy = "Give each once; for repeated runs there are seeds."
            raise invalid_value(name, "to hold unlike values", axis.tolist(), remedy)
    if not values:
        raise invalid_value("axes", "to be given", "none", "Name a hyperparameter.")
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
    remedy = "Give one dictionary of hyperparameters a setting."
    for index, setting in enumerate(settings):
        if not isinstance(setting, Mapping):
            argument, actual = f"settings[{index}]", repr(setting)
            raise invalid_type(argument, "to be a dictionary", actual, remedy)
    if not settings or not settings[0]:
        raise invalid_value("settings", "not to be empty", list(settings), remedy)
    names = list(settings[0])
    for index, setting in enumerate(settings):
        if set(setting) != set(names):
            remedy = "Give every setting the same hyperparameters."
            actual = f"{', '.join(setting) or 'none'} in setting {index}"
            raise invalid_value("names", f"to be {', '.join(names)}", actual, remedy)
    for name, value in itertools.chain.from_iterable(setting.items() for setting in settings):
        if np.iterable(value) and not isinstance(value, str):
            remedy = f"To try several, pass grid({name}=[...])."
            raise invalid_value(name, "to be one number a setting", repr(value), remedy)
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
    if not distributions:
        remedy = "For example: learning_rate=log_uniform(1e-4, 1e-1)"
        raise invalid_value("distributions", "to be given", "none", remedy)
    for name, distribution in distributions.items():
        if not callable(distribution):
            remedy = f"To draw from a list, pass {name}=choice([...])."
            expected = "to be a distribution"
            raise invalid_type(name, expected, repr(distribution), remedy)
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
        if len(lengths) != 1:
            remedy = "Make them by grid, sampled or listed."
            expected = "to have columns of one length"
            raise invalid_value("settings", expected, lengths or "no columns", remedy)
        return settings._replace(columns=columns)
    if isinstance(settings, Mapping):
        return listed([settings])
    if isinstance(settings, Sequence) and not isinstance(settings, str):
        return listed(settings)
    remedy = "Pass grid(...), sampled(...) or a list of dictionaries."
    actual = f"a {type(settings).__name__}"
    raise invalid_type("settings", "to be settings", actual, remedy)


def _drawn(name: str, draw: Distribution, key: Key, n: int) -> np.ndarray:
    """Return ``n`` numbers of a distribution."""
    column = _column(name, draw(key, n))
    if len(column) != n:
        remedy = "A distribution is (key, n) -> n numbers."
        raise invalid_value(name, f"to give {n} numbers", len(column), remedy)
    return column


def _unit(key: Key, n: int) -> np.ndarray:
    return np.asarray(jax.random.uniform(key, (n,)), np.float64)


def _column(name: str, values: Any) -> np.ndarray:
    """Return one or more finite numbers as an array of float64 or int32."""
    column = as_numbers(name, values)
    if column.ndim != 1 or not len(column):
        remedy = "Give one or more numbers in a list."
        raise invalid_value(name, "to be a list of numbers", repr(values), remedy)
    return column
