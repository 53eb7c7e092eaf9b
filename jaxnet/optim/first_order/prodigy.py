"""Prodigy: Adam that estimates its learning rate from the distance travelled."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from jaxnet.core.checks import check_ranges, checked
from jaxnet.core.representation import represent
from jaxnet.core.types import Array
from jaxnet.optim.update_rule.factory import factory
from jaxnet.optim.update_rule.learning_rate import LearningRate, check_rates, rate_at
from jaxnet.optim.update_rule.moments import bias_correction, moving_average, square_root
from jaxnet.optim.update_rule.ranges import RANGES
from jaxnet.optim.update_rule.rule import (
    Number,
    cast,
    check_gradients,
    check_parameters,
    check_params_given,
    increment,
    widened,
    widest,
)


class ProdigyState(NamedTuple):
    """State of `prodigy`.

    Attributes:
        count: finished steps, int32.
        exp_avg: ``m``, a tree like the parameters, as the next three.
        exp_avg_sq: ``v``.
        grad_sum: ``s``.
        params0: ``w0``, the weights at the start.
        estim_lr: ``d``, 0-d.
        numerator_weighted: ``r``, 0-d.
    """

    count: Array
    exp_avg: Any
    exp_avg_sq: Any
    grad_sum: Any
    params0: Any
    estim_lr: Array
    numerator_weighted: Array

    __repr__ = represent


class _Numbers(NamedTuple):
    b1: Number
    b2: Number
    b3: Number
    eps: Number
    d0: Number
    coefficient: Number
    weight_decay: Number


@factory
@checked(RANGES)
def prodigy(
    learning_rate: LearningRate = 1.0,
    *,
    betas: tuple[Number, Number] = (0.9, 0.999),
    beta3: Number | None = None,
    eps: Number = 1e-8,
    estim_lr0: Number = 1e-6,
    estim_lr_coef: Number = 1.0,
    weight_decay: Number = 0.0,
    safeguard_warmup: bool = False,
) -> optax.GradientTransformation:
    """Prodigy: ``w <- w - d' (m / (sqrt(v) + d eps) + lambda w)``, Adam with an estimated rate.

    ``m <- b1 m + (1 - b1) d g``, ``v <- b2 v + (1 - b2) (d g)^2``, and the rate is
    ``d' = d eta sqrt(1 - b2^t) / (1 - b1^t)``. The estimate of the distance from the start ``w0``
    to the minimum is ``d <- max(d, c r / |s|_1)``, with ``r <- b3 r + d / d0 d' <g, w0 - w>`` and
    ``s <- b3 s + d / d0 d' g``. Inner product and norm run over all leaves together: the leaves
    depend on each other.

    Equal to ``optax.contrib.prodigy``; PyTorch and Keras have none. Like optax's it corrects the
    bias of the moments; the authors' own does so on request only (``use_bias_correction``), and
    can bound the growth of ``d``.

    Args:
        learning_rate: ``eta``, 0 or more, a factor of the estimated rate; a number, a 0-d array or
            a schedule of the step count.
        betas: ``b1`` and ``b2``, both in [0, 1).
        beta3: ``b3`` in [0, 1]; None for ``sqrt(b2)``.
        eps: added to the root, in units of ``d``, above 0.
        estim_lr0: ``d0``, above 0, the first estimate; best far too small.
        estim_lr_coef: ``c``, above 0: a factor of the estimate.
        weight_decay: ``lambda``, 0 or more.
        safeguard_warmup: whether ``s`` sums up ``d / d0 d g`` instead: a warm-up of ``eta`` then
            does not make the estimate too large.

    Raises:
        ValueError: if a hyperparameter given as a number is out of its range, or if ``update`` is
            not given the parameters.

    Numerics: while all gradients are 0, ``d`` stays as it is; optax's becomes ``0 / 0``, for good.

    Source: Mishchenko and Defazio 2024, algorithm 4.

    >>> optimizer = prodigy(estim_lr0=0.5)
    >>> w = jnp.array([1.0])
    >>> updates, _ = optimizer.update(jnp.array([3.0]), optimizer.init(w), w)
    >>> updates.round(3).tolist()
    [-0.5]
    """
    b1, b2 = betas
    check_ranges(RANGES, **{"betas[0]": b1, "betas[1]": b2})
    b3 = b2**0.5 if beta3 is None else beta3
    check_rates(learning_rate=learning_rate, weight_decay=weight_decay)
    numbers = _Numbers(b1, b2, b3, eps, estim_lr0, estim_lr_coef, weight_decay)

    def init(params: Any) -> ProdigyState:
        check_parameters(params)
        m, v, s = (jax.tree.map(lambda w: jnp.zeros_like(widened(w)), params) for _ in range(3))
        params0 = jax.tree.map(lambda w: jnp.array(widened(w)), params)  # a copy, to be donated
        d, r = jnp.asarray(estim_lr0, widest(params0)), jnp.zeros((), widest(params0))
        return ProdigyState(jnp.zeros((), jnp.int32), m, v, s, params0, d, r)

    def update(updates: Any, state: Any, params: Any = None) -> tuple[Any, ProdigyState]:
        check_params_given(params)
        check_gradients(updates, state.exp_avg)
        return _step(numbers, safeguard_warmup, learning_rate, updates, state, params)

    return optax.GradientTransformation(init, update)


def _step(
    numbers: _Numbers,
    safeguard_warmup: bool,
    learning_rate: LearningRate,
    updates: Any,
    state: ProdigyState,
    params: Any,
) -> tuple[Any, ProdigyState]:
    """Return the updates and the new state."""
    d, count = state.estim_lr, increment(state.count)
    b1, b2, b3, eps, d0, c, weight_decay = (cast(number, d.dtype) for number in numbers)
    correction = jnp.sqrt(bias_correction(b2, count, d)) / bias_correction(b1, count, d)
    rate = d * rate_at(learning_rate, state.count).astype(d.dtype) * correction
    weight = d / d0 * (d if safeguard_warmup else rate)
    g, structure = jax.tree.flatten(jax.tree.map(widened, updates))
    w = [leaf.astype(dg.dtype) for leaf, dg in zip(jax.tree.leaves(params), g, strict=True)]
    trees = (structure.flatten_up_to(tree) for tree in state[1:5])
    rows = [_averages(numbers, d, weight, *leaf) for leaf in zip(g, *trees, w, strict=True)]
    m, v, s, products, sizes = ([row[i] for row in rows] for i in range(5))
    r = b3 * state.numerator_weighted + d / d0 * rate * _total(products, d)
    size = _total(sizes, d)
    d = jnp.maximum(d, jnp.where(size > 0, c * r / jnp.where(size > 0, size, 1), 0))

    def change(g: Array, m: Array, v: Array, w: Array) -> Array:
        eta, floor, decay = (cast(x, m.dtype) for x in (rate, d * eps, weight_decay))
        return (-eta * (m / (square_root(v) + floor) + decay * w)).astype(g.dtype)

    changes = [change(*leaf) for leaf in zip(jax.tree.leaves(updates), m, v, w, strict=True)]
    m, v, s = (structure.unflatten(slot) for slot in (m, v, s))
    return structure.unflatten(changes), ProdigyState(count, m, v, s, state.params0, d, r)


def _total(terms: list[Array], like: Array) -> Array:
    """Sum the terms of all leaves in the dtype of ``like``."""
    return sum((term.astype(like.dtype) for term in terms), jnp.zeros_like(like))


def _averages(
    numbers: _Numbers,
    d: Array,
    weight: Array,
    g: Array,
    m: Array,
    v: Array,
    s: Array,
    w0: Array,
    w: Array,
) -> tuple[Array, ...]:
    """Return a leaf's new ``m``, ``v`` and ``s``, its ``<g, w0 - w>`` and its ``|s|_1``."""
    b1, b2, b3 = (cast(number, g.dtype) for number in numbers[:3])
    dg = d.astype(g.dtype) * g
    m, v = moving_average(b1, m, dg), moving_average(b2, v, dg * dg)
    s = b3 * s + weight.astype(g.dtype) * g
    return m, v, s, jnp.sum(g * (w0 - w)), jnp.sum(jnp.abs(s))
