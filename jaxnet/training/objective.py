"""The objective: what a run minimizes, and what it reports beside it."""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, TypeAlias

from jaxnet.core.checks import check_choice
from jaxnet.core.errors import invalid_value
from jaxnet.core.types import Array, ElementwiseLoss, Layer, Params
from jaxnet.functions.losses import (
    LOSSES,
    Loss,
    as_loss,
    categorical_cross_entropy,
    sigmoid_binary_cross_entropy,
    softmax_cross_entropy,
)
from jaxnet.functions.metrics import METRICS
from jaxnet.functions.penalties import Penalty, as_penalty

LossArgument: TypeAlias = str | ElementwiseLoss | Loss
MetricsArgument: TypeAlias = str | Sequence[str] | Mapping[str, ElementwiseLoss]
PenaltyArgument: TypeAlias = Callable[[Params], Array] | Penalty


class Objective(NamedTuple):
    """What a run minimizes: the mean loss over the examples, plus the penalty.

    It can be hashed, so that a program compiled for it is found again.

    Attributes:
        network: whose parameters are sought.
        loss: one value an example, with its backward rule.
        metrics: pairs of name and function, reported beside the loss.
        penalty: of the parameters, added to the risk of every mini-batch; None for none.
    """

    network: Layer
    loss: Loss
    metrics: tuple[tuple[str, ElementwiseLoss], ...] = ()
    penalty: Penalty | None = None


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
    *,
    function: str = "make_objective",
) -> Objective:
    """Return the objective that names and functions describe, for instruments and own loops.

    Args:
        network: whose parameters are sought.
        loss: a name in `jaxnet.losses.LOSSES`, or a loss, as for `jaxnet.training.fit`.
        metrics: what to report beside it, as for `fit`; by default the accuracy that suits the
            loss, see `DEFAULT_METRICS`.
        penalty: ``params -> scalar``, added to the risk; None for none.
        function: the public function that an error begins with.

    Raises:
        ValueError: for an unknown name, listing the known ones, or a metric called "loss".

    >>> from jaxnet.networks import mlp
    >>> [name for name, _ in make_objective(mlp((2, 3, 2))).metrics]
    ['accuracy']
    """
    if isinstance(loss, str):
        check_choice(function, "loss", loss, LOSSES)
    pair = as_loss(loss)
    if metrics is None:
        called = getattr(pair.function, "func", pair.function)
        metrics = DEFAULT_METRICS.get(called, ())
    return Objective(
        network,
        pair,
        _resolve_metrics(function, metrics),
        None if penalty is None else as_penalty(penalty),
    )


def _resolve_metrics(
    function: str, metrics: MetricsArgument
) -> tuple[tuple[str, ElementwiseLoss], ...]:
    if isinstance(metrics, str):
        metrics = (metrics,)
    if not isinstance(metrics, Mapping):
        metrics = {name: check_choice(function, "metrics", name, METRICS) for name in metrics}
    if "loss" in metrics:
        remedy = "The loss is reported under that name; call the metric something else."
        raise invalid_value(function, "metrics", "to have other names than 'loss'", "it", remedy)
    return tuple(metrics.items())
