"""Scaling of updates by a number, a schedule or the learning rate."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from jaxnet.core.checks import check_function, checked
from jaxnet.core.representation import represent
from jaxnet.core.types import Array
from jaxnet.functions.schedules import Schedule
from jaxnet.optim.composition.transformation import multiplied, without_state
from jaxnet.optim.update_rule.factory import factory
from jaxnet.optim.update_rule.learning_rate import LearningRate, check_rates, rate_at
from jaxnet.optim.update_rule.ranges import RANGES
from jaxnet.optim.update_rule.rule import Number, increment, transformation


class ScaleByScheduleState(NamedTuple):
    """State of `scale_by_schedule`: ``count`` (int32), the number of finished steps."""

    count: Array

    __repr__ = represent


@factory
@checked(RANGES)
def scale(step_size: Number) -> optax.GradientTransformationExtraArgs:
    """Multiply the updates by a number, ``u = c g``.

    Equal to ``optax.scale``.

    Args:
        step_size: ``c``, finite; negative to descend along a gradient. It may be traced.

    Raises:
        ValueError: if it is a number that is not finite, or no scalar.

    >>> updates, _ = scale(-0.5).update(jnp.array([2.0]), optax.EmptyState())
    >>> updates.tolist()
    [-1.0]
    """
    return without_state(lambda updates, _: multiplied(updates, step_size))


@factory
def scale_by_schedule(step_size_fn: Schedule) -> optax.GradientTransformationExtraArgs:
    """Multiply the updates by a schedule, ``u_t = c(t - 1) g_t`` with ``t`` from 1.

    Equal to ``optax.scale_by_schedule``.

    Args:
        step_size_fn: ``c``, a function of the number of finished steps, 0 at the first.

    Raises:
        TypeError: if it is not a function.
        ValueError: ``update`` raises it if the function returns anything but a scalar.

    >>> halving = scale_by_schedule(lambda count: 0.5 ** count.astype(jnp.float32))
    >>> updates, state = halving.update(jnp.array([2.0]), halving.init(jnp.zeros(1)))
    >>> halving.update(jnp.array([2.0]), state)[0].tolist()
    [1.0]
    """
    check_function("step_size_fn", step_size_fn, "For a constant take scale(step_size).")

    def init(params: Any) -> ScaleByScheduleState:
        del params
        return ScaleByScheduleState(jnp.zeros((), jnp.int32))

    def update(updates: Any, state: Any, params: Any = None, **extra_args: Any) -> tuple[Any, Any]:
        del params, extra_args
        changed = multiplied(updates, rate_at(step_size_fn, state.count))
        return changed, ScaleByScheduleState(increment(state.count))

    return transformation(init, update)


@factory
@checked(RANGES)
def scale_by_learning_rate(
    learning_rate: LearningRate, *, flip_sign: bool = True
) -> optax.GradientTransformationExtraArgs:
    """Multiply the updates by minus the learning rate, ``u = -eta g``.

    Equal to ``optax.scale_by_learning_rate``, but for its ``None``, which leaves the updates as
    they are, so that the weights ascend: here it is an error.

    Args:
        learning_rate: ``eta``, 0 or more; a number, a 0-d array or a schedule of the step count.
        flip_sign: False multiplies by ``+eta``.

    Raises:
        ValueError: if the learning rate is out of range, or no scalar.
        TypeError: if ``flip_sign`` is not a boolean.

    >>> updates, _ = scale_by_learning_rate(0.5).update(jnp.array([2.0]), optax.EmptyState())
    >>> updates.tolist()
    [-1.0]
    """
    check_rates(learning_rate=learning_rate)
    sign = -1 if flip_sign else 1
    if callable(learning_rate):
        return scale_by_schedule(lambda count: sign * jnp.asarray(learning_rate(count)))
    # a Python number stays one, so that it is rounded to the precision of each leaf
    is_numpy = isinstance(learning_rate, np.ndarray)
    return scale(sign * (jnp.asarray(learning_rate) if is_numpy else learning_rate))


@factory
def set_to_zero() -> optax.GradientTransformationExtraArgs:
    """Replace the updates by zeros, ``u = 0``: the parameters stay where they are.

    Equal to ``optax.set_to_zero``. NaN becomes 0 too.

    >>> updates, _ = set_to_zero().update(jnp.array([2.0]), optax.EmptyState())
    >>> updates.tolist()
    [0.0]
    """
    return without_state(lambda updates, _: jax.tree.map(jnp.zeros_like, updates))
