"""Gradient descent, stochastic where the gradients are those of mini-batches."""

from typing import NamedTuple

import optax

from jaxnet.core.checks import check_choice, check_ranges
from jaxnet.core.representation import represent
from jaxnet.core.types import Array
from jaxnet.optim.first_order.momentum import CONVENTIONS, Like, check_nesterov, heavy_ball
from jaxnet.optim.update_rule.decay import coupled
from jaxnet.optim.update_rule.factory import factory
from jaxnet.optim.update_rule.learning_rate import LearningRate
from jaxnet.optim.update_rule.ranges import RANGES
from jaxnet.optim.update_rule.rule import Mask, Number, StepContext, from_rule


class SGDState(NamedTuple):
    """State of `sgd`: ``count`` (int32), the number of finished steps."""

    count: Array

    __repr__ = represent


@factory
def sgd(
    learning_rate: LearningRate,
    *,
    momentum: Number | None = None,
    nesterov: bool = False,
    dampening: Number = 0.0,
    weight_decay: LearningRate = 0.0,
    mask: Mask = None,
    like: Like = "optax",
) -> optax.GradientTransformation:
    """(Stochastic) gradient descent, ``w <- w - eta (g + lambda w)``.

    Equal to ``optax.sgd``, ``torch.optim.SGD`` and ``keras.optimizers.SGD``: without momentum,
    coupled and decoupled weight decay are the same. With ``momentum`` it is
    `jaxnet.optim.momentum`, where they differ. Whether it is full-batch, mini-batch or
    sample-level is the batch size of the gradient ``g``, not the optimizer's.

    Args:
        learning_rate: ``eta``, 0 or more; a number, a 0-d array or a schedule of the step count.
        momentum: ``b`` in [0, 1) of `jaxnet.optim.momentum`; None for none.
        nesterov: whether that momentum is Nesterov's; an error without one.
        dampening: of that momentum, in [0, 1].
        weight_decay: ``lambda``, 0 or more; a number, a 0-d array or a schedule.
        mask: which leaves are decayed, a tree of booleans or a function of the parameters that
            returns one; by default all.
        like: whose convention that momentum follows.

    Raises:
        ValueError: if a hyperparameter given as a number is out of its range, or if ``nesterov``
            is set without momentum, as in PyTorch; optax ignores it.

    Source: lecture 000, "SGD"; lecture 001, "Mini-Batch SGD".

    >>> import jax.numpy as jnp
    >>> optimizer = sgd(0.5)
    >>> updates, _ = optimizer.update(jnp.array([2.0, -4.0]), optimizer.init(jnp.zeros(2)))
    >>> updates.tolist()
    [-1.0, 2.0]
    """
    check_choice("like", like, CONVENTIONS)
    check_nesterov(nesterov, momentum)
    check_ranges(RANGES, dampening=dampening)
    if momentum is not None:
        return heavy_ball(
            learning_rate,
            momentum=momentum,
            nesterov=nesterov,
            dampening=dampening,
            weight_decay=weight_decay,
            mask=mask,
            like=like,
        )
    return from_rule(_rule, learning_rate, state=SGDState, weight_decay=weight_decay, mask=mask)


def _rule(at: StepContext, g: Array, w: Array | None) -> tuple[Array]:
    return (-at.rate * coupled(at, g, w),)
