"""A metric with its direction: a best is chosen by it, never by the spelling of a name."""

import functools
from collections.abc import Callable, Mapping
from typing import Any, Literal, NamedTuple, TypeAlias

from jaxnet.core.checks import check_choice
from jaxnet.core.errors import InvalidValueError, invalid_type, invalid_value
from jaxnet.core.types import ElementwiseLoss
from jaxnet.functions.metrics.per_example import (
    accuracy,
    binary_accuracy,
    error_rate,
    top_k_accuracy,
)

Mode: TypeAlias = Literal["min", "max"]
"""A direction: ``"max"`` where larger values are better, ``"min"`` where smaller ones are."""

Modes: TypeAlias = Mapping[str, Mode | None]
"""The name of each metric that there is -> its direction; None where that is unknown."""

SIGNS: dict[str, float] = {"min": 1.0, "max": -1.0}
"""Direction -> the factor with which smaller is better."""


class Metric(NamedTuple):
    """A metric with its direction.

    Attributes:
        function: ``(outputs, targets) -> one value an example``, whose mean is the metric.
        mode: ``"max"`` if larger values are better, ``"min"`` if smaller ones are; None if that is
            unknown: the metric is reported, and nothing is chosen by it.
    """

    function: ElementwiseLoss
    mode: Mode | None = None


_TABLE: dict[str, Metric] = {
    "accuracy": Metric(accuracy, "max"),
    "error_rate": Metric(error_rate, "min"),
    "top_k_accuracy": Metric(top_k_accuracy, "max"),
    "binary_accuracy": Metric(binary_accuracy, "max"),
}

METRICS: dict[str, ElementwiseLoss] = {name: metric.function for name, metric in _TABLE.items()}
"""Name -> metric of one value an example; ``top_k_accuracy`` has ``k = 5`` unless told,
``binary_accuracy`` the threshold 0 of logits: not that of probabilities."""


def as_metric(metric: str | ElementwiseLoss | Metric | tuple[ElementwiseLoss, Mode]) -> Metric:
    """Return a metric with its direction.

    Args:
        metric: a name in `METRICS`; a function of that table, or a `functools.partial` of one,
            whose direction is known; a `Metric`, or a tuple like it, whose own direction counts
            even against a known one; or any other function ``(outputs, targets) -> one value an
            example``, whose direction remains unknown.

    Raises:
        TypeError: if it is none of these.
        ValueError: for an unknown name or direction; the known ones are listed.

    >>> as_metric(functools.partial(top_k_accuracy, k=3)).mode, as_metric(lambda y, v: v).mode
    ('max', None)
    """
    if isinstance(metric, str):
        return check_choice("metric", metric, _TABLE)
    pair: tuple[Any, ...] = metric if isinstance(metric, tuple) else (metric, None)
    if len(pair) != 2 or not callable(pair[0]):
        expected = "to be a name, a function of outputs and targets, or one with its direction"
        remedy = "Pass a name in METRICS, say, or Metric(function, 'max')."
        raise invalid_type("metric", expected, repr(metric), remedy)
    function, mode = pair
    if mode is not None:
        check_choice("mode", mode, SIGNS)
        return Metric(function, mode)
    plain = without_options(function)
    known: list[Mode | None] = [m.mode for m in _TABLE.values() if m.function is plain]
    return Metric(function, *known)


def without_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return the function to which a `functools.partial` gives options; others as they are."""
    return function.func if isinstance(function, functools.partial) else function


def check_direction(argument: str, name: str, modes: Modes, mode: Mode | None = None) -> Mode:
    """Return the direction of the metric that something is to be chosen by.

    Args:
        argument: its argument that names the metric.
        name: of the metric.
        modes: the direction of each metric that there is.
        mode: the direction asked for, which counts even against a known one; None for that one.

    Raises:
        ValueError: for another name, another direction, or one that is neither known nor given.
    """
    known = check_choice(argument, name, modes)
    if mode is not None:
        check_choice("mode", mode, SIGNS)
        return mode
    if known is None:
        raise no_direction(argument, name)
    return known


def no_direction(argument: str, name: str) -> InvalidValueError:
    """Return the error of a metric whose direction is unknown where something is chosen by it."""
    remedy = (
        "Nothing says whether larger or smaller values of it are better: pass mode='max' or "
        "mode='min', or the metric as jaxnet.metrics.Metric(function, 'max')."
    )
    expected = "to be a metric with a direction"
    return invalid_value(argument, expected, repr(name), remedy)
