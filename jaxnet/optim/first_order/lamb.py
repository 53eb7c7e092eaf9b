"""LAMB: Adam whose step is as long as the layer's weights, times the rate."""

from typing import Literal, NamedTuple

import jax.numpy as jnp
import optax

from jaxnet.core.types import Array
from jaxnet.optim.first_order.adam import adam_step
from jaxnet.optim.update_rule.adaptive import AdamState
from jaxnet.optim.update_rule.conventions import resolve
from jaxnet.optim.update_rule.factory import factory
from jaxnet.optim.update_rule.learning_rate import LearningRate
from jaxnet.optim.update_rule.mask import Mask
from jaxnet.optim.update_rule.rule import Number, StepContext, from_rule
from jaxnet.optim.update_rule.trust_ratio import trust_ratio

Like = Literal["optax", "keras"]


class _Convention(NamedTuple):
    eps: Number
    decays_first: bool  # the weights are decayed before their length is taken


CONVENTIONS = {
    "optax": _Convention(eps=1e-6, decays_first=False),
    "keras": _Convention(eps=1e-7, decays_first=True),
}


@factory
def lamb(
    learning_rate: LearningRate,
    *,
    b1: Number = 0.9,
    b2: Number = 0.999,
    eps: Number | None = None,
    eps_root: Number = 0.0,
    weight_decay: LearningRate = 0.0,
    mask: Mask = None,
    like: Like = "optax",
) -> optax.GradientTransformation:
    """LAMB: ``w <- w - eta |w| / |u| u``, with ``u = mu_hat / (sqrt(nu_hat) + eps) + lambda w``.

    The norms are Euclidean, of a whole leaf; ``mu_hat`` and ``nu_hat`` are those of
    `jaxnet.optim.adam`. The ratio is 1 where the weights or their step are 0. It counts for every
    leaf, biases too, in both libraries.

    How the conventions of ``like`` differ:

    - optax: the decay is a part of ``u``, as in the paper: it changes the direction of the step,
      whose length is ``eta |w|`` with it and without it. ``eps`` is 1e-6.
    - keras: the decay comes first, ``w <- w (1 - eta lambda)``, and the step follows, as long as
      the decayed weights: the two together are longer than ``eta |w|``. ``eps`` is 1e-7.

    Args:
        learning_rate: ``eta``, 0 or more; a number, a 0-d array or a schedule of the step count.
        b1: decay of the mean of gradients, in [0, 1).
        b2: decay of the mean of squared gradients, in [0, 1).
        eps: added outside the root, above 0; None for the convention's.
        eps_root: added inside the root, 0 or more.
        weight_decay: ``lambda``, 0 or more; a number, a 0-d array or a schedule.
        mask: which leaves are decayed: a tree of booleans, a prefix of one, or a function of the
            parameters; by default all.
        like: whose convention to follow.

    Raises:
        ValueError: if a hyperparameter given as a number is out of its range, or if ``update`` is
            not given the parameters.

    Numerics: lengths are right though their squares over- or underflow. ``nu`` is a mean of
    squares, which in float32 overflows from gradients of 1.8e19 on, as for `jaxnet.optim.adam`.

    Source: You et al. 2020, algorithm 2, with ``phi`` the identity.

    >>> optimizer = lamb(0.1)
    >>> w = jnp.array([3.0, 4.0])
    >>> updates, _ = optimizer.update(jnp.array([1.0, 0.0]), optimizer.init(w), w)
    >>> abs(updates).round(3).tolist()
    [0.5, 0.0]
    """
    eps, decays_first = resolve(like, CONVENTIONS, eps=eps)
    step = adam_step()

    def rule(
        at: StepContext, g: Array, w: Array, mu: Array, nu: Array, **numbers: Number
    ) -> tuple[Array, Array, Array]:
        u, mu, nu = step(at, g, mu, nu, **numbers)
        decay = at.decay * w
        if decays_first:
            decay = at.rate * decay
            return -decay - at.rate * trust_ratio(w - decay, u) * u, mu, nu
        u = u + decay
        return -at.rate * trust_ratio(w, u) * u, mu, nu

    return from_rule(
        rule,
        learning_rate,
        state=AdamState,
        starts=[jnp.zeros_like, jnp.zeros_like],
        numbers={"b1": b1, "b2": b2, "eps": eps, "eps_root": eps_root},
        weight_decay=weight_decay,
        mask=mask,
        needs_params=True,
    )
