"""AdaGrad: a step size for each weight, by the sum of its squared gradients."""

from typing import Any, Literal, NamedTuple

import jax.numpy as jnp
import optax

from jaxnet.core.checks import checked
from jaxnet.core.representation import represent
from jaxnet.core.types import Array
from jaxnet.optim.update_rule.conventions import resolve
from jaxnet.optim.update_rule.decay import coupled, decoupled
from jaxnet.optim.update_rule.factory import factory
from jaxnet.optim.update_rule.learning_rate import LearningRate
from jaxnet.optim.update_rule.moments import square_root
from jaxnet.optim.update_rule.ranges import RANGES
from jaxnet.optim.update_rule.rule import Mask, Number, StepContext, from_rule

Like = Literal["optax", "torch", "keras"]


class AdagradState(NamedTuple):
    """State of `adagrad`: finished steps (int32), and the sums, a tree like the parameters."""

    count: Array
    sum_of_squares: Any

    __repr__ = represent


class _Convention(NamedTuple):
    initial_accumulator_value: Number
    eps: Number
    eps_in_sqrt: bool  # sqrt(s + eps), not sqrt(s) + eps
    decay_apart: bool  # decoupled weight decay


CONVENTIONS = {
    "optax": _Convention(0.1, 1e-7, eps_in_sqrt=True, decay_apart=False),
    "torch": _Convention(0.0, 1e-10, eps_in_sqrt=False, decay_apart=False),
    "keras": _Convention(0.1, 1e-7, eps_in_sqrt=True, decay_apart=True),
}


@factory
@checked(RANGES)
def adagrad(
    learning_rate: LearningRate,
    *,
    initial_accumulator_value: Number | None = None,
    eps: Number | None = None,
    lr_decay: Number = 0.0,
    weight_decay: LearningRate = 0.0,
    mask: Mask = None,
    like: Like = "optax",
) -> optax.GradientTransformation:
    """AdaGrad: ``s <- s + g^2, w <- w - eta g / sqrt(s + eps)``.

    How the conventions of ``like`` differ:

    - optax: ``s`` starts at .1, ``eps`` is 1e-7, inside the root. ``optax.adagrad`` has no weight
      decay; ours is coupled, ``g + lambda w``, as by ``optax.add_decayed_weights`` before it.
    - torch: ``s`` starts at 0, ``eps`` is 1e-10, outside the root, ``sqrt(s) + eps``, so that the
      first step has the size of the rate whatever the gradient. Weight decay is coupled. Only
      PyTorch has ``lr_decay``.
    - keras: as optax, but weight decay is decoupled: it shrinks the weights by ``eta lambda w``.

    The sum only grows: the steps shrink as ``1 / sqrt(t)``, too fast for long training.

    Args:
        learning_rate: ``eta``, 0 or more; a number, a 0-d array or a schedule of the step count.
        initial_accumulator_value: where ``s`` starts, 0 or more; None for the convention's.
        eps: above 0; keeps a gradient of 0 from dividing by 0; None for the convention's.
        lr_decay: 0 or more; the rate is ``eta / (1 + (t - 1) lr_decay)``, with ``t`` from 1.
        weight_decay: ``lambda``, 0 or more; a number, a 0-d array or a schedule.
        mask: which leaves are decayed, a tree of booleans or a function of the parameters that
            returns one; by default all.
        like: whose convention to follow.

    Raises:
        ValueError: if a hyperparameter given as a number is out of its range.

    Source: Duchi, Hazan and Singer 2011, figure 1, with diagonal matrices.

    >>> optimizer = adagrad(0.1, like="torch")
    >>> state = optimizer.init(jnp.zeros(1))
    >>> updates, state = optimizer.update(jnp.array([3.0]), state)
    >>> (
    ...     round(float(updates[0]), 6),
    ...     round(float(optimizer.update(jnp.array([4.0]), state)[0][0]), 6),
    ... )
    (-0.1, -0.08)
    """
    start, eps, eps_in_sqrt, decay_apart = resolve(
        like, CONVENTIONS, initial_accumulator_value=initial_accumulator_value, eps=eps
    )

    def rule(
        at: StepContext, g: Array, w: Array | None, s: Array, *, eps: Number, lr_decay: Number
    ) -> tuple[Array, Array]:
        g = g if decay_apart else coupled(at, g, w)
        at = at._replace(rate=at.rate / (1 + (at.t - 1).astype(g.dtype) * lr_decay))
        s = s + g * g
        root = jnp.sqrt(s + eps) if eps_in_sqrt else square_root(s) + eps
        change = -at.rate * g / root
        return decoupled(at, change, w) if decay_apart else change, s

    return from_rule(
        rule,
        learning_rate,
        state=AdagradState,
        starts=[lambda w: jnp.full_like(w, start)],
        numbers={"eps": eps, "lr_decay": lr_decay},
        weight_decay=weight_decay,
        mask=mask,
    )
