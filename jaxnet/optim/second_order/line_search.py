"""Line searches for the step size along a direction.

Each is an optax transformation that scales the step ``p`` that it is given by ``alpha``, and needs
the extra arguments ``value``, ``grad`` and ``value_fn``. Along the line, ``phi(alpha)`` is the risk
at ``w + alpha p``; its slope comes from forward mode, without a gradient. Beside these,
`optax.scale_by_zoom_linesearch` and `optax.scale_by_backtracking_linesearch` fit everywhere.

Their results do not depend on the unit of the risk, though squares of slopes over- or underflow,
as long as the risk itself can be written where it is tried.
"""

from collections.abc import Callable
from typing import Any, NamedTuple, TypeAlias

import jax
import jax.numpy as jnp
import optax

from jaxnet.core.checks import check_count, check_scalar, checked
from jaxnet.core.representation import represent
from jaxnet.core.trees import add_scaled, dot, near_one, scaled
from jaxnet.core.types import Array
from jaxnet.optim.second_order.wolfe import Line, Point, search_strong_wolfe
from jaxnet.optim.update_rule.factory import factory
from jaxnet.optim.update_rule.rule import increment, transformation


class LineSearchState(NamedTuple):
    """State of a line search, for monitoring.

    Attributes:
        count: finished searches, int32.
        step_size: ``alpha`` of the last.
        evaluations: how often the last evaluated the risk.
    """

    count: Array
    step_size: Array
    evaluations: Array

    __repr__ = represent


Search: TypeAlias = Callable[[Line], tuple[Array, Array]]
"""``line -> (alpha, evaluations)``."""


RANGES = {"c1": "(0, 1)", "decay": "(0, 1)", "tolerance_change": "[0, inf)"}


@factory
@checked(RANGES)
def backtracking(
    *, decay: float = 0.5, c1: float = 1e-4, max_steps: int = 30
) -> optax.GradientTransformationExtraArgs:
    """Shorten the step until the risk falls enough: Armijo's condition.

    ``alpha = 1, decay, decay^2, ...`` until ``phi(alpha) <= phi(0) + c1 alpha phi'(0)``. If none
    of them will do the step is 0, so that the risk never rises.

    Numerics: the condition leaves 2 units of rounding of ``phi(0)``: without, a search would stop
    where the decrease is lost in the risk, at half of the digits of the weights.

    Args:
        decay: the factor, in (0, 1).
        c1: share of the decrease that the slope promises, in (0, 1).
        max_steps: how often to shorten it at most.

    Raises:
        ValueError: if an argument is out of its range.

    Source: Armijo 1966; Nocedal and Wright 2006, algorithm 3.1.

    >>> parabola = lambda w: 3.0 * w**2
    >>> search, w = backtracking(), jnp.array(1.0)
    >>> extra = dict(value=parabola(w), grad=6 * w, value_fn=parabola)
    >>> float(search.update(-6 * w, search.init(w), w, **extra)[0])  # shortened twice
    -1.5
    """
    check_count("max_steps", max_steps)
    return _transformation(lambda line: _backtrack(line, line.first, decay, c1, max_steps))


@factory
@checked(RANGES)
def newton_raphson(
    *, iterations: int = 1, decay: float = 0.5, c1: float = 1e-4, max_steps: int = 30
) -> optax.GradientTransformationExtraArgs:
    """Find the zero of the slope along the line by Newton's method; exact on a quadratic.

    ``alpha <- alpha - phi'(alpha) / phi''(alpha)``, from 0, and `backtracking` from there. Where
    the curvature is not positive, it starts from 1.

    Args:
        iterations: of Newton's method; 1 is enough for a quadratic.
        decay: as in `backtracking`.
        c1: as in `backtracking`.
        max_steps: as in `backtracking`.

    Raises:
        ValueError: if an argument is out of its range.

    Source: Shewchuk 1994, section 14.

    >>> parabola = lambda w: 3.0 * w**2
    >>> search, w = newton_raphson(), jnp.array(1.0)
    >>> extra = dict(value=parabola(w), grad=6 * w, value_fn=parabola)
    >>> float(search.update(-6 * w, search.init(w), w, **extra)[0])
    -1.0
    """
    check_count("iterations", iterations)
    check_count("max_steps", max_steps)

    def search(line: Line) -> tuple[Array, Array]:
        def improve(_: Any, alpha: Array) -> Array:
            one = jnp.ones_like(alpha)
            slope, curvature = jax.jvp(lambda a: line.at(a).slope, (alpha,), (one,))
            convex = curvature > 0
            newton = alpha - slope / jnp.where(convex, curvature, one)
            return jnp.where(convex & (newton > 0), newton, line.first)

        alpha = jax.lax.fori_loop(0, iterations, improve, line.start.alpha)
        alpha, evaluations = _backtrack(line, alpha, decay, c1, max_steps)
        return alpha, evaluations + jnp.int32(iterations)

    return _transformation(search)


@factory
@checked(RANGES)
def strong_wolfe(
    *, c1: float = 1e-4, c2: float = 0.9, max_steps: int = 25, tolerance_change: float = 1e-9
) -> optax.GradientTransformationExtraArgs:
    """Find a step after which the risk has fallen enough and the slope is flat enough.

    ``phi(alpha) <= phi(0) + c1 alpha phi'(0)`` and ``|phi'(alpha)| <= c2 |phi'(0)|``, the strong
    Wolfe conditions: with them ``y^T s > 0``, which `lbfgs` needs. First the step grows until it
    brackets such a point, then the bracket shrinks, each by cubic interpolation.

    Equal to the search of ``torch.optim.LBFGS(line_search_fn="strong_wolfe")``, except that where
    the risk is not finite the bracket is halved.

    Args:
        c1: share of the decrease that the slope promises, in (0, 1).
        c2: what may be left of the slope, in (c1, 1); 0.9 for (quasi-)Newton methods, 0.1 for
            nonlinear conjugate gradients.
        max_steps: of growing and shrinking, at most; after those the lowest point found is taken.
        tolerance_change: a bracket in which no parameter changes by more ends the search.

    Raises:
        ValueError: if an argument is out of its range.

    Source: Nocedal and Wright 2006, algorithms 3.5 and 3.6.

    >>> parabola = lambda w: 3.0 * w**2
    >>> search, w = strong_wolfe(), jnp.array(1.0)
    >>> extra = dict(value=parabola(w), grad=6 * w, value_fn=parabola)
    >>> float(search.update(-6 * w, search.init(w), w, **extra)[0].round(4))
    -1.0
    """
    check_scalar("c2", c2, low=c1, high=1.0, low_open=True, high_open=True)
    check_count("max_steps", max_steps)
    return _transformation(
        lambda line: search_strong_wolfe(line, c1, c2, max_steps, tolerance_change)
    )


def _backtrack(
    line: Line, first: Array, decay: float, c1: float, max_steps: int
) -> tuple[Array, Array]:
    rounding = 2 * jnp.finfo(line.first.dtype).eps * jnp.abs(line.start.value)

    def too_high(alpha: Array) -> Array:
        bound = line.start.value + c1 * alpha * line.start.slope + rounding
        return ~(line.value(alpha) <= bound)  # a risk that is NaN is too high

    def going(carry: tuple[Array, Array, Array]) -> Array:
        _, high, tried = carry
        return high & (tried <= max_steps)

    def shorten(carry: tuple[Array, Array, Array]) -> tuple[Array, Array, Array]:
        alpha, _, tried = carry
        alpha = decay * alpha
        return alpha, too_high(alpha), tried + jnp.int32(1)

    carry = (first, too_high(first), jnp.int32(1))
    alpha, high, tried = jax.lax.while_loop(going, shorten, carry)
    return jnp.where(high, jnp.zeros_like(alpha), alpha), tried


def _transformation(search: Search) -> optax.GradientTransformationExtraArgs:
    """Return the transformation that scales a step by the result of a search."""

    def init(params: Any) -> LineSearchState:
        del params
        return LineSearchState(jnp.int32(0), jnp.ones(()), jnp.int32(0))

    def update(
        updates: Any, state: Any, params: Any = None, **extra: Any
    ) -> tuple[Any, LineSearchState]:
        value_fn = extra["value_fn"]
        value = jnp.asarray(extra["value"])
        # the scale of the step goes from it to alpha, so that slopes and curvatures exist
        updates, scale = near_one(updates)
        slope = dot(extra["grad"], updates).astype(value.dtype)
        size = jnp.stack([jnp.max(jnp.abs(leaf), initial=0.0) for leaf in jax.tree.leaves(updates)])
        line = Line(
            lambda alpha: value_fn(add_scaled(params, alpha, updates)).astype(value.dtype),
            Point(jnp.zeros_like(value), value, slope),
            (1 / scale).astype(value.dtype),
            jnp.max(size).astype(value.dtype),
        )
        alpha, evaluations = search(line)
        alpha = jnp.where(slope < 0, alpha, jnp.zeros_like(alpha))
        kept = alpha.astype(state.step_size.dtype) * scale.astype(state.step_size.dtype)
        return scaled(alpha, updates), LineSearchState(increment(state.count), kept, evaluations)

    return transformation(init, update, needs=("value", "grad", "value_fn"))
