"""AMSGrad: Adam whose steps per weight never grow."""

from typing import Any, Literal, NamedTuple

import jax.numpy as jnp
import optax

from jaxnet.core.checks import check_flags
from jaxnet.core.representation import represent
from jaxnet.core.types import Array
from jaxnet.optim.update_rule.adaptive import Step, from_step, mean_estimate, root
from jaxnet.optim.update_rule.conventions import resolve
from jaxnet.optim.update_rule.factory import factory
from jaxnet.optim.update_rule.learning_rate import LearningRate
from jaxnet.optim.update_rule.moments import bias_correction, moving_average
from jaxnet.optim.update_rule.rule import Mask, Number, StepContext


class AmsgradState(NamedTuple):
    """State of `amsgrad`: finished steps (int32), the moments, and the largest second moment.

    The last three are trees like the parameters.
    """

    count: Array
    mu: Any
    nu: Any
    nu_max: Any

    __repr__ = represent


class _Convention(NamedTuple):
    eps: Number
    eps_hat: bool  # eps is added to the root of nu_max before its correction
    corrected_first: bool  # the maximum is that of the corrected second moments
    decoupled_weight_decay: bool


CONVENTIONS = {
    "optax": _Convention(1e-8, eps_hat=False, corrected_first=True, decoupled_weight_decay=False),
    "torch": _Convention(1e-8, eps_hat=False, corrected_first=False, decoupled_weight_decay=False),
    "keras": _Convention(1e-7, eps_hat=True, corrected_first=False, decoupled_weight_decay=True),
}


@factory
def amsgrad(
    learning_rate: LearningRate,
    *,
    b1: Number = 0.9,
    b2: Number = 0.999,
    eps: Number | None = None,
    eps_root: Number = 0.0,
    bias_correction_mu: bool = True,
    bias_correction_nu: bool = True,
    weight_decay: LearningRate = 0.0,
    decoupled_weight_decay: bool | None = None,
    mask: Mask = None,
    like: Literal["optax", "torch", "keras"] = "optax",
) -> optax.GradientTransformation:
    """AMSGrad: `jaxnet.optim.adam` with the largest second moment so far in place of the present.

    ``w <- w - eta mu_hat / (sqrt(nu_max + eps_root) + eps)``, with ``mu_hat`` and ``nu`` as in
    Adam and ``nu_max <- max(nu_max, nu)``, so that a rare large gradient is not forgotten.

    How the conventions of ``like`` differ:

    - optax: the maximum is that of the corrected moments, ``max(nu_max, nu / (1 - b2^t))``. The
      first gradient alone decides the first of them, and a large one slows all later steps
      (optax issue 1389).
    - torch: ``Adam(amsgrad=True)`` takes the maximum of the raw moments, and corrects that:
      ``max(nu_max, nu) / (1 - b2^t)``. So ``nu_max`` may shrink as the correction wears off.
    - keras: as PyTorch, in the faster form, with ``eps`` 1e-7 added before the correction, see
      `jaxnet.optim.adam`; weight decay is decoupled.

    The paper corrects nothing: ``bias_correction_mu=False, bias_correction_nu=False``, for which
    optax and PyTorch agree.

    Args:
        learning_rate: ``eta``, 0 or more; a number, a 0-d array or a schedule of the step count.
        b1: decay of the mean of gradients, in [0, 1).
        b2: decay of the mean of squared gradients, in [0, 1).
        eps: added outside the root, above 0; None for the convention's.
        eps_root: added inside the root, 0 or more.
        bias_correction_mu: whether to divide ``mu`` by ``1 - b1^t``.
        bias_correction_nu: whether to divide ``nu`` by ``1 - b2^t``.
        weight_decay: ``lambda``, 0 or more; a number, a 0-d array or a schedule.
        decoupled_weight_decay: whether decay leaves the moments alone; None for the convention's.
        mask: which leaves are decayed: a tree of booleans, or a function of the parameters that
            returns one; None for all.
        like: whose convention to follow.

    Raises:
        ValueError: if a hyperparameter given as a number is out of its range.

    Source: Reddi, Kale and Kumar 2018, algorithm 2.

    >>> optimizer = amsgrad(0.1)
    >>> state = optimizer.init(jnp.zeros(1))
    >>> _, state = optimizer.update(jnp.array([2.0]), state)
    >>> state = optimizer.update(jnp.array([0.0]), state)[1]
    >>> round(state.nu.item(), 6), round(state.nu_max.item(), 4)
    (0.003996, 4.0)
    """
    chosen = resolve(like, CONVENTIONS, eps=eps, decoupled_weight_decay=decoupled_weight_decay)
    check_flags(bias_correction_mu=bias_correction_mu, bias_correction_nu=bias_correction_nu)
    step = _step(chosen, corrected_mu=bias_correction_mu, corrected_nu=bias_correction_nu)
    return from_step(
        step,
        learning_rate,
        numbers={"b1": b1, "b2": b2, "eps": chosen.eps, "eps_root": eps_root},
        state=AmsgradState,
        starts=[jnp.zeros_like] * 3,
        weight_decay=weight_decay,
        mask=mask,
        coupling="decoupled" if chosen.decoupled_weight_decay else "coupled",
    )


def _step(chosen: _Convention, *, corrected_mu: bool, corrected_nu: bool) -> Step:
    def step(
        at: StepContext,
        g: Array,
        mu: Array,
        nu: Array,
        nu_max: Array,
        *,
        b1: Number,
        b2: Number,
        eps: Number,
        eps_root: Number,
    ) -> tuple[Array, ...]:
        mu_hat, mu = mean_estimate(at, g, mu, b1, corrected=corrected_mu)
        nu = moving_average(b2, nu, g * g)
        share = bias_correction(b2, at.t, g) if corrected_nu else 1.0
        before, after = (share, 1.0) if chosen.corrected_first else (1.0, share)
        nu_max = jnp.maximum(nu_max, nu / before)
        denominator = root(nu_max, after, eps, eps_root=eps_root, eps_hat=chosen.eps_hat)
        return mu_hat / denominator, mu, nu, nu_max

    return step
