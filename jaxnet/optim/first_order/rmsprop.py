"""RMSprop: a step size for each weight, by a moving average of its squared gradients."""

import functools
from typing import Any, Literal, NamedTuple

import jax.numpy as jnp
import optax

from jaxnet.core.checks import checked
from jaxnet.core.representation import represent
from jaxnet.core.types import Array
from jaxnet.optim.first_order.momentum import check_nesterov, follow_trace
from jaxnet.optim.update_rule.conventions import resolve
from jaxnet.optim.update_rule.decay import coupled, decoupled
from jaxnet.optim.update_rule.factory import factory
from jaxnet.optim.update_rule.learning_rate import LearningRate
from jaxnet.optim.update_rule.moments import bias_correction as share_of_average
from jaxnet.optim.update_rule.moments import moving_average, square_root
from jaxnet.optim.update_rule.ranges import RANGES
from jaxnet.optim.update_rule.rule import Mask, Number, StepContext, from_rule, no_slot

Like = Literal["optax", "torch", "keras", "lecture"]


class RMSPropState(NamedTuple):
    """State of `rmsprop`: finished steps (int32), and three trees like the parameters.

    Attributes:
        count: finished steps.
        nu: moving average of the squared gradients.
        mu: that of the gradients; a tree of None unless centred.
        trace: the momentum; a tree of None without.
    """

    count: Array
    nu: Any
    mu: Any
    trace: Any

    __repr__ = represent


class _Convention(NamedTuple):
    decay: Number
    eps: Number
    eps_in_sqrt: bool
    rate_in_trace: bool  # the trace sums up steps, not scaled gradients
    decay_apart: bool  # decoupled weight decay


CONVENTIONS = {
    "optax": _Convention(0.9, 1e-8, eps_in_sqrt=True, rate_in_trace=True, decay_apart=False),
    "torch": _Convention(0.99, 1e-8, eps_in_sqrt=False, rate_in_trace=False, decay_apart=False),
    "keras": _Convention(0.9, 1e-7, eps_in_sqrt=True, rate_in_trace=True, decay_apart=True),
    "lecture": _Convention(0.9, 1e-8, eps_in_sqrt=False, rate_in_trace=False, decay_apart=False),
}


@factory
@checked(RANGES)
def rmsprop(
    learning_rate: LearningRate,
    *,
    decay: Number | None = None,
    eps: Number | None = None,
    initial_scale: Number = 0.0,
    eps_in_sqrt: bool | None = None,
    centered: bool = False,
    momentum: Number | None = None,
    nesterov: bool = False,
    bias_correction: bool = False,
    weight_decay: LearningRate = 0.0,
    mask: Mask = None,
    like: Like = "optax",
) -> optax.GradientTransformation:
    """RMSprop: ``nu <- b nu + (1 - b) g^2, w <- w - eta g / sqrt(nu + eps)``.

    Centred, ``nu - mu^2`` takes the place of ``nu``, with ``mu`` the average of the gradients: an
    estimate of their variance. With momentum, the scaled gradient enters a trace.

    How the conventions of ``like`` differ:

    - optax: the decay ``b`` is .9; ``eps`` is 1e-8, inside the root; the rate is inside the trace,
      so that steps of an earlier rate go on when a schedule has changed it. ``optax.rmsprop`` has
      no weight decay; ours is coupled, ``g + lambda w``, as by ``optax.add_decayed_weights``
      before it. Only optax has ``initial_scale``, ``nesterov`` and ``bias_correction``.
    - torch: ``b`` is .99; ``eps`` is 1e-8, outside the root, ``sqrt(nu) + eps``, where it weighs
      1e-8 and not 1e-4 (https://github.com/google-deepmind/optax/issues/532); the rate is outside
      the trace. Weight decay is coupled.
    - keras: as optax, with ``eps`` 1e-7, and weight decay decoupled: it shrinks the weights by
      ``eta lambda w``.
    - lecture: ``b`` is .9, and there is no ``eps``, which is 0/0 where a gradient is 0: here it is
      1e-8, outside the root. Momentum and weight decay, which the slide omits, as in torch.

    Args:
        learning_rate: ``eta``, 0 or more; a number, a 0-d array or a schedule of the step count.
        decay: ``b``, of the averages, in [0, 1); None for the convention's.
        eps: above 0; keeps a gradient of 0 from dividing by 0; None for the convention's.
        initial_scale: where ``nu`` starts, 0 or more.
        eps_in_sqrt: whether the divisor is ``sqrt(nu + eps)`` or ``sqrt(nu) + eps``; None for the
            convention's.
        centered: whether to divide by the standard deviation instead of the root mean square.
        momentum: of the trace, in [0, 1); None for none.
        nesterov: whether to evaluate that trace one step ahead; an error without one.
        bias_correction: whether to divide the averages by ``1 - b^t``. With ``eps`` outside the
            root this is Adam with ``b1 = 0``.
        weight_decay: ``lambda``, 0 or more; a number, a 0-d array or a schedule.
        mask: which leaves are decayed, a tree of booleans or a function of the parameters that
            returns one; by default all.
        like: whose convention to follow.

    Raises:
        ValueError: if a hyperparameter given as a number is out of its range, or if ``nesterov``
            is set without momentum, which optax ignores.

    Numerics: ``nu - mu^2`` falls below 0 by rounding where gradients have become smaller and stay
    the same, and its root is not a number: so in optax and PyTorch, in float32, some hundred steps
    after they have fallen from 300 to 1. Here it is at least 0. Centred and corrected, it is 0 at
    the first step, unless ``initial_scale`` is above 0: the step is as large as ``eps`` allows.

    Source: Hinton, Srivastava and Swersky 2012, lecture 6e, slide 29; Graves 2013, section 4.2,
    centred and with momentum; lecture 004, "RMSprop".

    >>> optimizer = rmsprop(0.1, like="torch")
    >>> updates, _ = optimizer.update(jnp.array([3.0]), optimizer.init(jnp.zeros(1)))
    >>> round(float(updates[0]), 6)
    -1.0
    """
    convention = resolve(like, CONVENTIONS, decay=decay, eps=eps, eps_in_sqrt=eps_in_sqrt)
    check_nesterov(nesterov, momentum)
    return from_rule(
        functools.partial(
            _rule, convention=convention, nesterov=nesterov, corrected=bias_correction
        ),
        learning_rate,
        state=RMSPropState,
        starts=[
            lambda w: jnp.full_like(w, initial_scale),
            jnp.zeros_like if centered else no_slot,
            no_slot if momentum is None else jnp.zeros_like,
        ],
        numbers={
            "decay": convention.decay,
            "eps": convention.eps,
            "momentum": 0.0 if momentum is None else momentum,
        },
        weight_decay=weight_decay,
        mask=mask,
    )


def _rule(
    at: StepContext,
    g: Array,
    w: Array | None,
    nu: Array,
    mu: Array | None,
    m: Array | None,
    *,
    decay: Number,
    eps: Number,
    momentum: Number,
    convention: _Convention,
    nesterov: bool,
    corrected: bool,
) -> tuple[Any, ...]:
    """Return the change of one leaf, and its slots; ``mu`` and ``m`` are None if unused."""
    _, _, eps_in_sqrt, rate_in_trace, decay_apart = convention
    g = g if decay_apart else coupled(at, g, w)
    share = share_of_average(decay, at.t, g) if corrected else 1.0
    nu = moving_average(decay, nu, g * g)
    square = nu / share
    if mu is not None:
        mu = moving_average(decay, mu, g)
        square = jnp.maximum(square - jnp.square(mu / share), 0.0)
    step = g / (jnp.sqrt(square + eps) if eps_in_sqrt else square_root(square) + eps)
    if m is None:
        change = -at.rate * step
    else:
        change, m = follow_trace(
            at.rate, momentum, m, step, nesterov=nesterov, rate_in_trace=rate_in_trace
        )
    return decoupled(at, change, w) if decay_apart else change, nu, mu, m
