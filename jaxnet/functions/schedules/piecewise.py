"""Piecewise constant and interpolated schedules, and one-cycle schedules."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, NamedTuple

import jax.numpy as jnp

from jaxnet.core.checks import (
    LARGEST,
    check_choice,
    check_count,
    check_range,
    check_ranges,
    checked,
)
from jaxnet.core.types import Array
from jaxnet.functions.schedules.counts import (
    RANGES,
    SHAPES,
    Number,
    Schedule,
    Shape,
    as_float,
    as_scalar,
    blend,
    from_rate,
)

Like = Literal["optax", "torch"]


@checked(RANGES)
def piecewise_constant(init_value: Number, boundaries_and_scales: Mapping[int, Number]) -> Schedule:
    """A rate that is multiplied by a scale at each boundary, and constant between them.

    ``rate = init prod_{b_i <= t} scale_i``. Equal to ``optax.piecewise_constant_schedule`` and
    to PyTorch's ``MultiStepLR``, whose ``gamma`` is every scale. Keras's
    ``PiecewiseConstantDecay`` changes one step later, where ``b_i < t``: its boundary ``b`` is
    ``b + 1`` here; and it is given the values themselves, not their quotients.

    Args:
        init_value: the first rate, 0 or more.
        boundaries_and_scales: count, 0 or more -> factor from that count on, 0 or more. The counts
            are integers; none may come from a trace.

    Raises:
        ValueError: if an argument given as a number is out of its range.

    >>> schedule = piecewise_constant(1.0, {2: 0.5, 4: 0.5})
    >>> [float(schedule(count)) for count in (0, 1, 2, 3, 4)]
    [1.0, 1.0, 0.5, 0.5, 0.25]
    """
    points, values = _points(init_value, boundaries_and_scales)

    def rate(t: Array) -> Array:
        value = as_float(init_value)
        for point, following in zip(points[1:], values[1:], strict=True):
            value = jnp.where(t >= point, following, value)
        return value

    return from_rate(rate)


@checked(RANGES)
def piecewise_interpolate(
    interpolate_type: Literal["linear", "cosine"],
    init_value: Number,
    boundaries_and_scales: Mapping[int, Number],
) -> Schedule:
    """A rate that is multiplied by a scale from each boundary to the next, gradually.

    At the boundaries it is that of `piecewise_constant`; between two of them, with the rates ``a``
    and ``b``, it goes along a straight line, ``rate = a + (b - a) u``, or half a cosine,
    ``rate = a + (b - a) (1 - cos(pi u)) / 2``, where ``u`` goes from 0 to 1. Equal to
    ``optax.piecewise_interpolate_schedule``.

    Args:
        interpolate_type: the way from one boundary to the next.
        init_value: the first rate, 0 or more.
        boundaries_and_scales: count, 0 or more -> factor gained when that count is reached, 0 or
            more. The counts are integers; none may come from a trace.

    Raises:
        ValueError: if an argument given as a number is out of its range, or for another type of
            interpolation.

    >>> schedule = piecewise_interpolate("linear", 1.0, {2: 0.5, 4: 4.0})
    >>> [float(schedule(count)) for count in (0, 1, 2, 3, 4, 5)]
    [1.0, 0.75, 0.5, 1.25, 2.0, 2.0]
    """
    shape = check_choice("interpolate_type", interpolate_type, SHAPES)
    points, values = _points(init_value, boundaries_and_scales)
    return from_rate(lambda t: _along(t, shape, points, values, "next"))


@checked(RANGES)
def linear_onecycle(
    transition_steps: int,
    peak_value: Number,
    *,
    pct_start: float = 0.3,
    pct_final: float | None = 0.85,
    div_factor: Number = 25.0,
    final_div_factor: Number = 1e4,
    like: Like = "optax",
) -> Schedule:
    """One cycle along straight lines: up to a peak, down to the start, and down to the end.

    Through ``peak / d`` at 0, ``peak`` at ``T pct_start``, ``peak / d`` at ``T pct_final`` and
    ``peak / (d f)`` at ``T``, where ``d`` and ``f`` are ``div_factor`` and ``final_div_factor``.

    How the conventions of ``like`` differ:

    - optax: ``optax.linear_onecycle_schedule``; the counts are rounded down. (Its docstring has
      ``peak / f`` for the end.)
    - torch: ``OneCycleLR`` with ``anneal_strategy="linear"`` has the last of ``T`` steps, at count
      ``T - 1``, at the end, and the phases end at ``T pct_start - 1``, ``T pct_final - 2`` and
      ``T - 1``, without rounding. ``three_phase=True`` means ``pct_final = 2 pct_start``;
      without it, ``pct_final=None``. It refuses counts above ``T``, and a first phase that ends
      at count 0 divides 0 by 0 (pytorch pull request 180187); here the cycle starts at the peak.
      Where the count ``T - 1`` ends an earlier phase, too, as for ``pct_start=1``, that phase's
      last rate is the last of the cycle.

    Args:
        transition_steps: ``T``, the steps of the cycle, 1 to 2^31 - 1; no array.
        peak_value: the highest rate, 0 or more.
        pct_start: the fraction, no percentage, of the steps until the peak, in [0, 1].
        pct_final: the fraction of the steps until the start's rate is reached again, from
            ``pct_start`` to 1; None to go from the peak to the end at once.
        div_factor: ``d``, above 0.
        final_div_factor: ``f``, above 0.
        like: whose convention to follow.

    Raises:
        ValueError: if an argument given as a number is out of its range.

    Source: Smith and Topin 2019, section 3; there the momentum falls as the rate rises.

    >>> schedule = linear_onecycle(10, 1.0, pct_start=0.5, pct_final=1.0, div_factor=5.0)
    >>> [round(float(schedule(count)), 2) for count in (0, 1, 5, 9)]
    [0.2, 0.36, 1.0, 0.36]
    """
    factors = div_factor, final_div_factor
    cycle = "linear", transition_steps, peak_value
    return _onecycle(*cycle, pct_start, pct_final, *factors, like)


@checked(RANGES)
def cosine_onecycle(
    transition_steps: int,
    peak_value: Number,
    *,
    pct_start: float = 0.3,
    pct_final: float | None = None,
    div_factor: Number = 25.0,
    final_div_factor: Number = 1e4,
    like: Like = "optax",
) -> Schedule:
    """One cycle along half cosines: up to a peak, and down to the end.

    `linear_onecycle` with half cosines between the same points, by default without the third phase:
    from ``a`` to ``b``, ``rate = a + (b - a) (1 - cos(pi u)) / 2``. Equal to
    ``optax.cosine_onecycle_schedule``, and under ``like="torch"`` to PyTorch's ``OneCycleLR``; they
    differ as described there.

    Args:
        transition_steps: ``T``, the steps of the cycle, 1 to 2^31 - 1; no array.
        peak_value: the highest rate, 0 or more.
        pct_start: the fraction of the steps until the peak, in [0, 1].
        pct_final: the fraction of the steps until the start's rate is reached again, from
            ``pct_start`` to 1; None to go from the peak to the end at once.
        div_factor: the peak divided by the first rate, above 0.
        final_div_factor: the first rate divided by the last, above 0.
        like: whose convention to follow.

    Raises:
        ValueError: if an argument given as a number is out of its range.

    Source: Smith and Topin 2019, section 3.

    >>> schedule = cosine_onecycle(10, 1.0, pct_start=0.5, div_factor=5.0)
    >>> [round(float(schedule(count)), 2) for count in (0, 1, 5, 9)]
    [0.2, 0.28, 1.0, 0.1]
    """
    factors = div_factor, final_div_factor
    cycle = "cosine", transition_steps, peak_value
    return _onecycle(*cycle, pct_start, pct_final, *factors, like)


Turn = Literal["last", "next"]
"""Which of two phases a count belongs to at which one ends and the next begins."""


def _ends_optax(steps: int, fractions: Sequence[float]) -> Sequence[float]:
    return [int(fraction * steps) for fraction in fractions] + [steps]


def _ends_torch(steps: int, fractions: Sequence[float]) -> Sequence[float]:
    inner = [fraction * steps - phase for phase, fraction in enumerate(fractions, 1)]
    return [*inner, steps - 1]


class _Convention(NamedTuple):
    ends: Callable[[int, Sequence[float]], Sequence[float]]  # of the phases, in counts
    turn: Turn


CONVENTIONS = {
    "optax": _Convention(_ends_optax, "next"),
    "torch": _Convention(_ends_torch, "last"),
}


def _onecycle(
    shape: str,
    steps: int,
    peak: Number,
    pct_start: float,
    pct_final: float | None,
    div_factor: Number,
    final_div_factor: Number,
    like: str,
) -> Schedule:
    """Return one cycle, of `linear_onecycle` or `cosine_onecycle`."""
    check_count("transition_steps", steps)
    if pct_final is not None:
        check_range("pct_final", pct_final, low=pct_start, high=1.0)
    convention = check_choice("like", like, CONVENTIONS)
    first = as_scalar(peak) / as_scalar(div_factor)
    last = first / as_scalar(final_div_factor)
    inner = [pct_start] if pct_final is None else [pct_start, pct_final]
    points = [0, *convention.ends(steps, inner)]
    values = [first, peak, first, last] if len(inner) == 2 else [first, peak, last]
    return from_rate(lambda t: _along(t, SHAPES[shape], points, values, convention.turn))


def _points(
    init_value: Number, boundaries_and_scales: Mapping[int, Number]
) -> tuple[list[float], list[Any]]:
    """Return the counts, from 0 on, and the rates at them."""
    points: list[float] = [0]
    values = [as_scalar(init_value)]
    for boundary, scale in sorted(boundaries_and_scales.items()):
        check_range("boundaries", check_count("boundaries", boundary, minimum=0), high=LARGEST)
        check_ranges(RANGES, scales=scale)
        points.append(boundary)
        values.append(values[-1] * as_scalar(scale))
    return points, values


def _along(
    t: Array, shape: Shape, points: Sequence[float], values: Sequence[Number], turn: Turn
) -> Array:
    """Return the rate at ``t`` on the way through the values, held after the last.

    A phase without length is a jump to its end: at its count, unless that is the last one's.

    Args:
        t: the count.
        shape: the way from one value to the next.
        points: counts, the first and the last whole numbers, in between rising.
        values: the rates there.
        turn: which phase a count belongs to that is the end of one and the start of the next.
    """
    t = jnp.minimum(t, int(points[-1]))
    rate = None
    phases = [*zip(points[:-1], points[1:], values[:-1], values[1:], strict=True)]
    for begin, end, first, last in reversed(phases):
        length = end - begin
        if length > 0:
            remaining = jnp.clip(-_since(t, end), 0, length)
            # in less than a step, a difference of fractions has few digits
            done = length - remaining if length < 1 else jnp.clip(_since(t, begin), 0, length)
            here = blend(shape, first, last, done, remaining, length)
        else:
            here = as_float(last)
        until = math.floor(end) if turn == "last" else math.ceil(end) - 1
        rate = here if rate is None else jnp.where(t <= until, here, rate)
    return as_float(values[-1]) if rate is None else rate


def _since(t: Array, point: float) -> Array:
    """Return ``t - point``, of the whole parts in integers."""
    floor = max(math.floor(point), 0)  # t + 1 may be no count
    return as_float(t - floor) - (point - floor)
