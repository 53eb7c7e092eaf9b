"""Optimizers that step by the sign of the gradient or momentum."""

from typing import Any, Literal, NamedTuple

import jax.numpy as jnp
import optax

from jaxnet.core.representation import represent
from jaxnet.core.types import Array
from jaxnet.optim.update_rule.conventions import resolve
from jaxnet.optim.update_rule.decay import decoupled
from jaxnet.optim.update_rule.factory import factory
from jaxnet.optim.update_rule.learning_rate import LearningRate
from jaxnet.optim.update_rule.moments import moving_average
from jaxnet.optim.update_rule.rule import Mask, Number, StepContext, from_rule

Like = Literal["optax", "keras"]


class SignSGDState(NamedTuple):
    """State of `sign_sgd`: ``count`` (int32), the number of finished steps."""

    count: Array

    __repr__ = represent


class LionState(NamedTuple):
    """State of `lion`: finished steps (int32), and the momentum, a tree like the parameters."""

    count: Array
    mu: Any

    __repr__ = represent


class _Convention(NamedTuple):
    weight_decay: LearningRate


CONVENTIONS = {
    "optax": _Convention(weight_decay=1e-3),
    "keras": _Convention(weight_decay=0.0),
}


@factory
def sign_sgd(learning_rate: LearningRate) -> optax.GradientTransformation:
    """Gradient descent by the sign, ``w <- w - eta sign(g)``, with ``sign(0) = 0``.

    Equal to ``optax.sign_sgd``; PyTorch and Keras do not have it. Gradients scaled by any positive
    number give the same steps.

    Args:
        learning_rate: ``eta``, 0 or more; a number, a 0-d array or a schedule of the step count.

    Raises:
        ValueError: if the learning rate given as a number is out of its range.

    Source: Bernstein et al. 2018, algorithm 1.

    >>> optimizer = sign_sgd(0.5)
    >>> updates, _ = optimizer.update(jnp.array([2.0, -4.0, 0.0]), optimizer.init(jnp.zeros(3)))
    >>> updates.tolist()
    [-0.5, 0.5, -0.0]
    """

    def rule(at: StepContext, g: Array, w: Any) -> tuple[Array]:
        del w
        return (-at.rate * jnp.sign(g),)

    return from_rule(rule, learning_rate, state=SignSGDState)


@factory
def lion(
    learning_rate: LearningRate,
    *,
    b1: Number = 0.9,
    b2: Number = 0.99,
    weight_decay: LearningRate | None = None,
    mask: Mask = None,
    like: Like = "optax",
) -> optax.GradientTransformation:
    """Lion: ``w <- w - eta (sign(b1 mu + (1 - b1) g) + lambda w), mu <- b2 mu + (1 - b2) g``.

    The average that steps is another than the one that is remembered: it weighs the new gradient
    more. Weight decay is decoupled.

    How the conventions of ``like`` differ:

    - optax: weight decay is 1e-3.
    - keras: weight decay is 0. Equal to optax if it is given.

    PyTorch does not have it. A sign has size 1 whatever the gradient, so the paper advises a rate
    3 to 10 times smaller, and a decay 3 to 10 times larger, than those of AdamW.

    Args:
        learning_rate: ``eta``, 0 or more; a number, a 0-d array or a schedule of the step count.
        b1: share of ``mu`` in the step, in [0, 1).
        b2: decay of ``mu``, in [0, 1).
        weight_decay: ``lambda``, 0 or more; a number, a 0-d array or a schedule; None for the
            convention's.
        mask: which leaves are decayed, a tree of booleans or a function of the parameters that
            returns one; by default all.
        like: whose convention to follow.

    Raises:
        ValueError: if a hyperparameter given as a number is out of its range.

    Source: Chen et al. 2023, algorithm 2, and section 5 for the rate and the decay.

    >>> optimizer = lion(0.5, weight_decay=0.25)
    >>> w = jnp.array([8.0, 8.0])
    >>> optimizer.update(jnp.array([0.1, 0.0]), optimizer.init(w), w)[0].tolist()
    [-1.5, -1.0]
    """
    (decay,) = resolve(like, CONVENTIONS, weight_decay=weight_decay)

    def rule(
        at: StepContext, g: Array, w: Array | None, mu: Array, *, b1: Number, b2: Number
    ) -> tuple[Array, Array]:
        change = -at.rate * jnp.sign(moving_average(b1, mu, g))
        return decoupled(at, change, w), moving_average(b2, mu, g)

    return from_rule(
        rule,
        learning_rate,
        state=LionState,
        starts=[jnp.zeros_like],
        numbers={"b1": b1, "b2": b2},
        weight_decay=decay,
        mask=mask,
    )
