"""Line search by the strong Wolfe conditions."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxnet.core.norms import unit_scale
from jaxnet.core.trees import select
from jaxnet.core.types import Array


class Point(NamedTuple):
    """A point of the line: ``alpha``, ``phi(alpha)`` and ``phi'(alpha)``."""

    alpha: Array
    value: Array
    slope: Array


class Line(NamedTuple):
    """The risk along a direction.

    Attributes:
        value: ``alpha -> phi(alpha)``.
        start: the point at 0.
        first: the step to try first.
        size: how far the parameter that moves most moves for ``alpha`` 1.
    """

    value: Callable[[Array], Array]
    start: Point
    first: Array
    size: Array

    def at(self, alpha: Array) -> Point:
        """Evaluate the line and its slope, in one pass forward."""
        return Point(alpha, *jax.jvp(self.value, (alpha,), (jnp.ones_like(alpha),)))


class _Growth(NamedTuple):
    """State of the growth phase: the last two points, the next step, and whether it ended."""

    previous: Point
    last: Point
    alpha: Array
    tried: Array
    bracketed: Array
    satisfied: Array


class _Bracket(NamedTuple):
    """State of the shrinking phase: the ends of the bracket of lower and of higher risk."""

    low: Point
    high: Point
    crawls: Array
    tried: Array
    satisfied: Array


def search_strong_wolfe(
    line: Line, c1: float, c2: float, max_steps: int, tolerance_change: float
) -> tuple[Array, Array]:
    """Return the step and the number of evaluations; see `strong_wolfe` for the arguments."""
    growth = _grow(line, c1, c2, max_steps)
    exhausted = ~(growth.bracketed | growth.satisfied)
    near = select(exhausted, line.start, growth.previous)
    near = select(growth.satisfied, growth.last, near)
    bracket = _ordered(near, growth.last, growth)
    bracket = _shrink(line, bracket, c1, c2, max_steps, tolerance_change)
    return bracket.low.alpha, bracket.tried + jnp.int32(1)


def _grow(line: Line, c1: float, c2: float, max_steps: int) -> _Growth:
    """Lengthen the step until a point satisfies both conditions, or two bracket such a point."""

    def going(growth: _Growth) -> Array:
        return ~growth.bracketed & ~growth.satisfied & (growth.tried <= max_steps)

    def lengthen(growth: _Growth) -> _Growth:
        previous, point = growth.last, line.at(growth.alpha)
        # minFunc and PyTorch compare with the point before only from the third trial on
        rises = (growth.tried > 1) & (point.value >= previous.value)
        high = _too_high(line, point, c1) | rises
        flat = ~high & _is_flat(line, point, c2)
        counts = growth.tried < max_steps  # the last point is not judged any more
        alpha = point.alpha
        lowest = alpha + 0.01 * (alpha - previous.alpha)
        longer = _cubic_minimum(previous, point, lowest, 10 * alpha)
        bracketed = counts & (high | (~flat & (point.slope >= 0)))
        satisfied = counts & flat
        tried = growth.tried + (~(bracketed | satisfied)).astype(jnp.int32)
        return _Growth(previous, point, longer, tried, bracketed, satisfied)

    no = jnp.zeros((), bool)
    return jax.lax.while_loop(
        going, lengthen, _Growth(line.start, line.start, line.first, jnp.int32(0), no, no)
    )


def _shrink(
    line: Line, bracket: _Bracket, c1: float, c2: float, max_steps: int, tolerance_change: float
) -> _Bracket:
    """Shrink the bracket until its low end satisfies both conditions."""

    def going(bracket: _Bracket) -> Array:
        width = jnp.abs(bracket.high.alpha - bracket.low.alpha) * line.size
        return ~bracket.satisfied & (bracket.tried < max_steps) & (width >= tolerance_change)

    def shrink(bracket: _Bracket) -> _Bracket:
        low, high = bracket.low, bracket.high
        alpha, crawls = _trial(bracket)
        point = line.at(alpha)
        fails = _too_high(line, point, c1) | (point.value >= low.value)
        satisfied = ~fails & _is_flat(line, point, c2)
        beyond = point.slope * (high.alpha - low.alpha) >= 0
        lower = ~fails | (point.value < low.value)
        other = select(beyond & ~satisfied | fails, low, high)
        new_high = select(lower, other, point)
        return _Bracket(
            select(lower, point, low), new_high, crawls, bracket.tried + jnp.int32(1), satisfied
        )

    return jax.lax.while_loop(going, shrink, bracket)


def _ordered(a: Point, b: Point, growth: _Growth) -> _Bracket:
    ordered = ~(b.value < a.value)  # a risk that is NaN is the higher
    low, high = select(ordered, a, b), select(ordered, b, a)
    return _Bracket(low, high, jnp.zeros((), bool), growth.tried, growth.satisfied)


def _trial(bracket: _Bracket) -> tuple[Array, Array]:
    """Return the next step, a tenth of the bracket off its ends if it converges slowly."""
    left = jnp.minimum(bracket.low.alpha, bracket.high.alpha)
    right = jnp.maximum(bracket.low.alpha, bracket.high.alpha)
    alpha = _cubic_minimum(bracket.low, bracket.high, left, right)
    margin = 0.1 * (right - left)
    near = jnp.minimum(right - alpha, alpha - left) < margin
    pushed = near & (bracket.crawls | (alpha >= right) | (alpha <= left))
    inside = jnp.where(right - alpha < alpha - left, right - margin, left + margin)
    return jnp.where(pushed, inside, alpha), near & ~pushed


def _cubic_minimum(a: Point, b: Point, lowest: Array, highest: Array) -> Array:
    """Return where the cubic through two points with their slopes is least, within bounds.

    In the middle of the bounds where the cubic has no minimum, or the risk is not finite.
    Source: Nocedal and Wright 2006, equation 3.59.
    """
    ordered = a.alpha <= b.alpha
    left, right = select(ordered, a, b), select(ordered, b, a)
    width = right.alpha - left.alpha
    d1 = left.slope + right.slope - 3 * (left.value - right.value) / (left.alpha - right.alpha)
    # only their quotients count, and their squares exist near 1
    scale = unit_scale(jnp.max(jnp.abs(jnp.stack([d1, left.slope, right.slope]))))
    d1, first, last = scale * d1, scale * left.slope, scale * right.slope
    square = d1 * d1 - first * last
    d2 = jnp.sqrt(jnp.maximum(square, 0))
    least = right.alpha - width * (last + d2 - d1) / (last - first + 2 * d2)
    found = (square >= 0) & jnp.isfinite(least)
    return jnp.where(found, jnp.clip(least, lowest, highest), (lowest + highest) / 2)


def _too_high(line: Line, point: Point, c1: float) -> Array:
    bound = line.start.value + c1 * point.alpha * line.start.slope
    return ~(point.value <= bound)  # a risk that is NaN is too high


def _is_flat(line: Line, point: Point, c2: float) -> Array:
    return jnp.abs(point.slope) <= -c2 * line.start.slope
