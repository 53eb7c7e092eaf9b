"""The objective: loss, penalty and reported metrics of a network."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

from jaxnet.core.checks import check_choice, check_instance, require
from jaxnet.core.representation import represent
from jaxnet.core.types import Array, ElementwiseLoss, Layer, Params
from jaxnet.functions.losses import (
    LOSSES,
    Loss,
    as_loss,
    binary_cross_entropy,
    categorical_cross_entropy,
    kl_divergence,
    sigmoid_binary_cross_entropy,
    softmax_cross_entropy,
    softmax_kl_divergence,
)
from jaxnet.functions.metrics import METRICS, WHOLE_SET_METRICS, Metric, as_metric
from jaxnet.functions.metrics.metric import Modes, without_options
from jaxnet.functions.penalties import Penalty, as_penalty
from jaxnet.layers.compose import check_layer
from jaxnet.networks.heads import Head, head_of

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
    def whole_set_metrics(self) -> dict[str, Callable[..., Array]]:
        """The functions of metrics of a whole set, by name."""
        return {name: metric.function for name, metric in self.metrics if metric.whole_set}

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

PROBABILITY_LOSSES = (binary_cross_entropy, categorical_cross_entropy, kl_divergence)
"""Losses whose outputs must be probabilities; on anything else they fail without a word."""

SOFTMAX_LOSSES = (softmax_cross_entropy, softmax_kl_divergence)
"""Losses whose outputs are logits of a softmax."""

CONTRARY_LOSSES = {
    "binary": (*SOFTMAX_LOSSES, *PROBABILITY_LOSSES),
    "multiclass": (sigmoid_binary_cross_entropy, *PROBABILITY_LOSSES),
    "regression": (*SOFTMAX_LOSSES, sigmoid_binary_cross_entropy),
    "bounded_regression": (*SOFTMAX_LOSSES, sigmoid_binary_cross_entropy),
}
"""Name of a head -> losses that read its outputs as something else."""


def default_loss(network: Layer) -> str:
    """Return the name of the loss of a network's head, or of softmax cross-entropy without one.

    >>> from jaxnet.networks import mlp
    >>> default_loss(mlp((2, 1), head="binary")), default_loss(mlp((2, 3)))
    ('sigmoid_binary_cross_entropy', 'softmax_cross_entropy')
    """
    head = head_of(network)
    return "softmax_cross_entropy" if head is None else head.loss


def make_objective(
    network: Layer,
    loss: LossArgument | None = None,
    metrics: MetricsArgument | None = None,
    penalty: PenaltyArgument | None = None,
) -> Objective:
    """Build an objective from names and functions, for instruments and loops of your own.

    Args:
        network: whose parameters are sought.
        loss: a name in `jaxnet.losses.LOSSES`, or a loss, as for `jaxnet.training.fit`; by default
            that of the network's head, or softmax cross-entropy without one.
        metrics: what to report beside it, as for `fit`; by default those of the head whose loss it
            is, else the accuracy that suits the loss, see `DEFAULT_METRICS`. A function or partial
            of `METRICS` or `LOSSES` has its direction; another function needs a
            `jaxnet.metrics.Metric` to have one.
        penalty: ``params -> scalar``, added to the risk; None for none.

    Raises:
        ValueError: for an unknown name, listing the known ones, a metric called "loss", or a loss
            that contradicts the network's head.
        TypeError: for a loss or metric that is no function.

    >>> from jaxnet.networks import mlp
    >>> [name for name, _ in make_objective(mlp((2, 3, 2))).metrics]
    ['accuracy']
    """
    check_layer("network", network)
    if isinstance(loss, str):
        check_choice("loss", loss, LOSSES)
    head = head_of(network)
    pair = as_loss(default_loss(network) if loss is None else loss)
    if metrics is None and loss is None and head is not None:
        metrics = head.metrics
    if metrics is None:
        metrics = DEFAULT_METRICS.get(without_options(pair.function), ())
    _check_head(head, pair)
    return Objective(
        network,
        pair,
        _resolve_metrics(metrics),
        None if penalty is None else as_penalty(penalty),
    )


def _check_head(head: Head | None, loss: Loss) -> None:
    function = without_options(loss.function)
    if head is not None:
        good = function not in CONTRARY_LOSSES.get(head.name, ())
        expected = f"to suit the head {head.name!r} of the network"
        remedy = f"Leave it out for {head.loss}, or make the network with another head."
        require(good, "loss", expected, getattr(function, "__name__", function), remedy)


def _resolve_metrics(metrics: MetricsArgument) -> tuple[tuple[str, Metric], ...]:
    given: Any = metrics
    pairs = isinstance(given, tuple) and all(isinstance(pair, tuple) for pair in given)
    if pairs or isinstance(given, Mapping):
        named: dict[str, Metric] = {name: _directed(metric) for name, metric in dict(given).items()}
    else:
        several = isinstance(metrics, Iterable) and not isinstance(metrics, str)
        names: Any = metrics if several else (metrics,)
        table = {name: as_metric(name) for name in METRICS | WHOLE_SET_METRICS}
        named = {name: check_choice("metrics", name, table) for name in names}
    require("loss" not in named, "metrics", "to have other names than 'loss'", "it")
    for name in named:
        check_instance("metrics", name, str, "to be named by strings")
    return tuple(named.items())


def _directed(metric: MetricArgument) -> Metric:
    """Return a metric with its direction, which is ``"min"`` for a loss."""
    if isinstance(metric, Loss):
        return Metric(metric.function, "min")
    found = as_metric(metric)
    is_loss = without_options(found.function) in LOSSES.values()
    return found._replace(mode="min") if found.mode is None and is_loss else found
