"""Adamax: Adam with the largest gradient in place of the second moment."""

from typing import Literal, NamedTuple

import jax.numpy as jnp
import optax

from jaxnet.core.types import Array
from jaxnet.optim.update_rule.adaptive import Step, from_step, mean_estimate
from jaxnet.optim.update_rule.conventions import resolve
from jaxnet.optim.update_rule.factory import factory
from jaxnet.optim.update_rule.learning_rate import LearningRate
from jaxnet.optim.update_rule.rule import Mask, Number, StepContext

Like = Literal["optax", "torch", "keras"]


class _Convention(NamedTuple):
    eps: Number
    eps_stored: bool  # eps is added to each |g|, not to the denominator
    decoupled_weight_decay: bool


CONVENTIONS = {
    "optax": _Convention(eps=1e-8, eps_stored=True, decoupled_weight_decay=False),
    "torch": _Convention(eps=1e-8, eps_stored=True, decoupled_weight_decay=False),
    "keras": _Convention(eps=1e-7, eps_stored=False, decoupled_weight_decay=True),
}


@factory
def adamax(
    learning_rate: LearningRate,
    *,
    b1: Number = 0.9,
    b2: Number = 0.999,
    eps: Number | None = None,
    weight_decay: LearningRate = 0.0,
    decoupled_weight_decay: bool | None = None,
    mask: Mask = None,
    like: Like = "optax",
) -> optax.GradientTransformation:
    """Adamax: ``w <- w - eta mu_hat / nu``, where ``nu <- max(b2 nu, |g| + eps)``.

    The limit of Adam for moments of ever higher order, whose root tends to a maximum that decays.
    It needs no bias correction; ``mu_hat = mu / (1 - b1^t)``, ``mu <- b1 mu + (1 - b1) g``.

    How the conventions of ``like`` differ:

    - optax, torch: ``optax.adamax`` and ``torch.optim.Adamax`` are equal. PyTorch's
      ``weight_decay`` is coupled, ``g + lambda w`` in place of ``g``; optax's is `adamaxw`.
    - keras: ``nu <- max(b2 nu, |g|)`` and the step is ``eta mu_hat / (nu + eps)``, with ``eps``
      1e-7. Weight decay is decoupled.

    The paper has no ``eps``, which is 0/0 until the first gradient that is not 0.

    Args:
        learning_rate: ``eta``, 0 or more; a number, a 0-d array or a schedule of the step count.
        b1: decay of the mean of gradients, in [0, 1).
        b2: decay of the largest gradient, in [0, 1).
        eps: keeps a gradient of 0 from dividing by 0, above 0; None for the convention's.
        weight_decay: ``lambda``, 0 or more; a number, a 0-d array or a schedule.
        decoupled_weight_decay: whether decay leaves the moments alone; None for the convention's.
        mask: which leaves are decayed: a tree of booleans, or a function of the parameters that
            returns one; None for all.
        like: whose convention to follow.

    Raises:
        ValueError: if a hyperparameter given as a number is out of its range.

    Source: Kingma and Ba 2015, algorithm 2.

    >>> optimizer = adamax(0.1)
    >>> state = optimizer.init(jnp.zeros(1))
    >>> updates, state = optimizer.update(jnp.array([5.0]), state)
    >>> round(updates.item(), 6), round(state.nu.item(), 6)
    (-0.1, 5.0)
    """
    chosen = resolve(like, CONVENTIONS, eps=eps, decoupled_weight_decay=decoupled_weight_decay)
    return _from_convention(learning_rate, chosen, b1, b2, weight_decay, mask)


@factory
def adamaxw(
    learning_rate: LearningRate,
    *,
    b1: Number = 0.9,
    b2: Number = 0.999,
    eps: Number | None = None,
    weight_decay: LearningRate = 1e-4,
    mask: Mask = None,
    like: Literal["optax", "keras"] = "optax",
) -> optax.GradientTransformation:
    """AdamaxW: `adamax` with decoupled decay, ``w <- w - eta (adamax's step + lambda w)``.

    How the conventions of ``like`` differ: as those of `adamax`. The default of ``weight_decay``
    is that of ``optax.adamaxw``; ``keras.optimizers.Adamax`` decays only if it is set.

    Args:
        learning_rate: ``eta``, 0 or more; a number, a 0-d array or a schedule of the step count.
        b1: decay of the mean of gradients, in [0, 1).
        b2: decay of the largest gradient, in [0, 1).
        eps: keeps a gradient of 0 from dividing by 0, above 0; None for the convention's.
        weight_decay: ``lambda``, 0 or more; a number, a 0-d array or a schedule.
        mask: which leaves are decayed: a tree of booleans, or a function of the parameters that
            returns one; None for all.
        like: whose convention to follow.

    Raises:
        ValueError: if a hyperparameter given as a number is out of its range.

    Source: Kingma and Ba 2015, algorithm 2; Loshchilov and Hutter 2019, algorithm 2.

    >>> optimizer, w = adamaxw(0.1, weight_decay=0.5), jnp.array([2.0])
    >>> updates, _ = optimizer.update(jnp.array([5.0]), optimizer.init(w), w)
    >>> round(updates.item(), 6)
    -0.2
    """
    table = {name: CONVENTIONS[name] for name in ("optax", "keras")}
    chosen = resolve(like, table, eps=eps, decoupled_weight_decay=True)
    return _from_convention(learning_rate, chosen, b1, b2, weight_decay, mask)


def _from_convention(
    learning_rate: LearningRate,
    chosen: _Convention,
    b1: Number,
    b2: Number,
    weight_decay: LearningRate,
    mask: Mask,
) -> optax.GradientTransformation:
    return from_step(
        _step(eps_stored=chosen.eps_stored),
        learning_rate,
        numbers={"b1": b1, "b2": b2, "eps": chosen.eps},
        weight_decay=weight_decay,
        mask=mask,
        coupling="decoupled" if chosen.decoupled_weight_decay else "coupled",
    )


def _step(*, eps_stored: bool) -> Step:
    def step(
        at: StepContext, g: Array, mu: Array, nu: Array, *, b1: Number, b2: Number, eps: Number
    ) -> tuple[Array, Array, Array]:
        mu_hat, mu = mean_estimate(at, g, mu, b1)
        stored, outside = (eps, 0.0) if eps_stored else (0.0, eps)
        nu = jnp.maximum(b2 * nu, jnp.abs(g) + stored)
        return mu_hat / (nu + outside), mu, nu

    return step
