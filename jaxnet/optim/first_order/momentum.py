"""Gradient descent with momentum, and Nesterov's."""

from typing import Any, Literal, NamedTuple

import jax.numpy as jnp
import optax

from jaxnet.core.checks import check_flags, require
from jaxnet.core.representation import represent
from jaxnet.core.types import Array
from jaxnet.optim.update_rule.conventions import resolve
from jaxnet.optim.update_rule.decay import coupled, decoupled
from jaxnet.optim.update_rule.factory import factory
from jaxnet.optim.update_rule.learning_rate import LearningRate
from jaxnet.optim.update_rule.rule import Mask, Number, StepContext, from_rule

Like = Literal["optax", "torch", "keras", "lecture"]


class MomentumState(NamedTuple):
    """State of `momentum`: finished steps (int32), and the trace, a tree like the parameters."""

    count: Array
    trace: Any

    __repr__ = represent


class _Convention(NamedTuple):
    average: bool  # the lectures' moving average, b m + (1 - b) g
    rate_in_trace: bool  # the trace sums up steps, not gradients
    decay_apart: bool  # decoupled weight decay


CONVENTIONS = {
    "optax": _Convention(average=False, rate_in_trace=False, decay_apart=False),
    "torch": _Convention(average=False, rate_in_trace=False, decay_apart=False),
    "keras": _Convention(average=False, rate_in_trace=True, decay_apart=True),
    "lecture": _Convention(average=True, rate_in_trace=False, decay_apart=False),
}


@factory
def momentum(
    learning_rate: LearningRate,
    *,
    momentum: Number = 0.9,
    nesterov: bool = False,
    dampening: Number = 0.0,
    weight_decay: LearningRate = 0.0,
    mask: Mask = None,
    like: Like = "optax",
) -> optax.GradientTransformation:
    """Heavy-ball momentum ``m <- b m + g, w <- w - eta m``; Nesterov's steps by ``b m + g``.

    How the conventions of ``like`` differ:

    - optax, torch: ``optax.sgd`` and ``torch.optim.SGD`` are equal. Weight decay is coupled,
      ``g + lambda w``, as in PyTorch and as by ``optax.add_decayed_weights`` before ``optax.sgd``,
      which has none itself. Only PyTorch has ``dampening``.
    - keras: the trace sums up steps, ``m <- b m + eta g, w <- w - m``, so that steps of an earlier
      rate go on when a schedule has changed it. Equal to the others at a constant rate. Weight
      decay is decoupled: it shrinks the weights by ``eta lambda w`` beside the trace.
    - lecture: a moving average, ``m <- b m + (1 - b) g``: the steps of the trace at rate
      ``(1 - b) eta``. Weight decay is coupled, as that of a penalty ``lambda/2 |w|^2``.

    Nesterov's form is the rewritten one, whose parameters are the look-ahead points
    ``w - eta b m``, where the gradient is evaluated: `nesterov` has the lecture's own.

    Args:
        learning_rate: ``eta``, 0 or more; a number, a 0-d array or a schedule of the step count.
        momentum: ``b`` in [0, 1).
        nesterov: whether to evaluate the trace one step ahead.
        dampening: in [0, 1]; all gradients but the first enter the trace times ``1 - dampening``.
            It is therefore no moving average, not even with ``dampening = b``.
        weight_decay: ``lambda``, 0 or more; a number, a 0-d array or a schedule.
        mask: which leaves are decayed, a tree of booleans or a function of the parameters that
            returns one; by default all.
        like: whose convention to follow.

    Raises:
        ValueError: if a hyperparameter given as a number is out of its range, or if dampening is
            combined with Nesterov's form, as PyTorch refuses it, too.

    Source: lecture 004, "Momentum" and "Nesterov"; Sutskever et al. 2013, section 2.

    >>> optimizer = momentum(1.0, momentum=0.5)
    >>> state = optimizer.init(jnp.zeros(1))
    >>> _, state = optimizer.update(jnp.array([4.0]), state)
    >>> optimizer.update(jnp.array([4.0]), state)[0].tolist()
    [-6.0]
    """
    return heavy_ball(
        learning_rate,
        momentum=momentum,
        nesterov=nesterov,
        dampening=dampening,
        weight_decay=weight_decay,
        mask=mask,
        like=like,
    )


def heavy_ball(
    learning_rate: LearningRate,
    *,
    momentum: Number,
    nesterov: bool,
    dampening: Number,
    weight_decay: LearningRate,
    mask: Mask,
    like: str,
) -> optax.GradientTransformation:
    """Return `momentum`, for `sgd` and `nesterov`, too."""
    check_flags(nesterov=nesterov)
    average, rate_in_trace, decay_apart = resolve(like, CONVENTIONS)
    dampens = not (isinstance(dampening, int | float) and dampening == 0)
    require(not (dampens and nesterov), "dampening", "to be 0 with nesterov", dampening)

    def rule(
        at: StepContext, g: Array, w: Array | None, m: Array, *, momentum: Number, dampening: Number
    ) -> tuple[Array, Array]:
        g = g if decay_apart else coupled(at, g, w)
        step = (1 - momentum) * g if average else g
        if dampens:
            step = jnp.where(at.t == 1, step, (1 - dampening) * step)
        change, m = follow_trace(
            at.rate, momentum, m, step, nesterov=nesterov, rate_in_trace=rate_in_trace
        )
        return decoupled(at, change, w) if decay_apart else change, m

    return from_rule(
        rule,
        learning_rate,
        state=MomentumState,
        starts=[jnp.zeros_like],
        numbers={"momentum": momentum, "dampening": dampening},
        weight_decay=weight_decay,
        mask=mask,
    )


def check_nesterov(nesterov: Any, momentum: Number | None) -> None:
    """Raise a ValueError if Nesterov's form is set without momentum."""
    check_flags(nesterov=nesterov)
    given = not nesterov or momentum is not None
    require(given, "nesterov", "to be False without momentum", True)


def follow_trace(
    eta: Array, b: Number, m: Array, step: Array, *, nesterov: bool, rate_in_trace: bool
) -> tuple[Array, Array]:
    """Return the change of the weights along a trace of steps, and the trace after this step.

    Args:
        eta: the learning rate.
        b: the momentum.
        m: the trace, ``b m + step``.
        step: what enters it, against the descent: a gradient, or a scaled one.
        nesterov: whether to evaluate the trace one step ahead.
        rate_in_trace: whether ``eta step`` enters the trace, or ``eta`` scales the trace.

    >>> change, m = follow_trace(
    ...     jnp.array(0.5),
    ...     0.5,
    ...     jnp.array(4.0),
    ...     jnp.array(2.0),
    ...     nesterov=True,
    ...     rate_in_trace=False,
    ... )
    >>> float(change), float(m)
    (-2.0, 4.0)
    """
    if rate_in_trace:
        step = eta * step
    m = b * m + step
    ahead = b * m + step if nesterov else m
    return -ahead if rate_in_trace else -eta * ahead, m
