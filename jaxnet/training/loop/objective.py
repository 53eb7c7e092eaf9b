"""The objective: loss, penalty and reported metrics of a network."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

from jaxnet.core.checks import check_choice, require
from jaxnet.core.representation import represent
from jaxnet.core.types import Array, ElementwiseLoss, Layer, Params
from jaxnet.functions.losses import (
    LOSSES,
    Loss,
    as_loss,
    categorical_cross_entropy,
    sigmoid_binary_cross_entropy,
    softmax_cross_entropy,
)
from jaxnet.functions.metrics import METRICS, Metric, as_metric
from jaxnet.functions.metrics.metric import Modes, without_options
from jaxnet.functions.penalties import Penalty, as_penalty

LossArgument: TypeAlias = str | ElementwiseLoss | Loss
MetricArgument: TypeAlias = LossArgument | Metric
MetricsArgument: TypeAlias = (
    str | Sequence[str] | Mapping[str, MetricArgument] | tuple[tuple[str, Metric], ...]
)
PenaltyArgument: TypeAlias = Callable[[Params], Array] | Penalty


class Objective(NamedTuple):
    """The mean loss over the examples plus the penalty, and the metrics reported beside it.

    It can be hashed, so that a program compiled for it is found again.

    Attributes:
        network: whose parameters are sought.
        loss: one value an example, with its backward rule.
        metrics: pairs of name and metric with its direction, reported beside the loss.
        penalty: of the parameters, added to the risk of every mini-batch; None for none.
    """

    network: Layer
    loss: Loss
    metrics: tuple[tuple[str, Metric], ...] = ()
    penalty: Penalty | None = None

    __repr__ = represent

    @property
    def modes(self) -> Modes:
        """The direction of all that is reported, by name; None for a metric without one."""
        return {"loss": "min", **{name: metric.mode for name, metric in self.metrics}}


DEFAULT_METRICS: dict[Callable[..., Array], tuple[str, ...]] = {
    softmax_cross_entropy: ("accuracy",),
    categorical_cross_entropy: ("accuracy",),
    sigmoid_binary_cross_entropy: ("binary_accuracy",),
}
"""Loss -> the metrics that are reported unless others are asked for; none for all others."""


def make_objective(
    network: Layer,
    loss: LossArgument = "softmax_cross_entropy",
    metrics: MetricsArgument | None = None,
    penalty: PenaltyArgument | None = None,
) -> Objective:
    """Build an objective from names and functions, for instruments and loops of your own.

    Args:
        network: whose parameters are sought.
        loss: a name in `jaxnet.losses.LOSSES`, or a loss, as for `jaxnet.training.fit`.
        metrics: what to report beside it, as for `fit`; by default the accuracy that suits the
            loss, see `DEFAULT_METRICS`. A function or partial of `METRICS` or `LOSSES` has its
            direction; another function needs a `jaxnet.metrics.Metric` to have one.
        penalty: ``params -> scalar``, added to the risk; None for none.

    Raises:
        ValueError: for an unknown name, listing the known ones, or a metric called "loss".
        TypeError: for a loss or metric that is no function.

    >>> from jaxnet.networks import mlp
    >>> [name for name, _ in make_objective(mlp((2, 3, 2))).metrics]
    ['accuracy']
    """
    if isinstance(loss, str):
        check_choice("loss", loss, LOSSES)
    pair = as_loss(loss)
    if metrics is None:
        metrics = DEFAULT_METRICS.get(without_options(pair.function), ())
    return Objective(
        network,
        pair,
        _resolve_metrics(metrics),
        None if penalty is None else as_penalty(penalty),
    )


def _resolve_metrics(metrics: MetricsArgument) -> tuple[tuple[str, Metric], ...]:
    given: Any = metrics
    pairs = isinstance(given, tuple) and all(isinstance(pair, tuple) for pair in given)
    if pairs or isinstance(given, Mapping):
        named: dict[str, Metric] = {name: _directed(metric) for name, metric in dict(given).items()}
    else:
        several = isinstance(metrics, Iterable) and not isinstance(metrics, str)
        names: Any = metrics if several else (metrics,)
        table = {name: as_metric(name) for name in METRICS}
        named = {name: check_choice("metrics", name, table) for name in names}
    require("loss" not in named, "metrics", "to have other names than 'loss'", "it")
    return tuple(named.items())


def _directed(metric: MetricArgument) -> Metric:
    """Return a metric with its direction, which is ``"min"`` for a loss."""
    if isinstance(metric, Loss):
        return Metric(metric.function, "min")
    found = as_metric(metric)
    is_loss = without_options(found.function) in LOSSES.values()
    return found._replace(mode="min") if found.mode is None and is_loss else found
