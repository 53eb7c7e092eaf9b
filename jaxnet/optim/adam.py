"""Adam: momentum and per-weight step sizes, both with bias correction."""

from typing import Any, Literal, NamedTuple

import jax.numpy as jnp
import optax

from jaxnet.core.checks import check_range
from jaxnet.core.types import Array
from jaxnet.optim.convention import resolve
from jaxnet.optim.learning_rate import LearningRate
from jaxnet.optim.moments import bias_correction, moving_average
from jaxnet.optim.rule import At, Number, from_rule

Like = Literal["optax", "torch", "keras", "lecture"]


class AdamState(NamedTuple):
    """State of `adam`: finished steps (int32), and the moments, trees like the parameters."""

    count: Array  # pyright: ignore[reportIncompatibleMethodOverride]
    mu: Any
    nu: Any


class _Convention(NamedTuple):
    b2: Number
    eps: Number
    corrected: bool  # the moments are divided by 1 - b^t
    eps_hat: bool  # eps is added to the root of nu before its correction


CONVENTIONS = {
    "optax": _Convention(b2=0.999, eps=1e-8, corrected=True, eps_hat=False),
    "torch": _Convention(b2=0.999, eps=1e-8, corrected=True, eps_hat=False),
    "keras": _Convention(b2=0.999, eps=1e-7, corrected=True, eps_hat=True),
    "lecture": _Convention(b2=0.99, eps=1e-8, corrected=False, eps_hat=False),
}


def adam(
    learning_rate: LearningRate,
    *,
    b1: Number = 0.9,
    b2: Number | None = None,
    eps: Number | None = None,
    like: Like = "optax",
) -> optax.GradientTransformation:
    """Adam: ``w <- w - eta mu_hat / (sqrt(nu_hat) + eps)``.

    ``mu <- b1 mu + (1 - b1) g``, ``nu <- b2 nu + (1 - b2) g^2``, ``mu_hat = mu / (1 - b1^t)``,
    ``nu_hat = nu / (1 - b2^t)``, with ``t`` counted from 1.

    How the conventions of ``like`` differ:

    - optax, torch: ``optax.adam`` and ``torch.optim.Adam`` are equal.
    - keras: ``eps`` is 1e-7, and the paper's faster form is used,
      ``eta sqrt(1 - b2^t) / (1 - b1^t) mu / (sqrt(nu) + eps)``, in which ``eps`` weighs
      ``1 / sqrt(1 - b2^t)`` times as much: 32 times at the first step.
    - lecture: ``b2`` is 0.99, and neither moment is corrected: the first step is
      ``(1 - b1) / sqrt(1 - b2)``, with these decays exactly 1, times the rate. The slide has no
      ``eps`` either, which is 0/0 where a gradient is 0: here it has.

    Args:
        learning_rate: ``eta``, 0 or more; a number, a 0-d array or a schedule of the step count.
        b1: decay of the mean of gradients, in [0, 1).
        b2: decay of the mean of squared gradients, in [0, 1); None for the convention's.
        eps: added outside the root, above 0; keeps a gradient of 0 from dividing by 0; None for
            the convention's.
        like: whose convention to follow.

    Raises:
        ValueError: if a hyperparameter given as a number is out of its range.

    Numerics: ``1 - b^t`` by `jaxnet.optim.moments.bias_correction`.

    Source: Kingma and Ba 2015, algorithm 1; lecture 004, "Adam".

    >>> optimizer = adam(0.1)
    >>> updates, _ = optimizer.update(jnp.array([5.0]), optimizer.init(jnp.zeros(1)))
    >>> updates.round(6).tolist()
    [-0.10000000149011612]
    """
    b2, eps, corrected, eps_hat = resolve("adam", like, CONVENTIONS, b2=b2, eps=eps)
    check_range("adam", "b1", b1, low=0.0, high=1.0, high_open=True)
    check_range("adam", "b2", b2, low=0.0, high=1.0, high_open=True)
    check_range("adam", "eps", eps, low=0.0, low_open=True)

    def rule(
        at: At, g: Array, w: Any, mu: Array, nu: Array, *, b1: Number, b2: Number, eps: Number
    ) -> tuple[Array, Array, Array]:
        del w
        mu = moving_average(b1, mu, g)
        nu = moving_average(b2, nu, g * g)
        if not corrected:
            return -at.rate * mu / (jnp.sqrt(nu) + eps), mu, nu
        mu_hat = mu / bias_correction(b1, at.t, g)
        share = bias_correction(b2, at.t, g)
        if eps_hat:
            eps = eps / jnp.sqrt(share)
        return -at.rate * mu_hat / (jnp.sqrt(nu / share) + eps), mu, nu

    return from_rule(
        "adam",
        rule,
        learning_rate,
        state=AdamState,
        starts=[jnp.zeros_like, jnp.zeros_like],
        numbers={"b1": b1, "b2": b2, "eps": eps},
    )
