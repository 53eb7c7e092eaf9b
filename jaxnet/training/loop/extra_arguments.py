"""Extra arguments of optimizers: the risk, its function and its gradient at other points.

Line searches, second-order methods, sharpness-aware minimization and step sizes by the risk need
them. All that is not used is no part of the compiled program.
"""

import inspect
from collections.abc import Callable
from typing import Any, NamedTuple

import optax

from jaxnet.core.types import Array, Key, Number, Params, Statistics
from jaxnet.data.examples import Examples
from jaxnet.training.loop.gradient import BatchGradient, GradientFunction
from jaxnet.training.loop.objective import Objective
from jaxnet.training.loop.sums import batch_risk, batch_sums


class ExtraArguments(NamedTuple):
    """The keyword arguments of ``optimizer.update``, under optax's names where it has one.

    Every function sees the step's own mini-batch, dropout mask and moving statistics: a function
    of the parameters and of nothing else, whose gradient is the step's.

    Attributes:
        value: the risk that was differentiated: of the mini-batch, with the penalty.
        grad: its gradient, as the engine computed it.
        value_fn: ``params -> risk`` there.
        obj_fn: the same function, under the name by which `optax.contrib.sophia` asks for it.
        grad_fn: ``(params, *ignored) -> gradient`` there, by the engine of the run.
        outputs_fn: ``params -> outputs`` of the network on the mini-batch.
        loss_fn: ``outputs -> risk`` of these outputs, without the penalty.
        penalty_fn: ``params -> penalty``; None if there is none.
    """

    value: Array
    grad: Params
    value_fn: Callable[[Params], Array]
    obj_fn: Callable[[Params], Array]
    grad_fn: Callable[..., Params]
    outputs_fn: Callable[[Params], Array]
    loss_fn: Callable[[Array], Array]
    penalty_fn: Callable[[Params], Array] | None


def accepted_arguments(optimizer: optax.GradientTransformation) -> tuple[str, ...]:
    """Return the names of the extra arguments that an optimizer takes; none if it takes none.

    By its signature: `optax.contrib.sam` takes ``grad_fn`` and raises on all others.

    >>> accepted_arguments(optax.contrib.sam(optax.sgd(0.1), optax.sgd(0.1), opaque_mode=True))
    ('grad_fn',)
    """
    if not isinstance(optimizer, optax.GradientTransformationExtraArgs):
        return ()
    parameters = inspect.signature(optimizer.update).parameters
    if any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values()):
        return ExtraArguments._fields
    return tuple(name for name in ExtraArguments._fields if name in parameters)


def extra_arguments(
    objective: Objective,
    gradient: GradientFunction,
    here: BatchGradient,
    params: Params,
    statistics: Statistics,
    batch: Examples,
    key: Key,
    divisor: Number,
) -> ExtraArguments:
    """Return the extra arguments of one step.

    Args:
        objective: what is minimized.
        gradient: the run's gradient function, called for gradients elsewhere.
        here: what it gave at the parameters.
        params: the parameters before the step.
        statistics: the network's moving statistics before the step.
        batch: the mini-batch.
        key: of the step; the same for every call, so that dropout masks are.
        divisor: what the summed losses are divided by.
    """

    def apply(params: Params) -> Array:
        return objective.network.apply(params, statistics, batch.inputs, key=key, training=True)[0]

    def value_fn(
        params: Params,
        *,
        obj_fn: Any = None,
        grad_fn: Any = None,
        outputs_fn: Any = None,
        loss_fn: Any = None,
        penalty_fn: Any = None,
    ) -> Array:
        # optax's line searches raise unless `value_fn` takes the arguments that they do not
        del obj_fn, grad_fn, loss_fn, penalty_fn, outputs_fn
        sums = batch_sums(objective, apply(params), batch)
        return batch_risk(objective, sums, params, divisor)

    def grad_fn(params: Params, *ignored: Any) -> Params:
        del ignored
        return gradient(params, statistics, batch, key, divisor).dparams

    def loss_fn(outputs: Array) -> Array:
        return batch_sums(objective, outputs, batch)["loss"] / divisor

    return ExtraArguments(
        value=batch_risk(objective, here.sums, params, divisor),
        grad=here.dparams,
        value_fn=value_fn,
        obj_fn=value_fn,
        grad_fn=grad_fn,
        outputs_fn=apply,
        loss_fn=loss_fn,
        penalty_fn=None if objective.penalty is None else objective.penalty.function,
    )
