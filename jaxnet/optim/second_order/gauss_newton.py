"""Gauss-Newton and Levenberg-Marquardt: curvature of the loss of the linearized network."""

from collections.abc import Callable
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
import optax

from jaxnet.core.checks import check_choice, check_count, checked
from jaxnet.core.hessian import hessian_product
from jaxnet.core.representation import represent
from jaxnet.core.trees import add_scaled, dot, scaled, select
from jaxnet.core.types import Array, Params
from jaxnet.optim.second_order.direction import (
    Iterate,
    LineSearch,
    from_direction,
    number,
    zeros_like,
)
from jaxnet.optim.second_order.linear_cg import truncated_cg
from jaxnet.optim.update_rule.factory import factory
from jaxnet.optim.update_rule.learning_rate import LearningRate
from jaxnet.optim.update_rule.ranges import RANGES
from jaxnet.optim.update_rule.rule import Number

Adaptation = Literal["nielsen", "marquardt"]


class GaussNewtonState(NamedTuple):
    """State of `gauss_newton`: finished steps, iterations of the last solve, the line search's."""

    count: Array
    iterations: Array
    linesearch: Any = ()

    __repr__ = represent


class LevenbergMarquardtState(NamedTuple):
    """State of `levenberg_marquardt`.

    Attributes:
        count: finished steps, int32.
        damping: ``lambda`` of the next step.
        growth: by which it grows if that step is rejected.
        gain_ratio: decrease of the risk in the last step, over that predicted by the model.
        iterations: of the last solve.
    """

    count: Array
    damping: Array
    growth: Array
    gain_ratio: Array
    iterations: Array

    __repr__ = represent


@factory
@checked(RANGES)
def gauss_newton(
    learning_rate: LearningRate = 1.0,
    *,
    damping: Number = 0.0,
    tolerance: Number = 1e-6,
    max_iterations: int = 100,
    linesearch: LineSearch | None = None,
) -> optax.GradientTransformationExtraArgs:
    """(Generalized) Gauss-Newton, ``(J^T H_L J + damping I) p = -g, w <- w + eta p``.

    ``J`` is the Jacobian of the network's outputs, ``H_L`` the Hessian of the loss with respect to
    them: what is left of the Hessian once the network is linearized. For a convex loss it is
    never negative; for squared errors it is the classical method, for cross-entropy after softmax
    it is natural gradient descent. The Hessian of a penalty is added.

    The matrix is never formed: conjugate gradients need its products only, each one pass forward
    and one backward. Needs the extra arguments ``outputs_fn`` and ``loss_fn``, which
    `jaxnet.training.fit` gives, and ``value`` and ``value_fn`` for a line search. Meant for large
    batches: undamped, a step fits its mini-batch, noise and all.

    Args:
        learning_rate: ``eta``, 0 or more; a number, a 0-d array or a schedule of the step count.
        damping: added to the curvature, 0 or more. A network with more parameters than the batch
            has outputs needs some, or its step is long where the model is worth nothing.
        tolerance: the relative residual at which the solve ends, 0 or more.
        max_iterations: of a solve, each one product.
        linesearch: how far to go along the step, see `jaxnet.optim.second_order.line_search`; by
            default all the way.

    Raises:
        ValueError: if a hyperparameter given as a number is out of its range; ``update`` raises it
            if an extra argument is missing.

    Source: Schraudolph 2002, section 3; Martens 2010, section 4.

    >>> risk = lambda y: jnp.sum((y - jnp.array([1.0, 3.0, 5.0])) ** 2)
    >>> line = lambda w: w[0] + w[1] * jnp.arange(3.0)
    >>> optimizer, w = gauss_newton(), jnp.zeros(2)
    >>> g = jax.grad(lambda w: risk(line(w)))(w)
    >>> updates, _ = optimizer.update(g, optimizer.init(w), w, outputs_fn=line, loss_fn=risk)
    >>> updates.round(3).tolist()
    [1.0, 2.0]
    """
    check_count("max_iterations", max_iterations)

    def direction(here: Iterate, iterations: Array) -> tuple[Params, Array]:
        del iterations
        found = _solve(here, curvature_product(here), damping, tolerance, max_iterations)
        return found.x, found.iterations

    return from_direction(
        direction,
        learning_rate,
        state=GaussNewtonState,
        starts=[lambda _: jnp.int32(0)],
        needs=["outputs_fn", "loss_fn"],
        linesearch=linesearch,
    )


@factory
@checked(RANGES | {"damping": "(0, inf)"})
def levenberg_marquardt(
    learning_rate: LearningRate = 1.0,
    *,
    damping: Number = 1e-2,
    adaptation: Adaptation = "nielsen",
    tolerance: Number = 1e-6,
    max_iterations: int = 100,
) -> optax.GradientTransformationExtraArgs:
    """Levenberg-Marquardt: `gauss_newton` with damping adapted by the gain ratio.

    The gain ratio ``rho`` is the decrease of the risk over that of the model
    ``g^T s + s^T J^T H_L J s / 2``, ``s = eta p``. Unless it is positive the step is rejected:
    the weights stay, so that the risk of the mini-batch never rises. The damping ``lambda`` then:

    - nielsen: ``lambda <- lambda max(1/3, 1 - (2 rho - 1)^3)``, or if rejected
      ``lambda <- nu lambda`` with ``nu = 2, 4, 8, ...`` until a step is accepted.
    - marquardt: ``lambda <- lambda / 10``, or if rejected ``lambda <- 10 lambda``.

    The damping is Levenberg's, ``lambda I``: Marquardt's ``lambda diag(J^T J)`` needs the diagonal
    of a matrix that is never formed. ``lambda`` stays between the machine epsilon and its inverse.

    Needs the extra arguments ``value``, ``value_fn``, ``outputs_fn`` and ``loss_fn``, which
    `jaxnet.training.fit` gives. Meant for the whole data as one batch: a step that fits one
    mini-batch may raise the risk of all others, which the gain ratio does not see.

    Args:
        learning_rate: ``eta``, 0 or more; a number, a 0-d array or a schedule of the step count.
        damping: ``lambda`` of the first step, above 0.
        adaptation: whose rule changes it.
        tolerance: the relative residual at which the solve ends, 0 or more.
        max_iterations: of a solve, each one product.

    Raises:
        ValueError: if a hyperparameter given as a number is out of its range; ``update`` raises it
            if an extra argument is missing.

    Source: Levenberg 1944; Marquardt 1963; Nielsen 1999, section 2; Martens 2010 for networks.

    >>> risk = lambda y: jnp.sum((y - jnp.array([1.0, 3.0, 5.0])) ** 2)
    >>> line = lambda w: w[0] + w[1] * jnp.arange(3.0)
    >>> optimizer, w = levenberg_marquardt(), jnp.zeros(2)
    >>> value, g = jax.value_and_grad(lambda w: risk(line(w)))(w)
    >>> extra = dict(value=value, value_fn=lambda w: risk(line(w)), outputs_fn=line, loss_fn=risk)
    >>> updates, state = optimizer.update(g, optimizer.init(w), w, **extra)
    >>> updates.round(1).tolist(), round(float(state.damping), 5)
    ([1.0, 2.0], 0.00333)
    """
    check_count("max_iterations", max_iterations)
    adapt = check_choice("adaptation", adaptation, ADAPTATIONS)

    def direction(
        here: Iterate, damping: Array, growth: Array, ratio: Array, iterations: Array
    ) -> tuple[Any, ...]:
        del ratio, iterations
        product = curvature_product(here)
        found = _solve(here, product, damping, tolerance, max_iterations)
        ratio = _gain_ratio(here, product, scaled(here.rate, found.x)).astype(damping.dtype)
        still = dot(here.gradient, found.x) == 0  # at a minimum there is no ratio
        accepted = ratio > 0
        limit = jnp.finfo(damping.dtype).eps
        new, factor = adapt(ratio, accepted, damping, growth)
        new = jnp.where(still, damping, jnp.clip(new, limit, 1 / limit))
        factor = jnp.where(still, growth, jnp.minimum(factor, 1 / limit))
        step = select(accepted, found.x, zeros_like(found.x))
        return step, new, factor, ratio, found.iterations

    return from_direction(
        direction,
        learning_rate,
        state=LevenbergMarquardtState,
        starts=[
            number(damping),
            number(2.0),
            number(0.0),
            lambda _: jnp.int32(0),
        ],
        needs=["value", "value_fn", "outputs_fn", "loss_fn"],
    )


def curvature_product(here: Iterate) -> Callable[[Params], Params]:
    """Return ``v -> J^T H_L J v``, plus the Hessian of the penalty times ``v``, if there is one."""
    outputs, push = jax.linearize(here.outputs_fn, here.params)
    pull = jax.linear_transpose(push, here.params)
    bend = hessian_product(here.loss_fn, outputs)

    def product(v: Params) -> Params:
        return pull(bend(push(v)))[0]

    if here.penalty_fn is None:
        return product
    stiffen = hessian_product(here.penalty_fn, here.params)
    return lambda v: jax.tree.map(jnp.add, product(v), stiffen(v))


def _solve(
    here: Iterate,
    product: Callable[[Params], Params],
    damping: Number,
    tolerance: Number,
    max_iterations: int,
) -> Any:
    def damped(v: Params) -> Params:
        return add_scaled(product(v), jnp.asarray(damping), v)

    downhill = scaled(-jnp.ones(()), here.gradient)
    return truncated_cg(
        damped, downhill, tolerance=jnp.asarray(tolerance), max_iterations=max_iterations
    )


def _gain_ratio(here: Iterate, product: Callable[[Params], Params], step: Params) -> Array:
    """Return actual over predicted decrease; 0 or less, or NaN, if there is none."""
    trial = here.value_fn(jax.tree.map(jnp.add, here.params, step))
    promised = -dot(here.gradient, step) - dot(step, product(step)) / 2
    hopeful = promised > 0
    return jnp.where(hopeful, (here.value - trial) / jnp.where(hopeful, promised, 1), 0)


def _nielsen(ratio: Array, accepted: Array, damping: Array, growth: Array) -> tuple[Array, Array]:
    shrink = jnp.maximum(1 / 3, 1 - (2 * ratio - 1) ** 3)
    return (
        damping * jnp.where(accepted, shrink, growth),
        jnp.where(accepted, jnp.full_like(growth, 2), 2 * growth),
    )


def _marquardt(ratio: Array, accepted: Array, damping: Array, growth: Array) -> tuple[Array, Array]:
    del ratio
    return jnp.where(accepted, damping / 10, 10 * damping), growth


ADAPTATIONS: dict[str, Callable[..., tuple[Array, Array]]] = {
    "nielsen": _nielsen,
    "marquardt": _marquardt,
}
"""Name -> ``(gain ratio, accepted, damping, growth) -> damping, growth``."""
