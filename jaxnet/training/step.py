"""One step of training: a mini-batch's gradient, and the update that it leads to."""

from collections.abc import Callable
from typing import Any, NamedTuple, TypeAlias

import optax

from jaxnet.core.types import Key, Params, Statistics
from jaxnet.data.examples import Examples
from jaxnet.training.gradient import GradientFunction
from jaxnet.training.sums import Sums


class StepState(NamedTuple):
    """What one step hands to the next."""

    params: Params
    statistics: Statistics
    opt_state: Any


Step: TypeAlias = Callable[[StepState, Examples, Key, float], tuple[StepState, Sums]]


Constraint: TypeAlias = Callable[[Params], Params]
"""A projection onto the parameters that are allowed, such as `jaxnet.penalties.max_norm`."""


def make_step(
    gradient: GradientFunction,
    optimizer: optax.GradientTransformation,
    constraint: Constraint | None = None,
) -> Step:
    """Return ``step(state, batch, key, divisor) -> state, sums``.

    The gradient is that of the batch's summed losses over ``divisor``: the mean over the batch if
    ``divisor`` is its size. The sums are those of the batch before the update, which ends with
    the constraint, if there is one.
    """

    def step(state: StepState, batch: Examples, key: Key, divisor: float) -> tuple[StepState, Sums]:
        dparams, sums, statistics = gradient(state.params, state.statistics, batch, key, divisor)
        updates, opt_state = optimizer.update(dparams, state.opt_state, state.params)
        params = optax.apply_updates(state.params, updates)
        if constraint is not None:
            params = constraint(params)
        return StepState(params, statistics, opt_state), sums

    return step
