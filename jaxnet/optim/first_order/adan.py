"""Adan: Adam with Nesterov's momentum from differences of gradients."""

from typing import Any, Literal, NamedTuple

import jax.numpy as jnp
import optax

from jaxnet.core.representation import represent
from jaxnet.core.types import Array
from jaxnet.optim.update_rule.adaptive import Coupling, from_step, mean_estimate, root
from jaxnet.optim.update_rule.conventions import resolve
from jaxnet.optim.update_rule.factory import factory
from jaxnet.optim.update_rule.learning_rate import LearningRate
from jaxnet.optim.update_rule.moments import bias_correction, moving_average
from jaxnet.optim.update_rule.rule import Mask, Number, StepContext


class AdanState(NamedTuple):
    """State of `adan`: finished steps (int32), and trees like the parameters.

    The means of gradients ``m``, of their differences ``v``, of squares ``n``, and the gradient
    ``g`` before.
    """

    count: Array
    m: Any
    v: Any
    n: Any
    g: Any

    __repr__ = represent


class _Convention(NamedTuple):
    eps_root: Number
    coupling: Coupling


CONVENTIONS = {
    "optax": _Convention(eps_root=1e-8, coupling="decoupled"),
    "paper": _Convention(eps_root=0.0, coupling="proximal"),
}


@factory
def adan(
    learning_rate: LearningRate,
    *,
    b1: Number = 0.98,
    b2: Number = 0.92,
    b3: Number = 0.99,
    eps: Number = 1e-8,
    eps_root: Number | None = None,
    weight_decay: LearningRate = 0.0,
    mask: Mask = None,
    like: Literal["optax", "paper"] = "optax",
) -> optax.GradientTransformation:
    """Adan: ``w <- w - eta (m_hat + b2 v_hat) / (sqrt(n_hat + eps_root) + eps)``.

    With the difference ``d = g - g_before``, which is 0 at the first step,
    ``m <- b1 m + (1 - b1) g``, ``v <- b2 v + (1 - b2) d``,
    ``n <- b3 n + (1 - b3) (g + b2 d)^2``; each is divided by its ``1 - b^t``.

    How the conventions of ``like`` differ:

    - optax: ``eps_root`` is 1e-8, and weight decay explicit, ``w <- w - eta (step + lambda w)``,
      though its documentation has the paper's. ``optax.adan`` 0.2.8 weighs the differences by
      ``1 - b2``, 0.08 by default in place of 0.92, against its documentation and the paper
      (optax pull request 1715): not so here.
    - paper: as the code of its authors, ``eps_root`` is 0, and weight decay implicit,
      ``w <- (w - eta step) / (1 + eta lambda)``.

    The equations of the paper write ``beta`` for ``1 - b``, correct no bias, and have ``eps``
    inside the root.

    Args:
        learning_rate: ``eta``, 0 or more; a number, a 0-d array or a schedule of the step count.
        b1: decay of the mean of gradients, in [0, 1).
        b2: decay of the mean of their differences, in [0, 1), and how far to look ahead.
        b3: decay of the mean of squares, in [0, 1).
        eps: added outside the root, above 0.
        eps_root: added inside the root, 0 or more; None for the convention's.
        weight_decay: ``lambda``, 0 or more; a number, a 0-d array or a schedule.
        mask: which leaves are decayed: a tree of booleans, or a function of the parameters that
            returns one; None for all.
        like: whose convention to follow.

    Raises:
        ValueError: if a hyperparameter given as a number is out of its range.

    Source: Xie et al. 2022, algorithm 1.

    >>> optimizer = adan(0.1)
    >>> updates, _ = optimizer.update(jnp.array([5.0]), optimizer.init(jnp.zeros(1)))
    >>> round(updates.item(), 6)
    -0.1
    """
    chosen = resolve(like, CONVENTIONS, eps_root=eps_root)
    return from_step(
        _step,
        learning_rate,
        numbers={"b1": b1, "b2": b2, "b3": b3, "eps": eps, "eps_root": chosen.eps_root},
        state=AdanState,
        starts=[jnp.zeros_like] * 4,
        weight_decay=weight_decay,
        mask=mask,
        coupling=chosen.coupling,
    )


def _step(
    at: StepContext,
    g: Array,
    m: Array,
    v: Array,
    n: Array,
    before: Array,
    *,
    b1: Number,
    b2: Number,
    b3: Number,
    eps: Number,
    eps_root: Number,
) -> tuple[Array, ...]:
    d = jnp.where(at.t == 1, jnp.zeros_like(g), g - before)
    m_hat, m = mean_estimate(at, g, m, b1)
    v_hat, v = mean_estimate(at, d, v, b2)
    ahead = g + b2 * d
    n = moving_average(b3, n, ahead * ahead)
    step = (m_hat + b2 * v_hat) / root(n, bias_correction(b3, at.t, g), eps, eps_root=eps_root)
    return step, m, v, n, g
