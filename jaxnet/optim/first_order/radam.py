"""RAdam: Adam with a warm-up by the variance of its second moment."""

from typing import Literal, NamedTuple

import jax.numpy as jnp
import optax

from jaxnet.core.checks import check_flags
from jaxnet.core.types import Array
from jaxnet.optim.update_rule.adaptive import Step, from_step, mean_estimate, root
from jaxnet.optim.update_rule.conventions import resolve
from jaxnet.optim.update_rule.factory import factory
from jaxnet.optim.update_rule.learning_rate import LearningRate
from jaxnet.optim.update_rule.moments import bias_correction, log_decay, moving_average
from jaxnet.optim.update_rule.rule import Mask, Number, StepContext


class _Convention(NamedTuple):
    eps_hat: bool  # eps is added to the root of nu before its correction


CONVENTIONS = {"optax": _Convention(eps_hat=False), "torch": _Convention(eps_hat=True)}


@factory
def radam(
    learning_rate: LearningRate,
    *,
    b1: Number = 0.9,
    b2: Number = 0.999,
    eps: Number = 1e-8,
    eps_root: Number = 0.0,
    threshold: Number = 5.0,
    nesterov: bool = False,
    weight_decay: LearningRate = 0.0,
    decoupled_weight_decay: bool = False,
    mask: Mask = None,
    like: Literal["optax", "torch"] = "optax",
) -> optax.GradientTransformation:
    """Rectified Adam: `jaxnet.optim.adam` times a warm-up ``r`` from the variance of ``nu``.

    ``w <- w - eta r mu_hat / (sqrt(nu_hat + eps_root) + eps)`` if ``rho >= threshold``, which for
    the default decays and threshold is from the sixth step on, else ``w <- w - eta mu_hat``.
    ``rho = rho_inf - 2 t b2^t / (1 - b2^t)``, with ``rho_inf = 2 / (1 - b2) - 1``, is how many
    gradients ``nu`` averages, and ``r = sqrt(f(rho) / f(rho_inf))``,
    ``f(x) = (x - 4) (x - 2) / x``.

    How the conventions of ``like`` differ:

    - optax: ``eps`` is added after the correction of ``nu``.
    - torch: before it, so that it weighs ``1 / sqrt(1 - b2^t)`` times as much, and ``threshold``
      is fixed. ``weight_decay`` is that of PyTorch, for both.

    The paper's threshold is 4; 5 is that of its authors' code (optax pull request 15).

    Args:
        learning_rate: ``eta``, 0 or more; a number, a 0-d array or a schedule of the step count.
        b1: decay of the mean of gradients, in [0, 1).
        b2: decay of the mean of squared gradients, in [0, 1); below 2/3, ``rho`` never reaches
            5, and the rule is momentum with bias correction.
        eps: added outside the root, above 0.
        eps_root: added inside the root, 0 or more.
        threshold: the smallest ``rho`` for which ``nu`` is used, 4 or more.
        nesterov: whether to look one step ahead, see `update_rule.adaptive.mean_estimate`.
        weight_decay: ``lambda``, 0 or more; a number, a 0-d array or a schedule.
        decoupled_weight_decay: whether decay leaves the moments alone.
        mask: which leaves are decayed: a tree of booleans, or a function of the parameters that
            returns one; None for all.
        like: whose convention to follow.

    Raises:
        ValueError: if a hyperparameter given as a number is out of its range.

    Numerics: ``rho`` by `averaged_length`, since its direct form cancels. ``optax.radam`` takes
    that: in float32, its sixth step is 0.6 % off, and for ``b2`` 0.9999 it rectifies the second
    step, which then has 0.009 of its length. PyTorch computes it in float64.

    Source: Liu et al. 2020, algorithm 2.

    >>> optimizer = radam(0.1)
    >>> updates, _ = optimizer.update(jnp.array([5.0]), optimizer.init(jnp.zeros(1)))
    >>> updates.round(6).tolist()
    [-0.5]
    """
    chosen = resolve(like, CONVENTIONS)
    check_flags(nesterov=nesterov, decoupled_weight_decay=decoupled_weight_decay)
    return from_step(
        _step(eps_hat=chosen.eps_hat, nesterov=nesterov),
        learning_rate,
        numbers={"b1": b1, "b2": b2, "eps": eps, "eps_root": eps_root, "threshold": threshold},
        weight_decay=weight_decay,
        mask=mask,
        coupling="decoupled" if decoupled_weight_decay else "coupled",
    )


def averaged_length(decay: Number, t: Array, like: Array) -> Array:
    """Return the number of values of a plain mean of the same average age as a moving average.

    ``rho = 2 (sum_i i decay^(i-1)) / (sum_i decay^(i-1)) - 1``, ``i = 1, ..., t``; in closed form
    ``rho_inf - 2 t decay^t / (1 - decay^t)``, ``rho_inf = 2 / (1 - decay) - 1``. That is a small
    difference of large numbers while ``t`` is below ``rho_inf``. There it is computed as
    ``t + L(z) - t L(t z)``, which is the same, with ``z = -ln(decay) / 2`` and Langevin's function
    ``L(z) = coth z - 1 / z``.

    Args:
        decay: in [0, 1).
        t: the number of values averaged, 1 or more, an integer.
        like: an array that has the dtype to compute in.

    Source: Liu et al. 2020, section 4.2.

    >>> float(averaged_length(0.5, jnp.int32(1), jnp.zeros(3)))
    1.0
    >>> round(averaged_length(0.5, jnp.int32(2), jnp.zeros(3)).item(), 4)
    1.6667
    """
    z = -0.5 * log_decay(decay, like)
    steps = t.astype(like.dtype)
    early = steps + _langevin(z) - steps * _langevin(steps * z)
    late = 2 / (1 - decay) - 1 - 2 * steps / jnp.expm1(2 * steps * z)
    return jnp.where(steps * z < 1, early, late)


def _langevin(z: Array) -> Array:
    """Return ``coth z - 1 / z`` of ``0 <= z <= 1`` by Lambert's continued fraction.

    ``z / (3 + z^2 / (5 + z^2 / (7 + ...)))`` does not cancel; up to 19, it is exact in float64.
    """
    z = jnp.minimum(z, 1)
    denominator = jnp.full_like(z, 19)
    for odd in range(17, 1, -2):
        denominator = odd + z * z / denominator
    return z / denominator


def _step(*, eps_hat: bool, nesterov: bool) -> Step:
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
        threshold: Number,
    ) -> tuple[Array, Array, Array]:
        mu_hat, mu = mean_estimate(at, g, mu, b1, nesterov=nesterov)
        nu = moving_average(b2, nu, g * g)
        share = bias_correction(b2, at.t, g)
        rho = averaged_length(b2, at.t, g)
        r = jnp.sqrt(_spread(rho, threshold) / _spread(2 / (1 - b2) - 1, threshold))
        rectified = r / root(nu, share, eps, eps_root=eps_root, eps_hat=eps_hat)
        return mu_hat * jnp.where(rho >= threshold, rectified, 1), mu, nu

    return step


def _spread(rho: Array | Number, threshold: Number) -> Array:
    """Return ``(rho - 4) (rho - 2) / rho``, of ``threshold`` at least, below which it is unused."""
    rho = jnp.maximum(rho, threshold)
    return (rho - 4) * (rho - 2) / rho
