"""Newton's method: with the exact Hessian, and with its products only."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from jax.flatten_util import ravel_pytree

from jaxnet.core.checks import check_count, checked
from jaxnet.core.hessian import hessian_product
from jaxnet.core.representation import represent
from jaxnet.core.trees import add_scaled, global_norm, scaled
from jaxnet.core.types import Array, Params
from jaxnet.optim.second_order.direction import Iterate, LineSearch, from_direction
from jaxnet.optim.second_order.line_search import backtracking
from jaxnet.optim.second_order.linear_cg import truncated_cg
from jaxnet.optim.update_rule.factory import factory
from jaxnet.optim.update_rule.learning_rate import LearningRate
from jaxnet.optim.update_rule.ranges import RANGES
from jaxnet.optim.update_rule.rule import Number, widest


class NewtonState(NamedTuple):
    """State of `newton`: finished steps (int32), and the line search's state, if any."""

    count: Array
    linesearch: Any = ()

    __repr__ = represent


class NewtonCGState(NamedTuple):
    """State of `newton_cg`: finished steps, iterations of the last solve, the line search's."""

    count: Array
    iterations: Array
    linesearch: Any = ()

    __repr__ = represent


@factory
@checked(RANGES)
def newton(
    learning_rate: LearningRate = 1.0,
    *,
    damping: Number = 0.0,
    linesearch: LineSearch | None = None,
) -> optax.GradientTransformationExtraArgs:
    """Newton's method with the exact Hessian, ``w <- w - eta (|H| + damping I)^-1 g``.

    ``|H|`` has the eigenvectors of ``H`` and the absolute values of its eigenvalues: it is ``H``
    where that is positive definite, and the step goes downhill everywhere, away from saddle
    points, too, where the undamped ``H^-1 g`` goes towards them. Eigenvalues of ``|H| + damping I``
    that are 0 to rounding are left out: along them the weights stay.

    Needs the extra argument ``value_fn``, which `jaxnet.training.fit` gives.

    Args:
        learning_rate: ``eta``, 0 or more; a number, a 0-d array or a schedule of the step count.
        damping: added to the eigenvalues, 0 or more; large values make it gradient descent at
            rate ``eta / damping``.
        linesearch: how far to go along the step, see `jaxnet.optim.second_order.line_search`; by
            default all the way.

    Raises:
        ValueError: if a hyperparameter given as a number is out of its range; ``update`` raises it
            if an extra argument is missing.

    Numerics: computed in the widest precision of the leaves, in float32 at least; each leaf is
    given back in its own. n parameters need n^2 numbers of memory and n^3 operations a step: for
    networks of up to about a thousand. `newton_cg` needs neither.

    Source: lecture 004, "Other Optimizers: First Order vs Second Order"; the absolute values:
    Dauphin et al. 2014, algorithm 1.

    >>> risk = lambda w: w[0] ** 2 + 5 * (w[0] + w[1] - 1) ** 2
    >>> optimizer, w = newton(), jnp.array([3.0, 4.0])
    >>> extra = dict(value=risk(w), value_fn=risk)
    >>> updates, _ = optimizer.update(jax.grad(risk)(w), optimizer.init(w), w, **extra)
    >>> abs((w + updates).round(4)).tolist()
    [0.0, 1.0]
    """

    def direction(here: Iterate) -> tuple[Params]:
        wide = widest(here.params)
        w, unravel = ravel_pytree(_cast(here.params, wide))
        g, _ = ravel_pytree(_cast(here.gradient, wide))

        def risk(w: Array) -> Array:
            return here.value_fn(jax.tree.map(_cast, unravel(w), _dtypes(here.params)))

        hessian = jax.hessian(risk)(w).astype(wide)
        curvatures, axes = jnp.linalg.eigh(hessian)
        sizes = jnp.abs(curvatures)
        cutoff = len(w) * jnp.finfo(w.dtype).eps * jnp.max(sizes)
        damped = sizes + jnp.asarray(damping, w.dtype)
        inverses = jnp.where(damped > cutoff, 1 / jnp.where(damped > cutoff, damped, 1), 0)
        step = unravel(-axes @ (inverses * (g @ axes)))
        return (jax.tree.map(_cast, step, _dtypes(here.gradient)),)

    return from_direction(
        direction,
        learning_rate,
        state=NewtonState,
        needs=["value_fn"],
        linesearch=linesearch,
    )


@factory
@checked(RANGES)
def newton_cg(
    learning_rate: LearningRate = 1.0,
    *,
    damping: Number = 0.0,
    tolerance: Number | None = None,
    max_iterations: int = 50,
    linesearch: LineSearch | None = None,
) -> optax.GradientTransformationExtraArgs:
    """Newton's method without a matrix: ``(H + damping I) p = -g`` by conjugate gradients.

    The products ``H v`` are derivatives of the gradient along ``v``, each at the cost of a few
    gradients. Where a direction has curvature of 0 or less, the solution before it is taken; at
    the first iteration that is ``-g``. The step goes downhill always.

    Needs the extra arguments ``value`` and ``value_fn``, which `jaxnet.training.fit` gives.

    Args:
        learning_rate: ``eta``, 0 or more; a number, a 0-d array or a schedule of the step count.
        damping: added to the curvature, 0 or more.
        tolerance: the relative residual at which the solve ends, 0 or more; None for
            ``min(0.5, sqrt(|g|))``, with which the method converges superlinearly.
        max_iterations: of a solve, each one product ``H v``.
        linesearch: how far to go along the step, see `jaxnet.optim.second_order.line_search`; None
            for `backtracking`, ``optax.identity()`` for all the way.

    Raises:
        ValueError: if a hyperparameter given as a number is out of its range; ``update`` raises it
            if an extra argument is missing.

    Source: Nocedal and Wright 2006, algorithm 7.1; Pearlmutter 1994 for the products.

    >>> risk = lambda w: w[0] ** 2 + 5 * (w[0] + w[1] - 1) ** 2
    >>> optimizer, w = newton_cg(tolerance=0.0, max_iterations=2), jnp.array([3.0, 4.0])
    >>> extra = dict(value=risk(w), value_fn=risk)
    >>> updates, _ = optimizer.update(jax.grad(risk)(w), optimizer.init(w), w, **extra)
    >>> abs((w + updates).round(3)).tolist()
    [0.0, 1.0]
    """
    check_count("max_iterations", max_iterations)

    def direction(here: Iterate, iterations: Array) -> tuple[Params, Array]:
        del iterations
        push = hessian_product(here.value_fn, here.params)

        def product(v: Params) -> Params:
            return add_scaled(push(v), jnp.asarray(damping), v)

        downhill = scaled(-jnp.ones(()), here.gradient)
        enough = _forcing(here.gradient) if tolerance is None else jnp.asarray(tolerance)
        found = truncated_cg(product, downhill, tolerance=enough, max_iterations=max_iterations)
        return found.x, found.iterations

    return from_direction(
        direction,
        learning_rate,
        state=NewtonCGState,
        starts=[lambda _: jnp.int32(0)],
        needs=["value_fn"],
        linesearch=backtracking() if linesearch is None else linesearch,
    )


def _cast(tree: Params, dtype: Any) -> Params:
    return jax.tree.map(lambda leaf: leaf.astype(dtype), tree)


def _dtypes(tree: Params) -> Any:
    return jax.tree.map(lambda leaf: leaf.dtype, tree)


def _forcing(gradient: Params) -> Array:
    return jnp.minimum(0.5, jnp.sqrt(global_norm(gradient)))
