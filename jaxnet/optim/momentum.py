"""Gradient descent with momentum, and Nesterov's."""

from typing import Any, Literal, NamedTuple

import jax.numpy as jnp
import optax

from jaxnet.core.checks import check_range
from jaxnet.core.types import Array
from jaxnet.optim.convention import resolve
from jaxnet.optim.learning_rate import LearningRate
from jaxnet.optim.rule import At, Number, from_rule

Like = Literal["optax", "torch", "keras", "lecture"]


class MomentumState(NamedTuple):
    """State of `momentum`: finished steps (int32), and the trace, a tree like the parameters."""

    count: Array  # pyright: ignore[reportIncompatibleMethodOverride]
    trace: Any


class _Convention(NamedTuple):
    average: bool  # the lectures' moving average, b m + (1 - b) g
    rate_in_trace: bool  # the trace sums up steps, not gradients


CONVENTIONS = {
    "optax": _Convention(average=False, rate_in_trace=False),
    "torch": _Convention(average=False, rate_in_trace=False),
    "keras": _Convention(average=False, rate_in_trace=True),
    "lecture": _Convention(average=True, rate_in_trace=False),
}


def momentum(
    learning_rate: LearningRate,
    *,
    momentum: Number = 0.9,
    nesterov: bool = False,
    like: Like = "optax",
) -> optax.GradientTransformation:
    """Heavy-ball momentum ``m <- b m + g, w <- w - eta m``; Nesterov's steps by ``b m + g``.

    How the conventions of ``like`` differ:

    - optax, torch: ``optax.sgd`` and ``torch.optim.SGD`` are equal. PyTorch's ``dampening`` is no
      moving average: it spares the first gradient.
    - keras: the trace sums up steps, ``m <- b m + eta g, w <- w - m``, so that steps of an earlier
      rate go on when a schedule has changed it. Equal to the others at a constant rate.
    - lecture: a moving average, ``m <- b m + (1 - b) g``: the steps of the trace at rate
      ``(1 - b) eta``.

    Nesterov's form is the rewritten one, whose parameters are the look-ahead points
    ``w - eta b m``, where the gradient is evaluated: `nesterov` has the lecture's own.

    Args:
        learning_rate: ``eta``, 0 or more; a number, a 0-d array or a schedule of the step count.
        momentum: ``b`` in [0, 1).
        nesterov: whether to evaluate the trace one step ahead.
        like: whose convention to follow.

    Raises:
        ValueError: if a hyperparameter given as a number is out of its range.

    Source: lecture 004, "Momentum" and "Nesterov"; Sutskever et al. 2013, section 2.

    >>> optimizer = momentum(1.0, momentum=0.5)
    >>> state = optimizer.init(jnp.zeros(1))
    >>> _, state = optimizer.update(jnp.array([4.0]), state)
    >>> optimizer.update(jnp.array([4.0]), state)[0].tolist()
    [-6.0]
    """
    check_range("momentum", "momentum", momentum, low=0.0, high=1.0, high_open=True)
    average, rate_in_trace = resolve("momentum", like, CONVENTIONS)

    def rule(at: At, g: Array, w: Any, m: Array, *, b: Number) -> tuple[Array, Array]:
        del w
        step = (1 - b) * g if average else g
        eta = at.rate
        if rate_in_trace:
            step, eta = eta * step, 1.0
        m = b * m + step
        ahead = b * m + step if nesterov else m
        return -eta * ahead, m

    return from_rule(
        "momentum",
        rule,
        learning_rate,
        state=MomentumState,
        starts=[jnp.zeros_like],
        numbers={"b": momentum},
    )
