"""Second-order optimizers from a descent direction and a line search."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeAlias

import jax
import jax.numpy as jnp
import optax

from jaxnet.core.trees import dot, scaled
from jaxnet.core.types import Array, Params
from jaxnet.optim.composition.transformation import as_transformation
from jaxnet.optim.update_rule.learning_rate import LearningRate, check_rates, rate_at
from jaxnet.optim.update_rule.rule import (
    Number,
    check_extra,
    check_gradients,
    increment,
    transformation,
)


class Iterate(NamedTuple):
    """The current iterate: inputs of a descent direction.

    Attributes:
        count: finished steps, int32.
        rate: ``eta`` of this step, 0-d.
        params: the weights ``w``.
        gradient: ``g``, of the risk at ``w``.
        value: the risk at ``w``.
        value_fn: ``params -> risk``.
        outputs_fn: ``params -> outputs`` of the network.
        loss_fn: ``outputs -> risk`` without the penalty.
        penalty_fn: ``params -> penalty``; None for none.
    """

    count: Array
    rate: Array
    params: Params
    gradient: Params
    value: Any = None
    value_fn: Any = None
    outputs_fn: Any = None
    loss_fn: Any = None
    penalty_fn: Any = None


Direction: TypeAlias = Callable[..., tuple[Any, ...]]
"""``(here, *slots) -> (direction, *slots)``: the direction and the new slots."""

LineSearch: TypeAlias = optax.GradientTransformation
"""Scales the step that it is given; see `jaxnet.optim.second_order.line_search`."""


def from_direction(
    direction: Direction,
    learning_rate: LearningRate,
    *,
    state: Callable[..., Any],
    starts: Sequence[Callable[[Params], Any]] = (),
    needs: Sequence[str] = (),
    linesearch: LineSearch | None = None,
) -> optax.GradientTransformationExtraArgs:
    """Return the optimizer ``w <- w + alpha eta p`` with the direction ``p``.

    Args:
        direction: the mathematics, see `Direction`.
        learning_rate: ``eta``, 0 or more; a number, a 0-d array or a schedule of the step count.
        state: the NamedTuple of the state: ``count``, the slots, then the state of the line
            search, if there is one.
        starts: ``params -> slot`` for each slot.
        needs: the fields of `Iterate` that the direction needs of the extra arguments.
        linesearch: finds ``alpha``; None for 1.

    Raises:
        ValueError: if the learning rate is out of range; ``update`` raises it for a missing
            argument or gradients of another shape.
        TypeError: for parameters that are not floating-point, or gradients of another structure
            than the parameters, or than those that the state was made for.
    """
    check_rates(learning_rate=learning_rate)
    search = as_transformation("linesearch", linesearch or optax.identity())
    if isinstance(linesearch, optax.GradientTransformationExtraArgs):
        needs = tuple(dict.fromkeys((*needs, "value", "value_fn")))

    def init(params: Params) -> Any:
        slots = [start(params) for start in starts]
        # optax's line searches fail on trees without leaves
        searching = search.init(params) if jax.tree.leaves(params) else optax.EmptyState()
        searches = [] if linesearch is None else [searching]
        return state(jnp.zeros((), jnp.int32), *slots, *searches)

    def update(updates: Any, state: Any, params: Any = None, **extra: Any) -> tuple[Any, Any]:
        slots = state[1 : 1 + len(starts)]
        kept = [slot for make, slot in zip(starts, slots, strict=True) if make is zeros_like]
        for tree in (*kept, getattr(state[-1], "grad", None)):  # optax's searches keep a gradient
            check_gradients(updates, tree)
        if not jax.tree.leaves(updates):
            return updates, state._replace(count=increment(state.count))
        check_extra(needs, extra)
        known = {name: extra[name] for name in Iterate._fields if name in extra}
        here = Iterate(state.count, rate_at(learning_rate, state.count), params, updates, **known)
        step, *slots = direction(here, *slots)
        step = scaled(here.rate, step)
        searches = []
        if linesearch is not None:
            # optax's line searches raise on unknown arguments
            line = {name: extra[name] for name in ("value", "grad", "value_fn") if name in extra}
            step, found = search.update(step, state[-1], params, **({"grad": updates} | line))
            searches = [found]
        return step, type(state)(increment(state.count), *slots, *searches)

    return transformation(init, update, needs_params=True)


def number(value: Number, *shape: int) -> Callable[[Params], Array]:
    """Return the initializer of a numeric slot, in the precision of sums over weights."""
    return lambda params: jnp.full(shape, value, jax.eval_shape(dot, params, params).dtype)


def zeros_like(params: Params) -> Params:
    """Initialize a slot by zeros like the parameters."""
    return jax.tree.map(jnp.zeros_like, params)
