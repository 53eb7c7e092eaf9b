"""Adadelta: steps in the unit of the weights, by averages of squared gradients and steps."""

from typing import Any, Literal, NamedTuple

import jax.numpy as jnp
import optax

from jaxnet.core.representation import represent
from jaxnet.core.types import Array
from jaxnet.optim.update_rule.conventions import resolve
from jaxnet.optim.update_rule.decay import coupled, decoupled
from jaxnet.optim.update_rule.factory import factory
from jaxnet.optim.update_rule.learning_rate import LearningRate
from jaxnet.optim.update_rule.moments import moving_average
from jaxnet.optim.update_rule.rule import Mask, Number, StepContext, from_rule

Like = Literal["optax", "torch", "keras"]


class AdadeltaState(NamedTuple):
    """State of `adadelta`: finished steps (int32), and two trees like the parameters.

    Attributes:
        count: finished steps.
        e_g: moving average of the squared gradients.
        e_x: moving average of the squared steps, before the rate scales them.
    """

    count: Array
    e_g: Any
    e_x: Any

    __repr__ = represent


class _Convention(NamedTuple):
    rho: Number
    eps: Number
    decay_apart: bool  # decoupled weight decay


CONVENTIONS = {
    "optax": _Convention(rho=0.9, eps=1e-6, decay_apart=False),
    "torch": _Convention(rho=0.9, eps=1e-6, decay_apart=False),
    "keras": _Convention(rho=0.95, eps=1e-7, decay_apart=True),
}


@factory
def adadelta(
    learning_rate: LearningRate,
    *,
    rho: Number | None = None,
    eps: Number | None = None,
    weight_decay: LearningRate = 0.0,
    mask: Mask = None,
    like: Like = "optax",
) -> optax.GradientTransformation:
    """Adadelta: ``w <- w - eta x`` with the step ``x = g sqrt(e_x + eps) / sqrt(e_g + eps)``.

    ``e_g <- rho e_g + (1 - rho) g^2`` comes before the step, ``e_x <- rho e_x + (1 - rho) x^2``
    after it. The paper has no rate: ``eta`` is 1 there.

    How the conventions of ``like`` differ:

    - optax, torch: ``optax.adadelta`` and ``torch.optim.Adadelta`` are equal, except that the
      default rate of PyTorch is 1, and that of optax is None, with which it *ascends*: no minus
      sign is applied. Here a rate must be given. Weight decay is coupled, ``g + lambda w``.
    - keras: ``rho`` is .95, the paper's, and ``eps`` 1e-7. Weight decay is decoupled: it shrinks
      the weights by ``eta lambda w``.

    Args:
        learning_rate: ``eta``, 0 or more; a number, a 0-d array or a schedule of the step count.
        rho: decay of both averages, in [0, 1); None for the convention's.
        eps: above 0, inside both roots; it is what starts the steps, of a size of
            ``sqrt(eps / (1 - rho))``; None for the convention's.
        weight_decay: ``lambda``, 0 or more; a number, a 0-d array or a schedule.
        mask: which leaves are decayed, a tree of booleans or a function of the parameters that
            returns one; by default all. optax calls it ``weight_decay_mask`` here.
        like: whose convention to follow.

    Raises:
        ValueError: if a hyperparameter given as a number is out of its range.

    Source: Zeiler 2012, algorithm 1.

    >>> optimizer = adadelta(1.0, rho=0.75, eps=0.01)
    >>> updates, _ = optimizer.update(jnp.array([2.0]), optimizer.init(jnp.zeros(1)))
    >>> round(float(updates[0]), 6)
    -0.199007
    """
    rho, eps, decay_apart = resolve(like, CONVENTIONS, rho=rho, eps=eps)

    def rule(
        at: StepContext,
        g: Array,
        w: Array | None,
        e_g: Array,
        e_x: Array,
        *,
        rho: Number,
        eps: Number,
    ) -> tuple[Array, Array, Array]:
        g = g if decay_apart else coupled(at, g, w)
        e_g = moving_average(rho, e_g, g * g)
        x = g * jnp.sqrt(e_x + eps) / jnp.sqrt(e_g + eps)
        e_x = moving_average(rho, e_x, x * x)
        change = -at.rate * x
        return decoupled(at, change, w) if decay_apart else change, e_g, e_x

    return from_rule(
        rule,
        learning_rate,
        state=AdadeltaState,
        starts=[jnp.zeros_like, jnp.zeros_like],
        numbers={"rho": rho, "eps": eps},
        weight_decay=weight_decay,
        mask=mask,
    )
