"""Gradient descent, stochastic where the gradients are those of mini-batches."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from jaxnet.core.types import Array
from jaxnet.optim.learning_rate import LearningRate, check_learning_rate, rate_at


class SGDState(NamedTuple):
    """State of `sgd`: ``count`` (int32), the number of finished steps."""

    count: Array  # pyright: ignore[reportIncompatibleMethodOverride]


def sgd(learning_rate: LearningRate) -> optax.GradientTransformation:
    """(Stochastic) gradient descent, ``w <- w - eta g``.

    Equal to ``optax.sgd`` and ``torch.optim.SGD`` without momentum. Whether it is full-batch,
    mini-batch or sample-level is the batch size of the gradient ``g``, not the optimizer's.

    Args:
        learning_rate: ``eta``, 0 or more; a number, a 0-d array or a schedule of the step count.

    Raises:
        ValueError: if a learning rate given as a number is negative or not finite.

    Source: lecture 000, "SGD"; lecture 001, "Mini-Batch SGD".

    >>> optimizer = sgd(0.5)
    >>> updates, _ = optimizer.update(jnp.array([2.0, -4.0]), optimizer.init(jnp.zeros(2)))
    >>> updates.tolist()
    [-1.0, 2.0]
    """
    check_learning_rate("sgd", learning_rate)

    def init(params: Any) -> SGDState:
        del params
        return SGDState(jnp.zeros((), jnp.int32))

    def update(updates: Any, state: SGDState, params: Any = None) -> tuple[Any, SGDState]:
        del params
        eta = rate_at(learning_rate, state.count)
        updates = jax.tree.map(lambda g: -eta.astype(g.dtype) * g, updates)
        return updates, SGDState(state.count + 1)

    return optax.GradientTransformation(init, update)  # pyright: ignore[reportArgumentType]
