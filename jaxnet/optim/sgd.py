"""Gradient descent, stochastic where the gradients are those of mini-batches."""

from typing import NamedTuple

import optax

from jaxnet.core.checks import check_choice
from jaxnet.core.types import Array
from jaxnet.optim.learning_rate import LearningRate
from jaxnet.optim.momentum import CONVENTIONS, Like
from jaxnet.optim.momentum import momentum as momentum_descent
from jaxnet.optim.rule import At, Number, from_rule


class SGDState(NamedTuple):
    """State of `sgd`: ``count`` (int32), the number of finished steps."""

    count: Array  # pyright: ignore[reportIncompatibleMethodOverride]


def sgd(
    learning_rate: LearningRate,
    *,
    momentum: Number | None = None,
    nesterov: bool = False,
    like: Like = "optax",
) -> optax.GradientTransformation:
    """(Stochastic) gradient descent, ``w <- w - eta g``.

    Equal to ``optax.sgd``, ``torch.optim.SGD`` and ``keras.optimizers.SGD``; with ``momentum`` it
    is `jaxnet.optim.momentum`, where they differ. Whether it is full-batch, mini-batch or
    sample-level is the batch size of the gradient ``g``, not the optimizer's.

    Args:
        learning_rate: ``eta``, 0 or more; a number, a 0-d array or a schedule of the step count.
        momentum: ``b`` in [0, 1) of `jaxnet.optim.momentum`; None for none.
        nesterov: whether that momentum is Nesterov's.
        like: whose convention that momentum follows.

    Raises:
        ValueError: if a hyperparameter given as a number is out of its range.

    Source: lecture 000, "SGD"; lecture 001, "Mini-Batch SGD".

    >>> import jax.numpy as jnp
    >>> optimizer = sgd(0.5)
    >>> updates, _ = optimizer.update(jnp.array([2.0, -4.0]), optimizer.init(jnp.zeros(2)))
    >>> updates.tolist()
    [-1.0, 2.0]
    """
    check_choice("sgd", "like", like, CONVENTIONS)
    if momentum is not None:
        return momentum_descent(learning_rate, momentum=momentum, nesterov=nesterov, like=like)
    return from_rule("sgd", _rule, learning_rate, state=SGDState)


def _rule(at: At, g: Array, w: Array | None) -> tuple[Array]:
    del w
    return (-at.rate * g,)
