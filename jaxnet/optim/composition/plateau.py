"""Reduce on plateau as a transformation of updates."""

from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
import optax

from jaxnet.core.checks import checked
from jaxnet.core.representation import represent
from jaxnet.core.types import Array
from jaxnet.functions.schedules.plateau import Like, PlateauState, plateau
from jaxnet.optim.update_rule.factory import factory
from jaxnet.optim.update_rule.rule import Number, transformation


class ReduceOnPlateauState(NamedTuple):
    """State of `reduce_on_plateau`; each is 0-d.

    Attributes:
        count: values averaged since the last decision, int32.
        avg_value: their mean.
        scale: factor of the updates.
        best_value: the best mean so far.
        plateau_count: means since then that were no improvement, int32.
        cooldown_count: means that will still be ignored, int32.
    """

    count: Array
    avg_value: Array
    scale: Array
    best_value: Array
    plateau_count: Array
    cooldown_count: Array

    __repr__ = represent


@factory
@checked({"accumulation_size": "{1, 2, ...}"})
def reduce_on_plateau(
    *,
    factor: Number = 0.1,
    patience: int | Array = 10,
    rtol: Number | None = None,
    atol: Number | None = None,
    cooldown: int | Array = 0,
    accumulation_size: int | Array = 1,
    min_scale: Number = 0.0,
    mode: Literal["min", "max"] = "min",
    like: Like = "optax",
) -> optax.GradientTransformationExtraArgs:
    """Multiply updates by a scale that falls when a metric stops improving, ``u = s g``.

    The scale is that of `jaxnet.schedules.plateau`, which documents the arguments and how
    the conventions of ``like`` differ; it is given the mean of every ``accumulation_size`` values.
    Equal to ``optax.contrib.reduce_on_plateau`` for metrics of 0 or more. Chain it behind an
    optimizer, and call ``update(gradients, state, params, value=metric)``; the value acts on the
    updates that it comes with.

    In `jaxnet.training.fit` ``value`` is the risk of the mini-batch. To go by an accuracy, or by
    validation data, epoch by epoch, give `fit` the rule `jaxnet.training.reduce_on_plateau`.

    Args:
        factor: of the scale at each reduction, in (0, 1).
        patience: means without improvement, 1 or more; in PyTorch's convention 0 or more.
        rtol: relative margin of an improvement, in [0, 1); None for the convention's.
        atol: absolute margin of an improvement, 0 or more; None for the convention's.
        cooldown: means that are ignored after a reduction, 0 or more.
        accumulation_size: how many values are averaged, 1 or more: more for the risk of a
            mini-batch, which is noisy.
        min_scale: the least scale, in [0, 1].
        mode: whether the metric is to fall or to rise.
        like: whose convention to follow.

    Raises:
        ValueError: if an argument given as a number is out of its range; ``update`` raises it if
            it is called without ``value``.

    Source: lecture 004, "Scheduling".

    >>> transformation = reduce_on_plateau(factor=0.5, patience=1)
    >>> state = transformation.init(jnp.zeros(1))
    >>> for risk in [3.0, 3.0]:
    ...     updates, state = transformation.update(jnp.array([8.0]), state, value=risk)
    >>> updates.tolist()
    [4.0]
    """
    rule = plateau(
        factor=factor,
        patience=patience,
        rtol=rtol,
        atol=atol,
        cooldown=cooldown,
        min_scale=min_scale,
        mode=mode,
        like=like,
    )
    size = jnp.asarray(accumulation_size, jnp.int32)

    def init(params: Any) -> ReduceOnPlateauState:
        del params
        start = rule.init()
        return ReduceOnPlateauState(jnp.int32(0), jnp.zeros_like(start.scale), *start)

    def update(
        updates: Any, state: Any, params: Any, *, value: Any, **extra: Any
    ) -> tuple[Any, ReduceOnPlateauState]:
        del params, extra
        value = jnp.asarray(value, state.avg_value.dtype)
        count = state.count + jnp.int32(1)
        before = state.count.astype(value.dtype)
        mean = (before * state.avg_value + value) / (before + 1)
        old, full = PlateauState(*state[2:]), count >= size
        after = jax.tree.map(
            lambda new, kept: jnp.where(full, new, kept), rule.update(old, mean), old
        )
        updates = jax.tree.map(lambda g: g * after.scale.astype(g.dtype), updates)
        kept = jnp.where(full, 0, count), jnp.where(full, 0.0, mean)
        return updates, ReduceOnPlateauState(*kept, *after)

    return transformation(init, update, needs=("value",))
