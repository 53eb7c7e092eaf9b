"""LARS: momentum whose steps are as long as the layer's weights, times a small number."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from jaxnet.core.checks import check_flags
from jaxnet.core.representation import represent
from jaxnet.core.types import Array
from jaxnet.optim.update_rule.factory import factory
from jaxnet.optim.update_rule.learning_rate import LearningRate
from jaxnet.optim.update_rule.mask import Mask, mask_tree
from jaxnet.optim.update_rule.ranges import RANGES
from jaxnet.optim.update_rule.rule import Number, StepContext, from_rule
from jaxnet.optim.update_rule.trust_ratio import trust_ratio


class LarsState(NamedTuple):
    """State of `lars`: finished steps (int32), and the trace, a tree like the parameters."""

    count: Array
    trace: Any

    __repr__ = represent


@factory
def lars(
    learning_rate: LearningRate,
    *,
    weight_decay: LearningRate = 0.0,
    weight_decay_mask: Mask = True,
    trust_coefficient: Number = 0.001,
    eps: Number = 0.0,
    trust_ratio_mask: Mask = True,
    momentum: Number = 0.9,
    nesterov: bool = False,
) -> optax.GradientTransformation:
    """LARS: ``m <- b m + eta c |w| / (|u| + eps) u, w <- w - m``, with ``u = g + lambda w``.

    The norms are Euclidean, of a whole leaf. The ratio is 1 where the weights or their step are 0.
    The trace sums up steps, so that steps of an earlier rate go on when a schedule has changed it.

    Equal to ``optax.lars``; PyTorch and Keras have none. The paper divides by
    ``|g| + lambda |w|``, optax by ``|g + lambda w|``: equal without weight decay. The paper's
    practice leaves biases alone; here as in optax they are scaled and decayed like all leaves,
    unless the masks exclude leaves.

    Args:
        learning_rate: ``eta``, 0 or more; a number, a 0-d array or a schedule of the step count.
        weight_decay: ``lambda``, 0 or more; a number, a 0-d array or a schedule.
        weight_decay_mask: which leaves are decayed: a tree of booleans, a prefix of one, or a
            function of the parameters; by default all.
        trust_coefficient: ``c``, 0 or more: how much of its length a layer may move in a step.
        eps: added to the length of the step, 0 or more.
        trust_ratio_mask: which leaves are scaled by ``c |w| / (|u| + eps)``, by default all; the
            others step by ``eta u``. A function is given the gradients, which have the structure
            and the shapes of the parameters.
        momentum: ``b`` in [0, 1).
        nesterov: whether to evaluate the trace one step ahead, ``w <- w - (b m + eta c ... u)``.

    Raises:
        ValueError: if a hyperparameter given as a number is out of its range, or if ``update`` is
            not given the parameters.

    Numerics: lengths are right though their squares over- or underflow, as they do in optax for
    float32 gradients of 1e-19 or 1e20.

    Source: You, Gitman and Ginsburg 2017, algorithm 1.

    >>> optimizer = lars(1.0, trust_coefficient=0.125)
    >>> w = jnp.array([3.0, 4.0])
    >>> updates, _ = optimizer.update(jnp.array([0.0, 8.0]), optimizer.init(w), w)
    >>> updates.tolist()
    [-0.0, -0.625]
    """
    check_flags(nesterov=nesterov)

    def rule(
        at: StepContext,
        g: Array,
        w: Array,
        m: Array,
        *,
        momentum: Number,
        trust_coefficient: Number,
        eps: Number,
    ) -> tuple[Array, Array]:
        u = g + at.decay * w
        ratio = trust_ratio(w, u, coefficient=trust_coefficient, eps=eps) if at.label else 1.0
        step = at.rate * ratio * u
        m = momentum * m + step
        return -(momentum * m + step) if nesterov else -m, m

    return from_rule(
        rule,
        learning_rate,
        state=LarsState,
        starts=[jnp.zeros_like],
        numbers={"momentum": momentum, "trust_coefficient": trust_coefficient, "eps": eps},
        ranges=RANGES | {"eps": "[0, inf)"},
        weight_decay=weight_decay,
        mask=weight_decay_mask,
        needs_params=True,
        labels=lambda gradients: jax.tree.leaves(mask_tree(trust_ratio_mask, gradients)),
    )
