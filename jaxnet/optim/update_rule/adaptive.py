"""Shared parts of Adam and its relatives: moment estimates, their quotient, weight decay."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, NamedTuple, TypeAlias

import jax.numpy as jnp
import optax

from jaxnet.core.representation import represent
from jaxnet.core.types import Array
from jaxnet.optim.update_rule.decay import coupled, decoupled
from jaxnet.optim.update_rule.learning_rate import LearningRate
from jaxnet.optim.update_rule.moments import bias_correction, moving_average, square_root
from jaxnet.optim.update_rule.rule import Mask, Number, SlotInit, StepContext, from_rule, increment

Step: TypeAlias = Callable[..., tuple[Array, ...]]
"""``(at, g, *slots, **numbers) -> (step, *slots)`` for one leaf: a rule without the rate and the
weights, of which the descent goes ``eta``."""

Coupling: TypeAlias = Literal["coupled", "decoupled", "proximal"]
"""Where weight decay goes, see `from_step`."""


class AdamState(NamedTuple):
    """State of `adam` and relatives with the same moments.

    Finished steps (int32), and the moments, trees like the parameters.
    """

    count: Array
    mu: Any
    nu: Any

    __repr__ = represent


def from_step(
    step: Step,
    learning_rate: LearningRate,
    *,
    numbers: Mapping[str, Number],
    state: Callable[..., Any] = AdamState,
    starts: Sequence[SlotInit] = (jnp.zeros_like, jnp.zeros_like),
    weight_decay: LearningRate = 0.0,
    mask: Mask = None,
    coupling: Coupling = "decoupled",
) -> optax.GradientTransformation:
    """Return the optimizer ``w <- w - eta step(g)``, with weight decay.

    Coupled, decay is the gradient of the penalty ``lambda / 2 |w|^2``, and is divided by the root
    of the second moment as all of the gradient: ``w <- w - eta step(g + lambda w)``. Decoupled, it
    is not: ``w <- w - eta (step(g) + lambda w)``. Proximal, it is decoupled and implicit, taken at
    the weights after the step: ``w <- (w - eta step(g)) / (1 + eta lambda)``.

    Args:
        step: the mathematics, see `Step`.
        learning_rate: ``eta``, 0 or more; a number, a 0-d array or a schedule of the step count.
        numbers: hyperparameters that the step takes by name.
        state: the NamedTuple of the state: ``count``, then a tree for each slot.
        starts: a function ``w -> slot`` for each slot.
        weight_decay: ``lambda``, 0 or more; a number, a 0-d array or a schedule.
        mask: which leaves are decayed; by default all.
        coupling: where the decay goes.

    Raises:
        ValueError: if a hyperparameter given as a number is out of its range.

    Source: Loshchilov and Hutter 2019, algorithm 2; Xie et al. 2022, algorithm 1 (proximal).
    """

    def rule(at: StepContext, g: Array, w: Array | None, *slots: Array, **known: Number) -> Any:
        if coupling == "coupled":
            g = coupled(at, g, w)
        if coupling == "proximal":
            at = at._replace(rate=at.rate / (1 + at.rate * at.decay))
        direction, *after = step(at, g, *slots, **known)
        change = -at.rate * direction
        return change if coupling == "coupled" else decoupled(at, change, w), *after

    return from_rule(
        rule,
        learning_rate,
        state=state,
        starts=starts,
        numbers=numbers,
        weight_decay=weight_decay,
        mask=mask,
    )


def mean_estimate(
    at: StepContext,
    g: Array,
    mu: Array,
    b1: Number,
    *,
    corrected: bool = True,
    nesterov: bool = False,
) -> tuple[Array, Array]:
    """Return ``mu_hat`` and ``mu``, the mean of the gradients with and without bias correction.

    ``mu <- b1 mu + (1 - b1) g`` and ``mu_hat = mu / (1 - b1^t)``. Nesterov's looks a step ahead,
    where the average will have moved towards a gradient that is yet to come, for which the present
    one stands: ``mu_hat = b1 mu / (1 - b1^(t+1)) + (1 - b1) g / (1 - b1^t)``.

    Args:
        at: the step.
        g: the gradient.
        mu: the mean before this step.
        b1: its decay.
        corrected: whether to divide by ``1 - b1^t``.
        nesterov: whether to look ahead.

    Source: Kingma and Ba 2015, algorithm 1; Dozat 2016, algorithm 2.
    """
    mu = moving_average(b1, mu, g)
    share = bias_correction(b1, at.t, g) if corrected else 1.0
    if not nesterov:
        return mu / share, mu
    ahead = bias_correction(b1, increment(at.t), g) if corrected else 1.0
    return moving_average(b1, mu / ahead, g / share), mu


def root(
    nu: Array,
    share: Array | float,
    eps: Number,
    *,
    eps_root: Number = 0.0,
    eps_hat: bool = False,
) -> Array:
    """Return the denominator of a step, ``sqrt(nu / share + eps_root) + eps``.

    Args:
        nu: a mean of squares.
        share: its bias correction ``1 - b2^t``; the number 1.0 for none.
        eps: added outside the root.
        eps_root: added inside.
        eps_hat: whether ``eps`` is added before the correction, and divided by ``sqrt(share)``
            with the root: then it is the ``eps``-hat of the faster form of Adam.

    Source: Kingma and Ba 2015, algorithm 1, and the end of section 2 for ``eps``-hat.

    >>> float(root(jnp.array(8.0), 0.5, 1.0)), float(root(jnp.array(4.0), 0.25, 1.0, eps_hat=True))
    (5.0, 6.0)
    """
    if eps_hat:
        eps = eps / jnp.sqrt(share)
    return square_root(nu / share + eps_root) + eps
