"""AdaBelief: Adam with the variance of the gradients in place of their second moment."""

import optax

from jaxnet.core.checks import check_flags
from jaxnet.core.types import Array
from jaxnet.optim.update_rule.adaptive import Step, from_step, mean_estimate, root
from jaxnet.optim.update_rule.factory import factory
from jaxnet.optim.update_rule.learning_rate import LearningRate
from jaxnet.optim.update_rule.moments import bias_correction, moving_average
from jaxnet.optim.update_rule.rule import Number, StepContext


@factory
def adabelief(
    learning_rate: LearningRate,
    *,
    b1: Number = 0.9,
    b2: Number = 0.999,
    eps: Number = 1e-16,
    eps_root: Number = 1e-16,
    nesterov: bool = False,
) -> optax.GradientTransformation:
    """AdaBelief: `jaxnet.optim.adam` with long steps where gradients agree with their average.

    ``w <- w - eta mu_hat / (sqrt(nu_hat) + eps)``, with Adam's ``mu`` and
    ``nu <- b2 nu + (1 - b2) (g - mu)^2 + eps_root``, the spread about the mean, where Adam's is
    that about 0.

    Equal to ``optax.adabelief``; PyTorch and Keras have none. As in the paper, ``eps_root`` is not
    added to the root at the end, but to the moment that is remembered, at each step: in the limit
    it is ``eps_root / (1 - b2)`` there. The defaults are those of its authors' code; the paper has
    1e-8 for both.

    Args:
        learning_rate: ``eta``, 0 or more; a number, a 0-d array or a schedule of the step count.
        b1: decay of the mean of gradients, in [0, 1).
        b2: decay of the mean of squared deviations, in [0, 1).
        eps: added outside the root, above 0.
        eps_root: added to the second moment at each step, 0 or more.
        nesterov: whether to look one step ahead, see `update_rule.adaptive.mean_estimate`.

    Raises:
        ValueError: if a hyperparameter given as a number is out of its range.

    Source: Zhuang et al. 2020, algorithm 2.

    >>> import jax.numpy as jnp
    >>> optimizer = adabelief(0.1)
    >>> updates, _ = optimizer.update(jnp.array([5.0]), optimizer.init(jnp.zeros(1)))
    >>> round(updates.item(), 5)  # mu is 0.1 g after the first step, and g - mu is 0.9 g
    -0.11111
    """
    check_flags(nesterov=nesterov)
    return from_step(
        _step(nesterov=nesterov),
        learning_rate,
        numbers={"b1": b1, "b2": b2, "eps": eps, "eps_root": eps_root},
    )


def _step(*, nesterov: bool) -> Step:
    def step(
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
        mu_hat, mu = mean_estimate(at, g, mu, b1, nesterov=nesterov)
        error = g - mu
        nu = moving_average(b2, nu, error * error) + eps_root
        return mu_hat / root(nu, bias_correction(b2, at.t, g), eps), mu, nu

    return step
