"""One step of training: the gradient of a mini-batch and the update."""

from collections.abc import Callable
from typing import Any, NamedTuple, TypeAlias

import optax

from jaxnet.core.checks import check_function, check_instance, check_kept, require_type
from jaxnet.core.representation import represent
from jaxnet.core.trees import scaled
from jaxnet.core.types import Array, Key, Number, Params, Statistics
from jaxnet.data.examples import Examples
from jaxnet.training.loop.extra_arguments import accepted_arguments, extra_arguments
from jaxnet.training.loop.gradient import BatchGradient, GradientEngine
from jaxnet.training.loop.objective import Objective
from jaxnet.training.loop.sums import Sums, check_sums


class StepState(NamedTuple):
    """State between two steps.

    Attributes:
        params: the parameters.
        statistics: the network's statistics.
        opt_state: the optimizer's state.
        scale: what updates are multiplied by, as long as the epoch lasts; None for 1.
    """

    params: Params
    statistics: Statistics
    opt_state: Any
    scale: Array | None = None

    __repr__ = represent


Step: TypeAlias = Callable[[StepState, Examples, Key, Number], tuple[StepState, Sums]]


Constraint: TypeAlias = Callable[[Params], Params]
"""A projection onto the parameters that are allowed, such as `jaxnet.penalties.max_norm`."""


def make_step(
    objective: Objective,
    engine: GradientEngine,
    optimizer: optax.GradientTransformation,
    constraint: Constraint | None = None,
) -> Step:
    """Return ``step(state, batch, key, divisor) -> state, sums``.

    The gradient is that of the batch's summed losses over ``divisor``: the mean over the batch if
    ``divisor`` is its size. The sums are those of the batch before the update, which ends with
    the constraint, if there is one. An ``optax.GradientTransformationExtraArgs`` is given those
    of `jaxnet.training.loop.extra_arguments.ExtraArguments` that it takes.

    Raises:
        TypeError: for an engine that returns no function of these arguments.
            When called, for a gradient, update, state of the optimizer, statistics or
            constrained parameters of another tree, shape or dtype than before the step.
    """
    gradient = engine(objective)
    check_function("the function of the gradient engine", gradient, takes=_ARGUMENTS)
    names = accepted_arguments(optimizer)
    optimizer = optax.with_extra_args_support(optimizer)

    def step(
        state: StepState, batch: Examples, key: Key, divisor: Number
    ) -> tuple[StepState, Sums]:
        here = gradient(state.params, state.statistics, batch, key, divisor)
        check_instance("gradient", here, BatchGradient, "to return a BatchGradient")
        check_sums(objective, here.sums)
        check_kept("gradient", state.params, here.dparams, dtypes=False)
        check_kept("statistics of the network", state.statistics, here.statistics)
        extra = {}
        if names:  # for others not even the risk is written into the program
            given = extra_arguments(
                objective, gradient, here, state.params, state.statistics, batch, key, divisor
            )
            extra = {name: getattr(given, name) for name in names}
        pair = optimizer.update(here.dparams, state.opt_state, state.params, **extra)
        good, actual = isinstance(pair, tuple) and len(pair) == 2, f"a {type(pair).__name__}"
        require_type(good, "update of the optimizer", "to return updates and a state", actual)
        updates, opt_state = pair
        check_kept("updates of the optimizer", state.params, updates, dtypes=False)
        check_kept("state of the optimizer", state.opt_state, opt_state)
        if state.scale is not None:
            updates = scaled(state.scale, updates)
        params = optax.apply_updates(state.params, updates)
        if constraint is not None:
            params = constraint(params)
            check_kept("constraint", state.params, params)
        return StepState(params, here.statistics, opt_state, state.scale), here.sums

    return step


_ARGUMENTS = "params, statistics, batch, key, divisor"
"""Of the function that an engine returns."""
