"""Yogi: Adam whose second moment moves towards each squared gradient by a bounded amount."""

import jax.numpy as jnp
import optax

from jaxnet.core.checks import checked
from jaxnet.core.types import Array
from jaxnet.optim.update_rule.adaptive import from_step, mean_estimate, root
from jaxnet.optim.update_rule.factory import factory
from jaxnet.optim.update_rule.learning_rate import LearningRate
from jaxnet.optim.update_rule.moments import bias_correction
from jaxnet.optim.update_rule.ranges import RANGES
from jaxnet.optim.update_rule.rule import Number, StepContext


@factory
@checked(RANGES)
def yogi(
    learning_rate: LearningRate,
    *,
    b1: Number = 0.9,
    b2: Number = 0.999,
    eps: Number = 1e-3,
    eps_root: Number = 0.0,
    initial_accumulator_value: Number = 1e-6,
) -> optax.GradientTransformation:
    """Yogi: `jaxnet.optim.adam` with a second moment that forgets large gradients slowly.

    ``w <- w - eta mu_hat / (sqrt(nu_hat + eps_root) + eps)``, with Adam's ``mu`` and
    ``nu <- nu - (1 - b2) sign(nu - g^2) g^2``: the change is ``(1 - b2) g^2`` in size, where
    Adam's, ``(1 - b2) (g^2 - nu)``, is as large as ``nu`` when gradients become small.

    Equal to ``optax.yogi``; PyTorch and Keras have none. Both moments start at 1e-6, as in the
    authors' code, though the paper starts ``mu`` at 0 and ``nu`` at the first squared gradients.
    So a gradient of 0 moves a weight, at the first step by 2.8e-4 of the rate, and less and less.

    Args:
        learning_rate: ``eta``, 0 or more; a number, a 0-d array or a schedule of the step count.
        b1: decay of the mean of gradients, in [0, 1).
        b2: one minus the share of the squared gradient that ``nu`` changes by, in [0, 1).
        eps: added outside the root, above 0.
        eps_root: added inside the root, 0 or more.
        initial_accumulator_value: at which both moments start, 0 or more.

    Raises:
        ValueError: if a hyperparameter given as a number is out of its range.

    Source: Zaheer et al. 2018, algorithm 2.

    >>> optimizer = yogi(0.1)
    >>> state = optimizer.init(jnp.zeros(1))
    >>> _, state = optimizer.update(jnp.array([5.0]), state)
    >>> round(state.nu.item(), 6)
    0.025001
    """
    start = initial_accumulator_value
    return from_step(
        _step,
        learning_rate,
        numbers={"b1": b1, "b2": b2, "eps": eps, "eps_root": eps_root},
        starts=[lambda w: jnp.full_like(w, start)] * 2,
    )


def _step(
    at: StepContext,
    g: Array,
    mu: Array,
    nu: Array,
    *,
    b1: Number,
    b2: Number,
    eps: Number,
    eps_root: Number,
) -> tuple[Array, Array, Array]:
    mu_hat, mu = mean_estimate(at, g, mu, b1)
    square = g * g
    nu = nu - (1 - b2) * jnp.sign(nu - square) * square
    return mu_hat / root(nu, bias_correction(b2, at.t, g), eps, eps_root=eps_root), mu, nu
