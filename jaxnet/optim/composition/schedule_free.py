"""Schedule-free optimizers, which average the weights in place of a falling learning rate."""

from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
import optax

from jaxnet.core.checks import check_count, checked
from jaxnet.core.representation import represent
from jaxnet.core.types import Array
from jaxnet.optim.composition.transformation import as_transformation, find_state
from jaxnet.optim.update_rule.adaptive import root
from jaxnet.optim.update_rule.conventions import resolve
from jaxnet.optim.update_rule.factory import factory
from jaxnet.optim.update_rule.learning_rate import LearningRate, check_rates, rate_at
from jaxnet.optim.update_rule.moments import bias_correction, moving_average
from jaxnet.optim.update_rule.ranges import RANGES
from jaxnet.optim.update_rule.rule import (
    Number,
    StepContext,
    cast,
    from_rule,
    increment,
    transformation,
    widened,
    widest,
)

Like = Literal["optax", "keras"]


class ScheduleFreeState(NamedTuple):
    """State of `schedule_free`.

    Attributes:
        count: finished steps, int32.
        b1: the share of ``x`` in ``y``, 0-d.
        weight_sum: of the weights of all steps in the average ``x``, 0-d.
        max_lr: the largest learning rate so far, 0-d.
        base_optimizer_state: the state of the optimizer that moves ``z``.
        z: a tree like the parameters, where the steps add up.
    """

    count: Array
    b1: Array
    weight_sum: Array
    max_lr: Array
    base_optimizer_state: Any
    z: Any

    __repr__ = represent


class CountState(NamedTuple):
    """State of the gradient descent of ``z``: finished steps (int32)."""

    count: Array


class ScaleState(NamedTuple):
    """State of the AdamW of ``z``, without momentum: finished steps, and ``nu``."""

    count: Array
    nu: Any


class _Convention(NamedTuple):
    weight_lr_power: Number
    decays_y: bool  # weight decay shrinks y, and so x, before the step, and leaves z alone
    first: int  # the number of the first step of the warm-up


CONVENTIONS = {
    "optax": _Convention(weight_lr_power=2.0, decays_y=False, first=0),
    "keras": _Convention(weight_lr_power=0.0, decays_y=True, first=1),
}


@factory
@checked(RANGES | {"b1": "(0, 1]"})
def schedule_free(
    inner: optax.GradientTransformation,
    learning_rate: LearningRate,
    *,
    b1: Number = 0.9,
    weight_lr_power: Number = 2.0,
) -> optax.GradientTransformationExtraArgs:
    """Make an optimizer without momentum schedule-free: ``x`` averages its iterates ``z``.

    ``y = (1 - b1) z + b1 x``, ``z <- z + u(y)``, ``x <- (1 - c) x + c z``, where ``u`` is the
    inner optimizer's update for the gradient at ``y``. The weight of a step in the average is
    ``c = a_t / sum_{i <= t} a_i``, with ``a_t`` the largest learning rate so far to the power
    ``weight_lr_power``: ``1 / t`` at a constant rate. The parameters are ``y``; evaluate at ``x``,
    which `schedule_free_eval_params` returns.

    Equal to ``optax.contrib.schedule_free`` at a constant rate. Under a schedule optax 0.2.8
    weighs each step by the rate of the next (it counts from 1:
    https://github.com/google-deepmind/optax/pull/1744); here as in the paper it is its own.

    Args:
        inner: the optimizer that moves ``z``. Leave momentum out: ``b1`` replaces it.
        learning_rate: the inner optimizer's, to weigh the average by: a number, a 0-d array or a
            schedule of the step count.
        b1: the share of ``x`` in ``y``, in (0, 1].
        weight_lr_power: 0 or more; 0 weighs all steps alike.

    Raises:
        ValueError: if a hyperparameter given as a number is out of its range, or if ``update`` is
            not given the parameters.

    Numerics: ``x`` is not stored. The update of ``y`` is ``c (z - y) + (1 - b1) (1 - c) u`` with
        the new ``z``, which neither divides by ``b1`` nor cancels.

    Source: Defazio et al. 2024, equations 3 to 5 and algorithm 1.

    >>> from jaxnet.optim import sgd
    >>> optimizer = schedule_free(sgd(1.0), 1.0, b1=0.5)
    >>> w = jnp.array([0.0])
    >>> updates, state = optimizer.update(jnp.array([-2.0]), optimizer.init(w), w)
    >>> updates.tolist()
    [2.0]
    >>> updates, state = optimizer.update(jnp.array([-2.0]), state, w + updates)
    >>> updates.tolist(), schedule_free_eval_params(state, w + 2 + updates).tolist()
    ([1.5], [3.0])
    """
    check_rates(learning_rate=learning_rate)
    inner = as_transformation("inner", inner)

    def init(params: Any) -> ScheduleFreeState:
        z = jax.tree.map(lambda w: jnp.array(widened(w)), params)  # a copy, to be donated
        share, weight_sum, max_lr = (jnp.asarray(x, widest(z)) for x in (b1, 0.0, 0.0))
        count = jnp.zeros((), jnp.int32)
        return ScheduleFreeState(count, share, weight_sum, max_lr, inner.init(z), z)

    def update(
        updates: Any, state: Any, params: Any = None, **extra: Any
    ) -> tuple[Any, ScheduleFreeState]:
        rate = rate_at(learning_rate, state.count).astype(state.max_lr.dtype)
        max_lr = jnp.maximum(state.max_lr, rate)
        weight = max_lr ** cast(weight_lr_power, max_lr.dtype)
        weight_sum = state.weight_sum + weight
        c = jnp.where(weight_sum > 0, weight / jnp.where(weight_sum > 0, weight_sum, 1), 0)
        g, y = jax.tree.map(widened, (updates, params))
        u, inner_state = inner.update(g, state.base_optimizer_state, y, **extra)

        z = jax.tree.map(jnp.add, state.z, u)

        def change(g: Array, y: Array, z: Array, u: Array) -> Array:
            share, b = c.astype(y.dtype), cast(b1, y.dtype)
            return (share * (z - y) + (1 - b) * (1 - share) * u).astype(g.dtype)

        # of the new z, so that both may be written in place
        changes = jax.tree.map(change, updates, y, z, u)
        count = increment(state.count)
        return changes, ScheduleFreeState(count, state.b1, weight_sum, max_lr, inner_state, z)

    return transformation(init, update, like="z", needs_params=True)


def schedule_free_eval_params(state: Any, params: Any) -> Any:
    """Return ``x = (y - (1 - b1) z) / b1``, the weights to evaluate a schedule-free optimizer at.

    It can be ``evaluate_at`` of `jaxnet.training.fit`.

    Args:
        state: the optimizer's state, or that of a chain or wrapper that has one within.
        params: the parameters ``y`` that it has trained.

    Raises:
        ValueError: if there is no such state within, or more than one.
    """
    found = find_state(state, ScheduleFreeState)

    def average(y: Array, z: Array) -> Array:
        b1 = found.b1.astype(z.dtype)
        return ((y.astype(z.dtype) - (1 - b1) * z) / b1).astype(y.dtype)

    return jax.tree.map(average, params, found.z)


@factory
def schedule_free_sgd(
    learning_rate: LearningRate = 1.0,
    *,
    warmup_steps: int | None = None,
    b1: Number = 0.9,
    weight_decay: LearningRate = 0.0,
    weight_lr_power: Number = 2.0,
) -> optax.GradientTransformationExtraArgs:
    """Schedule-free gradient descent: `schedule_free` with ``z <- z - eta (g + lambda y)``.

    Equal to ``optax.contrib.schedule_free_sgd`` at a constant rate; `schedule_free` documents what
    differs under a schedule, as a warm-up is one. PyTorch and Keras have none.

    Args:
        learning_rate: ``eta``, 0 or more; a number, a 0-d array or a schedule of the step count.
        warmup_steps: number of steps of a linear warm-up, whose first step has rate 0; None for no
            warm-up.
        b1: the share of ``x`` in ``y``, in (0, 1].
        weight_decay: ``lambda``, 0 or more; a number, a 0-d array or a schedule.
        weight_lr_power: the average weighs steps by the largest rate so far to this power.

    Raises:
        ValueError: if a hyperparameter given as a number is out of its range, or if ``update`` is
            not given the parameters.

    Source: Defazio et al. 2024, equations 3 to 5.

    >>> optimizer = schedule_free_sgd(0.5, b1=0.5)
    >>> w = jnp.array([2.0])
    >>> updates, state = optimizer.update(jnp.array([1.0]), optimizer.init(w), w)
    >>> updates.tolist(), schedule_free_eval_params(state, w + updates).tolist()
    ([-0.5], [1.5])
    """
    rate = _warmed(learning_rate, warmup_steps, 0)

    def rule(at: StepContext, g: Array, w: Array | None) -> tuple[Array]:
        return (-at.rate * (g if w is None else g + at.decay * w),)

    inner = from_rule(rule, rate, state=CountState, weight_decay=weight_decay)
    return schedule_free(inner, rate, b1=b1, weight_lr_power=weight_lr_power)


@factory
def schedule_free_adamw(
    learning_rate: LearningRate = 0.0025,
    *,
    warmup_steps: int | None = None,
    b1: Number = 0.9,
    b2: Number = 0.999,
    eps: Number = 1e-8,
    weight_decay: LearningRate = 0.0,
    weight_lr_power: Number | None = None,
    like: Like = "optax",
) -> optax.GradientTransformationExtraArgs:
    """Schedule-free AdamW: `schedule_free` with ``u = -eta (g / (sqrt(nu_hat) + eps) + lambda y)``.

    ``nu_hat`` is that of `jaxnet.optim.adam`; there is no ``mu``: averaging replaces it.

    How the conventions of ``like`` differ:

    - optax: the average weighs steps by the squared largest rate so far; at a constant rate all
      alike. Under a schedule it differs from ``optax.contrib.schedule_free_adamw``, see
      `schedule_free`. A warm-up starts at rate 0.
    - keras: the average weighs all steps alike, also under a schedule. Weight decay shrinks ``y``
      before the step, at the rate without warm-up, and leaves ``z`` alone: what it shrinks is
      ``x``. A warm-up starts at ``eta / warmup_steps``.

    The authors' own is as optax's, but puts the correction of ``nu`` into the rate, and so into
    the weights of the average and into the weight decay.

    Args:
        learning_rate: ``eta``, 0 or more; a number, a 0-d array or a schedule of the step count.
        warmup_steps: number of steps of a linear warm-up; None for none.
        b1: the share of ``x`` in ``y``, in (0, 1].
        b2: decay of the mean of squared gradients, in [0, 1).
        eps: added outside the root, above 0.
        weight_decay: ``lambda``, 0 or more; a number, a 0-d array or a schedule.
        weight_lr_power: the average weighs steps by the largest rate so far to this power, 0 or
            more; None for the convention's, 2 or 0.
        like: whose convention to follow.

    Raises:
        ValueError: if a hyperparameter given as a number is out of its range, or if ``update`` is
            not given the parameters.

    Source: Defazio et al. 2024, algorithm 1.

    >>> optimizer = schedule_free_adamw(0.5)
    >>> w = jnp.array([2.0])
    >>> optimizer.update(jnp.array([7.0]), optimizer.init(w), w)[0].round(3).tolist()
    [-0.5]
    """
    power, decays_y, first = resolve(like, CONVENTIONS, weight_lr_power=weight_lr_power)
    rate = _warmed(learning_rate, warmup_steps, first)

    def rule(
        at: StepContext, g: Array, w: Array | None, nu: Array, *, b2: Number, eps: Number
    ) -> tuple[Array, Array]:
        nu = moving_average(b2, nu, g * g)
        u = g / root(nu, bias_correction(b2, at.t, g), eps)
        return -at.rate * (u if w is None else u + at.decay * w), nu

    inner = from_rule(
        rule,
        rate,
        state=ScaleState,
        starts=[jnp.zeros_like],
        numbers={"b2": b2, "eps": eps},
        weight_decay=0.0 if decays_y else weight_decay,
    )
    optimizer = schedule_free(inner, rate, b1=b1, weight_lr_power=power)
    return _decayed_first(optimizer, learning_rate, weight_decay) if decays_y else optimizer


def _warmed(learning_rate: LearningRate, warmup_steps: int | None, first: int) -> LearningRate:
    """Multiply the rate by a linear warm-up that reaches 1 at ``count + first = warmup_steps``."""
    check_rates(learning_rate=learning_rate)
    if warmup_steps is None:
        return learning_rate
    steps = check_count("warmup_steps", warmup_steps)

    def warmed(count: Array) -> Array:
        rate = rate_at(learning_rate, count)
        return rate * jnp.minimum(1, (count.astype(rate.dtype) + first) / steps)

    return warmed


def _decayed_first(
    optimizer: optax.GradientTransformationExtraArgs,
    learning_rate: LearningRate,
    weight_decay: LearningRate,
) -> optax.GradientTransformationExtraArgs:
    """Return an optimizer whose step starts at ``w - eta lambda w``."""
    check_rates(weight_decay=weight_decay)

    def update(updates: Any, state: Any, params: Any = None, **extra: Any) -> tuple[Any, Any]:
        rate = rate_at(learning_rate, state.count)
        decay = rate_at(weight_decay, state.count)
        shrunk = jax.tree.map(
            lambda w: widened(w) * (1 - (rate * decay).astype(widened(w).dtype)), params
        )
        changes, state = optimizer.update(updates, state, shrunk, **extra)

        def whole(change: Array, shrunk: Array, w: Array) -> Array:
            return change + (shrunk - widened(w)).astype(change.dtype)

        return jax.tree.map(whole, changes, shrunk, params), state

    return transformation(optimizer.init, update, needs_params=True)
