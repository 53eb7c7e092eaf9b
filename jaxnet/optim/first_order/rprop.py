"""Rprop: a step size per weight, adapted by the signs of its gradients."""

from typing import Any, Literal, NamedTuple, get_args

import jax.numpy as jnp
import optax

from jaxnet.core.checks import check_choice, check_ranges, check_scalar
from jaxnet.core.representation import represent
from jaxnet.core.types import Array
from jaxnet.optim.update_rule.conventions import resolve
from jaxnet.optim.update_rule.factory import factory
from jaxnet.optim.update_rule.learning_rate import LearningRate, rate_at
from jaxnet.optim.update_rule.ranges import RANGES
from jaxnet.optim.update_rule.rule import Number, StepContext, from_rule

Like = Literal["optax", "torch", "lecture"]

Variant = Literal["minus", "improved_minus", "plus"]


class RpropState(NamedTuple):
    """State of `rprop`: finished steps (int32), and two trees like the parameters.

    Attributes:
        count: finished steps.
        step_sizes: the size of each weight's next step, before it is adapted.
        prev_updates: the last step with the sign of its gradient; 0 where that counts as unknown.
    """

    count: Array
    step_sizes: Any
    prev_updates: Any

    __repr__ = represent


class _Convention(NamedTuple):
    variant: Variant
    clips_all: bool  # step sizes that stay as they are, too


CONVENTIONS = {
    "optax": _Convention(variant="improved_minus", clips_all=False),
    "torch": _Convention(variant="improved_minus", clips_all=True),
    "lecture": _Convention(variant="minus", clips_all=True),
}


@factory
def rprop(
    learning_rate: LearningRate,
    *,
    eta_minus: Number = 0.5,
    eta_plus: Number = 1.2,
    min_step_size: Number = 1e-6,
    max_step_size: Number = 50.0,
    variant: Variant | None = None,
    like: Like = "optax",
) -> optax.GradientTransformation:
    """Resilient backpropagation, ``w <- w - eta_i sign(g)``, for full-batch gradients.

    The step size ``eta_i`` of each weight grows by ``eta_plus`` while its gradient keeps its sign,
    shrinks by ``eta_minus`` when the sign flips, stays where one of the two gradients is 0, and is
    clipped to its range. The variants differ in what else a flip does:

    - minus (Rprop-): it steps all the same, by the smaller size.
    - improved_minus (iRprop-): it does not step, and forgets the gradient, so that the next step
      has the size that the flip has left.
    - plus (Rprop+): it takes the last step back, and forgets the gradient.

    How the conventions of ``like`` differ:

    - torch: ``torch.optim.Rprop`` is iRprop-, and clips every step size: a first one out of the
      range at once.
    - optax: iRprop- as published, where only a step size that changes is clipped.
      ``optax.rprop`` 0.2.8 itself emits the step *before* the one that it has just computed: its
      first update is 0, and each gradient acts one step late
      (https://github.com/google-deepmind/optax/pull/1725). We do not follow it there.
    - lecture: Rprop-, with ``eta`` .01.

    Gradients of mini-batches mislead it: .1, .1, .1, -.5 add up to a step uphill, as their signs
    outvote their sizes. Signs are multiplied here, not gradients, whose product may underflow.

    Args:
        learning_rate: the first step size of each weight. Of a schedule only the first value
            counts.
        eta_minus: factor after a flip, in (0, 1).
        eta_plus: factor while the sign stays, 1 or more.
        min_step_size: the smallest step size, 0 or more.
        max_step_size: the largest step size, ``min_step_size`` or more.
        variant: "minus", "improved_minus" or "plus"; None for the convention's.
        like: whose convention to follow.

    Raises:
        ValueError: if a hyperparameter given as a number is out of its range.

    Source: Riedmiller and Braun 1993; Igel and Hüsken 2003, sections 2 and 3, for the variants;
    lecture 004, "Rprop".

    >>> optimizer = rprop(0.5)
    >>> w = jnp.zeros(1)
    >>> state = optimizer.init(w)
    >>> for g in (3.0, 0.1, -2.0, -2.0):
    ...     updates, state = optimizer.update(jnp.array([g]), state)
    ...     w = w + updates
    ...     print(round(float(w[0]), 6))
    -0.5
    -1.1
    -1.1
    -0.8
    """
    chosen, clips_all = resolve(like, CONVENTIONS, variant=variant)
    check_choice("variant", chosen, dict.fromkeys(get_args(Variant)))
    check_ranges(RANGES, min_step_size=min_step_size)
    lowest = min_step_size if isinstance(min_step_size, int | float) else 0.0
    check_scalar("max_step_size", max_step_size, low=lowest)

    def rule(
        at: StepContext, g: Array, w: Any, size: Array, previous: Array, **numbers: Number
    ) -> tuple[Array, Array, Array]:
        del at, w
        agreement = jnp.sign(g) * jnp.sign(previous)
        adapted = _adapted(size, agreement, **numbers)
        size = adapted if clips_all else jnp.where(agreement == 0, size, adapted)
        step = size * jnp.sign(g)
        if chosen == "minus":
            return -step, size, step
        flipped = agreement < 0
        remembered = jnp.where(flipped, 0.0, step)
        change = jnp.where(flipped, previous, -step) if chosen == "plus" else -remembered
        return change, size, remembered

    def first_size(w: Array) -> Array:
        return jnp.full_like(w, rate_at(learning_rate, jnp.zeros((), jnp.int32)))

    return from_rule(
        rule,
        learning_rate,
        state=RpropState,
        starts=[first_size, jnp.zeros_like],
        numbers={
            "eta_minus": eta_minus,
            "eta_plus": eta_plus,
            "min_step_size": min_step_size,
            "max_step_size": max_step_size,
        },
    )


def _adapted(
    size: Array,
    agreement: Array,
    *,
    eta_minus: Number,
    eta_plus: Number,
    min_step_size: Number,
    max_step_size: Number,
) -> Array:
    """Adapt the step sizes by whether the last two gradients agree in sign."""
    shrunk = jnp.where(agreement < 0, eta_minus * size, size)
    grown = jnp.where(agreement > 0, eta_plus * size, shrunk)
    return jnp.clip(grown, min_step_size, max_step_size)
