"""Metrics with a direction, for selection by them."""

import functools
from collections.abc import Callable, Mapping
from typing import Any, Literal, NamedTuple, TypeAlias

from jaxnet.core.checks import check_choice, check_function, require_type
from jaxnet.core.errors import InvalidValueError, invalid_value
from jaxnet.core.representation import represent
from jaxnet.core.types import Array, ElementwiseLoss
from jaxnet.functions.metrics.confusion import f1_score
from jaxnet.functions.metrics.per_example import (
    accuracy,
    binary_accuracy,
    error_rate,
    top_k_accuracy,
)
from jaxnet.functions.metrics.roc import roc_auc
from jaxnet.functions.metrics.whole_set import r_squared

Mode: TypeAlias = Literal["min", "max"]
"""A direction: ``"max"`` where larger values are better, ``"min"`` where smaller ones are."""

Modes: TypeAlias = Mapping[str, Mode | None]
"""Name of a metric -> its direction; None if unknown."""

SIGNS: dict[str, float] = {"min": 1.0, "max": -1.0}
"""Direction -> the factor with which smaller is better."""


class Metric(NamedTuple):
    """A metric with its direction.

    Attributes:
        function: ``(outputs, targets) -> one value per example``, whose mean is the metric; or a
            scalar of all examples.
        mode: ``"max"`` if larger values are better, ``"min"`` if smaller ones are; None if that is
            unknown: the metric is reported only.
        whole_set: whether the function is one of all examples. It is then measured on validation
            examples, and not while training, where parameters change between mini-batches, and
            is given their weights as ``weights=`` if they have any.
    """

    function: ElementwiseLoss
    mode: Mode | None = None
    whole_set: bool = False

    __repr__ = represent


_TABLE: dict[str, Metric] = {
    "accuracy": Metric(accuracy, "max"),
    "error_rate": Metric(error_rate, "min"),
    "top_k_accuracy": Metric(top_k_accuracy, "max"),
    "binary_accuracy": Metric(binary_accuracy, "max"),
    "f1": Metric(f1_score, "max", whole_set=True),
    "r_squared": Metric(r_squared, "max", whole_set=True),
    "roc_auc": Metric(roc_auc, "max", whole_set=True),
}

METRICS: dict[str, ElementwiseLoss] = {
    name: metric.function for name, metric in _TABLE.items() if not metric.whole_set
}
"""Name -> metric of one value per example; by default ``k = 5`` in ``top_k_accuracy``,
and the threshold 0, of logits, in ``binary_accuracy``."""

WHOLE_SET_METRICS: dict[str, Callable[..., Array]] = {
    name: metric.function for name, metric in _TABLE.items() if metric.whole_set
}
"""Name -> metric of a whole set of examples, which is no mean over them."""


def as_metric(metric: str | ElementwiseLoss | Metric | tuple[ElementwiseLoss, Mode]) -> Metric:
    """Return a metric with its direction.

    Args:
        metric: a name in `METRICS` or `WHOLE_SET_METRICS`; a function of these tables, or a
            `functools.partial` of one, whose direction is known; a `Metric`, or a pair of
            function and direction, which overrides a known one; or any other function
            ``(outputs, targets) -> one value an example``, whose direction remains unknown.

    Raises:
        TypeError: if it is none of these.
        ValueError: for an unknown name or direction; the known ones are listed.

    >>> as_metric(functools.partial(top_k_accuracy, k=3)).mode, as_metric(lambda y, v: v).mode
    ('max', None)
    """
    if isinstance(metric, str):
        return check_choice("metric", metric, _TABLE)
    given: Any = metric if isinstance(metric, tuple) else (metric, None)
    good = (len(given) == 2 or isinstance(metric, Metric)) and callable(given[0])
    expected = "to be a name, a function of outputs and targets, or one with its direction"
    require_type(good, "metric", expected, repr(metric))
    check_function("metric", given[0], takes="outputs, targets")
    asked = Metric(*given)
    plain = without_options(asked.function)
    known = next((m for m in _TABLE.values() if m.function is plain), asked)
    if asked.mode is not None:
        check_choice("mode", asked.mode, SIGNS)
    whole_set = bool(asked.whole_set or known.whole_set)
    return Metric(asked.function, asked.mode or known.mode, whole_set)


def without_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return the function inside a `functools.partial`; other functions unchanged."""
    return function.func if isinstance(function, functools.partial) else function


def check_direction(argument: str, name: str, modes: Modes, mode: Mode | None = None) -> Mode:
    """Return the direction of a metric used for selection.

    Args:
        argument: the argument that names the metric.
        name: of the metric.
        modes: name of each metric -> its direction.
        mode: a direction that overrides the known one; None keeps it.

    Raises:
        ValueError: for another name, another direction, or one that is neither known nor given.
    """
    if name in _TABLE and name not in modes:
        remedy = f"Name it in metrics=, too, such as metrics=[{name!r}]."
        expected = f"to be one of {', '.join(sorted(modes))}"
        raise invalid_value(argument, expected, repr(name), remedy)
    known = check_choice(argument, name, modes)
    if mode is not None:
        check_choice("mode", mode, SIGNS)
        return mode
    if known is None:
        raise no_direction(argument, name)
    return known


def no_direction(argument: str, name: str) -> InvalidValueError:
    """Return the error for selection by a metric of unknown direction."""
    remedy = "Pass mode='max' or 'min', or the metric as jaxnet.metrics.Metric(function, 'max')."
    return invalid_value(argument, "to be a metric with a direction", repr(name), remedy)
