"""Nadam and NadamW: Adam with Nesterov's momentum."""

import math
from typing import Any, Literal, NamedTuple

import jax.numpy as jnp
import optax

from jaxnet.core.representation import represent
from jaxnet.core.types import Array
from jaxnet.optim.first_order.adam import adam_step
from jaxnet.optim.update_rule.adaptive import from_step, root
from jaxnet.optim.update_rule.conventions import resolve
from jaxnet.optim.update_rule.factory import factory
from jaxnet.optim.update_rule.learning_rate import LearningRate
from jaxnet.optim.update_rule.moments import bias_correction, moving_average
from jaxnet.optim.update_rule.rule import Mask, Number, StepContext, increment

Like = Literal["optax", "torch", "keras"]


class NadamState(NamedTuple):
    """State of `nadam` with a schedule of momentum.

    Finished steps (int32), the moments, trees like the parameters, and for each leaf the product
    of all decays so far, 0-d.
    """

    count: Array
    mu: Any
    nu: Any
    mu_product: Any

    __repr__ = represent


class _Convention(NamedTuple):
    eps: Number
    momentum_decay: Number | None  # psi; None for a constant b1
    decoupled_weight_decay: bool


CONVENTIONS = {
    "optax": _Convention(eps=1e-8, momentum_decay=None, decoupled_weight_decay=False),
    "torch": _Convention(eps=1e-8, momentum_decay=4e-3, decoupled_weight_decay=False),
    "keras": _Convention(eps=1e-7, momentum_decay=1.0, decoupled_weight_decay=True),
}


@factory
def nadam(
    learning_rate: LearningRate,
    *,
    b1: Number = 0.9,
    b2: Number = 0.999,
    eps: Number | None = None,
    eps_root: Number = 0.0,
    momentum_decay: Number | None = None,
    weight_decay: LearningRate = 0.0,
    decoupled_weight_decay: bool | None = None,
    mask: Mask = None,
    like: Like = "optax",
) -> optax.GradientTransformation:
    """Nadam: `jaxnet.optim.adam` that looks one step ahead, as Nesterov's momentum does.

    ``w <- w - eta mu_hat / (sqrt(nu_hat + eps_root) + eps)``, with Adam's moments and
    ``mu_hat = b_(t+1) mu / (1 - b_1 ... b_(t+1)) + (1 - b_t) g / (1 - b_1 ... b_t)``.

    How the conventions of ``like`` differ:

    - optax: ``b_t`` is ``b1`` throughout, and the products are its powers: ``optax.nadam`` is
      ``optax.adam(nesterov=True)``, and the state is that of `jaxnet.optim.adam`.
    - torch: ``b_t = b1 (1 - 0.96^(t psi) / 2)`` rises from ``b1 / 2`` to ``b1``, with ``psi``
      4e-3: half of the way takes 4,245 steps. PyTorch keeps the product of the ``b_t`` in its
      default dtype, float32, even of float64 parameters: 1e-8 away from the formula.
    - keras: the same with ``psi`` 1, for which half of the way takes 17 steps, and ``eps`` 1e-7.
      It is added after the correction, in spite of Keras's documentation, which calls it
      ``eps``-hat: that it is in `jaxnet.optim.adam` alone. Weight decay is decoupled.

    The schedule only weighs the two terms: ``mu`` itself decays by ``b1`` in each of them. The
    paper multiplies ``nu_hat`` by ``b2`` too, which none of them does.

    Args:
        learning_rate: ``eta``, 0 or more; a number, a 0-d array or a schedule of the step count.
        b1: decay of the mean of gradients, in [0, 1).
        b2: decay of the mean of squared gradients, in [0, 1).
        eps: added outside the root, above 0; None for the convention's.
        eps_root: added inside the root, 0 or more.
        momentum_decay: ``psi`` of the schedule of momentum, 0 or more; None for the convention's,
            which for optax is not a schedule.
        weight_decay: ``lambda``, 0 or more; a number, a 0-d array or a schedule.
        decoupled_weight_decay: whether decay leaves the moments alone; None for the convention's.
        mask: which leaves are decayed: a tree of booleans, or a function of the parameters that
            returns one; None for all.
        like: whose convention to follow.

    Raises:
        ValueError: if a hyperparameter given as a number is out of its range.

    Source: Dozat 2016, algorithm 2 and, for the schedule, section 3.1 of its report.

    >>> optimizer = nadam(0.1)
    >>> updates, _ = optimizer.update(jnp.array([5.0]), optimizer.init(jnp.zeros(1)))
    >>> round(updates.item(), 5)
    -0.14737
    """
    chosen = resolve(
        like,
        CONVENTIONS,
        eps=eps,
        momentum_decay=momentum_decay,
        decoupled_weight_decay=decoupled_weight_decay,
    )
    numbers = {"b1": b1, "b2": b2, "eps": chosen.eps, "eps_root": eps_root}
    return _from_convention(learning_rate, chosen, numbers, weight_decay, mask)


@factory
def nadamw(
    learning_rate: LearningRate,
    *,
    b1: Number = 0.9,
    b2: Number = 0.999,
    eps: Number | None = None,
    eps_root: Number = 0.0,
    momentum_decay: Number | None = None,
    weight_decay: LearningRate = 1e-4,
    mask: Mask = None,
    like: Like = "optax",
) -> optax.GradientTransformation:
    """NadamW: `nadam` with decoupled weight decay, ``w <- w - eta (nadam's step + lambda w)``.

    How the conventions of ``like`` differ: as those of `nadam`. The default of ``weight_decay`` is
    that of ``optax.nadamw``; ``torch.optim.NAdam(decoupled_weight_decay=True)`` and
    ``keras.optimizers.Nadam`` decay only if ``weight_decay`` is set.

    Args:
        learning_rate: ``eta``, 0 or more; a number, a 0-d array or a schedule of the step count.
        b1: decay of the mean of gradients, in [0, 1).
        b2: decay of the mean of squared gradients, in [0, 1).
        eps: added outside the root, above 0; None for the convention's.
        eps_root: added inside the root, 0 or more.
        momentum_decay: ``psi`` of the schedule of momentum, 0 or more; None for the convention's,
            which for optax is not a schedule.
        weight_decay: ``lambda``, 0 or more; a number, a 0-d array or a schedule.
        mask: which leaves are decayed: a tree of booleans, or a function of the parameters that
            returns one; None for all.
        like: whose convention to follow.

    Raises:
        ValueError: if a hyperparameter given as a number is out of its range.

    Source: Dozat 2016, algorithm 2; Loshchilov and Hutter 2019, algorithm 2.

    >>> optimizer, w = nadamw(0.1, weight_decay=0.5), jnp.array([2.0])
    >>> updates, _ = optimizer.update(jnp.array([5.0]), optimizer.init(w), w)
    >>> round(updates.item(), 5)
    -0.24737
    """
    chosen = resolve(like, CONVENTIONS, eps=eps, momentum_decay=momentum_decay)
    chosen = chosen._replace(decoupled_weight_decay=True)
    numbers = {"b1": b1, "b2": b2, "eps": chosen.eps, "eps_root": eps_root}
    return _from_convention(learning_rate, chosen, numbers, weight_decay, mask)


def _from_convention(
    learning_rate: LearningRate,
    chosen: _Convention,
    numbers: dict[str, Number],
    weight_decay: LearningRate,
    mask: Mask,
) -> optax.GradientTransformation:
    """Return Nadam, with a slot for the schedule of momentum if there is one."""
    coupling = "decoupled" if chosen.decoupled_weight_decay else "coupled"
    if chosen.momentum_decay is None:
        return from_step(
            adam_step(nesterov=True),
            learning_rate,
            numbers=numbers,
            weight_decay=weight_decay,
            mask=mask,
            coupling=coupling,
        )
    return from_step(
        _scheduled_step,
        learning_rate,
        numbers=numbers | {"momentum_decay": chosen.momentum_decay},
        state=NadamState,
        starts=[jnp.zeros_like, jnp.zeros_like, lambda w: jnp.ones((), w.dtype)],
        weight_decay=weight_decay,
        mask=mask,
        coupling=coupling,
    )


def _scheduled_step(
    at: StepContext,
    g: Array,
    mu: Array,
    nu: Array,
    product: Array,
    *,
    b1: Number,
    b2: Number,
    eps: Number,
    eps_root: Number,
    momentum_decay: Number,
) -> tuple[Array, Array, Array, Array]:
    mu = moving_average(b1, mu, g)
    nu = moving_average(b2, nu, g * g)
    now, ahead = (
        b1 * (1 - 0.5 * jnp.exp(t.astype(g.dtype) * momentum_decay * math.log(0.96)))
        for t in (at.t, increment(at.t))
    )
    product = product * now
    mu_hat = ahead * mu / (1 - product * ahead) + (1 - now) * g / (1 - product)
    step = mu_hat / root(nu, bias_correction(b2, at.t, g), eps, eps_root=eps_root)
    return step, mu, nu, product
