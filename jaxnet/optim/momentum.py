"""Gradient descent with momentum, in the trace form of the field."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from jaxnet.core.checks import check_range
from jaxnet.core.types import Array
from jaxnet.optim.learning_rate import LearningRate, check_learning_rate, rate_at


class MomentumState(NamedTuple):
    """State of `momentum`: finished steps (int32), and the trace, a tree like the parameters."""

    count: Array  # pyright: ignore[reportIncompatibleMethodOverride]
    trace: Any


def momentum(
    learning_rate: LearningRate, *, momentum: float | Array = 0.9, nesterov: bool = False
) -> optax.GradientTransformation:
    """Heavy-ball momentum ``m <- b m + g, w <- w - eta m``; Nesterov's steps by ``b m + g``.

    Equal to ``optax.sgd(learning_rate, momentum, nesterov)`` and to ``torch.optim.SGD``. The
    lectures' moving average ``m <- b m + (1 - b) g`` takes the same steps at rate
    ``eta / (1 - b)``.

    Args:
        learning_rate: ``eta``, 0 or more; a number, a 0-d array or a schedule of the step count.
        momentum: ``b`` in [0, 1).
        nesterov: whether to evaluate the trace one step ahead.

    Raises:
        ValueError: if a hyperparameter given as a number is out of its range.

    Source: lecture 004, "Momentum" and "Nesterov"; Sutskever et al. 2013, section 2.

    >>> optimizer = momentum(1.0, momentum=0.5)
    >>> state = optimizer.init(jnp.zeros(1))
    >>> _, state = optimizer.update(jnp.array([4.0]), state)
    >>> optimizer.update(jnp.array([4.0]), state)[0].tolist()
    [-6.0]
    """
    check_learning_rate("momentum", learning_rate)
    check_range("momentum", "momentum", momentum, low=0.0, high=1.0, high_open=True)

    def init(params: Any) -> MomentumState:
        return MomentumState(jnp.zeros((), jnp.int32), jax.tree.map(jnp.zeros_like, params))

    def update(updates: Any, state: MomentumState, params: Any = None) -> tuple[Any, MomentumState]:
        del params
        eta = rate_at(learning_rate, state.count)

        def accumulate(m: Array, g: Array) -> Array:
            return jnp.asarray(momentum, g.dtype) * m + g

        trace = jax.tree.map(accumulate, state.trace, updates)
        steps = jax.tree.map(accumulate, trace, updates) if nesterov else trace
        steps = jax.tree.map(lambda m: -eta.astype(m.dtype) * m, steps)
        return steps, MomentumState(state.count + 1, trace)

    return optax.GradientTransformation(init, update)  # pyright: ignore[reportArgumentType]
